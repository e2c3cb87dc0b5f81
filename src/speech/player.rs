//! The thread "speaker": plans when each sentence is heard and by whose clock, gives it to those who play it, and reports what was
//! heard.
//!
//! The sentence follows "VASA Microphone" while an app records it, else the monitor, else the program's clock, so that the face
//! speaks even where nobody hears it.

use super::PAUSE;
use super::clip::{Clip, Lead};
use super::monitor::Monitor;
use super::playback::Queue;
use super::speaker::{Event, Shared};
use crate::clock::Moment;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};
use tokio::sync::mpsc::UnboundedSender;

/// A sentence is planned this far ahead of what its lead has asked for: time for the face to hear it and to be drawn.
const LEAD: Duration = Duration::from_millis(40);

/// How often the thread looks, while there is something to be heard.
const TICK: Duration = Duration::from_millis(10);

/// While there is not, but the monitor may be open.
const IDLE: Duration = Duration::from_secs(1);

/// A lead that has gone is waited for this long: then the sentence goes on by the program's clock.
const GONE: Duration = Duration::from_millis(150);

/// A start that moved by more than this, in microseconds, is a change of plan for the face.
const MOVED: i64 = 4_000;

pub enum ToPlayer {
    /// An utterance was taken; its sound follows.
    Accepted {
        id: u64,
        profile: Option<String>,
    },
    /// Its next sentence, whose first sound is there.
    Sentence(Arc<Clip>),
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
    /// To "VASA Microphone".
    microphone: Queue,
    monitor: Arc<Monitor>,
    monitor_queue: Queue,
    /// The utterances that are not over, in their order.
    open: VecDeque<Utterance>,
    /// Sentences that have no place in time yet.
    unplanned: VecDeque<Arc<Clip>>,
    /// The sentences that have not been heard to their end, in their order.
    line: VecDeque<Sentence>,
    /// Whether the microphone and the monitor played when the thread last looked.
    live: (bool, bool),
    needed: Instant,
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
    /// The start that the face was last told of.
    told: Moment,
    /// Since when its lead plays nothing.
    stalled: Option<Instant>,
}

impl Player {
    pub fn new(
        shared: Arc<Shared>,
        inbox: Receiver<ToPlayer>,
        events: UnboundedSender<Event>,
        microphone: Queue,
        monitor: (Arc<Monitor>, Queue),
    ) -> Self {
        let (monitor, monitor_queue) = monitor;
        Self {
            shared,
            inbox,
            events,
            microphone,
            monitor,
            monitor_queue,
            open: VecDeque::new(),
            unplanned: VecDeque::new(),
            line: VecDeque::new(),
            live: (false, false),
            needed: Instant::now(),
        }
    }

    pub fn run(mut self) {
        loop {
            let idle = self.open.is_empty() && self.line.is_empty();
            let message = if idle {
                self.inbox.recv().map_err(|_| RecvTimeoutError::Disconnected)
            } else {
                self.inbox.recv_timeout(TICK)
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
                self.need_monitor();
            }
            ToPlayer::Sentence(clip) => {
                if !self.shared.stopped(clip.utterance) {
                    self.unplanned.push_back(clip);
                }
            }
            ToPlayer::End { id, completed } => {
                if let Some(utterance) = self.open.iter_mut().find(|u| u.id == id) {
                    utterance.end = Some(completed);
                }
            }
            ToPlayer::Stopped { below } => {
                self.unplanned.retain(|clip| clip.utterance >= below);
                while self.open.front().is_some_and(|u| u.id < below) {
                    let Some(utterance) = self.open.pop_front() else { break };
                    self.finish(utterance.id, false);
                }
            }
            ToPlayer::Close => {}
        }
    }

    fn finish(&self, id: u64, completed: bool) {
        self.shared.finished(id);
        self.events.send(Event::Finished { id, completed }).ok();
    }

    fn need_monitor(&mut self) {
        self.needed = Instant::now();
        self.monitor.need();
    }

    /// Sees to everything that time brings.
    fn look(&mut self) {
        if self.needed.elapsed() >= IDLE {
            self.need_monitor();
        }
        self.see_listeners();
        while let Some(clip) = self.unplanned.front() {
            if self.shared.stopped(clip.utterance) {
                self.unplanned.pop_front();
                continue;
            }
            let Some(lead) = self.lead() else { break };
            let Some(clip) = self.unplanned.pop_front() else { break };
            self.plan(clip, lead);
        }
        let now = Moment::now();
        for sentence in &mut self.line {
            sentence.look(now, self.live, &self.shared);
            let clip = &sentence.clip;
            let Some(utterance) = self.open.iter_mut().find(|u| u.id == clip.utterance) else { continue };
            if !utterance.started && clip.begun() && now >= clip.start() {
                utterance.started = true;
                self.events.send(Event::Started { id: utterance.id, profile: utterance.profile.take() }).ok();
            }
        }
        while let Some(Sentence { clip, .. }) = self.line.front() {
            if now < clip.end() || !(clip.begun() || clip.stopping()) {
                break;
            }
            self.shared.timeline.forget(clip);
            self.line.pop_front();
        }
        while let Some(utterance) = self.open.front() {
            let Some(completed) = utterance.end else { break };
            let is_its = |clip: &Arc<Clip>| clip.utterance == utterance.id;
            if self.line.iter().any(|s| is_its(&s.clip)) || self.unplanned.iter().any(is_its) {
                break;
            }
            let id = utterance.id;
            self.open.pop_front();
            self.finish(id, completed);
        }
    }

    /// Whose clock the next sentence follows. None: wait a moment, somebody is about to listen.
    fn lead(&self) -> Option<Lead> {
        match self.live {
            (true, _) => Some(Lead::Microphone),
            (false, true) => Some(Lead::Monitor),
            (false, false) if self.monitor.opening() => None,
            (false, false) => Some(Lead::Clock),
        }
    }

    /// Puts a sentence after those before it, and as soon as its lead and the face can have it.
    fn plan(&mut self, clip: Arc<Clip>, lead: Lead) {
        let ahead = match lead {
            Lead::Clock => Duration::ZERO,
            Lead::Monitor => self.monitor_queue.ahead(),
            Lead::Microphone => self.microphone.ahead(),
        };
        let soonest = Moment::now() + ahead + LEAD + self.shared.further();
        let after = self.shared.timeline.end().map_or(soonest, |end| end + Duration::from_secs_f64(PAUSE));
        clip.plan(soonest.max(after), lead);
        self.shared.timeline.push(clip.clone());
        // Stopped between the look before and the push: the timeline's stop has missed it.
        if self.shared.stopped(clip.utterance) {
            self.shared.timeline.forget(&clip);
            return;
        }
        let (microphone, monitor) = self.live;
        if microphone && !self.microphone.give(&clip) {
            tracing::error!("the queue of the virtual microphone is full; a sentence is not heard in it");
        }
        if monitor && !self.monitor_queue.give(&clip) {
            tracing::error!("the sound output's queue is full; a sentence is not heard on it");
        }
        self.line.push_back(Sentence { told: clip.start(), clip, stalled: None });
    }

    /// Who has begun to listen gets what is in the line.
    fn see_listeners(&mut self) {
        let live = (self.microphone.live(), self.monitor_queue.live());
        for sentence in &self.line {
            if live.0 && !self.live.0 {
                self.microphone.give(&sentence.clip);
            }
            if live.1 && !self.live.1 {
                self.monitor_queue.give(&sentence.clip);
            }
        }
        if self.live.0 && !live.0 && !self.line.is_empty() {
            tracing::warn!(
                "nobody records the virtual microphone any more, in mid-sentence; the voice goes on without it"
            );
        }
        self.live = live;
    }
}

impl Sentence {
    /// Keeps a sentence going whose lead has gone, and tells the face where it moved.
    fn look(&mut self, now: Moment, live: (bool, bool), shared: &Shared) {
        let clip = &self.clip;
        let led = clip.led_by(Lead::Microphone) && live.0 || clip.led_by(Lead::Monitor) && live.1;
        if led || clip.led_by(Lead::Clock) {
            self.stalled = None;
        } else if self.stalled.get_or_insert_with(Instant::now).elapsed() > GONE || clip.begun() {
            clip.follow(Lead::Clock);
        }
        if clip.led_by(Lead::Clock) && now >= clip.start() {
            clip.begin();
        }
        if (clip.start().0 - self.told.0).abs() > MOVED {
            self.told = clip.start();
            shared.timeline.revise();
        }
    }
}
