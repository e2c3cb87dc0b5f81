//! The face as last drawn, in atomics: the render thread writes it, D-Bus reads it, and neither waits for the other.

use crate::face::{ANGLES, COUNT, Face, NAMES};
use std::sync::atomic::{AtomicU32, Ordering::Acquire, Ordering::Relaxed, Ordering::Release, fence};

const VALUES: usize = COUNT + ANGLES.len();

/// A sequence lock with one writer: the count is odd while it writes.
pub struct LastFace {
    count: AtomicU32,
    values: [AtomicU32; VALUES],
}

impl Default for LastFace {
    fn default() -> Self {
        Self { count: AtomicU32::new(0), values: [const { AtomicU32::new(0) }; VALUES] }
    }
}

impl LastFace {
    pub fn set(&self, face: &Face) {
        let (head, gaze) = (&face.head, &face.gaze);
        let angles = [head.yaw, head.pitch, head.roll, gaze.yaw, gaze.pitch];
        let count = self.count.load(Relaxed);
        self.count.store(count.wrapping_add(1), Relaxed);
        fence(Release);
        for (slot, value) in self.values.iter().zip(face.weights.0.iter().chain(&angles)) {
            slot.store(value.to_bits(), Relaxed);
        }
        self.count.store(count.wrapping_add(2), Release);
    }

    /// Every value by its name.
    pub fn named(&self) -> impl Iterator<Item = (&'static str, f64)> {
        let values = self.read();
        // More digits than the renderer can show are noise.
        let round = |v: f32| (f64::from(v) * 1e5).round() / 1e5;
        NAMES.into_iter().chain(ANGLES).zip(values.map(round))
    }

    fn read(&self) -> [f32; VALUES] {
        loop {
            let before = self.count.load(Acquire);
            let values = std::array::from_fn(|i| self.values.get(i).map_or(0, |v| v.load(Relaxed)));
            fence(Acquire);
            if before.is_multiple_of(2) && self.count.load(Relaxed) == before {
                return values.map(f32::from_bits);
            }
            std::hint::spin_loop();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::face::Shape;

    #[test]
    fn what_is_read_is_one_face_and_never_parts_of_two() {
        let last = LastFace::default();
        assert!(last.named().all(|(_, v)| v == 0.0) && last.named().count() == 57);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for k in 0..20_000 {
                    let v = k as f32 / 20_000.0;
                    let mut face = Face::default();
                    (face.weights[Shape::BrowDownLeft], face.gaze.pitch) = (v, v);
                    last.set(&face);
                }
            });
            for _ in 0..2000 {
                let read = last.read();
                assert_eq!(read[0], read[VALUES - 1]);
            }
        });
        let all: std::collections::HashMap<_, _> = last.named().collect();
        assert_eq!((all["browDownLeft"], all["gazePitch"]), (0.99995, 0.99995));
    }
}
