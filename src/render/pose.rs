//! What a face asks for, made drawable: bounded weights, a turned head, aimed eyes.

use crate::face::{CAMERA_DISTANCE, COUNT, Face, HeadPose, Shape};
use glam::{Mat3, Quat, Vec3};

/// Where the picture of a still person no longer convinces, in degrees and head units.
const MAX_YAW: f32 = 30.0;
const MAX_PITCH: f32 = 25.0;
const MAX_ROLL: f32 = 30.0;
const MAX_SHIFT: f32 = 1.5;
/// A head leans toward the viewer and back by no more than this in its own motion, head units; what is beyond it is the whole person
/// that comes nearer or goes away.
const LEAN: f32 = 0.3;
/// How much larger and smaller a person is drawn than as framed.
const MAX_ZOOM: f32 = 2.0;
const MIN_ZOOM: f32 = 0.5;
/// Steps of the size that are told apart, in the size as framed: a pixel at the frame's edge.
const ZOOM_STEPS: f32 = 512.0;
/// How far an eye turns in its socket, in degrees; also what an eyeLook weight of 1 means.
const MAX_GAZE_YAW: f32 = 32.0;
const MAX_GAZE_PITCH: f32 = 24.0;
/// How far the lids follow the eyes when these look down and up by [`MAX_GAZE_PITCH`].
const LIDS_FOLLOW_DOWN: f32 = 1.2;
const LIDS_FOLLOW_UP: f32 = 0.8;

/// How many steps the share by which a vertex follows the head is divided into.
const STEPS: usize = 16;

/// A face, ready to be drawn.
pub(super) struct Pose {
    pub weights: [f32; COUNT],
    /// Rotation and offset for a vertex that follows the head by `i / STEPS`.
    follow: [(Mat3, Vec3); STEPS + 1],
    /// Rotation of the avatar's own left and right eye in the head.
    pub eyes: [Mat3; 2],
    neck: Vec3,
}

fn bounded(value: f32, limit: f32) -> f32 {
    if value.is_finite() { value.clamp(-limit, limit) } else { 0.0 }
}

/// How large the person is drawn, 1 as framed: what of the head's way is more than a lean.
pub(super) fn zoom(head: &HeadPose) -> f32 {
    let z = bounded(head.z, CAMERA_DISTANCE * 2.0);
    let distance = 1.0 - (z - z.clamp(-LEAN, LEAN)) / CAMERA_DISTANCE;
    let zoom = (1.0 / distance.max(0.1)).clamp(MIN_ZOOM, MAX_ZOOM);
    (zoom * ZOOM_STEPS).round() / ZOOM_STEPS
}

/// Positive yaw turns +z to +x, positive pitch raises it, positive roll tilts +y to -x; yaw is outermost.
fn rotation(yaw: f32, pitch: f32, roll: f32) -> Mat3 {
    Mat3::from_quat(
        Quat::from_rotation_y(yaw.to_radians())
            * Quat::from_rotation_x(-pitch.to_radians())
            * Quat::from_rotation_z(roll.to_radians()),
    )
}

impl Pose {
    pub fn new(face: &Face, neck: Vec3) -> Self {
        let mut weights = face.weights.0.map(|w| if w.is_finite() { w.clamp(0.0, 1.0) } else { 0.0 });
        let at = |w: &[f32; COUNT], s: Shape| w[s as usize];
        let (gaze_yaw, gaze_pitch) = (bounded(face.gaze.yaw, 90.0), bounded(face.gaze.pitch, 90.0));
        let mut eyes = [Mat3::IDENTITY; 2];
        let mut pitches = [0.0; 2];
        let looks = [
            (Shape::EyeLookOutLeft, Shape::EyeLookInLeft, Shape::EyeLookUpLeft, Shape::EyeLookDownLeft),
            (Shape::EyeLookInRight, Shape::EyeLookOutRight, Shape::EyeLookUpRight, Shape::EyeLookDownRight),
        ];
        for (i, (left, right, up, down)) in looks.into_iter().enumerate() {
            let yaw = gaze_yaw + MAX_GAZE_YAW * (at(&weights, left) - at(&weights, right));
            let pitch = gaze_pitch + MAX_GAZE_PITCH * (at(&weights, up) - at(&weights, down));
            pitches[i] = bounded(pitch, MAX_GAZE_PITCH);
            eyes[i] = rotation(bounded(yaw, MAX_GAZE_YAW), pitches[i], 0.0);
        }
        let lids = [
            (Shape::EyeBlinkLeft, Shape::EyeWideLeft, Shape::EyeSquintLeft),
            (Shape::EyeBlinkRight, Shape::EyeWideRight, Shape::EyeSquintRight),
        ];
        for (i, ((_, _, up, down), (blink, wide, squint))) in looks.into_iter().zip(lids).enumerate() {
            // A closed lid has nowhere left to go: the other shapes of the lids fade as it closes.
            let open = 1.0 - at(&weights, blink);
            let share = pitches[i] / MAX_GAZE_PITCH;
            weights[down as usize] = (-share * LIDS_FOLLOW_DOWN).clamp(0.0, 1.0) * open;
            weights[up as usize] = share.max(0.0) * LIDS_FOLLOW_UP * open;
            weights[wide as usize] *= open;
            weights[squint as usize] *= 0.3 + 0.7 * open;
        }
        let h = &face.head;
        let (yaw, pitch, roll) = (bounded(h.yaw, MAX_YAW), bounded(h.pitch, MAX_PITCH), bounded(h.roll, MAX_ROLL));
        let shift = Vec3::new(bounded(h.x, MAX_SHIFT), bounded(h.y, MAX_SHIFT), bounded(h.z, LEAN));
        let follow = std::array::from_fn(|i| {
            let share = i as f32 / STEPS as f32;
            (rotation(yaw * share, pitch * share, roll * share), shift * share)
        });
        Self { weights, follow, eyes, neck }
    }

    /// Where a point that follows the head by `share` (0..1) comes to lie.
    pub fn apply(&self, point: Vec3, share: f32) -> Vec3 {
        if share <= 0.0 {
            return point;
        }
        let place = (share * STEPS as f32).min(STEPS as f32);
        let low = (place as usize).min(STEPS - 1);
        let ((a, at), (b, bt)) = (self.follow[low], self.follow[low + 1]);
        let relative = point - self.neck;
        let (low_point, high_point) = (a * relative + at, b * relative + bt);
        self.neck + low_point.lerp(high_point, place - low as f32)
    }

    /// The rotation of the head itself.
    pub fn head(&self) -> Mat3 {
        self.follow[STEPS].0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::face::{Gaze, HeadPose};

    const NECK: Vec3 = Vec3::new(0.0, -2.0, -0.5);
    const NOSE: Vec3 = Vec3::new(0.0, -0.5, 0.8);

    fn turned(head: HeadPose) -> Vec3 {
        Pose::new(&Face { head, ..Face::default() }, NECK).apply(NOSE, 1.0)
    }

    #[test]
    fn positive_angles_turn_the_head_as_the_contract_says() {
        let turn = HeadPose::default();
        assert!((turned(turn) - NOSE).length() < 1e-6, "a still face stays where it is");
        assert!(turned(HeadPose { yaw: 10.0, ..turn }).x > 0.1, "yaw: to the viewer's right");
        assert!(turned(HeadPose { pitch: 10.0, ..turn }).y > NOSE.y + 0.1, "pitch: up");
        assert!(turned(HeadPose { roll: 10.0, ..turn }).x < -0.1, "roll: to the avatar's own right");
        assert!(turned(HeadPose { x: 0.2, ..turn }).x > 0.1, "x: to the avatar's own left");
    }

    #[test]
    fn a_face_of_not_numbers_is_a_neutral_one() {
        let mut face = Face { gaze: Gaze { yaw: f32::NAN, pitch: f32::INFINITY }, ..Face::default() };
        face.weights.0 = [f32::NAN; COUNT];
        face.head = HeadPose { yaw: f32::NAN, pitch: f32::NAN, roll: f32::NAN, x: f32::NAN, y: f32::NAN, z: f32::NAN };
        let pose = Pose::new(&face, NECK);
        assert_eq!((pose.weights, pose.eyes[0]), ([0.0; COUNT], Mat3::IDENTITY));
        assert!((pose.apply(NOSE, 0.7) - NOSE).length() < 1e-6);
    }

    #[test]
    fn a_person_farther_away_is_smaller_and_the_sway_of_a_head_is_none() {
        let zoom = |z: f32| zoom(&HeadPose { z, ..HeadPose::default() });
        assert_eq!((zoom(0.0), zoom(0.2), zoom(-0.3)), (1.0, 1.0, 1.0));
        assert!((zoom(-14.0) - 0.5).abs() < 0.01 && (zoom(7.0) - 2.0).abs() < 0.1 && zoom(1e9) <= 2.0);
    }

    #[test]
    fn eyes_turn_by_gaze_and_by_their_weights() {
        let right = |face: &Face, eye: usize| (Pose::new(face, NECK).eyes[eye] * Vec3::Z).x;
        let gaze = Face { gaze: Gaze { yaw: 10.0, pitch: 0.0 }, ..Face::default() };
        assert!(right(&gaze, 0) > 0.1 && right(&gaze, 1) > 0.1);
        let mut inward = Face::default();
        inward.weights[Shape::EyeLookInLeft] = 0.5;
        inward.weights[Shape::EyeLookInRight] = 0.5;
        assert!(right(&inward, 0) < -0.1 && right(&inward, 1) > 0.1);
    }

    #[test]
    fn lids_follow_the_eyes_down_unless_they_are_closed() {
        let mut face = Face { gaze: Gaze { yaw: 0.0, pitch: -12.0 }, ..Face::default() };
        let down = |face: &Face| Pose::new(face, NECK).weights[Shape::EyeLookDownLeft as usize];
        assert!(down(&face) > 0.2);
        face.weights[Shape::EyeBlinkLeft] = 1.0;
        assert_eq!(down(&face), 0.0);
    }
}
