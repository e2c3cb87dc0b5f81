//! Whether the large network keeps its time beside the live picture, and what follows if it does not.

use std::time::Duration;

/// A run may take this long: two blocks, which is what the picture waits for beyond the look-ahead, less the drawing.
const HOP: Duration = Duration::from_millis(40);

/// The sound may wait this long for the face; more is not the sound server's shaking.
const BEHIND: Duration = Duration::from_millis(100);

/// So many runs too slow, more than in time, are a machine that is too slow and no hiccup.
const SEVERAL: u32 = 5;

/// Blocks of rest before the network is tried again: 10 s, twice as long each time, at most 10 min.
const REST: u32 = 500;
const LONGEST_REST: u32 = 30_000;

/// After so many runs in time (2 min) the next rest is a short one again.
const PROVEN: u32 = 1_500;

pub struct Pace {
    slow: u32,
    good: u32,
    /// Blocks until the network is tried again; 0 while it runs.
    rest: u32,
    next_rest: u32,
}

impl Default for Pace {
    fn default() -> Self {
        Self { slow: 0, good: 0, rest: 0, next_rest: REST }
    }
}

impl Pace {
    pub fn is_down(&self) -> bool {
        self.rest > 0
    }

    /// Once a block: whether the network may run.
    pub fn block(&mut self) -> bool {
        if self.rest > 0 {
            self.rest -= 1;
            if self.rest == 0 {
                tracing::info!("the large lip network is tried again");
            }
        }
        self.rest == 0
    }

    /// Notes how long a run took.
    pub fn hop(&mut self, took: Duration) {
        if took > HOP {
            self.late();
            return;
        }
        self.slow = self.slow.saturating_sub(1);
        self.good += 1;
        if self.good >= PROVEN {
            self.next_rest = REST;
        }
    }

    /// Notes how long the sound has waited for the face.
    pub fn behind(&mut self, by: Duration) {
        if by > BEHIND && !self.is_down() {
            self.late();
        }
    }

    fn late(&mut self) {
        (self.slow, self.good) = (self.slow + 1, 0);
        if self.slow < SEVERAL {
            return;
        }
        tracing::info!(
            "the large lip network does not keep its time; the small one goes on for {} s",
            self.next_rest / REST * 10
        );
        (self.rest, self.slow) = (self.next_rest, 0);
        self.next_rest = (self.next_rest * 2).min(LONGEST_REST);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Blocks until it may run again.
    fn rests(pace: &mut Pace) -> u32 {
        (1..).find(|_| pace.block()).unwrap()
    }

    #[test]
    fn a_hiccup_is_forgiven_and_a_slow_machine_rests_longer_each_time() {
        let (slow, quick) = (HOP * 2, HOP / 2);
        let mut pace = Pace::default();
        for _ in 0..100 {
            pace.hop(slow);
            pace.hop(quick);
        }
        assert!(!pace.is_down());
        for expected in [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000] {
            (0..SEVERAL).for_each(|_| pace.hop(slow));
            assert!(pace.is_down());
            assert_eq!(rests(&mut pace), expected);
        }
        (0..PROVEN).for_each(|_| pace.hop(quick));
        (0..SEVERAL).for_each(|_| pace.hop(slow));
        assert_eq!(rests(&mut pace), REST);
    }

    #[test]
    fn sound_that_waits_for_the_face_counts_as_well() {
        let mut pace = Pace::default();
        (0..100).for_each(|_| pace.behind(BEHIND));
        assert!(!pace.is_down());
        (0..SEVERAL).for_each(|_| pace.behind(BEHIND * 2));
        assert!(pace.is_down());
        (0..100).for_each(|_| pace.behind(BEHIND * 2));
        assert_eq!(rests(&mut pace), REST);
    }
}
