//! `org.vasacamera.VasaCamera1`: the state of the daemon, its input and its outlets.

use super::error::Error;
use crate::daemon::view::{Handle, Request};
use std::collections::HashMap;
use std::sync::atomic::Ordering::Relaxed;
use zbus::interface;
use zbus::zvariant::Value;

pub struct CameraInterface {
    handle: Handle,
}

impl CameraInterface {
    pub fn new(handle: Handle) -> Self {
        Self { handle }
    }
}

#[interface(name = "org.vasacamera.VasaCamera1")]
impl CameraInterface {
    #[zbus(property)]
    async fn version(&self) -> &str {
        env!("CARGO_PKG_VERSION")
    }

    #[zbus(property)]
    async fn state(&self) -> &str {
        self.handle.now().state.name()
    }

    #[zbus(property)]
    async fn input(&self) -> &str {
        self.handle.now().input.name()
    }

    #[zbus(property)]
    pub async fn set_input(&self, value: String) -> Result<(), Error> {
        Ok(self.handle.ask(Request::SetInput(value)).await.map(drop)?)
    }

    #[zbus(property)]
    async fn muted(&self) -> bool {
        self.handle.now().muted
    }

    #[zbus(property)]
    pub async fn set_muted(&self, value: bool) -> Result<(), Error> {
        Ok(self.handle.ask(Request::SetMuted(value)).await.map(drop)?)
    }

    #[zbus(property)]
    async fn camera_on(&self) -> bool {
        self.handle.now().camera_on
    }

    #[zbus(property)]
    pub async fn set_camera_on(&self, value: bool) -> Result<(), Error> {
        Ok(self.handle.ask(Request::SetCameraOn(value)).await.map(drop)?)
    }

    #[zbus(property)]
    async fn outlets(&self) -> Vec<(String, String, u32)> {
        self.handle.now().outlets.clone()
    }

    #[zbus(property)]
    async fn microphone_in_use(&self) -> bool {
        self.handle.now().microphone_in_use
    }

    #[zbus(property)]
    async fn problems(&self) -> Vec<String> {
        self.handle.now().problems.clone()
    }

    #[zbus(property(emits_changed_signal = "false"))]
    async fn stats(&self) -> HashMap<&'static str, Value<'static>> {
        let s = &self.handle.stats;
        let text = |cell: &std::sync::OnceLock<String>| Value::from(cell.get().cloned().unwrap_or_default());
        HashMap::from([
            ("fps", Value::from(s.fps())),
            ("frame_ms_p95", Value::from(s.frame_ms_p95())),
            ("latency_ms_p95", Value::from(s.latency_ms_p95())),
            ("av_skew_ms_p95", Value::from(s.av_skew_ms_p95())),
            ("dropped_frames", Value::from(s.dropped_frames.load(Relaxed))),
            ("renderer", text(&s.renderer)),
            ("motion_provider", Value::from(s.motion())),
        ])
    }

    async fn reload(&self) -> Result<(), Error> {
        Ok(self.handle.ask(Request::Reload).await.map(drop)?)
    }

    async fn quit(&self) -> Result<(), Error> {
        Ok(self.handle.ask(Request::Quit).await.map(drop)?)
    }
}
