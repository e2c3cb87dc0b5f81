//! The profile's colour on the face: weights laid over the generated ones and a way of moving, cross-faded, never at the cost of
//! a closed mouth.

use super::DT;
use super::shapes;
use super::smooth::ease;
use super::steer::{Mood, Steered};
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
    /// What the profile's emotions add: it spares the voice's lips, as steered emotions do.
    pub emotion: Weights,
    pub motion: MotionStyle,
    /// Where the eyes rest, degrees up.
    pub rest: f32,
}

impl Look {
    fn of(profile: &Profile, intensity: f32) -> Self {
        let k = if intensity.is_finite() { intensity.clamp(0.0, MAX_INTENSITY) } else { 1.0 };
        let mood = Mood::from(&profile.emotion);
        let (plain, p) = (MotionStyle::default(), mood.carriage.carry(&profile.motion));
        // Ways of moving are ratios or amounts around the natural one: the intensity scales the distance from it.
        let far = |natural: f32, value: f32, low: f32, high: f32| (natural + (value - natural) * k).clamp(low, high);
        let mut expression = profile.expression;
        expression.0.iter_mut().for_each(|w| *w = (*w * k * mood.left).clamp(-1.0, 1.0));
        let mut emotion = mood.face;
        emotion.0.iter_mut().for_each(|w| *w = (*w * k).clamp(-1.0, 1.0));
        Self {
            expression,
            emotion,
            rest: mood.carriage.gaze * k,
            motion: MotionStyle {
                energy: far(plain.energy, p.energy, 0.0, 2.0),
                tempo: far(plain.tempo, p.tempo, 0.4, 2.5),
                blinks_per_minute: far(plain.blinks_per_minute, p.blinks_per_minute, 2.0, 60.0),
                eye_contact: far(plain.eye_contact, p.eye_contact, 0.0, 1.0),
                head_range: far(plain.head_range, p.head_range, 0.0, 2.0),
                head_pitch: far(plain.head_pitch, p.head_pitch, -12.0, 12.0),
                head_roll: far(plain.head_roll, p.head_roll, -12.0, 12.0),
                voice_drive: far(plain.voice_drive, p.voice_drive, 0.0, 1.0),
            },
        }
    }

    fn between(a: &Self, b: &Self, t: f32) -> Self {
        let weights = |a: &Weights, b: &Weights| {
            let mut mixed = Weights([0.0; COUNT]);
            for ((w, x), y) in mixed.0.iter_mut().zip(&a.0).zip(&b.0) {
                *w = x + (y - x) * t;
            }
            mixed
        };
        Self {
            expression: weights(&a.expression, &b.expression),
            emotion: weights(&a.emotion, &b.emotion),
            motion: mix(&a.motion, &b.motion, t),
            rest: a.rest + (b.rest - a.rest) * t,
        }
    }
}

/// The way of moving `t` (0..1) of the way from `x` to `y`.
pub fn mix(x: &MotionStyle, y: &MotionStyle, t: f32) -> MotionStyle {
    let mix = |a: f32, b: f32| a + (b - a) * t;
    MotionStyle {
        energy: mix(x.energy, y.energy),
        tempo: mix(x.tempo, y.tempo),
        blinks_per_minute: mix(x.blinks_per_minute, y.blinks_per_minute),
        eye_contact: mix(x.eye_contact, y.eye_contact),
        head_range: mix(x.head_range, y.head_range),
        head_pitch: mix(x.head_pitch, y.head_pitch),
        head_roll: mix(x.head_roll, y.head_roll),
        voice_drive: mix(x.voice_drive, y.voice_drive),
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
        let none = Weights::default();
        let plain = Look { expression: none, emotion: none, motion: MotionStyle::default(), rest: 0.0 };
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
            self.now = Look::between(&self.from, &self.to, ease(self.passed / self.over));
        } else {
            self.now = self.to;
        }
        self.now.motion
    }

    /// How far up the eyes rest, degrees.
    pub fn rest(&self) -> f32 {
        self.now.rest
    }

    /// Lays the expression, and what steering adds, over the mouth of the voice. `voice` as in [`super::voice::Heed`]; `emphasis`
    /// lifts the brows, 0..1 and more; `bite`, 0..1: the lower lip is at the teeth and stays there.
    pub fn colour(&mut self, w: &mut Weights, voice: f32, emphasis: f32, bite: f32, steered: &Steered) {
        let gap = shapes::gap(w);
        // 1 where the voice holds the lips shut, 0 where they are open or nobody speaks.
        let shut = (voice * (1.5 - 1.5 * gap / CLOSED).clamp(0.0, 1.0)).max(bite);
        let mut add = steered.over(&self.now.expression, &self.now.emotion);
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

        let lift = self.brows.step(emphasis, 9.0);
        w[Shape::BrowInnerUp] += 0.22 * lift;
        w[Shape::BrowOuterUpLeft] += 0.16 * lift;
        w[Shape::BrowOuterUpRight] += 0.14 * lift;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::motion::steer::{Steer, Steering};

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
        style.colour(&mut p, 1.0, 0.0, 0.0, &Steer::default().step(&Steering::default(), 1.0));
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
            style.colour(&mut w, 0.0, 0.0, 0.0, &Steer::default().step(&Steering::default(), 0.0));
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
