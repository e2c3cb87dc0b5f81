//! Sentences to samples, for whoever plays them: the monitor's callback, and that of "VASA Microphone".

use super::clip::{Clip, Lead};
use crate::clock::Moment;
use crate::sound::{Steady, VOICE_RATE};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering::Relaxed};
use std::time::Duration;

/// Sentences that can wait.
const QUEUE: usize = 256;

/// A stopped sentence fades over so many samples (5 ms): soon enough, and without a click.
pub(crate) const FADE: usize = VOICE_RATE as usize / 200;

/// Who does not lead and comes to a sentence this late goes on where it is; who is less late begins at its beginning, so that
/// no word is lost.
const JOIN: i64 = 300_000;

/// A sample's length in microseconds.
const SAMPLE: f64 = 1e6 / VOICE_RATE as f64;

/// The player's end: gives sentences to a playback.
pub struct Queue {
    clips: rtrb::Producer<Arc<Clip>>,
    /// All that was given once more, so that the callback never frees memory.
    kept: Vec<Arc<Clip>>,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    live: AtomicBool,
    /// How far ahead of being heard a sample is asked for, in microseconds, at most.
    ahead: AtomicI64,
}

impl Queue {
    /// Whether somebody takes sound from the other end.
    pub fn live(&self) -> bool {
        self.shared.live.load(Relaxed)
    }

    /// How long before it is heard a sentence must be given.
    pub fn ahead(&self) -> Duration {
        Duration::from_micros(self.shared.ahead.load(Relaxed).clamp(0, 2_000_000) as u64)
    }

    /// Gives a sentence that has its place in time. False: the queue is full.
    pub fn give(&mut self, clip: &Arc<Clip>) -> bool {
        // What only this list holds has been played.
        self.kept.retain(|k| Arc::strong_count(k) > 1);
        self.kept.push(clip.clone());
        self.clips.push(clip.clone()).is_ok()
    }
}

/// The callback's half. Nothing here allocates, locks or frees.
pub struct Playback {
    queue: rtrb::Consumer<Arc<Clip>>,
    playing: Option<Playing>,
    me: Lead,
    clock: Clock,
    shared: Arc<Shared>,
}

/// When samples are heard.
struct Clock {
    /// Samples so far.
    given: u64,
    /// The moment at which sample zero was heard, in microseconds.
    zero: Steady,
}

impl Clock {
    fn new(me: Lead) -> Self {
        let zero = if me == Lead::Microphone { Steady::told() } else { Steady::measured() };
        Self { given: 0, zero }
    }

    /// When the first of the next `samples` is heard, in microseconds; `heard_at` as it was measured or told.
    fn begin(&mut self, heard_at: Moment, samples: usize) -> f64 {
        let passed = self.given as f64 * SAMPLE;
        self.given += samples as u64;
        self.zero.follow(heard_at.0 as f64 - passed) + passed
    }
}

struct Playing {
    clip: Arc<Clip>,
    /// The next sample; None before the sentence has begun.
    cursor: Option<usize>,
    /// Samples left of fading in, after joining in its midst.
    fade_in: usize,
    /// Samples of fading out that are done.
    fade_out: usize,
}

impl Playback {
    /// A playback and the queue that feeds it.
    pub fn new(me: Lead) -> (Queue, Self) {
        let (clips, queue) = rtrb::RingBuffer::new(QUEUE);
        let shared = Arc::new(Shared::default());
        let playback = Self { queue, playing: None, me, clock: Clock::new(me), shared: shared.clone() };
        (Queue { clips, kept: Vec::new(), shared }, playback)
    }

    /// Says whether somebody takes the sound now. The clock of the samples begins anew.
    pub fn set_live(&mut self, live: bool) {
        self.shared.live.store(live, Relaxed);
        self.clock = Clock::new(self.me);
    }

    /// Whether a sentence is being heard.
    pub fn playing(&self) -> bool {
        self.playing.as_ref().is_some_and(|p| p.cursor.is_some())
    }

    /// Fills `out`, mono at [`VOICE_RATE`], whose first sample is heard at `heard_at`; silence where nothing is said.
    pub fn fill(&mut self, out: &mut [f32], heard_at: Moment) {
        out.fill(0.0);
        let begin = self.clock.begin(heard_at, out.len());
        let ahead = begin + out.len() as f64 * SAMPLE - Moment::now().0 as f64;
        self.shared.ahead.store(ahead as i64, Relaxed);
        let mut at = 0;
        while at < out.len() {
            if self.playing.is_none() {
                let next = self.queue.pop().ok();
                self.playing = next.map(|clip| Playing { clip, cursor: None, fade_in: 0, fade_out: 0 });
            }
            let Some(playing) = &mut self.playing else { break };
            let now = begin + at as f64 * SAMPLE;
            let Some(rest) = out.get_mut(at..) else { break };
            match playing.step(rest, now, self.me) {
                Some(done) => {
                    at += done;
                    self.playing = None;
                }
                None => break,
            }
        }
    }
}

impl Playing {
    /// Plays into `out`, heard from `now` on (microseconds). The samples used where the sentence has ended within them.
    fn step(&mut self, out: &mut [f32], now: f64, me: Lead) -> Option<usize> {
        let clip = &*self.clip;
        let mut at = 0;
        let mut cursor = match self.cursor {
            Some(cursor) => cursor,
            None if clip.stopping() => return Some(0),
            None => {
                let wait = ((clip.start().0 as f64 - now) / SAMPLE).round();
                if wait >= out.len() as f64 {
                    return None;
                }
                let late = (-wait * SAMPLE) as i64;
                if wait > 0.0 {
                    at = wait as usize;
                    0
                } else if clip.begun() && (clip.led_by(me) || late > JOIN) {
                    // It was being heard elsewhere, or by nobody: go on where it is.
                    self.fade_in = FADE;
                    (-wait) as usize
                } else {
                    if clip.led_by(me) {
                        clip.set_start(Moment(now as i64));
                    }
                    0
                }
            }
        };
        let leads = clip.led_by(me);
        if leads {
            clip.begin();
            clip.set_start(Moment((now + (at as f64 - cursor as f64) * SAMPLE) as i64));
        }
        let (stopping, ready, length) = (clip.stopping(), clip.sound.ready(), clip.sound.len());
        while at < out.len() && cursor < length && self.fade_out < FADE {
            // Not made yet: silence, and the sentence waits.
            if cursor >= ready {
                break;
            }
            let mut gain = 1.0;
            if self.fade_in > 0 {
                self.fade_in -= 1;
                gain = 1.0 - self.fade_in as f32 / FADE as f32;
            }
            if stopping {
                self.fade_out += 1;
                gain *= 1.0 - self.fade_out as f32 / FADE as f32;
            }
            if let Some(slot) = out.get_mut(at) {
                *slot = clip.sound.get(cursor) * gain;
            }
            (at, cursor) = (at + 1, cursor + 1);
        }
        self.cursor = Some(cursor);
        if self.fade_out >= FADE || (stopping && cursor >= ready) {
            if leads {
                clip.cut(Moment((now + at as f64 * SAMPLE) as i64));
            }
            return Some(at);
        }
        (cursor >= length).then_some(at)
    }
}

#[cfg(test)]
mod tests {
    use super::super::clip::tests::complete;
    use super::super::timeline::Timeline;
    use super::*;

    fn clip(utterance: u64, level: f32, samples: usize, start: i64) -> Arc<Clip> {
        Arc::new(complete(utterance, &vec![level; samples], Moment(start), Lead::Monitor))
    }

    fn playback(clips: &[&Arc<Clip>]) -> (Queue, Playback) {
        let (mut queue, playback) = Playback::new(Lead::Monitor);
        assert!(clips.iter().all(|c| queue.give(c)));
        (queue, playback)
    }

    /// Plays `n` buffers of 10 ms, the first heard at moment zero.
    fn run(playback: &mut Playback, buffers: i64, mut each: impl FnMut(i64)) -> Vec<f32> {
        let mut all = Vec::new();
        for i in 0..buffers {
            each(i);
            let mut data = [9.0f32; 480];
            playback.fill(&mut data, Moment(i * 10_000));
            all.extend(data);
        }
        all
    }

    #[test]
    fn sentences_begin_on_their_sample_and_there_is_silence_between_them() {
        let (a, b) = (clip(1, 0.5, 480, 13_000), clip(1, 0.25, 480, 33_000));
        let (_queue, mut playback) = playback(&[&a, &b]);
        let out = run(&mut playback, 6, |_| ());
        let mut want = vec![0.0; 6 * 480];
        want[624..1104].fill(0.5);
        want[1584..2064].fill(0.25);
        assert_eq!(out, want);
        assert!(a.begun() && b.begun() && (a.start(), b.start()) == (Moment(13_000), Moment(33_000)));
    }

    #[test]
    fn a_sentence_that_comes_too_late_moves_and_says_so() {
        let a = clip(1, 0.5, 480, -500_000);
        let (_queue, mut p) = playback(&[&a]);
        assert_eq!(run(&mut p, 1, |_| ())[..], [0.5; 480]);
        assert_eq!(a.start(), Moment(0));
        // But one that was being heard already goes on where it would be, without a click.
        let b = Arc::new(complete(1, &[[0.1; 480], [0.2; 480]].concat(), Moment(-10_000), Lead::Monitor));
        b.begin();
        let (_queue, mut p) = playback(&[&b]);
        let out = run(&mut p, 1, |_| ());
        assert!(out[..FADE].is_sorted() && out[FADE..] == [0.2; 480 - FADE], "{out:?}");
        assert_eq!(b.start(), Moment(-10_000));
    }

    #[test]
    fn who_follows_moves_nothing_and_loses_no_word() {
        let a = Arc::new(complete(1, &[0.5; 480], Moment(-50_000), Lead::Microphone));
        a.begin();
        let (_queue, mut p) = playback(&[&a]);
        assert_eq!(run(&mut p, 1, |_| ())[..], [0.5; 480], "the monitor is 50 ms late and begins at the beginning");
        assert_eq!(a.start(), Moment(-50_000));
        let long = Arc::new(complete(1, &vec![0.5; 48_000], Moment(-400_000), Lead::Microphone));
        long.begin();
        let (_queue, mut p) = playback(&[&long]);
        let out = run(&mut p, 70, |_| ());
        assert_eq!(out.iter().filter(|s| **s > 0.0).count(), 28_800, "it joins where the sentence is");
    }

    #[test]
    fn sound_that_is_still_in_the_making_is_waited_for_and_nothing_of_it_is_lost() {
        let a = Arc::new(Clip::new(1, 1440, Vec::new()));
        a.plan(Moment(0), Lead::Monitor);
        a.sound.append(&[0.5; 480]);
        let (_queue, mut p) = playback(&[&a]);
        let out = run(&mut p, 8, |i| {
            if i == 4 {
                a.sound.append(&[0.25; 960]);
            }
        });
        let mut want = vec![0.0; 8 * 480];
        want[..480].fill(0.5);
        want[1920..2880].fill(0.25);
        assert_eq!(out, want);
        assert_eq!(a.start(), Moment(30_000), "the face learns of the 30 ms");
    }

    #[test]
    fn a_stopped_sentence_fades_within_5_ms_and_the_rest_is_not_played() {
        let timeline = Timeline::default();
        let (a, b) = (clip(1, 0.5, 48_000, 0), clip(1, 0.5, 480, 2_000_000));
        timeline.push(a.clone());
        timeline.push(b.clone());
        let (_queue, mut p) = playback(&[&a, &b]);
        let out = run(&mut p, 300, |i| {
            if i == 3 {
                timeline.stop(2);
            }
        });
        assert_eq!(out[1439], 0.5);
        assert!(out[1440..1680].windows(2).all(|w| w[1] <= w[0] && w[0] - w[1] < 0.01), "the fade has no step");
        assert!(out[1680..].iter().all(|s| *s == 0.0));
        assert!((a.end().0 - 35_000).abs() < 100, "{:?}", a.end());
        assert!(!b.begun());
    }

    #[test]
    fn late_callbacks_do_not_shake_the_clock() {
        let a = clip(1, 0.1, 480_000, 0);
        let (_queue, mut p) = playback(&[&a]);
        let mut rng = fastrand::Rng::with_seed(5);
        for i in 0..900 {
            let mut data = [0.0f32; 480];
            p.fill(&mut data, Moment(i * 10_000 + if i > 0 { rng.i64(0..2000) } else { 0 }));
            if i > 200 {
                assert!((0..500).contains(&a.start().0), "callback {i}: {:?}", a.start());
            }
        }
    }
}
