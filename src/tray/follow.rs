//! The daemon, followed over D-Bus: read whole whenever it says that something changed. Nothing here starts it but [`start`].

use super::menu::Action;
use super::view::{Avatars, Mirror, View};
use anyhow::{Context, Result};
use std::collections::HashMap;
use std::time::Duration;
use zbus::fdo::{DBusProxy, PropertiesProxy};
use zbus::names::{InterfaceName, UniqueName};
use zbus::proxy::CacheProperties;
use zbus::zvariant::{OwnedValue, Value};
use zbus::{Connection, MatchRule, MessageStream};

const NAME: &str = "org.vasacamera.VasaCamera1";
const PATH: &str = "/org/vasacamera/VasaCamera1";

/// A daemon that is busy answers later than this at the next look.
const LIMIT: Duration = Duration::from_secs(5);

/// Messages that tell of a change: of the daemon's properties, and of who owns its name.
pub async fn changes(connection: &Connection) -> Result<(MessageStream, MessageStream)> {
    let properties = MatchRule::builder()
        .msg_type(zbus::message::Type::Signal)
        .sender(NAME)?
        .interface("org.freedesktop.DBus.Properties")?
        .member("PropertiesChanged")?
        .path(PATH)?
        .build();
    let owner = MatchRule::builder()
        .msg_type(zbus::message::Type::Signal)
        .sender("org.freedesktop.DBus")?
        .interface("org.freedesktop.DBus")?
        .member("NameOwnerChanged")?
        .arg(0, NAME)?
        .build();
    let follow = async |rule| MessageStream::for_match_rule(rule, connection, None).await;
    Ok((follow(properties).await.context("error following the daemon")?, follow(owner).await?))
}

/// The daemon as it is now; None where it does not run, or does not answer.
pub async fn read(connection: &Connection) -> Option<View> {
    match tokio::time::timeout(LIMIT, look(connection)).await {
        Ok(Ok(view)) => view,
        Ok(Err(e)) => {
            tracing::debug!("error reading the daemon: {e:?}");
            None
        }
        Err(_) => {
            tracing::debug!("the daemon did not answer");
            None
        }
    }
}

async fn look(connection: &Connection) -> zbus::Result<Option<View>> {
    let bus = DBusProxy::new(connection).await?;
    // Asking the owner by its own name never starts anything.
    let Ok(owner) = bus.get_name_owner(NAME.try_into()?).await else { return Ok(None) };
    let owner: UniqueName<'_> = owner.into_inner();
    let object = PropertiesProxy::builder(connection)
        .destination(owner)?
        .path(PATH)?
        .cache_properties(CacheProperties::No)
        .build()
        .await?;
    let all = async |suffix: &str| -> zbus::Result<Values> {
        let interface = InterfaceName::try_from(format!("{NAME}{suffix}"))?;
        Ok(Values(object.get_all(interface).await?))
    };
    let (camera, profiles, speech) = (all("").await?, all(".Profiles").await?, all(".Speech").await?);
    // An older daemon has no avatars.
    let avatars = all(".Avatars").await.ok();
    let mirror = all(".Mirror").await.ok();
    let readers = camera.get::<Vec<(String, String, u32)>>("Outlets").unwrap_or_default();
    Ok(Some(View {
        state: camera.get("State").unwrap_or_default(),
        muted: camera.get("Muted").unwrap_or_default(),
        camera_on: camera.get("CameraOn").unwrap_or(true),
        readers: readers.iter().map(|(_, _, n)| *n).fold(0, u32::saturating_add),
        microphone_in_use: camera.get("MicrophoneInUse").unwrap_or_default(),
        problems: camera.get("Problems").unwrap_or_default(),
        profiles: profiles.labels(),
        profile: profiles.get("Active").unwrap_or_default(),
        intensity: profiles.get("Intensity").unwrap_or(1.0),
        speaking: speech.get("Speaking").unwrap_or_default(),
        mirror: mirror
            .map(|m| Mirror { on: m.get("On").unwrap_or_default(), open: m.get("CameraInUse").unwrap_or_default() }),
        avatars: avatars.map(|a| Avatars {
            available: a.labels(),
            active: a.get("Active").unwrap_or_default(),
            background: a.get("Background"),
        }),
    }))
}

/// The properties of one interface.
struct Values(HashMap<String, OwnedValue>);

impl Values {
    fn get<T: TryFrom<OwnedValue>>(&self, name: &str) -> Option<T> {
        self.0.get(name).and_then(|v| v.try_clone().ok()).and_then(|v| v.try_into().ok())
    }

    /// What can be chosen, as (name, label).
    fn labels(&self) -> Vec<(String, String)> {
        let all = self.get::<Vec<(String, String, String)>>("Available").unwrap_or_default();
        all.into_iter()
            .map(|(name, label, _)| if label.is_empty() { (name.clone(), name) } else { (name, label) })
            .collect()
    }
}

/// Carries an action out.
///
/// # Errors
/// The daemon's refusal, or that it could not be reached: one sentence.
pub async fn carry_out(connection: &Connection, action: Action) -> Result<(), String> {
    let done = async {
        match action {
            Action::Profile(name) => set(connection, ".Profiles", "Active", name.into()).await,
            Action::Avatar(name) => set(connection, ".Avatars", "Active", name.into()).await,
            Action::Background(value) => set(connection, ".Avatars", "Background", value.into()).await,
            Action::Intensity(x) => set(connection, ".Profiles", "Intensity", x.into()).await,
            Action::Muted(muted) => set(connection, "", "Muted", muted.into()).await,
            Action::CameraOn(on) => set(connection, "", "CameraOn", on.into()).await,
            Action::Mirror(on) => set(connection, ".Mirror", "On", on.into()).await,
            Action::Start => start(connection).await,
            Action::Quit => connection.call_method(Some(NAME), PATH, Some(NAME), "Quit", &()).await.map(drop),
            Action::Close | Action::Host(_) => Ok(()),
        }
    };
    match tokio::time::timeout(LIMIT * 6, done).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(e)) => Err(sentence(&e)),
        Err(_) => Err("the daemon did not answer; see its log".into()),
    }
}

async fn set(connection: &Connection, suffix: &str, property: &str, value: Value<'_>) -> zbus::Result<()> {
    let arguments = (format!("{NAME}{suffix}"), property, value);
    connection.call_method(Some(NAME), PATH, Some("org.freedesktop.DBus.Properties"), "Set", &arguments).await.map(drop)
}

/// Has D-Bus start the daemon.
async fn start(connection: &Connection) -> zbus::Result<()> {
    DBusProxy::new(connection).await?.start_service_by_name(NAME.try_into()?, 0).await?;
    Ok(())
}

fn sentence(error: &zbus::Error) -> String {
    let told = match error {
        zbus::Error::MethodError(name, message, _) => (name.as_str().to_owned(), message.clone()),
        zbus::Error::FDO(e) => match &**e {
            zbus::fdo::Error::ServiceUnknown(m) => {
                ("org.freedesktop.DBus.Error.ServiceUnknown".into(), Some(m.clone()))
            }
            other => (String::new(), Some(other.to_string())),
        },
        other => (String::new(), Some(other.to_string())),
    };
    match told {
        (name, _) if name == "org.freedesktop.DBus.Error.ServiceUnknown" => {
            "D-Bus cannot start the daemon; install the package, or run vasa daemon".into()
        }
        (name, message) => message.unwrap_or(name),
    }
}
