//! Notices that the machine slept: of two clocks of the system, one counts the time asleep. And listens to logind, which
//! says so beforehand.

use crate::stream::next;
use std::pin::pin;
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

/// logind's own interface (org.freedesktop.login1(5)), as far as it matters here.
#[zbus::proxy(
    interface = "org.freedesktop.login1.Manager",
    default_service = "org.freedesktop.login1",
    default_path = "/org/freedesktop/login1",
    gen_blocking = false
)]
trait Login {
    #[zbus(signal)]
    fn prepare_for_sleep(&self, start: bool) -> zbus::Result<()>;
}

/// Writes to the log that the machine goes to sleep, each time before it does, where there is a logind to say so.
pub async fn announce() {
    if let Err(e) = listen().await {
        tracing::debug!("nobody tells when the machine goes to sleep: {e}");
    }
}

async fn listen() -> zbus::Result<()> {
    let bus = zbus::Connection::system().await?;
    let login = LoginProxy::new(&bus).await?;
    let mut signals = pin!(login.receive_prepare_for_sleep().await?);
    while let Some(signal) = next(signals.as_mut()).await {
        if signal.args()?.start {
            tracing::info!("the machine goes to sleep");
        }
    }
    Ok(())
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
