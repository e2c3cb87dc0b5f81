//! Eyes, teeth, tongue and cavity: what shows through the holes of the body.

use super::lens::Lens;
use super::morph::{Mesh, smoothstep};
use super::opening::Opening;
use super::pose::Pose;
use super::shape::Drawn;
use crate::avatar::{Material, Part, Place};
use crate::face::Shape;
use bytemuck::{Pod, Zeroable};
use glam::{Vec2, Vec3, Vec4};
use std::collections::BTreeMap;

/// A vertex of an eye or of the mouth's inside.
#[derive(Clone, Copy, Debug, Default, Pod, Zeroable)]
#[repr(C)]
pub(super) struct InnerVertex {
    pub place: [f32; 4],
    pub uv: [f32; 2],
    pub normal: [f32; 3],
    /// See `Inner` in the shader.
    pub extra: [f32; 4],
}

/// An eye or a part of the mouth.
pub(super) struct Inner {
    mesh: Mesh,
    pub material: Material,
    uv: Vec<Vec2>,
    /// For the mouth: how deep inside each vertex lies, 0..1.
    depth: Vec<f32>,
    /// How much of the light protruded lips keep away from it.
    tunnel: f32,
    centre: Vec3,
    radius: f32,
    /// 0: the avatar's own left eye.
    eye: usize,
    triangles: Vec<[u32; 3]>,
    /// Where the vertices were drawn last, in pixels.
    pixel: Vec<Vec2>,
    /// Edges of the teeth where the mesh ends: two ends, and the vertex on the other side of the triangle.
    ends: Vec<[u32; 3]>,
}

impl Inner {
    pub fn new(part: &Part) -> Self {
        let front = part.positions.iter().map(|p| p.z).fold(f32::MIN, f32::max);
        let depth = |p: &Vec3| match part.material {
            // The lower row lies farther in the shade.
            Material::Teeth => {
                let least = if part.place == Place::TeethLower { 0.14 } else { 0.0 };
                least + (1.0 - least) * smoothstep(0.05, 0.50, front - p.z)
            }
            Material::Tongue => 0.25 + 0.75 * smoothstep(0.0, 0.6, front - p.z),
            Material::Cavity => 0.75 + 0.25 * smoothstep(0.0, 0.5, front - p.z),
            Material::Eye | Material::Portrait => 0.0,
        };
        let tunnel = match (part.material, part.place) {
            (Material::Teeth, Place::TeethLower) => 0.6,
            (Material::Teeth | Material::Tongue, _) => 0.3,
            _ => 0.0,
        };
        let radius = part.positions.iter().map(|p| (*p - part.centre).length()).fold(1e-3, f32::max);
        Self {
            mesh: Mesh::new(part),
            material: part.material,
            uv: part.uv.clone(),
            depth: part.positions.iter().map(depth).collect(),
            tunnel,
            centre: part.centre,
            radius,
            eye: usize::from(part.place == Place::EyeRight),
            triangles: part.triangles.clone(),
            pixel: vec![Vec2::ZERO; part.positions.len()],
            ends: if part.material == Material::Teeth { ends(part) } else { Vec::new() },
        }
    }

    /// Appends the corners of the triangles that may show between `low` and `high`: most of an eye never does, and setting
    /// up thousands of triangles to find that out costs a CPU adapter more than looking here.
    pub fn visible(&self, low: Vec2, high: Vec2, out: &mut Vec<u32>) {
        for t in &self.triangles {
            let [a, b, c] = t.map(|v| self.pixel[v as usize]);
            if a.min(b).min(c).cmple(high).all() && a.max(b).max(c).cmpge(low).all() {
                out.extend_from_slice(t);
            }
        }
    }

    /// How many quads [`Inner::soften`] writes.
    pub fn strip_count(&self) -> usize {
        self.ends.len()
    }

    /// Appends strips that fade out over a pixel along the edges of the teeth. `first`: the first of the vertices from [`Inner::draw`].
    pub fn soften(&self, lens: &Lens, first: usize, out: &mut Vec<InnerVertex>) {
        for [a, b, apex] in &self.ends {
            let of = |v: &u32| out[first + *v as usize];
            let (a, b, apex) = (of(a), of(b), of(apex));
            let pixel = |v: &InnerVertex| lens.pixel(Vec4::from_array(v.place));
            let along = pixel(&b) - pixel(&a);
            let mut n = Vec2::new(along.y, -along.x).normalize_or_zero();
            if n.dot(pixel(&apex) - pixel(&a)) > 0.0 {
                n = -n;
            }
            let fade = |v: InnerVertex| {
                let [depth, open, _, shade] = v.extra;
                let place = lens.moved(Vec4::from_array(v.place), n * 1.2).to_array();
                InnerVertex { place, extra: [depth, open, 0.0, shade], ..v }
            };
            out.extend_from_slice(&[a, b, fade(a), fade(b)]);
        }
    }

    /// The hole of the body that this shows through.
    pub fn opening<'a>(&self, drawn: &'a Drawn) -> &'a Opening {
        match self.material {
            Material::Eye => &drawn.eyes[self.eye],
            _ => &drawn.mouth,
        }
    }

    /// Whether this comes out of the mouth, and so before the lips.
    pub fn sticks_out(&self, pose: &Pose) -> bool {
        self.material == Material::Tongue && pose.weights[Shape::TongueOut as usize] > 0.05
    }

    pub fn vertex_count(&self) -> usize {
        self.uv.len()
    }

    /// Appends the vertices of this frame.
    pub fn draw(&mut self, pose: &Pose, lens: &Lens, light: Vec3, drawn: &Drawn, out: &mut Vec<InnerVertex>) {
        self.mesh.morph(pose);
        let head = pose.head();
        let unit = lens.pixels_per_unit();
        if self.material == Material::Eye {
            return self.draw_eye(pose, lens, light, &drawn.eyes[self.eye], out);
        }
        let outside = if self.sticks_out(pose) { pose.weights[Shape::TongueOut as usize] } else { 0.0 };
        let round = (pose.weights[Shape::MouthFunnel as usize] + pose.weights[Shape::MouthPucker as usize]).min(1.0);
        let lit = 1.0 - self.tunnel * round;
        for (i, p) in self.mesh.now.iter().enumerate() {
            let place = lens.clip(pose.apply(*p, self.mesh.head[i]));
            let normal = (head * self.mesh.normals[i]).to_array();
            // Lips throw a soft shadow on what lies behind them: deep from above, slight from below.
            self.pixel[i] = lens.pixel(place);
            let (below_upper, above_lower) = drawn.mouth.inside(self.pixel[i]);
            let shade = (0.45 + 0.55 * smoothstep(-0.02, 0.14, below_upper / unit))
                * (0.65 + 0.35 * smoothstep(-0.02, 0.14, above_lower / unit));
            let shade = (shade * lit).max(outside);
            let depth = self.depth[i] * (1.0 - 0.8 * outside);
            out.push(InnerVertex {
                place: place.to_array(),
                uv: self.uv[i].to_array(),
                normal,
                extra: [depth, drawn.mouth_open.max(outside), 1.0, shade],
            });
        }
    }

    fn draw_eye(&mut self, pose: &Pose, lens: &Lens, light: Vec3, opening: &Opening, out: &mut Vec<InnerVertex>) {
        let (turn, head) = (pose.eyes[self.eye], pose.head());
        let unit = lens.pixels_per_unit();
        // The cornea is a smaller ball set forward in the eye (radius 7.8 mm, 5.6 mm before the centre of a 12 mm globe): its
        // highlight goes about half way with the gaze and stays where the light is otherwise.
        let forward = head * turn * Vec3::Z;
        let half_way = (light + Vec3::Z).normalize_or(Vec3::Z);
        let spot = forward * 0.47 + half_way * 0.60;
        for (i, p) in self.mesh.now.iter().enumerate() {
            let turned = self.centre + turn * (*p - self.centre);
            let place = lens.clip(pose.apply(turned, self.mesh.head[i]));
            let normal = (head * ((turned - self.centre) / self.radius)).to_array();
            // The corners are flesh, the inner one more so.
            self.pixel[i] = lens.pixel(place);
            let along = opening.along(self.pixel[i]);
            let nose = if self.eye == 0 { along } else { 1.0 - along };
            let corner = (0.9 * smoothstep(0.22, 0.02, nose)).max(0.7 * smoothstep(0.90, 1.0, nose));
            // Lids and lashes shade the ball below them.
            let (below_upper, above_lower) = opening.inside(self.pixel[i]);
            let shade = (0.42 + 0.58 * smoothstep(-0.02, 0.12, below_upper / unit))
                * (0.85 + 0.15 * smoothstep(-0.01, 0.05, above_lower / unit));
            out.push(InnerVertex {
                place: place.to_array(),
                uv: self.uv[i].to_array(),
                normal,
                extra: [spot.x, spot.y, corner, shade],
            });
        }
    }
}

/// The edges that only one triangle has.
fn ends(part: &Part) -> Vec<[u32; 3]> {
    let mut edges: BTreeMap<(u32, u32), (u32, [u32; 3])> = BTreeMap::new();
    for [a, b, c] in &part.triangles {
        for (a, b, apex) in [(*a, *b, *c), (*b, *c, *a), (*c, *a, *b)] {
            edges.entry((a.min(b), a.max(b))).or_insert((0, [a, b, apex])).0 += 1;
        }
    }
    edges.into_values().filter(|e| e.0 == 1).map(|e| e.1).collect()
}
