//! A smooth deformation of space that carries some points to given places: radial basis functions (the biharmonic kernel, r in three
//! dimensions) with an affine part; Carr et al., "Reconstruction and representation of 3D objects with radial basis functions",
//! SIGGRAPH 2001.

use anyhow::{Context, Result};
use glam::{Mat3, Vec3};
use nalgebra::{DMatrix, DVector};

/// x + affine(x) + Σ weight · |x − centre|
pub struct Warp {
    centres: Vec<Vec3>,
    weights: Vec<Vec3>,
    linear: Mat3,
    constant: Vec3,
}

impl Warp {
    /// Carries each of `from` to about its partner in `to`; a larger `slack` (0: exactly) follows noise less.
    ///
    /// # Errors
    /// The points do not span space.
    pub fn fit(from: &[Vec3], to: &[Vec3], slack: f64) -> Result<Self> {
        let n = from.len().min(to.len());
        let size = n + 4;
        let mut system = DMatrix::<f64>::zeros(size, size);
        for i in 0..n {
            for j in 0..i {
                let r = f64::from(from[i].distance(from[j]));
                (system[(i, j)], system[(j, i)]) = (r, r);
            }
            // The kernel is conditionally negative definite: slack has its sign.
            system[(i, i)] = -slack;
            for (k, v) in [1.0, from[i].x, from[i].y, from[i].z].into_iter().enumerate() {
                (system[(i, n + k)], system[(n + k, i)]) = (f64::from(v), f64::from(v));
            }
        }
        let solver = system.lu();
        let mut columns = Vec::new();
        for axis in 0..3 {
            let mut goal = DVector::<f64>::zeros(size);
            (0..n).for_each(|i| goal[i] = f64::from((to[i] - from[i])[axis]));
            columns.push(solver.solve(&goal).context("the landmarks do not span a face")?);
        }
        let row = |i: usize| Vec3::new(columns[0][i] as f32, columns[1][i] as f32, columns[2][i] as f32);
        Ok(Self {
            centres: from[..n].to_vec(),
            weights: (0..n).map(row).collect(),
            constant: row(n),
            linear: Mat3::from_cols(row(n + 1), row(n + 2), row(n + 3)),
        })
    }

    /// Where the point goes.
    pub fn at(&self, x: Vec3) -> Vec3 {
        let bent: Vec3 = self.centres.iter().zip(&self.weights).map(|(c, w)| *w * c.distance(x)).sum();
        x + self.constant + self.linear * x + bent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_go_where_they_shall_and_an_affine_map_is_kept() {
        let mut random = fastrand::Rng::with_seed(3);
        let mut point = || Vec3::new(random.f32(), random.f32(), random.f32()) * 2.0 - 1.0;
        let from: Vec<Vec3> = (0..60).map(|_| point()).collect();
        let moved: Vec<Vec3> = from.iter().map(|p| *p + 0.1 * Vec3::new(p.y * p.y, (3.0 * p.x).sin(), p.z)).collect();
        let warp = Warp::fit(&from, &moved, 0.0).unwrap();
        for (a, b) in from.iter().zip(&moved) {
            assert!(warp.at(*a).distance(*b) < 1e-4);
        }
        let affine = |p: Vec3| Vec3::new(1.1 * p.x + 0.2 * p.y, p.y - 0.3, 0.9 * p.z + 0.1 * p.x);
        let warp = Warp::fit(&from, &from.iter().map(|p| affine(*p)).collect::<Vec<_>>(), 0.01).unwrap();
        let far = Vec3::new(2.0, -3.0, 1.5);
        assert!(warp.at(far).distance(affine(far)) < 1e-3);
    }
}
