//! A steady clock out of a device's shaky timestamps.

/// Callbacks over which the mean is taken: about a second.
const WINDOW: f64 = 50.0;

/// A jump of more than this is real (an underrun, another device) and is followed at once. Microseconds.
const JUMP: f64 = 30_000.0;

/// The moment at which a device's frame zero was heard or captured, in microseconds: each callback measures it anew, late by
/// its thread's wake-up, and the mean over some of them is steady.
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
