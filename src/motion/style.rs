//! The profile's colour on the face: weights laid over the generated ones and a way of moving, cross-faded, never at the cost of
//! a closed mouth.

use super::DT;
use super::shapes;
use super::smooth::ease;
use crate::config::{MotionStyle, Profile};
use crate::face::{COUNT, Shape, Weights};
use std::time::Duration;

/// The strongest intensity that is taken; 1 is the profile as written.
pub const MAX_INTENSITY: f32 = 2.0;

/// Weights that part the lips, and the share of a profile's value that is left where the voice has closed them.
const PARTING: [(Shape, f32); 12] = [
    (Shape::JawOpen, 0.0),
    (Shape::MouthLowerDownLeft, 0.0),
    (Shape::MouthLowerDownRight, 0.0),
    (Shape::MouthUpperUpLeft, 0.0),
    (Shape::MouthUpperUpRight, 0.0),
    (Shape::MouthFunnel, 0.3),
    (Shape::MouthShrugUpper, 0.5),
    (Shape::MouthSmileLeft, 0.75),
    (Shape::MouthSmileRight, 0.75),
    (Shape::MouthStretchLeft, 0.6),
    (Shape::MouthStretchRight, 0.6),
    (Shape::NoseSneerLeft, 0.6),
];

/// A gap between the lips under which a viewer takes the mouth for closed.
const CLOSED: f32 = 0.06;

/// Everything a profile says, at an intensity.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Look {
    pub expression: Weights,
    pub motion: MotionStyle,
}

impl Look {
    fn of(profile: &Profile, intensity: f32) -> Self {
        let k = if intensity.is_finite() { intensity.clamp(0.0, MAX_INTENSITY) } else { 1.0 };
        let (plain, p) = (MotionStyle::default(), &profile.motion);
        // Ways of moving are ratios or amounts around the natural one: the intensity scales the distance from it.
        let far = |natural: f32, value: f32, low: f32, high: f32| (natural + (value - natural) * k).clamp(low, high);
        let mut expression = profile.expression;
        expression.0.iter_mut().for_each(|w| *w = (*w * k).clamp(-1.0, 1.0));
        Self {
            expression,
            motion: MotionStyle {
                energy: far(plain.energy, p.energy, 0.0, 2.0),
                tempo: far(plain.tempo, p.tempo, 0.4, 2.5),
                blinks_per_minute: far(plain.blinks_per_minute, p.blinks_per_minute, 2.0, 60.0),
                eye_contact: far(plain.eye_contact, p.eye_contact, 0.0, 1.0),
                head_range: far(plain.head_range, p.head_range, 0.0, 2.0),
                head_pitch: far(plain.head_pitch, p.head_pitch, -12.0, 12.0),
                head_roll: far(plain.head_roll, p.head_roll, -12.0, 12.0),
            },
        }
    }

    fn mix(a: &Self, b: &Self, t: f32) -> Self {
        let mix = |a: f32, b: f32| a + (b - a) * t;
        let mut expression = Weights([0.0; COUNT]);
        for ((e, x), y) in expression.0.iter_mut().zip(&a.expression.0).zip(&b.expression.0) {
            *e = mix(*x, *y);
        }
        let (x, y) = (&a.motion, &b.motion);
        Self {
            expression,
            motion: MotionStyle {
                energy: mix(x.energy, y.energy),
                tempo: mix(x.tempo, y.tempo),
                blinks_per_minute: mix(x.blinks_per_minute, y.blinks_per_minute),
                eye_contact: mix(x.eye_contact, y.eye_contact),
                head_range: mix(x.head_range, y.head_range),
                head_pitch: mix(x.head_pitch, y.head_pitch),
                head_roll: mix(x.head_roll, y.head_roll),
            },
        }
    }
}

/// The running cross-fade between two looks.
#[derive(Clone, Copy)]
pub struct Style {
    from: Look,
    to: Look,
    now: Look,
    passed: f32,
    over: f32,
    /// How often a profile was set.
    orders: u32,
    /// The brows of the voice: emphasis, smoothed.
    brows: super::smooth::Spring,
}

impl Default for Style {
    fn default() -> Self {
        let plain = Look { expression: Weights::default(), motion: MotionStyle::default() };
        Self { from: plain, to: plain, now: plain, passed: 1.0, over: 0.0, orders: 0, brows: Default::default() }
    }
}

impl Style {
    /// Turns to `profile` within `over`, from wherever the face is now.
    pub fn set(&mut self, profile: &Profile, intensity: f32, over: Duration) {
        (self.from, self.to) = (self.now, Look::of(profile, intensity));
        (self.passed, self.over) = (0.0, over.as_secs_f32());
        self.orders = self.orders.wrapping_add(1);
        if self.over < DT {
            self.now = self.to;
        }
    }

    /// After steps were taken back from `later`: a profile that was set since stays in force, as far as it has come.
    pub fn keep_order(&mut self, later: &Self) {
        if self.orders != later.orders {
            *self = Self { brows: self.brows, ..*later };
        }
    }

    /// One block on; the way of moving of this moment.
    pub fn step(&mut self) -> MotionStyle {
        if self.passed < self.over {
            self.passed += DT;
            self.now = Look::mix(&self.from, &self.to, ease(self.passed / self.over));
        } else {
            self.now = self.to;
        }
        self.now.motion
    }

    /// Lays the expression over the mouth of the voice. `voice` and `stress` as in [`super::voice::Heed`]; `bite`, 0..1: the lower
    /// lip is at the teeth and stays there.
    pub fn colour(&mut self, w: &mut Weights, voice: f32, stress: f32, bite: f32) {
        let gap = shapes::gap(w);
        // 1 where the voice holds the lips shut, 0 where they are open or nobody speaks.
        let shut = (voice * (1.5 - 1.5 * gap / CLOSED).clamp(0.0, 1.0)).max(bite);
        let expression = &self.now.expression;
        let mut add = *expression;
        for (shape, left) in PARTING {
            if add[shape] > 0.0 {
                add[shape] *= 1.0 - (1.0 - left) * shut;
            }
        }
        // Rounded lips and a broad smile pull against each other: the voice wins half of it.
        let round = (w[Shape::MouthPucker] + w[Shape::MouthFunnel]).clamp(0.0, 1.0);
        for shape in [Shape::MouthSmileLeft, Shape::MouthSmileRight, Shape::MouthStretchLeft, Shape::MouthStretchRight]
        {
            if add[shape] > 0.0 {
                add[shape] *= 1.0 - 0.5 * round;
            }
        }
        for (slot, a) in w.0.iter_mut().zip(&add.0) {
            *slot += a;
        }
        // What an expression still opens where the lips must meet, the seal closes again.
        let excess = (shapes::gap(w) - gap.max(0.0)).max(0.0) * shut;
        w[Shape::MouthClose] += excess;

        let lift = self.brows.step(stress * self.now.motion.energy, 9.0);
        w[Shape::BrowInnerUp] += 0.22 * lift;
        w[Shape::BrowOuterUpLeft] += 0.16 * lift;
        w[Shape::BrowOuterUpRight] += 0.14 * lift;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile(expression: &[(Shape, f32)], motion: MotionStyle) -> Profile {
        let mut p = Profile { motion, ..Profile::default() };
        for (shape, v) in expression {
            p.expression[*shape] = *v;
        }
        p
    }

    #[test]
    fn no_profile_parts_lips_that_the_voice_has_closed() {
        let wild = profile(
            &[
                (Shape::JawOpen, 1.0),
                (Shape::MouthSmileLeft, 1.0),
                (Shape::MouthUpperUpLeft, 1.0),
                (Shape::MouthLowerDownRight, 1.0),
                (Shape::MouthClose, -1.0),
            ],
            MotionStyle::default(),
        );
        let mut style = Style::default();
        style.set(&wild, 2.0, Duration::ZERO);
        style.step();
        let mut p = shapes::weights(&[-0.1, 0.4, 0.4, 0.2, 0.1, 0.5, 0.4, 0.2], 1.0, 1.0);
        let before = shapes::gap(&p);
        style.colour(&mut p, 1.0, 0.0, 0.0);
        assert!(shapes::gap(&p) < before.max(0.0) + 0.02, "the gap grew from {before} to {}", shapes::gap(&p));
    }

    #[test]
    fn a_cross_fade_begins_at_the_old_look_ends_at_the_new_and_never_jumps() {
        let smile = profile(&[(Shape::MouthSmileLeft, 0.6)], MotionStyle { tempo: 1.5, ..MotionStyle::default() });
        let mut style = Style::default();
        style.set(&smile, 1.0, Duration::from_millis(400));
        let mut last = 0.0;
        for i in 0..30 {
            let motion = style.step();
            let mut w = Weights::default();
            style.colour(&mut w, 0.0, 0.0, 0.0);
            let v = w[Shape::MouthSmileLeft];
            assert!(v >= last && v - last < 0.06, "step {i}: {last} to {v}");
            assert!((motion.tempo - 1.0 - v / 0.6 * 0.5).abs() < 1e-3);
            last = v;
        }
        assert!((last - 0.6).abs() < 1e-6);
    }

    #[test]
    fn intensity_scales_the_profile_and_a_broken_one_is_taken_as_written() {
        let smile = profile(&[(Shape::MouthSmileLeft, 0.4)], MotionStyle { energy: 1.5, ..MotionStyle::default() });
        for (intensity, expected, energy) in
            [(0.0, 0.0, 1.0), (0.5, 0.2, 1.25), (2.0, 0.8, 2.0), (9.0, 0.8, 2.0), (f32::NAN, 0.4, 1.5)]
        {
            let look = Look::of(&smile, intensity);
            assert!((look.expression[Shape::MouthSmileLeft] - expected).abs() < 1e-6);
            assert!((look.motion.energy - energy).abs() < 1e-6);
        }
    }
}
