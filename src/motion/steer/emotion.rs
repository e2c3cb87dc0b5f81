//! What an emotion does to the face and to the way it moves.
//!
//! The weights follow the action units (AU) that Ekman and Friesen give for each emotion (Facial Action Coding System, 1978; Ekman,
//! Friesen and Hager, FACS Investigator's Guide, 2002, table 10-2), in ARKit's nearest shapes: AU1 browInnerUp, AU2 browOuterUp, AU4
//! browDown, AU5 eyeWide, AU6 cheekSquint, AU7 eyeSquint, AU9 noseSneer, AU10 mouthUpperUp, AU12 mouthSmile, AU14 mouthDimple, AU15
//! mouthFrown, AU16 mouthLowerDown, AU17 mouthShrugLower, AU20 mouthStretch, AU23 and 24 mouthPress and mouthRoll, AU26 jawOpen. Which
//! way head and energy go follows Wallbott (1998, European J. Social Psychology 28:879). How far everything goes was chosen by eye on
//! the avatars that ship: at 1 a stranger names the emotion, and nobody looks like an actor of silent film.

use crate::config::{Emotion, Emotions, MotionStyle};
use crate::face::{Shape, Weights};
use Shape::*;

/// More emotion than this in all is scaled down to it: a face has room for one and a half.
const MOST: f32 = 1.5;

/// How much stronger "neutral" at -1 makes the others.
const UNDAMPED: f32 = 0.5;

/// How a way of moving differs from the natural one at an amount of 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Carriage {
    /// Of energy, tempo, blink rate and head range: the logarithm of the factor.
    pub energy: f32,
    pub tempo: f32,
    pub blinks: f32,
    pub range: f32,
    /// Added: share of time with the eyes on the camera; degrees of the head.
    pub contact: f32,
    pub pitch: f32,
    pub roll: f32,
    /// Added to where the eyes rest, degrees up.
    pub gaze: f32,
}

const STILL: Carriage =
    Carriage { energy: 0.0, tempo: 0.0, blinks: 0.0, range: 0.0, contact: 0.0, pitch: 0.0, roll: 0.0, gaze: 0.0 };

impl Carriage {
    fn add(&mut self, other: &Self, k: f32) {
        let Self { energy, tempo, blinks, range, contact, pitch, roll, gaze } = self;
        for (mine, theirs) in [
            (energy, other.energy),
            (tempo, other.tempo),
            (blinks, other.blinks),
            (range, other.range),
            (contact, other.contact),
            (pitch, other.pitch),
            (roll, other.roll),
            (gaze, other.gaze),
        ] {
            *mine += k * theirs;
        }
    }

    /// The way of somebody who moves like `manner` otherwise.
    pub fn carry(&self, manner: &MotionStyle) -> MotionStyle {
        MotionStyle {
            energy: (manner.energy * self.energy.exp()).clamp(0.0, 2.0),
            tempo: (manner.tempo * self.tempo.exp()).clamp(0.4, 2.5),
            blinks_per_minute: (manner.blinks_per_minute * self.blinks.exp()).clamp(2.0, 60.0),
            head_range: (manner.head_range * self.range.exp()).clamp(0.0, 2.0),
            eye_contact: (manner.eye_contact + self.contact).clamp(0.0, 1.0),
            head_pitch: (manner.head_pitch + self.pitch).clamp(-12.0, 12.0),
            head_roll: (manner.head_roll + self.roll).clamp(-12.0, 12.0),
            ..*manner
        }
    }
}

/// One emotion at 1, and the opposite that -1 means.
struct Entry {
    emotion: Emotion,
    face: &'static [(Shape, f32)],
    carriage: Carriage,
    opposite: &'static [(Shape, f32)],
    opposite_carriage: Carriage,
}

/// "neutral" has no face of its own: it is how much is left of the others ([`Mood::left`]).
const ENTRIES: [Entry; Emotions::COUNT - 1] = [
    // AU6 + 12. The opposite takes the smile back and lets the corners sink.
    Entry {
        emotion: Emotion::Happy,
        face: &[
            (MouthSmileLeft, 0.85),
            (MouthSmileRight, 0.85),
            (CheekSquintLeft, 0.7),
            (CheekSquintRight, 0.7),
            (EyeSquintLeft, 0.3),
            (EyeSquintRight, 0.3),
            (MouthDimpleLeft, 0.15),
            (MouthDimpleRight, 0.15),
            (BrowOuterUpLeft, 0.1),
            (BrowOuterUpRight, 0.1),
        ],
        carriage: Carriage { energy: 0.15, tempo: 0.1, blinks: 0.1, range: 0.15, contact: 0.05, pitch: 1.0, ..STILL },
        opposite: &[
            (MouthSmileLeft, -0.5),
            (MouthSmileRight, -0.5),
            (CheekSquintLeft, -0.3),
            (CheekSquintRight, -0.3),
            (MouthFrownLeft, 0.22),
            (MouthFrownRight, 0.22),
            (BrowDownLeft, 0.12),
            (BrowDownRight, 0.12),
        ],
        opposite_carriage: Carriage { energy: -0.2, tempo: -0.1, range: -0.15, pitch: -1.0, ..STILL },
    },
    // AU1 + 4 + 15 (+ 17). The opposite is comfort: the brows part, the corners are lifted, the head comes up.
    Entry {
        emotion: Emotion::Sad,
        face: &[
            (BrowInnerUp, 1.0),
            (BrowDownLeft, 0.25),
            (BrowDownRight, 0.25),
            (MouthFrownLeft, 0.9),
            (MouthFrownRight, 0.9),
            (MouthShrugLower, 0.35),
            (EyeBlinkLeft, 0.07),
            (EyeBlinkRight, 0.07),
        ],
        carriage: Carriage {
            energy: -0.45,
            tempo: -0.32,
            blinks: 0.15,
            range: -0.3,
            contact: -0.22,
            pitch: -4.5,
            roll: 1.5,
            gaze: -3.0,
        },
        opposite: &[
            (BrowInnerUp, -0.4),
            (MouthFrownLeft, -0.4),
            (MouthFrownRight, -0.4),
            (MouthSmileLeft, 0.14),
            (MouthSmileRight, 0.14),
            (CheekSquintLeft, 0.1),
            (CheekSquintRight, 0.1),
        ],
        opposite_carriage: Carriage { energy: 0.1, tempo: 0.08, range: 0.1, contact: 0.08, pitch: 1.5, ..STILL },
    },
    // AU4 + 5 + 7 + 23. The opposite is mildness: brows apart and a little up, lids soft.
    Entry {
        emotion: Emotion::Angry,
        face: &[
            (BrowDownLeft, 1.0),
            (BrowDownRight, 1.0),
            (EyeWideLeft, 0.3),
            (EyeWideRight, 0.3),
            (EyeSquintLeft, 0.5),
            (EyeSquintRight, 0.5),
            (NoseSneerLeft, 0.35),
            (NoseSneerRight, 0.35),
            (MouthPressLeft, 0.5),
            (MouthPressRight, 0.5),
            (MouthRollLower, 0.15),
            (MouthFrownLeft, 0.55),
            (MouthFrownRight, 0.55),
            (JawForward, 0.2),
        ],
        carriage: Carriage {
            energy: 0.2,
            tempo: 0.15,
            blinks: -0.35,
            range: 0.05,
            contact: 0.15,
            pitch: -3.0,
            ..STILL
        },
        opposite: &[
            (BrowDownLeft, -0.5),
            (BrowDownRight, -0.5),
            (BrowInnerUp, 0.14),
            (EyeSquintLeft, -0.2),
            (EyeSquintRight, -0.2),
            (MouthSmileLeft, 0.08),
            (MouthSmileRight, 0.08),
        ],
        opposite_carriage: Carriage { energy: -0.1, tempo: -0.1, roll: 1.5, ..STILL },
    },
    // AU1 + 2 + 5 + 26. The opposite is boredom: brows and lids sink.
    Entry {
        emotion: Emotion::Surprised,
        face: &[
            (BrowInnerUp, 0.95),
            (BrowOuterUpLeft, 1.0),
            (BrowOuterUpRight, 1.0),
            (EyeWideLeft, 0.85),
            (EyeWideRight, 0.85),
            (JawOpen, 0.32),
            (MouthFunnel, 0.25),
        ],
        carriage: Carriage { energy: 0.2, tempo: 0.12, blinks: -0.5, contact: 0.15, pitch: 1.5, ..STILL },
        opposite: &[
            (BrowInnerUp, -0.3),
            (BrowOuterUpLeft, -0.3),
            (BrowOuterUpRight, -0.3),
            (EyeWideLeft, -0.4),
            (EyeWideRight, -0.4),
            (EyeBlinkLeft, 0.2),
            (EyeBlinkRight, 0.2),
        ],
        opposite_carriage: Carriage { energy: -0.35, tempo: -0.2, range: -0.2, ..STILL },
    },
    // AU1 + 2 + 4 + 5 + 7 + 20 + 26. The opposite is confidence: a steady look, the chin a little up.
    Entry {
        emotion: Emotion::Afraid,
        face: &[
            (BrowInnerUp, 1.0),
            (BrowOuterUpLeft, 0.25),
            (BrowOuterUpRight, 0.25),
            (BrowDownLeft, 0.35),
            (BrowDownRight, 0.35),
            (EyeWideLeft, 1.0),
            (EyeWideRight, 1.0),
            (MouthStretchLeft, 0.8),
            (MouthStretchRight, 0.8),
            (MouthFrownLeft, 0.4),
            (MouthFrownRight, 0.4),
            (JawOpen, 0.08),
            (MouthLowerDownLeft, 0.2),
            (MouthLowerDownRight, 0.2),
        ],
        carriage: Carriage { energy: -0.1, tempo: 0.22, blinks: 0.3, range: -0.3, contact: -0.08, pitch: 1.0, ..STILL },
        opposite: &[
            (BrowInnerUp, -0.4),
            (EyeWideLeft, -0.4),
            (EyeWideRight, -0.4),
            (MouthStretchLeft, -0.3),
            (MouthStretchRight, -0.3),
            (EyeSquintLeft, 0.12),
            (EyeSquintRight, 0.12),
        ],
        opposite_carriage: Carriage { tempo: -0.08, blinks: -0.2, contact: 0.12, pitch: 1.5, ..STILL },
    },
    // AU9 + 10 + 4 + 15 + 16 + 17. The opposite is relish: nose and lip relax, the corners rise a little.
    Entry {
        emotion: Emotion::Disgusted,
        face: &[
            (NoseSneerLeft, 1.0),
            (NoseSneerRight, 1.0),
            (BrowDownLeft, 0.7),
            (BrowDownRight, 0.7),
            (EyeSquintLeft, 0.55),
            (EyeSquintRight, 0.55),
            (CheekSquintLeft, 0.4),
            (CheekSquintRight, 0.4),
            (MouthUpperUpLeft, 0.4),
            (MouthUpperUpRight, 0.4),
            (MouthFrownLeft, 0.6),
            (MouthFrownRight, 0.6),
            (MouthShrugLower, 0.3),
        ],
        carriage: Carriage { energy: -0.05, tempo: -0.05, contact: -0.18, pitch: 1.5, roll: -2.0, ..STILL },
        opposite: &[
            (NoseSneerLeft, -0.5),
            (NoseSneerRight, -0.5),
            (MouthFrownLeft, -0.3),
            (MouthFrownRight, -0.3),
            (MouthSmileLeft, 0.14),
            (MouthSmileRight, 0.14),
            (BrowOuterUpLeft, 0.1),
            (BrowOuterUpRight, 0.1),
        ],
        opposite_carriage: Carriage { contact: 0.08, pitch: -0.5, ..STILL },
    },
    // AU12 + 14 of one side, as it is with people. The opposite is respect: an even, open face, the head a little bowed.
    Entry {
        emotion: Emotion::Contempt,
        face: &[
            (MouthSmileRight, 0.6),
            (MouthDimpleRight, 0.8),
            (MouthPressRight, 0.3),
            (MouthPressLeft, 0.1),
            (CheekSquintRight, 0.3),
            (NoseSneerRight, 0.2),
            (BrowOuterUpRight, 0.4),
            (EyeBlinkLeft, 0.14),
            (EyeBlinkRight, 0.14),
        ],
        carriage: Carriage { energy: -0.1, tempo: -0.1, blinks: -0.1, pitch: 3.0, roll: -2.5, gaze: -1.5, ..STILL },
        opposite: &[
            (MouthSmileRight, -0.3),
            (MouthDimpleRight, -0.4),
            (BrowInnerUp, 0.16),
            (BrowOuterUpLeft, 0.1),
            (BrowOuterUpRight, 0.1),
        ],
        opposite_carriage: Carriage { contact: 0.1, pitch: -2.5, ..STILL },
    },
];

/// The emotions of a moment, mixed: what they add to the face and how they carry it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mood {
    /// Added to the weights, -1..1 each.
    pub face: Weights,
    pub carriage: Carriage,
    /// How much is left of what the profile adds: 1 all of it, 0 nothing.
    pub left: f32,
}

impl Default for Mood {
    fn default() -> Self {
        Self { face: Weights::default(), carriage: STILL, left: 1.0 }
    }
}

impl Mood {
    /// Emotions add; together they are limited. "neutral" takes away from the others and from the profile, or strengthens the
    /// others where it is negative.
    pub fn of(levels: &[f32; Emotions::COUNT]) -> Self {
        let [neutral, others @ ..] = levels;
        let total: f32 = others.iter().map(|x| x.abs()).sum();
        let left = (1.0 - neutral).clamp(0.0, 1.0);
        let k = left.min(1.0) * (1.0 + UNDAMPED * (-neutral).clamp(0.0, 1.0)) * (MOST / total.max(MOST));
        let mut mood = Self { left, ..Self::default() };
        for entry in &ENTRIES {
            let amount = k * levels[entry.emotion as usize];
            let (face, carriage) =
                if amount < 0.0 { (entry.opposite, &entry.opposite_carriage) } else { (entry.face, &entry.carriage) };
            if amount != 0.0 {
                face.iter().for_each(|(shape, w)| mood.face[*shape] += w * amount.abs());
                mood.carriage.add(carriage, amount.abs());
            }
        }
        mood.face.0.iter_mut().for_each(|w| *w = w.clamp(-1.0, 1.0));
        mood
    }
}

impl From<&Emotions> for Mood {
    fn from(emotions: &Emotions) -> Self {
        Self::of(&emotions.0.map(|x| x as f32))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mood(levels: &[(Emotion, f64)]) -> Mood {
        let mut e = Emotions::default();
        levels.iter().for_each(|(emotion, x)| e[*emotion] = *x);
        Mood::from(&e)
    }

    #[test]
    fn every_emotion_has_its_entry_and_only_contempt_is_one_sided() {
        for (entry, name) in ENTRIES.iter().zip(&Emotions::NAMES[1..]) {
            assert_eq!(Emotions::NAMES[entry.emotion as usize], *name);
            for face in [entry.face, entry.opposite] {
                for (shape, w) in face {
                    let name = crate::face::NAMES[*shape as usize];
                    let other = name.strip_suffix("Left").map(|n| format!("{n}Right"));
                    let other = other.or_else(|| name.strip_suffix("Right").map(|n| format!("{n}Left")));
                    let Some(other) = other.and_then(|n| crate::face::index_of(&n)) else { continue };
                    let even = face.iter().any(|(s, v)| *s as usize == other && v == w);
                    assert!(even || entry.emotion == Emotion::Contempt, "{name} of {:?}", entry.emotion);
                }
            }
        }
    }

    #[test]
    fn emotions_add_are_limited_and_neutral_takes_them_away() {
        let (happy, both) = (mood(&[(Emotion::Happy, 1.0)]), mood(&[(Emotion::Happy, 0.5), (Emotion::Sad, 0.5)]));
        assert!((both.face[MouthSmileLeft] - 0.5 * happy.face[MouthSmileLeft]).abs() < 1e-6);
        assert!((both.face[BrowInnerUp] - 0.5 * mood(&[(Emotion::Sad, 1.0)]).face[BrowInnerUp]).abs() < 1e-6);
        let all = Mood::of(&[0.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]);
        assert!(all.face.0.iter().all(|w| w.abs() <= 0.7), "{:?}", all.face);
        let none = mood(&[(Emotion::Happy, 1.0), (Emotion::Neutral, 1.0)]);
        assert_eq!((none.face, none.left), (Weights::default(), 0.0));
        let more = mood(&[(Emotion::Happy, 0.5), (Emotion::Neutral, -1.0)]);
        assert!(more.face[MouthSmileLeft] > both.face[MouthSmileLeft] && more.left == 1.0);
        assert_eq!(mood(&[]), Mood::default());
    }

    #[test]
    fn the_opposite_takes_back_what_the_emotion_gives() {
        for entry in &ENTRIES {
            let (there, back) = (mood(&[(entry.emotion, 1.0)]), mood(&[(entry.emotion, -1.0)]));
            assert!(there.face.0.iter().zip(&back.face.0).any(|(a, b)| *a > 0.1 && *b < -0.1), "{:?}", entry.emotion);
        }
    }

    #[test]
    fn no_carriage_leaves_what_a_profile_may_say() {
        let all = Mood::of(&[-1.0, 1.0, -1.0, 1.0, 1.0, -1.0, 1.0, -1.0]);
        let m =
            all.carriage.carry(&MotionStyle { energy: 2.0, tempo: 2.0, eye_contact: 1.0, ..MotionStyle::default() });
        assert!(m.energy <= 2.0 && m.tempo <= 2.5 && m.eye_contact <= 1.0 && m.head_pitch.abs() <= 12.0);
        assert_eq!(STILL.carry(&MotionStyle::default()), MotionStyle::default());
    }
}
