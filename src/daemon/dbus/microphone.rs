//! `org.vasacamera.VasaCamera1.Microphone`: the virtual microphone, and whether the user hears it too.

use super::error::Error;
use crate::daemon::view::{Handle, Request};
use zbus::interface;

pub struct MicrophoneInterface {
    handle: Handle,
}

impl MicrophoneInterface {
    pub fn new(handle: Handle) -> Self {
        Self { handle }
    }
}

#[interface(name = "org.vasacamera.VasaCamera1.Microphone")]
impl MicrophoneInterface {
    #[zbus(property)]
    async fn offered(&self) -> bool {
        self.handle.now().microphone.offered
    }

    #[zbus(property)]
    async fn in_use(&self) -> bool {
        self.handle.now().microphone.in_use
    }

    #[zbus(property)]
    async fn monitor(&self) -> bool {
        self.handle.now().monitor
    }

    #[zbus(property)]
    pub async fn set_monitor(&self, value: bool) -> Result<(), Error> {
        Ok(self.handle.ask(Request::SetMonitor(value)).await.map(drop)?)
    }

    #[zbus(property)]
    async fn monitor_volume(&self) -> f64 {
        self.handle.now().monitor_volume
    }

    #[zbus(property)]
    pub async fn set_monitor_volume(&self, value: f64) -> Result<(), Error> {
        Ok(self.handle.ask(Request::SetMonitorVolume(value)).await.map(drop)?)
    }
}
