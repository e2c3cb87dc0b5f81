//! The eyes: blinks, fixations, saccades and glances away. Independent of the lips; repeatable from a seed.

use super::DT;
use super::smooth::{ease, normal, wait};
use crate::config::MotionStyle;
use crate::face::{Gaze, HeadPose};

/// People blink half as often again while they speak: 26 a minute in conversation, 17 at rest (Bentivoglio et al. 1997, Movement
/// Disorders 12:1028).
const SPEAKING_BLINKS: f32 = 26.0 / 17.0;

/// One blink in nine is followed at once by another.
const DOUBLE: f32 = 0.11;

/// Lids close in 80 ms and open in 180 (VanderWerf et al. 2003, J. Neurophysiol. 89:2784), varied from blink to blink.
const CLOSING: f32 = 0.08;
const SHUT: f32 = 0.03;
const OPENING: f32 = 0.18;

/// Large shifts of gaze bring a blink with them (Evinger et al. 1994, Exp. Brain Res. 100:337).
const BLINK_WITH_SHIFT: f32 = 0.35;

/// Speakers look at the listener for a smaller share of the time than listeners do (Argyle and Cook 1976).
const SPEAKING_CONTACT: f32 = 0.88;

/// A saccade of d degrees takes 21 ms + 2.2 ms d (Carpenter 1988, Movements of the Eyes).
const SACCADE: (f32, f32) = (0.021, 0.0022);

/// Thought looks up and aside, degrees: from so far to so far (by eye; more than this hides the iris under the lid).
const THOUGHT_YAW: (f32, f32) = (6.0, 12.0);
const THOUGHT_PITCH: (f32, f32) = (7.0, 13.0);

/// How long thought keeps a place aside and the listener's face, seconds on average; how often it stays on its side.
const THOUGHT_AWAY: f32 = 1.1;
const THOUGHT_CONTACT: f32 = 0.65;
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

#[derive(Clone)]
pub struct Eyes {
    rng: fastrand::Rng,
    /// Seconds into the running blink, and how slow this one is; none while the lids are open.
    blink: Option<(f32, f32)>,
    next_blink: f32,
    double: bool,
    /// Where the eyes came from and go to, in the room; and how long the saccade has lasted and takes.
    from: Gaze,
    to: Gaze,
    moving: f32,
    duration: f32,
    next_shift: f32,
    away: bool,
    /// Where thought looks: -1 or 1.
    side: f32,
    /// How thoughtful the last block was.
    thought: f32,
    look: Look,
}

impl Eyes {
    pub fn new(seed: u64) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed ^ 0x6579_6573);
        let next_blink = 1.0 + 3.0 * rng.f32();
        Self {
            rng,
            blink: None,
            next_blink,
            double: false,
            from: Gaze::default(),
            to: Gaze::default(),
            moving: 1.0,
            duration: 0.03,
            next_shift: 0.4,
            away: false,
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
        }
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
        self.moving += DT;
        self.next_shift -= DT * style.tempo;
        if self.next_shift > 0.0 {
            return;
        }
        let contact = (style.eye_contact * (1.0 + (SPEAKING_CONTACT - 1.0) * voice)).clamp(0.0, 1.0);
        // Looks at the camera last 0.9 s each between its small shifts, glances away 0.75 s: the share of glances that
        // gives the share of time asked for.
        let thinks = self.thought > 0.3;
        let (looks, glances) = if thinks { (THOUGHT_CONTACT, THOUGHT_AWAY) } else { (0.9, 0.75) };
        let away_share = (1.0 - contact) / glances / ((1.0 - contact) / glances + contact / looks);
        let was_away = std::mem::replace(&mut self.away, self.rng.f32() < away_share);
        let rng = &mut self.rng;
        let target = if self.away && thinks {
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
        };
        self.from = self.to;
        self.to = target;
        let size = (self.to.yaw - self.from.yaw).hypot(self.to.pitch - self.from.pitch);
        (self.moving, self.duration) = (0.0, SACCADE.0 + SACCADE.1 * size);
        self.next_shift = if self.away { wait(rng, 0.35, glances) } else { wait(rng, 0.3, looks) };
        if was_away != self.away
            && self.blink.is_none()
            && rng.f32() < BLINK_WITH_SHIFT * style.blinks_per_minute / 17.0
        {
            self.next_blink = self.next_blink.min(0.02);
        }
    }

    fn lids(&mut self, voice: f32, style: &MotionStyle) -> f32 {
        let rate = (style.blinks_per_minute / 60.0 * (1.0 + (SPEAKING_BLINKS - 1.0) * voice)).max(0.01);
        self.next_blink -= DT;
        if self.blink.is_none() && self.next_blink <= 0.0 {
            let slow = (0.15 * normal(&mut self.rng)).exp().clamp(0.7, 1.5) / style.tempo.clamp(0.7, 1.3).sqrt();
            let slow = slow * (1.0 + (THOUGHT_SLOWS - 1.0) * self.thought);
            self.blink = Some((0.0, slow));
            self.double = self.rng.f32() < DOUBLE;
        }
        let Some((at, slow)) = &mut self.blink else { return 0.0 };
        *at += DT;
        let t = *at / *slow;
        if t < CLOSING {
            ease(t / CLOSING)
        } else if t < CLOSING + SHUT {
            1.0
        } else if t < CLOSING + SHUT + OPENING {
            // Fast at first, slow at the end: lids settle.
            let rest = 1.0 - (t - CLOSING - SHUT) / OPENING;
            rest * rest * (1.6 - 0.6 * rest)
        } else {
            self.blink = None;
            // Doubles and the blinks of gaze shifts are part of the rate, so plain waits are longer by their share.
            self.next_blink = if self.double { 0.08 } else { wait(&mut self.rng, 0.4, 1.4 / rate) };
            0.0
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(voice: f32, seconds: usize, style: &MotionStyle) -> Vec<Look> {
        let mut eyes = Eyes::new(5);
        (0..seconds * 50).map(|_| eyes.step(voice, 0.0, style, &HeadPose::default())).collect()
    }

    fn blinks(looks: &[Look]) -> usize {
        looks.windows(2).filter(|w| w[0].blink < 0.5 && w[1].blink >= 0.5).count()
    }

    #[test]
    fn people_who_speak_blink_more_than_people_who_listen() {
        let style = MotionStyle::default();
        let (talking, listening) = (blinks(&run(1.0, 1200, &style)) / 20, blinks(&run(0.0, 1200, &style)) / 20);
        eprintln!("{talking} speaking, {listening} listening");
        assert!((22..=32).contains(&talking), "{talking} a minute");
        assert!((14..=21).contains(&listening), "{listening} a minute");
    }

    #[test]
    fn every_blink_shuts_the_eye_and_opens_it_again_within_half_a_second() {
        let looks = run(1.0, 300, &MotionStyle::default());
        let mut shut_for = 0;
        for l in &looks {
            shut_for = if l.blink > 0.5 { shut_for + 1 } else { 0 };
            assert!(shut_for <= 25 && (0.0..=1.0).contains(&l.blink));
        }
        assert!(looks.iter().any(|l| l.blink > 0.98));
    }

    #[test]
    fn the_eyes_rest_on_the_camera_for_the_share_that_the_profile_asks() {
        for wanted in [0.5, 0.75, 0.95] {
            let style = MotionStyle { eye_contact: wanted, ..MotionStyle::default() };
            let looks = run(0.0, 2000, &style);
            let on = looks.iter().filter(|l| l.gaze.yaw.hypot(l.gaze.pitch) < 3.2).count() as f32 / looks.len() as f32;
            assert!((on - wanted).abs() < 0.08, "{on} instead of {wanted}");
        }
    }

    #[test]
    fn the_eyes_stay_on_their_target_while_the_head_turns() {
        let style = MotionStyle::default();
        let (mut a, mut b) = (Eyes::new(9), Eyes::new(9));
        for i in 0..500 {
            let head = HeadPose { yaw: (i as f32 * 0.05).sin() * 8.0, ..HeadPose::default() };
            let (still, turning) = (a.step(0.5, 0.0, &style, &HeadPose::default()), b.step(0.5, 0.0, &style, &head));
            assert!((turning.gaze.yaw + head.yaw - still.gaze.yaw).abs() < 1e-4);
        }
    }

    #[test]
    fn thought_looks_up_and_aside_and_back_at_the_listener_now_and_then() {
        let style = MotionStyle { eye_contact: 0.3, ..MotionStyle::default() };
        let mut eyes = Eyes::new(5);
        let looks: Vec<Look> = (0..50 * 600).map(|_| eyes.step(0.0, 1.0, &style, &HeadPose::default())).collect();
        let share = |of: fn(&Look) -> bool| looks.iter().filter(|l| of(l)).count() as f32 / looks.len() as f32;
        let (up, on) = (share(|l| l.gaze.pitch > 4.0), share(|l| l.gaze.yaw.hypot(l.gaze.pitch) < 3.2));
        assert!((0.55..0.8).contains(&up) && (0.2..0.42).contains(&on), "{up} up and {on} on the listener");
        assert!(share(|l| l.gaze.yaw > 4.0) > 0.1 && share(|l| l.gaze.yaw < -4.0) > 0.1, "to both sides");
    }
}
