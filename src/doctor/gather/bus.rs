//! The session bus: the daemon's name, the portal, the tray's host. Nothing is started by asking.

use crate::doctor::machine::{Bus, Daemon, Name, Probed};
use std::time::Duration;
use zbus::fdo::DBusProxy;
use zbus::names::BusName;
use zbus::zvariant::OwnedValue;
use zbus::{Connection, Proxy};

const DAEMON: &str = "org.vasacamera.VasaCamera1";
const PORTAL: &str = "org.freedesktop.portal.Desktop";
const TRAY_HOST: &str = "org.kde.StatusNotifierWatcher";

/// For each call.
const LIMIT: Duration = Duration::from_secs(3);

pub fn ask() -> Probed<Bus> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|e| e.to_string())?;
    runtime.block_on(look())
}

async fn within<T, E: std::fmt::Display>(what: &str, call: impl Future<Output = Result<T, E>>) -> Probed<T> {
    match tokio::time::timeout(LIMIT, call).await {
        Ok(answer) => answer.map_err(|e| format!("{what}: {e}")),
        Err(_) => Err(format!("{what} did not answer within {} s", LIMIT.as_secs())),
    }
}

async fn look() -> Probed<Bus> {
    let connection = within("the session bus", Connection::session()).await?;
    let bus = within("the session bus", DBusProxy::new(&connection)).await?;
    let owned = within("the session bus", bus.list_names()).await?;
    let activatable = within("the session bus", bus.list_activatable_names()).await.unwrap_or_default();
    let has = |names: &[zbus::names::OwnedBusName], name: &str| {
        names.iter().any(|n| matches!(&**n, BusName::WellKnown(w) if w.as_str() == name))
    };
    let name = |name: &str| Name { owned: has(&owned, name), activatable: has(&activatable, name) };
    let (daemon, portal) = (name(DAEMON), name(PORTAL));
    Ok(Bus {
        answer: if daemon.owned { Some(within("the daemon", self::daemon(&connection)).await) } else { None },
        portal_camera: if portal.owned { Some(within("the portal", camera(&connection)).await) } else { None },
        tray_host: has(&owned, TRAY_HOST),
        daemon,
        portal,
    })
}

/// A proxy that asks for what it is asked for and keeps nothing.
async fn proxy<'a>(
    connection: &Connection,
    name: &'a str,
    path: &'a str,
    interface: &'a str,
) -> zbus::Result<Proxy<'a>> {
    zbus::proxy::Builder::new(connection)
        .destination(name)?
        .path(path)?
        .interface(interface)?
        .cache_properties(zbus::proxy::CacheProperties::No)
        .build()
        .await
}

async fn daemon(connection: &Connection) -> zbus::Result<Daemon> {
    let daemon = proxy(connection, DAEMON, "/org/vasacamera/VasaCamera1", DAEMON).await?;
    Ok(Daemon {
        version: daemon.get_property("Version").await?,
        state: daemon.get_property("State").await?,
        problems: daemon.get_property("Problems").await?,
    })
}

async fn camera(connection: &Connection) -> zbus::Result<u32> {
    let portal = proxy(connection, PORTAL, "/org/freedesktop/portal/desktop", "org.freedesktop.portal.Camera").await?;
    let version: OwnedValue = portal.get_property("version").await?;
    Ok(u32::try_from(version)?)
}
