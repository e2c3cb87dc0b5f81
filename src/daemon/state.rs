//! What the main loop owns: it alone changes it, on request, and shows it as a [`View`].

use super::motion_thread::{Message as MotionMessage, MotionThread};
use super::problems::Problems;
use super::render_thread::{Message as RenderMessage, RenderThread};
use super::view::{Refusal, Request, SayRequest, State as Running, View};
use crate::camera::{Camera, Demand};
use crate::config::{Input, Paths, Profile, Profiles, Settings};
use crate::speech::{self, Event, SayOptions, Speaker, VoiceInfo};
use anyhow::{Result, ensure};
use std::sync::Arc;
use std::time::Duration;

/// How fast a profile or an intensity that is set as a property is reached.
const PROPERTY_FADE: Duration = Duration::from_millis(400);

/// The longest cross-fade that may be asked for.
const LONGEST_FADE_MS: u32 = 10_000;

pub struct State {
    settings: Settings,
    paths: Paths,
    camera: Arc<Camera>,
    speaker: Arc<Speaker>,
    // Dropped in this order: the render thread holds a sender to the motion thread, which ends when the last one goes.
    render: RenderThread,
    motion: MotionThread,
    problems: Arc<Problems>,
    profiles: Profiles,
    voices: Vec<VoiceInfo>,
    muted: bool,
    camera_on: bool,
    /// The utterance that is being said, with its own profile where it has one.
    utterance: Option<(u64, Option<String>)>,
}

impl State {
    pub fn new(
        settings: Settings,
        paths: Paths,
        camera: Arc<Camera>,
        speaker: Arc<Speaker>,
        motion: MotionThread,
        render: RenderThread,
        problems: Arc<Problems>,
    ) -> Self {
        let (profiles, broken) = Profiles::load(&paths.profiles());
        problems.set("profiles", broken.iter().map(ToString::to_string).collect());
        let voices = speech::voices(&paths);
        let mut state = Self {
            settings,
            paths,
            camera,
            speaker,
            motion,
            render,
            problems,
            profiles,
            voices,
            muted: false,
            camera_on: true,
            utterance: None,
        };
        state.correct_settings();
        state.apply_style(Duration::ZERO);
        state.apply_microphone();
        state
    }

    /// A setting that names something unknown falls back, and says so, rather than costing the camera.
    fn correct_settings(&mut self) {
        let mut told = Vec::new();
        if self.profiles.get(&self.settings.profile).is_none() {
            told.push(format!(
                "the settings name the profile \"{}\", which does not exist; choose one of {} (\"neutral\" is used)",
                self.settings.profile,
                self.profiles.names()
            ));
            self.settings.profile = "neutral".into();
        }
        if let Some(voice) = self.settings.voice.take_if(|v| !self.voices.iter().any(|i| i.name == *v)) {
            told.push(format!(
                "the settings name the voice \"{voice}\", which is not installed; choose one of {}",
                self.voice_names()
            ));
        }
        self.problems.set("settings", told);
    }

    /// What is shown now.
    pub fn view(&self) -> View {
        let outlets = self.camera.outlets();
        let mut problems = self.camera.problems();
        problems.extend(self.speaker.problems());
        problems.extend(self.problems.all());
        let running = if outlets.is_empty() {
            Running::Failed
        } else if !problems.is_empty() {
            Running::Degraded
        } else if self.camera.demand() == Demand::Full {
            Running::Streaming
        } else {
            Running::Idle
        };
        View {
            state: running,
            input: self.settings.input,
            muted: self.muted,
            camera_on: self.camera_on,
            outlets: outlets.into_iter().map(|o| (o.kind.to_string(), o.place, o.readers)).collect(),
            microphone_in_use: self.motion.microphone_in_use(),
            problems,
            profiles: self.profiles.iter().map(|p| (p.name.clone(), p.label.clone(), p.icon.clone())).collect(),
            profile: self.settings.profile.clone(),
            intensity: self.settings.intensity,
            speaking: self.utterance.is_some(),
            voices: self.voices.iter().map(|v| (v.name.clone(), v.language.clone(), v.engine.to_string())).collect(),
            voice: self.voice(),
            rate: self.settings.rate,
            avatar: self.settings.avatar.clone(),
        }
    }

    /// Carries out one request; a refused one changes nothing.
    pub fn carry_out(&mut self, request: Request) -> Result<u64, Refusal> {
        match request {
            Request::SetInput(name) => self.set_input(&name)?,
            Request::SetMuted(muted) => {
                self.muted = muted;
                self.apply_microphone();
            }
            Request::SetCameraOn(on) => {
                self.camera_on = on;
                self.render.send(RenderMessage::CameraOn(on));
            }
            Request::Activate { profile, intensity, over_ms } => {
                if over_ms > LONGEST_FADE_MS {
                    return Err(Refusal::InvalidArgument(format!(
                        "transition_ms is {over_ms}; it must be 0 to {LONGEST_FADE_MS}"
                    )));
                }
                self.activate(profile, intensity, Duration::from_millis(u64::from(over_ms)))?;
            }
            Request::SetProfile(name) => self.activate(name, self.settings.intensity, PROPERTY_FADE)?,
            Request::SetIntensity(x) => self.activate(self.settings.profile.clone(), x, PROPERTY_FADE)?,
            Request::Say(say) => return self.say(say),
            Request::StopSpeech => self.speaker.stop(),
            Request::SetVoice(name) => {
                self.check_voice(&name)?;
                self.settings.voice = Some(name);
            }
            Request::SetRate(rate) => {
                check_rate("Rate", rate)?;
                self.settings.rate = rate;
            }
            Request::Reload => self.reload()?,
            Request::Quit => {}
        }
        Ok(0)
    }

    /// Follows the voice: an utterance may have its own profile.
    pub fn speech_event(&mut self, event: &Event) {
        match event {
            Event::Started { id, profile } => {
                let own = profile.is_some();
                self.utterance = Some((*id, profile.clone()));
                if own {
                    self.apply_style(PROPERTY_FADE);
                }
            }
            Event::Finished { id, .. } => {
                if let Some((_, own)) = self.utterance.take_if(|(u, _)| u == id)
                    && own.is_some()
                {
                    self.apply_style(PROPERTY_FADE);
                }
            }
        }
    }

    /// # Errors
    /// A thread that has died: the daemon cannot go on, and systemd starts it anew.
    pub fn check_threads(&self) -> Result<()> {
        ensure!(self.motion.is_alive(), "the motion thread has died; see the log above");
        ensure!(self.render.is_alive(), "the render thread has died; see the log above");
        Ok(())
    }

    fn set_input(&mut self, name: &str) -> Result<(), Refusal> {
        let input = Input::ALL.into_iter().find(|i| i.name() == name).ok_or_else(|| {
            Refusal::InvalidArgument(format!("Input was given \"{name}\"; it must be \"text\" or \"microphone\""))
        })?;
        self.settings.input = input;
        self.apply_microphone();
        Ok(())
    }

    fn activate(&mut self, name: String, intensity: f64, over: Duration) -> Result<(), Refusal> {
        self.check_profile(&name)?;
        if !(0.0..=2.0).contains(&intensity) {
            return Err(Refusal::InvalidArgument(format!("intensity is {intensity}; it must be 0 to 2")));
        }
        self.settings.profile = name;
        self.settings.intensity = intensity;
        self.apply_style(over);
        Ok(())
    }

    fn say(&mut self, say: SayRequest) -> Result<u64, Refusal> {
        if let Some(profile) = &say.profile {
            self.check_profile(profile)?;
        }
        if let Some(voice) = &say.voice {
            self.check_voice(voice)?;
        }
        if let Some(rate) = say.rate {
            check_rate("the option \"rate\"", rate)?;
        }
        let options = SayOptions {
            voice: Some(say.voice.unwrap_or_else(|| self.voice())),
            rate: say.rate.unwrap_or(self.settings.rate),
            interrupt: say.interrupt,
            profile: say.profile,
        };
        self.speaker.say(&say.text, options).map_err(|e| match e {
            speech::SayError::Text(m) => Refusal::InvalidArgument(m),
            speech::SayError::Busy(m) => Refusal::NotReady(m),
        })
    }

    fn check_profile(&self, name: &str) -> Result<(), Refusal> {
        if self.profiles.get(name).is_some() {
            return Ok(());
        }
        Err(Refusal::NotFound(format!(
            "there is no profile \"{}\"; choose one of {}",
            shorten(name),
            self.profiles.names()
        )))
    }

    fn check_voice(&self, name: &str) -> Result<(), Refusal> {
        if self.voices.iter().any(|v| v.name == name) {
            return Ok(());
        }
        Err(Refusal::NotFound(format!("there is no voice \"{}\"; choose one of {}", shorten(name), self.voice_names())))
    }

    fn voice_names(&self) -> String {
        speech::voice_names(&self.voices)
    }

    /// The voice in use: the chosen one, else the one that fits the locale.
    fn voice(&self) -> String {
        let default = || speech::default_voice(&self.voices, &speech::locale()).map(|v| v.name.clone());
        self.settings.voice.clone().or_else(default).unwrap_or_default()
    }

    fn apply_style(&self, over: Duration) {
        let own = self.utterance.as_ref().and_then(|(_, p)| p.as_deref());
        let name = own.unwrap_or(&self.settings.profile);
        let profile = self.profiles.get(name).cloned().unwrap_or_else(Profile::default);
        self.motion.send(MotionMessage::Style {
            profile: Box::new(profile),
            intensity: self.settings.intensity as f32,
            over,
        });
    }

    fn apply_microphone(&self) {
        let listen = self.settings.input == Input::Microphone && !self.muted;
        self.motion.send(MotionMessage::Microphone { listen, device: self.settings.microphone.clone() });
    }

    /// Reads profiles and settings again. What only a restart can change (outlets, size) stays as it is.
    fn reload(&mut self) -> Result<(), Refusal> {
        let new = Settings::load(&self.paths.settings)
            .map_err(|e| Refusal::Failed(format!("{e:#}; the running settings are kept")))?;
        let (profiles, broken) = Profiles::load(&self.paths.profiles());
        // A profile whose file broke keeps its last good form.
        self.profiles = profiles.or_keep(&self.profiles, !broken.is_empty());
        self.problems.set("profiles", broken.iter().map(ToString::to_string).collect());
        self.voices = speech::voices(&self.paths);
        self.settings =
            Settings { size: self.settings.size, fps: self.settings.fps, avatar: self.settings.avatar.clone(), ..new };
        self.correct_settings();
        self.apply_style(PROPERTY_FADE);
        self.apply_microphone();
        if broken.is_empty() {
            Ok(())
        } else {
            let all: Vec<_> = broken.iter().map(ToString::to_string).collect();
            Err(Refusal::Failed(all.join("; ")))
        }
    }
}

fn check_rate(what: &str, rate: f64) -> Result<(), Refusal> {
    if (0.5..=2.0).contains(&rate) {
        return Ok(());
    }
    Err(Refusal::InvalidArgument(format!("{what} is {rate}; it must be 0.5 to 2")))
}

/// A megabyte of a name does not come back in a sentence.
fn shorten(name: &str) -> String {
    let mut short: String = name.chars().take(60).collect();
    if short.len() < name.len() {
        short.push('…');
    }
    short
}
