//! Who watches a loopback device, from two witnesses that each know half of it.
//!
//! - The module's client-usage event (0.13 and later) says that somebody streams. It has been seen to stay at its last
//!   word for hours.
//! - The module's count of users (every version) says how many descriptors are open. Where only ours is, nobody can be
//!   reading; where there are more, they may be other loopback devices', or apps that only list cameras.

use crate::camera::Demand;
use std::time::{Duration, Instant};

/// An app that closes a camera often opens it again at once: the picture goes on this long.
pub const GRACE: Duration = Duration::from_secs(5);

/// Frames a second where no witness has anything to say. Below ten, browsers have been seen to give the camera up.
const UNKNOWN_FPS: u32 = 10;

/// The verdict, and how it came to be.
#[derive(Debug)]
pub struct Watch {
    demand: Demand,
    /// When somebody was last seen.
    seen: Option<Instant>,
    /// Looks in a row that saw nobody.
    nobody: u32,
}

impl Watch {
    pub fn new() -> Self {
        Self { demand: Demand::Idle(UNKNOWN_FPS), seen: None, nobody: 0 }
    }

    pub fn demand(&self) -> Demand {
        self.demand
    }

    /// Weighs one look: `told` is the event's word, `users` the descriptors open besides ours.
    pub fn look(&mut self, now: Instant, told: Option<bool>, users: Option<u32>) -> Demand {
        let reads = match (told, users) {
            (_, Some(0)) => Some(false),
            (Some(told), _) => Some(told),
            (None, Some(_)) => Some(true),
            (None, None) => None,
        };
        self.demand = match reads {
            None => Demand::Idle(UNKNOWN_FPS),
            Some(true) => {
                (self.seen, self.nobody) = (Some(now), 0);
                Demand::Full
            }
            Some(false) => {
                self.nobody = self.nobody.saturating_add(1);
                let grace = self.seen.is_some_and(|s| now.duration_since(s) < GRACE);
                if self.nobody >= 2 && !grace { Demand::None } else { self.demand }
            }
        };
        self.demand
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Looks a second apart; returns what is demanded after each.
    fn looks(watch: &mut Watch, start: Instant, said: &[(Option<bool>, Option<u32>)]) -> Vec<Demand> {
        let at = |i: usize| start + Duration::from_secs(i as u64);
        said.iter().enumerate().map(|(i, (told, users))| watch.look(at(i), *told, *users)).collect()
    }

    use Demand::{Full, Idle, None as Rest};

    #[test]
    fn a_reader_wakes_at_once_and_leaves_after_the_grace() {
        for (here, gone) in [((Some(true), Some(1)), (Some(false), Some(0))), ((None, Some(1)), (None, Some(0)))] {
            let said = [gone, gone, here, gone, gone, gone, gone, gone, gone];
            let want = [Idle(10), Rest, Full, Full, Full, Full, Full, Rest, Rest];
            assert_eq!(looks(&mut Watch::new(), Instant::now(), &said), want);
        }
    }

    #[test]
    fn an_event_stuck_at_its_last_word_is_overruled_when_nobody_else_has_the_device() {
        let said = [(Some(true), Some(1)); 2].into_iter().chain([(Some(true), Some(0)); 9]).collect::<Vec<_>>();
        assert_eq!(looks(&mut Watch::new(), Instant::now(), &said).last(), Some(&Rest));
    }

    #[test]
    fn an_app_that_only_lists_cameras_is_no_reader_where_the_module_tells() {
        assert_eq!(looks(&mut Watch::new(), Instant::now(), &[(Some(false), Some(3)); 2]), [Idle(10), Rest]);
    }

    #[test]
    fn not_knowing_means_a_slow_picture_and_never_none() {
        assert_eq!(looks(&mut Watch::new(), Instant::now(), &[(None, None); 9]), [Idle(10); 9]);
    }

    #[test]
    fn one_look_that_sees_nobody_is_not_enough() {
        let start = Instant::now();
        let mut watch = Watch::new();
        watch.look(start, Some(true), Some(1));
        assert_eq!(watch.look(start + GRACE * 2, Some(false), Some(1)), Full);
        assert_eq!(watch.look(start + GRACE * 2, Some(true), Some(1)), Full);
        assert_eq!(watch.look(start + GRACE * 4, Some(false), Some(1)), Full);
        assert_eq!(watch.look(start + GRACE * 4, Some(false), Some(1)), Rest);
    }
}
