//! What the large network hears: Whisper's log-mel of the last 1.2 s, laid on the running loud level.
//!
//! The same numbers as `window_mel` of `models/train/whisper.py`; `fixture-large.bin` keeps the two equal.

use crate::assets::whisper_mel::{BANDS, BINS, filters};
use rustfft::num_complex::Complex;
use rustfft::{Fft, FftPlanner};
use std::f64::consts::{LN_10, TAU};
use std::sync::Arc;

/// Frames of the window, every 10 ms, and its samples.
pub const FRAMES: usize = 120;
pub const SAMPLES: usize = FRAMES * HOP;

/// The numbers of a window.
pub const SIZE: usize = BANDS * FRAMES;

const HOP: usize = 160;
const FFT: usize = 400;

/// Where a settled level of 0 nats is laid, log10.
pub const SHIFT: f32 = 0.35;

/// As Whisper does (`log_mel_spectrogram`): the least power, how far below the loudest anything may be (log10), and the scale.
const LEAST: f32 = 1e-10;
const RANGE: f32 = 8.0;
const SCALE: f32 = 4.0;

pub struct Window {
    fft: Arc<dyn Fft<f32>>,
    hann: [f32; FFT],
    /// The mel triangles: first bin and weights of each band.
    bank: Vec<(usize, Vec<f32>)>,
    buffer: [Complex<f32>; FFT],
    scratch: Vec<Complex<f32>>,
    /// `[band][frame]`.
    mel: Vec<f32>,
}

impl Default for Window {
    fn default() -> Self {
        let fft = FftPlanner::new().plan_fft_forward(FFT);
        let mut hann = [0.0; FFT];
        for (i, w) in hann.iter_mut().enumerate() {
            *w = (0.5 - 0.5 * (TAU * i as f64 / FFT as f64).cos()) as f32;
        }
        let triangle = |band: &[f32]| {
            let first = band.iter().position(|w| *w > 0.0).unwrap_or(0);
            (first, band.iter().skip(first).copied().take_while(|w| *w > 0.0).collect())
        };
        let bank = filters().chunks(BINS).map(triangle).collect();
        let scratch = vec![Complex::default(); fft.get_inplace_scratch_len()];
        Self { fft, hann, bank, buffer: [Complex::default(); FFT], scratch, mel: vec![0.0; SIZE] }
    }
}

impl Window {
    /// The last [`SAMPLES`] of a sound, and the running loud level at their end (nats): band by band, frame by frame.
    pub fn mel(&mut self, samples: &[f32], level: f32) -> &[f32] {
        let shift = SHIFT - (f64::from(level) / LN_10) as f32;
        let mut loudest = f32::MIN;
        for frame in 0..FRAMES {
            for (i, (slot, w)) in self.buffer.iter_mut().zip(&self.hann).enumerate() {
                // Each frame is centred on its instant; beyond both ends there is silence.
                let sample = (frame * HOP + i).checked_sub(FFT / 2).and_then(|k| samples.get(k));
                *slot = Complex::new(sample.copied().unwrap_or_default() * w, 0.0);
            }
            self.fft.process_with_scratch(&mut self.buffer, &mut self.scratch);
            for (band, (first, weights)) in self.bank.iter().enumerate() {
                let power: f32 = self.buffer.iter().skip(*first).zip(weights).map(|(c, w)| c.norm_sqr() * w).sum();
                let v = power.max(LEAST).log10() + shift;
                loudest = loudest.max(v);
                if let Some(slot) = self.mel.get_mut(band * FRAMES + frame) {
                    *slot = v;
                }
            }
        }
        for v in &mut self.mel {
            *v = (v.max(loudest - RANGE) + SCALE) / SCALE;
        }
        &self.mel
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::motion::fixture;

    #[test]
    fn the_window_is_that_of_the_definition() {
        let sound: Vec<f32> = fixture::load().samples.into_iter().cycle().skip(7_000).take(SAMPLES).collect();
        let level = -2.5;
        let mel = Window::default().mel(&sound, level).to_vec();
        let bank = filters();
        let turn = |k: usize| TAU * (k % FFT) as f64 / FFT as f64;
        let power = |frame: usize| -> Vec<f64> {
            let sample =
                |i: usize| (frame * HOP + i).checked_sub(200).and_then(|k| sound.get(k)).map_or(0.0, |v| f64::from(*v));
            let windowed: Vec<f64> = (0..FFT).map(|i| sample(i) * (0.5 - 0.5 * turn(i).cos())).collect();
            let part = |bin: usize, of: fn(f64) -> f64| -> f64 {
                windowed.iter().enumerate().map(|(i, v)| v * of(turn(i * bin))).sum()
            };
            (0..BINS).map(|bin| part(bin, f64::cos).powi(2) + part(bin, f64::sin).powi(2)).collect()
        };
        let powers: Vec<Vec<f64>> = (0..FRAMES).map(power).collect();
        let value = |band: &[f32], power: &[f64]| -> f64 {
            let sum: f64 = band.iter().zip(power).map(|(w, p)| f64::from(*w) * p).sum();
            sum.max(1e-10).log10() + f64::from(SHIFT) - f64::from(level) / LN_10
        };
        let all: Vec<f64> = bank.chunks(BINS).flat_map(|band| powers.iter().map(move |p| value(band, p))).collect();
        let loudest = all.iter().copied().fold(f64::MIN, f64::max);
        for (k, (here, v)) in mel.iter().zip(all).enumerate() {
            let expected = (v.max(loudest - 8.0) + 4.0) / 4.0;
            assert!((f64::from(*here) - expected).abs() < 1e-3, "band {}, frame {}", k / FRAMES, k % FRAMES);
        }
    }

    #[test]
    fn the_window_is_laid_where_the_training_laid_it() {
        let paths = crate::config::Paths::find();
        let Some(record) = paths.locate("models/motion/lips-large.json") else {
            return eprintln!("SKIPPED: there is no record of the training");
        };
        let record: serde_json::Value = serde_json::from_slice(&std::fs::read(record).unwrap()).unwrap();
        assert!((record["shift"].as_f64().unwrap() - f64::from(SHIFT)).abs() < 1e-6);
        assert_eq!(record["window"]["samples"], SAMPLES);
        assert_eq!(record["window"]["frames"], FRAMES);
    }
}
