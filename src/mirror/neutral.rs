//! Somebody's face at rest, learned while they are seen.

use super::LANDMARKS;
use super::pose::angles as turned;
use super::solve::Aligned;
use crate::face::HeadPose;
use glam::Vec3;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// A person's face at rest, in the head's frame.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Neutral {
    /// 478 landmarks; head units, with the network's own depths.
    pub points: Vec<Vec3>,
    /// How the head is turned when the person looks at the screen: a camera may stand beside or below it.
    #[serde(with = "angles")]
    pub head: HeadPose,
}

mod angles {
    use crate::face::HeadPose;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub fn serialize<S: Serializer>(head: &HeadPose, to: S) -> Result<S::Ok, S::Error> {
        [head.yaw, head.pitch, head.roll].serialize(to)
    }

    pub fn deserialize<'d, D: Deserializer<'d>>(from: D) -> Result<HeadPose, D::Error> {
        let [yaw, pitch, roll] = Deserialize::deserialize(from)?;
        Ok(HeadPose { yaw, pitch, roll, ..HeadPose::default() })
    }
}

impl Neutral {
    /// Whether it is a face that can be followed.
    pub fn is_sound(&self) -> bool {
        let head = [self.head.yaw, self.head.pitch, self.head.roll];
        self.points.len() == LANDMARKS
            && self.points.iter().all(|p| p.is_finite() && p.abs().max_element() < 10.0)
            && head.iter().all(|a| a.is_finite() && a.abs() < 90.0)
    }

    /// Goes so much of the way to `other`.
    fn approach(&mut self, other: &Neutral, share: f32) {
        self.points.iter_mut().zip(&other.points).for_each(|(p, o)| *p = p.lerp(*o, share));
        for (a, o) in angles_mut(&mut self.head).into_iter().zip(angles_of(&other.head)) {
            *a += (o - *a) * share;
        }
    }

    fn between(&self, upper: usize, lower: usize) -> f32 {
        self.points.get(upper).zip(self.points.get(lower)).map_or(0.0, |(u, l)| u.y - l.y)
    }

    /// How far the lips are apart, head units.
    fn lips(&self) -> f32 {
        self.between(13, 14)
    }

    /// How far the lids are apart, head units.
    fn lids(&self) -> f32 {
        self.between(159, 145) + self.between(386, 374)
    }
}

fn angles_of(head: &HeadPose) -> [f32; 3] {
    [head.yaw, head.pitch, head.roll]
}

fn angles_mut(head: &mut HeadPose) -> [&mut f32; 3] {
    [&mut head.yaw, &mut head.pitch, &mut head.roll]
}

/// How many looks are remembered.
const LOOKS: usize = 120;
/// A face is followed after so many looks: half a second of a usual camera.
const FIRST: usize = 12;
/// Later looks are this far apart, and the face at rest is found anew with each; seconds.
const EVERY: f64 = 0.5;
/// How much of the way to it is gone at each.
const SHARE: f32 = 0.1;

/// Finds the face at rest among those that are seen: nobody is asked to hold still, so it is the usual face with lips together
/// and eyes open.
#[derive(Clone, Debug)]
pub struct Learner {
    looks: VecDeque<Neutral>,
    last: f64,
    /// How far apart looks are, seconds.
    every: f64,
    found: Option<Neutral>,
}

impl Default for Learner {
    fn default() -> Self {
        Self { looks: VecDeque::new(), last: 0.0, every: EVERY, found: None }
    }
}

impl Learner {
    /// For somebody who holds still to be learned.
    pub fn of_every_picture() -> Self {
        Self { every: 0.0, ..Self::default() }
    }

    /// The face at rest as far as it is known; None in the first half second.
    pub fn found(&self) -> Option<&Neutral> {
        self.found.as_ref()
    }

    /// Looks at a face, `now` in seconds.
    pub fn look(&mut self, aligned: Aligned, now: f64) {
        let early = self.looks.len() < FIRST;
        if early || now - self.last >= self.every {
            self.last = now;
            if self.looks.len() == LOOKS {
                self.looks.pop_front();
            }
            let [yaw, pitch, roll] = turned(&aligned.turn);
            let head = HeadPose { yaw, pitch, roll, ..HeadPose::default() };
            self.looks.push_back(Neutral { points: aligned.points, head });
            if self.looks.len() >= FIRST {
                let rest = at_rest(&self.looks);
                match &mut self.found {
                    Some(found) => found.approach(&rest, SHARE),
                    None => self.found = Some(rest),
                }
            }
        }
    }
}

/// The median of the half with the lips nearest together, without those in which the eyes are shut.
fn at_rest(looks: &VecDeque<Neutral>) -> Neutral {
    let mut by_lips: Vec<&Neutral> = looks.iter().collect();
    by_lips.sort_by(|a, b| a.lips().total_cmp(&b.lips()));
    by_lips.truncate(by_lips.len().div_ceil(2));
    by_lips.sort_by(|a, b| b.lids().total_cmp(&a.lids()));
    by_lips.truncate((by_lips.len() * 2).div_ceil(3));
    let median = |of: &dyn Fn(&Neutral) -> f32| {
        let mut all: Vec<f32> = by_lips.iter().map(|n| of(n)).collect();
        let middle = all.len() / 2;
        *all.select_nth_unstable_by(middle, f32::total_cmp).1
    };
    let points = (0..LANDMARKS)
        .map(|i| {
            Vec3::from_array([0, 1, 2].map(|axis| median(&|n: &Neutral| n.points.get(i).map_or(0.0, |p| p[axis]))))
        })
        .collect();
    // Where the head is when it looks at the screen shows in every look.
    let mut head = HeadPose::default();
    for (k, angle) in angles_mut(&mut head).into_iter().enumerate() {
        let mut all: Vec<f32> = looks.iter().map(|n| angles_of(&n.head)[k]).collect();
        let middle = all.len() / 2;
        *angle = *all.select_nth_unstable_by(middle, f32::total_cmp).1;
    }
    Neutral { points, head }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn face(lips: f32, lids: f32, yaw: f32) -> Neutral {
        let mut points = vec![Vec3::ZERO; LANDMARKS];
        (points[13].y, points[159].y, points[386].y) = (lips, lids, lids);
        Neutral { points, head: HeadPose { yaw, ..HeadPose::default() } }
    }

    #[test]
    fn the_face_at_rest_has_its_lips_together_and_its_eyes_open() {
        // Two thirds of the time it speaks, and now and then it blinks.
        let looks: VecDeque<_> = (0..60)
            .map(|i| {
                face(
                    if i % 3 == 0 { 0.01 } else { 0.2 },
                    if i % 10 == 0 { 0.0 } else { 0.3 },
                    f32::from(i % 5 == 0) * 20.0 + 3.0,
                )
            })
            .collect();
        let rest = at_rest(&looks);
        assert!(rest.lips() < 0.05, "{}", rest.lips());
        assert!((rest.lids() - 0.6).abs() < 1e-6, "{}", rest.lids());
        assert_eq!(rest.head.yaw, 3.0);
    }

    #[test]
    fn a_broken_one_is_known() {
        assert!(face(0.0, 0.3, 0.0).is_sound());
        let mut short = face(0.0, 0.3, 0.0);
        short.points.pop();
        assert!(!short.is_sound() && !face(f32::NAN, 0.3, 0.0).is_sound() && !face(0.0, 0.3, 200.0).is_sound());
    }
}
