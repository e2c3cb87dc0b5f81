//! How an outlet's thread sleeps: until a bell rings, a device has news, or time is up.

use std::io::{Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Wakes a thread that sleeps in `poll`; it never blocks the one who rings.
#[derive(Debug)]
pub(super) struct Bell {
    ringer: UnixStream,
    heard: UnixStream,
    /// Whether a new frame is worth a ring: false while the outlet has nobody to show it to.
    pub wants_frames: AtomicBool,
}

impl Bell {
    pub fn new() -> std::io::Result<Self> {
        let (ringer, heard) = UnixStream::pair()?;
        ringer.set_nonblocking(true)?;
        heard.set_nonblocking(true)?;
        Ok(Self { ringer, heard, wants_frames: AtomicBool::new(false) })
    }

    pub fn ring(&self) {
        // A full pipe has rung already.
        let _ = (&self.ringer).write(&[1]);
    }

    pub fn ring_for_frame(&self) {
        if self.wants_frames.load(Ordering::Acquire) {
            self.ring();
        }
    }

    /// Forgets the rings so far. True where there was one.
    pub fn quiet(&self) -> bool {
        let (mut rang, mut sink) = (false, [0; 64]);
        while let Ok(n) = (&self.heard).read(&mut sink) {
            rang |= n > 0;
            if n < sink.len() {
                break;
            }
        }
        rang
    }
}

impl AsFd for Bell {
    /// Readable while there is a ring.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.heard.as_fd()
    }
}

/// Sleeps until the bell rings, `device` has priority news (a V4L2 event), or `end`. True where it rang or has news.
pub(super) fn sleep_until(bell: &Bell, device: Option<BorrowedFd<'_>>, end: Instant) -> bool {
    // A millisecond more than is left: rounding down would spin through the last one.
    let left = end.saturating_duration_since(Instant::now()) + Duration::from_millis(1);
    let mut fds = [
        libc::pollfd { fd: bell.as_fd().as_raw_fd(), events: libc::POLLIN, revents: 0 },
        // poll ignores a negative descriptor.
        libc::pollfd { fd: device.map_or(-1, |d| d.as_raw_fd()), events: libc::POLLPRI, revents: 0 },
    ];
    // SAFETY: `fds` is a valid array of that length for the call, and both descriptors are borrowed for it.
    let ready = unsafe { libc::poll(fds.as_mut_ptr(), 2, left.as_millis().min(60_000) as libc::c_int) };
    bell.quiet();
    // A device that went away is ready for ever, with an error that its next call will tell.
    ready > 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bell_rung_many_times_is_quiet_after_one_look() {
        let bell = Bell::new().unwrap();
        assert!(!bell.quiet());
        (0..100_000).for_each(|_| bell.ring());
        assert!(bell.quiet() && !bell.quiet());
        bell.ring_for_frame();
        assert!(!bell.quiet(), "nobody wants frames yet");
    }

    #[test]
    fn a_ring_ends_the_sleep_and_no_ring_does_not() {
        let bell = Bell::new().unwrap();
        bell.ring();
        assert!(sleep_until(&bell, None, Instant::now() + Duration::from_secs(60)));
        assert!(!sleep_until(&bell, None, Instant::now()));
    }
}
