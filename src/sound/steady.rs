//! A steady clock out of a device's shaky timestamps.

use crate::clock::Moment;
use cpal::StreamInstant;

/// How fast the two clocks may part, in microseconds a callback: far more than any two clocks do.
const DRIFT: f64 = 1.0;

/// A stream's own clock, on ours. A callback runs late by its thread's wake-up, on a busy machine by tens of milliseconds,
/// but never early: the least distance of the two clocks that was seen is the true one.
#[derive(Clone, Copy, Debug, Default)]
pub struct StreamClock {
    /// Our clock less the stream's, in microseconds.
    offset: Option<f64>,
}

impl StreamClock {
    /// The moment of `instant`, in microseconds; `callback` is the instant that the stream gives to the running callback.
    pub fn micros(&mut self, callback: StreamInstant, instant: StreamInstant) -> f64 {
        self.follow(Moment::now().0 as f64 - micros(callback)) + micros(instant)
    }

    fn follow(&mut self, measured: f64) -> f64 {
        let offset = self.offset.map_or(measured, |old| old + (measured - old).min(DRIFT));
        self.offset = Some(offset);
        offset
    }
}

fn micros(instant: StreamInstant) -> f64 {
    instant.as_nanos() as f64 / 1000.0
}

/// Callbacks over which the mean is taken: about a second.
const WINDOW: f64 = 50.0;

/// A jump of more than this is real (an underrun, another device) and is followed at once. Microseconds.
const JUMP: f64 = 30_000.0;

/// The moment at which a device's frame zero was heard or captured, in microseconds: each callback measures it anew, a little
/// off, and the mean over some of them is steady.
#[derive(Clone, Copy, Debug, Default)]
pub struct Steady {
    value: Option<f64>,
    seen: f64,
}

impl Steady {
    /// Takes a measurement; gives the steady value.
    pub fn follow(&mut self, measured: f64) -> f64 {
        let value = match self.value {
            Some(old) if (measured - old).abs() < JUMP => {
                self.seen = (self.seen + 1.0).min(WINDOW);
                old + (measured - old) / self.seen
            }
            _ => {
                self.seen = 1.0;
                measured
            }
        };
        self.value = Some(value);
        value
    }

    pub fn value(&self) -> Option<f64> {
        self.value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_callback_that_runs_late_does_not_shift_the_streams_clock() {
        let mut rng = fastrand::Rng::with_seed(4);
        let mut clock = StreamClock::default();
        for i in 0..3000 {
            // 20 ppm of drift at 20 ms a callback; now and then 100 ms late.
            let late = if rng.u32(..20) == 0 { 100_000.0 } else { rng.f64() * 300.0 };
            let offset = clock.follow(7e6 + f64::from(i) * 0.4 + late);
            let off = offset - 7e6 - f64::from(i) * 0.4;
            assert!(i < 100 || (-1.0..60.0).contains(&off), "callback {i}: {off} µs off");
        }
    }

    #[test]
    fn noise_is_averaged_drift_is_followed_and_a_jump_is_taken_at_once() {
        let mut rng = fastrand::Rng::with_seed(2);
        let mut steady = Steady::default();
        for i in 0..2000 {
            // 50 ppm of drift at 10 ms a callback, up to 3 ms late.
            let value = steady.follow(f64::from(i) * 0.5 + rng.f64() * 3000.0);
            assert!(i < 100 || (value - f64::from(i) * 0.5 - 1500.0).abs() < 700.0, "{i}: {value}");
        }
        assert_eq!(steady.follow(500_000.0), 500_000.0);
    }
}
