//! The user's own voice on its way to the apps: held back by the picture's delay, sample by sample as it came.

use crate::clock::Moment;
use crate::sound::VOICE_RATE;
use std::time::Duration;

/// Samples in one piece: 5 ms.
const PIECE: usize = 240;

/// Pieces between the two threads: 1.3 s.
const RING: usize = 256;

/// Samples over which the voice comes and goes (5 ms), so that nothing clicks.
const FADE: f32 = 240.0;

/// A sample's length in microseconds.
const SAMPLE: f64 = 1e6 / VOICE_RATE as f64;

/// How far the delay may be off on average before it is set right in the next silence, or though it be heard; and by how much a
/// single buffer may be. Microseconds. Two devices of different clocks part by some 100 µs a second at worst.
const OFF: f64 = 2_000.0;
const FAR_OFF: f64 = 10_000.0;
const LOST: f64 = 40_000.0;

/// Weight of one buffer in the mean of how far the delay is off: callbacks are shaken by some milliseconds each.
const SMOOTH: f64 = 0.02;

/// What is quieter than this is a silence in which nobody hears a jump (-54 dB).
const QUIET: f32 = 0.002;

/// 5 ms of the user's own voice.
struct Piece {
    /// When the first sample was captured.
    at: Moment,
    samples: [f32; PIECE],
}

/// The end that the sound goes into.
pub struct Throat {
    pieces: rtrb::Producer<Piece>,
    /// What does not fill a piece yet.
    open: Piece,
    filled: usize,
}

impl Throat {
    /// Takes the next samples, mono at [`VOICE_RATE`], the first captured at `at`. What nobody takes from the other end is lost.
    pub fn push(&mut self, at: Moment, samples: &[f32]) {
        let mut taken = 0;
        while let Some(rest) = samples.get(taken..).filter(|r| !r.is_empty()) {
            if self.filled == 0 {
                self.open.at = at + Duration::from_secs_f64(taken as f64 * SAMPLE / 1e6);
            }
            let Some(room) = self.open.samples.get_mut(self.filled..) else { break };
            let count = room.len().min(rest.len());
            for (slot, sample) in room.iter_mut().zip(rest) {
                *slot = *sample;
            }
            (self.filled, taken) = (self.filled + count, taken + count);
            if self.filled == PIECE {
                let _ = self.pieces.push(Piece { at: self.open.at, samples: self.open.samples });
                self.filled = 0;
            }
        }
    }
}

/// The end that the sound comes out of, in an audio callback: nothing here allocates, locks or frees.
pub struct Live {
    pieces: rtrb::Consumer<Piece>,
    delay: Duration,
    current: Option<(Piece, usize)>,
    /// The samples that go out follow one another.
    locked: bool,
    /// How far the delay is off on average while locked, in microseconds.
    off: f64,
    /// Loudness, 0..1.
    gain: f32,
    /// The loudest sample of the buffer before.
    peak: f32,
}

impl Live {
    /// A way for the voice that takes `delay` from being captured to being heard, and the end that it goes into.
    pub fn new(delay: Duration) -> (Throat, Self) {
        let (producer, pieces) = rtrb::RingBuffer::new(RING);
        let silence = Piece { at: Moment(0), samples: [0.0; PIECE] };
        let live = Self { pieces, delay, current: None, locked: false, off: 0.0, gain: 0.0, peak: 0.0 };
        (Throat { pieces: producer, open: silence, filled: 0 }, live)
    }

    /// Adds to `out`, whose first sample is heard at `heard_at`, what was captured the delay before. While it is not `open` the voice
    /// goes on unheard.
    pub fn add(&mut self, out: &mut [f32], heard_at: Moment, open: bool) {
        let wanted = (heard_at - self.delay).0 as f64;
        if !open && self.gain == 0.0 {
            self.locked = false;
        }
        let mut from = 0;
        if let (true, Some(position)) = (self.locked, self.position()) {
            let off = position - wanted;
            self.off += (off - self.off) * SMOOTH;
            let quiet = self.peak < QUIET && self.off.abs() > OFF;
            if quiet || self.off.abs() > FAR_OFF || off.abs() > LOST {
                self.locked = false;
            }
        }
        if !self.locked {
            let Some(wait) = self.seek(wanted, out.len()) else { return };
            (self.locked, self.off, from) = (true, 0.0, wait);
            // The fade begins anew: what was heard before was something else.
            self.gain = 0.0;
        }
        self.peak = 0.0;
        let target = if open { 1.0 } else { 0.0 };
        for slot in out.iter_mut().skip(from) {
            let Some(sample) = self.next() else {
                // It has not come yet: silence until there is enough again.
                self.locked = false;
                break;
            };
            if self.gain != target {
                self.gain = if open { (self.gain + 1.0 / FADE).min(1.0) } else { (self.gain - 1.0 / FADE).max(0.0) };
            }
            self.peak = self.peak.max(sample.abs());
            *slot += sample * self.gain;
        }
    }

    /// When the next sample was captured, in microseconds.
    fn position(&mut self) -> Option<f64> {
        if self.current.is_none() {
            self.current = self.pieces.pop().ok().map(|piece| (piece, 0));
        }
        self.current.as_ref().map(|(piece, index)| piece.at.0 as f64 + *index as f64 * SAMPLE)
    }

    /// Goes to the sample captured at `wanted`, or gives how many samples later the next one is to be heard. None: it is not there, or
    /// later than `room` samples.
    fn seek(&mut self, wanted: f64, room: usize) -> Option<usize> {
        loop {
            let skip = ((wanted - self.position()?) / SAMPLE).round();
            if skip <= 0.0 {
                return Some((-skip) as usize).filter(|wait| *wait < room);
            }
            let (_, index) = self.current.as_mut()?;
            *index += skip as usize;
            if *index < PIECE {
                return Some(0);
            }
            self.current = None;
        }
    }

    fn next(&mut self) -> Option<f32> {
        self.position()?;
        let (piece, index) = self.current.as_mut()?;
        let sample = piece.samples.get(*index).copied();
        *index += 1;
        if *index >= PIECE {
            self.current = None;
        }
        sample
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DELAY: Duration = Duration::from_millis(140);

    /// Runs capture and playback in buffers of 512 for `buffers`, `capture(n)` and `play(n)` giving when buffer n begins on the two
    /// devices; the captured sample number k is `voice(k)`.
    fn run(
        buffers: usize,
        capture: impl Fn(usize) -> f64,
        play: impl Fn(usize) -> f64,
        open: impl Fn(usize) -> bool,
        voice: impl Fn(usize) -> f32,
    ) -> Vec<f32> {
        let (mut throat, mut live) = Live::new(DELAY);
        let mut all = Vec::new();
        for n in 0..buffers {
            let samples: Vec<f32> = (n * 512..(n + 1) * 512).map(&voice).collect();
            throat.push(Moment(capture(n) as i64), &samples);
            let mut out = [0.0; 512];
            live.add(&mut out, Moment(play(n) as i64), open(n));
            all.extend(out);
        }
        all
    }

    fn steady(n: usize) -> f64 {
        1e6 + n as f64 * 512.0 * SAMPLE
    }

    #[test]
    fn every_sample_leaves_once_and_exactly_and_after_the_delay() {
        let voice = |k: usize| ((k * 7919) % 65536) as f32 / 65536.0 - 0.5;
        let mut rng = std::cell::RefCell::new(fastrand::Rng::with_seed(4));
        let shaken = |n| steady(n) + rng.borrow_mut().f64() * 900.0;
        let out = run(400, steady, shaken, |_| true, voice);
        rng.get_mut();
        let first = out.iter().position(|s| *s != 0.0).unwrap();
        assert!((first as i64 - 6720).abs() < 50, "the delay is {first} samples");
        let after = first + 400;
        let shift = (0..512).find(|s| (0..300).all(|i| out[after + i] == voice(after + i - 6720 + 256 - s))).unwrap();
        let whole = (after..out.len()).all(|i| out[i] == voice(i - 6720 + 256 - shift));
        assert!(whole, "a sample was lost, doubled or changed");
    }

    #[test]
    fn clocks_that_part_are_set_right_in_a_silence() {
        // 200 ppm, and a word of a second in every two.
        let drifting = |n| 1e6 + n as f64 * 512.0 * SAMPLE * 1.000_2;
        let voice = |k: usize| if k % 96_000 < 48_000 { 0.5 } else { 0.0 };
        let out = run(6000, steady, drifting, |_| true, voice);
        // Within words nothing but the constant is heard, after the fades.
        let words: Vec<_> = out.split(|s| *s == 0.0).filter(|w| !w.is_empty()).collect();
        assert!(words.iter().skip(1).all(|w| w.iter().all(|s| *s > 0.0)));
        assert!(words.len() >= 31 && words.len() <= 33, "{} words", words.len());
        // After a minute the delay is still what it should be: the last word's place shows it.
        let played = |i: usize| drifting(i / 512) + (i % 512) as f64 * SAMPLE;
        let last = out.len() - out.iter().rev().position(|s| *s != 0.0).unwrap();
        let begin = out[..last].iter().rposition(|s| *s == 0.0).unwrap() + 1;
        let captured = 1e6 + (begin.div_ceil(96_000) * 96_000) as f64 * SAMPLE;
        let candidates = [captured, captured - 96_000.0 * SAMPLE];
        let delay = candidates.map(|c| (played(begin) - c) / 1000.0);
        assert!(delay.iter().any(|d| (d - 140.0).abs() < 11.0), "{delay:?}");
    }

    #[test]
    fn closing_and_opening_has_no_click() {
        let out = run(100, steady, steady, |n| !(40..60).contains(&n), |_| 0.5);
        assert!(out.windows(2).all(|w| (w[1] - w[0]).abs() < 0.5 / FADE * 1.5));
        assert!(out[45 * 512..59 * 512].iter().all(|s| *s == 0.0) && out[99 * 512] == 0.5);
    }

    #[test]
    fn a_voice_that_stops_coming_is_silence() {
        let (mut throat, mut live) = Live::new(DELAY);
        throat.push(Moment(0), &[0.5; 4800]);
        let mut out = [0.0; 9600];
        live.add(&mut out, Moment(140_000), true);
        assert!(out[240..4800].iter().all(|s| *s == 0.5) && out[4800..].iter().all(|s| *s == 0.0));
        live.add(&mut out, Moment(340_000), true);
        assert!(out[4800..].iter().all(|s| *s == 0.0));
    }
}
