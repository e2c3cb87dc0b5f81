//! The thread that watches: it has the camera open while that is wanted, and only then.

use super::blend::Sight;
use super::calibrate::{Calibration, Reply};
use super::capture::Capture;
use super::reader::{Look, Lost, Reader};
use super::{Person, Pose};
use crate::clock::Moment;
use crate::config::{Manner, Paths};
use std::ops::ControlFlow;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// A camera that could not be opened, or went, is tried again this often.
const AGAIN: Duration = Duration::from_millis(700);
/// A picture is waited for this long before it is looked whether the camera is still wanted.
const PATIENCE: Duration = Duration::from_millis(200);
/// Without a picture for this long the camera is told to be silent.
const SILENT: Duration = Duration::from_secs(2);
/// Pictures that come faster are left out, seconds apart: 32 a second.
const FASTEST: f64 = 1.0 / 32.0;

/// What is wanted of the camera.
#[derive(Clone, Debug, PartialEq)]
pub struct Wish {
    /// By its id; the first real one where none is named.
    pub camera: Option<String>,
    /// Whose calibration counts.
    pub person: String,
    pub manner: Manner,
}

/// How it stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stage {
    /// Not wanted: the camera is closed.
    #[default]
    Closed,
    /// There is no camera, or it does not open.
    Opening,
    /// Somebody is seen whose face at rest is not known yet.
    Learning,
    Following,
    Lost(Lost),
}

impl Stage {
    /// As D-Bus has it.
    pub fn name(self) -> &'static str {
        match self {
            Stage::Closed => "waiting",
            Stage::Opening => "opening",
            Stage::Learning => "learning",
            Stage::Following => "following",
            Stage::Lost(Lost::Nobody) => "nobody",
            Stage::Lost(Lost::Dark) => "dark",
            Stage::Lost(Lost::Still) => "still",
        }
    }
}

/// What is told of the mirror.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Status {
    pub stage: Stage,
    /// The camera that is open, by its name.
    pub open: Option<String>,
    /// What the person was calibrated for.
    pub calibrated: Vec<&'static str>,
    /// Sentences with their remedy.
    pub problems: Vec<String>,
}

/// The latest that was seen: the mirror's thread writes it, the render thread reads it.
#[derive(Debug, Default)]
pub struct Slot(Mutex<Option<Sight>>);

impl Slot {
    fn set(&self, sight: Option<Sight>) {
        *lock(&self.0) = sight;
    }

    pub fn get(&self) -> Option<Sight> {
        lock(&self.0).clone()
    }
}

#[derive(Default)]
struct Orders {
    wish: Option<Wish>,
    calibrate: Option<(Pose, String, Reply)>,
    /// What was known of the person is gone.
    forget: bool,
    end: bool,
}

struct Shared {
    orders: Mutex<Orders>,
    called: Condvar,
    slot: Arc<Slot>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The running thread; dropping it closes the camera and ends it.
pub struct Mirror {
    paths: Paths,
    shared: Arc<Shared>,
    status: watch::Receiver<Status>,
    thread: Option<JoinHandle<()>>,
}

impl Mirror {
    /// # Errors
    /// The system could not start a thread.
    pub fn start(paths: Paths) -> std::io::Result<Self> {
        let (told, status) = watch::channel(Status::default());
        let shared = Arc::new(Shared { orders: Mutex::default(), called: Condvar::new(), slot: Arc::default() });
        let (theirs, places) = (shared.clone(), paths.clone());
        let thread = std::thread::Builder::new().name("mirror".into()).spawn(move || {
            Loop { paths, shared: theirs, told, reader: None, person: None, wish: None, calibration: None, last: None }
                .run();
        })?;
        Ok(Self { paths: places, shared, status, thread: Some(thread) })
    }

    /// What is wanted from now on; None closes the camera.
    pub fn want(&self, wish: Option<Wish>) {
        lock(&self.shared.orders).wish = wish;
        self.shared.called.notify_all();
    }

    /// Looks at the person for some seconds, learns what they show, and answers; the camera is opened for it where it is not. One that runs is
    /// given up.
    pub fn calibrate(&self, pose: Pose, person: String, reply: Reply) {
        lock(&self.shared.orders).calibrate = Some((pose, person, reply));
        self.shared.called.notify_all();
    }

    /// Forgets what was calibrated of a person.
    ///
    /// # Errors
    /// The file cannot be removed.
    pub fn forget(&self, person: &str) -> anyhow::Result<()> {
        Person::forget(&self.paths, person)?;
        lock(&self.shared.orders).forget = true;
        self.shared.called.notify_all();
        Ok(())
    }

    /// Where the latest sight is found.
    pub fn slot(&self) -> Arc<Slot> {
        self.shared.slot.clone()
    }

    pub fn status(&self) -> Status {
        self.status.borrow().clone()
    }

    /// Tells of every change of [`Self::status`].
    pub fn changes(&self) -> watch::Receiver<Status> {
        self.status.clone()
    }

    pub fn is_alive(&self) -> bool {
        self.thread.as_ref().is_some_and(|t| !t.is_finished())
    }
}

impl Drop for Mirror {
    fn drop(&mut self) {
        lock(&self.shared.orders).end = true;
        self.shared.called.notify_all();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

struct Loop {
    paths: Paths,
    shared: Arc<Shared>,
    told: watch::Sender<Status>,
    /// Loaded when it is first wanted.
    reader: Option<Reader>,
    /// Whose calibration the reader has.
    person: Option<String>,
    wish: Option<Wish>,
    calibration: Option<Calibration>,
    /// The moment of the picture that was looked at last.
    last: Option<Moment>,
}

impl Loop {
    fn run(mut self) {
        // Failures in a row are told once.
        let mut failed = String::new();
        loop {
            if !self.take_orders(Some(if failed.is_empty() { Duration::MAX } else { AGAIN })) {
                return;
            }
            if !self.wanted() {
                failed.clear();
                self.tell(|s| *s = Status { calibrated: s.calibrated.clone(), ..Status::default() });
                continue;
            }
            let outcome = self.watch();
            self.shared.slot.set(None);
            if let Some(reader) = &mut self.reader {
                reader.forget();
            }
            let why = outcome.err().unwrap_or_default();
            if why != failed && !why.is_empty() {
                tracing::warn!("the mirror sees nothing: {why}");
            } else if why.is_empty() && !failed.is_empty() {
                tracing::info!("the mirror sees again");
            }
            failed = why.clone();
            self.tell(|s| {
                s.open = None;
                s.stage = if why.is_empty() { Stage::Closed } else { Stage::Opening };
                s.problems = (!why.is_empty()).then(|| why.clone()).into_iter().collect();
            });
            if !why.is_empty()
                && let Some(calibration) = self.calibration.take()
            {
                calibration.answer(Err(why));
            }
        }
    }

    /// Takes what was ordered; with `patience` it waits for something to do, at most that long. False: the thread is to end.
    fn take_orders(&mut self, patience: Option<Duration>) -> bool {
        let shared = self.shared.clone();
        let mut orders = lock(&shared.orders);
        if let Some(patience) = patience {
            let (since, retries) = (Instant::now(), patience != Duration::MAX);
            let idle = |o: &Orders| {
                !o.end && !o.forget && o.calibrate.is_none() && o.wish == self.wish && (retries || o.wish.is_none())
            };
            while idle(&orders) && since.elapsed() < patience && !(retries && orders.wish.is_none()) {
                let left = patience.saturating_sub(since.elapsed()).min(Duration::from_secs(3600));
                orders = shared.called.wait_timeout(orders, left).unwrap_or_else(PoisonError::into_inner).0;
            }
        }
        self.wish.clone_from(&orders.wish);
        if std::mem::take(&mut orders.forget) {
            self.person = None;
            self.tell(|s| s.calibrated.clear());
        }
        if let Some((pose, person, reply)) = orders.calibrate.take() {
            self.calibration = Some(Calibration::new(pose, person, reply));
        }
        !orders.end
    }

    fn wanted(&self) -> bool {
        self.wish.is_some() || self.calibration.is_some()
    }

    /// Has the camera open until it is not wanted any more, or another one is.
    ///
    /// # Errors
    /// A sentence: why nothing is seen.
    fn watch(&mut self) -> Result<(), String> {
        let camera = self.wish.as_ref().and_then(|w| w.camera.clone());
        if self.told.borrow().open.is_none() && self.told.borrow().problems.is_empty() {
            self.tell(|s| s.stage = Stage::Opening);
        }
        if self.reader.is_none() {
            self.reader = Some(Reader::open(&self.paths, None).map_err(|e| format!("{e:#}"))?);
        }
        let mut capture = Capture::open(camera.as_deref()).map_err(|e| e.to_string())?;
        let name = capture.device().name.clone();
        tracing::info!("the mirror's camera \"{name}\" is open");
        self.tell(|s| {
            s.open = Some(name.clone());
            s.problems.clear();
        });
        let mut heard = Instant::now();
        loop {
            if !self.take_orders(None) || !self.wanted() {
                tracing::info!("the mirror's camera \"{name}\" is closed");
                return Ok(());
            }
            if self.wish.as_ref().is_some_and(|w| w.camera != camera) {
                return Ok(());
            }
            self.follow_wish()?;
            match capture.next(PATIENCE) {
                Ok(Some(picture)) => {
                    heard = Instant::now();
                    let early = self.last.is_some_and(|last| picture.at.seconds_since(last).abs() < FASTEST * 0.9);
                    if !early {
                        self.last = Some(picture.at);
                        self.look(&picture.rgb, picture.at)?;
                    }
                    capture.give_back(picture);
                }
                Ok(None) if heard.elapsed() > SILENT => {
                    return Err(format!(
                        "the camera \"{name}\" gives no picture any more; plug it in again, or choose another with `vasa mirror camera`"
                    ));
                }
                Ok(None) => {}
                Err(e) => return Err(e.to_string()),
            }
        }
    }

    /// Brings the reader to what is wanted.
    fn follow_wish(&mut self) -> Result<(), String> {
        let Some(reader) = &mut self.reader else { return Ok(()) };
        if let Some(wish) = &self.wish {
            reader.set_manner(wish.manner);
        }
        let wanted = self.calibration.as_ref().map(|c| &c.person).or(self.wish.as_ref().map(|w| &w.person));
        if let Some(name) = wanted
            && self.person.as_ref() != Some(name)
        {
            let person = Person::load(&self.paths, name);
            self.person = Some(name.clone());
            let (person, problem) = match person {
                Ok(person) => (person, None),
                Err(e) => (None, Some(format!("{e:#}"))),
            };
            let calibrated = person.as_ref().map_or_else(Vec::new, Person::calibrated);
            reader.set_person(person);
            self.tell(|s| {
                s.calibrated.clone_from(&calibrated);
                s.problems = problem.into_iter().collect();
            });
        }
        Ok(())
    }

    fn look(&mut self, picture: &image::RgbImage, at: Moment) -> Result<(), String> {
        let Some(reader) = &mut self.reader else { return Ok(()) };
        let look = reader.look(picture, at.seconds()).map_err(|e| format!("{e:#}"))?;
        let stage = match &look {
            Look::Lost(why) => Stage::Lost(*why),
            Look::Learning => Stage::Learning,
            Look::Seen(_) => Stage::Following,
        };
        if let Some(calibration) = self.calibration.take() {
            let (person, name) = (reader.person().cloned(), calibration.person.clone());
            match calibration.look(reader, person, &look, at.seconds()) {
                ControlFlow::Continue(still) => self.calibration = Some(still),
                ControlFlow::Break(done) => {
                    let done = done.keep(&self.paths, &name);
                    let calibrated = done.person.as_ref().map_or_else(Vec::new, Person::calibrated);
                    reader.set_person(done.person.clone());
                    done.answer();
                    self.tell(|s| s.calibrated.clone_from(&calibrated));
                }
            }
        }
        let others = self.reader.as_ref().is_some_and(Reader::others);
        let sight = match (look, &self.wish) {
            (Look::Seen(seen), Some(wish)) => {
                Some(Sight { seen: *seen, leads: wish.manner.leads, at, ready: Moment::now() })
            }
            _ => None,
        };
        // What is lost is kept a moment by whoever shows it.
        if sight.is_some() {
            self.shared.slot.set(sight);
        }
        self.tell(|s| {
            s.stage = stage;
            s.problems = problems(stage, others);
        });
        Ok(())
    }

    fn tell(&self, change: impl FnOnce(&mut Status)) {
        self.told.send_if_modified(|status| {
            let before = status.clone();
            change(status);
            *status != before
        });
    }
}

fn problems(stage: Stage, others: bool) -> Vec<String> {
    let told = match stage {
        Stage::Lost(Lost::Dark) => {
            Some("the mirror's camera sees nothing but darkness; switch a light on, or uncover the lens")
        }
        Stage::Lost(Lost::Still) => Some(
            "the face before the mirror's camera does not move at all, as a picture would not; move a little, or choose another camera with `vasa mirror camera`",
        ),
        _ if others => {
            Some("more than one face is before the mirror's camera; the first one is followed, until it leaves")
        }
        _ => None,
    };
    told.map(str::to_owned).into_iter().collect()
}
