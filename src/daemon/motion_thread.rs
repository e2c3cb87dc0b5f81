//! The motion thread: every 20 ms it takes the sound of the moment, voice or microphone, and makes the face that belongs
//! to it. It runs while somebody watches and sleeps otherwise.

use super::problems::Problems;
use crate::camera::Camera;
use crate::clock::Moment;
use crate::config::Profile;
use crate::face::Face;
use crate::motion::Motion;
use crate::sound::{Block, Capture};
use crate::speech::Speaker;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::thread::JoinHandle;
use std::time::Duration;

/// From a sound entering the microphone to the picture of it leaving: the block of 20 ms, the network's look-ahead of
/// 80 ms, and 20 ms for the sound server's own buffering. The synthetic voice is heard this much after the face has it.
pub const SOUND_TO_PICTURE: Duration = Duration::from_millis(120);

const BLOCK: Duration = Duration::from_millis(20);

/// Later than this, and time was lost (suspend, a stopped process): start afresh instead of catching up.
const TOO_LATE: f64 = 0.2;

/// What the main loop tells the motion thread.
pub enum Message {
    Style {
        profile: Box<Profile>,
        intensity: f32,
        over: Duration,
    },
    /// Whether the microphone drives the face, and which one.
    Microphone {
        listen: bool,
        device: Option<String>,
    },
    /// Somebody watches: wake up.
    Wake,
}

/// The running thread; dropping it ends it.
pub struct MotionThread {
    messages: Option<Sender<Message>>,
    thread: Option<JoinHandle<()>>,
    microphone_open: Arc<AtomicBool>,
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
        faces: rtrb::Producer<(Face, Source)>,
        problems: Arc<Problems>,
    ) -> std::io::Result<Self> {
        let (messages, receiver) = channel();
        let microphone_open = Arc::new(AtomicBool::new(false));
        let open = microphone_open.clone();
        let thread = std::thread::Builder::new().name("motion".into()).spawn(move || {
            Loop {
                motion,
                camera,
                speaker,
                faces,
                problems,
                receiver,
                open,
                capture: None,
                listen: false,
                device: None,
                told: None,
            }
            .run();
        })?;
        Ok(Self { messages: Some(messages), thread: Some(thread), microphone_open })
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

    pub fn microphone_in_use(&self) -> bool {
        self.microphone_open.load(Relaxed)
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

struct Loop {
    motion: Motion,
    camera: Arc<Camera>,
    speaker: Arc<Speaker>,
    faces: rtrb::Producer<(Face, Source)>,
    problems: Arc<Problems>,
    receiver: Receiver<Message>,
    open: Arc<AtomicBool>,
    capture: Option<Capture>,
    listen: bool,
    device: Option<String>,
    /// What was last told of the lips.
    told: Option<String>,
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
        let mut tick = Moment::now();
        let mut last = Moment(i64::MIN);
        while self.camera.watched() {
            loop {
                match self.receiver.try_recv() {
                    Ok(message) => self.take(message),
                    Err(TryRecvError::Empty) => break,
                    Err(TryRecvError::Disconnected) => return false,
                }
            }
            self.open_or_close_microphone();
            let voice = self.speaker.speaking();
            let heard = match (&mut self.capture, voice) {
                (Some(capture), false) => capture.next(BLOCK * 2),
                (Some(capture), true) => {
                    // Keep the microphone's queue short while the voice leads the face.
                    while capture.next(Duration::ZERO).is_some() {}
                    None
                }
                (None, _) => None,
            };
            let (block, source) = if let Some(live) = heard {
                tick = Moment::now();
                (Block { at: live.at + SOUND_TO_PICTURE, ..live }, Source::Microphone)
            } else {
                tick = tick + BLOCK;
                if Moment::now().seconds_since(tick) > TOO_LATE {
                    tick = Moment::now();
                }
                std::thread::sleep(tick.wait());
                let at = tick + SOUND_TO_PICTURE;
                let mut block = Block::silent(at);
                let spoken = voice && self.speaker.block_at(at, &mut block);
                (block, if spoken { Source::Voice } else { Source::Silence })
            };
            // Faces never go back in time: between two sources a block may overlap the one before.
            if block.at <= last {
                continue;
            }
            last = block.at;
            let face = self.motion.step(&block, &[]);
            if self.motion.problem() != self.told.as_deref() {
                self.told = self.motion.problem().map(str::to_owned);
                self.problems.set("lips", self.told.iter().cloned().collect());
            }
            // A full queue means that the render thread stands still; it will take the newest when it wakes.
            let _ = self.faces.push((face, source));
        }
        self.capture = None;
        self.open.store(false, Relaxed);
        true
    }

    fn take(&mut self, message: Message) {
        match message {
            Message::Style { profile, intensity, over } => self.motion.set_profile(&profile, intensity, over),
            Message::Microphone { listen, device } => {
                if device != self.device || !listen {
                    self.capture = None;
                }
                (self.listen, self.device) = (listen, device);
            }
            Message::Wake => {}
        }
    }

    /// The microphone is open only while it drives a face that somebody watches.
    fn open_or_close_microphone(&mut self) {
        if self.listen && self.capture.is_none() {
            self.capture = Some(Capture::start(self.device.clone()));
        }
        self.open.store(self.capture.is_some(), Relaxed);
        self.problems.set("microphone", self.capture.as_ref().map(Capture::problems).unwrap_or_default());
    }
}
