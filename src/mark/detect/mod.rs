//! Looks for marks.

use super::payload::Payload;
use anyhow::{Result, ensure};

#[derive(Debug)]
pub struct Detector {
    frames: u32,
}

/// Where in the picture the marked frame lies.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Place {
    pub x: f32,
    pub y: f32,
    pub width: f32,
    pub height: f32,
    /// Against a frame of 720 lines.
    pub scale: f32,
}

#[derive(Clone, Debug)]
pub struct Finding {
    pub frames: u32,
    pub marked: bool,
    pub score: f32,
    pub log10_false_alarm: f64,
    pub each: Vec<bool>,
    pub payload: Option<Payload>,
    pub place: Option<Place>,
}

impl Detector {
    /// # Errors
    /// A size that cannot be looked at.
    pub fn new(width: u32, height: u32) -> Result<Self> {
        ensure!(
            width.min(height) >= 64,
            "the picture is {width}x{height}; at least 64x64 are needed to look for a mark"
        );
        ensure!(
            u64::from(width) * u64::from(height) <= 64_000_000,
            "the picture is {width}x{height}, over 64 megapixels"
        );
        Ok(Self { frames: 0 })
    }

    pub fn add(&mut self, _luma: &[u8]) {
        self.frames += 1;
    }

    pub fn finish(&mut self) -> Finding {
        let frames = std::mem::take(&mut self.frames);
        Finding {
            frames,
            marked: false,
            score: 0.0,
            log10_false_alarm: 0.0,
            each: vec![false; frames as usize],
            payload: None,
            place: None,
        }
    }
}
