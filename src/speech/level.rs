//! One loudness for all sentences, while their sound is made: a slow gain towards a level, then a limiter that sees a peak
//! before it comes. Each sentence begins anew: what was said before changes nothing.

use std::collections::VecDeque;

/// The loudness of speech that is aimed at, root mean square: its peaks come to some 0.7.
const TARGET: f32 = 0.11;

/// No sample is louder.
const CEILING: f32 = 0.89;

/// So many seconds of speech must have been heard before they count as much as what is known of the voice.
const TRUST: f64 = 0.4;

/// A sentence's gain differs from the voice's by this factor at most (6 dB).
const MOST: f32 = 2.0;

/// Pieces that loudness is measured in, a second.
const PIECES: u32 = 100;

/// What is this much quieter than speech is a pause.
const PAUSE: f32 = 0.1;

/// Samples a second, divided by this: how far the limiter looks ahead (5 ms).
const AHEAD: u32 = 200;

/// Seconds in which the limiter comes back to most of its gain.
const RELEASE: f32 = 0.08;

/// How loud the speech in a sound is: the root mean square where it is no pause. None where there is none.
pub fn loudness(sound: &[f32], rate: u32) -> Option<f32> {
    let loudest = powers(sound, rate).fold(0.0, f32::max);
    let floor = loudest * PAUSE * PAUSE;
    let (sum, count) =
        powers(sound, rate).filter(|p| *p >= floor).fold((0.0f64, 0u32), |(s, n), p| (s + f64::from(p), n + 1));
    (loudest > 1e-8).then(|| (sum / f64::from(count.max(1))).sqrt() as f32)
}

/// Mean squares of pieces of 10 ms.
fn powers(sound: &[f32], rate: u32) -> impl Iterator<Item = f32> + '_ {
    let piece = (rate / PIECES).max(1) as usize;
    sound.chunks_exact(piece).map(move |c| c.iter().map(|x| x * x).sum::<f32>() / piece as f32)
}

/// Brings the sound of one sentence to the common loudness.
pub struct Leveller {
    rate: u32,
    /// The voice's own loudness.
    level: f32,
    /// The speech heard so far: its sum of mean squares, and pieces.
    heard: (f64, u32),
    gain: Option<f32>,
    limiter: Limiter,
}

impl Leveller {
    /// For a voice whose speech has, by itself, this [`loudness`].
    pub fn new(level: f32, rate: u32) -> Self {
        Self { rate, level, heard: (0.0, 0), gain: None, limiter: Limiter::new(rate) }
    }

    /// Takes the next samples and gives what is done, a few milliseconds less.
    pub fn push(&mut self, sound: &[f32]) -> Vec<f32> {
        let floor = (self.level * PAUSE).powi(2);
        for power in powers(sound, self.rate).filter(|p| *p >= floor) {
            self.heard.0 += f64::from(power);
            self.heard.1 += 1;
        }
        let trust = TRUST * f64::from(PIECES);
        let mean = (trust * f64::from(self.level).powi(2) + self.heard.0) / (trust + f64::from(self.heard.1));
        let own = TARGET / self.level;
        let to = (TARGET / mean.sqrt() as f32).clamp(own / MOST, own * MOST);
        let from = self.gain.replace(to).unwrap_or(to);
        let step = (to - from) / sound.len().max(1) as f32;
        let mut done = Vec::with_capacity(sound.len() + self.limiter.ahead);
        for (i, x) in sound.iter().enumerate() {
            done.extend(self.limiter.push(x * (from + step * i as f32)));
        }
        done
    }

    /// What is left: with it, as many samples have been given as were taken.
    pub fn finish(mut self) -> Vec<f32> {
        (0..self.limiter.ahead).filter_map(|_| self.limiter.push(0.0)).collect()
    }
}

/// Keeps samples below the ceiling: its gain has fallen, in a straight line, by the time the peak comes.
struct Limiter {
    /// Samples that it looks ahead.
    ahead: usize,
    delay: VecDeque<f32>,
    /// The gains that the samples in sight need, ascending, each with its place; only those that a later one does not undercut.
    needed: VecDeque<(u64, f32)>,
    /// Samples taken.
    taken: u64,
    /// The gain before it is smoothed.
    held: f32,
    recover: f32,
    /// The last values of `held`, and their sum.
    window: VecDeque<f32>,
    sum: f64,
}

impl Limiter {
    fn new(rate: u32) -> Self {
        let ahead = (rate / AHEAD) as usize;
        let window = VecDeque::from(vec![1.0; ahead + 1]);
        let recover = 1.0 - (-1.0 / (RELEASE * rate as f32)).exp();
        let sum = window.len() as f64;
        Self { ahead, delay: VecDeque::new(), needed: VecDeque::new(), taken: 0, held: 1.0, recover, window, sum }
    }

    /// Takes a sample and gives the one that was taken `ahead` samples before, if there was one.
    fn push(&mut self, sample: f32) -> Option<f32> {
        let needs = if sample.abs() > CEILING { CEILING / sample.abs() } else { 1.0 };
        while self.needed.back().is_some_and(|(_, gain)| *gain >= needs) {
            self.needed.pop_back();
        }
        self.needed.push_back((self.taken, needs));
        while self.needed.front().is_some_and(|(at, _)| at + (self.ahead as u64) < self.taken) {
            self.needed.pop_front();
        }
        self.taken += 1;
        let lowest = self.needed.front().map_or(1.0, |(_, gain)| *gain);
        self.held = if lowest < self.held { lowest } else { self.held + (lowest - self.held) * self.recover };
        let oldest = self.window.pop_front().unwrap_or(1.0);
        self.window.push_back(self.held);
        self.sum += f64::from(self.held) - f64::from(oldest);
        let gain = (self.sum / self.window.len() as f64) as f32;
        self.delay.push_back(sample);
        // The last rounding is the clamp's.
        (self.delay.len() > self.ahead)
            .then(|| self.delay.pop_front())
            .flatten()
            .map(|x| (x * gain).clamp(-CEILING, CEILING))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: u32 = 22_050;

    fn tone(amplitude: f32, seconds: f32) -> Vec<f32> {
        let samples = (seconds * RATE as f32) as usize;
        (0..samples).map(|i| amplitude * (i as f32 * 0.1).sin()).collect()
    }

    fn level(sound: &[f32], voice: f32, chunk: usize) -> Vec<f32> {
        let mut leveller = Leveller::new(voice, RATE);
        let mut done: Vec<f32> = sound.chunks(chunk).flat_map(|c| leveller.push(c)).collect();
        done.extend(leveller.finish());
        done
    }

    #[test]
    fn as_many_samples_come_out_as_go_in_whatever_the_chunks() {
        for (samples, chunk) in [(0, 1), (1, 1), (50, 7), (110, 110), (5000, 999), (22_050, 256)] {
            let sound = vec![0.1; samples];
            assert_eq!(level(&sound, 0.1, chunk).len(), samples);
        }
    }

    #[test]
    fn quiet_and_loud_sentences_come_closer_to_the_target() {
        for amplitude in [0.05, 0.1, 0.2, 0.4] {
            let done = level(&tone(amplitude, 3.0), 0.1, 8192);
            let end = loudness(&done[done.len() / 2..], RATE).unwrap();
            let before = 20.0 * (amplitude / 2f32.sqrt() / 0.1).log10();
            let after = 20.0 * (end / TARGET).log10();
            assert!(after.abs() < before.abs() * 0.5 + 0.1, "{before} dB became {after} dB");
        }
    }

    #[test]
    fn nothing_is_clipped_and_no_gain_jumps() {
        // A peak of six times the ceiling in the midst of speech.
        let mut sound = tone(0.1, 1.0);
        for x in &mut sound[11_000..11_040] {
            *x = 5.0;
        }
        let done = level(&sound, 0.0707, 4096);
        assert!(done.iter().all(|x| x.abs() <= CEILING));
        assert!(done[11_000..11_040].iter().all(|x| *x > CEILING * 0.8), "it is limited, not muted");
        let mut limiter = Limiter::new(RATE);
        let ones: Vec<f32> = sound.iter().map(|x| if *x > 1.0 { 5.0 } else { 0.5 }).collect();
        let gains: Vec<f32> = ones.iter().filter_map(|x| limiter.push(*x)).zip(&ones).map(|(y, x)| y / x).collect();
        let steps = gains.windows(2).map(|w| (w[1] - w[0]).abs()).fold(0.0, f32::max);
        assert!(steps < 0.02, "the gain jumps by {steps}");
    }

    #[test]
    fn what_is_not_too_loud_passes_the_limiter_untouched() {
        let mut limiter = Limiter::new(RATE);
        let sound = tone(0.88, 0.5);
        let done: Vec<f32> = sound.iter().filter_map(|x| limiter.push(*x)).collect();
        assert_eq!(done, sound[..done.len()]);
    }

    #[test]
    fn silence_has_no_loudness_and_pauses_do_not_count() {
        assert_eq!(loudness(&[0.0; 4000], RATE), None);
        assert_eq!(loudness(&[], RATE), None);
        let with_pause = [tone(0.2, 0.5), vec![0.0; 20_000]].concat();
        let (a, b) = (loudness(&tone(0.2, 0.5), RATE).unwrap(), loudness(&with_pause, RATE).unwrap());
        assert!((a - b).abs() < 0.01, "{a} {b}");
    }
}
