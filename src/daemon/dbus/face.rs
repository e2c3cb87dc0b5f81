//! `org.vasacamera.VasaCamera1.Face`: emotion, gaze, head and distance, and the face as last drawn.

use super::error::Error;
use crate::daemon::view::{Handle, Request};
use std::collections::HashMap;
use zbus::interface;

pub struct FaceInterface {
    handle: Handle,
}

impl FaceInterface {
    pub fn new(handle: Handle) -> Self {
        Self { handle }
    }
}

#[interface(name = "org.vasacamera.VasaCamera1.Face")]
impl FaceInterface {
    #[zbus(property)]
    async fn emotion(&self) -> HashMap<&'static str, f64> {
        self.handle.now().steering.emotion.named().collect()
    }

    #[zbus(property)]
    pub async fn set_emotion(&self, value: HashMap<String, f64>) -> Result<(), Error> {
        Ok(self.handle.ask(Request::SetEmotion(value)).await.map(drop)?)
    }

    #[zbus(property)]
    async fn gaze(&self) -> (bool, f64, f64) {
        let gaze = self.handle.now().steering.gaze;
        (gaze.automatic, gaze.yaw, gaze.pitch)
    }

    #[zbus(property)]
    pub async fn set_gaze(&self, value: (bool, f64, f64)) -> Result<(), Error> {
        let (automatic, yaw, pitch) = value;
        Ok(self.handle.ask(Request::SetGaze { automatic, yaw, pitch }).await.map(drop)?)
    }

    #[zbus(property)]
    async fn head_pose(&self) -> (f64, f64, f64) {
        let head = self.handle.now().steering.head;
        (head.yaw, head.pitch, head.roll)
    }

    #[zbus(property)]
    pub async fn set_head_pose(&self, value: (f64, f64, f64)) -> Result<(), Error> {
        let (yaw, pitch, roll) = value;
        Ok(self.handle.ask(Request::SetHeadPose { yaw, pitch, roll }).await.map(drop)?)
    }

    #[zbus(property)]
    async fn distance(&self) -> f64 {
        self.handle.now().steering.distance
    }

    #[zbus(property)]
    pub async fn set_distance(&self, value: f64) -> Result<(), Error> {
        Ok(self.handle.ask(Request::SetDistance(value)).await.map(drop)?)
    }

    #[zbus(property(emits_changed_signal = "false"))]
    async fn current(&self) -> HashMap<&'static str, f64> {
        self.handle.stats.face.named().collect()
    }
}
