//! From the network's eight lip channels to ARKit weights: the same rule as `models/train/weights.py`, where it is explained.
//! Closed by the voice's silence, opened by the profile's energy; the mouth in between is solved for ([`super::solve`]).

use super::solve::{
    CLOSE, FUNNEL, JAW_OPEN, LOWER_DOWN, PUCKER, REST as RESTING, ROLL_LOWER, ROLL_UPPER, SMILE, STRETCH, UNIT,
    UPPER_UP, solve,
};
use crate::face::{Shape, Weights};

/// Channels of the network, in units of a speaker's own span: 0 is the 5th percentile, 1 the 95th.
pub const CHANNELS: usize = 8;

pub const APERTURE: usize = 0;
pub const WIDTH: usize = 1;
pub const PROTRUDE: usize = 2;
const UPPER: usize = 3;
const LOWER: usize = 4;
const JAW: usize = 5;
pub const THICK: usize = 7;

/// Where the width of a mouth at rest lies, and its visible lips.
const REST: f32 = 0.45;

/// A mouth that is at rest, as the network would describe it.
pub const AT_REST: [f32; CHANNELS] = [0.0, REST, REST, 0.0, 0.0, 0.0, REST, REST];

/// How much larger a mouth of ours opens than the filmed speaker's: what a viewer of a small picture can read.
const GAIN: f64 = 1.6;

/// Channels beyond these are no mouth's.
const RANGE: (f32, f32) = (-0.6, 1.8);

/// Lips that are shut ask for no more than this, head units: beyond it they would pass through each other.
const PRESSED: f64 = -0.015;

/// Gap, in head units, under which lips begin to press on each other.
const SHUT: f64 = 0.05;

/// The mouth of `channels`; `voice` is 0 in silence and 1 in speech, `energy` scales how far the mouth opens.
pub fn weights(channels: &[f32; CHANNELS], voice: f32, energy: f32) -> Weights {
    let c = channels.map(|c| c.clamp(RANGE.0, RANGE.1));
    let (voice, energy) = (f64::from(voice), f64::from(energy));
    let mut goal = [0.0; CHANNELS];
    for (i, ((goal, c), (unit, rest))) in goal.iter_mut().zip(&c).zip(UNIT.iter().zip(&RESTING)).enumerate() {
        let opens = if [APERTURE, UPPER, LOWER, JAW].contains(&i) { energy } else { 1.0 };
        *goal = (f64::from(*c) - rest) * unit * GAIN * voice * opens;
    }
    goal[APERTURE] = goal[APERTURE].max(PRESSED * voice);
    let mouth = solve(&goal);
    let shut = (1.0 - goal[APERTURE] / SHUT).clamp(0.0, 1.0) * voice;
    // The film shows pressed lips by how thin they get; too few channels know it to solve for it.
    let press = shut as f32 * (0.3 + 0.7 * (RESTING[THICK] as f32 - c[THICK])).clamp(0.0, 0.6);

    let mut w = Weights::default();
    for (shape, value) in [
        (Shape::JawOpen, mouth[JAW_OPEN]),
        (Shape::MouthClose, mouth[CLOSE]),
        (Shape::MouthFunnel, mouth[FUNNEL]),
        (Shape::MouthPucker, mouth[PUCKER]),
        (Shape::MouthLowerDownLeft, mouth[LOWER_DOWN]),
        (Shape::MouthLowerDownRight, mouth[LOWER_DOWN]),
        (Shape::MouthUpperUpLeft, mouth[UPPER_UP]),
        (Shape::MouthUpperUpRight, mouth[UPPER_UP]),
        (Shape::MouthStretchLeft, mouth[STRETCH]),
        (Shape::MouthStretchRight, mouth[STRETCH]),
        (Shape::MouthSmileLeft, mouth[SMILE]),
        (Shape::MouthSmileRight, mouth[SMILE]),
        (Shape::MouthPressLeft, 0.5 * press),
        (Shape::MouthPressRight, 0.5 * press),
        (Shape::MouthRollLower, mouth[ROLL_LOWER].max(0.5 * press)),
        (Shape::MouthRollUpper, mouth[ROLL_UPPER].max(0.5 * press)),
    ] {
        w[shape] = value;
    }
    w
}

/// The mouth of an f, weight by weight: the lower lip drawn in under the upper teeth, which show. Chosen by eye on the avatar
/// that ships.
const BITE: [(Shape, f32); 12] = [
    (Shape::JawOpen, 0.05),
    (Shape::MouthClose, 0.0),
    (Shape::MouthFunnel, 0.0),
    (Shape::MouthPucker, 0.0),
    (Shape::MouthLowerDownLeft, 0.0),
    (Shape::MouthLowerDownRight, 0.0),
    (Shape::MouthUpperUpLeft, 0.5),
    (Shape::MouthUpperUpRight, 0.5),
    (Shape::MouthPressLeft, 0.0),
    (Shape::MouthPressRight, 0.0),
    (Shape::MouthRollLower, 0.75),
    (Shape::MouthRollUpper, 0.0),
];

/// Brings the lower lip to the upper teeth, 0 not at all .. 1 until they touch.
pub fn bite(w: &mut Weights, amount: f32) {
    if amount <= 0.0 {
        return;
    }
    for (shape, value) in BITE {
        w[shape] += (value - w[shape]) * amount.min(1.0);
    }
}

/// How far the lips are apart, as a viewer sees it: the jaw less the seal, plus the share that the lips add themselves.
pub fn gap(w: &Weights) -> f32 {
    let mean = |a: Shape, b: Shape| 0.5 * (w[a] + w[b]);
    w[Shape::JawOpen] - w[Shape::MouthClose]
        + 0.3 * mean(Shape::MouthLowerDownLeft, Shape::MouthLowerDownRight)
        + 0.2 * mean(Shape::MouthUpperUpLeft, Shape::MouthUpperUpRight)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::motion::fixture;

    #[test]
    fn the_weights_equal_those_of_the_training() {
        let fixture = fixture::load();
        let order = [
            Shape::JawOpen,
            Shape::MouthClose,
            Shape::MouthFunnel,
            Shape::MouthPucker,
            Shape::MouthLowerDownLeft,
            Shape::MouthLowerDownRight,
            Shape::MouthUpperUpLeft,
            Shape::MouthUpperUpRight,
            Shape::MouthStretchLeft,
            Shape::MouthStretchRight,
            Shape::MouthSmileLeft,
            Shape::MouthSmileRight,
            Shape::MouthPressLeft,
            Shape::MouthPressRight,
            Shape::MouthRollLower,
            Shape::MouthRollUpper,
        ];
        for (c, expected) in fixture.lips.as_chunks::<CHANNELS>().0.iter().zip(fixture.weights.chunks(order.len())) {
            let w = weights(c, 1.0, 1.0);
            for (shape, e) in order.iter().zip(expected) {
                assert!((w[*shape] - e).abs() < 1e-4, "{shape:?} is {}, {e} in the training", w[*shape]);
            }
        }
    }

    #[test]
    fn a_closed_mouth_is_sealed_even_where_the_jaw_is_low() {
        let p = weights(&[-0.05, 0.4, 0.5, 0.2, 0.3, 0.7, 0.4, 0.1], 1.0, 1.0);
        assert!(gap(&p) < 0.03, "the gap is {}", gap(&p));
        assert!(p[Shape::MouthPressLeft] > 0.2 && p[Shape::JawOpen] > 0.05 && p[Shape::MouthClose] > 0.03);
    }

    #[test]
    fn an_open_vowel_opens_and_a_round_one_rounds() {
        let a = weights(&[1.0, 0.6, 0.4, 0.6, 1.0, 0.9, 0.4, 0.5], 1.0, 1.0);
        let o = weights(&[0.4, 0.05, 0.9, 0.3, 0.5, 0.5, 0.4, 0.6], 1.0, 1.0);
        assert!(gap(&a) > 0.3 && a[Shape::MouthPucker] < 0.05 && a[Shape::MouthStretchLeft] > 0.1);
        assert!(o[Shape::MouthPucker] + o[Shape::MouthFunnel] > 0.25 && o[Shape::MouthStretchLeft] < 0.05);
    }

    #[test]
    fn silence_is_a_closed_mouth_whatever_the_network_says() {
        let w = weights(&[0.7; CHANNELS], 0.0, 1.0);
        assert!(w.0.iter().all(|v| v.abs() < 0.001), "{w:?}");
    }
}
