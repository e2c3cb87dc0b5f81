//! What the rest of the face hears of the voice: whether somebody speaks, and which syllables are stressed.

use super::DT;
use super::features::Heard;
use super::smooth::ease;

/// Loudness over the running level where silence ends and speech is certain, nats of power (-39 and -30 dB).
const SILENT: f32 = -9.0;
const SPEAKING: f32 = -7.0;

/// Loudness over steady noise where noise ends and a voice is certain, nats of power (4 and 8 dB).
const NOISE: f32 = 1.0;
const CLEAR: f32 = 1.8;

/// Speech goes on through gaps shorter than this, seconds: the closure of a p is silent too.
const HOLD: f32 = 0.3;

/// How fast the voice rises and falls, seconds.
const RISE: f32 = 0.04;
const FALL: f32 = 0.10;

/// The slow envelope that a stressed syllable rises over, its time in seconds, and what counts as a full stress, nats.
const SLOW: f32 = 0.7;
const STRESS: f32 = 2.2;

/// Stresses nearer than this to the last one are one.
const APART: f32 = 0.28;

/// A stress fades within this time, seconds.
const FADE: f32 = 0.16;

#[derive(Clone, Copy, Debug)]
pub struct Voice {
    held: f32,
    gate: f32,
    slow: f32,
    since: f32,
    stress: f32,
}

impl Default for Voice {
    fn default() -> Self {
        Self { held: 0.0, gate: 0.0, slow: SILENT, since: 1.0, stress: 0.0 }
    }
}

/// The voice of the moment.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Heed {
    /// 0 silence .. 1 speech.
    pub voice: f32,
    /// Emphasis, 0..1: jumps up at a stressed syllable and fades.
    pub stress: f32,
}

impl Voice {
    pub fn step(&mut self, heard: &Heard) -> Heed {
        let loud = ease((heard.over - SILENT) / (SPEAKING - SILENT));
        let now = loud * ease((heard.over_noise - NOISE) / (CLEAR - NOISE));
        self.held = if now > 0.5 { HOLD } else { self.held - DT };
        let target = if self.held > 0.0 { 1.0 } else { now };
        let time = if target > self.gate { RISE } else { FALL };
        self.gate += (target - self.gate) * (1.0 - (-DT / time).exp());

        let over = heard.over.max(SILENT);
        let rise = over - self.slow;
        self.slow += rise * (1.0 - (-DT / SLOW).exp());
        (self.since, self.stress) = (self.since + DT, self.stress * (-DT / FADE).exp());
        let size = ((rise - 0.6) / STRESS).clamp(0.0, 1.0);
        if over > -2.0 && size > self.stress && (self.since > APART || self.since < 0.07) {
            if self.since > APART {
                self.since = 0.0;
            }
            self.stress = size;
        }
        Heed { voice: if self.gate < 1e-3 { 0.0 } else { self.gate }, stress: self.stress }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::motion::features::{BANDS, FRAMES};

    fn heard(over: f32) -> Heard {
        Heard { mel: [[0.0; BANDS]; FRAMES], over, over_noise: 8.0, is_floor: false }
    }

    fn hear(v: &mut Voice, over: f32, blocks: usize) {
        for _ in 0..blocks {
            v.step(&heard(over));
        }
    }

    #[test]
    fn the_closure_of_a_p_does_not_end_the_voice_but_a_pause_does() {
        let mut v = Voice::default();
        hear(&mut v, -1.0, 50);
        hear(&mut v, -12.0, 7);
        assert!(v.step(&heard(-12.0)).voice > 0.95);
        hear(&mut v, -12.0, 50);
        assert!(v.step(&heard(-12.0)).voice == 0.0);
    }

    #[test]
    fn a_loud_syllable_after_soft_ones_is_stressed_and_a_steady_sound_is_not() {
        let mut v = Voice::default();
        hear(&mut v, -3.0, 200);
        let loud = v.step(&heard(0.5)).stress;
        assert!(loud > 0.5, "{loud}");
        let steady = (0..200).map(|_| v.step(&heard(0.5)).stress).last().unwrap_or(1.0);
        assert!(steady < 0.01, "{steady}");
    }
}
