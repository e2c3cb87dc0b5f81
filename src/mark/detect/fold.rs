//! A picture laid tile over tile.

use crate::mark::carrier::TILE;

/// How the tiles of the mark lie in a picture: how many pixels a line of the mark is, to the right and down.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    pub right: f32,
    pub down: f32,
}

/// A part of a picture, in pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Part {
    pub x: usize,
    pub y: usize,
    pub width: usize,
    pub height: usize,
}

/// Folds pictures; keeps its buffers.
#[derive(Default)]
pub struct Fold {
    run: Vec<f32>,
    ends: Vec<(u32, f32)>,
    line: Vec<f32>,
}

impl Fold {
    /// Adds the picture (of `width` pixels a row) up into a tile of `side` by `side` samples: each is the sum over all pixels, and
    /// shares of pixels, that lie in it at `scale`. Tiles begin at the upper left corner of the whole picture.
    pub fn fold(&mut self, picture: &[f32], width: usize, part: Part, scale: Scale, side: usize, tile: &mut [f32]) {
        tile.fill(0.0);
        let sample = |scale: f32| scale * (TILE / side) as f32;
        let (across, along) = (sample(scale.down), sample(scale.right));
        if !(across > 0.01 && along > 0.01) || width == 0 {
            return;
        }
        let (left, right) = (part.x.min(width), (part.x + part.width).min(width));
        // Where each sample of a row ends: in which pixel, and how much of that pixel it takes.
        let first = (left as f32 / along) as usize;
        let last = (right as f32 / along).ceil() as usize;
        self.ends.clear();
        self.ends.extend((first + 1..=last).map(|m| {
            let at = (m as f32 * along).clamp(left as f32, right as f32) - left as f32;
            (at as u32, at.fract())
        }));
        self.line.resize(side, 0.0);
        for (y, row) in picture.chunks_exact(width).enumerate().skip(part.y).take(part.height) {
            let Some(row) = row.get(left..right) else { continue };
            self.run.clear();
            self.run.push(0.0);
            let mut sum = 0.0;
            self.run.extend(row.iter().map(|v| {
                sum += v;
                sum
            }));
            // The sum up to a place in the midst of a pixel lies between those before and after the pixel.
            self.run.push(sum);
            self.line.fill(0.0);
            let mut before = 0.0;
            let mut m = first % side;
            for (pixel, share) in &self.ends {
                let pixel = *pixel as usize;
                let Some([a, b]) = self.run.get(pixel..).and_then(|r| r.first_chunk::<2>()) else { break };
                let upto = a + (b - a) * share;
                if let Some(to) = self.line.get_mut(m) {
                    *to += upto - before;
                }
                before = upto;
                m = if m + 1 == side { 0 } else { m + 1 };
            }
            // The row goes to one line of the tile, or to two or more where they are finer than pixels.
            let (top, bottom) = (y as f32 / across, (y + 1) as f32 / across);
            let mut v = top.floor();
            while v < bottom {
                let share = ((v + 1.0).min(bottom) - v.max(top)) * across;
                let to = v as usize % side * side;
                if let Some(to) = tile.get_mut(to..to + side) {
                    to.iter_mut().zip(&self.line).for_each(|(t, l)| *t += l * share);
                }
                v += 1.0;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(width: usize, height: usize) -> Part {
        Part { x: 0, y: 0, width, height }
    }

    #[test]
    fn nothing_is_lost_and_what_repeats_adds_up() {
        let (w, h) = (301, 203);
        let picture: Vec<f32> = (0..w * h).map(|i| ((i % w) * 3 + i / w) as f32 % 17.0).collect();
        for scale in [0.31, 0.5, 1.0, 1.37, 2.2] {
            for side in [64, 128, 256] {
                let mut tile = vec![0.0; side * side];
                let scale = Scale { right: scale, down: scale * 1.01 };
                Fold::default().fold(&picture, w, whole(w, h), scale, side, &mut tile);
                let (a, b) = (
                    tile.iter().map(|v| f64::from(*v)).sum::<f64>(),
                    picture.iter().map(|v| f64::from(*v)).sum::<f64>(),
                );
                assert!((a - b).abs() < b * 1e-3, "{a} {b} at {scale:?} {side}");
            }
        }
    }

    #[test]
    fn a_wave_of_the_mark_stays_a_wave_at_its_scale_and_vanishes_at_another() {
        let (w, h) = (900, 500);
        let picture: Vec<f32> =
            (0..w * h).map(|i| (std::f32::consts::TAU * 20.0 * (i % w) as f32 / (256.0 * 0.8)).sin()).collect();
        let strength = |scale: f32| {
            let mut tile = vec![0.0; 128 * 128];
            Fold::default().fold(&picture, w, whole(w, h), Scale { right: scale, down: scale }, 128, &mut tile);
            tile.iter().map(|v| v * v).sum::<f32>().sqrt()
        };
        let [right, near, far] = [0.8, 0.85, 1.1].map(strength);
        assert!(right > 2.5 * near && right > 2.5 * far, "{right} {near} {far}");
    }

    #[test]
    fn a_part_is_folded_where_it_lies() {
        let (w, h) = (600, 400);
        let part = Part { x: 150, y: 90, width: 200, height: 170 };
        let picture: Vec<f32> = (0..w * h).map(|i| (i * 7919 % 101) as f32).collect();
        let alone: Vec<f32> = picture
            .iter()
            .enumerate()
            .map(|(i, v)| if (150..350).contains(&(i % w)) && (90..260).contains(&(i / w)) { *v } else { 0.0 })
            .collect();
        let scale = Scale { right: 0.9, down: 0.91 };
        let (mut a, mut b) = (vec![0.0; 128 * 128], vec![0.0; 128 * 128]);
        Fold::default().fold(&picture, w, part, scale, 128, &mut a);
        Fold::default().fold(&alone, w, whole(w, h), scale, 128, &mut b);
        assert!(a.iter().zip(&b).all(|(a, b)| (a - b).abs() < 1.0));
    }
}
