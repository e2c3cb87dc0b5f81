//! Movement: springs that carry a value to its target as a muscle would, and noise that never repeats.

use super::DT;

/// A critically damped second-order follower: it starts and ends gently and never overshoots.
#[derive(Clone, Copy, Debug, Default)]
pub struct Spring {
    pub value: f32,
    speed: f32,
}

impl Spring {
    /// At rest at `value`.
    pub fn at(value: f32) -> Self {
        Self { value, speed: 0.0 }
    }

    /// One block toward `target`; `rate` in 1/s: 1.7 / `rate` seconds bring it half of the way.
    ///
    /// The exact solution of x'' = rate² (target - x) - 2 rate x' over the step, so that no rate can make it unstable.
    pub fn step(&mut self, target: f32, rate: f32) -> f32 {
        let (away, fade) = (self.value - target, (-rate * DT).exp());
        let slope = self.speed + rate * away;
        self.value = target + (away + slope * DT) * fade;
        self.speed = (slope - rate * (away + slope * DT)) * fade;
        self.value
    }
}

/// A normally distributed number (Box and Muller 1958).
pub fn normal(rng: &mut fastrand::Rng) -> f32 {
    let u = (1.0 - rng.f32()).max(1e-7);
    (-2.0 * u.ln()).sqrt() * (std::f32::consts::TAU * rng.f32()).cos()
}

/// Waits that are never shorter than `least` and `mean` on average.
pub fn wait(rng: &mut fastrand::Rng, least: f32, mean: f32) -> f32 {
    least - (mean - least).max(0.0) * (1.0 - rng.f32()).max(1e-6).ln()
}

/// Smooth noise of standard deviation about 1: an Ornstein-Uhlenbeck process seen through a spring.
#[derive(Clone, Copy, Debug, Default)]
pub struct Drift {
    raw: f32,
    smooth: Spring,
}

impl Drift {
    /// `seconds`: how long the noise remembers.
    pub fn step(&mut self, rng: &mut fastrand::Rng, seconds: f32) -> f32 {
        let keep = (-DT / seconds).exp();
        self.raw = self.raw * keep + (1.0 - keep * keep).sqrt() * normal(rng);
        self.smooth.step(self.raw, 3.0 / seconds) * 1.25
    }
}

/// From 0 to 1 with a soft start and a soft end.
pub fn ease(t: f32) -> f32 {
    let t = t.clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spring_arrives_without_overshoot_however_stiff_it_is() {
        for rate in [0.5, 8.0, 60.0, 1000.0] {
            let mut s = Spring::default();
            for _ in 0..2000 {
                let v = s.step(1.0, rate);
                assert!((-1e-4..=1.0001).contains(&v), "{v} at rate {rate}");
            }
            assert!((s.value - 1.0).abs() < 1e-2, "rate {rate}: {}", s.value);
        }
    }

    #[test]
    fn drift_stays_near_one_standard_deviation_and_never_jumps() {
        let (mut rng, mut d) = (fastrand::Rng::with_seed(3), Drift::default());
        let v: Vec<f32> = (0..100_000).map(|_| d.step(&mut rng, 2.0)).collect();
        let sd = (v.iter().map(|x| x * x).sum::<f32>() / v.len() as f32).sqrt();
        assert!((0.7..1.3).contains(&sd), "{sd}");
        assert!(v.windows(2).all(|w| (w[1] - w[0]).abs() < 0.1));
    }
}
