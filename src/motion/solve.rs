//! The mouth that lies nearest to what was measured: non-negative least squares on the morph table.
//!
//! Ten weights of the mouth (left and right together) move eight lip channels, near enough in proportion. The solver finds the
//! weights, 0..1 each, whose channels come nearest to those asked for: min |(W w - goal) / doubt|² + prices, by cyclic coordinate
//! descent, which ends in the one best place because the problem is convex. `models/train/table.py` measures the table,
//! `weights.py` is the same rule in the training.

use super::shapes::CHANNELS;

/// How many weights are solved for.
pub const COUNT: usize = 10;

/// The weights, in the order of [`WAYS`].
pub const JAW_OPEN: usize = 0;
pub const CLOSE: usize = 1;
pub const FUNNEL: usize = 2;
pub const PUCKER: usize = 3;
pub const LOWER_DOWN: usize = 4;
pub const UPPER_UP: usize = 5;
pub const STRETCH: usize = 6;
pub const SMILE: usize = 7;
pub const ROLL_LOWER: usize = 8;
pub const ROLL_UPPER: usize = 9;

/// How each weight moves the channels (aperture, width, protrude, upper, lower, jaw, corner, thick) at weight 1, head units:
/// measured on Anna's mesh.
#[rustfmt::skip]
const WAYS: [[f64; CHANNELS]; COUNT] = [
    [ 0.578, -0.045, -0.169,  0.017,  0.595,  0.412,  0.059, -0.133],
    [-0.580,  0.063,  0.144, -0.117, -0.496,  0.004, -0.054,  0.043],
    [ 0.195, -0.106,  0.067,  0.106,  0.137,  0.017,  0.044, -0.208],
    [-0.015, -0.152,  0.097,  0.002, -0.017,  0.004,  0.000, -0.053],
    [ 0.073,  0.010,  0.011,  0.000,  0.070,  0.015,  0.024, -0.007],
    [ 0.090, -0.014,  0.006,  0.086,  0.002,  0.000, -0.025, -0.027],
    [ 0.008,  0.178,  0.001, -0.006,  0.015, -0.002, -0.030, -0.019],
    [-0.037,  0.195,  0.002,  0.052, -0.095, -0.002,  0.113, -0.013],
    [-0.059,  0.005,  0.008,  0.000, -0.073, -0.029, -0.035,  0.007],
    [-0.046,  0.001, -0.068,  0.003, -0.053,  0.000,  0.027, -0.075],
];

/// The unit of each channel, the 5th to 95th percentile of the filmed speaker's, in head units.
pub const UNIT: [f64; CHANNELS] = [0.1734, 0.0866, 0.0622, 0.0792, 0.1535, 0.0836, 0.0582, 0.0862];

/// The channels of his lips at rest, in those units.
pub const REST: [f64; CHANNELS] = [0.05, 0.45, 0.63, 0.37, 0.09, 0.25, 0.40, 0.47];

/// How surely each channel is known, head units: the gap between the lips first, then the width, then each lip.
const DOUBT: [f64; CHANNELS] = [0.008, 0.012, 0.2, 0.04, 0.03, 0.1, 0.05, 0.1];

/// What a weight costs, so that few and small ones are chosen where the channels leave a choice.
const PRICE: [f64; COUNT] = [0.02, 0.06, 0.06, 0.1, 0.03, 0.05, 0.04, 0.06, 0.06, 0.06];
const LINEAR: f64 = 5.0;
const SQUARE: f64 = 600.0;

/// After so many rounds no weight is farther than 0.01 from its place, over all of the film.
const SWEEPS: usize = 300;

/// `WAYS` over `DOUBT`, times itself, with the squares of the prices.
const GRAM: [[f64; COUNT]; COUNT] = {
    let mut gram = [[0.0; COUNT]; COUNT];
    let mut i = 0;
    while i < COUNT {
        let mut k = 0;
        while k < COUNT {
            let mut c = 0;
            while c < CHANNELS {
                gram[i][k] += WAYS[i][c] * WAYS[k][c] / (DOUBT[c] * DOUBT[c]);
                c += 1;
            }
            k += 1;
        }
        gram[i][i] += SQUARE * PRICE[i];
        i += 1;
    }
    gram
};

/// The weights, 0..1, of the mouth whose channels come nearest to `goal`, in head units from rest.
pub fn solve(goal: &[f64; CHANNELS]) -> [f32; COUNT] {
    let mut pull = [0.0; COUNT];
    for ((pull, ways), price) in pull.iter_mut().zip(&WAYS).zip(&PRICE) {
        let along: f64 = ways.iter().zip(goal).zip(&DOUBT).map(|((w, g), d)| w * g / (d * d)).sum();
        *pull = along - LINEAR * price;
    }
    let mut w = [0.0f64; COUNT];
    for _ in 0..SWEEPS {
        for (i, (row, pull)) in GRAM.iter().zip(&pull).enumerate() {
            let now: f64 = row.iter().zip(&w).map(|(q, w)| q * w).sum();
            w[i] = (w[i] + (pull - now) / row[i]).clamp(0.0, 1.0);
        }
    }
    w.map(|w| w as f32)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the training wrote and measured.
    fn written() -> serde_json::Value {
        let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("models/motion/mouth.json");
        serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap()
    }

    fn row(v: &serde_json::Value) -> Vec<f64> {
        v.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
    }

    #[test]
    fn the_table_is_the_one_that_was_measured() {
        let written = written();
        let names = [
            "jawOpen",
            "mouthClose",
            "mouthFunnel",
            "mouthPucker",
            "mouthLowerDown",
            "mouthUpperUp",
            "mouthStretch",
            "mouthSmile",
            "mouthRollLower",
            "mouthRollUpper",
        ];
        for (name, ways) in names.iter().zip(&WAYS) {
            assert_eq!(row(&written["ways"][name]), ways, "{name}");
        }
        assert_eq!((row(&written["unit"]), row(&written["rest"])), (UNIT.to_vec(), REST.to_vec()));
    }

    #[test]
    fn rest_needs_no_weight() {
        assert_eq!(solve(&[0.0; CHANNELS]), [0.0; COUNT]);
    }

    #[test]
    fn the_gap_comes_back_whatever_else_is_asked() {
        let mut rng = fastrand::Rng::with_seed(3);
        for _ in 0..500 {
            let goal: [f64; CHANNELS] = std::array::from_fn(|c| (rng.f64() * 1.4 - 0.2) * UNIT[c]);
            let w = solve(&goal);
            assert!(w.iter().all(|w| (0.0..=1.0).contains(w)));
            let gap: f64 = WAYS.iter().zip(&w).map(|(ways, w)| ways[0] * f64::from(*w)).sum();
            // A lower lip that is asked to fall and a gap that is asked to stay contradict each other: the gap wins, nearly.
            assert!((gap - goal[0]).abs() < 0.035, "{gap} instead of {}: {w:?}", goal[0]);
        }
    }

    #[test]
    fn no_weight_could_be_moved_to_a_better_place() {
        let cost = |w: &[f64; COUNT], goal: &[f64; CHANNELS]| -> f64 {
            let misses = (0..CHANNELS).map(|c| {
                let here: f64 = WAYS.iter().zip(w).map(|(ways, w)| ways[c] * w).sum();
                ((here - goal[c]) / DOUBT[c]).powi(2)
            });
            misses.sum::<f64>()
                + w.iter().zip(&PRICE).map(|(w, p)| p * (SQUARE * w * w + 2.0 * LINEAR * w)).sum::<f64>()
        };
        let goal = [0.12, 0.03, -0.02, 0.03, 0.10, 0.04, 0.01, -0.02];
        let w = solve(&goal).map(f64::from);
        for i in 0..COUNT {
            for step in [-0.02, 0.02] {
                let mut other = w;
                other[i] = (other[i] + step).clamp(0.0, 1.0);
                assert!(cost(&other, &goal) >= cost(&w, &goal) - 1e-3, "weight {i} by {step}");
            }
        }
    }
}
