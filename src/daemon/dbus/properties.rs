//! Our own `org.freedesktop.DBus.Properties`. zbus's answers a refused `Set` under D-Bus's error names only; the contract
//! promises `org.vasacamera.VasaCamera1.Error.*` and one signal a change, which the main loop sends.

use super::PATH;
use super::avatars::AvatarsInterface;
use super::camera::CameraInterface;
use super::error::{Error, PropertyError};
use super::face::FaceInterface;
use super::listening::ListeningInterface;
use super::microphone::MicrophoneInterface;
use super::mirror::MirrorInterface;
use super::profiles::ProfilesInterface;
use super::speech::SpeechInterface;
use std::collections::HashMap;
use zbus::fdo;
use zbus::names::InterfaceName;
use zbus::object_server::{Interface, InterfaceRef, ObjectServer, SignalEmitter};
use zbus::zvariant::{OwnedValue, Value};
use zbus::{Connection, interface};

/// All interfaces that have properties.
#[derive(Clone)]
pub struct Properties {
    pub camera: InterfaceRef<CameraInterface>,
    pub profiles: InterfaceRef<ProfilesInterface>,
    pub face: InterfaceRef<FaceInterface>,
    pub speech: InterfaceRef<SpeechInterface>,
    pub microphone: InterfaceRef<MicrophoneInterface>,
    pub listening: InterfaceRef<ListeningInterface>,
    pub avatars: InterfaceRef<AvatarsInterface>,
    pub mirror: InterfaceRef<MirrorInterface>,
}

/// Puts ours in the place of zbus's.
pub async fn install(server: &ObjectServer, ours: Properties) -> zbus::Result<()> {
    server.remove::<fdo::Properties, _>(PATH).await?;
    server.at(PATH, ours).await.map(drop)
}

/// Runs one expression on whichever of our interfaces has the name.
macro_rules! on_interface {
    ($self:ident, $name:expr, $iface:ident => $body:expr) => {{
        let name = $name;
        if name == CameraInterface::name() {
            let guard = $self.camera.get().await;
            let $iface: &CameraInterface = &guard;
            $body
        } else if name == ProfilesInterface::name() {
            let guard = $self.profiles.get().await;
            let $iface: &ProfilesInterface = &guard;
            $body
        } else if name == FaceInterface::name() {
            let guard = $self.face.get().await;
            let $iface: &FaceInterface = &guard;
            $body
        } else if name == SpeechInterface::name() {
            let guard = $self.speech.get().await;
            let $iface: &SpeechInterface = &guard;
            $body
        } else if name == MicrophoneInterface::name() {
            let guard = $self.microphone.get().await;
            let $iface: &MicrophoneInterface = &guard;
            $body
        } else if name == ListeningInterface::name() {
            let guard = $self.listening.get().await;
            let $iface: &ListeningInterface = &guard;
            $body
        } else if name == AvatarsInterface::name() {
            let guard = $self.avatars.get().await;
            let $iface: &AvatarsInterface = &guard;
            $body
        } else if name == MirrorInterface::name() {
            let guard = $self.mirror.get().await;
            let $iface: &MirrorInterface = &guard;
            $body
        } else {
            Err(fdo::Error::UnknownInterface(format!("{PATH} has no interface \"{name}\" with properties")))
        }
    }};
}

#[interface(name = "org.freedesktop.DBus.Properties", introspection_docs = false)]
impl Properties {
    async fn set_mirror(&self, property_name: &str, value: Value<'_>) -> Result<(), PropertyError> {
        let mirror = self.mirror.get().await;
        match property_name {
            "On" => mirror.set_on(typed(property_name, value)?).await?,
            "Camera" => mirror.set_camera(typed(property_name, value)?).await?,
            "Preview" => mirror.set_preview(typed(property_name, value)?).await?,
            "Person" => mirror.set_person(typed(property_name, value)?).await?,
            "Parts" => mirror.set_parts(typed(property_name, value)?).await?,
            "Gains" => mirror.set_gains(typed(property_name, value)?).await?,
            "WeakSide" => mirror.set_weak_side(typed(property_name, value)?).await?,
            "Steady" => mirror.set_steady(typed(property_name, value)?).await?,
            _ => return Err(self.not_settable(MirrorInterface::name(), property_name).await),
        }
        Ok(())
    }

    async fn get(
        &self,
        interface_name: InterfaceName<'_>,
        property_name: &str,
        #[zbus(connection)] connection: &Connection,
        #[zbus(object_server)] server: &ObjectServer,
        #[zbus(signal_emitter)] emitter: SignalEmitter<'_>,
    ) -> Result<OwnedValue, fdo::Error> {
        on_interface!(self, interface_name, iface => {
            iface.get(property_name, server, connection, None, &emitter).await.unwrap_or_else(|| Err(unknown(property_name)))
        })
    }

    async fn set(
        &self,
        interface_name: InterfaceName<'_>,
        property_name: &str,
        value: Value<'_>,
    ) -> Result<(), PropertyError> {
        let (camera, profiles, speech) = (self.camera.get().await, self.profiles.get().await, self.speech.get().await);
        let (face, microphone, listening) =
            (self.face.get().await, self.microphone.get().await, self.listening.get().await);
        let ours = |suffix: &str| interface_name.as_str() == format!("{}{suffix}", super::NAME);
        match property_name {
            "Input" if ours("") => camera.set_input(typed(property_name, value)?).await?,
            "Muted" if ours("") => camera.set_muted(typed(property_name, value)?).await?,
            "CameraOn" if ours("") => camera.set_camera_on(typed(property_name, value)?).await?,
            "Active" if ours(".Profiles") => profiles.set_active(typed(property_name, value)?).await?,
            "Active" if ours(".Avatars") => {
                self.avatars.get().await.set_active(typed(property_name, value)?).await?;
            }
            "Background" if ours(".Avatars") => {
                self.avatars.get().await.set_background(typed(property_name, value)?).await?;
            }
            "Intensity" if ours(".Profiles") => profiles.set_intensity(typed(property_name, value)?).await?,
            "Emotion" if ours(".Face") => face.set_emotion(typed(property_name, value)?).await?,
            "Gaze" if ours(".Face") => face.set_gaze(typed(property_name, value)?).await?,
            "HeadPose" if ours(".Face") => face.set_head_pose(typed(property_name, value)?).await?,
            "Distance" if ours(".Face") => face.set_distance(typed(property_name, value)?).await?,
            "Voice" if ours(".Speech") => speech.set_voice(typed(property_name, value)?).await?,
            "Rate" if ours(".Speech") => speech.set_rate(typed(property_name, value)?).await?,
            "Composing" if ours(".Speech") => speech.set_composing(typed(property_name, value)?).await?,
            "Monitor" if ours(".Microphone") => microphone.set_monitor(typed(property_name, value)?).await?,
            "MonitorVolume" if ours(".Microphone") => {
                microphone.set_monitor_volume(typed(property_name, value)?).await?;
            }
            "Captions" if ours(".Listening") => listening.set_captions(typed(property_name, value)?).await?,
            "Subtitles" if ours(".Listening") => listening.set_subtitles(typed(property_name, value)?).await?,
            "Language" if ours(".Listening") => listening.set_language(typed(property_name, value)?).await?,
            "Words" if ours(".Listening") => listening.set_words(typed(property_name, value)?).await?,
            "RevoiceMode" if ours(".Listening") => listening.set_revoice_mode(typed(property_name, value)?).await?,
            _ if ours(".Mirror") => return self.set_mirror(property_name, value).await,
            _ => return Err(self.not_settable(interface_name, property_name).await),
        }
        Ok(())
    }

    async fn get_all(
        &self,
        interface_name: InterfaceName<'_>,
        #[zbus(connection)] connection: &Connection,
        #[zbus(object_server)] server: &ObjectServer,
        #[zbus(signal_emitter)] emitter: SignalEmitter<'_>,
    ) -> Result<HashMap<String, OwnedValue>, fdo::Error> {
        on_interface!(self, interface_name, iface => iface.get_all(server, connection, None, &emitter).await)
    }

    #[zbus(signal)]
    #[rustfmt::skip]
    async fn properties_changed(
        emitter: &SignalEmitter<'_>,
        interface_name: InterfaceName<'_>,
        changed_properties: HashMap<&str, Value<'_>>,
        invalidated_properties: Vec<&str>,
    ) -> zbus::Result<()>;
}

impl Properties {
    /// Tells an unknown interface, an unknown property and a read-only one apart.
    async fn not_settable(&self, interface_name: InterfaceName<'_>, property: &str) -> PropertyError {
        let connection = self.camera.signal_emitter().connection().clone();
        let emitter = self.camera.signal_emitter().clone();
        let known = on_interface!(self, interface_name, iface => {
            Ok(iface.get(property, connection.object_server(), &connection, None, &emitter).await.is_some())
        });
        match known {
            Err(e) => e.into(),
            Ok(true) => fdo::Error::PropertyReadOnly(format!("the property \"{property}\" cannot be set")).into(),
            Ok(false) => unknown(property).into(),
        }
    }
}

fn unknown(property: &str) -> fdo::Error {
    fdo::Error::UnknownProperty(format!("there is no property \"{property}\""))
}

fn typed<'v, T: TryFrom<Value<'v>> + zbus::zvariant::Type>(property: &str, value: Value<'v>) -> Result<T, Error> {
    let (got, wanted) = (value.value_signature().to_string(), T::SIGNATURE.to_string());
    let wrong =
        || Error::InvalidArgument(format!("{property} was given a value of type {got}; it must be of type {wanted}"));
    // zvariant 5 takes the fields of a structure without counting them, and panics where there are too few.
    if got != wanted {
        return Err(wrong());
    }
    T::try_from(value).map_err(|_| wrong())
}
