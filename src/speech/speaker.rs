//! The speaker: takes texts, lets a voice speak them sentence by sentence, and says what is heard when.
//!
//! The thread "voice" turns the next sentence into sound while the last one is heard; the thread "speaker" (`player.rs`)
//! plays it.

use super::clip::{Clip, Lead};
use super::monitor::{Monitor, MonitorSettings};
use super::playback::Playback;
use super::player::{Player, ToPlayer};
use super::timeline::Timeline;
use super::{Outline, Phone, Piece, TextError, Voice, check, check_rate, open, sentences, unknown_voice, usable};
use crate::clock::Moment;
use crate::config::Paths;
use crate::sound::{Block, RATE, Resampler, VOICE_RATE};
use anyhow::{Context, Result};
use std::collections::{BTreeSet, VecDeque};
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// Utterances that can be open at once: the one that is being said, and those that wait.
const QUEUE: usize = 100;

/// Sound that is made ahead of what is heard, in seconds: enough never to run dry, bounded whatever the text.
const AHEAD: f64 = 15.0;

/// The face may ask for a block this far ahead of being heard, unless it tells more.
const READS_AHEAD: Duration = Duration::from_millis(140);

/// How to speak a text.
#[derive(Clone, Debug, PartialEq)]
pub struct SayOptions {
    /// The voice by name; the first one where none is named.
    pub voice: Option<String>,
    /// How fast: 0.5..2, 1 is natural.
    pub rate: f64,
    /// Stops what is being said and drops what waits.
    pub interrupt: bool,
    /// The expression profile for this text only; the speaker only passes it on.
    pub profile: Option<String>,
}

impl Default for SayOptions {
    fn default() -> Self {
        Self { voice: None, rate: 1.0, interrupt: false, profile: None }
    }
}

/// Why a text was not taken: one sentence with its remedy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SayError {
    /// The text or an option cannot be used.
    Text(String),
    /// The speaker cannot take it now.
    Busy(String),
}

impl std::fmt::Display for SayError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            SayError::Text(m) | SayError::Busy(m) => f.write_str(m),
        }
    }
}

impl std::error::Error for SayError {}

impl From<TextError> for SayError {
    fn from(e: TextError) -> Self {
        SayError::Text(e.to_string())
    }
}

/// What became of an utterance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Its first sound is being heard.
    Started { id: u64, profile: Option<String> },
    /// It is over. `completed` is false where it was stopped, superseded or failed.
    Finished { id: u64, completed: bool },
}

/// Speaks texts. Dropping it silences it.
pub struct Speaker {
    shared: Arc<Shared>,
    monitor: Arc<Monitor>,
    to_player: Sender<ToPlayer>,
    threads: Vec<JoinHandle<()>>,
}

pub(super) struct Shared {
    paths: Paths,
    pub timeline: Timeline,
    waiting: Mutex<Waiting>,
    /// Rung for the voice's thread.
    bell: Condvar,
    /// Utterances of a number below this have been stopped.
    stopped_below: AtomicU64,
    /// How much further ahead than 140 ms the face reads, in milliseconds.
    reads_further: AtomicU64,
    voice_problem: Mutex<Option<String>>,
}

#[derive(Default)]
struct Waiting {
    utterances: VecDeque<Utterance>,
    /// Those that were taken and are not over.
    open: BTreeSet<u64>,
    last_id: u64,
    /// A voice to load before it is needed.
    prepare: Option<Option<String>>,
    closed: bool,
}

struct Utterance {
    id: u64,
    text: String,
    voice: Option<String>,
    rate: f64,
}

impl Speaker {
    /// Starts the threads. The user hears the voice on the monitor; the playback is for "VASA Microphone".
    ///
    /// # Errors
    /// The threads cannot be started.
    pub fn start(paths: Paths, monitor: MonitorSettings) -> Result<(Self, UnboundedReceiver<Event>, Playback)> {
        let shared = Arc::new(Shared {
            paths,
            timeline: Timeline::default(),
            waiting: Mutex::default(),
            bell: Condvar::new(),
            stopped_below: AtomicU64::new(0),
            reads_further: AtomicU64::new(0),
            voice_problem: Mutex::default(),
        });
        let (events, receiver) = unbounded_channel();
        let (to_player, from_speaker) = channel();
        let (microphone, playback) = Playback::new(Lead::Microphone);
        let (monitor, monitor_queue) = Monitor::start(monitor).context("error starting the monitor's thread")?;
        let monitor = Arc::new(monitor);
        let player = Player::new(shared.clone(), from_speaker, events, microphone, (monitor.clone(), monitor_queue));
        let talker = Talker { shared: shared.clone(), to_player: to_player.clone(), loaded: None };
        let voice = std::thread::Builder::new().name("voice".into()).spawn(move || talker.run());
        let mut speaker = Self { shared, monitor, to_player, threads: Vec::new() };
        // Pushed one by one: where the second does not start, dropping the speaker ends the first.
        speaker.threads.push(voice.context("error starting the voice's thread")?);
        let player = std::thread::Builder::new().name("speaker".into()).spawn(move || player.run());
        speaker.threads.push(player.context("error starting the speaker's thread")?);
        Ok((speaker, receiver, playback))
    }

    /// Queues a text and gives its number at once.
    ///
    /// # Errors
    /// Text that cannot be spoken, an unknown voice, a rate outside 0.5..2, a full queue: nothing is changed then.
    pub fn say(&self, text: &str, options: SayOptions) -> Result<u64, SayError> {
        check(text)?;
        check_rate(options.rate).map_err(|e| SayError::Text(e.to_string()))?;
        let voice = options.voice.filter(|v| !v.is_empty());
        let known = usable(&self.shared.paths).0;
        match &voice {
            Some(voice) if !known.iter().any(|k| k.name == *voice) => {
                return Err(SayError::Text(unknown_voice(voice, &known)));
            }
            None if known.is_empty() => {
                return Err(SayError::Busy(
                    "there is no voice; run vasa models install joe, and install espeak-ng".into(),
                ));
            }
            _ => {}
        }
        if options.interrupt {
            self.stop();
        }
        let mut waiting = self.shared.lock();
        if waiting.open.len() >= QUEUE {
            return Err(SayError::Busy(format!(
                "{QUEUE} texts are waiting to be spoken already; wait for one to end, or stop them"
            )));
        }
        waiting.last_id += 1;
        let id = waiting.last_id;
        waiting.open.insert(id);
        // Under the lock, so that the player learns of utterances in their order.
        self.to_player.send(ToPlayer::Accepted { id, profile: options.profile }).ok();
        waiting.utterances.push_back(Utterance { id, text: text.to_owned(), voice, rate: options.rate });
        drop(waiting);
        self.shared.bell.notify_all();
        Ok(id)
    }

    /// Silences the voice within 100 ms and drops all that waits.
    pub fn stop(&self) {
        let mut waiting = self.shared.lock();
        let below = waiting.last_id + 1;
        self.shared.stopped_below.store(below, Relaxed);
        waiting.utterances.clear();
        waiting.open.clear();
        self.shared.timeline.stop(below);
        self.to_player.send(ToPlayer::Stopped { below }).ok();
        drop(waiting);
        self.shared.bell.notify_all();
    }

    /// Loads a voice before it is needed, so that the first word comes sooner.
    pub fn prepare(&self, voice: Option<String>) {
        self.shared.lock().prepare = Some(voice.filter(|v| !v.is_empty()));
        self.shared.bell.notify_all();
    }

    /// Whether sound is being heard or is planned to be within a moment.
    pub fn speaking(&self) -> bool {
        self.shared.timeline.busy()
    }

    /// Says how far ahead of being heard the face asks for a block. Past 140 ms, sentences are planned so much earlier: what it
    /// asks for must have been made.
    pub fn read_ahead(&self, by: Duration) {
        let further = by.saturating_sub(READS_AHEAD).as_millis();
        self.shared.reads_further.store(u64::try_from(further).unwrap_or_default(), Relaxed);
    }

    /// Fills `into` with what is heard in the 20 ms from `at` on; ask no further ahead than was told. False: nothing is.
    pub fn block_at(&self, at: Moment, into: &mut Block) -> bool {
        self.shared.timeline.block_at(at, into)
    }

    /// Gathers the phonemes that are heard between two moments, as far as the voice tells them.
    pub fn phones(&self, from: Moment, to: Moment, into: &mut Vec<Phone>) {
        self.shared.timeline.phones(from, to, into);
    }

    /// Grows with every change of what [`Speaker::block_at`] answered before: who has read ahead must read again.
    pub fn revision(&self) -> u64 {
        self.shared.timeline.revision()
    }

    /// Changes whether, where and how loud the user hears the voice.
    pub fn set_monitor(&self, settings: MonitorSettings) {
        self.monitor.set(settings);
    }

    /// What keeps the voice from being heard as it should, as sentences with their remedy; empty when all is well.
    pub fn problems(&self) -> Vec<String> {
        let voice = self.shared.voice_problem.lock().unwrap_or_else(PoisonError::into_inner).clone();
        [voice, self.monitor.problem()].into_iter().flatten().collect()
    }
}

impl Drop for Speaker {
    fn drop(&mut self) {
        self.stop();
        self.shared.lock().closed = true;
        self.shared.bell.notify_all();
        self.to_player.send(ToPlayer::Close).ok();
        for thread in self.threads.drain(..) {
            thread.join().ok();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An utterance is over.
    pub fn finished(&self, id: u64) {
        self.lock().open.remove(&id);
    }

    /// How much earlier sentences are planned for a face that reads further ahead.
    pub fn further(&self) -> Duration {
        Duration::from_millis(self.reads_further.load(Relaxed))
    }

    pub fn stopped(&self, id: u64) -> bool {
        id < self.stopped_below.load(Relaxed)
    }
}

/// Sets a problem, and logs it where it is new.
pub(super) fn tell(slot: &Mutex<Option<String>>, problem: Option<String>) {
    let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
    if *slot != problem {
        if let Some(sentence) = &problem {
            tracing::warn!("{sentence}");
        }
        *slot = problem;
    }
}

/// The thread "voice": texts to sound.
struct Talker {
    shared: Arc<Shared>,
    to_player: Sender<ToPlayer>,
    /// The voice that spoke last.
    loaded: Option<Loaded>,
}

impl Talker {
    fn run(mut self) {
        loop {
            let utterance = {
                let mut waiting = self.shared.lock();
                loop {
                    if waiting.closed {
                        return;
                    }
                    if let Some(utterance) = waiting.utterances.pop_front() {
                        break Some(utterance);
                    }
                    if let Some(voice) = waiting.prepare.take() {
                        drop(waiting);
                        // What is wrong is told when the voice is used.
                        self.load(&voice).ok();
                        break None;
                    }
                    waiting = self.shared.bell.wait(waiting).unwrap_or_else(PoisonError::into_inner);
                }
            };
            let Some(utterance) = utterance else { continue };
            let completed = match self.speak(&utterance) {
                Ok(completed) => completed,
                Err(e) => {
                    tell(&self.shared.voice_problem, Some(format!("a text could not be spoken: {e:#}")));
                    false
                }
            };
            self.to_player.send(ToPlayer::End { id: utterance.id, completed }).ok();
        }
    }

    /// Loads the voice; where a neural one does not load, espeak-ng's speaks in its place, and the next text tries again.
    fn load(&mut self, name: &Option<String>) -> Result<()> {
        if self.loaded.as_ref().is_some_and(|l| l.name == *name && !l.in_place) {
            return Ok(());
        }
        // The memory of one voice at a time.
        self.loaded = None;
        let (voice, in_place) = match open(&self.shared.paths, name.as_deref()) {
            Ok(voice) => (voice, false),
            Err(e) => {
                let Ok(voice) = open(&self.shared.paths, Some(super::ESPEAK)) else { return Err(e) };
                tell(&self.shared.voice_problem, Some(format!("espeak-ng speaks in place of the chosen voice: {e:#}")));
                (voice, true)
            }
        };
        self.loaded = Some(Loaded { name: name.clone(), voice, in_place });
        Ok(())
    }

    /// False: it was stopped.
    fn speak(&mut self, utterance: &Utterance) -> Result<bool> {
        self.load(&utterance.voice)?;
        let loaded = self.loaded.as_mut().context("no voice is loaded")?;
        for sentence in sentences(&utterance.text) {
            loop {
                let waiting = self.shared.lock();
                if waiting.closed || self.shared.stopped(utterance.id) {
                    return Ok(false);
                }
                if self.shared.timeline.end().is_none_or(|end| end.seconds_since(Moment::now()) < AHEAD) {
                    break;
                }
                drop(self.shared.bell.wait_timeout(waiting, Duration::from_millis(500)));
            }
            let mut maker = Maker { utterance: utterance.id, talker: (&self.shared, &self.to_player), clip: None };
            let made = loaded.voice.speak(&sentence, utterance.rate, &mut |piece| maker.take(piece));
            maker.finish();
            made?;
        }
        if !loaded.in_place {
            tell(&self.shared.voice_problem, None);
        }
        Ok(true)
    }
}

/// A voice that is ready.
struct Loaded {
    /// As it was asked for.
    name: Option<String>,
    voice: Box<dyn Voice>,
    /// It speaks in place of one that does not load.
    in_place: bool,
}

/// Makes a clip of the pieces of a sentence.
struct Maker<'t> {
    utterance: u64,
    talker: (&'t Shared, &'t Sender<ToPlayer>),
    clip: Option<(Arc<Clip>, Converter)>,
}

impl Maker<'_> {
    fn take(&mut self, piece: Piece<'_>) -> ControlFlow<()> {
        let (shared, to_player) = self.talker;
        if shared.stopped(self.utterance) {
            return ControlFlow::Break(());
        }
        match (piece, &mut self.clip) {
            (Piece::Outline(outline), clip @ None) => match Converter::new(outline.rate) {
                Ok(converter) => {
                    let made = Clip::new(self.utterance, converter.length(outline), outline.phones.clone());
                    *clip = Some((Arc::new(made), converter));
                }
                Err(e) => {
                    tell(&shared.voice_problem, Some(format!("the voice cannot be heard: {e:#}")));
                    return ControlFlow::Break(());
                }
            },
            (Piece::Sound(samples), Some((clip, converter))) => {
                let first = clip.sound.ready() == 0;
                converter.push(samples, clip);
                if first && clip.sound.ready() > 0 {
                    to_player.send(ToPlayer::Sentence(clip.clone())).ok();
                }
            }
            // A second outline, or sound before the first: no voice does that.
            _ => {}
        }
        ControlFlow::Continue(())
    }

    /// No more pieces will come, for whatever reason.
    fn finish(&mut self) {
        if let Some((clip, converter)) = &mut self.clip {
            converter.flush(clip);
            clip.close();
        }
    }
}

/// From the voice's rate to those of the listener and the face, piece by piece.
struct Converter {
    rate: u32,
    listener: Resampler,
    face: Resampler,
    scratch: Vec<f32>,
}

impl Converter {
    fn new(rate: u32) -> Result<Self> {
        let (listener, face) = (Resampler::new(rate, VOICE_RATE)?, Resampler::new(VOICE_RATE, RATE)?);
        Ok(Self { rate, listener, face, scratch: Vec::new() })
    }

    /// The sentence's length for the listener, in samples.
    fn length(&self, outline: &Outline) -> usize {
        (outline.samples as u64 * u64::from(VOICE_RATE)).div_ceil(u64::from(self.rate.max(1))) as usize
    }

    fn push(&mut self, samples: &[f32], clip: &Clip) {
        self.scratch.clear();
        self.listener.push(samples, &mut self.scratch);
        // The face's first: a listener's sample without the face's would be heard and not seen.
        let mut seen = Vec::with_capacity(self.scratch.len() / 2);
        self.face.push(&self.scratch, &mut seen);
        clip.heard.append(&seen);
        clip.sound.append(&self.scratch);
    }

    /// Silence pushes out what the filters still hold.
    fn flush(&mut self, clip: &Clip) {
        let silence = vec![0.0; self.rate as usize / 50];
        for _ in 0..4 {
            self.push(&silence, clip);
        }
    }
}
