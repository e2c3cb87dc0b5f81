//! What is to be drawn: one face a frame, and the sound that belongs to it.

use crate::clock::Moment;
use crate::config::{Paths, Profile};
use crate::face::Curves;
use crate::motion::{LOOK_AHEAD, Lips, Motion, PHONES_AHEAD, PHONES_BACK};
use crate::sound::{BLOCK, Block, RATE, Sound, resample};
use crate::speech::Phone;
use anyhow::{Context, Result};
use std::path::Path;
use std::time::Duration;

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
        paths: &Paths,
        profile: &Profile,
        intensity: f32,
        seed: u64,
        fps: u32,
    ) -> Result<Self> {
        let heard = resample(&sound.samples, sound.rate, RATE)?;
        let mut motion = Motion::new(Lips::open(paths)?, seed);
        motion.set_profile(profile, intensity, Duration::ZERO);
        // Silence after the end pushes the last sounds through the look-ahead.
        let flush = (LOOK_AHEAD.as_millis() as usize * RATE as usize / 1000).div_ceil(BLOCK) + 1;
        let blocks = heard.len().div_ceil(BLOCK) + flush;
        let mut curves = Curves::default();
        for index in 0..blocks {
            let mut block = Block::silent(Moment::of_sample((index * BLOCK) as u64, RATE));
            let rest = heard.get(index * BLOCK..).unwrap_or_default();
            for (to, from) in block.samples.iter_mut().zip(rest) {
                *to = *from;
            }
            let face = motion.step(&block, around(phones, block.at));
            if face.at >= Moment(0) {
                curves.faces.push(face);
            }
        }
        let end = Moment::of_sample(heard.len() as u64, RATE);
        Ok(Self { curves: sampled(&curves, frames_until(end, fps).max(1), fps), sound: Some(sound) })
    }
}

/// The phones that matter to the face of the block at `at`, of which the latest moment is that of the block itself.
fn around(phones: &[Phone], at: Moment) -> &[Phone] {
    let begin = phones.partition_point(|p| p.to < at - LOOK_AHEAD - PHONES_BACK);
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
