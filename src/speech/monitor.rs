//! The monitor: the user hears the synthetic voice too. A thread of its own opens and watches the device, so that nobody waits
//! for it.

use super::clip::Lead;
use super::output::{Output, Volume};
use super::playback::{Playback, Queue};
use super::speaker::tell;
use anyhow::{Result, bail};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// The output stays open this long after the last word, for the next one.
const LINGER: Duration = Duration::from_secs(3);

/// An output that does not ask for sound for so long is taken for gone; one that is gone is tried again as often.
const PATIENCE: Duration = Duration::from_secs(1);

/// An output that has asked for sound so often runs: the very first times may come before it is led anywhere.
const RUNNING: u64 = 3;

const TICK: Duration = Duration::from_millis(200);

/// What the monitor should be.
#[derive(Clone, Debug, PartialEq)]
pub struct MonitorSettings {
    /// Whether the user hears the voice at all.
    pub on: bool,
    /// 0..1.
    pub volume: f64,
    /// The output device by name; the default one where none is named.
    pub device: Option<String>,
}

impl Default for MonitorSettings {
    fn default() -> Self {
        Self { on: true, volume: 1.0, device: None }
    }
}

/// The monitor; dropping it closes the device.
pub struct Monitor {
    shared: Arc<Shared>,
    wake: Option<Sender<Message>>,
    thread: Option<JoinHandle<()>>,
}

enum Message {
    /// There is something to be heard, now or soon.
    Needed,
    Settings(MonitorSettings),
}

struct Shared {
    /// The device is being opened, so it is worth waiting for.
    opening: AtomicBool,
    problem: Mutex<Option<String>>,
}

impl Monitor {
    /// Starts the thread; the device is opened when it is first needed. Also gives the queue that the sentences go to.
    ///
    /// # Errors
    /// The system could not start a thread.
    pub fn start(settings: MonitorSettings) -> std::io::Result<(Self, Queue)> {
        let (queue, playback) = Playback::new(Lead::Monitor);
        let shared = Arc::new(Shared { opening: AtomicBool::new(false), problem: Mutex::default() });
        let (wake, inbox) = channel();
        let volume = Arc::new(Volume::new(settings.volume as f32));
        let keeper = Keeper {
            shared: shared.clone(),
            inbox,
            settings,
            volume,
            playback: Arc::new(Mutex::new(playback)),
            output: None,
            failed: None,
            seen: (0, Instant::now()),
            needed: None,
        };
        let thread = std::thread::Builder::new().name("monitor".into()).spawn(move || keeper.run())?;
        Ok((Self { shared, wake: Some(wake), thread: Some(thread) }, queue))
    }

    /// Says that there is something to be heard: opens the device, or keeps it open.
    pub fn need(&self) {
        self.send(Message::Needed);
    }

    pub fn set(&self, settings: MonitorSettings) {
        self.send(Message::Settings(settings));
    }

    /// Whether the device will be there in a moment.
    pub fn opening(&self) -> bool {
        self.shared.opening.load(Relaxed)
    }

    pub fn problem(&self) -> Option<String> {
        self.shared.problem.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn send(&self, message: Message) {
        if matches!(message, Message::Needed) {
            // Until the thread has looked: who asks at once must not think that nothing comes.
            self.shared.opening.store(true, Relaxed);
        }
        if let Some(wake) = &self.wake {
            let _ = wake.send(message);
        }
    }
}

impl Drop for Monitor {
    fn drop(&mut self) {
        self.wake = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

struct Keeper {
    shared: Arc<Shared>,
    inbox: Receiver<Message>,
    settings: MonitorSettings,
    volume: Arc<Volume>,
    playback: Arc<Mutex<Playback>>,
    output: Option<Output>,
    /// When it was last tried in vain.
    failed: Option<Instant>,
    /// The callbacks as last seen to grow, and when.
    seen: (u64, Instant),
    /// When it was last needed.
    needed: Option<Instant>,
}

impl Keeper {
    fn run(mut self) {
        loop {
            // With nothing open and nothing wanted there is nothing to look at.
            let message = if self.needed.is_none() && self.output.is_none() {
                self.inbox.recv().map_err(|_| RecvTimeoutError::Disconnected)
            } else {
                self.inbox.recv_timeout(TICK)
            };
            match message {
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {}
                Ok(Message::Needed) => self.needed = Some(Instant::now()),
                Ok(Message::Settings(settings)) => self.take(settings),
            }
            self.check();
            if self.needed.is_some() && self.output.is_none() && self.failed.is_none_or(|at| at.elapsed() >= PATIENCE) {
                self.open();
            }
            self.shared.opening.store(false, Relaxed);
        }
        self.close();
    }

    fn take(&mut self, settings: MonitorSettings) {
        self.volume.set(settings.volume as f32);
        if (settings.on, &settings.device) != (self.settings.on, &self.settings.device) {
            self.close();
            self.failed = None;
            self.tell(None);
        }
        self.settings = settings;
    }

    fn open(&mut self) {
        if !self.settings.on {
            return;
        }
        match self.try_open() {
            Ok(output) => {
                self.seen = (output.callbacks(), Instant::now());
                self.output = Some(output);
                self.failed = None;
                self.playback.lock().unwrap_or_else(PoisonError::into_inner).set_live(true);
                self.tell(None);
            }
            Err(e) => self.lose(&format!("{e:#}")),
        }
    }

    fn try_open(&self) -> Result<Output> {
        let output = Output::open(self.settings.device.as_deref(), self.playback.clone(), self.volume.clone())?;
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

    /// Lets go of an output that has gone or that nobody needs any more.
    fn check(&mut self) {
        if self.needed.is_some_and(|at| at.elapsed() > LINGER) {
            self.needed = None;
            self.close();
        }
        let Some(output) = &self.output else { return };
        let callbacks = output.callbacks();
        if callbacks != self.seen.0 {
            self.seen = (callbacks, Instant::now());
        }
        if let Some(why) = output.gone() {
            self.lose(&format!("the sound output went away ({why}); connect it again"));
        } else if self.seen.1.elapsed() > PATIENCE * 2 {
            self.lose("the sound output takes no sound any more; check the system's sound settings");
        }
    }

    fn close(&mut self) {
        if self.output.take().is_some() {
            self.playback.lock().unwrap_or_else(PoisonError::into_inner).set_live(false);
        }
    }

    fn lose(&mut self, why: &str) {
        self.close();
        self.failed = Some(Instant::now());
        self.tell(Some(format!("the synthetic voice cannot be heard here: {why}")));
    }

    fn tell(&self, problem: Option<String>) {
        tell(&self.shared.problem, problem);
    }
}
