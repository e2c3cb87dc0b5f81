//! Meshes that a face's weights move.

use super::pose::Pose;
use crate::avatar::{Morph, Part};
use glam::Vec3;

/// A mesh that faces move, at rest.
pub(super) struct Mesh {
    pub rest: Vec<Vec3>,
    pub normals: Vec<Vec3>,
    pub head: Vec<f32>,
    morphs: Vec<Morph>,
    /// Where the vertices are in the present face.
    pub now: Vec<Vec3>,
}

impl Mesh {
    pub fn new(part: &Part) -> Self {
        Self {
            rest: part.positions.clone(),
            normals: normals(part),
            head: part.head.clone(),
            morphs: part.morphs.clone(),
            now: part.positions.clone(),
        }
    }

    pub fn morph(&mut self, pose: &Pose) {
        self.now.copy_from_slice(&self.rest);
        for morph in &self.morphs {
            let weight = pose.weights[morph.weight];
            if weight > 0.0 {
                for (v, d) in &morph.deltas {
                    self.now[*v as usize] += *d * weight;
                }
            }
        }
    }
}

fn normals(part: &Part) -> Vec<Vec3> {
    let mut sum = vec![Vec3::ZERO; part.positions.len()];
    for t in &part.triangles {
        let [a, b, c] = t.map(|v| part.positions[v as usize]);
        let n = (b - a).cross(c - a);
        t.iter().for_each(|v| sum[*v as usize] += n);
    }
    sum.into_iter().map(|n| n.normalize_or(Vec3::Z)).collect()
}

/// Hermite's smooth step from 0 at `low` to 1 at `high`; `low` may be the larger.
pub(super) fn smoothstep(low: f32, high: f32, x: f32) -> f32 {
    let t = ((x - low) / (high - low)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}
