//! What the main loop owns: it alone changes it, on request, and shows it as a [`View`].

use super::avatars::{Avatars, Brought, Reply};
use super::ear::{Choice, Ear, Wanted};
use super::mirror::MirrorState;
use super::motion_thread::{Message as MotionMessage, MotionThread};
use super::overlay::Overlay;
use super::pending::Pending;
use super::problems::Problems;
use super::render_thread::{Message as RenderMessage, RenderThread};
use super::session_log::Session;
use super::view::{MicrophoneStatus, Refusal, Request, SayRequest, State as Running, View};
use crate::avatar;
use crate::camera::{Camera, Demand};
use crate::config::{
    self, Background, Emotions, Input, Looks, Paths, Profile, Profiles, RevoiceMode, Settings, check_words,
};
use crate::listen::{self, Listener};
use crate::microphone::Microphone;
use crate::mirror::Mirror;
use crate::motion::{Aim, Gesture, Steering, Turn, check_distance};
use crate::speech::{self, Event, MonitorSettings, SayOptions, Speaker, VoiceInfo};
use anyhow::{Result, ensure};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// How fast a profile or an intensity that is set as a property is reached.
const PROPERTY_FADE: Duration = Duration::from_millis(400);

/// The longest cross-fade that may be asked for.
const LONGEST_FADE_MS: u32 = 10_000;

/// The sound's way to the apps and to the face.
pub struct SoundPath {
    /// The virtual one, where it is wanted.
    pub microphone: Option<Arc<Microphone>>,
    pub ear: Ear,
    pub listener: Listener,
    /// Whether the user's own voice goes to the apps.
    pub own_voice: Arc<AtomicBool>,
}

/// What makes the face and its picture.
pub struct FacePath {
    pub motion: MotionThread,
    pub render: RenderThread,
    pub avatars: Avatars,
    /// What the settings say, which is not always what is shown.
    pub configured: Looks,
    pub mirror: Mirror,
}

pub struct State {
    settings: Settings,
    paths: Paths,
    camera: Arc<Camera>,
    speaker: Arc<Speaker>,
    sound: SoundPath,
    /// The microphone as the ear was last told.
    wanted: Wanted,
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
    /// The language of the desktop, for the recogniser.
    locale: String,
    pending: Pending,
    overlay: Overlay,
    /// The overlay as the picture was last told.
    drawn: (Option<String>, bool),
    steering: Steering,
    avatars: Avatars,
    /// Those that can be chosen: (name, label, kind).
    people: Vec<(String, String, String)>,
    /// What the settings say, which is not always what is shown.
    configured: Looks,
    /// The profile that is chosen and whose file has gone.
    lost_profile: Option<String>,
    pub mirror: MirrorState,
}

impl State {
    pub fn new(
        settings: Settings,
        paths: Paths,
        camera: Arc<Camera>,
        speaker: Arc<Speaker>,
        sound: SoundPath,
        face: FacePath,
        problems: Arc<Problems>,
    ) -> Self {
        let FacePath { motion, render, avatars, configured, mirror } = face;
        let mirror = MirrorState::new(mirror, settings.mirror.clone());
        let (profiles, broken) = Profiles::load(&paths.profiles());
        problems.set("profiles", broken.iter().map(ToString::to_string).collect());
        let voices = speech::voices(&paths);
        let people = people(&paths);
        let mut state = Self {
            settings,
            paths,
            camera,
            speaker,
            sound,
            wanted: None,
            motion,
            render,
            problems,
            profiles,
            voices,
            muted: false,
            camera_on: true,
            utterance: None,
            locale: listen::of_locale(),
            pending: Pending::default(),
            overlay: Overlay::default(),
            drawn: (None, false),
            steering: Steering::default(),
            avatars,
            people,
            configured,
            lost_profile: None,
            mirror,
        };
        state.correct_settings();
        state.apply_style(Duration::ZERO);
        state.apply_microphone();
        state.prepare_voice();
        state
    }

    /// Loads the voice before it is needed, so that the first word comes as soon as the others.
    fn prepare_voice(&self) {
        if self.settings.input != Input::Microphone {
            self.speaker.prepare(Some(self.voice()));
        }
    }

    /// Tells picture and face what they show beside the voice, where that has changed.
    pub fn follow_overlay(&mut self) {
        let overlay = self.overlay();
        if overlay == self.drawn {
            return;
        }
        let (subtitle, composing) = overlay.clone();
        self.motion.send(MotionMessage::Composing(composing));
        self.render.send(RenderMessage::Overlay { subtitle, composing });
        self.drawn = overlay;
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
        if let Some(language) = self.settings.language.take_if(|l| listen::check_language(l).is_err()) {
            let why = listen::check_language(&language).err().unwrap_or_default();
            told.push(format!("the settings are wrong: {why} (\"{}\" is used)", self.locale));
        }
        self.problems.set("settings", told);
    }

    /// What is shown now.
    pub fn view(&self) -> View {
        let outlets = self.camera.outlets();
        let mut problems = self.camera.problems();
        problems.extend(self.sound.microphone.as_ref().and_then(|m| m.problem()));
        problems.extend(self.speaker.problems());
        problems.extend(self.sound.listener.problems());
        problems.extend(self.pending.problem());
        problems.extend(self.mirror.problems());
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
            microphone_in_use: self.sound.ear.is_open(),
            problems,
            profiles: self.profiles.iter().map(|p| (p.name.clone(), p.label.clone(), p.icon.clone())).collect(),
            profile: self.settings.profile.clone(),
            intensity: self.settings.intensity,
            speaking: self.utterance.is_some(),
            voices: self.voices.iter().map(|v| (v.name.clone(), v.language.clone(), v.engine.to_string())).collect(),
            voice: self.voice(),
            rate: self.settings.rate,
            avatars: self.people.clone(),
            avatar: self.settings.avatar.clone(),
            background: self.settings.background.to_string(),
            composing: self.overlay.composing(Instant::now()),
            microphone: self.sound.microphone.as_ref().map_or_else(MicrophoneStatus::default, |m| MicrophoneStatus {
                offered: m.offered(),
                in_use: m.in_use(),
            }),
            monitor: self.settings.monitor,
            monitor_volume: self.settings.monitor_volume,
            captions: self.settings.captions,
            subtitles: self.settings.subtitles,
            language: self.language(),
            words: self.settings.words.clone(),
            revoice: self.settings.revoice,
            pending: self.pending.list(),
            steering: self.steering,
            mirror: self.mirror.view(self.style()),
        }
    }

    /// What the session log follows.
    pub fn session(&self) -> Session {
        Session {
            wanted: self.settings.session_log,
            watched: self.camera.demand() == Demand::Full,
            avatar: self.settings.avatar.clone(),
            camera_on: self.camera_on,
        }
    }

    /// What the picture is to show beside the face: the subtitle, and whether the user is typing.
    pub fn overlay(&self) -> (Option<String>, bool) {
        let now = Instant::now();
        let subtitle = if self.settings.subtitles { self.overlay.subtitle(now) } else { None };
        (subtitle, self.overlay.composing(now))
    }

    /// Whether the microphone must be open to be recognised, whether or not it drives the face.
    pub fn wants_ear(&self) -> bool {
        !self.muted && (self.settings.captions || self.settings.input == Input::Revoice)
    }

    /// Follows the recogniser. What is to be signalled as a caption: the text, and whether it is final.
    pub fn heard(&mut self, event: listen::Event) -> Option<(String, bool)> {
        // Said before the microphone was closed, or muted.
        if !self.wants_ear() {
            return None;
        }
        let (text, id) = match event {
            listen::Event::Partial(text) => (text, None),
            listen::Event::Final { id, text } => (text, Some(id)),
            listen::Event::Withdrawn => (String::new(), Some(0)),
        };
        if self.settings.input != Input::Revoice {
            self.overlay.heard(&text, id.is_some(), Instant::now());
        } else if let Some(id) = id.filter(|_| !text.is_empty()) {
            // Others read a sentence when it is spoken, not before the user has seen it.
            self.revoice(id, text.clone());
        }
        Some((text, id.is_some()))
    }

    /// A sentence of the user's is to be spoken by the synthetic voice.
    fn revoice(&mut self, id: u64, text: String) {
        if self.settings.revoice == RevoiceMode::Confirm {
            return self.pending.push(id, text);
        }
        let refused = self.say(SayRequest { text, ..SayRequest::default() }).err();
        let told = refused.map(|r| format!("a recognised sentence was not spoken: {}", r.sentence()));
        self.problems.set("revoice", told.into_iter().collect());
    }

    fn accept(&mut self, id: u64, text: String) -> Result<(), Refusal> {
        let recognised = self.pending.get(id).ok_or_else(|| not_pending(id))?;
        let text = if text.trim().is_empty() { recognised.to_owned() } else { text };
        self.say(SayRequest { text, ..SayRequest::default() })?;
        self.pending.remove(id);
        Ok(())
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
                self.prepare_voice();
            }
            Request::SetRate(rate) => {
                check_within("Rate", rate, 0.5, 2.0)?;
                self.settings.rate = rate;
            }
            Request::SetComposing(composing) => self.overlay.compose(composing, Instant::now()),
            Request::SetMonitor(on) => {
                self.settings.monitor = on;
                self.apply_monitor();
            }
            Request::SetMonitorVolume(volume) => {
                check_within("MonitorVolume", volume, 0.0, 1.0)?;
                self.settings.monitor_volume = volume;
                self.apply_monitor();
            }
            Request::SetCaptions(on) => {
                self.settings.captions = on;
                self.apply_listener();
            }
            Request::SetSubtitles(on) => self.settings.subtitles = on,
            Request::SetLanguage(tag) => {
                listen::check_language(&tag).map_err(Refusal::InvalidArgument)?;
                self.settings.language = Some(tag);
                self.apply_listener();
            }
            Request::SetWords(words) => {
                check_words(&words).map_err(Refusal::InvalidArgument)?;
                self.settings.words = words;
                self.apply_listener();
            }
            Request::SetRevoiceMode(name) => {
                self.settings.revoice = RevoiceMode::ALL.into_iter().find(|m| m.name() == name).ok_or_else(|| {
                    Refusal::InvalidArgument(format!(
                        "RevoiceMode was given \"{}\"; it must be \"confirm\" or \"immediate\"",
                        shorten(&name)
                    ))
                })?;
            }
            Request::Accept { id, text } => self.accept(id, text)?,
            Request::Reject(id) => {
                if !self.pending.remove(id) {
                    return Err(not_pending(id));
                }
            }
            Request::SetEmotion(named) => {
                self.steer(Emotions::of(named).map(|emotion| Steering { emotion, ..self.steering }))?;
            }
            Request::SetGaze { automatic, yaw, pitch } => {
                self.steer(Aim::new(automatic, yaw, pitch).map(|gaze| Steering { gaze, ..self.steering }))?;
            }
            Request::SetHeadPose { yaw, pitch, roll } => {
                self.steer(Turn::new(yaw, pitch, roll).map(|head| Steering { head, ..self.steering }))?;
            }
            Request::SetDistance(d) => {
                self.steer(check_distance(d).map(|distance| Steering { distance, ..self.steering }))?;
            }
            Request::Gesture(name) => {
                let gesture = Gesture::of(&name).map_err(Refusal::NotFound)?;
                self.motion.send(MotionMessage::Gesture(gesture));
            }
            Request::SetMirror(on) => self.mirror.set_on(on),
            Request::SetMirrorCamera(id) => self.mirror.set_camera(id)?,
            Request::SetPreview(on) => self.mirror.set_preview(on),
            Request::SetPerson(name) => self.mirror.set_person(name)?,
            Request::ChangeManner { change, of } => self.mirror.ask(change, of)?,
            Request::ForgetPerson => self.mirror.forget()?,
            // Answered when it is done: `MirrorState::calibrate`.
            Request::Calibrate(_) => {}
            Request::Reload => self.reload()?,
            // Answered when they are there: `ask_avatar`, `ask_background`.
            Request::SetAvatar(name) => self.ask_avatar(name, None),
            Request::SetBackground(text) => self.ask_background(&text, None),
            Request::Quit => {}
        }
        Ok(0)
    }

    /// Begins to bring an avatar on; `reply` is answered when it is shown, or refused.
    pub fn ask_avatar(&mut self, name: String, reply: Option<Reply>) {
        self.ask_looks(Looks { avatar: name, ..self.wanted_looks() }, reply);
    }

    /// Begins to put a background behind the avatar, as [`State::ask_avatar`].
    pub fn ask_background(&mut self, text: &str, reply: Option<Reply>) {
        let background = Background::parse(text).and_then(|background| match &background {
            // Whose folder would it be named from?
            Background::Picture(path) if path.is_relative() => {
                Err(format!("the background picture \"{}\" is not named in full; begin its name with /", shorten(text)))
            }
            _ => Ok(background),
        });
        match background {
            Ok(background) => self.ask_looks(Looks { background, ..self.wanted_looks() }, reply),
            Err(sentence) => {
                if let Some(reply) = reply {
                    let _ = reply.send(Err(Refusal::InvalidArgument(sentence)));
                }
            }
        }
    }

    /// What is shown once everything that was asked for is there.
    fn wanted_looks(&self) -> Looks {
        self.avatars.asked().cloned().unwrap_or_else(|| self.settings.looks())
    }

    fn ask_looks(&mut self, looks: Looks, reply: Option<Reply>) {
        // A picture may have another content than before.
        let same = looks == self.settings.looks() && !matches!(looks.background, Background::Picture(_));
        match reply {
            Some(reply) if same && self.avatars.stands() => drop(reply.send(Ok(0))),
            reply => self.avatars.bring(looks, reply),
        }
    }

    /// Shows what was brought on, and remembers it. What is to be answered, and to whom.
    pub fn avatar_brought(&mut self, brought: Brought) -> (Option<Reply>, Result<u64, Refusal>) {
        self.avatars.go_on();
        let Brought { looks, dressed, reply } = brought;
        let answer = dressed.map(|dressed| {
            self.render.send(RenderMessage::Avatar(Box::new(dressed)));
            let kept = config::keep(&self.paths, &self.configured, &looks);
            (self.settings.avatar, self.settings.background) = (looks.avatar, looks.background);
            let told = kept.map_err(|e| {
                format!(
                    "avatar and background are not remembered over a restart: {e:#}; make room, or set `avatar` and `background` in the settings"
                )
            });
            self.problems.set("choices", told.err().into_iter().collect());
            0
        });
        let told = answer.as_ref().err().filter(|_| reply.is_none()).map(|r| r.sentence().to_owned());
        self.problems.set("avatar", told.into_iter().collect());
        (reply, answer)
    }

    /// Follows the voice: an utterance may have its own profile.
    pub fn speech_event(&mut self, event: &Event) {
        match event {
            Event::Started { id, profile } => {
                let own = profile.is_some();
                self.overlay.started(*id);
                self.utterance = Some((*id, profile.clone()));
                if own {
                    self.apply_style(PROPERTY_FADE);
                }
            }
            Event::Finished { id, .. } => {
                self.overlay.finished(*id);
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
        ensure!(self.sound.ear.is_alive(), "the microphone's thread has died; see the log above");
        ensure!(self.render.is_alive(), "the render thread has died; see the log above");
        ensure!(self.mirror.is_alive(), "the mirror's thread has died; see the log above");
        Ok(())
    }

    fn steer(&mut self, steering: Result<Steering, String>) -> Result<(), Refusal> {
        self.steering = steering.map_err(Refusal::InvalidArgument)?;
        self.motion.send(MotionMessage::Steer(self.steering));
        Ok(())
    }

    fn set_input(&mut self, name: &str) -> Result<(), Refusal> {
        let input = Input::ALL.into_iter().find(|i| i.name() == name).ok_or_else(|| {
            Refusal::InvalidArgument(format!(
                "Input was given \"{}\"; it must be \"text\", \"microphone\" or \"revoice\"",
                shorten(name)
            ))
        })?;
        self.change_input(input);
        self.apply_microphone();
        Ok(())
    }

    /// What was recognised for another input is not spoken any more.
    fn change_input(&mut self, input: Input) {
        if self.settings.input != input {
            self.settings.input = input;
            self.pending.clear();
            self.overlay.forget_caption();
            self.problems.set("revoice", Vec::new());
        }
    }

    fn activate(&mut self, name: String, intensity: f64, over: Duration) -> Result<(), Refusal> {
        self.check_profile(&name)?;
        if !(0.0..=2.0).contains(&intensity) {
            return Err(Refusal::InvalidArgument(format!("intensity is {intensity}; it must be 0 to 2")));
        }
        self.settings.profile = name;
        self.settings.intensity = intensity;
        self.lost_profile = None;
        self.problems.set("profile", Vec::new());
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
            check_within("the option \"rate\"", rate, 0.5, 2.0)?;
        }
        let options = SayOptions {
            voice: Some(say.voice.unwrap_or_else(|| self.voice())),
            rate: say.rate.unwrap_or(self.settings.rate),
            interrupt: say.interrupt,
            profile: say.profile,
        };
        let id = self.speaker.say(&say.text, options).map_err(|e| match e {
            speech::SayError::Text(m) => Refusal::InvalidArgument(m),
            speech::SayError::Busy(m) => Refusal::NotReady(m),
        })?;
        self.overlay.queued(id, &say.text);
        Ok(id)
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
        let default = || speech::default_voice(&self.voices, &crate::config::locale()).map(|v| v.name.clone());
        self.settings.voice.clone().or_else(default).unwrap_or_default()
    }

    /// The profile in use: the utterance's own, else the active one. None: neutral.
    fn style(&self) -> Option<&Profile> {
        let own = self.utterance.as_ref().and_then(|(_, p)| p.as_deref());
        self.profiles.get(own.unwrap_or(&self.settings.profile))
    }

    fn apply_style(&self, over: Duration) {
        self.motion.send(MotionMessage::Style {
            profile: Box::new(self.style().cloned().unwrap_or_default()),
            intensity: self.settings.intensity as f32,
            over,
        });
    }

    fn apply_microphone(&mut self) {
        let own_voice = self.settings.input == Input::Microphone && !self.muted;
        self.sound.own_voice.store(own_voice, Relaxed);
        self.motion.send(MotionMessage::Microphone(own_voice));
        self.apply_listener();
    }

    fn apply_listener(&mut self) {
        self.sound.listener.set(listen::Options {
            language: self.language(),
            words: self.settings.words.clone(),
            recogniser: self.settings.recogniser.clone(),
            ..listen::Options::default()
        });
        self.sound.listener.listen(self.wants_ear());
        self.follow_listeners();
    }

    fn apply_monitor(&self) {
        self.speaker.set_monitor(monitor(&self.settings));
    }

    /// What the recogniser listens for.
    fn language(&self) -> String {
        self.settings.language.clone().unwrap_or_else(|| self.locale.clone())
    }

    /// Opens the microphone while somebody needs it, and only then.
    pub fn follow_listeners(&mut self) {
        let in_use = self.sound.microphone.as_ref().is_some_and(|m| m.in_use());
        let own_voice = self.settings.input == Input::Microphone && (self.camera.watched() || in_use) && !self.muted;
        let wanted = (own_voice || self.wants_ear()).then(|| Choice {
            device: self.settings.microphone.clone(),
            default_is_ours: self.sound.microphone.as_ref().is_some_and(|m| m.is_default()),
        });
        if wanted != self.wanted {
            self.sound.ear.want(wanted.clone());
            self.wanted = wanted;
        }
    }

    /// Has the user's camera open while the mirror needs it.
    pub fn follow_mirror(&mut self) {
        let watched = self.camera_on && self.camera.demand() == Demand::Full;
        let style = self.style().cloned();
        self.mirror.follow(style.as_ref(), watched);
    }

    /// A device that the machine slept over may be open and never give a sound again.
    pub fn open_microphone_again(&mut self) {
        if self.wanted.take().is_some() {
            self.sound.ear.want(None);
        }
        self.follow_listeners();
    }

    /// Reads profiles and settings again. What only a restart can change (outlets, size) stays as it is.
    fn reload(&mut self) -> Result<(), Refusal> {
        let new = Settings::load(&self.paths.settings)
            .map_err(|e| Refusal::Failed(format!("{e:#}; the running settings are kept")))?;
        let broken = self.load_profiles();
        self.voices = speech::voices(&self.paths);
        self.change_input(new.input);
        self.people = people(&self.paths);
        self.lost_profile = None;
        self.mirror.reload(new.mirror.clone());
        let configured = std::mem::replace(&mut self.configured, new.looks());
        let mut looks = self.wanted_looks();
        let before = looks.clone();
        // What was chosen holds until the settings say something else.
        if configured.avatar != new.avatar {
            looks.avatar.clone_from(&new.avatar);
        }
        if configured.background != new.background {
            looks.background.clone_from(&new.background);
        }
        if looks != before {
            self.avatars.bring(looks, None);
        }
        let Looks { avatar, background } = self.settings.looks();
        self.settings = Settings { size: self.settings.size, fps: self.settings.fps, avatar, background, ..new };
        self.correct_settings();
        self.follow_profile();
        self.apply_style(PROPERTY_FADE);
        self.apply_microphone();
        self.apply_monitor();
        if broken.is_empty() { Ok(()) } else { Err(Refusal::Failed(broken.join("; "))) }
    }

    /// Profiles or avatars on the disk are others than before.
    pub fn files_changed(&mut self) {
        self.people = people(&self.paths);
        let before = self.style().cloned();
        self.load_profiles();
        self.follow_profile();
        if self.style() != before.as_ref() {
            self.apply_style(PROPERTY_FADE);
        }
    }

    /// Reads the profiles; one whose file broke keeps its last good form. What is wrong.
    fn load_profiles(&mut self) -> Vec<String> {
        let (profiles, broken) = Profiles::load(&self.paths.profiles());
        self.profiles = profiles.or_keep(&self.profiles, &broken);
        let told: Vec<_> = broken.iter().map(ToString::to_string).collect();
        self.problems.set("profiles", told.clone());
        told
    }

    /// The active profile may have gone, or come back.
    fn follow_profile(&mut self) {
        if let Some(back) = self.lost_profile.take_if(|lost| self.profiles.get(lost).is_some()) {
            self.settings.profile = back;
        } else if self.profiles.get(&self.settings.profile).is_none() {
            self.lost_profile = Some(std::mem::replace(&mut self.settings.profile, "neutral".into()));
        }
        let told = self.lost_profile.as_ref().map(|lost| {
            format!("the file of the active profile \"{lost}\" is gone (\"neutral\" is used); bring it back or choose another")
        });
        self.problems.set("profile", told.into_iter().collect());
    }
}

fn people(paths: &Paths) -> Vec<(String, String, String)> {
    avatar::list(paths).into_iter().map(|a| (a.name, a.label, a.kind)).collect()
}

/// How the user hears the synthetic voice.
pub fn monitor(settings: &Settings) -> MonitorSettings {
    MonitorSettings { on: settings.monitor, volume: settings.monitor_volume, device: settings.speaker.clone() }
}

fn check_within(what: &str, value: f64, low: f64, high: f64) -> Result<(), Refusal> {
    if (low..=high).contains(&value) {
        return Ok(());
    }
    Err(Refusal::InvalidArgument(format!("{what} is {value}; it must be {low} to {high}")))
}

fn not_pending(id: u64) -> Refusal {
    Refusal::NotFound(format!("no sentence with the id {id} is waiting; Pending lists those that are"))
}

/// A megabyte of a name does not come back in a sentence.
fn shorten(name: &str) -> String {
    let mut short: String = name.chars().take(60).collect();
    if short.len() < name.len() {
        short.push('…');
    }
    short
}
