//! Which of the things that a camera can do is asked of it.

use super::pixels::Format;
use std::cmp::Ordering;

/// The picture that is wanted: landmarks need no more, and every webcam has it.
pub(super) const WANTED: (u32, u32) = (640, 480);

/// Frames a second that are wanted, and that must be had if the camera can; a hair below 25, for 1001/25000.
pub(super) const RATE: f64 = 30.0;
pub(super) const ENOUGH: f64 = 24.9;

/// A face in a picture smaller than this is too small to be read well.
const SMALL: u32 = 320;

/// The largest side of a picture that is read.
pub(super) const MAX_SIDE: u32 = 8192;

/// One thing that a camera can do.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Mode {
    pub format: Format,
    pub width: u32,
    pub height: u32,
    /// Frames a second, as the time of one in seconds: numerator and denominator.
    pub interval: (u32, u32),
}

impl Mode {
    /// Frames a second.
    pub fn rate(&self) -> f64 {
        f64::from(self.interval.1) / f64::from(self.interval.0.max(1))
    }

    /// What is bad about it, the worst first.
    fn faults(&self) -> [f64; 5] {
        let (long, area) = (self.width.max(self.height), f64::from(self.width) * f64::from(self.height));
        let rate = self.rate();
        // A slow camera is as good as a tiny picture is bad.
        let slow = match rate {
            r if r >= ENOUGH => 0.0,
            r if r >= 15.0 => 1.0,
            r if r >= 10.0 => 2.0,
            _ => 3.0,
        };
        let small = if long < SMALL { 2.0 } else { 0.0 };
        let from = |value: f64, wanted: f64| (value / wanted).log2().abs();
        [
            slow + small,
            from(f64::from(long), f64::from(WANTED.0)),
            from(area, f64::from(WANTED.0) * f64::from(WANTED.1)),
            f64::from(self.format.cost()),
            (rate - RATE).abs(),
        ]
    }
}

/// The best of `modes`: fast enough first, then the size, then what costs the least.
pub(super) fn choose(modes: &[Mode]) -> Option<Mode> {
    let usable = |m: &&Mode| (1..=MAX_SIDE).contains(&m.width) && (1..=MAX_SIDE).contains(&m.height);
    let better = |a: &&Mode, b: &&Mode| {
        let pairs = a.faults().into_iter().zip(b.faults());
        pairs.map(|(a, b)| a.total_cmp(&b)).find(|o| o.is_ne()).unwrap_or(Ordering::Equal)
    };
    modes.iter().filter(usable).min_by(better).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(format: Format, width: u32, height: u32, fps: u32) -> Mode {
        Mode { format, width, height, interval: (1, fps) }
    }

    use Format::{Grey, Mjpeg, Nv12, Yuyv};

    #[test]
    fn a_usual_webcam_is_read_raw_at_640() {
        let modes = [
            mode(Mjpeg, 1920, 1080, 30),
            mode(Mjpeg, 640, 480, 30),
            mode(Yuyv, 1920, 1080, 5),
            mode(Yuyv, 640, 480, 30),
            mode(Yuyv, 640, 360, 30),
            mode(Yuyv, 320, 240, 30),
        ];
        assert_eq!(choose(&modes), Some(modes[3]));
    }

    #[test]
    fn a_rate_that_is_enough_comes_before_a_format_that_costs_less() {
        let modes = [mode(Yuyv, 640, 480, 10), mode(Mjpeg, 640, 480, 30)];
        assert_eq!(choose(&modes), Some(modes[1]));
    }

    #[test]
    fn a_camera_that_can_do_one_thing_does_that() {
        for only in [mode(Mjpeg, 1920, 1080, 5), mode(Yuyv, 480, 640, 30), mode(Grey, 160, 120, 9)] {
            assert_eq!(choose(&[only]), Some(only));
        }
    }

    #[test]
    fn portrait_counts_by_its_longer_side() {
        let modes = [mode(Mjpeg, 720, 1280, 30), mode(Mjpeg, 480, 640, 30), mode(Mjpeg, 240, 320, 30)];
        assert_eq!(choose(&modes), Some(modes[1]));
    }

    #[test]
    fn of_the_slow_ones_it_is_the_least_slow_but_no_thumbnail() {
        let modes = [mode(Yuyv, 1280, 720, 10), mode(Yuyv, 640, 480, 20), mode(Yuyv, 160, 120, 30)];
        assert_eq!(choose(&modes), Some(modes[1]));
        assert_eq!(choose(&[modes[0], mode(Nv12, 640, 480, 5)]), Some(modes[0]));
    }

    #[test]
    fn thirty_comes_before_sixty_and_odd_intervals_count_as_what_they_are() {
        let modes = [mode(Yuyv, 640, 480, 60), mode(Yuyv, 640, 480, 30)];
        assert_eq!(choose(&modes), Some(modes[1]));
        let ntsc = Mode { interval: (1001, 30_000), ..modes[0] };
        assert!((ntsc.rate() - 29.97).abs() < 0.01);
    }

    #[test]
    fn nonsense_is_not_chosen() {
        let none = [mode(Yuyv, 0, 480, 30), mode(Yuyv, 640, u32::MAX, 30)];
        assert_eq!(choose(&none), None);
        let never = Mode { interval: (0, 0), ..mode(Yuyv, 640, 480, 0) };
        assert_eq!(choose(&[never]), Some(never), "a camera that does not tell its rate is still a camera");
    }
}
