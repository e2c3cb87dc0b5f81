//! Where speech begins and ends: earshot's voice activity detector, with what was heard just before, and patience with pauses.

use crate::sound::RATE;
use earshot::Detector;
use std::collections::VecDeque;

/// Samples that the detector takes at once: 16 ms.
const FRAME: usize = 256;

/// Frames kept from before the detector was sure: a soft first consonant belongs to the word.
const BEFORE: usize = frames(0.32);

/// Speech begins when this many of the latest [`WINDOW`] frames sound like a voice. (64 ms in 112 ms: no click is that long.)
const ONSET: usize = 4;
const WINDOW: usize = 7;

/// It goes on while any frame of the latest [`PATIENCE`] is at least `STAYS` sure, once it began with `BEGINS`.
const BEGINS: f32 = 0.5;
const STAYS: f32 = 0.35;

/// A pause of this length ends an utterance: long enough for somebody who searches for a word.
const PATIENCE: usize = frames(0.6);

/// So much of that pause stays in the sound; the rest is only silence to the recogniser.
const AFTER: usize = frames(0.25);

/// From this length on a shorter pause will do, …
const LONG: usize = frames(15.0);
const SHORT_PATIENCE: usize = frames(0.2);

/// … and at this length it is cut where it was quietest in the last seconds. The recogniser's window is 30 s.
const LONGEST: usize = frames(25.0);
const CUT_WITHIN: usize = frames(3.0);

/// Less voice than this in all is a cough or a door.
const LEAST_VOICE: usize = frames(0.16);

/// Quieter than this (root mean square) is no voice, whatever it sounds like: -66 dB of full scale.
const FLOOR: f32 = 5e-4;

const fn frames(seconds: f64) -> usize {
    (seconds * RATE as f64) as usize / FRAME
}

/// A stretch of speech.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Segment {
    /// 16 kHz, mono, -1..1; at most 26 s.
    pub samples: Vec<f32>,
    /// Seconds in it that sound like a voice.
    pub voiced: f64,
}

impl Segment {
    /// Length in seconds.
    pub fn seconds(&self) -> f64 {
        self.samples.len() as f64 / f64::from(RATE)
    }
}

/// What is known of one frame of a stretch.
#[derive(Clone, Copy)]
struct Frame {
    voice: f32,
    level: f32,
}

/// Cuts a stream of sound into stretches of speech. Its memory is bounded by the longest stretch.
pub struct Segmenter {
    detector: Box<Detector>,
    /// Samples that do not fill a frame yet.
    waiting: Vec<f32>,
    /// While nobody speaks: the last frames.
    before: VecDeque<[f32; FRAME]>,
    scores: VecDeque<Frame>,
    /// While somebody speaks.
    speech: Option<Speech>,
}

#[derive(Default)]
struct Speech {
    samples: Vec<f32>,
    frames: Vec<Frame>,
    /// Frames since the last one with a voice.
    quiet: usize,
    voiced: usize,
}

impl Default for Segmenter {
    fn default() -> Self {
        Self {
            detector: Box::default(),
            waiting: Vec::with_capacity(FRAME * 4),
            before: VecDeque::with_capacity(BEFORE + 1),
            scores: VecDeque::with_capacity(WINDOW + 1),
            speech: None,
        }
    }
}

impl Segmenter {
    /// Takes 16 kHz sound; whatever is no number counts as silence. Gives the stretch that ended in it, if one did.
    pub fn push(&mut self, samples: &[f32]) -> Option<Segment> {
        let clean = samples.iter().map(|s| if s.is_finite() { s.clamp(-1.0, 1.0) } else { 0.0 });
        self.waiting.extend(clean);
        let mut ended = None;
        let mut waiting = std::mem::take(&mut self.waiting);
        let (whole, rest) = waiting.as_chunks::<FRAME>();
        for frame in whole {
            // A second end within one call would need seconds of sound at once; the earlier one is given.
            ended = self.frame(frame).or(ended);
        }
        let taken = waiting.len() - rest.len();
        waiting.drain(..taken);
        self.waiting = waiting;
        ended
    }

    /// The stretch that is being heard, so far.
    pub fn so_far(&self) -> Option<&[f32]> {
        self.speech.as_ref().map(|s| s.samples.as_slice())
    }

    /// Seconds in it that sound like a voice.
    pub fn voiced(&self) -> f64 {
        self.speech.as_ref().map_or(0.0, |s| seconds(s.voiced))
    }

    /// Whether somebody is speaking (or has just stopped).
    pub fn speaking(&self) -> bool {
        self.speech.is_some()
    }

    /// Ends what is being heard: no more sound will come.
    pub fn finish(&mut self) -> Option<Segment> {
        let ended = self.speech.take().and_then(Speech::end);
        self.reset();
        ended
    }

    /// Forgets everything.
    pub fn reset(&mut self) {
        self.detector.reset();
        self.waiting.clear();
        self.before.clear();
        self.scores.clear();
        self.speech = None;
    }

    fn frame(&mut self, samples: &[f32; FRAME]) -> Option<Segment> {
        let level = (samples.iter().map(|s| s * s).sum::<f32>() / FRAME as f32).sqrt();
        let score = self.detector.predict_f32(samples);
        let frame = Frame { voice: if level < FLOOR { 0.0 } else { score }, level };
        let Some(speech) = &mut self.speech else {
            self.wait(samples, frame);
            return None;
        };
        speech.take(samples, frame);
        let patience = if speech.frames.len() > LONG { SHORT_PATIENCE } else { PATIENCE };
        if speech.quiet >= patience {
            return self.speech.take().and_then(Speech::end);
        }
        if speech.frames.len() >= LONGEST {
            let rest = speech.split();
            return self.speech.replace(rest).and_then(Speech::end);
        }
        None
    }

    /// Nobody speaks; perhaps somebody begins.
    fn wait(&mut self, samples: &[f32; FRAME], frame: Frame) {
        push_bounded(&mut self.before, *samples, BEFORE);
        push_bounded(&mut self.scores, frame, WINDOW);
        if self.scores.iter().filter(|f| f.voice >= BEGINS).count() < ONSET {
            return;
        }
        let mut speech = Speech::default();
        // The detector's verdicts belong to the last frames of those kept.
        let unjudged = self.before.len().saturating_sub(self.scores.len());
        let silent = Frame { voice: 0.0, level: 0.0 };
        let verdicts = std::iter::repeat_n(silent, unjudged).chain(self.scores.drain(..));
        for (samples, frame) in self.before.drain(..).zip(verdicts) {
            speech.take(&samples, frame);
        }
        self.speech = Some(speech);
    }
}

impl Speech {
    fn take(&mut self, samples: &[f32; FRAME], frame: Frame) {
        self.samples.extend_from_slice(samples);
        self.frames.push(frame);
        if frame.voice >= STAYS {
            self.quiet = 0;
            self.voiced += 1;
        } else {
            self.quiet += 1;
        }
    }

    /// The stretch, without most of the pause that ended it; None where there was hardly a voice in it.
    fn end(mut self) -> Option<Segment> {
        if self.voiced < LEAST_VOICE {
            return None;
        }
        let dropped = self.quiet.saturating_sub(AFTER) * FRAME;
        self.samples.truncate(self.samples.len().saturating_sub(dropped));
        Some(Segment { samples: self.samples, voiced: seconds(self.voiced) })
    }

    /// Cuts at the quietest frame of the last seconds; this keeps what was before, what is given goes on.
    fn split(&mut self) -> Speech {
        let from = self.frames.len().saturating_sub(CUT_WITHIN);
        let quietest = self.frames.iter().enumerate().skip(from).min_by(|a, b| a.1.level.total_cmp(&b.1.level));
        let at = quietest.map_or(self.frames.len(), |(i, _)| i);
        let mut rest = Speech::default();
        let samples = self.samples.split_off(at * FRAME);
        for (samples, frame) in samples.as_chunks::<FRAME>().0.iter().zip(self.frames.split_off(at)) {
            rest.take(samples, frame);
        }
        self.quiet = 0;
        self.voiced = self.voiced.saturating_sub(rest.voiced);
        rest
    }
}

fn seconds(frames: usize) -> f64 {
    (frames * FRAME) as f64 / f64::from(RATE)
}

fn push_bounded<T>(queue: &mut VecDeque<T>, item: T, most: usize) {
    queue.push_back(item);
    if queue.len() > most {
        queue.pop_front();
    }
}
