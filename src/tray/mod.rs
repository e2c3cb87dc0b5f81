//! `vasa tray`: the icon in the panel. It follows the daemon over D-Bus and asks it for what the user clicks; it owns nothing.

mod follow;
mod icon;
mod menu;
mod view;

use crate::stream::next;
use anyhow::{Context, Result, anyhow};
use ksni::TrayMethods;
use menu::{Action, Item};
use std::pin::Pin;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::unbounded_channel;
use zbus::Connection;
use zbus::export::futures_core::Stream;
use zbus::fdo::{DBusProxy, RequestNameFlags, RequestNameReply};

/// Owned while the icon is there, so that there is one.
const NAME: &str = "org.vasacamera.VasaCamera1.Tray";

/// Who shows icons.
const HOST: &str = "org.kde.StatusNotifierWatcher";

/// Changes come in bursts: what follows one within this is read with it.
const BURST: Duration = Duration::from_millis(30);

/// How often a panel that refused is asked again.
const RETRY: Duration = Duration::from_secs(5);

/// Why there is nothing to see, and what to do about it.
const NO_HOST: &str = "no panel shows tray icons here, so this waits for one; on GNOME install the extension AppIndicator \
    (gnome-shell-extension-appindicator), and everything in the tray is a command too: vasa --help";

/// Shows the icon until it is closed.
///
/// # Errors
/// No session bus.
pub async fn run() -> Result<()> {
    let connection = Connection::session().await.map_err(|e| {
        anyhow!("there is no D-Bus session bus for a tray icon ({e}); run this inside your desktop session")
    })?;
    // Nobody calls this name: it only says that there is an icon.
    let bus = DBusProxy::new(&connection).await.context("error asking the session bus")?;
    let owned = bus.request_name(NAME.try_into()?, RequestNameFlags::DoNotQueue.into()).await;
    match owned.context("error requesting the D-Bus name of the tray")? {
        RequestNameReply::PrimaryOwner | RequestNameReply::AlreadyOwner => (),
        // What was asked for is there.
        RequestNameReply::InQueue | RequestNameReply::Exists => {
            println!("the tray icon of this session is there already");
            return Ok(());
        }
    }
    let (sender, mut actions) = unbounded_channel();
    let (properties, owner) = follow::changes(&connection).await?;
    let (mut properties, mut owner) = (std::pin::pin!(properties), std::pin::pin!(owner));
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hosted = bus.name_has_owner(HOST.try_into()?).await.unwrap_or(false);
    if !hosted {
        println!("{NO_HOST}");
    }
    let icon = loop {
        let item = Item::new(follow::read(&connection).await, sender.clone());
        match item.assume_sni_available(true).spawn().await {
            Ok(icon) => break icon,
            Err(e) => tracing::warn!("the panel did not take the icon: {e}; trying again"),
        }
        tokio::select! {
            () = tokio::time::sleep(RETRY) => (),
            _ = terminate.recv() => return Ok(()),
            _ = interrupt.recv() => return Ok(()),
        }
    };
    loop {
        let refresh = tokio::select! {
            more = either(properties.as_mut(), owner.as_mut()) => {
                // The session is over.
                if !more {
                    break;
                }
                true
            }
            Some(action) = actions.recv() => match action {
                Action::Close => break,
                Action::Host(there) => {
                    if there != hosted {
                        println!("{}", if there { "a panel shows the icon now" } else { NO_HOST });
                    }
                    hosted = there;
                    false
                }
                action => {
                    let trouble = follow::carry_out(&connection, action).await.err();
                    if let Some(trouble) = &trouble {
                        tracing::warn!("{trouble}");
                    }
                    icon.update(|item| item.tell(trouble)).await;
                    true
                }
            },
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
        };
        if refresh {
            while tokio::time::timeout(BURST, either(properties.as_mut(), owner.as_mut())).await.is_ok_and(|more| more)
            {
            }
            let view = follow::read(&connection).await;
            icon.update(|item| item.show(view)).await;
        }
    }
    icon.shutdown().await;
    Ok(())
}

/// Whether there was another message on either.
async fn either<S: Stream>(a: Pin<&mut S>, b: Pin<&mut S>) -> bool {
    tokio::select! {
        x = next(a) => x.is_some(),
        x = next(b) => x.is_some(),
    }
}
