//! Changing the sample rate, in a stream and of whole sounds.

use anyhow::{Context, Result, ensure};
use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{Async, FixedAsync, Resampler as _, SincInterpolationParameters, SincInterpolationType, WindowFunction};

/// Taps of the windowed sinc at the lower of the two rates: 1.3 ms of delay at 48 kHz, more than 80 dB of rejection.
const TAPS: usize = 128;

/// A mono resampler. Its own delay is taken out: output sample `k` is the sound at `k / to` seconds after the first input.
pub struct Resampler {
    /// None where both rates are the same.
    inner: Option<Async<f32>>,
    /// Input that does not fill a chunk yet.
    pending: Vec<f32>,
    /// One chunk of output.
    chunk: Vec<f32>,
    /// Output samples still to be dropped: the filter's delay.
    delay: usize,
}

impl Resampler {
    /// From `from` to `to` samples a second.
    ///
    /// # Errors
    /// A rate outside 4 to 768 kHz: no sound device or file has it.
    pub fn new(from: u32, to: u32) -> Result<Self> {
        for rate in [from, to] {
            ensure!(
                (4_000..=768_000).contains(&rate),
                "the sample rate {rate} Hz is not usable; use 4000 to 768000 Hz"
            );
        }
        if from == to {
            return Ok(Self { inner: None, pending: Vec::new(), chunk: Vec::new(), delay: 0 });
        }
        let parameters = SincInterpolationParameters::new(TAPS, WindowFunction::BlackmanHarris2)
            .interpolation(SincInterpolationType::Linear)
            .oversampling_factor(256);
        // 5 ms a chunk: a block is never held back longer.
        let inner = Async::new_sinc(
            f64::from(to) / f64::from(from),
            1.0,
            &parameters,
            (from / 200) as usize,
            1,
            FixedAsync::Input,
        )
        .with_context(|| format!("error preparing to resample {from} Hz to {to} Hz"))?;
        let chunk = vec![0.0; inner.output_frames_max()];
        let delay = inner.output_delay();
        Ok(Self { inner: Some(inner), pending: Vec::new(), chunk, delay })
    }

    /// Takes `input` and appends to `output` what is ready.
    pub fn push(&mut self, input: &[f32], output: &mut Vec<f32>) {
        let Some(inner) = &mut self.inner else {
            output.extend_from_slice(input);
            return;
        };
        self.pending.extend_from_slice(input);
        let mut taken = 0;
        while let Some(next) = self.pending.get(taken..taken + inner.input_frames_next()) {
            let room = self.chunk.len();
            // The sizes are the resampler's own, so neither view nor the processing can fail.
            let (Ok(from), Ok(mut to)) =
                (InterleavedSlice::new(next, 1, next.len()), InterleavedSlice::new_mut(&mut self.chunk, 1, room))
            else {
                break;
            };
            let Ok((read, written)) = inner.process_into_buffer(&from, &mut to, None) else { break };
            taken += read;
            let made = self.chunk.get(..written).unwrap_or_default();
            let drop = self.delay.min(made.len());
            self.delay -= drop;
            output.extend_from_slice(made.get(drop..).unwrap_or_default());
            if read == 0 {
                break;
            }
        }
        self.pending.drain(..taken);
    }
}

/// Resamples a whole mono sound; the length becomes `len * to / from`, rounded.
///
/// # Errors
/// As [`Resampler::new`].
pub fn resample(samples: &[f32], from: u32, to: u32) -> Result<Vec<f32>> {
    let mut resampler = Resampler::new(from, to)?;
    let wanted = (samples.len() as u64 * u64::from(to) + u64::from(from) / 2) / u64::from(from);
    let wanted = usize::try_from(wanted)?;
    let mut output = Vec::with_capacity(wanted + 4096);
    resampler.push(samples, &mut output);
    // Silence pushes out what the filter still holds: at most its length and one chunk.
    let silence = vec![0.0; (from / 50) as usize + TAPS * 4];
    for _ in 0..8 {
        if output.len() >= wanted {
            break;
        }
        resampler.push(&silence, &mut output);
    }
    output.resize(wanted, 0.0);
    Ok(output)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(hz: f64, rate: u32, seconds: f64) -> Vec<f32> {
        let n = (seconds * f64::from(rate)) as usize;
        (0..n).map(|i| (std::f64::consts::TAU * hz * i as f64 / f64::from(rate)).sin() as f32 * 0.5).collect()
    }

    fn worst(a: &[f32], b: &[f32]) -> f32 {
        a.iter().zip(b).map(|(x, y)| (x - y).abs()).fold(0.0, f32::max)
    }

    #[test]
    fn a_tone_keeps_its_phase_and_level_at_every_usual_rate() {
        for (from, to) in
            [(48_000, 16_000), (44_100, 16_000), (22_050, 16_000), (22_050, 48_000), (8_000, 16_000), (16_000, 16_000)]
        {
            let (got, want) = (resample(&tone(440.0, from, 1.0), from, to).unwrap(), tone(440.0, to, 1.0));
            assert_eq!(got.len(), want.len(), "{from} to {to}");
            // The ends, where the tone is cut off, ring.
            let inner = 400..want.len() - 400;
            let off = worst(&got[inner.clone()], &want[inner]);
            // The filter's delay is taken out to the nearest sample: at most one of the slope's steps is left.
            let step = 0.5 * std::f32::consts::TAU * 440.0 / to.min(from) as f32;
            assert!(off < step, "{from} to {to}: off by {off}");
        }
    }

    #[test]
    fn what_the_lower_rate_cannot_hold_is_removed() {
        let got = resample(&tone(11_000.0, 48_000, 1.0), 48_000, 16_000).unwrap();
        let level = got[400..got.len() - 400].iter().fold(0.0f32, |m, x| m.max(x.abs()));
        assert!(level < 0.001, "an 11 kHz tone came through at {level}");
    }

    #[test]
    fn pieces_give_the_same_as_the_whole() {
        let input = tone(300.0, 44_100, 0.5);
        let (mut whole, mut pieces) = (Vec::new(), Vec::new());
        Resampler::new(44_100, 16_000).unwrap().push(&input, &mut whole);
        let mut resampler = Resampler::new(44_100, 16_000).unwrap();
        for piece in input.chunks(97) {
            resampler.push(piece, &mut pieces);
        }
        assert_eq!(whole, pieces);
    }

    #[test]
    fn a_rate_that_nothing_has_is_refused() {
        assert!(Resampler::new(0, 16_000).is_err());
        assert!(resample(&[], 16_000, u32::MAX).is_err());
        assert!(resample(&[], 48_000, 16_000).unwrap().is_empty());
    }
}
