//! The pitch of the voice, every 20 ms: the normalised square difference of the last 50 ms (McLeod and Wyvill 2005, A smarter way to
//! find pitch, ICMC), at 8 kHz, which is all that a telephone hears.

use crate::sound::BLOCK;

/// Samples a second after halving.
const RATE: f32 = 8_000.0;
const HALF: usize = BLOCK / 2;

/// The window, 50 ms: two periods of the lowest voice and more.
const WINDOW: usize = 400;

/// Speech lies between 70 and 440 Hz (Baken and Orlikoff 2000, Clinical Measurement of Speech and Voice).
const SHORTEST: usize = 18;
const LONGEST: usize = 114;

/// How periodic a sound must be to count as voiced; noise stays under 0.4.
const CLEAR: f32 = 0.62;

/// The first peak that reaches this share of the highest is the period: later ones are its multiples (McLeod and Wyvill).
const FIRST: f32 = 0.88;

/// Mean power under this is silence (-80 dB).
const SILENT: f32 = 1e-8;

/// The tracker: nothing but its own past.
#[derive(Clone, Copy, Debug)]
pub struct Pitch {
    past: [f32; WINDOW],
    last_sample: f32,
    /// The last two estimates: one wrong among three does not get through.
    before: [Option<f32>; 2],
}

impl Default for Pitch {
    fn default() -> Self {
        Self { past: [0.0; WINDOW], last_sample: 0.0, before: [None; 2] }
    }
}

impl Pitch {
    /// Hears a block; the pitch in semitones over 1 Hz, none where the sound is not voiced.
    pub fn step(&mut self, samples: &[f32; BLOCK]) -> Option<f32> {
        self.past.copy_within(HALF.., 0);
        for (slot, [a, b]) in self.past.iter_mut().skip(WINDOW - HALF).zip(samples.as_chunks::<2>().0) {
            let [a, b] = [*a, *b].map(|s| if s.is_finite() { s.clamp(-4.0, 4.0) } else { 0.0 });
            // A triangle of three samples keeps out most of what 8 kHz cannot hold.
            *slot = 0.25 * self.last_sample + 0.5 * a + 0.25 * b;
            self.last_sample = b;
        }
        let now = self.period().map(|p| 12.0 * (RATE / p).log2());
        let [newer, older] = self.before;
        self.before = [now, newer];
        match (now, newer, older) {
            (Some(a), Some(b), Some(c)) => Some(a.max(b).min(a.min(b).max(c))),
            (Some(a), Some(_), None) => Some(a),
            _ => None,
        }
    }

    /// The period of the window in samples, if it has one.
    fn period(&self) -> Option<f32> {
        let mean = self.past.iter().sum::<f32>() / WINDOW as f32;
        let power = self.past.iter().map(|s| (s - mean).powi(2)).sum::<f32>() / WINDOW as f32;
        if power < SILENT {
            return None;
        }
        let mut alike = [0.0; LONGEST + 2];
        for (lag, slot) in alike.iter_mut().enumerate().skip(1) {
            let (mut both, mut own) = (0.0, 1e-9);
            for (a, b) in self.past.iter().zip(self.past.iter().skip(lag)) {
                let (a, b) = (a - mean, b - mean);
                both += a * b;
                own += a * a + b * b;
            }
            *slot = 2.0 * both / own;
        }
        // Peaks count once the curve has been under zero: what is slower than a voice never comes back within the lags.
        let (mut has_left, mut best) = (false, 0.0f32);
        let mut peaks = [(0, 0.0); 8];
        let mut found = 0;
        for (lag, around) in (1..).zip(alike.windows(3)) {
            let &[before, at, after] = around else { continue };
            has_left |= at < 0.0 && lag > 1;
            if has_left && at > 0.0 && at >= before && at > after && (SHORTEST..=LONGEST).contains(&lag) {
                best = best.max(at);
                if let Some(slot) = peaks.get_mut(found) {
                    (*slot, found) = ((lag, at), found + 1);
                }
            }
        }
        if best < CLEAR {
            return None;
        }
        let (lag, at) = peaks.into_iter().take(found).find(|(_, at)| *at >= FIRST * best)?;
        let (before, after) = (*alike.get(lag - 1)?, *alike.get(lag + 1)?);
        let bend = before - 2.0 * at + after;
        let shift = if bend < -1e-6 { 0.5 * (before - after) / bend } else { 0.0 };
        Some(lag as f32 + shift.clamp(-0.5, 0.5))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::motion::fixture;

    /// What the tracker says of a sound, `of` giving the sample at a second.
    fn track(seconds: f32, of: impl FnMut(f32) -> f32) -> Vec<Option<f32>> {
        let samples: Vec<f32> = (0..(seconds * 16_000.0) as usize).map(|i| i as f32 / 16_000.0).map(of).collect();
        let mut pitch = Pitch::default();
        samples.as_chunks::<BLOCK>().0.iter().map(|b| pitch.step(b)).collect()
    }

    fn turn(hz: f32, t: f32) -> f32 {
        (std::f32::consts::TAU * hz * t).sin()
    }

    fn semitones(hz: f32) -> f32 {
        12.0 * hz.log2()
    }

    #[test]
    fn a_tone_is_heard_within_half_a_semitone_with_and_without_its_fundamental() {
        for hz in [75.0, 100.0, 130.0, 180.0, 240.0, 330.0, 420.0] {
            let full = track(1.0, |t| 0.1 * (1..6).map(|k| turn(hz * k as f32, t) / k as f32).sum::<f32>());
            let pure = track(1.0, |t| 0.1 * turn(hz, t));
            let telephone = track(1.0, |t| 0.1 * (2..6).map(|k| turn(hz * k as f32, t)).sum::<f32>());
            for (name, heard) in [("full", full), ("pure", pure), ("telephone", telephone)] {
                for h in heard.iter().skip(5) {
                    assert!(h.is_some_and(|h| (h - semitones(hz)).abs() < 0.5), "{name} {hz} Hz: {h:?}");
                }
            }
        }
    }

    #[test]
    fn noise_hum_silence_and_broken_samples_have_no_pitch() {
        let mut rng = fastrand::Rng::with_seed(1);
        let noise = track(20.0, |_| 0.3 * (rng.f32() - 0.5));
        let voiced = noise.iter().flatten().count();
        assert!(voiced * 100 < noise.len(), "{voiced} of {} blocks of noise are voiced", noise.len());
        assert!(track(5.0, |t| 0.5 * turn(30.0, t)).iter().all(Option::is_none));
        assert!(track(1.0, |_| 0.0).iter().all(Option::is_none));
        assert!(track(1.0, |_| f32::NAN).iter().all(Option::is_none));
        assert!(track(1.0, |_| 0.7).iter().skip(3).all(Option::is_none));
    }

    #[test]
    fn the_pitch_of_a_voice_moves_in_small_steps() {
        let mut pitch = Pitch::default();
        let heard: Vec<_> = fixture::load().blocks().map(|b| pitch.step(&b)).collect();
        let voiced: Vec<f32> = heard.iter().flatten().copied().collect();
        assert!(voiced.len() * 4 > heard.len(), "{} of {} blocks are voiced", voiced.len(), heard.len());
        let jumps = heard.windows(2).filter(|w| matches!(w, [Some(a), Some(b)] if (a - b).abs() > 5.0)).count();
        assert!(jumps * 25 <= voiced.len(), "{jumps} jumps in {} voiced blocks", voiced.len());
    }
}
