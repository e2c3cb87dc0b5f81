//! The geometry of one frame: morphed, posed and projected on the CPU.
//!
//! A face moves a few thousand sparse deltas, which costs a fraction of a millisecond here and would cost a CPU adapter
//! more as a shader; and knowing every pixel place lets strips along edges stand in for multisampling.

use super::lens::Lens;
use super::morph::{Mesh, smoothstep};
use super::opening::Opening;
use super::pose::Pose;
use super::topology::{Behind, Topology};
use crate::avatar::{Avatar, Part};
use crate::face::Shape;
use bytemuck::{Pod, Zeroable};
use glam::{Vec2, Vec3, Vec4};

/// A vertex of the body or of a strip.
#[derive(Clone, Copy, Debug, Default, Pod, Zeroable)]
#[repr(C)]
pub(super) struct SkinVertex {
    pub place: Vec4,
    pub uv: Vec2,
    /// Opacity and light.
    pub tone: Vec2,
}

/// Strips along edges, at most; more edges than this never bound a face.
pub(super) const MAX_STRIPS: usize = 4096;

/// One picture that is laid over parts of the body, and the keys that show it.
pub(super) struct Overlay {
    /// Body vertices that may take it.
    pub vertices: Vec<u32>,
    /// Weight, and for each of `vertices` its place in the picture and its mask.
    pub keys: Vec<(usize, Vec<(Vec2, f32)>)>,
}

/// The body and what is laid over it.
pub(super) struct Body {
    mesh: Mesh,
    uv: Vec<Vec2>,
    pub topology: Topology,
    pub overlays: Vec<Overlay>,
    triangles: Vec<[u32; 3]>,
    light: Vec3,
    clip: Vec<Vec4>,
    pixel: Vec<Vec2>,
    facing: Vec<bool>,
    outward: Vec<Vec2>,
    /// Vertices whose pixels can change.
    moving: Vec<u32>,
    skin: Vec<SkinVertex>,
}

/// What one frame of the body came to.
#[derive(Clone, Debug, Default)]
pub(super) struct Drawn {
    /// Corners of what can differ from the background, in pixels.
    pub low: Vec2,
    pub high: Vec2,
    /// Quads of soft edges, at the end of the vertices.
    pub edges: u32,
    /// 0..1
    pub mouth_open: f32,
    /// The avatar's own left and right eye.
    pub eyes: [Opening; 2],
    /// Whether each of them is on its way to being closed.
    pub blinks: [bool; 2],
    pub mouth: Opening,
}

/// Head units squared between the lips of an open mouth.
const OPEN_MOUTH: f32 = 0.12;

impl Body {
    /// A body that nothing is laid over yet.
    pub fn new(avatar: &Avatar, part: &Part, uv: Vec<Vec2>, bake: bool) -> Self {
        let mut topology = Topology::new(avatar, part);
        if !bake {
            topology.still.fill(false);
        }
        let mut moves = vec![false; part.positions.len()];
        for (t, triangle) in part.triangles.iter().enumerate() {
            if !topology.still[t] && topology.cover[t] != super::topology::Cover::Nothing {
                triangle.iter().for_each(|v| moves[*v as usize] = true);
            }
        }
        let n = part.positions.len();
        Self {
            mesh: Mesh::new(part),
            uv,
            overlays: Vec::new(),
            triangles: part.triangles.clone(),
            light: avatar.light,
            clip: vec![Vec4::ZERO; n],
            pixel: vec![Vec2::ZERO; n],
            facing: vec![true; part.triangles.len()],
            outward: vec![Vec2::ZERO; topology.rim.len()],
            moving: (0..n as u32).filter(|v| moves[*v as usize]).collect(),
            skin: vec![SkinVertex::default(); n],
            topology,
        }
    }

    /// The most vertices that a frame can have.
    pub fn capacity(&self) -> usize {
        self.backing_base() as usize + self.topology.rim.len() + 3 + 4 * MAX_STRIPS
    }

    /// Morphs and projects; then writes the body, the overlays one after another, the shadows and the soft edges.
    pub fn draw(&mut self, pose: &Pose, lens: &Lens, antialias: bool, out: &mut Vec<SkinVertex>) -> Drawn {
        self.mesh.morph(pose);
        let mut drawn = Drawn { mouth_open: self.mouth_open(), ..Drawn::default() };
        let head = pose.head();
        for (i, p) in self.mesh.now.iter().enumerate() {
            let share = self.mesh.head[i];
            self.clip[i] = lens.clip(pose.apply(*p, share));
            self.pixel[i] = lens.pixel(self.clip[i]);
            // The portrait has its light in it; turning the head only shifts that a little.
            let normal = self.mesh.normals[i];
            let turn = (head * normal - normal).dot(self.light) * share;
            let inside = (self.topology.lip[i] * drawn.mouth_open).max(1.2 * self.topology.hidden[i]);
            let light = (1.0 + 0.22 * turn.clamp(-0.6, 0.6)) * (1.0 - 0.55 * inside);
            self.skin[i] = SkinVertex { place: self.clip[i], uv: self.uv[i], tone: Vec2::new(1.0, light) };
        }
        (drawn.low, drawn.high) = (Vec2::INFINITY, Vec2::NEG_INFINITY);
        for v in &self.moving {
            let p = self.pixel[*v as usize];
            (drawn.low, drawn.high) = (drawn.low.min(p), drawn.high.max(p));
        }
        out.extend_from_slice(&self.skin);
        for overlay in &self.overlays {
            for (i, v) in overlay.vertices.iter().enumerate() {
                let (mut uv, mut sum) = (Vec2::ZERO, 0.0);
                for (weight, at) in &overlay.keys {
                    let share = fade(pose.weights[*weight]) * at[i].1;
                    uv += at[i].0 * share;
                    sum += share;
                }
                let uv = if sum > 0.0 { uv / sum } else { overlay.keys.first().map_or(uv, |k| k.1[i].0) };
                let skin = self.skin[*v as usize];
                out.push(SkinVertex { place: skin.place, uv, tone: Vec2::new(sum.min(1.0), skin.tone.y) });
            }
        }
        self.backing(out);
        let unit = lens.pixels_per_unit();
        self.find_outward();
        drawn.eyes = [0, 1].map(|eye| self.opening(Behind::Eye(eye)));
        drawn.mouth = self.opening(Behind::Mouth);
        drawn.blinks = [Shape::EyeBlinkLeft, Shape::EyeBlinkRight].map(|s| pose.weights[s as usize] > 0.15);
        drawn.edges = self.soft_edges(lens, unit, antialias, out);
        drawn
    }

    /// Whether an overlay shows anything in this pose.
    pub fn overlay_shows(overlay: &Overlay, pose: &Pose) -> bool {
        overlay.keys.iter().any(|(weight, _)| pose.weights[*weight] > 0.0)
    }

    /// The area between the lips, from its outline (the shoelace formula needs no order of the edges, only their sides).
    fn mouth_open(&self) -> f32 {
        let at = |v: u32| self.mesh.now[v as usize].truncate();
        let rim = &self.topology.rim;
        let mut area = 0.0;
        for e in self.topology.holes.iter().filter(|e| e.behind == Behind::Mouth) {
            let (a, b, c) = (at(rim[e.a as usize]), at(rim[e.b as usize]), at(e.inward));
            let sign = (b - a).perp_dot(c - a).signum();
            area -= sign * a.perp_dot(b) * 0.5;
        }
        (area / OPEN_MOUTH).clamp(0.0, 1.0)
    }

    /// For each vertex of a hole's rim, the direction into the hole, in pixels.
    fn find_outward(&mut self) {
        self.outward.fill(Vec2::ZERO);
        for e in &self.topology.holes {
            let at = |v: u32| self.pixel[self.topology.rim[v as usize] as usize];
            let (a, b, c) = (at(e.a), at(e.b), self.pixel[e.inward as usize]);
            let along = b - a;
            let mut n = Vec2::new(along.y, -along.x);
            if n.dot(c - a) > 0.0 {
                n = -n;
            }
            // Long edges count for more.
            self.outward[e.a as usize] += n;
            self.outward[e.b as usize] += n;
        }
        for n in &mut self.outward {
            *n = n.normalize_or_zero();
        }
    }

    /// What is behind a hole where the eye or the mouth's inside ends: around an eye the portrait itself, which shows its
    /// corners as they are, and in the mouth the dark of the lips. One vertex for each of the rim, then one for the middle
    /// of each hole.
    fn backing(&self, out: &mut Vec<SkinVertex>) {
        let mut middles = [(Vec4::ZERO, Vec2::ZERO, 0.0f32); 3];
        for (v, behind) in self.topology.rim.iter().zip(&self.topology.rim_behind) {
            let skin = self.skin[*v as usize];
            if let Some(hole) = hole_number(*behind) {
                let m = &mut middles[hole];
                *m = (m.0 + skin.place, m.1 + skin.uv, m.2 + 1.0);
            }
            out.push(SkinVertex { tone: Vec2::new(1.0, hole_light(*behind)), ..skin });
        }
        for ((place, uv, n), light) in middles.into_iter().zip([0.92, 0.92, 0.14]) {
            let n = n.max(1.0);
            out.push(SkinVertex { place: place / n, uv: uv / n, tone: Vec2::new(1.0, light) });
        }
    }

    /// Triangles of the backing, by places from its first vertex on.
    pub fn backing_indices(&self) -> Vec<u32> {
        let middles = self.topology.rim.len() as u32;
        let holes = self.topology.holes.iter();
        holes.filter_map(|e| Some([e.a, e.b, middles + hole_number(e.behind)? as u32])).flatten().collect()
    }

    /// The first vertex of the backing.
    pub fn backing_base(&self) -> u32 {
        (self.skin.len() + self.overlays.iter().map(|o| o.vertices.len()).sum::<usize>()) as u32
    }

    fn opening(&self, behind: Behind) -> Opening {
        let at = |v: u32| self.pixel[self.topology.rim[v as usize] as usize];
        let edges = self.topology.holes.iter().filter(move |e| e.behind == behind);
        Opening::measure(edges.map(|e| (at(e.a), at(e.b))))
    }

    /// Strips that fade out over about a pixel: along holes always (lids and lips are soft), along folds of the surface
    /// where the adapter takes one sample a pixel.
    fn soft_edges(&mut self, lens: &Lens, unit: f32, antialias: bool, out: &mut Vec<SkinVertex>) -> u32 {
        let mut count = 0;
        let mut strip = |a: SkinVertex, b: SkinVertex, na: Vec2, nb: Vec2, out: &mut Vec<SkinVertex>| {
            let fade = |v: SkinVertex, n: Vec2| SkinVertex {
                place: lens.moved(v.place, n),
                tone: Vec2::new(0.0, v.tone.y),
                ..v
            };
            out.extend_from_slice(&[a, b, fade(a, na), fade(b, nb)]);
            count += 1;
        };
        let room = MAX_STRIPS / 2;
        let soft = (unit * 0.011).clamp(0.7, 2.0);
        for e in self.topology.holes.iter().take(room) {
            let corner = |v: u32| self.skin[self.topology.rim[v as usize] as usize];
            let (na, nb) = (self.outward[e.a as usize], self.outward[e.b as usize]);
            strip(corner(e.a), corner(e.b), na * soft, nb * soft, out);
        }
        if !antialias {
            return count;
        }
        for (t, front) in self.triangles.iter().zip(&mut self.facing) {
            let [a, b, c] = t.map(|v| self.pixel[v as usize]);
            *front = (b - a).perp_dot(c - a) < 0.0;
        }
        let mut left = room;
        for fold in &self.topology.folds {
            let [t, u] = fold.triangles.map(|t| self.facing[t as usize]);
            if t == u || left == 0 {
                continue;
            }
            let (a, b) = (fold.a as usize, fold.b as usize);
            let apex = self.pixel[fold.apex[usize::from(!t)] as usize];
            let along = self.pixel[b] - self.pixel[a];
            let mut n = Vec2::new(along.y, -along.x).normalize_or_zero();
            if n.dot(apex - self.pixel[a]) > 0.0 {
                n = -n;
            }
            strip(self.skin[a], self.skin[b], n, n, out);
            left -= 1;
        }
        count
    }
}

fn hole_number(behind: Behind) -> Option<usize> {
    match behind {
        Behind::Eye(eye) => Some(eye),
        Behind::Mouth => Some(2),
        Behind::Other => None,
    }
}

fn hole_light(behind: Behind) -> f32 {
    if behind == Behind::Mouth { 0.14 } else { 0.92 }
}

/// A key is a photograph of the end of a movement: it comes in over the middle of it.
fn fade(weight: f32) -> f32 {
    smoothstep(0.1, 0.9, weight)
}
