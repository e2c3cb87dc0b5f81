//! From landmarks to a face: pose, gaze and the 52 weights that explain where the landmarks of one person are.
//!
//! The template's head (`models/avatars/template`) is turned and scaled to the rigid landmarks; what is left between a landmark and its
//! place on the person's own neutral face is explained by the template's morphs, by least squares with no weight below 0 or above 1.

use crate::avatar::photo::Template;
use crate::face::{self, Face, Gaze, HeadPose, Shape};
use glam::{EulerRot, Mat2, Mat3, Quat, Vec2, Vec3};

/// Landmarks without the irises.
const LANDMARKS: usize = 468;
/// Centres of the irises (the avatar's left and right), the corners of their eyes: inner, outer.
const EYES: [(usize, usize, usize); 2] = [(473, 362, 263), (468, 133, 33)];
/// Radius of an eyeball, head units: 12 mm of 63.
const EYEBALL: f32 = 0.19;
/// How far an iris stands before the corners of its eye, head units.
const FRONT: f32 = 0.0;

/// What a face is seen to do, and how unwilling each weight is (the ridge on its square): what is rarer explains only what the others
/// cannot. Weights that move no landmark of their own (tongue, cheeks blown up) or that gaze already says are not asked.
#[rustfmt::skip]
const SEEN: [(Shape, f32); 31] = [
    (Shape::JawOpen, 0.002), (Shape::JawLeft, 0.02), (Shape::JawRight, 0.02),
    (Shape::MouthSmileLeft, 0.004), (Shape::MouthSmileRight, 0.004), (Shape::MouthPucker, 0.004), (Shape::MouthFunnel, 0.03),
    (Shape::MouthFrownLeft, 0.02), (Shape::MouthFrownRight, 0.02), (Shape::MouthStretchLeft, 0.05), (Shape::MouthStretchRight, 0.05),
    (Shape::MouthUpperUpLeft, 0.02), (Shape::MouthUpperUpRight, 0.02), (Shape::MouthLowerDownLeft, 0.02), (Shape::MouthLowerDownRight, 0.02),
    (Shape::MouthLeft, 0.03), (Shape::MouthRight, 0.03), (Shape::MouthClose, 0.05), (Shape::MouthRollLower, 0.05), (Shape::MouthRollUpper, 0.05),
    (Shape::BrowInnerUp, 0.004), (Shape::BrowOuterUpLeft, 0.006), (Shape::BrowOuterUpRight, 0.006), (Shape::BrowDownLeft, 0.008), (Shape::BrowDownRight, 0.008),
    (Shape::EyeBlinkLeft, 0.001), (Shape::EyeBlinkRight, 0.001), (Shape::EyeWideLeft, 0.01), (Shape::EyeWideRight, 0.01),
    (Shape::NoseSneerLeft, 0.03), (Shape::NoseSneerRight, 0.03),
];

/// Landmarks in the head's own frame: turned back, in head units.
#[derive(Clone, Debug)]
pub struct Aligned {
    pub points: Vec<Vec3>,
    pub turn: Mat3,
    /// Pixels of a head unit.
    pub unit: f32,
}

/// The least-squares problem of one person, made once.
pub struct Solver {
    /// Template landmarks; None beside its face.
    rest: Vec<Option<Vec3>>,
    rigid: Vec<usize>,
    /// For each landmark and weight its way, times the landmark's share.
    ways: Vec<[Vec3; face::COUNT]>,
    shares: Vec<f32>,
    /// Products of the weights' ways, with the ridge on the diagonal.
    square: Box<[[f32; face::COUNT]; face::COUNT]>,
    /// The person's own neutral face, in the head's frame.
    neutral: Vec<Vec3>,
    /// Irises at rest between the corners of their eyes, head units.
    level: [Vec3; 2],
    last: [f32; face::COUNT],
    gaze: Gaze,
}

impl Solver {
    /// For somebody who is seen at rest as `neutral` (478 landmarks, pixels).
    pub fn new(template: &Template, neutral: &[Vec3]) -> Option<Self> {
        let rest: Vec<Option<Vec3>> =
            (0..LANDMARKS).map(|i| template.landmark(i, &template.face.positions)).collect();
        let rigid: Vec<usize> = (0..LANDMARKS)
            .filter(|i| rest[*i].is_some_and(is_rigid))
            .collect();
        let mut ways = template.landmark_units();
        // Depths are rough, and lids and lips count for more than their number.
        let shares: Vec<f32> = (0..LANDMARKS).map(|i| if LIDS.contains(&i) { 3.0 } else { 1.0 }).collect();
        for (unit, _) in ways.iter_mut().zip(&shares) {
            unit.iter_mut().for_each(|way| way.z *= DEPTH);
        }
        let mut square = Box::new([[0.0; face::COUNT]; face::COUNT]);
        for (unit, share) in ways.iter().zip(&shares) {
            for a in 0..face::COUNT {
                for b in 0..face::COUNT {
                    square[a][b] += share * unit[a].dot(unit[b]);
                }
            }
        }
        SEEN.iter().for_each(|(s, ridge)| square[*s as usize][*s as usize] += RIDGE * ridge);
        let mut solver = Self {
            rest,
            rigid,
            ways,
            shares,
            square,
            neutral: Vec::new(),
            level: [Vec3::ZERO; 2],
            last: [0.0; face::COUNT],
            gaze: Gaze::default(),
        };
        let aligned = solver.align(neutral)?;
        solver.level = EYES.map(|(iris, a, b)| {
            let off = aligned.points[iris] - (aligned.points[a] + aligned.points[b]) / 2.0;
            Vec3::new(off.x, off.y, FRONT)
        });
        solver.neutral = aligned.points;
        // Depths of the mean head are nearer to the truth than the network's.
        for (p, rest) in solver.neutral.iter_mut().zip(&solver.rest) {
            if let Some(rest) = rest {
                p.z = rest.z;
            }
        }
        Some(solver)
    }

    /// Turns the landmarks back into the head's frame.
    pub fn align(&self, landmarks: &[Vec3]) -> Option<Aligned> {
        if landmarks.len() < 478 {
            return None;
        }
        let own = !self.neutral.is_empty();
        let model = |i: usize| if own { Some(self.neutral[i]) } else { self.rest[i] };
        let from: Vec<Vec3> = self.rigid.iter().filter_map(|i| model(*i)).collect();
        let up = |p: Vec3| Vec3::new(p.x, -p.y, -p.z);
        let to: Vec<Vec3> = self.rigid.iter().map(|i| up(landmarks[*i])).collect();
        let (unit, turn, shift) = pose(&from, &to)?;
        let back = turn.transpose();
        let points = landmarks.iter().map(|p| back * (up(*p) - shift) / unit).collect();
        Some(Aligned { points, turn, unit })
    }

    /// The face that explains the landmarks of one frame.
    pub fn solve(&mut self, landmarks: &[Vec3]) -> Option<Face> {
        let aligned = self.align(landmarks)?;
        let mut goal = [0.0f32; face::COUNT];
        for i in 0..LANDMARKS {
            let mut miss = aligned.points[i] - self.neutral[i];
            miss.z *= DEPTH;
            for (g, way) in goal.iter_mut().zip(&self.ways[i]) {
                *g += self.shares[i] * way.dot(miss);
            }
        }
        // Projected coordinate descent from the last frame's weights.
        let x = &mut self.last;
        for _ in 0..30 {
            for (shape, _) in SEEN {
                let a = shape as usize;
                let row = &self.square[a];
                let others: f32 = row.iter().zip(x.iter()).map(|(s, v)| s * v).sum::<f32>() - row[a] * x[a];
                x[a] = ((goal[a] - others) / row[a]).clamp(0.0, 1.0);
            }
        }
        let mut face = Face::default();
        face.weights.0 = *x;
        let (yaw, pitch, roll) = Quat::from_mat3(&aligned.turn).to_euler(EulerRot::YXZ);
        face.head = HeadPose { yaw: yaw.to_degrees(), pitch: -pitch.to_degrees(), roll: roll.to_degrees(), ..HeadPose::default() };
        // The iris's own depth is a guess of the network's: it stands a known way before the corners, which the turn of the head shows
        // as a shift that is none.
        let t = aligned.turn;
        let block = Mat2::from_cols(t.x_axis.truncate(), t.y_axis.truncate());
        let off: Vec2 = (0..2)
            .map(|k| {
                let (iris, a, b) = EYES[k];
                let seen = landmarks[iris] - (landmarks[a] + landmarks[b]) / 2.0;
                let seen = Vec2::new(seen.x, -seen.y) / aligned.unit;
                block.inverse() * (seen - (t * self.level[k]).truncate())
            })
            .sum::<Vec2>()
            / 2.0;
        let degrees = |d: f32| (d / EYEBALL).clamp(-0.9, 0.9).asin().to_degrees();
        // Where the lids hide the iris, what the network says of it is a guess: the eyes stay where they were.
        let closed = x[Shape::EyeBlinkLeft as usize].max(x[Shape::EyeBlinkRight as usize]);
        if closed < 0.35 {
            self.gaze = Gaze { yaw: degrees(off.x), pitch: degrees(off.y) };
        }
        face.gaze = self.gaze.clone();
        Some(face)
    }
}

/// The nose and the sides of the face keep their places whatever the expression.
fn is_rigid(p: Vec3) -> bool {
    p.x.abs() < 0.3 && (-0.7..0.2).contains(&p.y) || p.x.abs() > 0.78 && (-0.9..0.7).contains(&p.y)
}

/// Scale, turn and shift of a head that is seen from afar: the affine map that carries the model's places nearest to where they are seen
/// in the picture, brought to the nearest turn. The depths of `seen` are used for the shift alone.
fn pose(model: &[Vec3], seen: &[Vec3]) -> Option<(f32, Mat3, Vec3)> {
    let n = model.len().min(seen.len()) as f32;
    let (m0, s0) = (model.iter().sum::<Vec3>() / n, seen.iter().sum::<Vec3>() / n);
    let outer = |a: Vec3, b: Vec3| Mat3::from_cols(a * b.x, a * b.y, a * b.z);
    let (mut square, mut cross) = (Mat3::ZERO, Mat3::ZERO);
    for (m, s) in model.iter().zip(seen) {
        square += outer(*m - m0, *m - m0);
        cross += outer(*s - s0, *m - m0);
    }
    if square.determinant().abs() < 1e-6 {
        return None;
    }
    let affine = cross * square.inverse();
    let (a, b) = (affine.transpose().x_axis, affine.transpose().y_axis);
    let unit = (a.length() + b.length()) / 2.0;
    // The two rows, made perpendicular, each half of the way.
    let (a, b) = (a.normalize_or_zero(), b.normalize_or_zero());
    let lean = a.dot(b) / 2.0;
    let (a, b) = ((a - b * lean).normalize_or_zero(), (b - a * lean).normalize_or_zero());
    let turn = Mat3::from_cols(a, b, a.cross(b)).transpose();
    (unit > 0.0 && turn.is_finite()).then(|| (unit, turn, s0 - turn * m0 * unit))
}

/// How far the network's depths are believed.
const DEPTH: f32 = 0.3;
/// Small weights are preferred, this much.
const RIDGE: f32 = 10.0;

/// Edges of the lids.
#[rustfmt::skip]
const LIDS: [usize; 28] = [
    246, 161, 160, 159, 158, 157, 173, 7, 163, 144, 145, 153, 154, 155,
    466, 388, 387, 386, 385, 384, 398, 249, 390, 373, 374, 380, 381, 382,
];
