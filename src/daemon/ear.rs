//! The ear: the thread that owns the microphone while somebody needs it, and leads its sound to the face, to "VASA Microphone" and to
//! the recogniser.

use super::problems::Problems;
use crate::microphone::{self, Throat};
use crate::sound::{Block, Capture, Direction, devices};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, TryRecvError, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// The longest wait for sound before orders are looked at again.
const PATIENCE: Duration = Duration::from_millis(40);

/// How often the microphone's problems are looked at.
const LOOK: Duration = Duration::from_millis(250);

/// A microphone that cannot be opened as things are is thought of again this often.
const RETHINK: Duration = Duration::from_secs(2);

/// Which microphone should be open; None where none should.
pub type Wanted = Option<Choice>;

/// A microphone to listen to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// By its name; the default one where none is named.
    pub device: Option<String>,
    /// The default one is our own "VASA Microphone".
    pub default_is_ours: bool,
}

impl Choice {
    /// The device to open; never our own, in which the voice would run in a ring.
    fn device(&self) -> Result<Option<String>, String> {
        let ours =
            |name: &str| name.eq_ignore_ascii_case(microphone::NAME) || name.eq_ignore_ascii_case(microphone::NODE);
        match &self.device {
            Some(name) if ours(name) => Err(format!(
                "the settings name \"{name}\" as the microphone, but that is this program's own; choose another one"
            )),
            None if self.default_is_ours => {
                let mut others = devices(Direction::Input).unwrap_or_default().into_iter().filter(|name| !ours(name));
                let other = others.next().ok_or(
                    "the default microphone is \"VASA Microphone\" itself, and there is no other; connect a microphone",
                )?;
                Ok(Some(other))
            }
            named => Ok(named.clone()),
        }
    }
}

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
                Some(choice) => match self.listen(choice) {
                    Ok(order) => order,
                    Err(RecvTimeoutError::Disconnected | RecvTimeoutError::Timeout) => return,
                },
            };
        }
    }

    /// Listens until another order comes.
    fn listen(&mut self, wanted: Choice) -> Result<Wanted, RecvTimeoutError> {
        let device = loop {
            match wanted.device() {
                Ok(device) => break device,
                Err(sentence) => self.problems.set("microphone", vec![sentence]),
            }
            match self.receiver.recv_timeout(RETHINK) {
                Ok(order) if order.as_ref() == Some(&wanted) => {}
                Ok(order) => {
                    self.problems.set("microphone", Vec::new());
                    return Ok(order);
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(e) => return Err(e),
            }
        };
        let mut capture = Capture::start(device);
        self.open.store(true, Relaxed);
        let mut looked: Option<Instant> = None;
        let order = loop {
            match self.receiver.try_recv() {
                Ok(order) if order.as_ref() == Some(&wanted) => {}
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_microphone_is_never_listened_to() {
        for name in ["VASA Microphone", "vasa_microphone"] {
            let choice = Choice { device: Some(name.into()), default_is_ours: false };
            assert!(choice.device().unwrap_err().contains("this program's own"));
        }
        let named = Choice { device: Some("Headset".into()), default_is_ours: true };
        assert_eq!(named.device(), Ok(Some("Headset".into())));
        assert_eq!(Choice { device: None, default_is_ours: false }.device(), Ok(None));
    }
}
