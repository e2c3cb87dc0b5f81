//! Teeth, tongue, mouth and eyes of the template, in the photographed head.

use super::fit::{Fit, Place};
use super::layers::{Ball, IRIS, facing};
use super::surface::Part;
use super::template::{Mesh, Template};
use glam::{Mat3, Vec2, Vec3};

/// The mouth's inside: template's, stretched to the width of the resting lips and put behind them.
pub fn mouth(template: &Template, fit: &Fit, rest: &[Vec3]) -> impl Fn(&Mesh) -> Part {
    let lips = &template.lips;
    let ends = |at: &dyn Fn(usize) -> Vec3| {
        let all = || lips.upper.iter().chain(&lips.lower);
        let middle = all().map(|v| at(*v)).sum::<Vec3>() / all().count().max(1) as f32;
        let first = lips.upper.first().map_or(Vec3::ZERO, |v| at(*v));
        let last = lips.upper.last().map_or(Vec3::X, |v| at(*v));
        (middle, last.distance(first))
    };
    let (middle, width) = ends(&|v| template.face.positions[v]);
    let (goal, goal_width) = ends(&|v| rest[v]);
    let wide = (goal_width / width.max(1e-3)).clamp(0.8, 1.35);
    let turn = fit.turn * Mat3::from_diagonal(Vec3::new(wide, 1.0, 1.0));
    move |mesh| {
        let positions: Vec<Vec3> = mesh.positions.iter().map(|p| goal + turn * (*p - middle)).collect();
        let morphs = mesh.morphs.iter().map(|(w, v, way)| (*w, *v, turn * *way)).collect();
        let head = vec![1.0; positions.len()];
        Part { mesh: Mesh { positions, morphs, ..mesh.clone() }, head, keys: None }
    }
}

/// One eyeball. It stands where the iris is seen, so that it looks where it looked.
pub fn eye(template: &Template, fit: &Fit, side: usize) -> (Ball, Part) {
    let (mesh, centre) = &template.eyes[side];
    let bent = fit.warp.at(fit.turn * *centre);
    let own = mesh.positions.iter().map(|p| p.distance(*centre)).fold(0.0, f32::max).max(1e-3);
    let radius = (fit.iris_radius / IRIS).clamp(0.88 * own, 1.12 * own);
    // The front of the ball stays where the lids expect it.
    let depth = bent.z + own - radius;
    let iris = fit.irises[side];
    let seen = Place::unproject(iris, depth + radius);
    let off = (seen.truncate() - bent.truncate()).clamp_length_max(0.45 * radius);
    let centre_now = (bent.truncate() + off).extend(depth);
    // The template's ball looks at the camera from its own place.
    let turn = facing(centre_now) * facing(*centre).transpose();
    let positions: Vec<Vec3> =
        mesh.positions.iter().map(|p| centre_now + turn * (*p - *centre) * (radius / own)).collect();
    let head = vec![1.0; positions.len()];
    let part = Part { mesh: Mesh { positions, morphs: Vec::new(), ..mesh.clone() }, head, keys: None };
    (Ball { side, centre: centre_now, radius }, part)
}

/// Width of the lids' opening over its height: small where the eyes are closed.
pub fn openness(template: &Template, fit: &Fit, side: usize) -> f32 {
    let lids = &template.lids[side];
    let flat = |v: &usize| Place::project(fit.photographed[*v]);
    let upper: Vec<Vec2> = lids.upper.iter().map(flat).collect();
    let lower: Vec<Vec2> = lids.lower.iter().map(flat).collect();
    let (Some(first), Some(last)) = (upper.first(), upper.last()) else { return 0.0 };
    let middle = |line: &[Vec2]| line.get(line.len() / 2).copied().unwrap_or_default();
    middle(&upper).distance(middle(&lower)) / first.distance(*last).max(1e-3)
}
