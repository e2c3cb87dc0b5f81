//! `org.vasacamera.VasaCamera1.Profiles`: how the face is coloured.

use super::error::Error;
use crate::daemon::view::{Handle, Request};
use crate::motion::Gesture;
use zbus::interface;

pub struct ProfilesInterface {
    handle: Handle,
}

impl ProfilesInterface {
    pub fn new(handle: Handle) -> Self {
        Self { handle }
    }
}

#[interface(name = "org.vasacamera.VasaCamera1.Profiles")]
impl ProfilesInterface {
    #[zbus(property)]
    async fn available(&self) -> Vec<(String, String, String)> {
        self.handle.now().profiles.clone()
    }

    #[zbus(property)]
    async fn active(&self) -> String {
        self.handle.now().profile.clone()
    }

    #[zbus(property)]
    pub async fn set_active(&self, value: String) -> Result<(), Error> {
        Ok(self.handle.ask(Request::SetProfile(value)).await.map(drop)?)
    }

    #[zbus(property)]
    async fn intensity(&self) -> f64 {
        self.handle.now().intensity
    }

    #[zbus(property)]
    pub async fn set_intensity(&self, value: f64) -> Result<(), Error> {
        Ok(self.handle.ask(Request::SetIntensity(value)).await.map(drop)?)
    }

    async fn activate(&self, name: String, intensity: f64, transition_ms: u32) -> Result<(), Error> {
        let request = Request::Activate { profile: name, intensity, over_ms: transition_ms };
        Ok(self.handle.ask(request).await.map(drop)?)
    }

    async fn gesture(&self, name: String) -> Result<(), Error> {
        Ok(self.handle.ask(Request::Gesture(name)).await.map(drop)?)
    }

    #[zbus(property)]
    async fn gestures(&self) -> Vec<&'static str> {
        Gesture::NAMES.to_vec()
    }
}
