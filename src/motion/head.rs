//! The head: never dead, never twitchy. It wanders from pose to pose, nods with the stress of the voice, rises with loud phrases,
//! settles where the voice pauses, nods now and then while it listens, and breathes.
//!
//! How much: film of people who speak, several speakers, has standard deviations of yaw 3.0 to 4.7°, pitch 2.7°, roll 2.1 to 3.0° in
//! clips of some seconds and angular speeds of 2.9 / 10.2 / 34 °/s (10th, 50th, 90th percentile). How it goes with the voice: GRID's
//! speaker 1, by `models/train/head_pose.py`, which prints the figures cited here. He reads in a studio and moves a third as much.

use super::DT;
use super::smooth::{Drift, Spring, normal, wait};
use super::voice::Heed;
use crate::config::MotionStyle;
use crate::face::HeadPose;

/// How far poses lie apart in speech, degrees of yaw, pitch and roll (standard deviations).
const REACH: [f32; 3] = [4.0, 3.2, 2.8];

/// The share of it in silence, and how long a pose is kept in silence and in speech, seconds.
const REST: f32 = 0.36;
const KEEP: (f32, f32) = (3.2, 0.60);

/// The shortest time between two poses, seconds, and the share of the old one that is kept: heads wander, they do not dart about.
const KEEP_LEAST: f32 = 0.25;
const KEPT: f32 = 0.35;

/// In speech the head leaves for the next pose with a stressed syllable (Hadar et al. 1984, Human Movement Science 3:237), unless none
/// comes for so many seconds.
const BEAT: f32 = 0.2;
const OVERDUE: f32 = 0.6;

/// How fast the head goes to a pose, 1/s: at rest and in speech.
const RATE: (f32, f32) = (2.2, 6.8);

/// Restlessness on top of it, degrees in speech, and its memory in seconds.
const TREMBLE: [f32; 3] = [2.1, 1.9, 1.4];
const TREMBLE_SECONDS: f32 = 0.35;

/// People are lively and calm by turns: the natural logarithm of the speed spreads by 0.48 between seconds of GRID, and by more
/// between people. With this much one face has the spread of them all: 10th and 90th percentile lie a factor of 10 to 12 apart.
const SPREAD: f32 = 0.85;
const SPREAD_SECONDS: f32 = 0.9;
const LIVELY: (f32, f32) = (0.25, 4.0);

/// How fast movement comes with the voice and goes with it, 1/s: speed falls to a third within 0.4 s of a phrase's end (GRID).
const RISE: f32 = 8.0;
const SETTLE: f32 = 5.0;

/// How deep a full stress of the voice nods, degrees.
const NOD: f32 = 3.2;
const NOD_RATE: f32 = 14.0;

/// How far loud syllables raise the face, degrees from silence to the loudest: 0.98° in GRID (0.14° for each nat of power, r 0.47 at
/// no lag), where the head moves 2.8 times less than in the film of several speakers.
const LIFT: f32 = 2.7;
const LIFT_RATE: f32 = 9.0;

/// Semitones of melody turn the face up a little too (Munhall et al. 2004, Psychological Science 15:133, find head movement and
/// pitch correlated); degrees for each, by eye.
const MELODY: f32 = 0.12;

/// Who listens nods now and then: once in so many seconds on average, never twice within the least; two or three dips of so many
/// degrees, at so many nods a second. Slow nods of listeners lie at 0.2 to 1.1 Hz, fast ones at 2.6 to 6.5 (Hale et al. 2020,
/// J. Nonverbal Behavior 44:63); how often and how deep is by eye: nobody may look as if agreeing to everything.
const ATTEND: (f32, f32) = (14.0, 38.0);
const ATTEND_DEEP: f32 = 2.4;
const ATTEND_HZ: f32 = 1.05;

/// Postures change about every so many seconds in silence, by so many degrees (by eye); the head takes its time.
const POSTURE: (f32, f32) = (9.0, 24.0);
const POSTURE_REACH: [f32; 3] = [2.2, 1.2, 1.3];
const POSTURE_RATE: f32 = 1.6;

/// Breaths a minute, and how far they lift head and chin (inter-ocular distances, degrees). Adults at rest take 12 to 20 (Tortora and
/// Derrickson 2017, Principles of Anatomy and Physiology); how far is by eye. Breathing in takes less than half of the time (a ratio
/// of 1 to 1.5), and a pause after speech begins with it (Winkworth et al. 1995, J. Speech Hearing Res. 38:124).
const BREATHS: f32 = 14.0;
const BREATH_IN: f32 = 0.4;
const BREATH_LIFT: f32 = 0.012;
const BREATH_PITCH: f32 = 0.25;

/// No profile and no chance turns the head farther than this, degrees of yaw, pitch and roll.
const LIMIT: [f32; 3] = [20.0, 14.0, 13.0];

#[derive(Clone)]
pub struct Head {
    rng: fastrand::Rng,
    target: [f32; 3],
    springs: [Spring; 3],
    next: f32,
    /// The stress of the last block.
    stress: f32,
    tremble: [Drift; 3],
    lean: [Drift; 3],
    lively: Drift,
    nod: Spring,
    lift: Spring,
    attend: Attend,
    posture: [Spring; 3],
    posed: [f32; 3],
    next_posture: f32,
    breath: Breath,
    /// How much the voice moves the head just now.
    life: Spring,
}

impl Head {
    pub fn new(seed: u64) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed ^ 0x6865_6164);
        let (attend, breath) = (Attend::new(&mut rng), Breath::new(&mut rng));
        Self {
            rng,
            target: [0.0; 3],
            springs: [Spring::default(); 3],
            next: 0.3,
            stress: 0.0,
            tremble: [Drift::default(); 3],
            lean: [Drift::default(); 3],
            lively: Drift::default(),
            nod: Spring::default(),
            lift: Spring::default(),
            attend,
            posture: [Spring::default(); 3],
            posed: [0.0; 3],
            next_posture: POSTURE.0,
            breath,
            life: Spring::default(),
        }
    }

    /// One block on. `voice` is 0 in silence and 1 in speech, `heed` what is heard of it; `turn` is added to the yaw, degrees.
    pub fn step(&mut self, voice: f32, heed: &Heed, turn: f32, style: &MotionStyle) -> HeadPose {
        let life = self.life.step(voice, if voice > self.life.value { RISE } else { SETTLE }).clamp(0.0, 1.0);
        let between = |(rest, speech): (f32, f32)| rest + (speech - rest) * life;
        let range = style.head_range * between((REST, 1.0));
        let rng = &mut self.rng;
        let lively = (SPREAD * self.lively.step(rng, SPREAD_SECONDS)).exp().clamp(LIVELY.0, LIVELY.1);

        // A stress draws from the chance too, so that no two sounds share their poses for long.
        let begins = heed.stress > BEAT && heed.stress > self.stress;
        self.stress = heed.stress;
        if begins {
            rng.f32();
        }
        self.next -= DT * style.tempo * lively;
        if self.next <= 0.0 && (begins || voice < 0.5 || self.next < -OVERDUE) {
            self.next = wait(rng, KEEP_LEAST, between(KEEP));
            for (target, reach) in self.target.iter_mut().zip(REACH) {
                *target = KEPT * *target + reach * normal(rng).clamp(-2.2, 2.2);
            }
        }
        self.next_posture -= DT * style.tempo * (1.0 - life);
        if self.next_posture <= 0.0 {
            self.next_posture = wait(rng, POSTURE.0, POSTURE.1);
            for (posed, reach) in self.posed.iter_mut().zip(POSTURE_REACH) {
                *posed = reach * normal(rng).clamp(-1.8, 1.8);
            }
        }
        let mut angle = [0.0; 3];
        let rate = between(RATE) * style.tempo * lively.sqrt();
        let parts = angle.iter_mut().zip(&mut self.springs).zip(&self.target).zip(&mut self.tremble).zip(TREMBLE);
        for ((((angle, spring), target), tremble), size) in parts {
            let restless = tremble.step(rng, TREMBLE_SECONDS) * size * range * lively;
            *angle = spring.step(target * range, rate) + restless;
        }
        for ((angle, spring), posed) in angle.iter_mut().zip(&mut self.posture).zip(&self.posed) {
            *angle += spring.step(*posed * style.head_range * (1.0 - 0.5 * life), POSTURE_RATE);
        }
        // A stressed syllable brings the chin down; the spring lets it up again.
        let size = style.energy * style.head_range.min(1.5);
        let nod = self.nod.step(-NOD * heed.stress * voice * size, NOD_RATE);
        let lift =
            self.lift.step((LIFT * (heed.loud - 0.5) * voice + MELODY * heed.pitch.clamp(-8.0, 8.0)) * size, LIFT_RATE);
        let attend = self.attend.step(rng, life) * size;

        let air = self.breath.step(rng);
        let [lx, ly, lz] = &mut self.lean;
        let [yaw, pitch, roll] = angle;
        let pitch = pitch + nod + lift + attend + style.head_pitch + BREATH_PITCH * air;
        HeadPose {
            yaw: within(yaw + turn, LIMIT[0]),
            pitch: within(pitch, LIMIT[1]),
            roll: within(roll + style.head_roll, LIMIT[2]),
            x: 0.025 * range * lx.step(rng, 2.5),
            y: 0.010 * range * ly.step(rng, 2.5) + BREATH_LIFT * air,
            z: 0.040 * range * lz.step(rng, 3.0),
        }
    }
}

/// `angle` as it is up to two thirds of `limit`, then ever less: a head slows down where its range ends.
fn within(angle: f32, limit: f32) -> f32 {
    let free = limit * 2.0 / 3.0;
    let over = (angle.abs() - free).max(0.0) / (limit - free);
    (angle.abs().min(free) + (limit - free) * over.tanh()).copysign(angle)
}

/// The nods of who listens.
#[derive(Clone)]
struct Attend {
    next: f32,
    /// Seconds into the running nod, its dips and its depth; none between nods.
    running: Option<(f32, f32, f32)>,
}

impl Attend {
    fn new(rng: &mut fastrand::Rng) -> Self {
        Self { next: wait(rng, 0.4 * ATTEND.0, ATTEND.1), running: None }
    }

    /// Degrees of pitch. Speech, `life` 1, lets none begin.
    fn step(&mut self, rng: &mut fastrand::Rng, life: f32) -> f32 {
        self.next -= DT * (1.0 - life);
        if self.next <= 0.0 && self.running.is_none() {
            let dips = if rng.f32() < 0.6 { 2.0 } else { 3.0 };
            self.running = Some((0.0, dips, ATTEND_DEEP * (0.3 * normal(rng)).exp().clamp(0.5, 1.6)));
            self.next = wait(rng, ATTEND.0, ATTEND.1);
        }
        let Some((at, dips, depth)) = &mut self.running else { return 0.0 };
        *at += DT * ATTEND_HZ;
        if *at >= *dips {
            self.running = None;
            return 0.0;
        }
        // Each dip is half as deep as the one before it; all begin and end at rest.
        let dip = *depth * 0.5f32.powf(at.floor()) * (0.5 - 0.5 * (std::f32::consts::TAU * at.fract()).cos());
        -dip
    }
}

/// Breathing, in and out.
#[derive(Clone)]
struct Breath {
    at: f32,
    length: f32,
    depth: f32,
}

impl Breath {
    fn new(rng: &mut fastrand::Rng) -> Self {
        Self { at: rng.f32() * 0.9, length: 60.0 / BREATHS, depth: 1.0 }
    }

    /// How full of air the chest is, 0..1 and a little more.
    fn step(&mut self, rng: &mut fastrand::Rng) -> f32 {
        self.at += DT / self.length;
        if self.at >= 1.0 {
            self.at -= 1.0;
            self.length = 60.0 / BREATHS * (0.12 * normal(rng)).exp().clamp(0.7, 1.4);
            self.depth = (0.2 * normal(rng)).exp().clamp(0.6, 1.5);
        }
        let half = if self.at < BREATH_IN { self.at / BREATH_IN } else { (1.0 - self.at) / (1.0 - BREATH_IN) };
        self.depth * (0.5 - 0.5 * (std::f32::consts::PI * half).cos())
    }
}

#[cfg(test)]
#[path = "tests/head.rs"]
mod tests;
