//! One-shot gestures: short curves, laid over the face and the head, that begin and end at nothing.
//!
//! Their shapes were drawn by eye. A laugh has about five calls a second (Provine and Yong 1991, Ethology 89:115).

use super::super::DT;
use super::super::smooth::{Spring, ease};
use crate::face::{COUNT, Gaze, HeadPose, Shape, Weights};
use Part::{GazePitch, GazeYaw, Pitch, Roll, Weight, Yaw};
use Shape::*;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Gesture {
    Nod,
    Shake,
    Wink,
    Laugh,
    RaiseBrows,
    Think,
}

const KINDS: usize = 6;

impl Gesture {
    pub const ALL: [Self; KINDS] = [Self::Nod, Self::Shake, Self::Wink, Self::Laugh, Self::RaiseBrows, Self::Think];

    /// As the contract spells them, in the order of [`Gesture::ALL`].
    pub const NAMES: [&str; KINDS] = ["nod", "shake", "wink", "laugh", "raise-brows", "think"];

    /// # Errors
    /// A name that does not exist: one sentence that names those there are.
    pub fn of(name: &str) -> Result<Self, String> {
        let found = Self::NAMES.iter().zip(Self::ALL).find(|(n, _)| **n == name);
        found.map(|(_, gesture)| gesture).ok_or_else(|| {
            let short: String = name.chars().take(60).collect();
            format!("there is no gesture \"{short}\"; use {}", Self::NAMES.join(", "))
        })
    }
}

/// What a curve moves: a weight, an angle of the head, or where the eyes rest; degrees.
#[derive(Clone, Copy)]
enum Part {
    Weight(Shape),
    Yaw,
    Pitch,
    Roll,
    GazeYaw,
    GazePitch,
}

impl Part {
    fn index(self) -> usize {
        match self {
            Weight(shape) => shape as usize,
            Yaw => COUNT,
            Pitch => COUNT + 1,
            Roll => COUNT + 2,
            GazeYaw => COUNT + 3,
            GazePitch => COUNT + 4,
        }
    }
}

const PARTS: usize = COUNT + 5;

/// (seconds, value), with soft turns between; 0 before the first and after the last.
type Keys = &'static [(f32, f32)];

/// A curve, and what it moves by how much.
struct Track(Keys, &'static [(Part, f32)]);

const NOD: &[Track] = &[
    Track(&[(0.0, 0.0), (0.22, -1.0), (0.48, 0.22), (0.74, -0.6), (1.0, 0.06), (1.15, 0.0)], &[(Pitch, 9.5)]),
    Track(&[(0.0, 0.0), (0.25, 1.0), (0.8, 0.7), (1.2, 0.0)], &[(Weight(BrowInnerUp), 0.12)]),
];

const SHAKE: &[Track] = &[
    Track(&[(0.0, 0.0), (0.22, 0.9), (0.54, -1.0), (0.86, 0.8), (1.14, -0.35), (1.4, 0.0)], &[(Yaw, 10.0)]),
    Track(
        &[(0.0, 0.0), (0.3, 1.0), (1.0, 1.0), (1.45, 0.0)],
        &[(Pitch, -1.5), (Weight(BrowDownLeft), 0.12), (Weight(BrowDownRight), 0.12)],
    ),
];

const WINK: &[Track] = &[
    Track(&[(0.05, 0.0), (0.15, 1.0), (0.34, 1.0), (0.52, 0.0)], &[(Weight(EyeBlinkLeft), 1.0)]),
    Track(
        &[(0.0, 0.0), (0.16, 1.0), (0.38, 1.0), (0.7, 0.0)],
        &[(Weight(CheekSquintLeft), 0.6), (Weight(BrowDownLeft), 0.16), (Weight(EyeSquintRight), 0.1)],
    ),
    Track(
        &[(0.0, 0.0), (0.2, 1.0), (0.6, 0.9), (1.1, 0.0)],
        &[(Weight(MouthSmileLeft), 0.45), (Weight(MouthSmileRight), 0.22), (Roll, -3.0), (Pitch, -1.0)],
    ),
];

const LAUGH: &[Track] = &[
    Track(
        &[(0.0, 0.0), (0.25, 1.0), (1.45, 1.0), (2.3, 0.0)],
        &[
            (Weight(MouthSmileLeft), 0.75),
            (Weight(MouthSmileRight), 0.75),
            (Weight(CheekSquintLeft), 0.65),
            (Weight(CheekSquintRight), 0.65),
            (Weight(EyeSquintLeft), 0.45),
            (Weight(EyeSquintRight), 0.45),
            (Weight(NoseSneerLeft), 0.12),
            (Weight(NoseSneerRight), 0.12),
            (Weight(MouthDimpleLeft), 0.1),
            (Weight(MouthDimpleRight), 0.1),
        ],
    ),
    // The calls.
    Track(
        &[
            (0.1, 0.0),
            (0.26, 1.0),
            (0.37, 0.55),
            (0.48, 1.0),
            (0.59, 0.5),
            (0.7, 0.9),
            (0.81, 0.45),
            (0.92, 0.75),
            (1.04, 0.35),
            (1.15, 0.55),
            (1.5, 0.2),
            (1.9, 0.0),
        ],
        &[
            (Weight(JawOpen), 0.3),
            (Weight(MouthUpperUpLeft), 0.2),
            (Weight(MouthUpperUpRight), 0.2),
            (Weight(MouthLowerDownLeft), 0.18),
            (Weight(MouthLowerDownRight), 0.18),
            (Pitch, 2.0),
        ],
    ),
    Track(&[(0.0, 0.0), (0.4, 1.0), (1.1, -0.5), (1.7, -0.3), (2.3, 0.0)], &[(Pitch, 4.0)]),
    Track(&[(0.0, 0.0), (0.7, 1.0), (1.6, 0.6), (2.3, 0.0)], &[(Roll, 2.0)]),
];

const RAISE_BROWS: &[Track] = &[Track(
    &[(0.0, 0.0), (0.14, 1.0), (0.34, 0.95), (0.5, 0.3), (0.66, 1.0), (0.9, 0.9), (1.25, 0.0)],
    &[
        (Weight(BrowInnerUp), 0.85),
        (Weight(BrowOuterUpLeft), 1.0),
        (Weight(BrowOuterUpRight), 1.0),
        (Weight(EyeWideLeft), 0.22),
        (Weight(EyeWideRight), 0.22),
        (Pitch, 1.0),
    ],
)];

const THINK: &[Track] = &[
    Track(&[(0.05, 0.0), (0.12, 1.0), (1.85, 1.0), (1.95, 0.0)], &[(GazeYaw, -14.0), (GazePitch, 11.0)]),
    Track(
        &[(0.0, 0.0), (0.4, 1.0), (1.7, 1.0), (2.3, 0.0)],
        &[
            (Yaw, -4.0),
            (Pitch, 1.5),
            (Roll, 4.0),
            (Weight(BrowInnerUp), 0.25),
            (Weight(BrowOuterUpLeft), 0.2),
            (Weight(BrowDownRight), 0.12),
            (Weight(EyeSquintLeft), 0.08),
            (Weight(EyeSquintRight), 0.1),
            (Weight(MouthPressLeft), 0.3),
            (Weight(MouthPressRight), 0.34),
            (Weight(MouthRollLower), 0.14),
            (Weight(MouthRight), 0.12),
        ],
    ),
];

const TRACKS: [&[Track]; KINDS] = [NOD, SHAKE, WINK, LAUGH, RAISE_BROWS, THINK];

/// How fast the face follows the curves, 1/s: a gesture that begins anew in the midst of itself does not jump.
const RATE: f32 = 30.0;

/// Less than this, once nothing plays, is nothing.
const NOTHING: f32 = 1e-4;

/// The value of a curve at `t` seconds.
fn value(keys: Keys, t: f32) -> f32 {
    keys.windows(2)
        .find_map(|pair| match pair {
            [(t0, v0), (t1, v1)] if (*t0..*t1).contains(&t) => Some(v0 + (v1 - v0) * ease((t - t0) / (t1 - t0))),
            _ => None,
        })
        .unwrap_or(0.0)
}

/// How long a gesture's curves last, seconds.
fn length(tracks: &[Track]) -> f32 {
    tracks.iter().filter_map(|track| track.0.last()).map(|(t, _)| *t).fold(0.0, f32::max)
}

/// The gestures that play.
#[derive(Clone, Copy)]
pub struct Gestures {
    /// Seconds since each began; none while it does not play.
    ages: [Option<f32>; KINDS],
    /// How often each was begun.
    begun: [u32; KINDS],
    smooth: [Spring; PARTS],
    idle: bool,
}

impl Default for Gestures {
    fn default() -> Self {
        Self { ages: [None; KINDS], begun: [0; KINDS], smooth: [Spring::default(); PARTS], idle: true }
    }
}

/// What the gestures of a moment add.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Played {
    pub face: Weights,
    pub head: HeadPose,
    pub gaze: Gaze,
}

impl Gestures {
    /// Plays `gesture` from its beginning, beside whatever else plays.
    pub fn begin(&mut self, gesture: Gesture) {
        let kind = gesture as usize;
        (self.ages[kind], self.begun[kind]) = (Some(0.0), self.begun[kind].wrapping_add(1));
        self.idle = false;
    }

    /// After steps were taken back from `later`: what has begun since goes on, as far as it has come.
    pub fn keep_begun(&mut self, later: &Self) {
        for kind in 0..KINDS {
            if self.begun[kind] != later.begun[kind] {
                (self.ages[kind], self.begun[kind]) = (later.ages[kind], later.begun[kind]);
                self.idle &= later.idle;
            }
        }
    }

    /// One block on. At rest nothing is added, exactly.
    pub fn step(&mut self) -> Played {
        if self.idle {
            return Played::default();
        }
        let mut wanted = [0.0f32; PARTS];
        for (age, tracks) in self.ages.iter_mut().zip(TRACKS) {
            let Some(t) = age else { continue };
            *t += DT;
            for Track(keys, parts) in tracks {
                let v = value(keys, *t);
                parts.iter().for_each(|(part, size)| wanted[part.index()] += size * v);
            }
            if *t >= length(tracks) {
                *age = None;
            }
        }
        let mut largest = 0.0f32;
        for (spring, to) in self.smooth.iter_mut().zip(wanted) {
            largest = largest.max(spring.step(to, RATE).abs());
        }
        if largest < NOTHING && self.ages.iter().all(Option::is_none) {
            (self.smooth, self.idle) = ([Spring::default(); PARTS], true);
        }
        let at = |part: Part| self.smooth[part.index()].value;
        let mut face = Weights::default();
        face.0.iter_mut().zip(&self.smooth).for_each(|(w, s)| *w = s.value.clamp(-1.0, 1.0));
        Played {
            face,
            head: HeadPose { yaw: at(Yaw), pitch: at(Pitch), roll: at(Roll), ..HeadPose::default() },
            gaze: Gaze { yaw: at(GazeYaw), pitch: at(GazePitch) },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn play(gestures: &mut Gestures, blocks: usize) -> Vec<Played> {
        (0..blocks).map(|_| gestures.step()).collect()
    }

    #[test]
    fn every_gesture_shows_and_returns_exactly_within_three_seconds() {
        for gesture in Gesture::ALL {
            let mut g = Gestures::default();
            assert_eq!(g.step(), Played::default());
            g.begin(gesture);
            let played = play(&mut g, 150);
            let most = |of: fn(&Played) -> f32| played.iter().map(of).fold(0.0, f32::max);
            let face = most(|p| p.face.0.iter().fold(0.0, |m, w| m.max(w.abs())));
            let head = most(|p| p.head.yaw.abs().max(p.head.pitch.abs()).max(p.head.roll.abs()));
            assert!(face > 0.5 || head > 3.0, "{gesture:?}: {face} {head}");
            assert_eq!(played[149], Played::default(), "{gesture:?}");
        }
    }

    #[test]
    fn gestures_blend_in_and_out_and_into_each_other() {
        let mut g = Gestures::default();
        let mut last = Played::default();
        for k in 0..400 {
            // Begun again in the midst of itself, and beside others.
            if k % 13 == 0 && k < 200 {
                g.begin(Gesture::ALL[(k / 13) % KINDS]);
            }
            if k % 17 == 0 && k < 200 {
                g.begin(Gesture::Nod);
            }
            let p = g.step();
            let turn = (p.head.pitch - last.head.pitch).abs().max((p.head.yaw - last.head.yaw).abs());
            let jump = p.face.0.iter().zip(&last.face.0).fold(0.0f32, |m, (a, b)| m.max((a - b).abs()));
            assert!(turn < 2.0 && jump < 0.3, "block {k}: {turn} degrees, {jump}");
            last = p;
        }
        assert_eq!(last, Played::default());
    }

    #[test]
    fn a_gesture_that_is_unknown_is_refused_with_those_there_are() {
        assert_eq!(Gesture::of("raise-brows"), Ok(Gesture::RaiseBrows));
        let told = Gesture::of("bow").unwrap_err();
        assert!(told.contains("\"bow\"") && Gesture::NAMES.iter().all(|n| told.contains(n)), "{told}");
    }
}
