//! Which part of the picture carries the mark.

use super::search::Found;
use crate::mark::carrier::TILE;
use serde::Serialize;

/// A rectangle of pixels, and the size of the mark in it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Place {
    pub x: u32,
    pub y: u32,
    pub width: u32,
    pub height: u32,
    /// Against a picture of 720 lines: 0.5 means that the marked picture was made half as large.
    pub scale: f32,
    /// Left and right are exchanged.
    pub mirrored: bool,
}

impl Place {
    /// In a picture that was made smaller by `times`.
    pub(super) fn enlarged(self, times: usize) -> Self {
        let times = times as u32;
        Self {
            x: self.x * times,
            y: self.y * times,
            width: self.width * times,
            height: self.height * times,
            scale: self.scale * times as f32,
            ..self
        }
    }
}

/// The side of a block that is looked at, in lines of the mark.
const BLOCK: f32 = 40.0;

/// Blocks count as marked that are like the mark by more than this share of what the best ones are.
const SHARE: f32 = 0.35;

/// The rectangle of blocks that are most like `tile` (rows of [`TILE`]), which begins where `found` says. None where the picture is
/// too small to tell.
pub fn find(tile: &[f32], grain: &[f32], width: usize, height: usize, found: &Found) -> Option<Place> {
    let scale = found.scale;
    let (across, along) = ((BLOCK * scale.right).max(8.0) as usize, (BLOCK * scale.down).max(8.0) as usize);
    let (columns, rows) = (width / across, height / along);
    if columns == 0 || rows == 0 {
        return None;
    }
    // A sample of the folded tile is two lines, and counted from its first one: its middle is a line further.
    let sample = |lines: f32| lines.round().rem_euclid(TILE as f32) as usize % TILE;
    let line = |pixel: usize, scale: f32| (pixel as f32 + 0.5) / scale;
    let [begins_x, begins_y] = found.begins;
    let xs: Vec<usize> = (0..width)
        .map(|x| line(x, scale.right))
        .map(|x| sample(if found.mirrored { 1.0 - x - begins_x } else { x - 1.0 - begins_x }))
        .collect();
    let mut like = vec![[0.0f32; 3]; columns * rows];
    for (y, row) in grain.chunks_exact(width).enumerate().take(rows * along) {
        let from = sample(line(y, scale.down) - 1.0 - begins_y) * TILE;
        let marks = tile.get(from..from + TILE).unwrap_or_default();
        let blocks = like.get_mut(y / along * columns..).unwrap_or_default();
        for ((values, xs), [product, grain, mark]) in row.chunks_exact(across).zip(xs.chunks_exact(across)).zip(blocks)
        {
            for (value, x) in values.iter().zip(xs) {
                let m = marks.get(*x).copied().unwrap_or_default();
                *product += value * m;
                *grain += value * value;
                *mark += m * m;
            }
        }
    }
    let like: Vec<f32> = like.into_iter().map(|[p, g, m]| p / (g * m).sqrt().max(1e-6)).collect();
    let smooth = smoothed(&like, columns, rows);
    let mut sorted = smooth.clone();
    sorted.sort_by(f32::total_cmp);
    let best = sorted.get(sorted.len() * 95 / 100).copied()?;
    let [left, top, right, bottom] = heaviest(&smooth, columns, rows, SHARE * best)?;
    // To the picture's edge where nothing but part of a block is left.
    let end = |block: usize, size: usize, blocks: usize, limit: usize| {
        if block + 1 == blocks { limit } else { (block + 1) * size }
    };
    let (x, y) = (left * across, top * along);
    Some(Place {
        x: x as u32,
        y: y as u32,
        width: (end(right, across, columns, width) - x) as u32,
        height: (end(bottom, along, rows, height) - y) as u32,
        scale: (scale.right + scale.down) / 2.0,
        mirrored: found.mirrored,
    })
}

/// The mean over each block and the eight around it.
fn smoothed(values: &[f32], columns: usize, rows: usize) -> Vec<f32> {
    let mean = |x: usize, y: usize| {
        let (mut sum, mut count) = (0.0, 0.0f32);
        for j in y.saturating_sub(1)..(y + 2).min(rows) {
            for i in x.saturating_sub(1)..(x + 2).min(columns) {
                sum += values.get(j * columns + i).copied().unwrap_or_default();
                count += 1.0;
            }
        }
        sum / count.max(1.0)
    };
    (0..rows).flat_map(|y| (0..columns).map(move |x| (x, y))).map(|(x, y)| mean(x, y)).collect()
}

/// The rectangle whose blocks exceed `level` by the largest sum: left, top, right and bottom block (Kadane's algorithm over all pairs
/// of rows).
fn heaviest(values: &[f32], columns: usize, rows: usize, level: f32) -> Option<[usize; 4]> {
    let (mut best, mut place) = (0.0, None);
    for top in 0..rows {
        let mut sums = vec![0.0; columns];
        for bottom in top..rows {
            let row = values.get(bottom * columns..(bottom + 1) * columns)?;
            let (mut run, mut from) = (0.0, 0);
            for (x, (sum, value)) in sums.iter_mut().zip(row).enumerate() {
                *sum += value - level;
                if run <= 0.0 {
                    (run, from) = (0.0, x);
                }
                run += *sum;
                if run > best {
                    (best, place) = (run, Some([from, top, x, bottom]));
                }
            }
        }
    }
    place
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_heaviest_rectangle_is_found() {
        let (columns, rows) = (9, 6);
        let mut values = vec![0.0; columns * rows];
        for y in 2..5 {
            for x in 3..8 {
                values[y * columns + x] = 1.0;
            }
        }
        values[0] = 1.0;
        assert_eq!(heaviest(&values, columns, rows, 0.4), Some([3, 2, 7, 4]));
        assert_eq!(heaviest(&values, columns, rows, 2.0), None);
    }
}
