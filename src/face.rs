//! The face: what the motion room makes and the renderer draws. Lips and expression (the 52 ARKit weights), head pose
//! and gaze are separate parts, each written by one producer.

mod curves;

pub use curves::{CurveError, Curves};

use crate::clock::Moment;

/// The 52 ARKit blendshape locations in Apple's alphabetical order (`ARFaceAnchor.BlendShapeLocation`).
#[rustfmt::skip]
pub const NAMES: [&str; COUNT] = [
    "browDownLeft", "browDownRight", "browInnerUp", "browOuterUpLeft", "browOuterUpRight", "cheekPuff",
    "cheekSquintLeft", "cheekSquintRight", "eyeBlinkLeft", "eyeBlinkRight", "eyeLookDownLeft", "eyeLookDownRight",
    "eyeLookInLeft", "eyeLookInRight", "eyeLookOutLeft", "eyeLookOutRight", "eyeLookUpLeft", "eyeLookUpRight",
    "eyeSquintLeft", "eyeSquintRight", "eyeWideLeft", "eyeWideRight", "jawForward", "jawLeft", "jawOpen", "jawRight",
    "mouthClose", "mouthDimpleLeft", "mouthDimpleRight", "mouthFrownLeft", "mouthFrownRight", "mouthFunnel",
    "mouthLeft", "mouthLowerDownLeft", "mouthLowerDownRight", "mouthPressLeft", "mouthPressRight", "mouthPucker",
    "mouthRight", "mouthRollLower", "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper", "mouthSmileLeft",
    "mouthSmileRight", "mouthStretchLeft", "mouthStretchRight", "mouthUpperUpLeft", "mouthUpperUpRight",
    "noseSneerLeft", "noseSneerRight", "tongueOut",
];

/// Angles of head and gaze, as they are called beside the weights.
pub const ANGLES: [&str; 5] = ["headYaw", "headPitch", "headRoll", "gazeYaw", "gazePitch"];

/// How many weights a face has.
pub const COUNT: usize = 52;

/// One ARKit weight, named by its place in [`NAMES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
#[rustfmt::skip]
pub enum Shape {
    BrowDownLeft, BrowDownRight, BrowInnerUp, BrowOuterUpLeft, BrowOuterUpRight, CheekPuff,
    CheekSquintLeft, CheekSquintRight, EyeBlinkLeft, EyeBlinkRight, EyeLookDownLeft, EyeLookDownRight,
    EyeLookInLeft, EyeLookInRight, EyeLookOutLeft, EyeLookOutRight, EyeLookUpLeft, EyeLookUpRight,
    EyeSquintLeft, EyeSquintRight, EyeWideLeft, EyeWideRight, JawForward, JawLeft, JawOpen, JawRight,
    MouthClose, MouthDimpleLeft, MouthDimpleRight, MouthFrownLeft, MouthFrownRight, MouthFunnel,
    MouthLeft, MouthLowerDownLeft, MouthLowerDownRight, MouthPressLeft, MouthPressRight, MouthPucker,
    MouthRight, MouthRollLower, MouthRollUpper, MouthShrugLower, MouthShrugUpper, MouthSmileLeft,
    MouthSmileRight, MouthStretchLeft, MouthStretchRight, MouthUpperUpLeft, MouthUpperUpRight,
    NoseSneerLeft, NoseSneerRight, TongueOut,
}

/// The index in [`NAMES`] of a weight spelt as ARKit spells it.
pub fn index_of(name: &str) -> Option<usize> {
    NAMES.iter().position(|n| *n == name)
}

/// The 52 weights, each 0..1; left and right are the avatar's own.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Weights(pub [f32; COUNT]);

impl Default for Weights {
    fn default() -> Self {
        Self([0.0; COUNT])
    }
}

impl std::ops::Index<Shape> for Weights {
    type Output = f32;
    fn index(&self, shape: Shape) -> &f32 {
        &self.0[shape as usize]
    }
}

impl std::ops::IndexMut<Shape> for Weights {
    fn index_mut(&mut self, shape: Shape) -> &mut f32 {
        &mut self.0[shape as usize]
    }
}

/// How far the head of an avatar is from the camera as it is framed, in inter-ocular distances: a `z` of minus this doubles it.
pub const CAMERA_DISTANCE: f32 = 14.0;

/// Where the head is: angles in degrees, offsets in inter-ocular distances.
///
/// Positive yaw turns the avatar to its own left, positive pitch raises the face, positive roll tilts to its own right.
/// `x` is to the avatar's own left, `y` up, `z` toward the viewer.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct HeadPose {
    pub yaw: f32,
    pub pitch: f32,
    pub roll: f32,
    pub x: f32,
    pub y: f32,
    pub z: f32,
}

/// Where the eyes aim relative to the head, in degrees; signs as for [`HeadPose`].
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Gaze {
    pub yaw: f32,
    pub pitch: f32,
}

/// One face at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Face {
    pub at: Moment,
    pub weights: Weights,
    pub head: HeadPose,
    pub gaze: Gaze,
}

impl Face {
    /// Every weight by ARKit's name, then "headYaw", "headPitch", "headRoll", "gazeYaw" and "gazePitch" in degrees.
    pub fn named(&self) -> impl Iterator<Item = (&'static str, f64)> {
        let Self { weights, head, gaze, .. } = *self;
        let angles = [head.yaw, head.pitch, head.roll, gaze.yaw, gaze.pitch];
        // More digits than the renderer can show are noise.
        let round = |v: f32| (f64::from(v) * 1e5).round() / 1e5;
        NAMES.into_iter().chain(ANGLES).zip(weights.0.into_iter().chain(angles).map(round))
    }

    /// The face `t` (0..1) of the way from `self` to `other`: every part is interpolated linearly.
    pub fn lerp(&self, other: &Face, t: f32) -> Face {
        let mix = |a: f32, b: f32| a + (b - a) * t;
        let (a, b) = (&self.head, &other.head);
        let mut weights = self.weights;
        for (w, o) in weights.0.iter_mut().zip(&other.weights.0) {
            *w = mix(*w, *o);
        }
        Face {
            at: Moment(self.at.0 + ((other.at.0 - self.at.0) as f64 * f64::from(t)) as i64),
            weights,
            head: HeadPose {
                yaw: mix(a.yaw, b.yaw),
                pitch: mix(a.pitch, b.pitch),
                roll: mix(a.roll, b.roll),
                x: mix(a.x, b.x),
                y: mix(a.y, b.y),
                z: mix(a.z, b.z),
            },
            gaze: Gaze { yaw: mix(self.gaze.yaw, other.gaze.yaw), pitch: mix(self.gaze.pitch, other.gaze.pitch) },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shape_stands_at_the_place_of_its_name() {
        assert_eq!(NAMES[Shape::JawOpen as usize], "jawOpen");
        assert_eq!(NAMES[Shape::TongueOut as usize], "tongueOut");
        assert_eq!(NAMES[Shape::MouthSmileRight as usize], "mouthSmileRight");
        let mut sorted = NAMES;
        sorted.sort_unstable();
        assert_eq!(sorted, NAMES, "the names are in alphabetical order");
    }

    #[test]
    fn half_way_between_two_faces_is_the_mean_of_every_part() {
        let a = Face::default();
        let mut b = Face { at: Moment(40), ..Face::default() };
        b.weights[Shape::JawOpen] = 0.5;
        b.head.yaw = 10.0;
        b.gaze.pitch = -4.0;
        let m = a.lerp(&b, 0.5);
        assert_eq!((m.at, m.weights[Shape::JawOpen], m.head.yaw, m.gaze.pitch), (Moment(20), 0.25, 5.0, -2.0));
    }
}
