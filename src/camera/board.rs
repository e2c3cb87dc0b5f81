//! What the outlets tell about themselves, and what follows from it for the renderer and for the user.

use super::CameraSettings;
use super::slot::{Slot, lock};
use crate::mark::Marked;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// How fast frames are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Demand {
    /// Nobody watches: draw nothing.
    None,
    /// Nobody can say whether somebody watches: draw so many frames a second, so that one who does sees a live picture.
    /// An app that is seen to read turns it into [`Demand::Full`].
    Idle(u32),
    /// Somebody watches: draw at the camera's rate.
    Full,
}

impl Demand {
    fn pack(self) -> u32 {
        match self {
            Demand::None => 0,
            Demand::Idle(fps) => fps.clamp(1, u32::MAX - 1),
            Demand::Full => u32::MAX,
        }
    }

    fn unpack(packed: u32) -> Self {
        match packed {
            0 => Demand::None,
            u32::MAX => Demand::Full,
            fps => Demand::Idle(fps),
        }
    }
}

/// An outlet that apps can open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutletStatus {
    /// `pipewire` or `v4l2`.
    pub kind: &'static str,
    /// The node's name or the device's path.
    pub place: String,
    /// Apps that read it; a lower bound where the kernel can only say "somebody".
    pub readers: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    PipeWire,
    V4l2,
}

impl Kind {
    const ALL: [Kind; 2] = [Kind::PipeWire, Kind::V4l2];

    pub fn name(self) -> &'static str {
        match self {
            Kind::PipeWire => "pipewire",
            Kind::V4l2 => "v4l2",
        }
    }
}

/// How an outlet is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Report {
    /// Not wanted by the settings.
    Off,
    /// Has not tried yet.
    Starting,
    /// What it needs is not on this machine; the sentence matters only where no other outlet is there.
    Missing(String),
    /// What it needs is there and refuses.
    Broken(String),
    Offered {
        place: String,
        readers: u32,
        demand: Demand,
        /// What keeps some apps from using it all the same.
        advice: Option<String>,
    },
}

/// Everything that the outlets, the renderer and the daemon have in common.
#[derive(Debug)]
pub(super) struct Shared {
    pub slot: Slot,
    pub stop: AtomicBool,
    pub dropped: AtomicU64,
    pub changes: watch::Sender<u64>,
    /// [`Demand`], packed: the renderer reads it for each frame.
    demand: AtomicU32,
    /// The renderer is to wake, whatever the demand.
    nudged: AtomicBool,
    reports: Mutex<[Report; 2]>,
    woken: Condvar,
}

impl Shared {
    pub fn new(settings: &CameraSettings, first: &Marked) -> Self {
        let of = |wanted| if wanted { Report::Starting } else { Report::Off };
        Self {
            slot: Slot::new(first.frame().clone()),
            stop: AtomicBool::new(false),
            dropped: AtomicU64::new(0),
            changes: watch::Sender::new(0),
            demand: AtomicU32::new(0),
            nudged: AtomicBool::new(false),
            reports: Mutex::new([of(settings.pipewire), of(settings.v4l2)]),
            woken: Condvar::new(),
        }
    }

    pub fn stopping(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }

    /// An outlet tells how it is doing; the same again is no news.
    pub fn report(&self, kind: Kind, report: Report) {
        let mut reports = lock(&self.reports);
        let Some(place) = reports.get_mut(kind as usize) else { return };
        if *place == report {
            return;
        }
        *place = report;
        let demand = reports
            .iter()
            .map(|r| if let Report::Offered { demand, .. } = r { *demand } else { Demand::None })
            .max()
            .unwrap_or(Demand::None);
        self.demand.store(demand.pack(), Ordering::Release);
        drop(reports);
        self.woken.notify_all();
        self.changes.send_modify(|n| *n = n.wrapping_add(1));
    }

    pub fn demand(&self) -> Demand {
        Demand::unpack(self.demand.load(Ordering::Acquire))
    }

    /// Ends the renderer's sleep, or its next one.
    pub fn nudge(&self) {
        let reports = lock(&self.reports);
        self.nudged.store(true, Ordering::Release);
        drop(reports);
        self.woken.notify_all();
    }

    /// Sleeps until `enough` of the demand, a nudge, or `timeout`.
    pub fn wait(&self, timeout: Duration, enough: impl Fn(Demand) -> bool) -> Demand {
        let end = Instant::now() + timeout;
        let mut reports = lock(&self.reports);
        loop {
            let (demand, left) = (self.demand(), end.saturating_duration_since(Instant::now()));
            if self.nudged.swap(false, Ordering::AcqRel) || enough(demand) || left.is_zero() {
                return demand;
            }
            reports = self.woken.wait_timeout(reports, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    pub fn outlets(&self) -> Vec<OutletStatus> {
        let reports = lock(&self.reports);
        let status = |(kind, report): (Kind, &Report)| match report {
            Report::Offered { place, readers, .. } => {
                Some(OutletStatus { kind: kind.name(), place: place.clone(), readers: *readers })
            }
            _ => None,
        };
        Kind::ALL.into_iter().zip(reports.iter()).filter_map(status).collect()
    }

    pub fn problems(&self) -> Vec<String> {
        let reports = lock(&self.reports);
        let pipewire = reports.first().is_some_and(|r| matches!(r, Report::Offered { .. } | Report::Starting));
        let sentence = |(kind, report): (Kind, &Report)| match report {
            // One camera is enough for most: the module that was never installed is no problem while PipeWire is there.
            Report::Missing(_) if kind == Kind::V4l2 && pipewire => None,
            Report::Missing(sentence) | Report::Broken(sentence) => Some(sentence.clone()),
            Report::Offered { advice, .. } => advice.clone(),
            Report::Off | Report::Starting => None,
        };
        Kind::ALL.into_iter().zip(reports.iter()).filter_map(sentence).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::{Frame, Size};
    use std::sync::Arc;

    fn shared() -> Shared {
        let size = Size { width: 4, height: 2 };
        let settings = CameraSettings { size, fps: 30, pipewire: true, v4l2: true };
        Shared::new(&settings, &Marked::test_picture(&Frame::new(size)))
    }

    fn offered(demand: Demand) -> Report {
        Report::Offered { place: "here".into(), readers: 1, demand, advice: None }
    }

    #[test]
    fn the_greater_demand_wins_and_a_lost_outlet_demands_nothing() {
        let s = shared();
        assert_eq!(s.demand(), Demand::None);
        s.report(Kind::V4l2, offered(Demand::Idle(10)));
        assert_eq!(s.demand(), Demand::Idle(10));
        s.report(Kind::PipeWire, offered(Demand::Full));
        assert_eq!(s.demand(), Demand::Full);
        s.report(Kind::PipeWire, Report::Missing("gone".into()));
        assert_eq!(s.demand(), Demand::Idle(10));
    }

    #[test]
    fn a_missing_module_is_told_only_where_pipewire_is_missing_too() {
        let s = shared();
        s.report(Kind::V4l2, Report::Missing("no module".into()));
        s.report(Kind::PipeWire, offered(Demand::None));
        assert!(s.problems().is_empty());
        s.report(Kind::PipeWire, Report::Missing("no PipeWire".into()));
        assert_eq!(s.problems(), ["no PipeWire", "no module"]);
        s.report(Kind::PipeWire, offered(Demand::None));
        s.report(Kind::V4l2, Report::Broken("not permitted".into()));
        assert_eq!(s.problems(), ["not permitted"]);
    }

    #[test]
    fn only_news_is_signalled() {
        let s = shared();
        let mut changes = s.changes.subscribe();
        s.report(Kind::PipeWire, offered(Demand::Full));
        assert!(changes.has_changed().unwrap());
        changes.mark_unchanged();
        s.report(Kind::PipeWire, offered(Demand::Full));
        assert!(!changes.has_changed().unwrap());
    }

    #[test]
    fn a_waiting_renderer_is_woken_by_the_first_reader() {
        let s = Arc::new(shared());
        let other = s.clone();
        let waiter = std::thread::spawn(move || other.wait(Duration::from_secs(60), |d| d == Demand::Full));
        s.report(Kind::PipeWire, offered(Demand::Full));
        assert_eq!(waiter.join().unwrap(), Demand::Full);
        assert_eq!(s.wait(Duration::ZERO, |d| d == Demand::None), Demand::Full);
        // A nudge ends one sleep, also the one that has not begun.
        s.nudge();
        assert_eq!(s.wait(Duration::from_secs(60), |d| d == Demand::None), Demand::Full);
        assert_eq!(s.wait(Duration::ZERO, |d| d == Demand::None), Demand::Full);
    }
}
