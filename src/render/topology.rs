//! What follows from a body's triangles alone: its holes, its edges, which triangles never move.

use crate::avatar::{Avatar, Material, Part, Place};
use glam::{Vec2, Vec3};
use std::collections::BTreeMap;

/// What shows through a hole of the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Behind {
    /// 0: the avatar's own left eye.
    Eye(usize),
    Mouth,
    Other,
}

/// An edge of a hole: `a` and `b` are places in [`Topology::rim`], `inward` is the body vertex on the other side.
pub(super) struct HoleEdge {
    pub a: u32,
    pub b: u32,
    pub inward: u32,
    pub behind: Behind,
}

/// An edge between two triangles.
pub(super) struct Fold {
    pub a: u32,
    pub b: u32,
    pub triangles: [u32; 2],
    /// The third vertex of each triangle.
    pub apex: [u32; 2],
}

/// How a triangle is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cover {
    Nothing,
    Soft,
    Opaque,
}

pub(super) struct Topology {
    /// Body vertices on the edge of a hole.
    pub rim: Vec<u32>,
    /// What shows through the hole that each of them bounds.
    pub rim_behind: Vec<Behind>,
    pub holes: Vec<HoleEdge>,
    pub folds: Vec<Fold>,
    pub cover: Vec<Cover>,
    /// Triangles that no face moves.
    pub still: Vec<bool>,
    /// How far each vertex is inside the lips, 0..1: it falls into the shade as the mouth opens.
    pub lip: Vec<f32>,
    /// 1 for what the lips hide at rest: the portrait shows something else in its place, so it is drawn dark.
    pub hidden: Vec<f32>,
}

/// A renderer's noise must not make the inside of a person see-through.
const OPAQUE: u8 = 250;
/// How far from the edge of the mouth the lips are in its shade, in head units.
const LIP_DEPTH: f32 = 0.09;

impl Topology {
    pub fn new(avatar: &Avatar, body: &Part) -> Self {
        let n = body.positions.len();
        let mut moves: Vec<bool> = body.head.iter().map(|h| *h > 0.0).collect();
        for (v, d) in body.morphs.iter().flat_map(|m| &m.deltas) {
            if d.length() > 1e-4 {
                moves[*v as usize] = true;
            }
        }
        let cover: Vec<Cover> = body.triangles.iter().map(|t| cover(avatar, body, t)).collect();
        let still = body.triangles.iter().map(|t| t.iter().all(|v| !moves[*v as usize])).collect();

        // Both ends of an edge, its triangle, and that triangle's third vertex.
        let mut edges: Vec<[u32; 4]> = Vec::with_capacity(body.triangles.len() * 3);
        for (t, [a, b, c]) in body.triangles.iter().enumerate() {
            edges.extend([(*a, *b, *c), (*b, *c, *a), (*c, *a, *b)].map(|(a, b, c)| [a.min(b), a.max(b), t as u32, c]));
        }
        edges.sort_unstable();
        let mut folds = Vec::new();
        let mut open = Vec::new();
        for sides in edges.chunk_by(|e, f| e[..2] == f[..2]) {
            match *sides {
                [[a, b, t, c]] if cover[t as usize] == Cover::Opaque => open.push((a, b, c)),
                [[a, b, t, c], [_, _, u, d]]
                    if cover[t as usize] != Cover::Nothing || cover[u as usize] != Cover::Nothing =>
                {
                    folds.push(Fold { a, b, triangles: [t, u], apex: [c, d] });
                }
                _ => {}
            }
        }

        // Edges of one hole hang together.
        let mut group: Vec<u32> = (0..n as u32).collect();
        for (a, b, _) in &open {
            let (a, b) = (root(&mut group, *a), root(&mut group, *b));
            group[a as usize] = b;
        }
        let mut holes_by_group: BTreeMap<u32, Vec<(u32, u32, u32)>> = BTreeMap::new();
        for edge in open {
            let g = root(&mut group, edge.0);
            holes_by_group.entry(g).or_default().push(edge);
        }
        let (mut rim, mut rim_behind, mut holes) = (Vec::new(), Vec::new(), Vec::new());
        let mut place = vec![u32::MAX; n];
        for edges in holes_by_group.values() {
            let middle =
                edges.iter().map(|e| body.positions[e.0 as usize] + body.positions[e.1 as usize]).sum::<Vec3>()
                    / (2 * edges.len()) as f32;
            let behind = behind(avatar, middle);
            for &(a, b, inward) in edges {
                let [a, b] = [a, b].map(|v| {
                    if place[v as usize] == u32::MAX {
                        place[v as usize] = rim.len() as u32;
                        rim.push(v);
                        rim_behind.push(behind);
                    }
                    place[v as usize]
                });
                holes.push(HoleEdge { a, b, inward, behind });
            }
        }
        let lip = lip(body, &rim, &rim_behind);
        Self { rim, rim_behind, holes, folds, cover, still, lip, hidden: hidden(body) }
    }
}

fn root(group: &mut [u32], mut v: u32) -> u32 {
    while group[v as usize] != v {
        group[v as usize] = group[group[v as usize] as usize];
        v = group[v as usize];
    }
    v
}

/// Where the mouth is found where the avatar has no mouth parts, in head units.
const MOUTH: Vec3 = Vec3::new(0.0, -1.1, 0.0);

fn behind(avatar: &Avatar, middle: Vec3) -> Behind {
    let near = |p: Vec3, reach: f32| (p - middle).truncate().length() < reach;
    let eye = avatar.parts.iter().find(|p| p.material == Material::Eye && near(p.centre, 0.4));
    match eye {
        Some(eye) => Behind::Eye(usize::from(eye.place == Place::EyeRight)),
        None if near(MOUTH, 0.6) => Behind::Mouth,
        None => Behind::Other,
    }
}

/// What the matte says about the pixels that a triangle can touch.
fn cover(avatar: &Avatar, body: &Part, triangle: &[u32; 3]) -> Cover {
    let size = Vec2::new(avatar.matte.width() as f32, avatar.matte.height() as f32);
    let corners = triangle.map(|v| body.uv[v as usize] * size);
    let low = (corners[0].min(corners[1]).min(corners[2]) - 1.5).clamp(Vec2::ZERO, size - 1.0).as_uvec2();
    let high = (corners[0].max(corners[1]).max(corners[2]) + 1.5).clamp(Vec2::ZERO, size - 1.0).as_uvec2();
    let (mut least, mut most) = (u8::MAX, 0);
    let rows = avatar.matte.as_raw().chunks_exact(avatar.matte.width() as usize);
    for row in rows.take(high.y as usize + 1).skip(low.y as usize) {
        for v in &row[low.x as usize..=high.x as usize] {
            (least, most) = (least.min(*v), most.max(*v));
        }
    }
    if most == 0 {
        Cover::Nothing
    } else if least >= OPAQUE {
        Cover::Opaque
    } else {
        Cover::Soft
    }
}

fn lip(body: &Part, rim: &[u32], rim_behind: &[Behind]) -> Vec<f32> {
    let at = |v: &u32| body.positions[*v as usize];
    let mouth: Vec<Vec3> = rim.iter().zip(rim_behind).filter(|r| *r.1 == Behind::Mouth).map(|r| at(r.0)).collect();
    let near = |p: &Vec3| mouth.iter().map(|m| m.distance_squared(*p)).fold(f32::INFINITY, f32::min).sqrt();
    body.positions
        .iter()
        // Most of a person is far from the mouth.
        .map(|p| if (*p - MOUTH).length() < 1.5 { (1.0 - near(p) / LIP_DEPTH).max(0.0) } else { 0.0 })
        .collect()
}

/// Which vertices around the mouth lie behind another part of the body in the portrait.
fn hidden(body: &Part) -> Vec<f32> {
    // The nostrils, a little higher, hide their own inside well enough.
    let near = |v: u32| ((body.positions[v as usize] - MOUTH).truncate() / Vec2::new(0.6, 0.35)).length() < 1.0;
    let at = |v: u32| body.uv[v as usize];
    // With the corners of each, because most are far from most.
    let around = body.triangles.iter().filter(|t| t.iter().any(|v| near(*v))).map(|t| {
        let [a, b, c] = t.map(at);
        (t, a.min(b).min(c), a.max(b).max(c))
    });
    let around: Vec<_> = around.collect();
    let mut hidden = vec![0.0; body.positions.len()];
    for v in (0..hidden.len() as u32).filter(|v| near(*v)) {
        let p = at(v);
        let mut reach =
            around.iter().filter(|(t, low, high)| p.cmpge(*low).all() && p.cmple(*high).all() && !t.contains(&v));
        let behind = reach.any(|(t, ..)| {
            let [a, b, c] = t.map(at);
            let area = (b - a).perp_dot(c - a);
            let (wb, wc) = ((p - a).perp_dot(c - a) / area, (b - a).perp_dot(p - a) / area);
            let wa = 1.0 - wb - wc;
            let z = |v: u32| body.positions[v as usize].z;
            wa.min(wb).min(wc) >= 0.0 && wa * z(t[0]) + wb * z(t[1]) + wc * z(t[2]) > z(v) + HIDDEN_BY
        });
        hidden[v as usize] = f32::from(u8::from(behind));
    }
    hidden
}

/// Head units by which one surface must lie before another to hide it; less is the lips' own thickness of touching.
const HIDDEN_BY: f32 = 0.02;
