//! The landmarks of a face: 468 of MediaPipe's mesh and 5 of each iris.

use super::crop::{Beyond, sample};
use super::{Network, Roi, sigmoid};
use anyhow::Result;
use glam::{Vec2, Vec3};
use image::RgbImage;

/// How many there are.
pub const COUNT: usize = 478;

/// Those of the mesh; the irises come after them.
const MESH: usize = 468;

/// Pixels on a side of what the network is shown.
pub(super) const SIDE: usize = 192;

/// The landmarks of a face.
#[derive(Clone, Debug, PartialEq)]
pub struct Landmarks {
    /// x and y, and z: how far behind the middle of the head, in pixels as well; what is nearer has a smaller one. They are numbered as in
    /// MediaPipe's `canonical_face_model.obj`; from 468 on the left iris (its middle, right, top, left and bottom), then the right one.
    pub points: Box<[Vec3; COUNT]>,
    /// How probable it is that there is a face, from 0 to 1. MediaPipe takes none below 0.5 for one.
    pub presence: f32,
}

/// The outer corners of the eyes.
const LEFT_CORNER: usize = 33;
const RIGHT_CORNER: usize = 263;

impl Landmarks {
    /// The corners of the upright rectangle that they fill.
    pub fn bounds(&self) -> (Vec2, Vec2) {
        let flat = || self.points.iter().map(|p| p.truncate());
        (flat().fold(Vec2::MAX, Vec2::min), flat().fold(Vec2::MIN, Vec2::max))
    }

    /// From the left eye's outer corner to the right one's.
    pub fn across(&self) -> Vec2 {
        (self.points[RIGHT_CORNER] - self.points[LEFT_CORNER]).truncate()
    }
}

/// What the network gives, and how many numbers: the mesh, then parts at which it looks closer.
const OUTPUTS: [(&str, usize); 7] = [
    ("output_mesh_identity", MESH * 3),
    ("output_lips", LIPS.len() * 2),
    ("output_left_eye", LEFT_EYE.len() * 2),
    ("output_right_eye", RIGHT_EYE.len() * 2),
    ("output_left_iris", LEFT_IRIS.len() * 2),
    ("output_right_iris", RIGHT_IRIS.len() * 2),
    ("conv_faceflag", 1),
];

pub(super) fn run(network: &mut Network, picture: &RgbImage, roi: &Roi) -> Result<Landmarks> {
    sample(picture, &roi.grid(SIDE), Beyond::Edge, [0.0, 1.0], SIDE, &mut network.pixels);
    let (mut points, presence) = network.run(OUTPUTS, |[mesh, lips, left_eye, right_eye, left, right, flag]| {
        let mut points = Box::new([Vec3::ZERO; COUNT]);
        for (point, [x, y, z]) in points.iter_mut().zip(mesh.as_chunks::<3>().0) {
            *point = Vec3::new(*x, *y, *z);
        }
        // What was looked at closer lies better, but has no depth.
        let parts: [(&[usize], &[f32]); 5] =
            [(&LIPS, lips), (&LEFT_EYE, left_eye), (&RIGHT_EYE, right_eye), (&LEFT_IRIS, left), (&RIGHT_IRIS, right)];
        for (numbers, found) in parts {
            for (number, [x, y]) in numbers.iter().zip(found.as_chunks::<2>().0) {
                if let Some(point) = points.get_mut(*number) {
                    (point.x, point.y) = (*x, *y);
                }
            }
        }
        // An iris is as deep as the rim of its eye.
        for (iris, eye) in [(LEFT_IRIS, &LEFT_EYE), (RIGHT_IRIS, &RIGHT_EYE)] {
            let rim: f32 = eye.iter().take(RIM).filter_map(|i| points.get(*i)).map(|p| p.z).sum();
            iris.iter().for_each(|i| points[*i].z = rim / RIM as f32);
        }
        Ok((points, flag.first().copied().map_or(0.0, sigmoid)))
    })?;
    let grid = roi.grid(SIDE);
    for point in points.iter_mut() {
        *point = grid.place(point.truncate()).extend(point.z * roi.side / SIDE as f32);
    }
    Ok(Landmarks { points, presence })
}

/// How many of an eye's landmarks, the first, are on the rims of its lids.
const RIM: usize = 16;

// Which landmarks the parts are, in the order in which the network gives them
// (`mediapipe/modules/face_landmark/tensors_to_face_landmarks_with_attention.pbtxt`).
#[rustfmt::skip]
const LIPS: [usize; 80] = [
    61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291,
    185, 40, 39, 37, 0, 267, 269, 270, 409,
    78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308,
    191, 80, 81, 82, 13, 312, 311, 310, 415,
    76, 77, 90, 180, 85, 16, 315, 404, 320, 307, 306,
    184, 74, 73, 72, 11, 302, 303, 304, 408,
    62, 96, 89, 179, 86, 15, 316, 403, 319, 325, 292,
    183, 42, 41, 38, 12, 268, 271, 272, 407,
];
#[rustfmt::skip]
const LEFT_EYE: [usize; 71] = [
    33, 7, 163, 144, 145, 153, 154, 155, 133,
    246, 161, 160, 159, 158, 157, 173,
    130, 25, 110, 24, 23, 22, 26, 112, 243,
    247, 30, 29, 27, 28, 56, 190,
    226, 31, 228, 229, 230, 231, 232, 233, 244,
    113, 225, 224, 223, 222, 221, 189,
    35, 124, 46, 53, 52, 65,
    143, 111, 117, 118, 119, 120, 121, 128, 245,
    156, 70, 63, 105, 66, 107, 55, 193,
];
#[rustfmt::skip]
const RIGHT_EYE: [usize; 71] = [
    263, 249, 390, 373, 374, 380, 381, 382, 362,
    466, 388, 387, 386, 385, 384, 398,
    359, 255, 339, 254, 253, 252, 256, 341, 463,
    467, 260, 259, 257, 258, 286, 414,
    446, 261, 448, 449, 450, 451, 452, 453, 464,
    342, 445, 444, 443, 442, 441, 413,
    265, 353, 276, 283, 282, 295,
    372, 340, 346, 347, 348, 349, 350, 357, 465,
    383, 300, 293, 334, 296, 336, 285, 417,
];
const LEFT_IRIS: [usize; 5] = [468, 469, 470, 471, 472];
const RIGHT_IRIS: [usize; 5] = [473, 474, 475, 476, 477];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_square_around_landmarks_is_turned_with_the_eyes() {
        let mut points = Box::new([Vec3::new(50.0, 60.0, 0.0); COUNT]);
        points[LEFT_CORNER] = Vec3::new(40.0, 50.0, 5.0);
        points[RIGHT_CORNER] = Vec3::new(60.0, 70.0, 5.0);
        points[10] = Vec3::new(50.0, 20.0, 5.0);
        let roi = Roi::of(&Landmarks { points, presence: 1.0 });
        assert_eq!(roi.centre, Vec2::new(50.0, 45.0));
        assert!((roi.side - 75.0).abs() < 1e-4 && (roi.angle - std::f32::consts::FRAC_PI_4).abs() < 1e-6, "{roi:?}");
    }

    #[test]
    fn no_landmark_is_named_twice() {
        let mut all: Vec<usize> = [&LIPS[..], &LEFT_EYE, &RIGHT_EYE, &LEFT_IRIS, &RIGHT_IRIS].concat();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 80 + 71 + 71 + 10);
        assert!(all.iter().all(|i| *i < COUNT));
    }
}
