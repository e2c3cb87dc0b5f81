//! From the network's eight lip channels to ARKit weights: the same rule as `models/train/weights.py`, where it is explained.

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

/// The channels of a mouth at rest.
const REST_APERTURE: f32 = 0.10;
const REST: f32 = 0.45;

/// A mouth that is at rest, as the network would describe it.
pub const AT_REST: [f32; CHANNELS] = [0.0, REST, REST, 0.0, 0.0, 0.0, REST, REST];

/// `max(0, x)` with a soft corner `soft` wide.
fn knee(x: f32, soft: f32) -> f32 {
    0.5 * (x + (x * x + soft * soft).sqrt())
}

/// The mouth of `channels`; `voice` is 0 in silence and 1 in speech, `energy` scales how far the mouth opens.
pub fn weights(channels: &[f32; CHANNELS], voice: f32, energy: f32) -> Weights {
    let c = channels;
    let gap = (0.52 * energy * knee(c[APERTURE] - REST_APERTURE, 0.08) * voice).min(1.0);
    let wide = (c[WIDTH] - REST) * voice;
    let spread = knee(wide, 0.05) - 0.025;
    let round = knee(-wide, 0.05) - 0.025 + 0.35 * (c[PROTRUDE] - 0.6).max(0.0) * voice;
    let open = (gap / 0.30).clamp(0.0, 1.0);
    let up = (0.30 * (c[UPPER] - 0.35) * voice).clamp(0.0, 0.5) * open;
    let down = (0.35 * (c[LOWER] - 0.15) * voice).clamp(0.0, 0.6) * open;
    let chin = (0.22 * c[JAW] * voice).clamp(0.0, 1.0);
    let jaw = (0.55 * chin + 0.6 * gap).max(gap - 0.3 * down - 0.2 * up).clamp(0.0, 1.0);
    let close = (jaw + 0.3 * down + 0.2 * up - gap).clamp(0.0, 1.0);
    let shut = (1.0 - gap / 0.10).clamp(0.0, 1.0) * voice;
    let press = shut * (0.3 + 0.7 * (REST - c[THICK])).clamp(0.0, 0.6);
    let funnel = (1.5 * round * open).clamp(0.0, 1.0);
    let pucker = (1.5 * round * (1.0 - 0.5 * open)).clamp(0.0, 1.0);
    let stretch = (0.7 * spread).clamp(0.0, 1.0);
    let smile = (0.4 * spread).clamp(0.0, 1.0);

    let mut w = Weights::default();
    for (shape, value) in [
        (Shape::JawOpen, jaw),
        (Shape::MouthClose, close),
        (Shape::MouthFunnel, funnel),
        (Shape::MouthPucker, pucker),
        (Shape::MouthLowerDownLeft, down),
        (Shape::MouthLowerDownRight, down),
        (Shape::MouthUpperUpLeft, up),
        (Shape::MouthUpperUpRight, up),
        (Shape::MouthStretchLeft, stretch),
        (Shape::MouthStretchRight, stretch),
        (Shape::MouthSmileLeft, smile),
        (Shape::MouthSmileRight, smile),
        (Shape::MouthPressLeft, press),
        (Shape::MouthPressRight, press),
        (Shape::MouthRollLower, 0.5 * press),
        (Shape::MouthRollUpper, 0.5 * press),
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
        assert!(gap(&a) > 0.3 && a[Shape::MouthPucker] + a[Shape::MouthFunnel] < 0.05);
        assert!(o[Shape::MouthPucker] + o[Shape::MouthFunnel] > 0.3 && o[Shape::MouthStretchLeft] < 0.05);
    }

    #[test]
    fn silence_is_a_closed_mouth_whatever_the_network_says() {
        let w = weights(&[0.7; CHANNELS], 0.0, 1.0);
        assert!(w.0.iter().all(|v| v.abs() < 0.001), "{w:?}");
    }
}
