//! The ear: the thread that owns the microphone while somebody needs it, and leads its sound to the face, to "VASA Microphone" and to
//! the recogniser.

use super::problems::Problems;
use crate::microphone::Throat;
use crate::sound::{Block, Capture};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, TryRecvError, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// The longest wait for sound before orders are looked at again.
const PATIENCE: Duration = Duration::from_millis(40);

/// How often the microphone's problems are looked at.
const LOOK: Duration = Duration::from_millis(250);

/// Which microphone should be open; None where none should.
pub type Wanted = Option<Option<String>>;

/// Where the sound goes.
pub struct Listeners {
    /// The face: what it cannot take in time is lost.
    pub face: SyncSender<Block>,
    /// The apps.
    pub throat: Throat,
    /// The recogniser.
    pub recogniser: Box<dyn FnMut(&Block) + Send>,
}

/// The running thread; dropping it closes the microphone.
pub struct Ear {
    orders: Option<Sender<Wanted>>,
    thread: Option<JoinHandle<()>>,
    open: Arc<AtomicBool>,
}

impl Ear {
    /// # Errors
    /// The system could not start a thread.
    pub fn start(listeners: Listeners, problems: Arc<Problems>) -> std::io::Result<Self> {
        let (orders, receiver) = channel();
        let open = Arc::new(AtomicBool::new(false));
        let theirs = open.clone();
        let thread = std::thread::Builder::new()
            .name("ear".into())
            .spawn(move || Loop { receiver, listeners, problems, open: theirs }.run())?;
        Ok(Self { orders: Some(orders), thread: Some(thread), open })
    }

    /// Opens the microphone that is wanted, or closes it.
    pub fn want(&self, wanted: Wanted) {
        if let Some(orders) = &self.orders {
            let _ = orders.send(wanted);
        }
    }

    /// Whether the microphone is open.
    pub fn is_open(&self) -> bool {
        self.open.load(Relaxed)
    }

    pub fn is_alive(&self) -> bool {
        self.thread.as_ref().is_some_and(|t| !t.is_finished())
    }
}

impl Drop for Ear {
    fn drop(&mut self) {
        self.orders = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

struct Loop {
    receiver: Receiver<Wanted>,
    listeners: Listeners,
    problems: Arc<Problems>,
    open: Arc<AtomicBool>,
}

impl Loop {
    fn run(mut self) {
        let mut wanted = None;
        loop {
            wanted = match wanted.take() {
                None => match self.receiver.recv() {
                    Ok(order) => order,
                    Err(_) => return,
                },
                Some(device) => match self.listen(device) {
                    Ok(order) => order,
                    Err(RecvTimeoutError::Disconnected | RecvTimeoutError::Timeout) => return,
                },
            };
        }
    }

    /// Listens until another order comes.
    fn listen(&mut self, device: Option<String>) -> Result<Wanted, RecvTimeoutError> {
        let mut capture = Capture::start(device.clone());
        self.open.store(true, Relaxed);
        let mut looked: Option<Instant> = None;
        let order = loop {
            match self.receiver.try_recv() {
                Ok(order) if order.as_ref() == Some(&device) => {}
                Ok(order) => break Ok(order),
                Err(TryRecvError::Empty) => {}
                Err(TryRecvError::Disconnected) => break Err(RecvTimeoutError::Disconnected),
            }
            let Listeners { face, throat, recogniser } = &mut self.listeners;
            if let Some(block) = capture.next(PATIENCE, &mut |at, samples| throat.push(at, samples)) {
                recogniser(&block);
                // A face that nobody looks at takes none.
                let _ = face.try_send(block);
            }
            if looked.is_none_or(|at| at.elapsed() >= LOOK) {
                looked = Some(Instant::now());
                self.problems.set("microphone", capture.problems());
            }
        };
        drop(capture);
        self.open.store(false, Relaxed);
        self.problems.set("microphone", Vec::new());
        order
    }
}
