//! The error correction of the payload: a convolutional code of constraint length 9 and rate 1/4, decoded by Viterbi's algorithm
//! with soft decisions. Generators 463, 535, 733, 745 (octal): the best of their kind, free distance 24 (K. J. Larsen, "Short
//! convolutional codes with maximal free distance for rates 1/2, 1/3, and 1/4", IEEE Trans. Inf. Theory 19, 1973).

use super::payload::BITS;

const GENERATORS: [u16; 4] = [0o463, 0o535, 0o733, 0o745];

/// Bits that the coder remembers.
const MEMORY: usize = 8;

const STATES: usize = 1 << MEMORY;

/// Steps of the coder: each bit of the payload, and zeros that empty its memory.
const STEPS: usize = BITS + MEMORY;

/// Coded bits of a payload.
pub const CODED: usize = STEPS * GENERATORS.len();

/// What the coder writes when it has remembered `state` (newest bit lowest) and takes `bit`.
fn output(state: usize, bit: bool) -> [bool; 4] {
    let register = (state << 1 | usize::from(bit)) as u16;
    GENERATORS.map(|g| (register & g).count_ones() % 2 == 1)
}

fn next(state: usize, bit: bool) -> usize {
    (state << 1 | usize::from(bit)) & (STATES - 1)
}

/// Codes a payload.
pub fn encode(bits: &[bool; BITS]) -> [bool; CODED] {
    let mut coded = [false; CODED];
    let mut state = 0;
    let all = bits.iter().copied().chain([false; MEMORY]);
    for (out, bit) in coded.as_chunks_mut::<4>().0.iter_mut().zip(all) {
        *out = output(state, bit);
        state = next(state, bit);
    }
    coded
}

/// The likeliest payload: `soft` says of each coded bit how much it is one (positive) or zero (negative).
pub fn decode(soft: &[f32; CODED]) -> [bool; BITS] {
    let mut metric = [f32::MIN; STATES];
    if let Some(first) = metric.first_mut() {
        *first = 0.0;
    }
    // Which of its two predecessors a state came from.
    let mut came = vec![[false; STATES]; STEPS];
    for (step, (four, came)) in soft.as_chunks::<4>().0.iter().zip(&mut came).enumerate() {
        let mut after = [f32::MIN; STATES];
        for (state, (best, from_upper)) in after.iter_mut().zip(came.iter_mut()).enumerate() {
            let bit = state & 1 == 1;
            if bit && step >= BITS {
                continue;
            }
            for upper in [false, true] {
                let before = state >> 1 | if upper { STATES / 2 } else { 0 };
                let Some(known) = metric.get(before).filter(|m| **m > f32::MIN) else { continue };
                let gain: f32 = output(before, bit).iter().zip(four).map(|(one, s)| if *one { *s } else { -s }).sum();
                if known + gain > *best {
                    *best = known + gain;
                    *from_upper = upper;
                }
            }
        }
        metric = after;
    }
    let mut bits = [false; BITS];
    let mut state = 0;
    for (step, came) in came.iter().enumerate().rev() {
        if let Some(bit) = bits.get_mut(step) {
            *bit = state & 1 == 1;
        }
        let upper = came.get(state).copied().unwrap_or_default();
        state = state >> 1 | if upper { STATES / 2 } else { 0 };
    }
    bits
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(random: &mut fastrand::Rng) -> f32 {
        // A sum of twelve uniform numbers is normal enough: variance 1.
        (0..12).map(|_| random.f32()).sum::<f32>() - 6.0
    }

    fn payload(random: &mut fastrand::Rng) -> [bool; BITS] {
        std::array::from_fn(|_| random.bool())
    }

    #[test]
    fn nine_of_ten_payloads_are_read_at_three_decibels_a_bit() {
        let mut random = fastrand::Rng::with_seed(7);
        // Eb/N0 of 3 dB: four coded bits a bit, so each has an amplitude of sqrt(2 Eb/N0 / 4) at a noise of 1.
        let amplitude = (2.0f32 * 10f32.powf(0.3) / 4.0).sqrt();
        let mut wrong = 0;
        for _ in 0..100 {
            let bits = payload(&mut random);
            let soft = encode(&bits).map(|one| if one { amplitude } else { -amplitude } + noise(&mut random));
            wrong += usize::from(decode(&soft) != bits);
        }
        assert!(wrong <= 10, "{wrong} of 100 payloads were wrong");
    }

    #[test]
    fn a_quarter_of_the_bits_may_be_lost_and_some_be_wrong() {
        let mut random = fastrand::Rng::with_seed(9);
        for _ in 0..20 {
            let bits = payload(&mut random);
            let mut soft = encode(&bits).map(|one| if one { 1.0 } else { -1.0 });
            for s in &mut soft {
                if random.f32() < 0.25 {
                    *s = 0.0;
                } else if random.f32() < 0.07 {
                    *s = -*s;
                }
            }
            assert_eq!(decode(&soft), bits);
        }
    }

    #[test]
    fn nonsense_gives_bits_and_no_panic() {
        for s in [0.0, f32::NAN, f32::INFINITY, f32::MIN] {
            let _ = decode(&[s; CODED]);
        }
    }
}
