//! The eyes: blinks, fixations, saccades and glances away. Independent of the lips; repeatable from a seed.

use super::DT;
use super::smooth::{ease, normal, wait};
use crate::config::MotionStyle;
use crate::face::{Gaze, HeadPose};

/// People blink half as often again while they speak: 26 a minute in conversation, 17 at rest (Bentivoglio et al. 1997, Movement
/// Disorders 12:1028).
const SPEAKING_BLINKS: f32 = 26.0 / 17.0;

/// Intervals between blinks are highly skewed, many short ones and a few long (Garcia et al. 2011, Investigative Ophthalmology &
/// Visual Science 52:3419), log-normal as rates are (Bentivoglio), with a standard deviation of 0.8 of their mean (80 and 78 % in two groups
/// of 24: Clinical and Experimental Optometry 2016, March). This is that of the logarithm of plain intervals: with doubles it gives
/// the 0.8.
const INTERVAL_SPREAD: f32 = 0.65;

/// One blink in twelve is followed at once by another, after so many seconds (by eye).
const DOUBLE: f32 = 0.08;
const DOUBLE_AFTER: f32 = 0.10;

/// No two others follow each other faster than this, seconds.
const BLINK_LEAST: f32 = 0.35;

/// Lids close in 80 ms and open in 180 (VanderWerf et al. 2003, J. Neurophysiol. 89:2784), varied from blink to blink.
const CLOSING: f32 = 0.08;
const SHUT: f32 = 0.03;
const OPENING: f32 = 0.18;

/// One blink in so many stays short of shutting the eye: it covers from so much on (by eye; Doughty 2002, Optometry and Vision
/// Science 79:439, counts incomplete ones with the others).
const PARTIAL: f32 = 0.1;
const PARTIAL_DEPTH: f32 = 0.7;

/// A blink that is due within this share of the mean interval comes with a large shift of gaze (Evinger et al. 1994, Exp. Brain Res.
/// 100:337) or with the end of a phrase (Nakano and Kitazawa 2010, Exp. Brain Res. 205:577). So neither changes how many there are.
const DUE: f32 = 0.22;

/// Speakers look at the listener for a smaller share of the time than listeners do (Argyle and Cook 1976).
const SPEAKING_CONTACT: f32 = 0.88;

/// Glances away last so long while listening and while speaking, seconds, and spread by this share of it; looks at the listener
/// spread likewise by a third (Andrist, Mutlu and Gleicher 2013, Conversational gaze aversion for virtual agents: 1.14 ± 0.27 and
/// 1.96 ± 0.32 s, 7.21 ± 1.88 and 4.75 ± 1.39 s apart). How long looks last follows from the share of contact that a profile asks.
const GLANCE: (f32, f32) = (1.14, 1.96);
const GLANCE_SPREAD: f32 = 0.22;
const LOOK_SPREAD: f32 = 0.33;

/// Within a look the eyes go between the listener's eyes and mouth, so many seconds apart: fixations on faces last 0.3 to 0.9 s
/// (Henderson et al. 2005, Memory & Cognition 33:98).
const FIXATION: (f32, f32) = (0.3, 0.9);

/// A saccade of d degrees takes 21 ms + 2.2 ms d (Carpenter 1988, Movements of the Eyes).
const SACCADE: (f32, f32) = (0.021, 0.0022);

/// Thought looks up and aside, degrees: from so far to so far (by eye; more than this hides the iris under the lid).
const THOUGHT_YAW: (f32, f32) = (6.0, 12.0);
const THOUGHT_PITCH: (f32, f32) = (7.0, 13.0);

/// How long thought keeps a place aside, seconds on average; how often it stays on its side.
const THOUGHT_AWAY: f32 = 1.1;
const THOUGHT_STAYS: f32 = 0.8;

/// Blinks of somebody lost in thought take longer (by eye).
const THOUGHT_SLOWS: f32 = 1.25;

/// How far eyes turn before the head has to.
const REACH: Gaze = Gaze { yaw: 22.0, pitch: 15.0 };

/// Where the eyes aim and how far the lids are shut.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Look {
    pub gaze: Gaze,
    /// 0 open .. 1 shut.
    pub blink: f32,
}

#[derive(Clone, Copy)]
struct Blink {
    /// Seconds since it began.
    at: f32,
    /// How slow it is, 1 as most.
    slow: f32,
    /// How far the lids go.
    depth: f32,
    /// Another follows at once.
    is_double: bool,
}

#[derive(Clone)]
pub struct Eyes {
    rng: fastrand::Rng,
    /// None while the lids are open.
    blink: Option<Blink>,
    /// In mean intervals, whatever the rate of the moment is.
    next_blink: f32,
    /// Seconds since the lids opened.
    open_for: f32,
    /// Where the eyes came from and go to, in the room; and how long the saccade has lasted and takes.
    from: Gaze,
    to: Gaze,
    moving: f32,
    duration: f32,
    next_shift: f32,
    away: bool,
    /// How long this look or glance still lasts, seconds.
    stays: f32,
    /// The voice of the last block.
    voice: f32,
    /// Where thought looks: -1 or 1.
    side: f32,
    /// How thoughtful the last block was.
    thought: f32,
    look: Look,
}

impl Eyes {
    pub fn new(seed: u64) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed ^ 0x6579_6573);
        let next_blink = 0.2 + 0.8 * rng.f32();
        let stays = 1.0 + 3.0 * rng.f32();
        Self {
            rng,
            blink: None,
            next_blink,
            open_for: 1.0,
            from: Gaze::default(),
            to: Gaze::default(),
            moving: 1.0,
            duration: 0.03,
            next_shift: 0.4,
            away: false,
            stays,
            voice: 0.0,
            side: if seed.is_multiple_of(2) { -1.0 } else { 1.0 },
            thought: 0.0,
            look: Look::default(),
        }
    }

    /// The side on which thought looks for words, -1 or 1.
    pub fn side(&self) -> f32 {
        self.side
    }

    /// One block on. `voice` is 0 in silence and 1 in speech, `thought` 0..1; the eyes hold their target while the head moves.
    pub fn step(&mut self, voice: f32, thought: f32, style: &MotionStyle, head: &HeadPose) -> Look {
        // Who begins to think looks away soon, who has done thinking looks back.
        if (thought > 0.3) != (self.thought > 0.3) {
            self.next_shift = self.next_shift.min(0.12);
            self.stays = self.stays.min(0.1);
        }
        if self.voice >= 0.5 && voice < 0.5 {
            self.hasten_blink();
        }
        self.voice = voice;
        self.thought = thought;
        self.shift(voice, style);
        let t = ease(self.moving / self.duration);
        let room = Gaze {
            yaw: self.from.yaw + (self.to.yaw - self.from.yaw) * t,
            pitch: self.from.pitch + (self.to.pitch - self.from.pitch) * t,
        };
        // The vestibulo-ocular reflex: what the head turns, the eyes turn back.
        self.look.gaze = Gaze {
            yaw: (room.yaw - head.yaw).clamp(-REACH.yaw, REACH.yaw),
            pitch: (room.pitch - head.pitch).clamp(-REACH.pitch, REACH.pitch),
        };
        self.look.blink = self.lids(voice, style);
        self.look
    }

    fn shift(&mut self, voice: f32, style: &MotionStyle) {
        self.moving = (self.moving + DT).min(10.0);
        self.next_shift -= DT * style.tempo;
        self.stays -= DT * style.tempo;
        if self.next_shift > 0.0 && self.stays > 0.0 {
            return;
        }
        let was_away = self.away;
        if self.stays <= 0.0 {
            self.turn(voice, style);
        } else if self.away && self.thought <= 0.3 {
            // A glance away is one place.
            self.next_shift = self.stays;
            return;
        }
        let target = self.place();
        self.from = self.to;
        self.to = target;
        let size = (self.to.yaw - self.from.yaw).hypot(self.to.pitch - self.from.pitch);
        (self.moving, self.duration) = (0.0, SACCADE.0 + SACCADE.1 * size);
        let (least, mean) = if self.away { (0.35, THOUGHT_AWAY) } else { FIXATION };
        self.next_shift = wait(&mut self.rng, least, mean);
        if was_away != self.away {
            self.hasten_blink();
        }
    }

    /// From a look to a glance away or back; whoever always or never looks begins another of the same.
    fn turn(&mut self, voice: f32, style: &MotionStyle) {
        let contact = (style.eye_contact * (1.0 + (SPEAKING_CONTACT - 1.0) * voice)).clamp(0.0, 1.0);
        let thinks = self.thought > 0.3;
        let glance = if thinks { 2.0 * THOUGHT_AWAY } else { GLANCE.0 + (GLANCE.1 - GLANCE.0) * voice };
        let away = !self.away;
        self.away = away && contact < 0.999 || contact < 0.001;
        // Nobody stares for more than this, nor looks for a shorter time: beyond, the other part gives way.
        let look = (glance * contact / (1.0 - contact).max(1e-3)).clamp(0.45, 12.0);
        let glance = (look * (1.0 - contact) / contact.max(1e-3)).clamp(0.35, 12.0);
        let (mean, spread) = if self.away { (glance, GLANCE_SPREAD) } else { (look, LOOK_SPREAD) };
        self.stays = mean * (1.0 + spread * normal(&mut self.rng).clamp(-2.0, 2.0));
    }

    /// Where the eyes go next.
    fn place(&mut self) -> Gaze {
        let thinks = self.thought > 0.3;
        let rng = &mut self.rng;
        if self.away && thinks {
            if rng.f32() > THOUGHT_STAYS {
                self.side = -self.side;
            }
            let mut within = |(from, to): (f32, f32)| from + (to - from) * rng.f32();
            Gaze { yaw: self.side * within(THOUGHT_YAW), pitch: within(THOUGHT_PITCH) }
        } else if self.away {
            // Mostly aside and a little down or up, as people who think do.
            let side = if rng.f32() < 0.5 { -1.0 } else { 1.0 };
            Gaze { yaw: side * (4.0 + 5.0 * rng.f32()), pitch: (normal(rng) * 3.0 - 0.8).clamp(-7.0, 5.0) }
        } else {
            // The listener's eyes and mouth: a degree or so around the camera.
            Gaze { yaw: normal(rng) * 0.9, pitch: normal(rng) * 0.6 - 0.2 }
        }
    }

    /// Lets a blink that is due soon come now.
    fn hasten_blink(&mut self) {
        if self.next_blink < DUE && self.open_for > BLINK_LEAST {
            self.next_blink = 0.0;
        }
    }

    fn lids(&mut self, voice: f32, style: &MotionStyle) -> f32 {
        let rate = (style.blinks_per_minute / 60.0 * (1.0 + (SPEAKING_BLINKS - 1.0) * voice)).max(0.01);
        self.next_blink -= DT * rate;
        self.open_for = (self.open_for + DT).min(10.0);
        let rng = &mut self.rng;
        if self.blink.is_none() && self.next_blink <= 0.0 {
            let slow = (0.15 * normal(rng)).exp().clamp(0.7, 1.5) / style.tempo.clamp(0.7, 1.3).sqrt();
            let slow = slow * (1.0 + (THOUGHT_SLOWS - 1.0) * self.thought);
            let depth = if rng.f32() < PARTIAL { PARTIAL_DEPTH + (1.0 - PARTIAL_DEPTH) * rng.f32() } else { 1.0 };
            let is_double = rng.f32() < DOUBLE;
            self.blink = Some(Blink { at: 0.0, slow, depth, is_double });
            // The interval to the next one counts from here.
            let plain = (1.0 - DOUBLE * (DOUBLE_AFTER + CLOSING + SHUT + OPENING) * rate) / (1.0 - DOUBLE);
            let length = (INTERVAL_SPREAD * normal(rng) - 0.5 * INTERVAL_SPREAD * INTERVAL_SPREAD).exp();
            self.next_blink = plain * length.max(BLINK_LEAST * rate);
        }
        let Some(Blink { at, slow, depth, is_double }) = &mut self.blink else { return 0.0 };
        *at += DT;
        let t = *at / *slow;
        if t < CLOSING {
            *depth * ease(t / CLOSING)
        } else if t < CLOSING + SHUT {
            *depth
        } else if t < CLOSING + SHUT + OPENING {
            // Fast at first, slow at the end: lids settle.
            let rest = 1.0 - (t - CLOSING - SHUT) / OPENING;
            *depth * rest * rest * (1.6 - 0.6 * rest)
        } else {
            if *is_double {
                self.next_blink = DOUBLE_AFTER * rate;
            }
            self.blink = None;
            self.open_for = 0.0;
            0.0
        }
    }
}

#[cfg(test)]
#[path = "tests/eyes.rs"]
mod tests;
