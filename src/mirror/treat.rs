//! What a user wants done with what is seen of them: weak expressions amplified, the weak side led by the healthy one.

use super::Ranges;
use crate::config::{Manner, Part, Side};
use crate::face::{COUNT, Face, NAMES, Shape};

/// Heads that turn further leave the picture; degrees.
const FURTHEST: f32 = 25.0;
/// Eyes that look further show their white only; degrees.
const ASIDE: [f32; 2] = [30.0, 20.0];

/// The part of the face that a weight moves.
pub fn part_of(weight: usize) -> Part {
    match NAMES.get(weight) {
        Some(name) if name.starts_with("brow") => Part::Brows,
        Some(name) if name.starts_with("eye") => Part::Lids,
        _ => Part::Mouth,
    }
}

/// The weight of the other side, and which side this one is of; None for weights of the whole face.
pub fn sided(weight: usize) -> Option<(Side, usize)> {
    let name = NAMES.get(weight)?;
    // These two move the whole mouth, and the whole jaw, aside.
    if matches!(*name, "mouthLeft" | "mouthRight" | "jawLeft" | "jawRight") {
        return None;
    }
    let (side, other) = match (name.strip_suffix("Left"), name.strip_suffix("Right")) {
        (Some(stem), _) => (Side::Left, format!("{stem}Right")),
        (_, Some(stem)) => (Side::Right, format!("{stem}Left")),
        _ => return None,
    };
    crate::face::index_of(&other).map(|twin| (side, twin))
}

/// What is known of each weight once.
pub struct Treatment {
    parts: [Part; COUNT],
    sides: [Option<(Side, usize)>; COUNT],
}

impl Default for Treatment {
    fn default() -> Self {
        Self { parts: std::array::from_fn(part_of), sides: std::array::from_fn(sided) }
    }
}

impl Treatment {
    /// Does to a face what `manner` says, after bringing it to the person's own ranges.
    pub fn apply(&self, face: &mut Face, manner: &Manner, ranges: &Ranges) {
        let weights = &mut face.weights;
        for (k, w) in weights.0.iter_mut().enumerate() {
            *w *= ranges.stretch(k);
        }
        if let Some(weak) = manner.weak {
            for aside in [Shape::MouthLeft, Shape::MouthRight, Shape::JawLeft, Shape::JawRight] {
                weights[aside] = 0.0;
            }
            for (k, side) in self.sides.iter().enumerate() {
                if let Some((side, twin)) = side
                    && *side == weak
                {
                    weights.0[k] = weights.0[*twin];
                }
            }
        }
        for (k, w) in weights.0.iter_mut().enumerate() {
            let [left, right] = manner.gains[self.parts[k] as usize];
            let gain = match self.sides[k] {
                Some((Side::Left, _)) => left,
                Some((Side::Right, _)) => right,
                None => (left + right) / 2.0,
            };
            *w = (*w * gain).clamp(0.0, 1.0);
        }
        let [turn, _] = manner.gains[Part::Head as usize];
        for angle in [&mut face.head.yaw, &mut face.head.pitch, &mut face.head.roll] {
            *angle = (*angle * turn).clamp(-FURTHEST, FURTHEST);
        }
        let [aim, _] = manner.gains[Part::Gaze as usize];
        face.gaze.yaw = (face.gaze.yaw * aim).clamp(-ASIDE[0], ASIDE[0]);
        face.gaze.pitch = (face.gaze.pitch * aim).clamp(-ASIDE[1], ASIDE[1]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Shape::*;

    fn treated(manner: &Manner, set: &[(Shape, f32)]) -> Face {
        let mut face = Face::default();
        set.iter().for_each(|(s, w)| face.weights[*s] = *w);
        (face.head.yaw, face.gaze.yaw) = (10.0, 4.0);
        Treatment::default().apply(&mut face, manner, &Ranges::default());
        face
    }

    #[test]
    fn the_weak_side_goes_as_the_other_does() {
        let manner = Manner { weak: Some(Side::Left), ..Manner::default() };
        let face = treated(
            &manner,
            &[
                (MouthSmileRight, 0.6),
                (MouthSmileLeft, 0.1),
                (EyeBlinkRight, 1.0),
                (BrowOuterUpRight, 0.4),
                (MouthRight, 0.3),
                (JawOpen, 0.2),
            ],
        );
        for (left, right, w) in [
            (MouthSmileLeft, MouthSmileRight, 0.6),
            (EyeBlinkLeft, EyeBlinkRight, 1.0),
            (BrowOuterUpLeft, BrowOuterUpRight, 0.4),
        ] {
            assert_eq!((face.weights[left], face.weights[right]), (w, w));
        }
        assert_eq!((face.weights[MouthRight], face.weights[JawOpen]), (0.0, 0.2));
    }

    #[test]
    fn gains_are_by_part_and_side_and_never_leave_the_range() {
        let mut manner = Manner::default();
        manner.gains[Part::Mouth as usize] = [3.0, 1.0];
        manner.gains[Part::Brows as usize] = [0.0; 2];
        manner.gains[Part::Head as usize] = [2.0; 2];
        let face = treated(
            &manner,
            &[(MouthSmileLeft, 0.2), (MouthSmileRight, 0.2), (MouthFrownLeft, 0.5), (BrowInnerUp, 0.9), (JawOpen, 0.3)],
        );
        let near = |a: f32, b: f32| assert!((a - b).abs() < 1e-6, "{a} {b}");
        near(face.weights[MouthSmileLeft], 0.6);
        near(face.weights[MouthSmileRight], 0.2);
        near(face.weights[MouthFrownLeft], 1.0);
        near(face.weights[BrowInnerUp], 0.0);
        near(face.weights[JawOpen], 0.6);
        near(face.head.yaw, 20.0);
        near(face.gaze.yaw, 4.0);
    }

    #[test]
    fn every_weight_has_its_part_and_its_twin() {
        for (k, name) in NAMES.iter().enumerate() {
            if let Some((side, twin)) = sided(k) {
                let (back, own) = sided(twin).unwrap();
                assert!(own == k && back != side && part_of(twin) == part_of(k), "{name}");
            }
        }
        assert_eq!((0..COUNT).filter(|k| sided(*k).is_some()).count(), 36);
    }
}
