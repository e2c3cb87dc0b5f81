//! How often chance gives what was found: the threshold of the detector.
//!
//! The score of a picture at one scale and one place is `z = Σ s·x / √Σ x²` over the fixed waves, where the signs `s` were drawn at
//! random when the mark was designed (`carrier.rs`), and the numbers `x` come from the picture. Whatever the picture is, as long as
//! it was not made from the signs, Hoeffding's inequality (W. Hoeffding, "Probability inequalities for sums of bounded random
//! variables", J. Am. Stat. Assoc. 58, 1963) bounds the probability over the draw: `P(Σ s·x ≥ z √Σ x²) ≤ exp(-z²/2)`. A search that
//! looks at `n` scores exceeds `z` somewhere with a probability of at most `n exp(-z²/2)`. No property of pictures is assumed.

/// The probability of a false alarm in a window by the score, as a logarithm (base 10): half of one in a million, as the check of
/// the payload may give another half (at most eight tries of 2⁻²⁴ each are made).
pub const LIMIT: f64 = -6.301;

/// log10 of the bound for the largest of `tests` scores.
pub fn log10(score: f32, tests: f64) -> f64 {
    let score = f64::from(score.max(0.0));
    (tests.log10() - score * score / 2.0 * std::f64::consts::LOG10_E).min(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_holds_for_the_worst_of_pictures() {
        // One number that outweighs all others, equal numbers, falling numbers: the shares above z never exceed the bound.
        let mut random = fastrand::Rng::with_seed(5);
        for numbers in [vec![1.0f32; 400], (1..400).map(|i| 1.0 / i as f32).collect(), vec![9.0, 1.0, 1.0]] {
            let norm = numbers.iter().map(|x| x * x).sum::<f32>().sqrt();
            let draws = 20_000;
            for z in [1.5f32, 2.5, 3.0] {
                let above = (0..draws)
                    .filter(|_| numbers.iter().map(|x| if random.bool() { *x } else { -x }).sum::<f32>() / norm >= z)
                    .count();
                let share = above as f64 / f64::from(draws);
                assert!(share <= 10f64.powf(log10(z, 1.0)) * 1.1, "{share} at {z}");
            }
        }
    }

    #[test]
    fn more_tests_need_a_higher_score() {
        assert_eq!(log10(0.0, 1e6), 0.0);
        assert!(log10(7.0, 1e5) < LIMIT + 1.0 && log10(7.0, 1e8) > LIMIT);
        assert!(log10(8.2, 1e8) < LIMIT);
    }
}
