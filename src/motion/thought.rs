//! Somebody who looks for words: while the user composes a text, the face shows that it is busy, so that others wait.
//!
//! People who think avert their gaze (Glenberg et al. 1998, Memory & Cognition 26:651; Doherty-Sneddon and Phelps 2005, Memory &
//! Cognition 33:727), often upward (McCarthy et al. 2006, J. Cross-Cultural Psychology 37:717). How far the brows, the lips and
//! the head go was chosen by eye: a stranger should see somebody thoughtful and friendly, not somebody worried.

use super::smooth::{Drift, Spring};
use crate::config::MotionStyle;
use crate::face::{Shape, Weights};

/// How fast the look comes and goes, 1/s: nine tenths of it within half a second.
const RATE: f32 = 7.8;

/// Less than this is nothing.
const NOTHING: f32 = 1e-3;

/// The share of time in which the eyes are on the listener.
const CONTACT: f32 = 0.3;

/// Blinks are rarer (Holland and Tarlow 1975, Perceptual and Motor Skills 41:403: fewer while the mind holds something) and the
/// head is quieter.
const BLINKS: f32 = 0.65;
const QUIET: f32 = 0.75;

/// How far the head tilts, turns to where the eyes look and lifts the chin, degrees; the drift of it all, its share and its
/// memory in seconds.
const TILT: f32 = 4.4;
const TURN: f32 = 2.6;
const LIFT: f32 = 1.2;
const DRIFT: f32 = 0.16;
const DRIFT_SECONDS: f32 = 1.6;

/// The brows, one a little higher than the other, drawn together lightly.
const BROWS: [(Shape, f32); 7] = [
    (Shape::BrowInnerUp, 0.26),
    (Shape::BrowOuterUpLeft, 0.16),
    (Shape::BrowOuterUpRight, 0.08),
    (Shape::BrowDownLeft, 0.05),
    (Shape::BrowDownRight, 0.09),
    (Shape::EyeSquintLeft, 0.06),
    (Shape::EyeSquintRight, 0.08),
];

/// The lips, pressed lightly, a little to one side; the smile only keeps the corners from falling.
const LIPS: [(Shape, f32); 7] = [
    (Shape::MouthPressLeft, 0.26),
    (Shape::MouthPressRight, 0.30),
    (Shape::MouthRollLower, 0.14),
    (Shape::MouthRollUpper, 0.08),
    (Shape::MouthRight, 0.09),
    (Shape::MouthSmileLeft, 0.03),
    (Shape::MouthSmileRight, 0.05),
];

#[derive(Clone)]
pub struct Thought {
    rng: fastrand::Rng,
    amount: Spring,
    /// Follows the side on which the eyes search, -1..1.
    side: Spring,
    drift: [Drift; 2],
    /// The drift of this moment: of the face and of the head.
    sway: [f32; 2],
}

impl Thought {
    pub fn new(seed: u64) -> Self {
        Self {
            rng: fastrand::Rng::with_seed(seed ^ 0x7468_696e),
            amount: Spring::default(),
            side: Spring::default(),
            drift: [Drift::default(); 2],
            sway: [0.0; 2],
        }
    }

    /// One block on, with `voice` 0 in silence and 1 in speech: whoever speaks has found the words. Gives how thoughtful the face
    /// is, 0..1; `side` is the side on which the eyes search, -1 or 1.
    pub fn step(&mut self, composing: bool, voice: f32, side: f32) -> f32 {
        let wanted = if composing { 1.0 - voice } else { 0.0 };
        let amount = self.amount.step(wanted, RATE);
        if wanted == 0.0 && amount < NOTHING {
            // At rest nothing here moves, not even chance: a face that never composes is as if this did not exist.
            self.amount = Spring::default();
            return 0.0;
        }
        self.side.step(side, 3.0);
        self.sway = self.drift.each_mut().map(|d| DRIFT * d.step(&mut self.rng, DRIFT_SECONDS));
        amount.clamp(0.0, 1.0)
    }

    /// The way in which somebody moves who thinks as much as `amount`.
    pub fn carry(&self, manner: &MotionStyle, amount: f32) -> MotionStyle {
        let toward = |a: f32, b: f32| a + (b - a) * amount;
        MotionStyle {
            eye_contact: toward(manner.eye_contact, CONTACT.min(manner.eye_contact)),
            blinks_per_minute: toward(manner.blinks_per_minute, manner.blinks_per_minute * BLINKS),
            head_range: toward(manner.head_range, manner.head_range * QUIET),
            head_roll: manner.head_roll - self.lean() * TILT * amount,
            head_pitch: manner.head_pitch + LIFT * amount * (1.0 + self.sway[0]),
            ..*manner
        }
    }

    /// Where the head turns, degrees of yaw.
    pub fn turn(&self, amount: f32) -> f32 {
        self.lean() * TURN * amount
    }

    fn lean(&self) -> f32 {
        self.side.value * (1.0 + self.sway[1])
    }

    /// Lays the look over the face; the lips are the voice's while it speaks.
    pub fn colour(&self, w: &mut Weights, amount: f32, voice: f32) {
        let brows = amount * (1.0 + self.sway[0]);
        let lips = amount * (1.0 - voice) * (1.0 + self.sway[1]);
        for (shape, value) in BROWS {
            w[shape] += value * brows;
        }
        for (shape, value) in LIPS {
            w[shape] += value * lips;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thought_comes_within_half_a_second_without_a_jerk_and_goes_when_the_voice_sounds() {
        let mut thought = Thought::new(1);
        let mut last = [0.0f32; 2];
        let mut amounts = Vec::new();
        for k in 0..150 {
            let amount = thought.step(true, if k < 100 { 0.0 } else { 1.0 }, 1.0);
            let speed = amount - last[0];
            assert!((speed - last[1]).abs() < 0.035, "step {k} jerks: {} after {}", speed, last[1]);
            last = [amount, speed];
            amounts.push(amount);
        }
        assert!(amounts[0] < 0.05 && amounts[25] > 0.85 && amounts[99] > 0.99);
        assert!(amounts[125] < 0.15 && amounts[149] < 0.01);
    }

    #[test]
    fn whoever_never_composes_has_no_thought_and_speech_keeps_its_lips() {
        let mut thought = Thought::new(1);
        assert!((0..100).all(|_| thought.step(false, 0.0, 1.0) == 0.0));
        let mut w = Weights::default();
        thought.colour(&mut w, 1.0, 1.0);
        assert!(LIPS.iter().all(|(shape, _)| w[*shape] == 0.0) && w[Shape::BrowInnerUp] > 0.2);
    }
}
