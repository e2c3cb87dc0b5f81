//! How strong the mark may be, block by block: as strong as the eye lets pass.

use crate::render::{Frame, Size};

/// Pixels of a block's side.
pub const BLOCK: usize = 16;

/// The standard deviation of the mark in levels of 255: in a flat place, and at most.
const FLAT: f32 = 0.85;
const MOST: f32 = 2.2;

/// What a level of mean difference between neighbours adds to it.
const PER_ACTIVITY: f32 = 0.3;

/// Neighbours are this many pixels apart, and looked at in every fourth line and column.
const APART: usize = 3;
const STRIDE: usize = 4;

/// The weight of the new frame: what moves past does not make the mark flicker.
const FOLLOW: f32 = 0.15;

/// Watches the frames, and keeps the strength of the mark for each block.
pub struct Masking {
    columns: usize,
    width: usize,
    /// The mean difference between neighbours.
    activity: Vec<f32>,
    /// The same of the moment, before it is smoothed.
    now: Vec<f32>,
    /// Levels of brightness a step of the grain, in 1/1024.
    strength: Vec<i16>,
    first: bool,
}

impl Masking {
    pub fn new(size: Size) -> Self {
        let (columns, rows) = ((size.width as usize).div_ceil(BLOCK), (size.height as usize).div_ceil(BLOCK));
        let all = columns * rows;
        Self {
            columns,
            width: size.width as usize,
            activity: vec![0.0; all],
            now: vec![0.0; all],
            strength: vec![0; all],
            first: true,
        }
    }

    /// Follows one frame of the size given to [`Masking::new`].
    pub fn look(&mut self, frame: &Frame) {
        let (row, columns) = (self.width * 4, self.columns);
        if row == 0 || columns == 0 {
            return;
        }
        let green = |line: &[u8], x: usize| line.get(x * 4 + 1).copied().unwrap_or_default();
        for (band, now) in frame.rgba.chunks(row * BLOCK).zip(self.now.chunks_exact_mut(columns)) {
            now.fill(0.0);
            let lines = band.len() / row;
            let line = |y: usize| band.get(y * row..(y + 1) * row).unwrap_or_default();
            for y in (0..lines).step_by(STRIDE) {
                let (here, below) = (line(y), line(if y + APART < lines { y + APART } else { 0 }));
                for (block, now) in now.iter_mut().enumerate() {
                    let mut sum = 0u32;
                    for x in (block * BLOCK..((block + 1) * BLOCK).min(self.width)).step_by(STRIDE) {
                        let right = if x + APART < self.width { x + APART } else { 0 };
                        let it = green(here, x);
                        // The smaller one: a single long edge, which masks little, counts little.
                        sum += u32::from(it.abs_diff(green(here, right)).min(it.abs_diff(green(below, x))));
                    }
                    *now += sum as f32;
                }
            }
            let looked = (lines.div_ceil(STRIDE) * BLOCK / STRIDE).max(1) as f32;
            now.iter_mut().for_each(|n| *n /= looked);
        }
        let follow = if std::mem::take(&mut self.first) { 1.0 } else { FOLLOW };
        let all = self.activity.iter_mut().zip(&self.now).zip(&mut self.strength);
        for ((activity, now), strength) in all {
            *activity += (now - *activity) * follow;
            let deviation = (FLAT + PER_ACTIVITY * *activity).min(MOST);
            *strength = (deviation * super::STEP * 1024.0) as i16;
        }
    }

    /// The strengths of the blocks that line `y` runs through.
    pub fn row(&self, y: usize) -> &[i16] {
        let from = y / BLOCK * self.columns;
        self.strength.get(from..from + self.columns).unwrap_or_default()
    }
}
