//! The one clock: every block of sound, face and frame carries the moment it belongs to.

use std::ops::{Add, Sub};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// A point on the program's clock, in microseconds since its start (live) or since the first sample (offline).
///
/// A moment is always the instant of *presentation*: when the sound is heard and the picture is seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(pub i64);

impl Moment {
    /// The current moment of the live clock (monotonic).
    pub fn now() -> Self {
        static START: OnceLock<Instant> = OnceLock::new();
        Self(START.get_or_init(Instant::now).elapsed().as_micros() as i64)
    }

    /// A time of the system's monotonic clock, in nanoseconds, as PipeWire's graph tells it.
    pub fn of_monotonic(nanos: i64) -> Self {
        let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: `now` is valid for the call, and the clock always exists.
        unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut now) };
        let since = now.tv_sec.saturating_mul(1_000_000_000).saturating_add(now.tv_nsec).saturating_sub(nanos);
        Self(Self::now().0.saturating_sub(since / 1000))
    }

    /// The moment of sample number `index` of a sound of `rate` samples a second that begins at moment zero.
    pub fn of_sample(index: u64, rate: u32) -> Self {
        Self((index as i128 * 1_000_000 / i128::from(rate.max(1))) as i64)
    }

    /// Seconds since the clock's zero.
    pub fn seconds(self) -> f64 {
        self.0 as f64 / 1e6
    }

    /// The signed distance from `earlier` to this moment, in seconds.
    pub fn seconds_since(self, earlier: Moment) -> f64 {
        (self.0 - earlier.0) as f64 / 1e6
    }

    /// How long from now until this moment; zero where it has passed.
    pub fn wait(self) -> Duration {
        Duration::from_micros((self.0 - Self::now().0).max(0) as u64)
    }
}

impl Add<Duration> for Moment {
    type Output = Moment;
    fn add(self, d: Duration) -> Moment {
        Moment(self.0 + d.as_micros() as i64)
    }
}

impl Sub<Duration> for Moment {
    type Output = Moment;
    fn sub(self, d: Duration) -> Moment {
        Moment(self.0 - d.as_micros() as i64)
    }
}
