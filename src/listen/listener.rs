//! The thread "listener": the microphone's blocks to stretches of speech, which the recogniser writes down.

use super::recogniser::Recogniser;
use super::{AUTO, Segment, Segmenter};
use crate::clock::Moment;
use crate::config::Paths;
use crate::sound::Block;
use anyhow::{Context, Result};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// Blocks that can wait: 1.3 s.
const BLOCKS: usize = 64;

/// Events that can wait.
const EVENTS: usize = 64;

/// How often a quick look is taken at what is being said, at most; and the least that is worth a look, in seconds.
const LOOK: Duration = Duration::from_secs(1);
const WORTH_A_LOOK: f64 = 0.9;

/// After the synthetic voice fell silent: its echo in the room.
const ECHO: Duration = Duration::from_millis(300);

/// No sound for this long ends what was being said: the microphone has gone.
const GONE: Duration = Duration::from_secs(1);

/// The recogniser's settings.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// "auto" or a tag, as [`super::check_language`] takes it.
    pub language: String,
    /// Names and terms that are likely to be said.
    pub words: Vec<String>,
    /// A ggml file in place of the installed one.
    pub recogniser: Option<PathBuf>,
    /// How long the model stays in memory after its last use.
    pub disuse: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self { language: AUTO.into(), words: Vec::new(), recogniser: None, disuse: Duration::from_secs(5 * 60) }
    }
}

/// What was heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// What is being said, as far as it can be told now; the next one replaces it.
    Partial(String),
    /// What was said. Ids rise.
    Final { id: u64, text: String },
    /// The partial text before was nothing: no final one will come.
    Withdrawn,
}

/// Where the microphone's blocks go in. Clones lead to the same listener.
#[derive(Clone)]
pub struct Feed {
    messages: SyncSender<Message>,
    shared: Arc<Shared>,
}

/// What the listener's thread waits for; None: something was switched off, or it is all over.
type Message = Option<Block>;

struct Shared {
    recogniser: Recogniser,
    listening: AtomicBool,
}

/// Listens and writes down. Dropping it ends its threads.
pub struct Listener {
    feed: Feed,
    threads: Vec<JoinHandle<()>>,
}

impl Feed {
    /// Takes 20 ms of the microphone. Never waits and never allocates; where the listener does not keep up, or listens to
    /// nothing, the block is dropped.
    pub fn hear(&self, block: &Block) {
        if self.shared.listening.load(Relaxed) {
            // Full: the listener stands still, and what it would hear is late beyond use.
            let _ = self.messages.try_send(Some(*block));
        }
    }
}

impl Listener {
    /// Starts the threads; nothing is listened to yet, no model is loaded. While `deaf` says so, and a moment longer, what is
    /// heard is not recognised: the synthetic voice is being heard in the room.
    ///
    /// # Errors
    /// The threads cannot be started.
    pub fn start(
        paths: Paths,
        options: Options,
        deaf: impl Fn() -> bool + Send + 'static,
    ) -> Result<(Self, mpsc::Receiver<Event>)> {
        let (events, receiver) = mpsc::channel(EVENTS);
        let (messages, heard) = sync_channel(BLOCKS);
        let recogniser = Recogniser::new(paths, options, events);
        let shared = Arc::new(Shared { recogniser, listening: AtomicBool::new(false) });
        let mut listener = Self { feed: Feed { messages, shared: shared.clone() }, threads: Vec::new() };
        // Pushed one by one: where the second does not start, dropping the listener ends the first.
        let ear =
            Ear { shared: shared.clone(), segments: Segmenter::default(), last: None, deaf_until: None, looked: None };
        let ear = std::thread::Builder::new().name("listener".into()).spawn(move || ear.run(&heard, &deaf));
        listener.threads.push(ear.context("error starting the listener's thread")?);
        let recogniser = std::thread::Builder::new().name("recogniser".into()).spawn(move || shared.recogniser.run());
        listener.threads.push(recogniser.context("error starting the recogniser's thread")?);
        Ok((listener, receiver))
    }

    /// Where the microphone's blocks go in.
    pub fn feed(&self) -> Feed {
        self.feed.clone()
    }

    /// Whether what comes in is to be recognised. When it ends, what was being said is forgotten.
    pub fn listen(&self, on: bool) {
        if self.feed.shared.listening.swap(on, Relaxed) && !on {
            self.feed.shared.recogniser.forget();
            self.wake();
        }
    }

    /// Changes the settings; the next sentence is recognised with them.
    pub fn set(&self, options: Options) {
        self.feed.shared.recogniser.set(options);
    }

    /// What keeps speech from being recognised, as sentences with their remedy; empty when all is well.
    pub fn problems(&self) -> Vec<String> {
        self.feed.shared.recogniser.problems()
    }

    /// Whether the model is in memory.
    pub fn loaded(&self) -> bool {
        self.feed.shared.recogniser.loaded()
    }

    fn wake(&self) {
        // Full: it is awake.
        let _ = self.feed.messages.try_send(None);
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.feed.shared.listening.store(false, Relaxed);
        self.feed.shared.recogniser.close();
        self.wake();
        for thread in self.threads.drain(..) {
            thread.join().ok();
        }
    }
}

struct Ear {
    shared: Arc<Shared>,
    segments: Segmenter,
    /// When the last block was captured.
    last: Option<Moment>,
    deaf_until: Option<Instant>,
    /// When the last quick look was asked for.
    looked: Option<Instant>,
}

impl Ear {
    fn run(mut self, heard: &Receiver<Message>, deaf: &dyn Fn() -> bool) {
        loop {
            // Where nothing is listened to, nothing wakes it.
            let message = if self.shared.listening.load(Relaxed) {
                heard.recv_timeout(GONE)
            } else {
                heard.recv().map_err(|_| RecvTimeoutError::Disconnected)
            };
            // Feeds may outlive the listener: the channel does not tell its end.
            if self.shared.recogniser.closed() {
                return;
            }
            match message {
                _ if !self.shared.listening.load(Relaxed) => self.segments.reset(),
                Ok(Some(block)) => self.hear(&block, deaf()),
                Ok(None) => {}
                Err(RecvTimeoutError::Timeout) => self.stop(),
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn hear(&mut self, block: &Block, deaf: bool) {
        if deaf {
            self.deaf_until = Some(Instant::now() + ECHO);
        }
        if self.deaf_until.is_some_and(|until| Instant::now() < until) {
            self.stop();
            return;
        }
        let gap = self.last.replace(block.at).is_some_and(|last| block.at.seconds_since(last) > GONE.as_secs_f64());
        if gap {
            self.stop();
        }
        let spoke = self.segments.speaking();
        let ended = self.segments.push(&block.samples);
        match (spoke, self.segments.speaking(), ended) {
            (_, _, Some(segment)) => self.shared.recogniser.finish(segment),
            (false, true, None) => {
                self.looked = Some(Instant::now());
                self.shared.recogniser.prepare();
            }
            (true, false, None) => self.shared.recogniser.withdraw(),
            (true, true, None) => self.look(),
            (false, false, None) => {}
        }
    }

    /// A quick look now and then, where nothing more important is to be recognised.
    fn look(&mut self) {
        if self.looked.is_some_and(|at| at.elapsed() < LOOK) || !self.shared.recogniser.idle() {
            return;
        }
        let Some(samples) = self.segments.so_far() else { return };
        let segment = Segment { samples: samples.to_vec(), voiced: self.segments.voiced() };
        if segment.seconds() >= WORTH_A_LOOK {
            self.looked = Some(Instant::now());
            self.shared.recogniser.look(segment);
        }
    }

    /// No more sound will come for now: what was being said is over.
    fn stop(&mut self) {
        self.last = None;
        let spoke = self.segments.speaking();
        match self.segments.finish() {
            Some(segment) => self.shared.recogniser.finish(segment),
            None if spoke => self.shared.recogniser.withdraw(),
            None => {}
        }
    }
}
