//! "VASA Microphone": the microphone that apps hear, a PipeWire source beside the camera. It carries exactly what the face says: the
//! synthetic voice, or the user's own, held back until its picture leaves. Silence else.

mod live;
mod mix;
mod source;

pub use live::{Live, Throat};
pub use mix::Mix;

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use tokio::sync::watch;

/// The name that apps show.
pub const NAME: &str = "VASA Microphone";

/// The name of the node in PipeWire, and its identity for apps that remember their choice.
pub const NODE: &str = "vasa_microphone";

/// The running microphone. Dropping it takes it away from the apps and waits for its thread.
pub struct Microphone {
    shared: Arc<Shared>,
    stop: ::pipewire::channel::Sender<()>,
    thread: Option<JoinHandle<()>>,
}

/// What the thread tells.
struct Shared {
    offered: AtomicBool,
    in_use: AtomicBool,
    is_default: AtomicBool,
    stopping: AtomicBool,
    problem: Mutex<Option<String>>,
    changes: watch::Sender<u64>,
}

impl Shared {
    fn set(&self, flag: &AtomicBool, value: bool) {
        if flag.swap(value, Relaxed) != value {
            self.changes.send_modify(|n| *n += 1);
        }
    }

    /// Sets what is wrong; that it is, and that it is over, is logged.
    fn tell(&self, problem: Option<String>) {
        let mut slot = self.problem.lock().unwrap_or_else(PoisonError::into_inner);
        if *slot != problem {
            match &problem {
                // In other words, but no news: the second try fails in another way than the first.
                Some(_) if slot.is_some() => {}
                Some(sentence) => tracing::warn!("{sentence}"),
                // Told by its being offered.
                None => {}
            }
            *slot = problem;
            self.changes.send_modify(|n| *n += 1);
        }
    }
}

impl Microphone {
    /// Offers the microphone with the sound of `mix`. Where PipeWire is not there (or goes away) it is waited for, and
    /// [`Microphone::problem`] says so.
    ///
    /// # Errors
    /// The system could not start a thread.
    pub fn start(mix: Mix) -> std::io::Result<Self> {
        let shared = Arc::new(Shared {
            offered: AtomicBool::new(false),
            in_use: AtomicBool::new(false),
            is_default: AtomicBool::new(false),
            stopping: AtomicBool::new(false),
            problem: Mutex::default(),
            changes: watch::Sender::new(0),
        });
        let (stop, stopped) = ::pipewire::channel::channel();
        let theirs = shared.clone();
        let thread =
            std::thread::Builder::new().name("virtual-mic".into()).spawn(move || source::run(&theirs, mix, stopped))?;
        Ok(Self { shared, stop, thread: Some(thread) })
    }

    /// Whether apps can choose it.
    pub fn offered(&self) -> bool {
        self.shared.offered.load(Relaxed)
    }

    /// Whether an app records it.
    pub fn in_use(&self) -> bool {
        self.shared.in_use.load(Relaxed)
    }

    /// Whether it is the desktop's default microphone: then our own ear must listen to another one, or the voice would run in a ring.
    pub fn is_default(&self) -> bool {
        self.shared.is_default.load(Relaxed)
    }

    /// What is wrong and how to mend it; None when all is well.
    pub fn problem(&self) -> Option<String> {
        self.shared.problem.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Changes whenever one of the above did.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.shared.changes.subscribe()
    }
}

impl Drop for Microphone {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Relaxed);
        let _ = self.stop.send(());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the virtual microphone's thread ended by a panic");
        }
    }
}
