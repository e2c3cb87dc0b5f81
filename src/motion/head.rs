//! The head: never dead, never twitchy. It wanders from pose to pose, nods with the stress of the voice, and breathes.
//!
//! Real heads in film of people who speak: standard deviation of yaw 3.0 to 4.7°, pitch 2.7°, roll 2.1 to 3.0° in clips of some
//! seconds (two sets of clips); angular speed 2.9 / 10.2 / 34 °/s (10th, 50th, 90th percentile). At rest this one does a third.

use super::DT;
use super::smooth::{Drift, Spring, normal, wait};
use crate::config::MotionStyle;
use crate::face::HeadPose;

/// How far poses lie apart in speech, degrees of yaw, pitch and roll (standard deviations).
const REACH: [f32; 3] = [4.4, 3.6, 3.5];

/// The share of it at rest, and how long a pose is kept at rest and in speech, seconds.
const REST: f32 = 0.36;
const KEEP: (f32, f32) = (3.2, 0.85);

/// How fast the head goes to a pose, 1/s: at rest and in speech.
const RATE: (f32, f32) = (2.2, 6.8);

/// Restlessness on top of it, degrees in speech, and its memory in seconds.
const TREMBLE: [f32; 3] = [1.4, 1.3, 1.0];
const TREMBLE_SECONDS: f32 = 0.35;

/// How deep a full stress of the voice nods, degrees.
const NOD: f32 = 3.2;

/// Breaths a minute, and how far they lift head and chin (inter-ocular distances, degrees).
const BREATHS: f32 = 14.0;
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
    tremble: [Drift; 3],
    lean: [Drift; 3],
    nod: Spring,
    breath: f32,
    breath_length: f32,
    /// How much the voice moves the head just now: rises and falls within a second.
    life: Spring,
}

impl Head {
    pub fn new(seed: u64) -> Self {
        Self {
            rng: fastrand::Rng::with_seed(seed ^ 0x6865_6164),
            target: [0.0; 3],
            springs: [Spring::default(); 3],
            next: 0.3,
            tremble: [Drift::default(); 3],
            lean: [Drift::default(); 3],
            nod: Spring::default(),
            breath: 0.0,
            breath_length: 60.0 / BREATHS,
            life: Spring::default(),
        }
    }

    /// One block on. `voice` is 0 in silence and 1 in speech, `stress` the emphasis of the moment, 0..1; `turn` is added to the
    /// yaw, degrees.
    pub fn step(&mut self, voice: f32, stress: f32, turn: f32, style: &MotionStyle) -> HeadPose {
        let life = self.life.step(voice, 3.5);
        let between = |(rest, speech): (f32, f32)| rest + (speech - rest) * life;
        let range = style.head_range * between((REST, 1.0));
        let rng = &mut self.rng;
        self.next -= DT * style.tempo;
        if self.next <= 0.0 {
            self.next = wait(rng, 0.25, between(KEEP));
            for (target, reach) in self.target.iter_mut().zip(REACH) {
                // Half of the old pose is kept: heads wander, they do not dart about.
                *target = 0.35 * *target + reach * normal(rng).clamp(-2.2, 2.2);
            }
        }
        let mut angle = [0.0; 3];
        let rate = between(RATE) * style.tempo;
        let parts = angle.iter_mut().zip(&mut self.springs).zip(&self.target).zip(&mut self.tremble).zip(TREMBLE);
        for ((((angle, spring), target), tremble), size) in parts {
            let restless = tremble.step(rng, TREMBLE_SECONDS) * size * range;
            *angle = spring.step(target * range, rate) + restless;
        }
        // A stressed syllable brings the chin down; the spring lets it up again.
        let nod = self.nod.step(-NOD * stress * style.energy * style.head_range.min(1.5), 14.0);

        self.breath += DT / self.breath_length;
        if self.breath >= 1.0 {
            self.breath -= 1.0;
            self.breath_length = 60.0 / BREATHS * (0.12 * normal(rng)).exp().clamp(0.7, 1.4);
        }
        let air = 0.5 - 0.5 * (std::f32::consts::TAU * self.breath).cos();
        let [lx, ly, lz] = &mut self.lean;
        let [yaw, pitch, roll] = angle;
        HeadPose {
            yaw: (yaw + turn).clamp(-LIMIT[0], LIMIT[0]),
            pitch: (pitch + nod + style.head_pitch + BREATH_PITCH * air).clamp(-LIMIT[1], LIMIT[1]),
            roll: (roll + style.head_roll).clamp(-LIMIT[2], LIMIT[2]),
            x: 0.025 * range * lx.step(rng, 2.5),
            y: 0.010 * range * ly.step(rng, 2.5) + BREATH_LIFT * air,
            z: 0.040 * range * lz.step(rng, 3.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Standard deviations within windows of 6 s, as the evaluation's clips are, and the median angular speed.
    fn statistics(voice: f32) -> ([f32; 3], f32) {
        let mut head = Head::new(11);
        let mut rng = fastrand::Rng::with_seed(2);
        let mut stress = 0.0f32;
        let poses: Vec<[f32; 3]> = (0..60_000)
            .map(|_| {
                stress = if rng.f32() < 0.03 * voice { 0.8 } else { stress * 0.85 };
                let p = head.step(voice, stress, 0.0, &MotionStyle::default());
                [p.yaw, p.pitch, p.roll]
            })
            .collect();
        let mut sd = [0.0; 3];
        let windows: Vec<_> = poses.chunks(300).collect();
        for w in &windows {
            for (axis, sd) in sd.iter_mut().enumerate() {
                let mean = w.iter().map(|p| p[axis]).sum::<f32>() / w.len() as f32;
                *sd += (w.iter().map(|p| (p[axis] - mean).powi(2)).sum::<f32>() / w.len() as f32).sqrt();
            }
        }
        let mut speed: Vec<f32> =
            poses.windows(2).map(|w| (0..3).map(|i| (w[1][i] - w[0][i]).powi(2)).sum::<f32>().sqrt() / DT).collect();
        speed.sort_by(f32::total_cmp);
        (sd.map(|s| s / windows.len() as f32), speed[speed.len() / 2])
    }

    #[test]
    fn a_speaking_head_moves_about_as_much_as_filmed_ones_do() {
        let ([yaw, pitch, roll], speed) = statistics(1.0);
        eprintln!("speaking: yaw {yaw:.2} pitch {pitch:.2} roll {roll:.2} speed {speed:.1}");
        assert!((2.7..5.0).contains(&yaw) && (2.2..3.8).contains(&pitch) && (1.8..3.3).contains(&roll));
        assert!((7.0..14.0).contains(&speed));
    }

    #[test]
    fn a_resting_head_is_quiet_but_never_still() {
        let ([yaw, pitch, roll], speed) = statistics(0.0);
        eprintln!("resting: yaw {yaw:.2} pitch {pitch:.2} roll {roll:.2} speed {speed:.1}");
        assert!((0.5..2.2).contains(&yaw) && (0.4..1.6).contains(&pitch) && (0.3..1.5).contains(&roll));
        assert!((0.4..4.0).contains(&speed));
    }

    #[test]
    fn the_head_never_jumps() {
        let mut head = Head::new(4);
        let mut last = head.step(0.0, 0.0, 0.0, &MotionStyle::default());
        for i in 0..20_000 {
            let voice = if i % 300 < 150 { 1.0 } else { 0.0 };
            let p = head.step(voice, if i % 25 == 0 { 1.0 } else { 0.0 }, 0.0, &MotionStyle::default());
            let d = (p.yaw - last.yaw).abs().max((p.pitch - last.pitch).abs()).max((p.roll - last.roll).abs());
            assert!(d < 3.0, "{d} degrees in a block");
            last = p;
        }
    }
}
