//! The voice's say in how lively the face is: a profile with `voice_drive` follows how excited the voice sounds.

use crate::config::MotionStyle;

/// The arousal of an ordinary voice.
pub const CALM: f32 = 0.5;

/// At full drive the most and the least excited voice change energy and head range by a factor of e^±0.4, tempo by e^±0.18 (by eye).
const ENERGY: f32 = 0.8;
const TEMPO: f32 = 0.36;

/// How far an excited voice lifts the brows at full drive.
const BROWS: f32 = 0.3;

/// How `manner` moves while the voice is as excited as `arousal`, 0 flat and quiet .. 1 loud, wide in pitch and fast, 0.5 ordinary.
pub fn driven_by_voice(manner: &MotionStyle, arousal: f32) -> MotionStyle {
    let drive = manner.voice_drive * off_calm(arousal);
    MotionStyle {
        energy: (manner.energy * (ENERGY * drive).exp()).clamp(0.0, 2.0),
        tempo: (manner.tempo * (TEMPO * drive).exp()).clamp(0.4, 2.5),
        head_range: (manner.head_range * (ENERGY * drive).exp()).clamp(0.0, 2.0),
        ..*manner
    }
}

/// How far the voice lifts the brows of who moves like `manner`: a weight.
pub fn brows_of_voice(manner: &MotionStyle, arousal: f32) -> f32 {
    (BROWS * manner.voice_drive * off_calm(arousal)).max(0.0)
}

fn off_calm(arousal: f32) -> f32 {
    if arousal.is_finite() { arousal.clamp(0.0, 1.0) - CALM } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_profile_that_wants_it_follows_the_voice() {
        let plain = MotionStyle::default();
        let driven = MotionStyle { voice_drive: 1.0, ..plain };
        for arousal in [0.0, 0.3, 1.0, f32::NAN] {
            assert_eq!(driven_by_voice(&plain, arousal), plain);
            assert_eq!(brows_of_voice(&plain, arousal), 0.0);
        }
        assert_eq!(driven_by_voice(&driven, CALM), driven);
        let (low, high) = (driven_by_voice(&driven, 0.0), driven_by_voice(&driven, 1.0));
        assert!(low.energy < 0.7 && high.energy > 1.4 && low.tempo < 0.9 && high.tempo > 1.1);
        assert!(brows_of_voice(&driven, 1.0) > 0.1 && brows_of_voice(&driven, 0.0) == 0.0);
    }
}
