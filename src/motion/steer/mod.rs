//! Steering from outside: emotion, gaze, head, distance and gestures, each reached by its own critically damped motion and each
//! without a say in the others ([docs/steering.md] has the whole behaviour).
//!
//! [docs/steering.md]: ../../../docs/steering.md

mod emotion;
mod gesture;
mod target;
#[cfg(test)]
mod tests;

pub use emotion::Mood;
pub use gesture::Gesture;
pub use target::{Aim, DISTANCE, GAZE, HEAD, Steering, Turn, check_distance};

use super::DT;
use super::smooth::{Spring, ease};
use crate::config::{Emotions, MotionStyle};
use crate::face::{CAMERA_DISTANCE, Gaze, HeadPose, Shape, Weights};
use gesture::{Gestures, Played};

/// How fast each is reached, 1/s (half of the way takes 1.7 of its inverse): the eyes as in a saccade, nine tenths within 60 ms.
const MOOD_RATE: f32 = 5.0;
const EYES_RATE: f32 = 70.0;
const HEAD_RATE: f32 = 5.5;
const DISTANCE_RATE: f32 = 4.0;

/// What the head is turned to in all, degrees: the renderer turns no farther.
const LIMIT: [f32; 3] = [30.0, 25.0, 30.0];

/// The lips' opening belongs to the voice while it sounds: these move in silence only.
const OPENING: [Shape; 7] = [
    Shape::JawOpen,
    Shape::MouthFunnel,
    Shape::MouthClose,
    Shape::MouthLowerDownLeft,
    Shape::MouthLowerDownRight,
    Shape::MouthUpperUpLeft,
    Shape::MouthUpperUpRight,
];

/// And these, which draw the lips together, keep this share.
const SEALING: [Shape; 6] = [
    Shape::MouthPressLeft,
    Shape::MouthPressRight,
    Shape::MouthRollLower,
    Shape::MouthRollUpper,
    Shape::MouthShrugLower,
    Shape::MouthShrugUpper,
];
const SEALING_LEFT: f32 = 0.3;

/// An emotion opens the mouth once silence has lasted so long, seconds: not in the pauses of speech.
const PAUSE: (f32, f32) = (0.8, 1.6);

/// The steering of this moment, on its way to what is asked.
#[derive(Clone, Copy)]
pub struct Steer {
    emotion: [Spring; Emotions::COUNT],
    gaze: [Spring; 2],
    /// 1 where the eyes are held, 0 where they play.
    held: Spring,
    head: [Spring; 3],
    z: Spring,
    /// How long nobody has spoken, seconds.
    silent: f32,
    gestures: Gestures,
}

impl Default for Steer {
    fn default() -> Self {
        Self {
            emotion: Default::default(),
            gaze: Default::default(),
            held: Spring::default(),
            head: Default::default(),
            z: Spring::default(),
            silent: PAUSE.1,
            gestures: Gestures::default(),
        }
    }
}

/// Where distance `d` puts the head, head units toward the camera: d times as far away.
fn z_of(distance: f64) -> f32 {
    CAMERA_DISTANCE * (1.0 - distance as f32)
}

impl Steer {
    /// What moves, where it shall go, and how fast.
    fn springs(&mut self, to: &Steering) -> impl Iterator<Item = (&mut Spring, f32, f32)> {
        let Self { emotion, gaze, held, head, z, .. } = self;
        let degrees = |angles: [f64; 3]| angles.map(|a| a as f32);
        let aim = [to.gaze.yaw as f32, to.gaze.pitch as f32];
        let hold = if to.gaze.automatic { 0.0 } else { 1.0 };
        let turn = degrees([to.head.yaw, to.head.pitch, to.head.roll]);
        emotion
            .iter_mut()
            .zip(to.emotion.0)
            .map(|(s, e)| (s, e as f32, MOOD_RATE))
            .chain(gaze.iter_mut().zip(aim).map(|(s, a)| (s, a, EYES_RATE)))
            .chain([(held, hold, EYES_RATE)])
            .chain(head.iter_mut().zip(turn).map(|(s, a)| (s, a, HEAD_RATE)))
            .chain([(z, z_of(to.distance), DISTANCE_RATE)])
    }

    /// Arrives at once.
    pub fn settle(&mut self, to: &Steering) {
        self.springs(to).for_each(|(spring, target, _)| *spring = Spring::at(target));
    }

    pub fn begin(&mut self, gesture: Gesture) {
        self.gestures.begin(gesture);
    }

    /// After steps were taken back from `later`: gestures that began since go on.
    pub fn keep_begun(&mut self, later: &Self) {
        self.gestures.keep_begun(&later.gestures);
    }

    /// One block on; `voice` is 0 in silence and 1 in speech.
    pub fn step(&mut self, to: &Steering, voice: f32) -> Steered {
        for (spring, target, rate) in self.springs(to) {
            spring.step(target, rate);
        }
        self.silent = if voice > 0.0 { 0.0 } else { (self.silent + DT).min(PAUSE.1) };
        let played = self.gestures.step();
        let mood = Mood::of(&self.emotion.map(|s| s.value));
        let [yaw, pitch] = self.gaze.map(|s| s.value);
        let [turn, lift, tilt] = self.head.map(|s| s.value);
        let mut steered = Steered {
            face: played.face,
            mood,
            rest: ease((self.silent - PAUSE.0) / (PAUSE.1 - PAUSE.0)),
            voice,
            aim: Gaze { yaw, pitch },
            held: self.held.value.clamp(0.0, 1.0),
            head: HeadPose { yaw: turn, pitch: lift, roll: tilt, z: self.z.value, ..HeadPose::default() },
            played,
        };
        for shape in OPENING {
            steered.face[shape] *= (1.0 - voice).powi(2);
        }
        let mood = steered.hushed(&steered.mood.face);
        steered.face.0.iter_mut().zip(mood.0).for_each(|(w, m)| *w += m);
        steered
    }
}

/// What steering does to the face of one moment.
#[derive(Clone, Copy, Debug)]
pub struct Steered {
    /// Added to the weights, the voice's lips spared.
    pub face: Weights,
    mood: Mood,
    /// 0 in speech and its pauses, 1 in lasting silence.
    rest: f32,
    voice: f32,
    aim: Gaze,
    held: f32,
    head: HeadPose,
    played: Played,
}

impl Steered {
    /// An emotion's weights, less what belongs to the voice.
    pub fn hushed(&self, emotion: &Weights) -> Weights {
        let mut face = *emotion;
        for shape in OPENING {
            face[shape] *= self.rest * (1.0 - self.voice);
        }
        for shape in SEALING {
            face[shape] *= 1.0 - (1.0 - SEALING_LEFT) * self.voice;
        }
        face
    }

    /// All that is added to the mouth of the voice: this, and what is left of a profile's expression and emotion.
    pub fn over(&self, expression: &Weights, emotion: &Weights) -> Weights {
        let (mut all, emotion) = (self.face, self.hushed(emotion));
        for ((sum, expression), emotion) in all.0.iter_mut().zip(expression.0).zip(emotion.0) {
            *sum += (expression + emotion) * self.mood.left;
        }
        // How a profile opens the mouth changes what the voice shows, which is not for steering to take away.
        for shape in OPENING {
            all[shape] += expression[shape] * (1.0 - self.mood.left);
        }
        all
    }

    /// The way of moving of somebody who moves like `manner` otherwise.
    pub fn carry(&self, manner: &MotionStyle) -> MotionStyle {
        let manner = super::style::mix(&MotionStyle::default(), manner, self.mood.left);
        self.mood.carriage.carry(&manner)
    }

    /// The head that moves like `own` by itself.
    pub fn turned(&self, own: &HeadPose) -> HeadPose {
        let sum = |of: fn(&HeadPose) -> f32, limit: f32| {
            (of(own) + of(&self.head) + of(&self.played.head)).clamp(-limit, limit)
        };
        HeadPose {
            yaw: sum(|h| h.yaw, LIMIT[0]),
            pitch: sum(|h| h.pitch, LIMIT[1]),
            roll: sum(|h| h.roll, LIMIT[2]),
            z: own.z + self.head.z,
            ..*own
        }
    }

    /// The head as eyes feel it that play around the resting direction instead of the camera; `rest`: how far up the profile
    /// lets them rest, degrees.
    pub fn felt(&self, head: &HeadPose, rest: f32) -> HeadPose {
        let (yaw, pitch) = (self.aim.yaw + self.played.gaze.yaw, self.aim.pitch + self.played.gaze.pitch);
        let down = rest * self.mood.left + self.mood.carriage.gaze;
        HeadPose { yaw: head.yaw - yaw, pitch: head.pitch - pitch - down, ..*head }
    }

    /// Where the eyes aim that play at `own` by themselves.
    pub fn aimed(&self, own: Gaze) -> Gaze {
        // Exact at both ends.
        let mix = |a: f32, b: f32| a * (1.0 - self.held) + b * self.held;
        Gaze { yaw: mix(own.yaw, self.aim.yaw), pitch: mix(own.pitch, self.aim.pitch) }
    }
}
