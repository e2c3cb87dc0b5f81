//! The camera that apps see: one picture, two outlets (PipeWire, v4l2loopback), and who is watching.
//!
//! Each outlet is a thread that offers itself when it can, tries again when it cannot, and never costs the other one
//! anything. The renderer asks [`Camera::demand`] how fast to draw, draws, and hands the marked frame to [`Camera::publish`].

mod board;
mod formats;
mod pipewire;
mod slot;
mod v4l2;
mod wait;

pub use board::{Demand, OutletStatus};
pub use formats::{Converter, PixelFormat};

use crate::mark::Marked;
use crate::render::Size;
use board::{Kind, Report, Shared};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::watch;
use wait::Bell;

/// The name that apps show, and by which the v4l2loopback device is found.
pub const NAME: &str = "VASA Camera";

/// The name of the node in PipeWire, and the camera's identity for apps that remember their choice.
pub const NODE: &str = "vasa_camera";

/// What to offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CameraSettings {
    /// That of all frames.
    pub size: Size,
    /// Frames a second while somebody watches.
    pub fps: u32,
    pub pipewire: bool,
    pub v4l2: bool,
}

/// The running camera. Dropping it takes the camera away from the apps and waits for its threads.
#[derive(Debug)]
pub struct Camera {
    shared: Arc<Shared>,
    bells: Vec<Arc<Bell>>,
    threads: Vec<JoinHandle<()>>,
    misfit: AtomicBool,
}

impl Camera {
    /// Offers the camera, with `first` as the picture until another is published; its size counts where the settings have
    /// another. What cannot be offered now is tried again until it can, and told in [`Camera::problems`].
    pub fn start(settings: CameraSettings, first: &Marked) -> Self {
        let settings = CameraSettings { size: first.frame().size, ..settings };
        let shared = Arc::new(Shared::new(&settings, first));
        let mut camera = Self { shared, bells: Vec::new(), threads: Vec::new(), misfit: AtomicBool::new(false) };
        if settings.pipewire {
            camera.spawn(Kind::PipeWire, settings, pipewire::run);
        }
        if settings.v4l2 {
            camera.spawn(Kind::V4l2, settings, v4l2::run);
        }
        camera
    }

    fn spawn(&mut self, kind: Kind, settings: CameraSettings, run: fn(&Arc<Shared>, &Bell, CameraSettings)) {
        let started = Bell::new().and_then(|bell| {
            let (bell, shared) = (Arc::new(bell), self.shared.clone());
            let theirs = bell.clone();
            let thread = std::thread::Builder::new()
                .name(format!("camera-{}", kind.name()))
                .spawn(move || run(&shared, &theirs, settings))?;
            Ok((bell, thread))
        });
        match started {
            Ok((bell, thread)) => {
                self.bells.push(bell);
                self.threads.push(thread);
            }
            Err(e) => {
                self.shared.report(kind, Report::Broken(format!("the {} outlet has no thread: {e}", kind.name())))
            }
        }
    }

    /// Makes a frame the picture that the apps see. Copies it and returns; never waits for an app.
    pub fn publish(&self, marked: &Marked) {
        let frame = marked.frame();
        if self.shared.slot.put(frame) {
            self.bells.iter().for_each(|b| b.ring_for_frame());
        } else {
            self.shared.dropped.fetch_add(1, Ordering::Relaxed);
            if !self.misfit.swap(true, Ordering::Relaxed) {
                let Size { width, height } = frame.size;
                tracing::error!("a frame of {width}x{height} did not fit the camera");
            }
        }
    }

    /// How fast frames are wanted right now.
    pub fn demand(&self) -> Demand {
        self.shared.demand()
    }

    /// Whether somebody watches, or might: whether frames are wanted at all.
    pub fn watched(&self) -> bool {
        self.demand() != Demand::None
    }

    /// Sleeps until somebody watches or `timeout` has passed; wakes at once when an app starts to read. Returns
    /// [`Camera::watched`].
    pub fn wait_watched(&self, timeout: Duration) -> bool {
        self.shared.wait(timeout, |demand| demand != Demand::None) != Demand::None
    }

    /// Sleeps until the demand is another than `known` or `timeout` has passed, and returns it: for a renderer that
    /// draws slowly and must speed up at once.
    pub fn wait_demand(&self, known: Demand, timeout: Duration) -> Demand {
        self.shared.wait(timeout, |demand| demand != known)
    }

    /// Ends the renderer's sleep in one of the two above, or its next one: there is something else to draw.
    pub fn nudge(&self) {
        self.shared.nudge();
    }

    /// The outlets that apps can open now.
    pub fn outlets(&self) -> Vec<OutletStatus> {
        self.shared.outlets()
    }

    /// What is wrong and how to mend it, a sentence each; empty when all is well.
    pub fn problems(&self) -> Vec<String> {
        self.shared.problems()
    }

    /// Frames that an app could have seen and did not, since the start.
    pub fn dropped(&self) -> u64 {
        self.shared.dropped.load(Ordering::Relaxed)
    }

    /// Changes whenever demand, outlets or problems did; its value counts the changes.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.shared.changes.subscribe()
    }
}

impl Drop for Camera {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Release);
        self.bells.iter().for_each(|b| b.ring());
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a camera thread ended by a panic");
            }
        }
    }
}
