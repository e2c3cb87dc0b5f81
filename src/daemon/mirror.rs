//! The mirror as the main loop has it: whether it is wanted, and how the user's face is treated.

use super::view::{MirrorView, Refusal};
use crate::config::{Manner, MannerChange, MirrorSettings, Profile, check_person};
use crate::mirror::{Mirror, Pose, Stage, Wish, capture};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// A preview ends by itself this long after it was last asked for: nobody's camera stays open by an oversight.
const PREVIEW: Duration = Duration::from_secs(60);

pub struct MirrorState {
    mirror: Mirror,
    /// As the settings have it, and then as it is chosen.
    settings: MirrorSettings,
    /// What was asked for over D-Bus: it wins over the profile.
    asked: MannerChange,
    preview: Option<Instant>,
    told: Option<Wish>,
}

impl MirrorState {
    pub fn new(mirror: Mirror, settings: MirrorSettings) -> Self {
        Self { mirror, settings, asked: MannerChange::default(), preview: None, told: None }
    }

    /// What the settings say from now on.
    pub fn reload(&mut self, settings: MirrorSettings) {
        self.settings = settings;
    }

    pub fn is_alive(&self) -> bool {
        self.mirror.is_alive()
    }

    /// Opens the camera while the mirror is on and an app watches, or somebody previews; and only then.
    pub fn follow(&mut self, profile: Option<&Profile>, watched: bool) {
        let wanted = (self.settings.on && watched) || self.previews();
        let wish = wanted.then(|| Wish {
            camera: self.settings.camera.clone(),
            person: self.settings.person.clone(),
            manner: self.manner(profile),
        });
        if wish != self.told {
            self.mirror.want(wish.clone());
            self.told = wish;
        }
    }

    fn previews(&self) -> bool {
        self.preview.is_some_and(|until| Instant::now() < until)
    }

    /// The settings, what the profile says on top, and what was asked for on top of that.
    fn manner(&self, profile: Option<&Profile>) -> Manner {
        let of_profile = profile.map(|p| p.mirror.clone()).unwrap_or_default();
        let change = self.settings.change.clone().and(&of_profile).and(&self.asked);
        // Each was checked when it was read.
        change.apply(Manner::default()).unwrap_or_default()
    }

    pub fn view(&self, profile: Option<&Profile>) -> MirrorView {
        let status = self.mirror.status();
        let state = match status.stage {
            Stage::Closed if !self.settings.on => "off",
            stage => stage.name(),
        };
        MirrorView {
            on: self.settings.on,
            state,
            camera_in_use: status.open.is_some(),
            camera: self.settings.camera.clone().unwrap_or_default(),
            person: self.settings.person.clone(),
            calibrated: status.calibrated,
            manner: self.manner(profile),
            preview: self.previews(),
        }
    }

    pub fn problems(&self) -> Vec<String> {
        if self.told.is_some() { self.mirror.status().problems } else { Vec::new() }
    }

    pub fn set_on(&mut self, on: bool) {
        self.settings.on = on;
    }

    pub fn set_preview(&mut self, on: bool) {
        self.preview = on.then(|| Instant::now() + PREVIEW);
    }

    /// The empty id is the first real camera.
    pub fn set_camera(&mut self, id: String) -> Result<(), Refusal> {
        // One that is absent may be plugged in later; until then Problems tells.
        if let Err(capture::CaptureError::Ours(why)) = capture::check(&id) {
            return Err(Refusal::InvalidArgument(why));
        }
        if id.chars().count() > 255 || id.chars().any(char::is_control) {
            return Err(Refusal::InvalidArgument(
                "Camera was given no id or name of a camera; ListCameras lists them".into(),
            ));
        }
        self.settings.camera = Some(id).filter(|id| !id.is_empty());
        Ok(())
    }

    pub fn set_person(&mut self, name: String) -> Result<(), Refusal> {
        check_person(&name).map_err(|why| Refusal::InvalidArgument(format!("Person is wrong: {why}")))?;
        self.settings.person = name;
        Ok(())
    }

    /// Takes over what is named; a map that is empty takes everything of its kind back.
    pub fn ask(&mut self, change: MannerChange, of: Asked) -> Result<(), Refusal> {
        change.apply(Manner::default()).map_err(Refusal::InvalidArgument)?;
        match of {
            Asked::Parts if change.parts.is_empty() => self.asked.parts.clear(),
            Asked::Gains if change.gains.is_empty() => self.asked.gains.clear(),
            Asked::Steady if change.steady.is_empty() => self.asked.steady.clear(),
            _ => self.asked = std::mem::take(&mut self.asked).and(&change),
        }
        Ok(())
    }

    /// Watches the person show something; `reply` is answered when it was seen.
    pub fn calibrate(&self, pose: &str, reply: oneshot::Sender<Result<u64, Refusal>>) {
        let Some(pose) = Pose::ALL.into_iter().find(|p| p.name() == pose) else {
            let pose: String = pose.chars().take(60).collect();
            let told = format!("pose was given \"{pose}\"; it must be \"neutral\", \"smile\", \"brows\" or \"eyes\"");
            let _ = reply.send(Err(Refusal::InvalidArgument(told)));
            return;
        };
        let answer = move |done: Result<(), String>| {
            let _ = reply.send(done.map(|()| 0).map_err(Refusal::Failed));
        };
        self.mirror.calibrate(pose, self.settings.person.clone(), Box::new(answer));
    }

    /// Forgets what was calibrated of the person.
    pub fn forget(&self) -> Result<(), Refusal> {
        self.mirror.forget(&self.settings.person).map_err(|e| Refusal::Failed(format!("{e:#}")))
    }
}

/// Which property was set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    Parts,
    Gains,
    WeakSide,
    Steady,
}
