//! A picture of a face does not move.

use glam::Vec3;
use std::collections::VecDeque;

/// Nobody holds so still for so long, eyes open; seconds.
const LONG: f64 = 12.0;
/// How often it is looked, seconds.
const EVERY: f64 = 0.1;
/// What the noise of a camera moves at most: how the head is turned sideways, up and down, tilted, how far lids and lips are apart; by the
/// distance of the eyes' outer corners. A head that turns by a degree moves the first by 0.012, a blink closes some 0.08.
const LEAST: [f32; 5] = [0.012, 0.012, 0.012, 0.03, 0.015];

/// Watches whether a face moves.
#[derive(Clone, Debug, Default)]
pub struct Still {
    past: VecDeque<(f64, [f32; 5])>,
}

impl Still {
    pub fn forget(&mut self) {
        self.past.clear();
    }

    /// Whether the face has not moved at all for long; `landmarks` in pixels, `now` in seconds.
    pub fn look(&mut self, landmarks: &[Vec3], now: f64) -> bool {
        if self.past.back().is_none_or(|(at, _)| now - at >= EVERY)
            && let Some(values) = values(landmarks)
        {
            self.past.push_back((now, values));
        }
        while self.past.front().is_some_and(|(at, _)| now - at > LONG) {
            self.past.pop_front();
        }
        let span = |k: usize| {
            let (low, high) = self.past.iter().fold((f32::MAX, f32::MIN), |(l, h), (_, v)| (l.min(v[k]), h.max(v[k])));
            high - low
        };
        self.past.front().is_some_and(|(at, _)| now - at > LONG - 2.0 * EVERY)
            && LEAST.iter().enumerate().all(|(k, least)| span(k) < *least)
    }
}

/// See [`LEAST`].
fn values(landmarks: &[Vec3]) -> Option<[f32; 5]> {
    let at = |i: usize| landmarks.get(i).map(|p| p.truncate());
    let (left, right, nose) = (at(33)?, at(263)?, at(1)?);
    let across = right - left;
    let unit = across.length();
    let off = (nose - (left + right) / 2.0) / unit;
    let gap = |a: usize, b: usize| Some((at(a)? - at(b)?).length() / unit);
    let all = [off.x, off.y, across.y / unit, gap(159, 145)? + gap(386, 374)?, gap(13, 14)?];
    all.iter().all(|v| v.is_finite()).then_some(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// When a face that trembles by noise is first told to be still; it blinks every so many seconds.
    fn told(blinks: f64) -> Option<f64> {
        let (mut still, mut rng) = (Still::default(), fastrand::Rng::with_seed(1));
        (0..900).map(|i| f64::from(i) / 30.0).find(|now| {
            let mut landmarks = vec![Vec3::ZERO; 478];
            let mut noise = || (rng.f32() - 0.5) * 0.6;
            landmarks[33] = Vec3::new(100.0 + noise(), 100.0, 0.0);
            landmarks[263] = Vec3::new(190.0, 100.0 + noise(), 0.0);
            landmarks[1] = Vec3::new(145.0, 140.0 + noise(), 0.0);
            let open = if now % blinks > blinks - 0.15 { 1.0 } else { 5.0 };
            landmarks[145].y = open;
            landmarks[374].y = open;
            still.look(&landmarks, *now)
        })
    }

    #[test]
    fn a_picture_is_told_after_a_while_and_somebody_who_blinks_never() {
        let at = told(1000.0).unwrap();
        assert!((LONG - 0.5..LONG + 0.5).contains(&at), "{at}");
        assert_eq!(told(6.0), None);
    }
}
