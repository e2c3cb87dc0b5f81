//! From landmarks in a photograph to the template's head in its place: turn, expression, shape.

use super::template::{LANDMARKS, Template};
use super::warp::Warp;
use crate::face::{self, Shape};
use anyhow::{Context, Result, ensure};
use glam::{EulerRot, Mat3, Quat, Vec2, Vec3};
use nalgebra::{Matrix3, Vector3};

/// Iris centres and what bounds them, behind the 468.
const IRIS: [usize; 2] = [473, 468];

/// Which picture of a photograph is shown, and how head units lie in it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Place {
    /// Pixel between the eyes: the origin of head units.
    pub origin: Vec2,
    /// Pixels of one head unit at the depth of the eyes.
    pub unit: f32,
}

/// Distance of the avatar's camera, in head units, as the built-in people have it.
pub const DISTANCE: f32 = 14.0;

impl Place {
    /// A landmark (pixels, z growing away from the camera) in head units, without perspective.
    pub fn flat(&self, p: Vec3) -> Vec3 {
        Vec3::new(p.x - self.origin.x, self.origin.y - p.y, -p.z) / self.unit
    }

    /// The point at depth `z` that the camera sees at `flat` of the plane between the eyes.
    pub fn unproject(flat: Vec2, z: f32) -> Vec3 {
        (flat * (DISTANCE - z) / DISTANCE).extend(z)
    }

    /// Where the camera sees a point, in the plane between the eyes.
    pub fn project(p: Vec3) -> Vec2 {
        p.truncate() * DISTANCE / (DISTANCE - p.z)
    }

    /// Pixel of a place in the plane between the eyes.
    pub fn pixel(&self, flat: Vec2) -> Vec2 {
        self.origin + Vec2::new(flat.x, -flat.y) * self.unit
    }

    /// The place in the plane between the eyes of a pixel.
    pub fn of_pixel(&self, pixel: Vec2) -> Vec2 {
        let d = (pixel - self.origin) / self.unit;
        Vec2::new(d.x, -d.y)
    }
}

/// The template, fitted.
pub struct Fit {
    pub place: Place,
    /// Turn of the head in the photograph.
    pub turn: Mat3,
    /// Degrees, as the curve file counts them: to the avatar's own left, and up.
    pub yaw: f32,
    pub pitch: f32,
    /// The expression in the photograph, as far as it was told apart from the person's shape.
    pub expression: [f32; face::COUNT],
    /// Face vertices as photographed; head units.
    pub photographed: Vec<Vec3>,
    /// Ways of the weights on the photographed head: weight, vertex, way.
    pub morphs: Vec<(u8, u16, Vec3)>,
    /// The bend from the turned template to this head.
    pub warp: Warp,
    /// Iris centres in the plane between the eyes: avatar's left, right.
    pub irises: [Vec2; 2],
    /// Iris radius, head units.
    pub iris_radius: f32,
    /// The lips touch in the photograph.
    pub closed: bool,
    /// Mean miss of the landmarks before the bend: how unlike the mean face it is, head units.
    pub miss: f32,
}

impl Fit {
    /// `landmarks`: 478 of MediaPipe's face mesh, pixels.
    ///
    /// # Errors
    /// Fewer landmarks, or some that are no face.
    pub fn new(template: &Template, landmarks: &[Vec3]) -> Result<Self> {
        ensure!(landmarks.len() >= 478, "there are {} landmarks and not 478", landmarks.len());
        let neutral: Vec<Option<Vec3>> =
            (0..LANDMARKS).map(|i| template.landmark(i, &template.face.positions)).collect();
        // Pixels, y up, z to the viewer.
        let up = |p: Vec3| Vec3::new(p.x, -p.y, -p.z);
        let rigid: Vec<usize> =
            (0..LANDMARKS).filter(|i| neutral[*i].is_some_and(|p| p.y > -0.75 || p.x.abs() > 0.7)).collect();
        let from: Vec<Vec3> = rigid.iter().filter_map(|i| neutral[*i]).collect();
        let to: Vec<Vec3> = rigid.iter().map(|i| up(landmarks[*i])).collect();
        let (unit, turn, shift) = similarity(&from, &to).context("the landmarks are no face")?;
        ensure!(unit.is_finite() && unit > 1.0, "the face is too small");
        let place = Place { origin: Vec2::new(shift.x, -shift.y), unit };
        // Depths are relative to the eyes.
        let depth = shift.z;
        let mut seen: Vec<Vec3> = landmarks.iter().map(|p| place.flat(Vec3::new(p.x, p.y, p.z + depth))).collect();
        let turned: Vec<Option<Vec3>> = neutral.iter().map(|p| p.map(|p| turn * p)).collect();
        let units = template.landmark_units();
        let seen_expression = expression(&turned, &seen, &units, turn);
        // A mouth that is closed already is how this person rests, smile and all; only an open one is brought to rest.
        let closed = lip_gap(&seen) < CLOSED;
        let expression = if closed { [0.0; face::COUNT] } else { seen_expression };
        if closed {
            for (a, b) in INNER_LIPS {
                let seam = (seen[a] + seen[b]) / 2.0;
                (seen[a], seen[b]) = (seam, seam);
            }
        }

        let mut posed = template.face.positions.clone();
        for (weight, v, way) in &template.face.morphs {
            posed[usize::from(*v)] += *way * expression[usize::from(*weight)];
        }
        posed.iter_mut().for_each(|p| *p = turn * *p);
        let (mut from, mut to) = (Vec::new(), Vec::new());
        for (i, seen) in seen.iter().take(LANDMARKS).enumerate() {
            let Some(p) = template.landmark(i, &posed) else { continue };
            // The network's depths are rough: half of the way.
            let z = p.z + 0.5 * (seen.z - p.z).clamp(-0.5, 0.5);
            from.push(p);
            to.push(Place::unproject(seen.truncate(), z));
        }
        let miss = from.iter().zip(&to).map(|(a, b)| a.distance(*b)).sum::<f32>() / from.len().max(1) as f32;
        let warp = Warp::fit(&from, &to, 0.01)?;
        let photographed: Vec<Vec3> = posed.iter().map(|p| warp.at(*p)).collect();
        let bent = |v: u16, way: Vec3| {
            let way = turn * way;
            let moved = warp.at(posed[usize::from(v)] + way) - photographed[usize::from(v)];
            // Beside the seam of the lips the bend is steep: a way keeps about its length.
            let length = way.length().max(1e-6);
            moved * (moved.length().clamp(0.75 * length, 1.4 * length) / moved.length().max(1e-6))
        };
        // What the resting face has spent of a weight is not there to be spent again.
        let left = |w: u8| 1.0 - 0.5 * if closed { seen_expression[usize::from(w)] } else { 0.0 };
        let morphs = template.face.morphs.iter().map(|(w, v, way)| (*w, *v, bent(*v, *way) * left(*w))).collect();
        let (yaw, pitch, _) = Quat::from_mat3(&turn).to_euler(EulerRot::YXZ);
        let iris = |i: usize| seen[i].truncate();
        let radius = |i: usize| (1..5).map(|k| seen[i + k].truncate().distance(seen[i].truncate())).sum::<f32>() / 4.0;
        Ok(Self {
            place,
            turn,
            yaw: yaw.to_degrees(),
            pitch: -pitch.to_degrees(),
            expression,
            photographed,
            morphs,
            warp,
            irises: IRIS.map(iris),
            iris_radius: IRIS.map(radius).iter().sum::<f32>() / 2.0,
            closed,
            miss,
        })
    }

    /// The face at rest: as photographed, less its expression.
    pub fn rest(&self) -> Vec<Vec3> {
        let mut rest = self.photographed.clone();
        for (weight, v, way) in &self.morphs {
            rest[usize::from(*v)] -= *way * self.expression[usize::from(*weight)];
        }
        rest
    }
}

/// Scale, turn and shift that bring `from` nearest to `to`: Umeyama, "Least-squares estimation of transformation parameters between
/// two point patterns", PAMI 1991.
fn similarity(from: &[Vec3], to: &[Vec3]) -> Option<(f32, Mat3, Vec3)> {
    let n = from.len() as f32;
    let (a0, b0) = (from.iter().sum::<Vec3>() / n, to.iter().sum::<Vec3>() / n);
    let wide = |v: Vec3| Vector3::new(f64::from(v.x), f64::from(v.y), f64::from(v.z));
    let mut cross = Matrix3::<f64>::zeros();
    let mut spread = 0.0;
    for (a, b) in from.iter().zip(to) {
        cross += wide(*b - b0) * wide(*a - a0).transpose();
        spread += f64::from((*a - a0).length_squared());
    }
    let svd = cross.svd(true, true);
    let (u, vt) = (svd.u?, svd.v_t?);
    let mut flip = Matrix3::<f64>::identity();
    flip[(2, 2)] = (u * vt).determinant().signum();
    let r = u * flip * vt;
    let scale = (Matrix3::from_diagonal(&svd.singular_values) * flip).trace() / spread;
    let column = |k: usize| Vec3::new(r[(0, k)] as f32, r[(1, k)] as f32, r[(2, k)] as f32);
    let turn = Mat3::from_cols(column(0), column(1), column(2));
    let scale = scale as f32;
    scale.is_finite().then(|| (scale, turn, b0 - turn * a0 * scale))
}

/// Lips nearer than this are closed, head units: the network puts some two millimetres between the lips of any mouth.
const CLOSED: f32 = 0.035;

/// The inner edges of the lips, upper and lower, that lie on one another where the mouth is closed.
const INNER_LIPS: [(usize, usize); 9] =
    [(191, 95), (80, 88), (81, 178), (82, 87), (13, 14), (312, 317), (311, 402), (310, 318), (415, 324)];

/// Mean distance of the inner edges of the lips about their middle, head units.
fn lip_gap(seen: &[Vec3]) -> f32 {
    [(13, 14), (82, 87), (312, 317)]
        .map(|(a, b): (usize, usize)| seen[a].truncate().distance(seen[b].truncate()))
        .iter()
        .sum::<f32>()
        / 3.0
}

/// What a mouth in a photograph can be seen to do.
const SEEN: [Shape; 11] = [
    Shape::JawOpen,
    Shape::MouthSmileLeft,
    Shape::MouthSmileRight,
    Shape::MouthUpperUpLeft,
    Shape::MouthUpperUpRight,
    Shape::MouthLowerDownLeft,
    Shape::MouthLowerDownRight,
    Shape::MouthPucker,
    Shape::MouthStretchLeft,
    Shape::MouthStretchRight,
    Shape::MouthFunnel,
];

/// The mouth's expression: the weights that explain its landmarks beside a shift and a stretch of the whole mouth, which are the
/// person's own. Least squares with small weights preferred, none below 0 or above 1 (projected coordinate descent).
fn expression(turned: &[Option<Vec3>], seen: &[Vec3], units: &[[Vec3; face::COUNT]], turn: Mat3) -> [f32; face::COUNT] {
    let mut out = [0.0; face::COUNT];
    let places: Vec<(usize, Vec3)> = LIP_LANDMARKS.iter().filter_map(|i| Some((*i, turned[*i]?))).collect();
    let middle = places.iter().map(|p| p.1).sum::<Vec3>() / places.len().max(1) as f32;
    // Columns: the weights, then shift x, shift y, stretch x, stretch y; each with its ridge and lowest value.
    let count = SEEN.len() + 4;
    let mut columns = vec![Vec::new(); count];
    let mut goal = Vec::new();
    for (i, p) in &places {
        let from_middle = turn.transpose() * (*p - middle);
        let own = [Vec3::X, Vec3::Y, Vec3::X * from_middle.x, Vec3::Y * from_middle.y];
        let ways = SEEN.iter().map(|s| units[*i][*s as usize]).chain(own).map(|way| turn * way);
        columns.iter_mut().zip(ways).for_each(|(c, way)| c.extend([way.x, way.y]));
        let miss = seen[*i].truncate() - Place::project(*p);
        goal.extend([miss.x, miss.y]);
    }
    let ridge = |k: usize| match k {
        0 => 0.002,
        _ if k < SEEN.len() => 0.02,
        _ if k < SEEN.len() + 2 => 1e-4,
        _ => 0.15,
    };
    let mut x = vec![0.0f32; count];
    let mut left = goal;
    for _ in 0..400 {
        for k in 0..count {
            let square: f32 = columns[k].iter().map(|v| v * v).sum::<f32>();
            let along: f32 = columns[k].iter().zip(&left).map(|(c, r)| c * r).sum();
            let best = (along + square * x[k]) / (square + ridge(k)).max(1e-9);
            let best = if k < SEEN.len() { best.clamp(0.0, 1.0) } else { best.clamp(-0.6, 0.6) };
            let step = best - x[k];
            left.iter_mut().zip(&columns[k]).for_each(|(r, c)| *r -= c * step);
            x[k] = best;
        }
    }
    SEEN.iter().zip(&x).for_each(|(shape, v)| out[*shape as usize] = if *v > 0.02 { *v } else { 0.0 });
    out
}

/// Four rings around the mouth.
#[rustfmt::skip]
const LIP_LANDMARKS: [usize; 80] = [
    78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308, 95, 88, 178, 87, 14, 317, 402, 318, 324,
    62, 183, 42, 41, 38, 12, 268, 271, 272, 407, 292, 96, 89, 179, 86, 15, 316, 403, 319, 325,
    76, 184, 74, 73, 72, 11, 302, 303, 304, 408, 306, 77, 90, 180, 85, 16, 315, 404, 320, 307,
    61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291, 146, 91, 181, 84, 17, 314, 405, 321, 375,
];
