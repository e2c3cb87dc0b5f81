//! A steady clock out of callbacks that come late.

/// How fast a device's clock may run slower than ours, in microseconds a callback: more than any does.
const DRIFT: f64 = 3.0;

/// Later than this and for so many callbacks in a row is no late callback but a device that stood still. Microseconds.
const JUMP: f64 = 30_000.0;
const IN_A_ROW: u32 = 4;

/// A told time that leaps by more than this has leapt: a driver was changed, a turn was lost. Microseconds.
const LEAP: f64 = 2_000.0;

/// The weight of one telling in the steady time.
const TREMOR: f64 = 0.05;

/// The moment at which a device's frame zero was heard or captured, in microseconds.
///
/// *Measured* by callbacks, each is late by its thread's wake-up, on a busy machine by tens of milliseconds, but never early: the
/// earliest measurement is the true one. *Told* by PipeWire's graph it is true, but for a tremor of the graph's driver.
#[derive(Clone, Copy, Debug)]
pub struct Steady {
    told: bool,
    value: Option<f64>,
    /// The earliest of the measurements that were far too late, and how many in a row they are.
    late: Option<(f64, u32)>,
}

impl Steady {
    pub fn measured() -> Self {
        Self { told: false, value: None, late: None }
    }

    pub fn told() -> Self {
        Self { told: true, value: None, late: None }
    }

    /// Takes a measurement; gives the steady value.
    pub fn follow(&mut self, measured: f64) -> f64 {
        let old = self.value.unwrap_or(measured);
        if self.told {
            let near = (measured - old).abs() < LEAP;
            return *self.value.insert(if near { old + (measured - old) * TREMOR } else { measured });
        }
        let mut value = if measured < old { measured } else { old + (measured - old).min(DRIFT) };
        if measured - old > JUMP {
            let (earliest, count) = self.late.map_or((measured, 1), |(e, n)| (measured.min(e), n + 1));
            self.late = Some((earliest, count));
            if count >= IN_A_ROW {
                value = earliest;
                self.late = None;
            }
        } else {
            self.late = None;
        }
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
    fn late_callbacks_do_not_shake_it_drift_is_followed_and_a_device_that_stood_still_is_believed() {
        let mut rng = fastrand::Rng::with_seed(2);
        let mut steady = Steady::measured();
        for i in 0..3000 {
            // 50 ppm of drift at 10 ms a callback, up to 1 ms late, now and then 100 ms.
            let late = if i > 0 && rng.u32(..20) == 0 { 100_000.0 } else { rng.f64() * 1000.0 };
            let off = steady.follow(f64::from(i) * 0.5 + late) - f64::from(i) * 0.5;
            // It rises by DRIFT less the real drift until a callback that is nearly in time brings it down: a fraction of the
            // millisecond by which callbacks are late, never the 100 ms.
            assert!(i < 50 || (-1.0..400.0).contains(&off), "callback {i}: {off} µs off");
        }
        let mut last = 0.0;
        for i in 0..IN_A_ROW {
            last = steady.follow(500_000.0 + f64::from(i));
        }
        assert_eq!(last, 500_000.0);
    }

    #[test]
    fn what_is_told_is_believed_at_once_and_smoothed() {
        let mut steady = Steady::told();
        let mut rng = fastrand::Rng::with_seed(3);
        for _ in 0..200 {
            let off = steady.follow(1000.0 + rng.f64() * 1000.0) - 1500.0;
            assert!(off.abs() < 600.0, "{off}");
        }
        assert!((steady.follow(1500.0) - 1500.0).abs() < 150.0);
        assert_eq!(steady.follow(22_500.0), 22_500.0, "a lost turn");
    }
}
