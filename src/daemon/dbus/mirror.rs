//! `org.vasacamera.VasaCamera1.Mirror`: the user's own expression, by a camera.

use super::error::Error;
use crate::config::{MannerChange, Part};
use crate::daemon::mirror::Asked;
use crate::daemon::view::{Handle, Request};
use crate::mirror::capture;
use std::collections::HashMap;
use zbus::interface;

pub struct MirrorInterface {
    handle: Handle,
}

impl MirrorInterface {
    pub fn new(handle: Handle) -> Self {
        Self { handle }
    }

    async fn change(&self, of: Asked, change: MannerChange) -> Result<(), Error> {
        Ok(self.handle.ask(Request::ChangeManner { change, of }).await.map(drop)?)
    }
}

#[interface(name = "org.vasacamera.VasaCamera1.Mirror")]
impl MirrorInterface {
    #[zbus(property)]
    async fn on(&self) -> bool {
        self.handle.now().mirror.on
    }

    #[zbus(property)]
    pub async fn set_on(&self, value: bool) -> Result<(), Error> {
        Ok(self.handle.ask(Request::SetMirror(value)).await.map(drop)?)
    }

    #[zbus(property)]
    async fn state(&self) -> &'static str {
        self.handle.now().mirror.state
    }

    #[zbus(property)]
    async fn camera_in_use(&self) -> bool {
        self.handle.now().mirror.camera_in_use
    }

    #[zbus(property)]
    async fn camera(&self) -> String {
        self.handle.now().mirror.camera.clone()
    }

    #[zbus(property)]
    pub async fn set_camera(&self, value: String) -> Result<(), Error> {
        Ok(self.handle.ask(Request::SetMirrorCamera(value)).await.map(drop)?)
    }

    #[zbus(property)]
    async fn preview(&self) -> bool {
        self.handle.now().mirror.preview
    }

    #[zbus(property)]
    pub async fn set_preview(&self, value: bool) -> Result<(), Error> {
        Ok(self.handle.ask(Request::SetPreview(value)).await.map(drop)?)
    }

    #[zbus(property)]
    async fn person(&self) -> String {
        self.handle.now().mirror.person.clone()
    }

    #[zbus(property)]
    pub async fn set_person(&self, value: String) -> Result<(), Error> {
        Ok(self.handle.ask(Request::SetPerson(value)).await.map(drop)?)
    }

    #[zbus(property)]
    async fn calibrated(&self) -> Vec<&'static str> {
        self.handle.now().mirror.calibrated.clone()
    }

    #[zbus(property)]
    async fn parts(&self) -> HashMap<&'static str, &'static str> {
        let leads = self.handle.now().mirror.manner.leads;
        Part::ALL.into_iter().map(|part| (part.name(), leads[part as usize].name())).collect()
    }

    #[zbus(property)]
    pub async fn set_parts(&self, value: HashMap<String, String>) -> Result<(), Error> {
        self.change(Asked::Parts, MannerChange { parts: value.into_iter().collect(), ..MannerChange::default() }).await
    }

    #[zbus(property)]
    async fn gains(&self) -> HashMap<String, f64> {
        self.handle.now().mirror.manner.named_gains().collect()
    }

    #[zbus(property)]
    pub async fn set_gains(&self, value: HashMap<String, f64>) -> Result<(), Error> {
        self.change(Asked::Gains, MannerChange { gains: value.into_iter().collect(), ..MannerChange::default() }).await
    }

    #[zbus(property)]
    async fn weak_side(&self) -> &'static str {
        self.handle.now().mirror.manner.weak.map_or("none", |side| side.name())
    }

    #[zbus(property)]
    pub async fn set_weak_side(&self, value: String) -> Result<(), Error> {
        self.change(Asked::WeakSide, MannerChange { weak_side: Some(value), ..MannerChange::default() }).await
    }

    #[zbus(property)]
    async fn steady(&self) -> HashMap<&'static str, f64> {
        let steady = self.handle.now().mirror.manner.steady;
        Part::ALL.into_iter().map(|part| (part.name(), f64::from(steady[part as usize]))).collect()
    }

    #[zbus(property)]
    pub async fn set_steady(&self, value: HashMap<String, f64>) -> Result<(), Error> {
        self.change(Asked::Steady, MannerChange { steady: value.into_iter().collect(), ..MannerChange::default() })
            .await
    }

    #[zbus(property(emits_changed_signal = "false"))]
    async fn seen(&self) -> HashMap<&'static str, f64> {
        self.handle
            .stats
            .mirrored
            .get()
            .and_then(|slot| slot.get())
            .map(|s| s.seen.face.named().collect())
            .unwrap_or_default()
    }

    #[zbus(out_args("cameras"))]
    async fn list_cameras(&self) -> Result<Vec<(String, String, String)>, Error> {
        // Devices are asked, which may take a moment.
        let all = tokio::task::spawn_blocking(capture::list).await.unwrap_or_default();
        Ok(all.into_iter().map(|d| (d.id, d.name, d.kind.name().to_owned())).collect())
    }

    async fn calibrate(&self, pose: String) -> Result<(), Error> {
        Ok(self.handle.ask(Request::Calibrate(pose)).await.map(drop)?)
    }

    async fn forget(&self) -> Result<(), Error> {
        Ok(self.handle.ask(Request::ForgetPerson).await.map(drop)?)
    }
}
