//! What is to be heard when: the sentences on the program's clock, read by the face.

use super::Phone;
use super::clip::Clip;
use crate::clock::Moment;
use crate::sound::{BLOCK, Block, RATE};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How soon a stopped sentence is silent: the output's buffers hold no more on most machines. The lead says more exactly.
const STOP: Duration = Duration::from_millis(40);

/// The sentences that are being heard or are planned, in their order.
#[derive(Debug, Default)]
pub struct Timeline {
    clips: Mutex<VecDeque<Arc<Clip>>>,
    /// Counts the changes of what was planned.
    revision: AtomicU64,
}

impl Timeline {
    /// Adds a sentence that has its place in time.
    pub fn push(&self, clip: Arc<Clip>) {
        self.lock().push_back(clip);
        self.revise();
    }

    /// Grows with every change of what was planned before: who has read ahead must read again.
    pub fn revision(&self) -> u64 {
        self.revision.load(Relaxed)
    }

    /// Says that what was planned has changed.
    pub fn revise(&self) {
        self.revision.fetch_add(1, Relaxed);
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
                    *to = clip.heard.get(index as usize);
                }
            }
        }
        any
    }

    /// Gathers the phonemes that sound between two moments, in their order.
    pub fn phones(&self, from: Moment, to: Moment, into: &mut Vec<Phone>) {
        into.clear();
        for clip in self.lock().iter() {
            into.extend(clip.phones(from, to));
        }
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
            let heard = clip.begun();
            clip.stop(if heard { soon } else { clip.start() });
            if !heard {
                gone.push(clip.clone());
            }
            heard
        });
        drop(clips);
        self.revise();
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Arc<Clip>>> {
        self.clips.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::super::clip::Lead;
    use super::super::clip::tests::complete;
    use super::*;

    /// At 16 kHz it counts from `from`.
    fn ramp(from: usize, samples: usize) -> Vec<f32> {
        (0..samples * 3).map(|i| (from + i / 3) as f32).collect()
    }

    #[test]
    fn a_block_has_the_samples_of_its_moment() {
        let timeline = Timeline::default();
        timeline.push(Arc::new(complete(1, &ramp(1, 480), Moment(1_000_000), Lead::Clock)));
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
        let heard = Arc::new(complete(1, &ramp(1, 160_000), Moment(now.0 - 1_000_000), Lead::Clock));
        heard.begin();
        timeline.push(heard.clone());
        timeline.push(Arc::new(complete(1, &ramp(1, 1600), Moment(now.0 + 9_000_000), Lead::Clock)));
        timeline.push(Arc::new(complete(2, &ramp(1, 1600), Moment(now.0 + 20_000_000), Lead::Clock)));
        let revision = timeline.revision();
        timeline.stop(2);
        assert_ne!(timeline.revision(), revision);
        let mut block = Block::silent(Moment(0));
        assert!(timeline.block_at(now, &mut block) && heard.stopping());
        assert!(!timeline.block_at(now + Duration::from_millis(150), &mut block));
        assert!(!timeline.block_at(now + Duration::from_millis(9_050), &mut block));
        assert!(timeline.block_at(now + Duration::from_millis(20_050), &mut block), "a later utterance stays");
    }
}
