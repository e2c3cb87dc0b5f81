//! The command line's side of D-Bus.

use anyhow::{Result, anyhow};
use std::collections::HashMap;
use zbus::fdo;
use zbus::proxy;
use zbus::zvariant::{OwnedValue, Value};

#[proxy(
    interface = "org.vasacamera.VasaCamera1",
    default_service = "org.vasacamera.VasaCamera1",
    default_path = "/org/vasacamera/VasaCamera1",
    gen_blocking = false
)]
pub trait Camera {
    #[zbus(property(emits_changed_signal = "false"))]
    fn version(&self) -> zbus::Result<String>;
    #[zbus(property(emits_changed_signal = "false"))]
    fn state(&self) -> zbus::Result<String>;
    #[zbus(property(emits_changed_signal = "false"))]
    fn input(&self) -> zbus::Result<String>;
    #[zbus(property)]
    fn set_input(&self, value: &str) -> zbus::fdo::Result<()>;
    #[zbus(property(emits_changed_signal = "false"))]
    fn muted(&self) -> zbus::Result<bool>;
    #[zbus(property)]
    fn set_muted(&self, value: bool) -> zbus::fdo::Result<()>;
    #[zbus(property(emits_changed_signal = "false"))]
    fn camera_on(&self) -> zbus::Result<bool>;
    #[zbus(property)]
    fn set_camera_on(&self, value: bool) -> zbus::fdo::Result<()>;
    #[zbus(property(emits_changed_signal = "false"))]
    fn outlets(&self) -> zbus::Result<Vec<(String, String, u32)>>;
    #[zbus(property(emits_changed_signal = "false"))]
    fn microphone_in_use(&self) -> zbus::Result<bool>;
    #[zbus(property(emits_changed_signal = "false"))]
    fn problems(&self) -> zbus::Result<Vec<String>>;
    #[zbus(property(emits_changed_signal = "false"))]
    fn stats(&self) -> zbus::Result<HashMap<String, OwnedValue>>;
    #[zbus(no_autostart)]
    fn quit(&self) -> zbus::Result<()>;
}

#[proxy(
    interface = "org.vasacamera.VasaCamera1.Profiles",
    default_service = "org.vasacamera.VasaCamera1",
    default_path = "/org/vasacamera/VasaCamera1",
    gen_blocking = false
)]
pub trait Profiles {
    #[zbus(property(emits_changed_signal = "false"))]
    fn available(&self) -> zbus::Result<Vec<(String, String, String)>>;
    #[zbus(property(emits_changed_signal = "false"))]
    fn active(&self) -> zbus::Result<String>;
    #[zbus(property(emits_changed_signal = "false"))]
    fn intensity(&self) -> zbus::Result<f64>;
    #[zbus(property)]
    fn set_intensity(&self, value: f64) -> zbus::fdo::Result<()>;
    fn activate(&self, name: &str, intensity: f64, transition_ms: u32) -> zbus::Result<()>;
    fn gesture(&self, name: &str) -> zbus::Result<()>;
}

#[proxy(
    interface = "org.vasacamera.VasaCamera1.Face",
    default_service = "org.vasacamera.VasaCamera1",
    default_path = "/org/vasacamera/VasaCamera1",
    gen_blocking = false
)]
pub trait Face {
    #[zbus(property(emits_changed_signal = "false"))]
    fn emotion(&self) -> zbus::Result<HashMap<String, f64>>;
    #[zbus(property)]
    fn set_emotion(&self, value: HashMap<&str, f64>) -> zbus::fdo::Result<()>;
    #[zbus(property(emits_changed_signal = "false"))]
    fn gaze(&self) -> zbus::Result<(bool, f64, f64)>;
    #[zbus(property)]
    fn set_gaze(&self, value: (bool, f64, f64)) -> zbus::fdo::Result<()>;
    #[zbus(property(emits_changed_signal = "false"))]
    fn head_pose(&self) -> zbus::Result<(f64, f64, f64)>;
    #[zbus(property)]
    fn set_head_pose(&self, value: (f64, f64, f64)) -> zbus::fdo::Result<()>;
    #[zbus(property(emits_changed_signal = "false"))]
    fn distance(&self) -> zbus::Result<f64>;
    #[zbus(property)]
    fn set_distance(&self, value: f64) -> zbus::fdo::Result<()>;
    #[zbus(property(emits_changed_signal = "false"))]
    fn current(&self) -> zbus::Result<HashMap<String, f64>>;
}

#[proxy(
    interface = "org.vasacamera.VasaCamera1.Speech",
    default_service = "org.vasacamera.VasaCamera1",
    default_path = "/org/vasacamera/VasaCamera1",
    gen_blocking = false
)]
pub trait Speech {
    fn say(&self, text: &str, options: HashMap<&str, Value<'_>>) -> zbus::Result<u64>;
    fn stop(&self) -> zbus::Result<()>;
    #[zbus(property(emits_changed_signal = "false"))]
    fn speaking(&self) -> zbus::Result<bool>;
    #[zbus(property(emits_changed_signal = "false"))]
    fn voice(&self) -> zbus::Result<String>;
    #[zbus(property(emits_changed_signal = "false"))]
    fn composing(&self) -> zbus::Result<bool>;
    #[zbus(property)]
    fn set_composing(&self, value: bool) -> zbus::fdo::Result<()>;
    #[zbus(signal)]
    fn utterance_finished(&self, id: u64, completed: bool) -> zbus::Result<()>;
    #[zbus(signal)]
    fn caption(&self, text: &str, is_final: bool) -> zbus::Result<()>;
}

#[proxy(
    interface = "org.vasacamera.VasaCamera1.Microphone",
    default_service = "org.vasacamera.VasaCamera1",
    default_path = "/org/vasacamera/VasaCamera1",
    gen_blocking = false
)]
pub trait Microphone {
    #[zbus(property(emits_changed_signal = "false"))]
    fn offered(&self) -> zbus::Result<bool>;
    #[zbus(property(emits_changed_signal = "false"))]
    fn in_use(&self) -> zbus::Result<bool>;
    #[zbus(property(emits_changed_signal = "false"))]
    fn monitor(&self) -> zbus::Result<bool>;
}

#[proxy(
    interface = "org.vasacamera.VasaCamera1.Listening",
    default_service = "org.vasacamera.VasaCamera1",
    default_path = "/org/vasacamera/VasaCamera1",
    gen_blocking = false
)]
pub trait Listening {
    #[zbus(property(emits_changed_signal = "false"))]
    fn captions(&self) -> zbus::Result<bool>;
    #[zbus(property)]
    fn set_captions(&self, value: bool) -> zbus::fdo::Result<()>;
    #[zbus(property(emits_changed_signal = "false"))]
    fn subtitles(&self) -> zbus::Result<bool>;
    #[zbus(property)]
    fn set_subtitles(&self, value: bool) -> zbus::fdo::Result<()>;
    #[zbus(property(emits_changed_signal = "false"))]
    fn language(&self) -> zbus::Result<String>;
    #[zbus(property(emits_changed_signal = "false"))]
    fn words(&self) -> zbus::Result<Vec<String>>;
    #[zbus(property)]
    fn set_words(&self, value: &[&str]) -> zbus::fdo::Result<()>;
    #[zbus(property(emits_changed_signal = "false"))]
    fn revoice_mode(&self) -> zbus::Result<String>;
    #[zbus(property)]
    fn set_revoice_mode(&self, value: &str) -> zbus::fdo::Result<()>;
    #[zbus(property)]
    fn pending(&self) -> zbus::Result<Vec<(u64, String)>>;
    fn accept(&self, id: u64, text: &str) -> zbus::Result<()>;
    fn reject(&self, id: u64) -> zbus::Result<()>;
}

#[proxy(
    interface = "org.vasacamera.VasaCamera1.Avatars",
    default_service = "org.vasacamera.VasaCamera1",
    default_path = "/org/vasacamera/VasaCamera1",
    gen_blocking = false
)]
pub trait Avatars {
    #[zbus(property(emits_changed_signal = "false"))]
    fn active(&self) -> zbus::Result<String>;
    #[zbus(property)]
    fn set_active(&self, value: &str) -> zbus::fdo::Result<()>;
    #[zbus(property(emits_changed_signal = "false"))]
    fn background(&self) -> zbus::Result<String>;
    #[zbus(property)]
    fn set_background(&self, value: &str) -> zbus::fdo::Result<()>;
}

#[proxy(
    interface = "org.vasacamera.VasaCamera1.Mirror",
    default_service = "org.vasacamera.VasaCamera1",
    default_path = "/org/vasacamera/VasaCamera1",
    gen_blocking = false
)]
pub trait Mirror {
    #[zbus(property(emits_changed_signal = "false"))]
    fn on(&self) -> zbus::Result<bool>;
    #[zbus(property)]
    fn set_on(&self, value: bool) -> zbus::fdo::Result<()>;
    #[zbus(property(emits_changed_signal = "false"))]
    fn state(&self) -> zbus::Result<String>;
    #[zbus(property(emits_changed_signal = "false"))]
    fn camera_in_use(&self) -> zbus::Result<bool>;
    #[zbus(property(emits_changed_signal = "false"))]
    fn camera(&self) -> zbus::Result<String>;
    #[zbus(property)]
    fn set_camera(&self, value: &str) -> zbus::fdo::Result<()>;
    #[zbus(property)]
    fn set_preview(&self, value: bool) -> zbus::fdo::Result<()>;
    #[zbus(property(emits_changed_signal = "false"))]
    fn person(&self) -> zbus::Result<String>;
    #[zbus(property)]
    fn set_person(&self, value: &str) -> zbus::fdo::Result<()>;
    #[zbus(property(emits_changed_signal = "false"))]
    fn calibrated(&self) -> zbus::Result<Vec<String>>;
    #[zbus(property(emits_changed_signal = "false"))]
    fn parts(&self) -> zbus::Result<HashMap<String, String>>;
    #[zbus(property)]
    fn set_parts(&self, value: HashMap<&str, &str>) -> zbus::fdo::Result<()>;
    #[zbus(property(emits_changed_signal = "false"))]
    fn gains(&self) -> zbus::Result<HashMap<String, f64>>;
    #[zbus(property)]
    fn set_gains(&self, value: HashMap<String, f64>) -> zbus::fdo::Result<()>;
    #[zbus(property(emits_changed_signal = "false"))]
    fn weak_side(&self) -> zbus::Result<String>;
    #[zbus(property)]
    fn set_weak_side(&self, value: &str) -> zbus::fdo::Result<()>;
    #[zbus(property(emits_changed_signal = "false"))]
    fn steady(&self) -> zbus::Result<HashMap<String, f64>>;
    #[zbus(property)]
    fn set_steady(&self, value: HashMap<String, f64>) -> zbus::fdo::Result<()>;
    #[zbus(property(emits_changed_signal = "false"))]
    fn seen(&self) -> zbus::Result<HashMap<String, f64>>;
    fn list_cameras(&self) -> zbus::Result<Vec<(String, String, String)>>;
    fn calibrate(&self, pose: &str) -> zbus::Result<()>;
    fn forget(&self) -> zbus::Result<()>;
}

/// Whether a daemon runs. It is not started by the question.
pub async fn is_running(connection: &zbus::Connection) -> bool {
    let Ok(bus) = zbus::fdo::DBusProxy::new(connection).await else { return false };
    let Ok(name) = "org.vasacamera.VasaCamera1".try_into() else { return false };
    bus.name_has_owner(name).await.unwrap_or(false)
}

/// Connects to the session bus.
pub async fn connect() -> Result<zbus::Connection> {
    zbus::Connection::session().await.map_err(|e| {
        anyhow!("there is no D-Bus session bus to reach the daemon on ({e}); run this inside your desktop session")
    })
}

/// Turns a D-Bus error into the sentence that it carries, or into how to start the daemon where nobody answered.
pub fn explain(error: zbus::Error) -> anyhow::Error {
    let none =
        || anyhow!("the daemon is not running; start it with `vasa daemon` or `systemctl --user start vasa-camera`");
    let silent = || anyhow!("the daemon stopped before it answered; see its log");
    match &error {
        zbus::Error::MethodError(name, message, _) => match name.as_str() {
            "org.freedesktop.DBus.Error.ServiceUnknown" | "org.freedesktop.DBus.Error.NameHasNoOwner" => none(),
            "org.freedesktop.DBus.Error.NoReply" => silent(),
            _ => anyhow!("{}", message.as_deref().unwrap_or(name.as_str())),
        },
        // What properties answer with.
        zbus::Error::FDO(e) => match &**e {
            fdo::Error::ServiceUnknown(_) | fdo::Error::NameHasNoOwner(_) => none(),
            fdo::Error::NoReply(_) => silent(),
            _ => anyhow!("the daemon could not be reached: {error}"),
        },
        _ => anyhow!("the daemon could not be reached: {error}"),
    }
}
