//! What is to be drawn: one face a frame, and the sound that belongs to it.

use crate::clock::Moment;
use crate::config::Profile;
use crate::face::Curves;
use crate::motion::{Gesture, Lips, Motion, PHONES_AHEAD, PHONES_BACK, Steering};
use crate::sound::{BLOCK, BLOCK_TIME, Block, RATE, Sound, resample};
use crate::speech::Phone;
use anyhow::{Context, Result};
use std::path::Path;
use std::time::Duration;

/// How the face moves.
pub struct Manner<'a> {
    pub profile: &'a Profile,
    pub intensity: f32,
    pub seed: u64,
}

/// What steers the face: from the first picture on, and gestures with the time at which each begins, the earliest first.
#[derive(Default)]
pub struct Steered {
    pub steering: Steering,
    pub gestures: Vec<(Gesture, Duration)>,
}

pub struct Timeline {
    /// One row a frame.
    pub curves: Curves,
    pub sound: Option<Sound>,
}

impl Timeline {
    /// The face as a curve file gives it, at `fps`.
    pub fn of_curves(path: &Path, fps: u32) -> Result<Self> {
        let file = std::fs::File::open(path)
            .with_context(|| format!("the curve file {} cannot be opened; check its name", path.display()))?;
        let curves = Curves::read(std::io::BufReader::new(file)).with_context(|| path.display().to_string())?;
        let frames = frames_until(curves.end(), fps) + 1;
        Ok(Self { curves: sampled(&curves, frames, fps), sound: None })
    }

    /// The face that the whole generator makes of a sound. `phones`: what it says when, from its first sample on, where that is
    /// known.
    pub fn of_sound(
        sound: Sound,
        phones: &[Phone],
        lips: Lips,
        manner: &Manner,
        steered: &Steered,
        fps: u32,
    ) -> Result<Self> {
        let heard = resample(&sound.samples, sound.rate, RATE)?;
        let mut motion = Motion::new(lips, manner.seed);
        motion.set_profile(manner.profile, manner.intensity, Duration::ZERO);
        motion.steer(steered.steering);
        motion.settle();
        let mut gestures = steered.gestures.iter().peekable();
        // Silence after the end pushes the last sounds through the look-ahead.
        let look_ahead = motion.look_ahead();
        let flush = (look_ahead.as_millis() as usize * RATE as usize / 1000).div_ceil(BLOCK) + 1;
        let blocks = heard.len().div_ceil(BLOCK) + flush;
        let mut curves = Curves::default();
        for index in 0..blocks {
            let mut block = Block::silent(Moment::of_sample((index * BLOCK) as u64, RATE));
            let rest = heard.get(index * BLOCK..).unwrap_or_default();
            for (to, from) in block.samples.iter_mut().zip(rest) {
                *to = *from;
            }
            let face_at = block.at + BLOCK_TIME - look_ahead;
            while let Some((gesture, _)) = gestures.next_if(|(_, at)| Moment(0) + *at <= face_at) {
                motion.gesture(*gesture);
            }
            let face = motion.step(&block, around(phones, block.at, look_ahead));
            if face.at >= Moment(0) {
                curves.faces.push(face);
            }
        }
        let end = Moment::of_sample(heard.len() as u64, RATE);
        Ok(Self { curves: sampled(&curves, frames_until(end, fps).max(1), fps), sound: Some(sound) })
    }
}

/// The phones that matter to the face of the block at `at`, of which the latest moment is that of the block itself.
fn around(phones: &[Phone], at: Moment, look_ahead: Duration) -> &[Phone] {
    let begin = phones.partition_point(|p| p.to < at - look_ahead - PHONES_BACK);
    let end = phones.partition_point(|p| p.from <= at + PHONES_AHEAD);
    phones.get(begin..end).unwrap_or_default()
}

fn frames_until(end: Moment, fps: u32) -> u64 {
    (end.seconds() * f64::from(fps) + 1e-6).floor() as u64
}

fn sampled(curves: &Curves, frames: u64, fps: u32) -> Curves {
    let faces = (0..frames).map(|k| {
        let at = Moment::of_sample(k, fps);
        crate::face::Face { at, ..curves.at(at) }
    });
    Curves { faces: faces.collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Paths;
    use crate::face::{Face, Shape};
    use crate::{assets, speech};

    /// How far the lips are apart; without the share of the upper lip, how far the lower one is from the teeth.
    fn gaps(face: &Face) -> (f32, f32) {
        let w = &face.weights;
        let lower = w[Shape::JawOpen] - w[Shape::MouthClose]
            + 0.15 * (w[Shape::MouthLowerDownLeft] + w[Shape::MouthLowerDownRight]);
        (lower + 0.1 * (w[Shape::MouthUpperUpLeft] + w[Shape::MouthUpperUpRight]), lower)
    }

    #[test]
    fn the_lips_of_a_spoken_text_meet_at_every_p_b_and_m_and_touch_the_teeth_at_every_f_and_v() {
        let paths = Paths::find();
        if let Err(e) = assets::runtime(&paths) {
            return eprintln!("SKIPPED: {e:#}");
        }
        for rate in [0.5, 1.0, 2.0] {
            let text = "Bob may buy a very big fan and five maps.";
            let speech = match speech::synthesize(&paths, None, text, rate) {
                Ok(speech) if !speech.phones.is_empty() => speech,
                Ok(_) => {
                    return eprintln!("SKIPPED: the voice does not tell its phonemes; the lips were NOT looked at");
                }
                Err(e) => return eprintln!("SKIPPED: {e:#}"),
            };
            let sound = Sound { samples: speech.samples, rate: speech.rate };
            let (lips, profile) = (Lips::open(&paths).unwrap(), Profile::default());
            let manner = Manner { profile: &profile, intensity: 1.0, seed: 1 };
            let timeline = Timeline::of_sound(sound, &speech.phones, lips, &manner, &Steered::default(), 50).unwrap();
            let faces = &timeline.curves.faces;
            let (mut met, mut touched) = (0, 0);
            for phone in &speech.phones {
                // One step more on either side: a short sound lies between two faces.
                let around = (phone.from - Duration::from_millis(20))..=(phone.to + Duration::from_millis(20));
                let least = |of: fn((f32, f32)) -> f32| {
                    let all = faces.iter().filter(|f| around.contains(&f.at));
                    all.map(|f| of(gaps(f))).fold(f32::MAX, f32::min)
                };
                match phone.symbol {
                    'p' | 'b' | 'm' => {
                        assert!(least(|g| g.0) < 0.03, "{phone:?} at rate {rate}: {}", least(|g| g.0));
                        met += 1;
                    }
                    'f' | 'v' => {
                        assert!(least(|g| g.1) < 0.07, "{phone:?} at rate {rate}: {}", least(|g| g.1));
                        touched += 1;
                    }
                    _ => {}
                }
            }
            assert!(met >= 7 && touched >= 4, "{met} and {touched}");
        }
    }
}
