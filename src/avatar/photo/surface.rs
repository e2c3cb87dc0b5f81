//! The person's mesh: the fitted face, joined with an outer surface (hair, ears, neck, clothes) wherever the matte is.

use super::close;
use super::fit::{Fit, Place};
use super::raster::Raster;
use super::template::{Mesh, Template};
use crate::face::{self, Shape};
use anyhow::{Result, anyhow};
use glam::{Vec2, Vec3};
use spade::{ConstrainedDelaunayTriangulation, Point2, Triangulation};

/// Head units between the points of the outer surface.
const GRID: f32 = 0.13;
/// How far past the matte the surface goes, head units.
const REACH: f32 = 0.16;
/// Ways shorter than this are none, head units.
const SMALLEST: f32 = 2e-4;

/// A part of the avatar as it is written.
#[derive(Clone, Debug, Default)]
pub struct Part {
    pub mesh: Mesh,
    pub head: Vec<f32>,
    /// Where each vertex is in the picture of the closed eyes, and how much of it it takes: the avatar's left, right.
    pub keys: Option<[(Vec<Vec2>, Vec<f32>); 2]>,
}

/// The body of the avatar, and the resting face that it begins with.
pub fn body(template: &Template, fit: &Fit, matte: &Raster) -> Result<(Part, Vec<Vec3>)> {
    let mut rest = fit.rest();
    if !fit.closed {
        close::lips(template, fit.turn, &mut rest);
    }
    let blinks = close::lids(template, fit, &rest);
    let n = rest.len();

    let flat: Vec<Vec2> = fit.photographed.iter().map(|p| Place::project(*p)).collect();
    let rim: Vec<Vec2> = template.rim.iter().map(|v| flat[*v]).collect();
    let outer = outer_points(&rim, matte);
    let (outer, triangles) = join(&rim, outer)?;

    let depths = depths(template, fit, &rim, &outer, &triangles);
    let photographed = outer.iter().zip(&depths).map(|(p, z)| Place::unproject(*p, *z));

    // An outer vertex goes with the nearest of the face, the less the farther it is.
    let near: Vec<Vec<(usize, f32)>> = photographed.clone().map(|p| neighbours(p, &fit.photographed)).collect();
    let mut dense = vec![vec![Vec3::ZERO; n]; face::COUNT];
    for (weight, v, way) in &fit.morphs {
        dense[usize::from(*weight)][usize::from(*v)] = *way;
    }
    dense[Shape::EyeBlinkLeft as usize].copy_from_slice(&blinks[0]);
    dense[Shape::EyeBlinkRight as usize].copy_from_slice(&blinks[1]);
    let lent = |ways: &[Vec3], near: &[(usize, f32)]| near.iter().map(|(v, s)| ways[*v] * *s).sum::<Vec3>();
    let moved: Vec<Vec3> = rest.iter().zip(&fit.photographed).map(|(a, b)| *a - *b).collect();
    let resting_outer = photographed.zip(&near).map(|(p, near)| p + lent(&moved, near));

    let mut mesh = Mesh { positions: rest.iter().copied().chain(resting_outer).collect(), ..Mesh::default() };
    let uv = flat.iter().chain(&outer).map(|p| matte.uv(*p).clamp(Vec2::ZERO, Vec2::ONE));
    mesh.uv = uv.collect();
    for (weight, ways) in dense.iter().enumerate() {
        let outer = near.iter().map(|near| lent(ways, near));
        let all = ways.iter().copied().chain(outer).enumerate();
        let moving = all.filter(|(_, way)| way.abs().max_element() > SMALLEST);
        mesh.morphs.extend(moving.map(|(v, way)| (weight as u8, v as u16, way)));
    }
    let corner = |i: usize| template.rim.get(i).copied().unwrap_or(n + i - template.rim.len()) as u32;
    mesh.triangles = template.face.triangles.clone();
    mesh.triangles.extend(triangles.iter().map(|t| t.map(corner)));

    let chin = rim.iter().map(|p| p.y).fold(f32::INFINITY, f32::min);
    let follows = |p: &Vec3| {
        let d = fit.photographed.iter().map(|f| f.distance_squared(*p)).fold(f32::INFINITY, f32::min).sqrt();
        smoothstep(chin - 1.05, chin + 0.15, p.y).max(smoothstep(0.45, 0.05, d))
    };
    let head = mesh.positions.iter().enumerate().map(|(i, p)| if i < n { 1.0 } else { follows(p) }).collect();
    let keys = [0, 1].map(|eye| {
        let centre = template.eyes[eye].1;
        let centre = fit.warp.at(fit.turn * centre);
        let ways = &blinks[eye];
        let at = |i: usize| {
            let p = mesh.positions[i];
            let way = ways.get(i).copied().unwrap_or_else(|| lent(ways, &near[i - n]));
            let d = (p - centre).truncate() / Vec2::new(0.50, 0.36) + Vec2::new(0.0, 0.05);
            (matte.uv(Place::project(p + way)).clamp(Vec2::ZERO, Vec2::ONE), smoothstep(1.15, 0.80, d.length()))
        };
        (0..mesh.positions.len()).map(at).unzip()
    });
    Ok((Part { mesh, head, keys: Some(keys) }, rest))
}

/// A staggered grid wherever the matte is or nearly is, outside of the face's rim.
fn outer_points(rim: &[Vec2], matte: &Raster) -> Vec<Vec2> {
    let near = matte.dilated(REACH);
    let (low, high) = matte.span();
    let mut out = Vec::new();
    let rows = ((high.y - low.y) / GRID).ceil() as i32;
    let columns = ((high.x - low.x) / GRID).ceil() as i32;
    for row in -1..=rows + 1 {
        for column in -2..=columns + 2 {
            let x = low.x + (column as f32 + 0.5 * (row & 1) as f32) * GRID;
            let p = Vec2::new(x, low.y + row as f32 * GRID);
            if near.at(p.clamp(low, high)) > 0.5 && signed_distance(rim, p) > 0.45 * GRID {
                out.push(p);
            }
        }
    }
    out
}

/// Distance to a closed line, negative inside.
fn signed_distance(rim: &[Vec2], p: Vec2) -> f32 {
    let (mut nearest, mut inside) = (f32::INFINITY, false);
    for (i, a) in rim.iter().enumerate() {
        let b = rim[(i + 1) % rim.len()];
        let along = ((p - *a).dot(b - *a) / (b - *a).length_squared().max(1e-12)).clamp(0.0, 1.0);
        nearest = nearest.min(p.distance(a.lerp(b, along)));
        if (a.y > p.y) != (b.y > p.y) && p.x < (b.x - a.x) * (p.y - a.y) / (b.y - a.y) + a.x {
            inside = !inside;
        }
    }
    if inside { -nearest } else { nearest }
}

/// Triangles over the rim (first) and the outer points, counter-clockwise from the camera, none of them inside the rim.
fn join(rim: &[Vec2], outer: Vec<Vec2>) -> Result<(Vec<Vec2>, Vec<[usize; 3]>)> {
    let all: Vec<Vec2> = rim.iter().copied().chain(outer).collect();
    let point = |p: &Vec2| Point2::new(f64::from(p.x), f64::from(p.y));
    let n = rim.len();
    let folded = || anyhow!("the head is turned too far from the camera; use a photo that shows it from the front");
    let mut mesh = ConstrainedDelaunayTriangulation::<Point2<f64>>::new();
    // Its handles are the points' places only while no point comes twice.
    for p in &all {
        mesh.insert(point(p)).map_err(|_| folded())?;
    }
    if mesh.num_vertices() != all.len() {
        return Err(folded());
    }
    let handles: Vec<_> = mesh.fixed_vertices().collect();
    for i in 0..n {
        let (a, b) = (handles[i], handles[(i + 1) % n]);
        if !mesh.can_add_constraint(a, b) {
            return Err(folded());
        }
        mesh.add_constraint(a, b);
    }
    let mut triangles = Vec::new();
    for f in mesh.inner_faces() {
        let t = f.vertices().map(|v| v.index());
        let [a, b, c] = t.map(|i| all[i]);
        let longest = a.distance(b).max(b.distance(c)).max(c.distance(a));
        if longest < 3.5 * GRID && signed_distance(rim, (a + b + c) / 3.0) > 0.0 {
            triangles.push(t);
        }
    }
    Ok((all[n..].to_vec(), triangles))
}

/// How deep the outer points lie: as the template's head, neck and shoulders do, continuous with the face's rim.
fn depths(template: &Template, fit: &Fit, rim: &[Vec2], outer: &[Vec2], triangles: &[[usize; 3]]) -> Vec<f32> {
    let bent = |p: &Vec3| {
        let p = fit.turn * *p;
        // The bend is known on the face only; away from it, it fades.
        let d = fit.photographed.iter().map(|f| f.distance_squared(p)).fold(f32::INFINITY, f32::min);
        p.lerp(fit.warp.at(p), (-d / 0.6).exp())
    };
    let head: Vec<(Vec2, f32)> = template.head.iter().map(bent).map(|p| (Place::project(p), p.z)).collect();
    let sample = |at: Vec2| {
        let near = |radius: f32| head.iter().filter(move |(p, _)| p.distance_squared(at) < radius * radius);
        let front = near(0.4).map(|(_, z)| *z).fold(f32::NEG_INFINITY, f32::max);
        if front.is_finite() {
            let (mut sum, mut total) = (0.0, 0.0);
            for (p, z) in near(0.4).filter(|(_, z)| *z > front - 0.45) {
                let share = (-p.distance_squared(at) / 0.025).exp() + 1e-6;
                (sum, total) = (sum + share * z, total + share);
            }
            return sum / total;
        }
        // Beside the head: hair, or clothes; it falls back slowly.
        let nearest = head.iter().map(|(p, z)| (p.distance(at), *z)).min_by(|a, b| a.0.total_cmp(&b.0));
        nearest.map_or(-1.0, |(d, z)| (z - 0.3 * d).max(-2.2))
    };
    let rim_z: Vec<f32> = template.rim.iter().map(|v| fit.photographed[*v].z).collect();
    let miss: Vec<f32> = rim.iter().zip(&rim_z).map(|(p, z)| z - sample(*p)).collect();
    let mut z = rim_z.clone();
    z.extend(outer.iter().map(|p| {
        let mut near: Vec<(f32, f32)> = rim.iter().zip(&miss).map(|(r, m)| (r.distance(*p), *m)).collect();
        near.sort_by(|a, b| a.0.total_cmp(&b.0));
        let share = |d: f32| (-(d / (1.5 * GRID)).powi(2)).exp() + 1e-9;
        let total: f32 = near.iter().take(6).map(|(d, _)| share(*d)).sum();
        let mean: f32 = near.iter().take(6).map(|(d, m)| share(*d) * m).sum::<f32>() / total;
        sample(*p) + mean * (-(near[0].0 / (3.0 * GRID)).powi(2)).exp()
    }));
    // Smoothed over the mesh, the rim held: no scallops along the cheek when the head turns.
    let mut sums = vec![(0.0f32, 0u32); z.len()];
    for _ in 0..10 {
        sums.fill((0.0, 0));
        for t in triangles {
            for (a, b) in [(t[0], t[1]), (t[1], t[2]), (t[2], t[0])] {
                sums[a] = (sums[a].0 + z[b], sums[a].1 + 1);
                sums[b] = (sums[b].0 + z[a], sums[b].1 + 1);
            }
        }
        for (z, (sum, count)) in z.iter_mut().zip(&sums).skip(rim.len()) {
            *z += 0.6 * (sum / (*count).max(1) as f32 - *z) * f32::from(*count > 0);
        }
    }
    z.split_off(rim.len())
}

/// The ten nearest face vertices and how much an outer point goes with each.
fn neighbours(p: Vec3, face: &[Vec3]) -> Vec<(usize, f32)> {
    let mut all: Vec<(f32, usize)> = face.iter().enumerate().map(|(i, f)| (f.distance(p), i)).collect();
    let k = 10.min(all.len());
    if k < all.len() {
        all.select_nth_unstable_by(k, |a, b| a.0.total_cmp(&b.0));
    }
    all.truncate(k);
    let nearest = all.iter().map(|a| a.0).fold(f32::INFINITY, f32::min);
    let share = |d: f32| (-(d / 0.22).powi(2)).exp() + 1e-9;
    let total: f32 = all.iter().map(|(d, _)| share(*d)).sum();
    let fade = (-((nearest - 0.06).max(0.0) / 0.40).powi(2)).exp();
    all.iter().map(|(d, i)| (*i, fade * share(*d) / total)).collect()
}

/// 0 at `a`, 1 at `b`, whichever is larger.
pub fn smoothstep(a: f32, b: f32, x: f32) -> f32 {
    let t = ((x - a) / (b - a)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}
