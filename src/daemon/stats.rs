//! Live figures of the frame loop, kept in atomics so that the loop never waits for a reader.

use super::last_face::LastFace;
use crate::mirror::Slot;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};

/// The last [`Ring::LEN`] values of one figure, in milliseconds.
struct Ring {
    values: [AtomicU32; Ring::LEN],
    count: AtomicU64,
}

impl Ring {
    /// Ten seconds at 30 frames a second.
    const LEN: usize = 300;

    const fn new() -> Self {
        Self { values: [const { AtomicU32::new(0) }; Ring::LEN], count: AtomicU64::new(0) }
    }

    fn push(&self, ms: f32) {
        let n = self.count.load(Relaxed);
        if let Some(slot) = self.values.get((n % Self::LEN as u64) as usize) {
            slot.store(ms.to_bits(), Relaxed);
        }
        self.count.store(n + 1, Relaxed);
    }

    /// The 95th percentile, by the nearest-rank method; 0 where nothing was measured yet.
    fn p95(&self) -> f64 {
        let n = (self.count.load(Relaxed) as usize).min(Self::LEN);
        let mut sorted: Vec<f32> = self.values.iter().take(n).map(|v| f32::from_bits(v.load(Relaxed))).collect();
        sorted.sort_by(f32::total_cmp);
        let rank = (n * 95).div_ceil(100);
        rank.checked_sub(1).and_then(|i| sorted.get(i)).map_or(0.0, |v| f64::from(*v))
    }
}

/// Figures of the running daemon, as the `Stats` property shows them.
pub struct Stats {
    frame_ms: Ring,
    interval_ms: Ring,
    latency_ms: Ring,
    skew_ms: Ring,
    pub dropped_frames: AtomicU64,
    /// Frames drawn since the start: the watchdog's proof of life.
    pub frames: AtomicU64,
    pub renderer: OnceLock<String>,
    pub motion_provider: OnceLock<String>,
    pub face: LastFace,
    /// What the mirror saw last.
    pub mirrored: OnceLock<Arc<Slot>>,
    /// Whether the small network leads the lips because the large one did not keep its time.
    pub stepped_down: AtomicBool,
}

impl Default for Stats {
    fn default() -> Self {
        Self {
            frame_ms: Ring::new(),
            interval_ms: Ring::new(),
            latency_ms: Ring::new(),
            skew_ms: Ring::new(),
            dropped_frames: AtomicU64::new(0),
            frames: AtomicU64::new(0),
            renderer: OnceLock::new(),
            motion_provider: OnceLock::new(),
            face: LastFace::default(),
            mirrored: OnceLock::new(),
            stepped_down: AtomicBool::new(false),
        }
    }
}

impl Stats {
    /// One drawn frame: how long drawing took, and how long after the frame before (where there was one).
    pub fn frame(&self, drawing_ms: f32, interval_ms: Option<f32>) {
        self.frames.fetch_add(1, Relaxed);
        self.frame_ms.push(drawing_ms);
        if let Some(ms) = interval_ms {
            self.interval_ms.push(ms);
        }
    }

    /// From sound in to frame out, for a frame that shows a live voice.
    pub fn latency(&self, ms: f32) {
        self.latency_ms.push(ms);
    }

    /// How far the picture left from the instant at which its sound is heard.
    pub fn skew(&self, ms: f32) {
        self.skew_ms.push(ms.abs());
    }

    /// What moves the lips: "large (CPU)".
    pub fn motion(&self) -> String {
        let opened = self.motion_provider.get().map(String::as_str).unwrap_or_default();
        if self.stepped_down.load(Relaxed) { format!("small (CPU) in place of {opened}") } else { opened.to_owned() }
    }

    pub fn fps(&self) -> f64 {
        let n = (self.interval_ms.count.load(Relaxed) as usize).min(Ring::LEN);
        let sum: f32 = self.interval_ms.values.iter().take(n).map(|v| f32::from_bits(v.load(Relaxed))).sum();
        if n == 0 || sum <= 0.0 { 0.0 } else { n as f64 * 1000.0 / f64::from(sum) }
    }

    pub fn frame_ms_p95(&self) -> f64 {
        self.frame_ms.p95()
    }

    pub fn latency_ms_p95(&self) -> f64 {
        self.latency_ms.p95()
    }

    pub fn av_skew_ms_p95(&self) -> f64 {
        self.skew_ms.p95()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_percentile_is_that_of_the_latest_values_only() {
        let ring = Ring::new();
        assert_eq!(ring.p95(), 0.0);
        for _ in 0..Ring::LEN {
            ring.push(1000.0);
        }
        for i in 0..Ring::LEN {
            ring.push((i % 100) as f32);
        }
        assert_eq!(ring.p95(), 94.0);
    }

    #[test]
    fn frames_a_second_come_from_the_intervals() {
        let stats = Stats::default();
        for _ in 0..50 {
            stats.frame(5.0, Some(20.0));
        }
        assert!((stats.fps() - 50.0).abs() < 1e-3);
    }
}
