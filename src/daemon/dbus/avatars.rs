//! `org.vasacamera.VasaCamera1.Avatars`: who is shown, before what.

use super::error::Error;
use crate::daemon::view::{Handle, Request};
use zbus::interface;

pub struct AvatarsInterface {
    handle: Handle,
}

impl AvatarsInterface {
    pub fn new(handle: Handle) -> Self {
        Self { handle }
    }
}

#[interface(name = "org.vasacamera.VasaCamera1.Avatars")]
impl AvatarsInterface {
    #[zbus(property)]
    async fn available(&self) -> Vec<(String, String, String)> {
        self.handle.now().avatars.clone()
    }

    #[zbus(property)]
    async fn active(&self) -> String {
        self.handle.now().avatar.clone()
    }

    #[zbus(property)]
    pub async fn set_active(&self, value: String) -> Result<(), Error> {
        Ok(self.handle.ask(Request::SetAvatar(value)).await.map(drop)?)
    }

    #[zbus(property)]
    async fn background(&self) -> String {
        self.handle.now().background.clone()
    }

    #[zbus(property)]
    pub async fn set_background(&self, value: String) -> Result<(), Error> {
        Ok(self.handle.ask(Request::SetBackground(value)).await.map(drop)?)
    }
}
