//! Noise out, motion in: what a camera sees trembles, and what one feels as lag is not wanted.

use super::treat::part_of;
use crate::config::{Manner, Part};
use crate::face::{COUNT, Face};

/// Angles that are smoothed beside the weights: head and gaze.
const ANGLES: usize = 5;
const VALUES: usize = COUNT + ANGLES;

/// How quick a value is let be: `least` Hz at rest, `more` Hz for each unit a second that it moves.
#[derive(Clone, Copy)]
struct Pace {
    least: f32,
    more: f32,
}

const WEIGHTS: Pace = Pace { least: 2.5, more: 4.0 };
const HEAD: Pace = Pace { least: 1.2, more: 0.12 };
const GAZE: Pace = Pace { least: 1.5, more: 0.12 };
/// The slope by which a value's speed is known is itself smoothed, Hz (Casiez and others leave it at 1; a blink is over by then).
const SLOPE: f32 = 4.0;

/// The one-euro filter (Casiez, Roussel and Vogel 2012): a low pass that opens with the value's speed.
#[derive(Clone, Copy, Debug, Default)]
struct OneEuro {
    value: f32,
    slope: f32,
}

impl OneEuro {
    fn step(&mut self, to: f32, dt: f32, pace: Pace) -> f32 {
        let share = |hz: f32| 1.0 - (-std::f32::consts::TAU * hz * dt).exp();
        let slope = (to - self.value) / dt;
        self.slope += (slope - self.slope) * share(SLOPE);
        self.value += (to - self.value) * share(pace.least + pace.more * self.slope.abs());
        self.value
    }
}

/// The longest time over which a steadied part looks back, seconds.
const BACK: f32 = 0.9;
/// As many values as a camera of 60 frames a second gives in that time.
const KEPT: usize = 54;

/// The values of a face, smoothed; more so where a part is to be steady.
pub struct Smoother {
    filters: [OneEuro; VALUES],
    /// The latest, newest first, for parts that are steadied.
    past: Vec<[f32; VALUES]>,
    /// Seconds.
    last: Option<f64>,
}

impl Default for Smoother {
    fn default() -> Self {
        Self { filters: [OneEuro::default(); VALUES], past: Vec::with_capacity(KEPT), last: None }
    }
}

impl Smoother {
    /// Begins anew: the next face is taken as it is.
    pub fn forget(&mut self) {
        self.last = None;
    }

    /// The face as it is shown at `now`, seconds.
    pub fn step(&mut self, face: &Face, manner: &Manner, now: f64) -> Face {
        let values = flat(face);
        let Some(last) = self.last.replace(now) else {
            self.filters = values.map(|value| OneEuro { value, slope: 0.0 });
            self.past.clear();
            self.past.push(values);
            return *face;
        };
        let dt = ((now - last) as f32).clamp(0.005, 0.2);
        self.past.truncate(KEPT - 1);
        self.past.insert(0, values);
        let mut out = [0.0; VALUES];
        for (k, (filter, slot)) in self.filters.iter_mut().zip(&mut out).enumerate() {
            let (part, pace) = kind(k);
            let steady = manner.steady[part as usize];
            // A tic is short: the median of a time twice as long has none. A tremor is quick: what is slower than it passes.
            let looked = ((steady * BACK / dt) as usize + 1).min(self.past.len());
            let to = if looked > 2 { median(self.past.iter().take(looked).map(|v| v[k])) } else { values[k] };
            let calm = Pace { least: pace.least * (1.0 - 0.8 * steady), more: pace.more * (1.0 - steady).powi(2) };
            *slot = filter.step(to, dt, calm);
        }
        unflat(face, &out)
    }
}

fn median(values: impl Iterator<Item = f32>) -> f32 {
    let mut all: [f32; KEPT] = [0.0; KEPT];
    let mut n = 0;
    for (slot, value) in all.iter_mut().zip(values) {
        *slot = value;
        n += 1;
    }
    all.get_mut(..n).filter(|s| !s.is_empty()).map_or(0.0, |some| *some.select_nth_unstable_by(n / 2, f32::total_cmp).1)
}

fn kind(k: usize) -> (Part, Pace) {
    match k.checked_sub(COUNT) {
        None => (part_of(k), WEIGHTS),
        Some(0..3) => (Part::Head, HEAD),
        Some(_) => (Part::Gaze, GAZE),
    }
}

fn flat(face: &Face) -> [f32; VALUES] {
    let mut all = [0.0; VALUES];
    let angles = [face.head.yaw, face.head.pitch, face.head.roll, face.gaze.yaw, face.gaze.pitch];
    all.iter_mut().zip(face.weights.0.iter().chain(&angles)).for_each(|(slot, v)| *slot = *v);
    all
}

fn unflat(face: &Face, values: &[f32; VALUES]) -> Face {
    let mut out = *face;
    out.weights.0.iter_mut().zip(values).for_each(|(w, v)| *w = v.clamp(0.0, 1.0));
    let [yaw, pitch, roll, gaze_yaw, gaze_pitch] = [0, 1, 2, 3, 4].map(|a| values[COUNT + a]);
    (out.head.yaw, out.head.pitch, out.head.roll) = (yaw, pitch, roll);
    (out.gaze.yaw, out.gaze.pitch) = (gaze_yaw, gaze_pitch);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::face::Shape;

    /// What comes out when the head's yaw is this at each thirtieth of a second.
    fn run(steady: f32, yaw: impl Fn(f32) -> f32) -> Vec<f32> {
        let mut manner = Manner::default();
        manner.steady[Part::Head as usize] = steady;
        let mut smoother = Smoother::default();
        (0..300)
            .map(|i| {
                let now = i as f32 / 30.0;
                let mut face = Face::default();
                face.head.yaw = yaw(now);
                smoother.step(&face, &manner, f64::from(now)).head.yaw
            })
            .collect()
    }

    fn span(of: &[f32]) -> f32 {
        of.iter().copied().fold(f32::MIN, f32::max) - of.iter().copied().fold(f32::MAX, f32::min)
    }

    #[test]
    fn a_tremor_is_stilled_and_a_turn_is_not() {
        // Five hertz, 3 degrees, as of an essential tremor of the head.
        let tremor = |t: f32| 3.0 * (std::f32::consts::TAU * 5.0 * t).sin();
        assert!(span(&run(0.0, tremor)[60..]) > 3.0, "an unsteadied head follows");
        assert!(span(&run(0.7, tremor)[60..]) < 0.6, "{}", span(&run(0.7, tremor)[60..]));
        let turned = run(0.7, |t| if t > 3.0 { 15.0 } else { 0.0 });
        assert!(turned[299] > 14.0, "{}", turned[299]);
    }

    #[test]
    fn a_tic_is_gone_when_the_part_is_steady() {
        let tic = |t: f32| if (4.0..4.3).contains(&t) { 12.0 } else { 0.0 };
        assert!(span(&run(0.0, tic)) > 8.0);
        assert!(span(&run(1.0, tic)) < 0.5, "{}", span(&run(1.0, tic)));
    }

    #[test]
    fn a_blink_is_not_smoothed_away_and_noise_is() {
        let mut smoother = Smoother::default();
        let mut shown = Vec::new();
        let mut rng = fastrand::Rng::with_seed(1);
        for i in 0..90 {
            let mut face = Face::default();
            let closed = match i {
                60 => 0.7,
                61 | 62 => 1.0,
                63 => 0.6,
                _ => 0.05,
            };
            face.weights[Shape::EyeBlinkLeft] = closed + (rng.f32() - 0.5) * 0.06;
            shown.push(smoother.step(&face, &Manner::default(), f64::from(i) / 30.0).weights[Shape::EyeBlinkLeft]);
        }
        let most = shown.iter().copied().fold(0.0, f32::max);
        assert!(most > 0.85, "{most}");
        assert!(span(&shown[10..60]) < 0.05, "{}", span(&shown[10..60]));
    }
}
