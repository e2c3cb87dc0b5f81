//! The thread "speaker": plans when each sentence is heard, owns the sound output, and reports what was heard.
//!
//! Without an output the sentences are "heard" by the clock, so that the face still speaks.

use super::output::Output;
use super::speaker::{Event, Shared, tell};
use super::timeline::Clip;
use super::{PAUSE, Speech};
use crate::clock::Moment;
use anyhow::{Result, bail};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};
use tokio::sync::mpsc::UnboundedSender;

/// A sentence is planned this far ahead: the face asks for its sound before it is heard, by the picture's delay.
const LEAD: Duration = Duration::from_millis(220);

/// The output stays open this long after the last word, for the next one.
const LINGER: Duration = Duration::from_secs(3);

/// An output that does not ask for sound for so long is taken for gone; one that is gone is tried again as often.
const PATIENCE: Duration = Duration::from_secs(1);

/// An output that has asked for sound so often runs: the very first times may come before it is led anywhere.
const RUNNING: u64 = 3;

/// How often the thread looks, while there is something to be heard.
const TICK: Duration = Duration::from_millis(10);

pub enum ToPlayer {
    /// An utterance was taken; its sound follows.
    Accepted {
        id: u64,
        profile: Option<String>,
    },
    /// Its next sentence; `heard` is the same sound at 16 kHz.
    Sentence {
        id: u64,
        speech: Speech,
        heard: Vec<f32>,
    },
    /// Its last sentence is on its way (`completed`), or it failed.
    End {
        id: u64,
        completed: bool,
    },
    /// Everything of a number below this is over.
    Stopped {
        below: u64,
    },
    Close,
}

pub struct Player {
    shared: Arc<Shared>,
    inbox: Receiver<ToPlayer>,
    events: UnboundedSender<Event>,
    device: Option<String>,
    output: Option<Output>,
    /// When the output was last tried in vain.
    failed: Option<Instant>,
    /// The output's callbacks as last seen to grow, and when.
    seen: (u64, Instant),
    /// The utterances that are not over, in their order.
    open: VecDeque<Utterance>,
    /// The sentences that have not been heard to their end, in their order.
    line: VecDeque<Sentence>,
    idle_since: Instant,
}

struct Utterance {
    id: u64,
    profile: Option<String>,
    started: bool,
    /// All its sentences are in the line; whether it is complete with them.
    end: Option<bool>,
}

struct Sentence {
    clip: Arc<Clip>,
    /// Kept for an output that is opened while it is heard.
    speech: Speech,
}

impl Player {
    pub fn new(
        shared: Arc<Shared>,
        inbox: Receiver<ToPlayer>,
        events: UnboundedSender<Event>,
        device: Option<String>,
    ) -> Self {
        let now = Instant::now();
        Self {
            shared,
            inbox,
            events,
            device,
            output: None,
            failed: None,
            seen: (0, now),
            open: VecDeque::new(),
            line: VecDeque::new(),
            idle_since: now,
        }
    }

    pub fn run(mut self) {
        loop {
            let idle = self.open.is_empty() && self.line.is_empty();
            // With nothing to do and nothing open there is nothing to look at: the thread sleeps until it is spoken to.
            let message = match (idle, &self.output) {
                (true, None) => self.inbox.recv().map_err(|_| RecvTimeoutError::Disconnected),
                (true, Some(_)) => self.inbox.recv_timeout(PATIENCE / 2),
                (false, _) => self.inbox.recv_timeout(TICK),
            };
            match message {
                Ok(ToPlayer::Close) | Err(RecvTimeoutError::Disconnected) => return,
                Ok(message) => self.take(message),
                Err(RecvTimeoutError::Timeout) => {}
            }
            self.look();
        }
    }

    fn take(&mut self, message: ToPlayer) {
        match message {
            ToPlayer::Accepted { id, profile } => {
                self.open.push_back(Utterance { id, profile, started: false, end: None });
                // Opened while the voice makes the first sentence.
                self.open_output();
            }
            ToPlayer::Sentence { id, speech, heard } => {
                if !self.shared.stopped(id) {
                    self.plan(id, speech, heard);
                }
            }
            ToPlayer::End { id, completed } => {
                if let Some(utterance) = self.open.iter_mut().find(|u| u.id == id) {
                    utterance.end = Some(completed);
                }
            }
            ToPlayer::Stopped { below } => {
                while self.open.front().is_some_and(|u| u.id < below) {
                    let Some(utterance) = self.open.pop_front() else { break };
                    self.events.send(Event::Finished { id: utterance.id, completed: false }).ok();
                }
            }
            ToPlayer::Close => {}
        }
    }

    /// Puts a sentence after those before it, and far enough ahead for the face.
    fn plan(&mut self, id: u64, speech: Speech, heard: Vec<f32>) {
        self.open_output();
        let samples = self.output.as_ref().and_then(|o| o.fit(&speech).ok());
        let soonest = Moment::now() + LEAD;
        let after = self.shared.timeline.end().map_or(soonest, |end| end + Duration::from_secs_f64(PAUSE));
        let clip = Arc::new(Clip::new(id, heard, soonest.max(after)));
        self.shared.timeline.push(clip.clone());
        // Stopped between the look above and the push: the timeline's stop has missed it.
        if self.shared.stopped(id) {
            self.shared.timeline.forget(&clip);
            return;
        }
        if let (Some(output), Some(samples)) = (&mut self.output, samples) {
            output.play(&clip, samples);
        }
        self.line.push_back(Sentence { clip, speech });
    }

    /// Sees to everything that time brings.
    fn look(&mut self) {
        self.check_output();
        let now = Moment::now();
        for sentence in &self.line {
            if self.output.is_none() && now >= sentence.clip.start() {
                sentence.clip.begin();
            }
            let Some(utterance) = self.open.iter_mut().find(|u| u.id == sentence.clip.utterance) else { continue };
            if !utterance.started && sentence.clip.begun() && now >= sentence.clip.start() {
                utterance.started = true;
                self.events.send(Event::Started { id: utterance.id, profile: utterance.profile.take() }).ok();
            }
        }
        while let Some(sentence) = self.line.front() {
            let clip = &sentence.clip;
            if now < clip.end() || !(clip.begun() || clip.stopping()) {
                break;
            }
            self.shared.timeline.forget(clip);
            self.line.pop_front();
        }
        while let Some(utterance) = self.open.front() {
            let Some(completed) = utterance.end else { break };
            if self.line.iter().any(|s| s.clip.utterance == utterance.id) {
                break;
            }
            self.events.send(Event::Finished { id: utterance.id, completed }).ok();
            self.open.pop_front();
        }
        if !self.open.is_empty() || !self.line.is_empty() {
            self.idle_since = Instant::now();
        } else if self.output.is_some() && self.idle_since.elapsed() > LINGER {
            self.output = None;
        }
    }

    /// Opens the output, unless it is open or was tried in vain a moment ago.
    fn open_output(&mut self) {
        if self.output.is_some() || self.failed.is_some_and(|at| at.elapsed() < PATIENCE) {
            return;
        }
        match self.try_output() {
            Ok(mut output) => {
                // What is being heard by the clock goes on in the device where it is.
                for sentence in &self.line {
                    if let Ok(samples) = output.fit(&sentence.speech) {
                        output.play(&sentence.clip, samples);
                    }
                }
                self.seen = (output.callbacks(), Instant::now());
                self.output = Some(output);
                self.failed = None;
                tell(&self.shared.output_problem, None);
            }
            Err(e) => self.lose(&format!("{e:#}")),
        }
    }

    fn try_output(&self) -> Result<Output> {
        let output = Output::open(self.device.as_deref())?;
        // Planning needs a device that runs: what begins late would part the sound from the face.
        let since = Instant::now();
        while output.callbacks() < RUNNING {
            if let Some(why) = output.gone() {
                bail!("the sound output stopped ({why}); check the system's sound settings");
            }
            if since.elapsed() > PATIENCE {
                bail!("the sound output takes no sound; check the system's sound settings");
            }
            std::thread::sleep(Duration::from_millis(3));
        }
        Ok(output)
    }

    /// Lets go of an output that has gone, and looks for one while there is something to be heard.
    fn check_output(&mut self) {
        if let Some(output) = &self.output {
            let callbacks = output.callbacks();
            if callbacks != self.seen.0 {
                self.seen = (callbacks, Instant::now());
            }
            if let Some(why) = output.gone() {
                self.lose(&format!("the sound output went away ({why}); connect it again"));
            } else if self.seen.1.elapsed() > PATIENCE * 2 {
                self.lose("the sound output takes no sound any more; check the system's sound settings");
            }
        } else if !self.line.is_empty() && self.failed.is_some_and(|at| at.elapsed() >= PATIENCE) {
            self.open_output();
        }
    }

    fn lose(&mut self, why: &str) {
        self.output = None;
        self.failed = Some(Instant::now());
        tell(&self.shared.output_problem, Some(format!("the voice cannot be heard here, only seen: {why}")));
    }
}
