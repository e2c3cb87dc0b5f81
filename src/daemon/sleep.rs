//! Notices that the machine slept: of two clocks of the system, one counts the time asleep.

use std::time::Duration;

/// Less than this is the reading of two clocks one after the other.
const LEAST: Duration = Duration::from_secs(1);

/// How far the clocks were apart at the last look.
pub struct Sleep {
    apart: Duration,
}

impl Sleep {
    pub fn new() -> Self {
        Self { apart: apart() }
    }

    /// How long the machine slept since the last look, if it did.
    pub fn woke(&mut self) -> Option<Duration> {
        self.look(apart())
    }

    fn look(&mut self, apart: Duration) -> Option<Duration> {
        let slept = apart.saturating_sub(self.apart);
        self.apart = apart;
        (slept >= LEAST).then_some(slept)
    }
}

/// CLOCK_BOOTTIME less CLOCK_MONOTONIC (clock_gettime(2)): all the time asleep since the start of the machine.
fn apart() -> Duration {
    let read = |clock| {
        let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: `now` is valid for the call; where the clock did not exist it would stay zero.
        unsafe { libc::clock_gettime(clock, &mut now) };
        Duration::new(now.tv_sec.max(0) as u64, now.tv_nsec.clamp(0, 999_999_999) as u32)
    };
    let monotonic = read(libc::CLOCK_MONOTONIC);
    read(libc::CLOCK_BOOTTIME).saturating_sub(monotonic)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_night_asleep_is_told_once_and_a_busy_machine_never() {
        let mut sleep = Sleep::new();
        assert_eq!(sleep.woke(), None);
        let (before, night) = (sleep.apart, Duration::from_secs(8 * 3600));
        assert_eq!(sleep.look(before + Duration::from_millis(300)), None);
        assert_eq!(sleep.look(before + night + Duration::from_millis(300)), Some(night));
        assert_eq!(sleep.look(before + night + Duration::from_millis(300)), None);
    }
}
