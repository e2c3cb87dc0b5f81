//! A picture of a face does not move.

use crate::face::{Face, Shape};
use std::collections::VecDeque;

/// Nobody holds so still for so long, eyes open; seconds.
const LONG: f64 = 12.0;
/// How often it is looked, seconds.
const EVERY: f64 = 0.1;
/// What noise moves at most: head, degrees; gaze, degrees; lids and jaw.
const LEAST: [f32; 5] = [1.0, 1.0, 1.0, 0.12, 0.06];

/// Watches whether a face moves.
#[derive(Clone, Debug, Default)]
pub struct Still {
    past: VecDeque<(f64, [f32; 5])>,
}

impl Still {
    pub fn forget(&mut self) {
        self.past.clear();
    }

    /// Whether the face has not moved at all for long, `now` in seconds.
    pub fn look(&mut self, face: &Face, now: f64) -> bool {
        if self.past.back().is_none_or(|(at, _)| now - at >= EVERY) {
            let lids = face.weights[Shape::EyeBlinkLeft].max(face.weights[Shape::EyeBlinkRight]);
            let values = [face.head.yaw, face.head.pitch, face.head.roll, lids, face.weights[Shape::JawOpen]];
            self.past.push_back((now, values));
        }
        let mut whole = false;
        while self.past.front().is_some_and(|(at, _)| now - at > LONG) {
            self.past.pop_front();
            whole = true;
        }
        let span = |k: usize| {
            let (low, high) = self.past.iter().fold((f32::MAX, f32::MIN), |(l, h), (_, v)| (l.min(v[k]), h.max(v[k])));
            high - low
        };
        (whole || self.past.front().is_some_and(|(at, _)| now - at > LONG - 2.0 * EVERY))
            && LEAST.iter().enumerate().all(|(k, least)| span(k) < *least)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// When a face that trembles by noise is first told to be still; it blinks every so many seconds.
    fn told(blinks: f64) -> Option<f64> {
        let (mut still, mut rng) = (Still::default(), fastrand::Rng::with_seed(1));
        (0..900).map(|i| f64::from(i) / 30.0).find(|now| {
            let mut face = Face::default();
            face.head.yaw = (rng.f32() - 0.5) * 0.6;
            if now % blinks > blinks - 0.15 {
                face.weights[Shape::EyeBlinkLeft] = 0.8;
            }
            still.look(&face, *now)
        })
    }

    #[test]
    fn a_picture_is_told_after_a_while_and_somebody_who_blinks_never() {
        let at = told(1000.0).unwrap();
        assert!((LONG - 0.5..LONG + 0.5).contains(&at), "{at}");
        assert_eq!(told(6.0), None);
    }
}
