//! What is to be heard when: the sentences on the program's clock, read by the face and by the sound output alike.

use crate::clock::Moment;
use crate::sound::{BLOCK, Block, RATE};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// One sentence on its way to the listener.
#[derive(Debug)]
pub struct Clip {
    pub utterance: u64,
    /// 16 kHz, mono: what the face hears.
    heard: Vec<f32>,
    /// When the first sample is heard, in microseconds. Planned at first; the output, while it plays, says what is true.
    start: AtomicI64,
    /// When it falls silent, if it is cut short; microseconds.
    cut: AtomicI64,
    begun: AtomicBool,
    stopping: AtomicBool,
}

impl Clip {
    pub fn new(utterance: u64, heard: Vec<f32>, start: Moment) -> Self {
        Self {
            utterance,
            heard,
            start: AtomicI64::new(start.0),
            cut: AtomicI64::new(i64::MAX),
            begun: AtomicBool::new(false),
            stopping: AtomicBool::new(false),
        }
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
        let whole = self.start.load(Relaxed) + Moment::of_sample(self.heard.len() as u64, RATE).0;
        Moment(whole.min(self.cut.load(Relaxed)))
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

    /// Says when it falls, or fell, silent.
    pub fn cut(&self, at: Moment) {
        self.cut.store(at.0, Relaxed);
    }
}

/// How soon a stopped sentence is silent: the output's buffers hold no more on most machines. The output says more exactly.
const STOP: Duration = Duration::from_millis(40);

/// The sentences that are being heard or are planned, in their order.
#[derive(Debug, Default)]
pub struct Timeline {
    clips: Mutex<VecDeque<Arc<Clip>>>,
}

impl Timeline {
    pub fn push(&self, clip: Arc<Clip>) {
        self.lock().push_back(clip);
    }

    /// The moment after the last planned sample, if anything is planned.
    pub fn end(&self) -> Option<Moment> {
        self.lock().iter().map(|c| c.end()).max()
    }

    /// Whether something is planned or being heard.
    pub fn busy(&self) -> bool {
        let now = Moment::now();
        self.lock().iter().any(|c| now < c.end())
    }

    /// Fills `into` with what is heard in the 20 ms from `at` on. False: nothing is.
    pub fn block_at(&self, at: Moment, into: &mut Block) -> bool {
        *into = Block::silent(at);
        let mut any = false;
        for clip in self.lock().iter() {
            let (start, end) = (clip.start(), clip.end());
            let first = ((at.0 - start.0) * i64::from(RATE)).div_euclid(1_000_000);
            let last = ((end.0 - start.0) * i64::from(RATE)).div_euclid(1_000_000);
            if first >= last || first + (BLOCK as i64) <= 0 {
                continue;
            }
            any = true;
            for (i, to) in into.samples.iter_mut().enumerate() {
                let index = first + i as i64;
                if (0..last).contains(&index) {
                    *to = clip.heard.get(index as usize).copied().unwrap_or(0.0);
                }
            }
        }
        any
    }

    /// Takes out what has been heard.
    pub fn forget(&self, clip: &Arc<Clip>) {
        let gone = {
            let mut clips = self.lock();
            let at = clips.iter().position(|c| Arc::ptr_eq(c, clip));
            at.and_then(|at| clips.remove(at))
        };
        // Freed here, outside the lock that the face's thread takes.
        drop(gone);
    }

    /// Silences the utterances before number `below`: what is heard fades, what is planned is dropped.
    pub fn stop(&self, below: u64) {
        let soon = Moment::now() + STOP;
        let mut gone = Vec::new();
        let mut clips = self.lock();
        clips.retain(|clip| {
            if clip.utterance >= below {
                return true;
            }
            clip.stopping.store(true, Relaxed);
            let heard = clip.begun();
            if heard {
                clip.cut(Moment(clip.end().0.min(soon.0)));
            } else {
                clip.cut(clip.start());
                gone.push(clip.clone());
            }
            heard
        });
        drop(clips);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, VecDeque<Arc<Clip>>> {
        self.clips.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ramp(from: usize, n: usize) -> Vec<f32> {
        (from..from + n).map(|i| i as f32).collect()
    }

    #[test]
    fn a_block_holds_what_is_heard_at_its_moment() {
        let timeline = Timeline::default();
        timeline.push(Arc::new(Clip::new(1, ramp(1, 480), Moment(1_000_000))));
        let mut block = Block::silent(Moment(0));
        assert!(!timeline.block_at(Moment(979_000), &mut block));
        assert!(timeline.block_at(Moment(990_000), &mut block));
        assert_eq!(
            (block.at, block.samples[159], block.samples[160], block.samples[319]),
            (Moment(990_000), 0.0, 1.0, 160.0)
        );
        assert!(timeline.block_at(Moment(1_020_000), &mut block));
        assert_eq!((block.samples[0], block.samples[159], block.samples[160]), (321.0, 480.0, 0.0));
        assert!(!timeline.block_at(Moment(1_030_000), &mut block));
        assert_eq!(block.samples, [0.0; BLOCK]);
    }

    #[test]
    fn stopping_cuts_what_is_heard_and_drops_what_is_planned() {
        let timeline = Timeline::default();
        let now = Moment::now();
        let heard = Arc::new(Clip::new(1, ramp(1, 160_000), Moment(now.0 - 1_000_000)));
        heard.begin();
        timeline.push(heard.clone());
        timeline.push(Arc::new(Clip::new(1, ramp(1, 1600), Moment(now.0 + 9_000_000))));
        timeline.push(Arc::new(Clip::new(2, ramp(1, 1600), Moment(now.0 + 20_000_000))));
        timeline.stop(2);
        let mut block = Block::silent(Moment(0));
        assert!(timeline.block_at(now, &mut block) && heard.stopping());
        assert!(!timeline.block_at(now + Duration::from_millis(150), &mut block));
        assert!(!timeline.block_at(now + Duration::from_millis(9_050), &mut block));
        assert!(timeline.block_at(now + Duration::from_millis(20_050), &mut block), "a later utterance stays");
    }
}
