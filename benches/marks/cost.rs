//! What the invisible mark does to a frame, and what it takes.

use std::time::Duration;
use vasa_camera::mark::stamp::Stamp;
use vasa_camera::render::Frame;

/// Sums over the frames of a clip.
#[derive(Default)]
pub struct Cost {
    frames: u32,
    squares: f64,
    worst: f64,
    flicker: f64,
    /// What was added to the frame before, in luma.
    before: Vec<i16>,
    pub times: Vec<Duration>,
}

impl Cost {
    /// Stamps a copy of the frame and compares.
    pub fn measure(&mut self, stamp: &mut Stamp, plain: &Frame, minute: u32) {
        let mut marked = plain.clone();
        let begin = thread_time();
        stamp.apply(&mut marked, minute);
        self.times.push(thread_time().saturating_sub(begin));
        let pairs = plain.rgba.chunks_exact(4).zip(marked.rgba.chunks_exact(4));
        let sum: f64 = pairs
            .clone()
            .flat_map(|(a, b)| a.iter().zip(b).take(3))
            .map(|(a, b)| f64::from(a.abs_diff(*b)).powi(2))
            .sum();
        let square = sum / (plain.rgba.len() as f64 * 0.75);
        self.squares += square;
        self.worst = self.worst.max(square);
        // Luma of BT.709 in thousandths of a level, so that small differences count.
        let luma = |p: &[u8]| match p {
            [r, g, b, ..] => (213 * i32::from(*r) + 715 * i32::from(*g) + 72 * i32::from(*b)) / 10,
            _ => 0,
        };
        let added: Vec<i16> = pairs.map(|(a, b)| (luma(b) - luma(a)) as i16).collect();
        if self.before.len() == added.len() {
            let sum: f64 = added.iter().zip(&self.before).map(|(a, b)| f64::from(a.abs_diff(*b))).sum();
            self.flicker += sum / added.len() as f64 / 100.0;
        }
        self.before = added;
        self.frames += 1;
    }

    /// Mean and least PSNR in dB, mean change of the mark from frame to frame in levels of 255.
    pub fn figures(&self) -> (f64, f64, f64) {
        let decibels = |square: f64| 10.0 * (255.0f64.powi(2) / square.max(1e-9)).log10();
        let n = f64::from(self.frames.max(1));
        (decibels(self.squares / n), decibels(self.worst), self.flicker / (n - 1.0).max(1.0))
    }
}

/// What this thread has used of a processor.
fn thread_time() -> Duration {
    let mut t = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the call writes one timespec, which lives on this stack; the clock id is a constant of the header.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut t) };
    Duration::new(t.tv_sec as u64, t.tv_nsec as u32)
}
