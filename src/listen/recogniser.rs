//! The thread "recogniser": stretches of speech to text, one after the other. It loads the model when something is to be
//! recognised and drops it after a time of disuse. It runs at a lower priority than what draws the face.

use super::believe::believe;
use super::{Care, Event, Heard, Options, Segment, Whisper, model_path};
use crate::config::Paths;
use anyhow::{Context, Result};
use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use tokio::sync::mpsc::Sender;

/// Finished stretches that can wait: at most this many times 26 s of sound.
const QUEUE: usize = 4;

/// How much nicer than the rest of the program, on the system's scale of 0 to 19.
const NICENESS: i32 = 10;

/// What the listener asks for.
#[derive(Default)]
struct Work {
    finished: VecDeque<Segment>,
    /// A look at what is being said; a newer one takes its place.
    so_far: Option<Segment>,
    /// The model will be needed soon.
    prepare: bool,
    /// A quick look is running.
    looking: bool,
    /// Any recognition is running.
    busy: bool,
    /// Raised when everything that was asked for is void.
    generation: u64,
    options: Options,
    /// A stretch was lost because too many waited.
    lost: bool,
    /// A partial caption is being shown that no final one has replaced.
    shown: bool,
    last_id: u64,
    closed: bool,
}

/// Both sides of the queue.
pub(super) struct Recogniser {
    paths: Paths,
    work: Mutex<Work>,
    bell: Condvar,
    /// Ends the running recognition.
    abort: Arc<AtomicBool>,
    problem: Mutex<Option<String>>,
    loaded: AtomicBool,
    events: Sender<Event>,
}

impl Recogniser {
    pub fn new(paths: Paths, options: Options, events: Sender<Event>) -> Self {
        Self {
            paths,
            work: Mutex::new(Work { options, ..Work::default() }),
            bell: Condvar::new(),
            abort: Arc::default(),
            problem: Mutex::default(),
            loaded: AtomicBool::new(false),
            events,
        }
    }

    /// Somebody begins to speak: have the model ready.
    pub fn prepare(&self) {
        self.lock().prepare = true;
        self.bell.notify_all();
    }

    /// Whether a quick look would be taken now.
    pub fn idle(&self) -> bool {
        let work = self.lock();
        !work.busy && work.finished.is_empty() && work.so_far.is_none()
    }

    /// Takes a quick look at what has been said so far.
    pub fn look(&self, so_far: Segment) {
        self.lock().so_far = Some(so_far);
        self.bell.notify_all();
    }

    /// Recognises a finished stretch. Where too many wait, the oldest is lost, and said to be.
    pub fn finish(&self, segment: Segment) {
        let mut work = self.lock();
        work.so_far = None;
        if work.looking {
            // Nobody needs the look any more, and this is waited for.
            self.abort.store(true, Relaxed);
        }
        work.finished.push_back(segment);
        if work.finished.len() > QUEUE {
            work.finished.pop_front();
            work.lost = true;
        }
        drop(work);
        self.bell.notify_all();
    }

    /// What was being said came to nothing.
    pub fn withdraw(&self) {
        let mut work = self.lock();
        work.so_far = None;
        if work.looking {
            self.abort.store(true, Relaxed);
        }
        self.take_back(&mut work);
    }

    /// Drops everything that waits or runs.
    pub fn forget(&self) {
        let mut work = self.lock();
        work.generation += 1;
        work.finished.clear();
        work.so_far = None;
        work.prepare = false;
        work.lost = false;
        self.abort.store(true, Relaxed);
        self.take_back(&mut work);
        drop(work);
        // Whoever does not listen misses no model.
        self.tell(None);
    }

    pub fn set(&self, options: Options) {
        let mut work = self.lock();
        if work.options == options {
            return;
        }
        work.options = options;
        drop(work);
        // What was wrong with the other model is of no interest.
        self.tell(None);
        self.bell.notify_all();
    }

    pub fn close(&self) {
        self.lock().closed = true;
        self.abort.store(true, Relaxed);
        self.bell.notify_all();
    }

    pub fn closed(&self) -> bool {
        self.lock().closed
    }

    pub fn problems(&self) -> Vec<String> {
        let problem = self.problem.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let lost = self.lock().lost.then(|| {
            "the recogniser does not keep up with what is said, and a sentence was lost; pause between sentences, or close other programs".to_owned()
        });
        problem.into_iter().chain(lost).collect()
    }

    /// Whether the model is in memory.
    pub fn loaded(&self) -> bool {
        self.loaded.load(Relaxed)
    }

    /// The thread's life.
    pub fn run(&self) {
        lower_priority();
        let mut model: Option<Model> = None;
        while let Some(job) = self.next(&mut model) {
            if let Err(e) = self.carry_out(job, &mut model)
                && !self.abort.load(Relaxed)
            {
                self.tell(Some(format!("{e:#}")));
            }
            let mut work = self.lock();
            (work.busy, work.looking) = (false, false);
        }
        self.loaded.store(false, Relaxed);
    }

    /// Waits for something to do; None: it is over. Drops the model when nothing has come for long.
    fn next(&self, model: &mut Option<Model>) -> Option<Job> {
        let mut used = Instant::now();
        let mut work = self.lock();
        loop {
            if work.closed {
                return None;
            }
            let kind = if let Some(segment) = work.finished.pop_front() {
                Some((segment, Care::Whole))
            } else {
                work.so_far.take().map(|s| (s, Care::Quick))
            };
            let prepare = std::mem::take(&mut work.prepare);
            if kind.is_some() || prepare {
                work.busy = true;
                work.looking = matches!(kind, Some((_, Care::Quick)));
                self.abort.store(false, Relaxed);
                return Some(Job { what: kind, generation: work.generation, options: work.options.clone() });
            }
            if model.is_none() {
                work = self.bell.wait(work).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            let left = work.options.disuse.saturating_sub(used.elapsed());
            if left.is_zero() {
                drop(work);
                *model = None;
                self.loaded.store(false, Relaxed);
                tracing::info!("the recogniser's model was put away");
                used = Instant::now();
                work = self.lock();
                continue;
            }
            work = self.bell.wait_timeout(work, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn carry_out(&self, job: Job, model: &mut Option<Model>) -> Result<()> {
        let whisper = self.model(&job.options, model)?;
        let Some((segment, care)) = job.what else { return Ok(()) };
        let began = Instant::now();
        let heard = whisper.hear(&segment.samples, care)?;
        tracing::debug!(
            "{:.1} s of speech recognised in {:.2} s ({care:?}, {}, no speech {:.2}, log probability {:.2})",
            segment.seconds(),
            began.elapsed().as_secs_f64(),
            heard.language,
            heard.no_speech,
            heard.log_probability
        );
        self.tell(None);
        self.report(job.generation, care, &heard, &segment);
        Ok(())
    }

    /// The model, loaded if it is not, and told what to expect.
    fn model<'m>(&self, options: &Options, model: &'m mut Option<Model>) -> Result<&'m mut Whisper> {
        let path = model_path(&self.paths, options.recogniser.as_ref())
            .context("this program knows no recogniser; name a ggml file as `recogniser` in the settings")?;
        if model.as_ref().is_none_or(|m| m.path != path) {
            // The memory of one model at a time.
            *model = None;
            self.loaded.store(false, Relaxed);
            let began = Instant::now();
            let whisper = Whisper::load(&self.paths, &path, self.abort.clone())?;
            tracing::info!("the recogniser's model was loaded in {:.1} s", began.elapsed().as_secs_f64());
            self.loaded.store(true, Relaxed);
            *model = Some(Model { whisper, path, told: None });
        }
        let model = model.as_mut().context("no model is loaded")?;
        let told = (options.language.clone(), options.words.clone());
        if model.told.as_ref() != Some(&told) {
            model.whisper.expect(&told.0, &told.1);
            model.told = Some(told);
        }
        Ok(&mut model.whisper)
    }

    fn report(&self, generation: u64, care: Care, heard: &Heard, segment: &Segment) {
        let text = believe(heard, segment.voiced);
        let mut work = self.lock();
        if work.generation != generation {
            return;
        }
        match (care, text) {
            // The stretch may have ended while it was looked at: then its final text is next.
            (Care::Quick, Some(text)) if !self.abort.load(Relaxed) => {
                work.shown = true;
                self.send(Event::Partial(text));
            }
            (Care::Quick, _) => {}
            (Care::Whole, Some(text)) => {
                work.shown = false;
                work.last_id += 1;
                self.send(Event::Final { id: work.last_id, text });
            }
            (Care::Whole, None) => self.take_back(&mut work),
        }
        if care == Care::Whole && work.finished.is_empty() {
            work.lost = false;
        }
    }

    fn take_back(&self, work: &mut Work) {
        if std::mem::take(&mut work.shown) {
            self.send(Event::Withdrawn);
        }
    }

    /// Where nobody takes the events, the newest is lost: it would be stale anyhow.
    fn send(&self, event: Event) {
        if self.events.try_send(event).is_err() && !self.events.is_closed() {
            tracing::warn!("a caption was lost, because nobody took the ones before");
        }
    }

    /// Sets the problem, and logs it where it is new.
    fn tell(&self, problem: Option<String>) {
        let mut slot = self.problem.lock().unwrap_or_else(PoisonError::into_inner);
        if *slot != problem {
            if let Some(sentence) = &problem {
                tracing::warn!("{sentence}");
            }
            *slot = problem;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Work> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One thing to do; without a stretch, the model is to be made ready.
struct Job {
    what: Option<(Segment, Care)>,
    generation: u64,
    options: Options,
}

struct Model {
    whisper: Whisper,
    path: PathBuf,
    /// The language and the words that it was told last.
    told: Option<(String, Vec<String>)>,
}

/// Makes this thread, and those that whisper.cpp starts from it, give way to the rest.
fn lower_priority() {
    // SAFETY: a system call on numbers; on Linux, 0 as PRIO_PROCESS names the calling thread (setpriority(2), "C library/kernel
    // differences").
    if unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, NICENESS) } != 0 {
        tracing::debug!("the recogniser's priority stays as it is: {}", std::io::Error::last_os_error());
    }
}
