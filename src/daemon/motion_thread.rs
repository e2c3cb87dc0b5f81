//! The motion thread: every 20 ms it takes the sound of the moment, voice or microphone, and makes the face that belongs
//! to it. It runs while somebody watches and sleeps otherwise.

use super::problems::Problems;
use super::stats::Stats;
use crate::camera::Camera;
use crate::clock::Moment;
use crate::config::Profile;
use crate::face::Face;
use crate::motion::{Gesture, Motion, PHONES_AHEAD, PHONES_BACK, Steering};
use crate::sound::{BLOCK_TIME, Block};
use crate::speech::{Phone, Speaker};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::thread::JoinHandle;
use std::time::Duration;

/// What comes to the look-ahead: the block of 20 ms, 23 ms for drawing and for the sound server's buffers, and half of the time that
/// a frame stands.
const BESIDE: Duration = Duration::from_millis(60);

/// From a sound entering the microphone to the picture of it being seen, and to the sound itself being heard in "VASA Microphone":
/// 140 ms with the small network, 220 ms with the large one, always the same in a daemon's life. The face has the synthetic voice
/// this much before it is heard.
pub fn sound_to_picture(motion: &Motion) -> Duration {
    motion.look_ahead() + BESIDE
}

/// Later than this, and time was lost (suspend, a stopped process): start afresh instead of catching up.
const TOO_LATE: f64 = 0.25;

/// What the main loop tells the motion thread.
pub enum Message {
    Style {
        profile: Box<Profile>,
        intensity: f32,
        over: Duration,
    },
    /// Whether the microphone drives the face.
    Microphone(bool),
    /// Whether the user is composing a text.
    Composing(bool),
    Steer(Steering),
    Gesture(Gesture),
    /// Somebody watches: wake up.
    Wake,
}

/// The running thread; dropping it ends it.
pub struct MotionThread {
    messages: Option<Sender<Message>>,
    thread: Option<JoinHandle<()>>,
}

impl MotionThread {
    /// Starts the thread; faces go into `faces`, which the render thread empties.
    ///
    /// # Errors
    /// The system could not start a thread.
    pub fn start(
        motion: Motion,
        camera: Arc<Camera>,
        speaker: Arc<Speaker>,
        microphone: Receiver<Block>,
        faces: rtrb::Producer<Made>,
        stats: Arc<Stats>,
        problems: Arc<Problems>,
    ) -> std::io::Result<Self> {
        let (messages, receiver) = channel();
        let thread = std::thread::Builder::new().name("motion".into()).spawn(move || {
            Loop {
                delay: sound_to_picture(&motion),
                motion,
                camera,
                speaker,
                faces,
                stats,
                problems,
                receiver,
                microphone,
                listen: false,
                told: None,
                phones: Vec::with_capacity(256),
                fed: Moment(0),
                revision: 0,
            }
            .run();
        })?;
        Ok(Self { messages: Some(messages), thread: Some(thread) })
    }

    pub fn send(&self, message: Message) {
        if let Some(messages) = &self.messages {
            // A thread that has gone is reported by the main loop's watchdog, not here.
            let _ = messages.send(message);
        }
    }

    /// A sender for the render thread, which is the first to learn that somebody watches.
    pub fn waker(&self) -> Option<Sender<Message>> {
        self.messages.clone()
    }

    pub fn is_alive(&self) -> bool {
        self.thread.as_ref().is_some_and(|t| !t.is_finished())
    }
}

impl Drop for MotionThread {
    fn drop(&mut self) {
        self.messages = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// What moved a face, for the figures: a live voice has a latency, the synthetic voice a skew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    Silence,
    Microphone,
    Voice,
}

/// A face, and what belongs to it.
#[derive(Clone, Copy, Debug)]
pub struct Made {
    pub face: Face,
    pub source: Source,
    /// How far a voice sounds at its instant, 0..1.
    pub voice: f32,
}

struct Loop {
    motion: Motion,
    /// [`sound_to_picture`].
    delay: Duration,
    camera: Arc<Camera>,
    speaker: Arc<Speaker>,
    faces: rtrb::Producer<Made>,
    stats: Arc<Stats>,
    problems: Arc<Problems>,
    receiver: Receiver<Message>,
    /// What the ear hears, stamped with its capture.
    microphone: Receiver<Block>,
    /// Whether that drives the face.
    listen: bool,
    /// What was last told of the lips.
    told: Option<String>,
    phones: Vec<Phone>,
    /// The end of what the face has heard.
    fed: Moment,
    /// Of the voice's plan, as it was read.
    revision: u64,
}

impl Loop {
    fn run(mut self) {
        loop {
            match self.receiver.recv() {
                Err(_) => return,
                Ok(message) => self.take(message),
            }
            if self.camera.watched() && !self.watch() {
                return;
            }
        }
    }

    /// Makes faces until nobody watches. False: the thread is to end.
    fn watch(&mut self) -> bool {
        while self.camera.watched() {
            loop {
                match self.receiver.try_recv() {
                    Ok(message) => self.take(message),
                    Err(TryRecvError::Empty) => break,
                    Err(TryRecvError::Disconnected) => return false,
                }
            }
            let now = Moment::now();
            if (now + self.delay).seconds_since(self.fed).abs() > TOO_LATE {
                self.fed = now + self.delay;
            }
            let voice = self.speaker.speaking();
            if self.listen && !voice {
                if let Ok(live) = self.microphone.recv_timeout(BLOCK_TIME * 2) {
                    self.hear(&Block { at: live.at + self.delay, ..live }, Source::Microphone);
                    continue;
                }
            } else {
                // Old sound must not come back when the voice has ended.
                while self.microphone.try_recv().is_ok() {}
            }
            self.read_again();
            let at = self.fed;
            std::thread::sleep((at - self.delay).wait().min(BLOCK_TIME));
            let mut block = Block::silent(at);
            let spoken = voice && self.speaker.block_at(at, &mut block);
            self.hear(&block, if spoken { Source::Voice } else { Source::Silence });
        }
        true
    }

    /// A sentence is planned a moment before it is heard, when the face has heard silence in its place already: takes that back.
    fn read_again(&mut self) {
        let revision = self.speaker.revision();
        if std::mem::replace(&mut self.revision, revision) == revision {
            return;
        }
        let ahead = self.fed.seconds_since(Moment::now()).max(0.0);
        let back = self.motion.rewind((ahead / BLOCK_TIME.as_secs_f64()).ceil() as usize);
        self.fed = self.fed - BLOCK_TIME * back as u32;
    }

    /// Makes the face of a block.
    fn hear(&mut self, block: &Block, source: Source) {
        // Between two sources a block may overlap the one before.
        if block.at + BLOCK_TIME / 2 < self.fed {
            return;
        }
        self.fed = block.at + BLOCK_TIME;
        // The whole block is there as soon as it has been captured.
        let waited = Moment::now().seconds_since(self.fed - self.delay);
        self.motion.behind(Duration::try_from_secs_f64(waited).unwrap_or_default());
        let face_at = self.fed - self.motion.look_ahead();
        self.speaker.phones(face_at - PHONES_BACK, face_at + PHONES_AHEAD, &mut self.phones);
        let face = self.motion.step(block, &self.phones);
        self.stats.stepped_down.store(self.motion.has_stepped_down(), Relaxed);
        if self.motion.problem() != self.told.as_deref() {
            self.told = self.motion.problem().map(str::to_owned);
            self.problems.set("lips", self.told.iter().cloned().collect());
        }
        // A full queue means that the render thread stands still; it will take the newest when it wakes.
        let _ = self.faces.push(Made { face, source, voice: self.motion.voice() });
    }

    fn take(&mut self, message: Message) {
        match message {
            Message::Style { profile, intensity, over } => self.motion.set_profile(&profile, intensity, over),
            Message::Microphone(listen) => self.listen = listen,
            Message::Composing(composing) => self.motion.set_composing(composing),
            Message::Steer(steering) => self.motion.steer(steering),
            // What nobody saw is not made up for when somebody comes.
            Message::Gesture(gesture) if self.camera.watched() => self.motion.gesture(gesture),
            Message::Gesture(_) => {}
            Message::Wake => {}
        }
    }
}
