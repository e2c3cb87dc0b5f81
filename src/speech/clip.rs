//! One sentence on its way to the listener: its sound, which may still be in the making, and when it is heard.

use super::Phone;
use crate::clock::Moment;
use crate::sound::{RATE, VOICE_RATE};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU8, AtomicU32, AtomicUsize, Ordering::*};

/// Whose clock a sentence follows: that of the listener who matters most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Lead {
    /// Nobody plays it: the program's own clock, so that the face speaks all the same.
    Clock,
    /// The output on which the user hears the voice.
    Monitor,
    /// "VASA Microphone": what the others in the call hear.
    Microphone,
}

/// One sentence. Its sound is appended by one thread while others read it; nobody ever waits.
#[derive(Debug)]
pub struct Clip {
    pub utterance: u64,
    /// For the listener, [`VOICE_RATE`].
    pub sound: Track,
    /// For the face, [`RATE`].
    pub heard: Track,
    /// On the clip's own clock: zero is the first sample.
    phones: Vec<Phone>,
    /// When the first sample is heard, in microseconds. Planned at first; the lead, while it plays, says what is true.
    start: AtomicI64,
    /// When it falls silent, if it is cut short; microseconds.
    cut: AtomicI64,
    lead: AtomicU8,
    begun: AtomicBool,
    stopping: AtomicBool,
}

impl Clip {
    /// A sentence of `samples` samples at [`VOICE_RATE`], none of them made yet.
    pub fn new(utterance: u64, samples: usize, phones: Vec<Phone>) -> Self {
        Self {
            utterance,
            sound: Track::new(samples),
            heard: Track::new(samples.div_ceil((VOICE_RATE / RATE) as usize)),
            phones,
            start: AtomicI64::new(i64::MAX),
            cut: AtomicI64::new(i64::MAX),
            lead: AtomicU8::new(Lead::Clock as u8),
            begun: AtomicBool::new(false),
            stopping: AtomicBool::new(false),
        }
    }

    /// Decides when it is to be heard, and by whose clock. Before this it has no place in time.
    pub fn plan(&self, start: Moment, lead: Lead) {
        self.start.store(start.0, Relaxed);
        self.lead.store(lead as u8, Relaxed);
    }

    pub fn start(&self) -> Moment {
        Moment(self.start.load(Relaxed))
    }

    /// Says when the first sample is (or was, or would have been) heard.
    pub fn set_start(&self, at: Moment) {
        self.start.store(at.0, Relaxed);
    }

    /// The moment after the last sample that is heard.
    pub fn end(&self) -> Moment {
        let length = Moment::of_sample(self.sound.len() as u64, VOICE_RATE).0;
        Moment(self.start.load(Relaxed).saturating_add(length).min(self.cut.load(Relaxed)))
    }

    pub fn led_by(&self, lead: Lead) -> bool {
        self.lead.load(Relaxed) == lead as u8
    }

    /// Gives the lead to another clock.
    pub fn follow(&self, lead: Lead) {
        self.lead.store(lead as u8, Relaxed);
    }

    pub fn begun(&self) -> bool {
        self.begun.load(Relaxed)
    }

    pub fn begin(&self) {
        self.begun.store(true, Relaxed);
    }

    /// Asked to fall silent.
    pub fn stopping(&self) -> bool {
        self.stopping.load(Relaxed)
    }

    /// Asks it to fall silent, by `at` at the latest.
    pub fn stop(&self, at: Moment) {
        self.cut.fetch_min(at.0, Relaxed);
        self.stopping.store(true, Relaxed);
    }

    /// Says when it fell silent.
    pub fn cut(&self, at: Moment) {
        self.cut.store(at.0, Relaxed);
    }

    /// No more sound will come: it ends with what it has.
    pub fn close(&self) {
        self.sound.close();
        self.heard.close();
    }

    /// The phonemes that sound between two moments.
    pub fn phones(&self, from: Moment, to: Moment) -> impl Iterator<Item = Phone> + '_ {
        let start = self.start.load(Relaxed);
        let placed = move |p: &Phone| Phone { from: Moment(p.from.0 + start), to: Moment(p.to.0 + start), ..*p };
        let (end, known) = (self.end(), start < i64::MAX / 2);
        let some = if known { &self.phones[..] } else { &[] };
        some.iter().map(placed).filter(move |p| p.to > from && p.from < to && p.from < end)
    }
}

/// Samples of a known number, filled from the front.
#[derive(Debug)]
pub struct Track {
    /// The samples' bits.
    samples: Box<[AtomicU32]>,
    ready: AtomicUsize,
    length: AtomicUsize,
}

impl Track {
    fn new(samples: usize) -> Self {
        let silence = || AtomicU32::new(0.0f32.to_bits());
        Self {
            samples: std::iter::repeat_with(silence).take(samples).collect(),
            ready: AtomicUsize::new(0),
            length: AtomicUsize::new(samples),
        }
    }

    /// Samples in the whole.
    pub fn len(&self) -> usize {
        self.length.load(Relaxed)
    }

    /// Samples that are made.
    pub fn ready(&self) -> usize {
        self.ready.load(Acquire)
    }

    /// Appends; what is more than there is room for is left out. For one thread at a time.
    pub fn append(&self, samples: &[f32]) {
        let first = self.ready.load(Relaxed);
        let room = self.samples.get(first..).unwrap_or_default();
        for (slot, sample) in room.iter().zip(samples) {
            slot.store(sample.to_bits(), Relaxed);
        }
        self.ready.store(first + samples.len().min(room.len()), Release);
    }

    /// The sample of this number; silence where it is not made.
    pub fn get(&self, index: usize) -> f32 {
        self.samples.get(index).map_or(0.0, |s| f32::from_bits(s.load(Relaxed)))
    }

    fn close(&self) {
        self.length.store(self.ready(), Relaxed);
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A sentence whose sound is all there.
    pub fn complete(utterance: u64, sound: &[f32], start: Moment, lead: Lead) -> Clip {
        let clip = Clip::new(utterance, sound.len(), Vec::new());
        clip.sound.append(sound);
        clip.heard.append(&sound.iter().copied().step_by(3).collect::<Vec<_>>());
        clip.plan(start, lead);
        clip
    }

    #[test]
    fn sound_is_appended_up_to_the_length_and_may_end_early() {
        let clip = Clip::new(1, 5, Vec::new());
        clip.sound.append(&[1.0, 2.0]);
        assert_eq!((clip.sound.ready(), clip.sound.get(1), clip.sound.get(2), clip.sound.len()), (2, 2.0, 0.0, 5));
        clip.sound.append(&[3.0, 4.0, 5.0, 6.0]);
        assert_eq!((clip.sound.ready(), clip.sound.get(4), clip.sound.get(5)), (5, 5.0, 0.0));
        let short = Clip::new(1, 48_000, Vec::new());
        short.plan(Moment(7), Lead::Clock);
        short.sound.append(&[0.5; 480]);
        short.close();
        assert_eq!((short.sound.len(), short.end()), (480, Moment(10_007)));
    }

    #[test]
    fn phones_are_given_on_the_clock_once_the_sentence_has_its_place() {
        let phone = |symbol, from, to| Phone { symbol, from: Moment(from), to: Moment(to) };
        let clip = Clip::new(1, 48_000, vec![phone('a', 0, 100), phone('b', 100, 200), phone('c', 200, 300)]);
        assert_eq!(clip.phones(Moment(i64::MIN), Moment(i64::MAX)).count(), 0);
        clip.plan(Moment(1000), Lead::Clock);
        let got: Vec<_> = clip.phones(Moment(1100), Moment(1150)).collect();
        assert_eq!(got, [phone('b', 1100, 1200)]);
    }
}
