//! The D-Bus service: one interface a file, all on one object (`docs/dbus.xml` is the contract).

mod avatars;
mod camera;
mod error;
mod face;
mod listening;
mod microphone;
mod mirror;
mod profiles;
mod properties;
mod speech;

use super::view::{Handle, View};
use anyhow::{Context, Result, anyhow};
use avatars::AvatarsInterface;
use camera::CameraInterface;
use face::FaceInterface;
use listening::ListeningInterface;
use microphone::MicrophoneInterface;
use mirror::MirrorInterface;
use profiles::ProfilesInterface;
use properties::Properties;
use speech::SpeechInterface;
use zbus::Connection;
use zbus::fdo::{DBusProxy, RequestNameFlags, RequestNameReply};

pub const NAME: &str = "org.vasacamera.VasaCamera1";
pub const PATH: &str = "/org/vasacamera/VasaCamera1";

/// Connects to the session bus, where no other daemon may be.
///
/// # Errors
/// No session bus, or the name is taken by another daemon.
pub async fn connect() -> Result<Connection> {
    let connection = Connection::session()
        .await
        .context("no D-Bus session bus; start the daemon inside a desktop session or with dbus-run-session")?;
    // Found out before anything else is touched: two cameras of one name would be offered otherwise.
    let bus = DBusProxy::new(&connection).await?;
    if bus.name_has_owner(NAME.try_into()?).await? {
        return Err(taken());
    }
    Ok(connection)
}

fn taken() -> anyhow::Error {
    anyhow!(
        "another vasa daemon already owns {NAME} on this session bus; stop it with `systemctl --user stop vasa-camera` or `busctl --user call {NAME} {PATH} {NAME} Quit`"
    )
}

/// The running service; dropping it leaves the bus.
pub struct Service {
    connection: Connection,
    on: Properties,
}

impl Service {
    /// Registers the objects, then requests the name, so that nobody ever sees the name without its objects.
    ///
    /// # Errors
    /// Another daemon took the name meanwhile, or the bus is gone.
    pub async fn start(connection: Connection, handle: Handle) -> Result<Self> {
        let server = connection.object_server();
        server.at(PATH, CameraInterface::new(handle.clone())).await?;
        server.at(PATH, ProfilesInterface::new(handle.clone())).await?;
        server.at(PATH, FaceInterface::new(handle.clone())).await?;
        server.at(PATH, SpeechInterface::new(handle.clone())).await?;
        server.at(PATH, MicrophoneInterface::new(handle.clone())).await?;
        server.at(PATH, ListeningInterface::new(handle.clone())).await?;
        server.at(PATH, AvatarsInterface::new(handle.clone())).await?;
        server.at(PATH, MirrorInterface::new(handle)).await?;
        let on = Properties {
            camera: server.interface(PATH).await?,
            profiles: server.interface(PATH).await?,
            face: server.interface(PATH).await?,
            speech: server.interface(PATH).await?,
            microphone: server.interface(PATH).await?,
            listening: server.interface(PATH).await?,
            avatars: server.interface(PATH).await?,
            mirror: server.interface(PATH).await?,
        };
        properties::install(server, on.clone()).await?;
        let reply = connection.request_name_with_flags(NAME, RequestNameFlags::DoNotQueue.into()).await;
        match reply {
            Ok(RequestNameReply::PrimaryOwner | RequestNameReply::AlreadyOwner) => {}
            Ok(_) | Err(zbus::Error::NameTaken) => return Err(taken()),
            Err(e) => return Err(e).context("error requesting the D-Bus name"),
        }
        Ok(Self { connection, on })
    }

    /// Signals every property that differs between the two views.
    ///
    /// # Errors
    /// Whatever the bus reports.
    pub async fn signal_changes(&self, old: &View, new: &View) -> zbus::Result<()> {
        let (emitter, iface) = (self.on.camera.signal_emitter(), self.on.camera.get().await);
        if old.state != new.state {
            iface.state_changed(emitter).await?;
        }
        if old.input != new.input {
            iface.input_changed(emitter).await?;
        }
        if old.muted != new.muted {
            iface.muted_changed(emitter).await?;
        }
        if old.camera_on != new.camera_on {
            iface.camera_on_changed(emitter).await?;
        }
        if old.outlets != new.outlets {
            iface.outlets_changed(emitter).await?;
        }
        if old.microphone_in_use != new.microphone_in_use {
            iface.microphone_in_use_changed(emitter).await?;
        }
        if old.problems != new.problems {
            iface.problems_changed(emitter).await?;
        }
        let (emitter, iface) = (self.on.profiles.signal_emitter(), self.on.profiles.get().await);
        if old.profiles != new.profiles {
            iface.available_changed(emitter).await?;
        }
        if old.profile != new.profile {
            iface.active_changed(emitter).await?;
        }
        if old.intensity != new.intensity {
            iface.intensity_changed(emitter).await?;
        }
        self.signal_face(old, new).await?;
        let (emitter, iface) = (self.on.speech.signal_emitter(), self.on.speech.get().await);
        if old.speaking != new.speaking {
            iface.speaking_changed(emitter).await?;
        }
        if old.voices != new.voices {
            iface.voices_changed(emitter).await?;
        }
        if old.voice != new.voice {
            iface.voice_changed(emitter).await?;
        }
        if old.rate != new.rate {
            iface.rate_changed(emitter).await?;
        }
        if old.composing != new.composing {
            iface.composing_changed(emitter).await?;
        }
        self.signal_microphone(old, new).await?;
        self.signal_listening(old, new).await?;
        let (emitter, iface) = (self.on.avatars.signal_emitter(), self.on.avatars.get().await);
        if old.avatars != new.avatars {
            iface.available_changed(emitter).await?;
        }
        if old.avatar != new.avatar {
            iface.active_changed(emitter).await?;
        }
        if old.background != new.background {
            iface.background_changed(emitter).await?;
        }
        self.signal_mirror(old, new).await
    }

    async fn signal_mirror(&self, old: &View, new: &View) -> zbus::Result<()> {
        let (emitter, iface) = (self.on.mirror.signal_emitter(), self.on.mirror.get().await);
        let (old, new) = (&old.mirror, &new.mirror);
        if old.on != new.on {
            iface.on_changed(emitter).await?;
        }
        if old.state != new.state {
            iface.state_changed(emitter).await?;
        }
        if old.camera_in_use != new.camera_in_use {
            iface.camera_in_use_changed(emitter).await?;
        }
        if old.camera != new.camera {
            iface.camera_changed(emitter).await?;
        }
        if old.preview != new.preview {
            iface.preview_changed(emitter).await?;
        }
        if old.person != new.person {
            iface.person_changed(emitter).await?;
        }
        if old.calibrated != new.calibrated {
            iface.calibrated_changed(emitter).await?;
        }
        let (old, new) = (&old.manner, &new.manner);
        if old.leads != new.leads {
            iface.parts_changed(emitter).await?;
        }
        if old.gains != new.gains {
            iface.gains_changed(emitter).await?;
        }
        if old.weak != new.weak {
            iface.weak_side_changed(emitter).await?;
        }
        if old.steady != new.steady {
            iface.steady_changed(emitter).await?;
        }
        Ok(())
    }

    async fn signal_face(&self, old: &View, new: &View) -> zbus::Result<()> {
        let (emitter, iface) = (self.on.face.signal_emitter(), self.on.face.get().await);
        let (old, new) = (&old.steering, &new.steering);
        if old.emotion != new.emotion {
            iface.emotion_changed(emitter).await?;
        }
        if old.gaze != new.gaze {
            iface.gaze_changed(emitter).await?;
        }
        if old.head != new.head {
            iface.head_pose_changed(emitter).await?;
        }
        if old.distance != new.distance {
            iface.distance_changed(emitter).await?;
        }
        Ok(())
    }

    async fn signal_microphone(&self, old: &View, new: &View) -> zbus::Result<()> {
        let (emitter, iface) = (self.on.microphone.signal_emitter(), self.on.microphone.get().await);
        if old.microphone.offered != new.microphone.offered {
            iface.offered_changed(emitter).await?;
        }
        if old.microphone.in_use != new.microphone.in_use {
            iface.in_use_changed(emitter).await?;
        }
        if old.monitor != new.monitor {
            iface.monitor_changed(emitter).await?;
        }
        if old.monitor_volume != new.monitor_volume {
            iface.monitor_volume_changed(emitter).await?;
        }
        Ok(())
    }

    async fn signal_listening(&self, old: &View, new: &View) -> zbus::Result<()> {
        let (emitter, iface) = (self.on.listening.signal_emitter(), self.on.listening.get().await);
        if old.captions != new.captions {
            iface.captions_changed(emitter).await?;
        }
        if old.subtitles != new.subtitles {
            iface.subtitles_changed(emitter).await?;
        }
        if old.language != new.language {
            iface.language_changed(emitter).await?;
        }
        if old.words != new.words {
            iface.words_changed(emitter).await?;
        }
        if old.revoice != new.revoice {
            iface.revoice_mode_changed(emitter).await?;
        }
        if old.pending != new.pending {
            iface.pending_changed(emitter).await?;
        }
        Ok(())
    }

    /// What the recogniser heard.
    pub async fn caption(&self, text: &str, is_final: bool) -> zbus::Result<()> {
        SpeechInterface::caption(self.on.speech.signal_emitter(), text, is_final).await
    }

    pub async fn utterance_started(&self, id: u64) -> zbus::Result<()> {
        SpeechInterface::utterance_started(self.on.speech.signal_emitter(), id).await
    }

    pub async fn utterance_finished(&self, id: u64, completed: bool) -> zbus::Result<()> {
        SpeechInterface::utterance_finished(self.on.speech.signal_emitter(), id, completed).await
    }

    /// Gives the name back, so that callers see at once that nobody answers.
    pub async fn leave(self) {
        if let Err(e) = self.connection.release_name(NAME).await {
            tracing::debug!("error releasing the D-Bus name: {e:?}");
        }
        let _ = self.connection.close().await;
    }
}
