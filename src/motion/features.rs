//! What the network hears: 64 log-mel bands at 100 Hz over a running loud level, two frames a block.
//!
//! The same numbers as `models/train/common.py`, where the constants are explained; `fixture.bin` keeps the two equal.

use super::fft::{self, Fft};
use crate::sound::{BLOCK, RATE};
use std::sync::LazyLock;

/// Mel bands of a frame.
pub const BANDS: usize = 64;

/// Frames in a block: one every 10 ms.
pub const FRAMES: usize = 2;

const HOP: usize = 160;
const WINDOW: usize = 400;
const LOW_HZ: f32 = 60.0;
const HIGH_HZ: f32 = 7_600.0;
const PREEMPHASIS: f32 = 0.97;
const FLOOR: f32 = 1e-7;

const LEVEL_START: f32 = -3.5;
const LEVEL_MIN: f32 = -7.0;
const ATTACK: f32 = 0.15;
const RELEASE: f32 = 0.002;
const LEAK: f32 = 0.0005;
const SPEECH_RANGE: f32 = 5.0;
const FLOOR_MIN: f32 = -10.0;
const FLOOR_RISE: f32 = 0.012;
const FLOOR_SMOOTH: f32 = 0.4;
const SPEECH_OVER_FLOOR: f32 = 2.0;
const SCALE: f32 = 3.0;
const CLIP: f32 = -3.0;

/// One block as the network and the rest of the face hear it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Heard {
    /// Log-mel in units of 3 nats over the running loud level, never under -3; `[frame][band]`.
    pub mel: [[f32; BANDS]; FRAMES],
    /// How far the louder frame is over the running loud level, nats of power: about 0 in loud speech, -5 in soft.
    pub over: f32,
    /// How far it is over the floor of steady noise, nats of power: under 1 in noise alone.
    pub over_noise: f32,
    /// The running loud level itself, nats of power.
    pub level: f32,
    /// No band rises over the floor of what the network can hear.
    pub is_floor: bool,
}

impl Heard {
    /// Digital silence.
    pub const SILENCE: Self =
        Self { mel: [[CLIP; BANDS]; FRAMES], over: -20.0, over_noise: 0.0, level: LEVEL_START, is_floor: true };
}

/// What never changes.
struct Tables {
    fft: Fft,
    window: [f32; WINDOW],
    /// The mel triangles: first bin and weights of each band.
    bank: Vec<(usize, Vec<f32>)>,
}

static TABLES: LazyLock<Tables> = LazyLock::new(|| {
    let mut window = [0.0; WINDOW];
    for (i, w) in window.iter_mut().enumerate() {
        let turn = std::f64::consts::TAU * i as f64 / WINDOW as f64;
        *w = (0.5 - 0.5 * turn.cos()) as f32;
    }
    Tables { fft: Fft::default(), window, bank: mel_bank() }
});

/// The streaming feature extractor. It is nothing but its own past: pushing a block allocates nothing, and a copy hears on from
/// where it was made.
#[derive(Clone)]
pub struct Features {
    /// The last [`WINDOW`] - [`HOP`] samples after pre-emphasis, then the new ones.
    past: [f32; WINDOW - HOP + BLOCK],
    last_sample: f32,
    level: f32,
    smooth: f32,
    floor: f32,
}

impl Default for Features {
    fn default() -> Self {
        Self {
            past: [0.0; WINDOW - HOP + BLOCK],
            last_sample: 0.0,
            level: LEVEL_START,
            smooth: FLOOR_MIN,
            floor: FLOOR_MIN,
        }
    }
}

impl Features {
    /// Hears one block.
    pub fn push(&mut self, samples: &[f32; BLOCK]) -> Heard {
        self.past.copy_within(BLOCK.., 0);
        let new = self.past.len() - BLOCK;
        for (slot, &raw) in self.past.iter_mut().skip(new).zip(samples) {
            // A driver that hands out NaN or huge values must not poison the filters for ever.
            let sample = if raw.is_finite() { raw.clamp(-4.0, 4.0) } else { 0.0 };
            *slot = sample - PREEMPHASIS * self.last_sample;
            self.last_sample = sample;
        }
        let tables = &*TABLES;
        let mut heard = Heard { over: f32::MIN, ..Heard::SILENCE };
        for (frame, out) in heard.mel.iter_mut().enumerate() {
            let mut block = [0.0; fft::SIZE];
            let sound = self.past.iter().skip(frame * HOP);
            for ((b, s), w) in block.iter_mut().zip(sound).zip(&tables.window) {
                *b = s * w;
            }
            let power = tables.fft.power(&block);
            let mut sum = 0.0;
            for (slot, (first, weights)) in out.iter_mut().zip(&tables.bank) {
                let energy: f32 = power.iter().skip(*first).zip(weights).map(|(p, w)| p * w).sum();
                sum += energy + FLOOR;
                *slot = (energy + FLOOR).ln();
            }
            let loud = (sum / BANDS as f32 + 1e-9).ln();
            self.follow(loud);
            heard.over = heard.over.max(loud - self.level);
            heard.over_noise = heard.over_noise.max(loud - self.floor);
            for v in out.iter_mut() {
                *v = ((*v - self.level) / SCALE).max(CLIP);
                heard.is_floor &= *v <= CLIP;
            }
        }
        heard.level = self.level;
        heard
    }

    /// Moves the running level: 70 ms up to a louder voice, 5 s down while there is speech, 20 s down to a voice that became
    /// far quieter, and not at all in silence and in steady noise, however long they last.
    fn follow(&mut self, loud: f32) {
        self.smooth += FLOOR_SMOOTH * (loud - self.smooth);
        self.floor = (self.floor + FLOOR_RISE).min(self.smooth).max(FLOOR_MIN);
        let d = loud - self.level;
        self.level += if d > 0.0 {
            ATTACK * d
        } else if loud - self.floor <= SPEECH_OVER_FLOOR {
            0.0
        } else if d > -SPEECH_RANGE {
            RELEASE * (d + 1.2)
        } else {
            LEAK * (d + SPEECH_RANGE)
        };
        self.level = self.level.max(LEVEL_MIN);
    }
}

/// Triangles with peak 1, evenly spaced on the mel scale (2595 log10(1 + f / 700)).
fn mel_bank() -> Vec<(usize, Vec<f32>)> {
    let mel = |hz: f64| 2595.0 * (1.0 + hz / 700.0).log10();
    let (low, high) = (mel(f64::from(LOW_HZ)), mel(f64::from(HIGH_HZ)));
    let edge = |i: usize| {
        let m = low + (high - low) * i as f64 / (BANDS + 1) as f64;
        700.0 * (10f64.powf(m / 2595.0) - 1.0)
    };
    (0..BANDS)
        .map(|band| {
            let (a, b, c) = (edge(band), edge(band + 1), edge(band + 2));
            let weight = |bin: usize| {
                let hz = bin as f64 * f64::from(RATE) / fft::SIZE as f64;
                ((hz - a) / (b - a)).min((c - hz) / (c - b)).max(0.0) as f32
            };
            let first = (0..fft::BINS).find(|&bin| weight(bin) > 0.0).unwrap_or(0);
            (first, (first..fft::BINS).map(weight).take_while(|&w| w > 0.0).collect())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::motion::fixture;

    #[test]
    fn the_features_equal_those_of_the_training() {
        let fixture = fixture::load();
        let mut features = Features::default();
        for (k, (block, expected)) in fixture.blocks().zip(fixture.mel.chunks(FRAMES * BANDS)).enumerate() {
            let heard = features.push(&block);
            for (i, (a, b)) in heard.mel.iter().flatten().zip(expected).enumerate() {
                assert!((a - b).abs() < 1e-3, "block {k}, value {i}: {a} here, {b} in the training");
            }
        }
    }

    #[test]
    fn a_voice_ten_times_quieter_sounds_nearly_the_same_after_a_minute() {
        let fixture = fixture::load();
        let run = |gain: f32| {
            let mut features = Features::default();
            let mut last = Vec::new();
            for _ in 0..40 {
                last.clear();
                for mut block in fixture.blocks().take(70) {
                    block.iter_mut().for_each(|s| *s *= gain);
                    last.extend(features.push(&block).mel.as_flattened().iter().copied());
                }
            }
            last
        };
        let (loud, quiet) = (run(1.0), run(0.1));
        let mean = loud.iter().zip(&quiet).map(|(a, b)| (a - b).abs()).sum::<f32>() / loud.len() as f32;
        assert!(mean < 0.3, "the mean difference is {mean} units of 3 nats");
    }

    #[test]
    fn steady_noise_is_never_taken_for_a_voice_however_long_it_lasts() {
        for gain in [0.001, 0.004, 0.02] {
            let (mut features, mut rng) = (Features::default(), fastrand::Rng::with_seed(1));
            let (mut level, mut over) = (0.0, f32::MIN);
            for k in 0..15_000 {
                let mut block = [0.0; BLOCK];
                block.iter_mut().for_each(|s| *s = gain * (rng.f32() - 0.5) * 3.4);
                let heard = features.push(&block);
                match k {
                    1_000 => level = features.level,
                    1_001.. => over = over.max(heard.over_noise),
                    _ => {}
                }
            }
            assert!((features.level - level).abs() < 0.3, "the level went from {level} to {}", features.level);
            assert!(over < 1.5, "noise of {gain} rises {over} over its own floor");
        }
    }

    #[test]
    fn silence_is_the_floor_and_broken_samples_do_no_lasting_harm() {
        let mut features = Features::default();
        assert!(features.push(&[0.0; BLOCK]).is_floor);
        features.push(&[f32::NAN; BLOCK]);
        features.push(&[f32::INFINITY; BLOCK]);
        features.push(&[0.0; BLOCK]);
        features.push(&[0.0; BLOCK]);
        let heard = features.push(&[0.0; BLOCK]);
        assert!(heard.is_floor && heard.over.is_finite());
    }
}
