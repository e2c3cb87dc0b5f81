//! From landmarks to a face: head, gaze and the weights that explain where the landmarks of one person are.
//!
//! The head is turned and scaled to the rigid landmarks. How far each landmark then is from its place on the person's own face at
//! rest is explained by the template's morphs, as the landmark network sees them ([`Table`]): the likeliest weights of which none is
//! below 0 or above 1, by least squares and then coordinate descent.

use super::Neutral;
use super::pose::{angles, pose, rotation};
use super::table::{BESIDE, GAZE_TERMS, MESH, READ, SEEN, Table, UNKNOWNS};
use crate::avatar::photo::Template;
use crate::config::Side;
use crate::face::{Face, Gaze, HeadPose, Shape};
use glam::{Mat3, Vec2, Vec3};

/// Centres of the irises (the person's left and right), the corners of their eyes.
const EYES: [(usize, usize, usize); 2] = [(473, 362, 263), (468, 133, 33)];
/// How far the network's depths are believed.
const DEPTH: f32 = 0.3;
/// Degrees that count as 1 in the table.
const ANGLE: f32 = 15.0;
/// Rounds of coordinate descent a frame. It starts at the solution without bounds: weights and turn hang together too much for it to come far.
const ROUNDS: usize = 30;
/// From here on a lid hides the iris, and where the network sees it is a guess.
const HIDDEN: f32 = 0.4;

/// Landmarks in the head's own frame: turned back, in head units, x to the person's left, y up, z out of the face.
#[derive(Clone, Debug)]
pub struct Aligned {
    pub points: Vec<Vec3>,
    pub turn: Mat3,
}

/// Explains frames one after the other.
pub struct Solver {
    table: Table,
    /// Template landmarks; None beside its face.
    rest: Vec<Option<Vec3>>,
    /// The landmark on the other side of the face.
    twin: Vec<usize>,
    rigid: Vec<usize>,
    /// Of the last frame: weights as the table orders them, gaze, the head's turn and its squares.
    x: [f32; UNKNOWNS],
    gaze: Gaze,
}

impl Solver {
    pub fn new(template: &Template, table: Table) -> Self {
        let rest: Vec<Option<Vec3>> = (0..MESH).map(|i| template.landmark(i, &template.face.positions)).collect();
        let rigid = (0..MESH).filter(|i| rest[*i].is_some_and(is_rigid)).collect();
        let twin = (0..MESH).map(|i| twin(&rest, i)).collect();
        Self { x: [0.0; UNKNOWNS], table, rest, twin, rigid, gaze: Gaze::default() }
    }

    /// Turns landmarks (478, pixels, y down) back into the head's frame. `neutral`: whose head; the template's where nothing is known of it.
    /// None where they are no face.
    pub fn align(&self, landmarks: &[Vec3], neutral: Option<&Neutral>) -> Option<Aligned> {
        if landmarks.len() < super::LANDMARKS {
            return None;
        }
        // Depths of the template are nearer to the truth than the network's.
        let model = |i: usize| self.rest[i].map(|rest| neutral.map_or(rest, |n| n.points[i].with_z(rest.z)));
        let from: Vec<Vec3> = self.rigid.iter().filter_map(|i| model(*i)).collect();
        let to: Vec<Vec3> = self.rigid.iter().map(|i| up(landmarks[*i])).collect();
        let (unit, turn, shift) = pose(&from, &to)?;
        let back = turn.transpose();
        let points = landmarks.iter().map(|p| back * (up(*p) - shift) / unit).collect();
        Some(Aligned { points, turn })
    }

    /// The face that explains the landmarks of one frame. Head and gaze are those of the neutral face where they are 0. `weak`: the side whose
    /// landmarks are to go as those of the other do.
    pub fn solve(&mut self, landmarks: &[Vec3], neutral: &Neutral, weak: Option<Side>) -> Option<Face> {
        let aligned = self.align(landmarks, Some(neutral))?;
        let off = |i: usize| aligned.points[i] - neutral.points[i];
        let misses = self.misses(&aligned, neutral, weak);
        // Two measures of the turn that err to opposite sides: the template's depths are too flat or too deep for most, the
        // network's too flat.
        let relative = |a: [f32; 3]| {
            let n = neutral.head;
            Vec3::new(a[0] - n.yaw, a[1] - n.pitch, a[2] - n.roll)
        };
        let flat = relative(angles(&aligned.turn));
        let own: Vec<Vec3> = self.rigid.iter().map(|i| neutral.points[*i]).collect();
        let seen: Vec<Vec3> = self.rigid.iter().map(|i| up(landmarks[*i])).collect();
        let deep = relative(angles(&rotation(&own, &seen)?));
        self.descend(&misses, (flat + deep) / 2.0);

        let mut face = Face::default();
        for (weight, x) in READ.iter().zip(&self.x) {
            face.weights[*weight] = *x;
        }
        let turn = |k: usize| self.x[READ.len() + 2 + k] * ANGLE;
        face.head = HeadPose { yaw: turn(0), pitch: turn(1), roll: turn(2), ..HeadPose::default() };
        if face.weights[Shape::EyeBlinkLeft].max(face.weights[Shape::EyeBlinkRight]) < HIDDEN {
            let iris = EYES.map(|(iris, a, b)| (off(iris) - (off(a) + off(b)) / 2.0).truncate());
            self.gaze = self.aim(iris, flat / ANGLE);
        }
        face.gaze = self.gaze;
        Some(face)
    }

    /// How far each landmark is from the face at rest; x, y and z one after the other.
    fn misses(&self, aligned: &Aligned, neutral: &Neutral, weak: Option<Side>) -> Vec<f32> {
        let own = |i: usize| {
            let rest = self.rest[i].map(|rest| neutral.points[i].with_z(rest.z));
            rest.map_or(Vec3::ZERO, |rest| (aligned.points[i] - rest) * Vec3::new(1.0, 1.0, DEPTH))
        };
        let shown = |i: usize| {
            let (Some(weak), Some(rest)) = (weak, self.rest[i]) else { return own(i) };
            let sign = if weak == Side::Left { 1.0 } else { -1.0 };
            if self.twin[i] == i || rest.x.abs() < MIDDLE {
                own(i).with_x(0.0)
            } else if rest.x * sign > 0.0 {
                own(self.twin[i]) * Vec3::new(-1.0, 1.0, 1.0)
            } else {
                own(i)
            }
        };
        (0..MESH).flat_map(|i| shown(i).to_array()).collect()
    }

    /// Least squares, then projected coordinate descent. `turn`: the head's yaw, pitch and roll as they were measured, degrees.
    fn descend(&mut self, misses: &[f32], turn: Vec3) {
        const N: usize = READ.len();
        let t = turn / ANGLE;
        let measured = [0.0, 0.0, t.x, t.y, t.z, t.x * t.x, t.y * t.y, t.x * t.y, t.z * t.z];
        let mut goal: Vec<f32> =
            self.table.read.chunks_exact(SEEN).map(|row| row.iter().zip(misses).map(|(r, m)| r * m).sum()).collect();
        let beside = goal.iter_mut().zip(&self.table.prior).skip(N);
        beside.zip(measured).for_each(|((g, prior), m): (_, f32)| *g += prior * m);
        for (a, (x, row)) in self.x.iter_mut().zip(self.table.inverse.chunks_exact(UNKNOWNS)).enumerate() {
            let free: f32 = row.iter().zip(&goal).map(|(r, g)| r * g).sum();
            *x = if a < N { free.clamp(0.0, 1.0) } else { free };
        }
        for _ in 0..ROUNDS {
            for (a, row) in self.table.square.chunks_exact(UNKNOWNS).enumerate() {
                let sum: f32 = row.iter().zip(&self.x).map(|(s, v)| s * v).sum();
                let x = self.x[a] + (goal[a] - sum) / row[a];
                self.x[a] = if a < N { x.clamp(0.0, 1.0) } else { x };
            }
        }
    }

    /// Where the eyes look: `iris` is how far each is from where it rests, `turn` the head's, in the table's unit.
    fn aim(&self, iris: [Vec2; 2], turn: Vec3) -> Gaze {
        let (mean, apart) = ((iris[0] + iris[1]) * 5.0, (iris[0] - iris[1]) * 10.0);
        let (x, y, yaw, pitch, roll) = (mean.x, mean.y, turn.x, turn.y, turn.z);
        let terms: [f32; GAZE_TERMS] = [
            x,
            y,
            apart.x,
            apart.y,
            x * yaw,
            y * yaw,
            x * pitch,
            y * pitch,
            yaw,
            pitch,
            roll,
            yaw * yaw,
            pitch * pitch,
            yaw * pitch,
            x * x,
            y * y,
            x * x * x,
            y * y * y,
            1.0,
        ];
        let [yaw, pitch] = [0, 1].map(|k| {
            let column = self.table.gaze.iter().skip(k).step_by(2);
            terms.iter().zip(column).map(|(t, c)| t * c).sum::<f32>()
        });
        Gaze { yaw, pitch }
    }
}

const _: () = assert!(BESIDE == 9, "`descend` writes so many");

/// Landmarks this near to the middle of the face belong to neither side, head units.
const MIDDLE: f32 = 0.02;

/// From the picture's y to one that rises.
fn up(p: Vec3) -> Vec3 {
    Vec3::new(p.x, -p.y, -p.z)
}

/// The nose and the sides of the face keep their places whatever the expression.
fn is_rigid(p: Vec3) -> bool {
    p.x.abs() < 0.3 && (-0.7..0.2).contains(&p.y) || p.x.abs() > 0.78 && (-0.9..0.7).contains(&p.y)
}

/// The landmark nearest to where this one is seen in a mirror; itself where it lies beside the template's face.
fn twin(rest: &[Option<Vec3>], i: usize) -> usize {
    let Some(p) = rest[i] else { return i };
    let away = |q: &Option<Vec3>| q.map_or(f32::MAX, |q| (q - Vec3::new(-p.x, p.y, p.z)).length_squared());
    (0..rest.len()).min_by(|a, b| away(&rest[*a]).total_cmp(&away(&rest[*b]))).unwrap_or(i)
}
