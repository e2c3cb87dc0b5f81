//! Lips that touch at rest and lids that meet in a blink, on whatever face the template was bent to.

use super::fit::Fit;
use super::surface::smoothstep;
use super::template::{Edge, Template};
use crate::face::Shape;
use glam::{Mat3, Vec3};

/// Head units by which one lip lies over the other, and one lid over the other.
const OVERLAP: f32 = 0.008;

/// Height and depth of an edge at any x, in the head's own frame.
struct Profile(Vec<Vec3>);

impl Profile {
    fn new(edge: &Edge, at: impl Fn(usize) -> Vec3) -> Self {
        let mut points: Vec<Vec3> = edge.iter().map(|v| at(*v)).collect();
        points.sort_by(|a, b| a.x.total_cmp(&b.x));
        Self(points)
    }

    /// The point at `x`; beyond the ends, the ends.
    fn at(&self, x: f32) -> Vec3 {
        let i = self.0.partition_point(|p| p.x <= x);
        match (i.checked_sub(1).and_then(|k| self.0.get(k)), self.0.get(i)) {
            (Some(a), Some(b)) => a.lerp(*b, ((x - a.x) / (b.x - a.x).max(1e-6)).clamp(0.0, 1.0)),
            (Some(p), None) | (None, Some(p)) => *p,
            (None, None) => Vec3::ZERO,
        }
    }

    fn span(&self) -> (f32, f32) {
        (self.0.first().map_or(0.0, |p| p.x), self.0.last().map_or(0.0, |p| p.x))
    }
}

/// Brings the lips of the resting face together, half of the way made by each.
pub fn lips(template: &Template, turn: Mat3, rest: &mut [Vec3]) {
    let (back, lips) = (turn.transpose(), &template.lips);
    for _ in 0..4 {
        let upper = Profile::new(&lips.upper, |v| back * rest[v]);
        let lower = Profile::new(&lips.lower, |v| back * rest[v]);
        let (low, high) = upper.span();
        for (share, reach) in [-0.5, 0.5].into_iter().zip(&lips.reach) {
            for (p, reach) in rest.iter_mut().zip(reach).filter(|(_, r)| **r > 0.0) {
                let x = (back * *p).x;
                let (a, b) = (upper.at(x), lower.at(x));
                let inside = smoothstep(low - 0.06, low + 0.03, x) * (1.0 - smoothstep(high - 0.03, high + 0.06, x));
                let need = (a.y - b.y + OVERLAP).max(0.0) * inside;
                *p += turn * Vec3::new(0.0, share * need * reach, 0.25 * share * (a.z - b.z) * reach * inside);
            }
        }
    }
}

/// Re-scales the blinks so that at weight 1 the upper lid's edge lies on the lower one's, all along the eye. `rest` is the resting
/// face; gives for each eye (the avatar's left, right) the way of each vertex.
pub fn lids(template: &Template, fit: &Fit, rest: &[Vec3]) -> [Vec<Vec3>; 2] {
    let (turn, back) = (fit.turn, fit.turn.transpose());
    [(Shape::EyeBlinkLeft, &template.lids[0]), (Shape::EyeBlinkRight, &template.lids[1])].map(|(shape, lids)| {
        let mut ways = vec![Vec3::ZERO; rest.len()];
        for (_, v, way) in fit.morphs.iter().filter(|(w, ..)| usize::from(*w) == shape as usize) {
            ways[usize::from(*v)] = *way;
        }
        for _ in 0..10 {
            let upper = Profile::new(&lids.upper, |v| back * (rest[v] + ways[v]));
            let lower = Profile::new(&lids.lower, |v| back * (rest[v] + ways[v]));
            for ((way, p), reach) in ways.iter_mut().zip(rest).zip(&lids.reach).filter(|(_, r)| **r > 0.0) {
                let p: Vec3 = *p;
                let x = (back * p).x;
                let (a, b) = (upper.at(x), lower.at(x));
                let miss = Vec3::new(0.0, b.y - OVERLAP - a.y, 0.6 * (b.z + 0.007 - a.z).max(0.0));
                *way += turn * (miss * *reach);
            }
        }
        ways
    })
}
