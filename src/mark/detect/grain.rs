//! The grain of a picture: what is left when shapes and edges are taken away.

/// The mean of the surroundings is taken away, this far to each side, of a picture whose smaller side has 720 lines.
const RADIUS: f32 = 14.0;

/// A strong edge says no more of the mark than a faint one, and would drown it: differences are cut here, in levels of 255, and kept
/// in eighths of a level.
const CUT: f32 = 3.5;
const EIGHTHS: f32 = 8.0;

pub struct Grain {
    width: usize,
    height: usize,
    small: Vec<f32>,
    /// Sums over the surroundings in each column.
    columns: Vec<f32>,
    /// Running sums of a row.
    run: Vec<f32>,
}

impl Grain {
    pub fn new(width: usize, height: usize) -> Self {
        Self { width, height, small: vec![0.0; width * height], columns: vec![0.0; width], run: vec![0.0; width + 1] }
    }

    /// The grain of a picture of `from_width` by `from_height` bytes, made smaller by `shrink`.
    pub fn of(&mut self, luma: &[u8], from_width: usize, from_height: usize, shrink: usize) -> Vec<i8> {
        self.shrink(luma, from_width, from_height, shrink);
        let (width, height) = (self.width, self.height);
        let radius = ((width.min(height) as f32 / 720.0 * RADIUS).round() as usize).clamp(6, 30);
        let mut grain = vec![0; width * height];
        self.columns.fill(0.0);
        let row = |small: &[f32], y: usize| -> std::ops::Range<usize> { y * width..((y + 1) * width).min(small.len()) };
        let mut rows = 0.0;
        for y in 0..radius.min(height) {
            let range = row(&self.small, y);
            self.columns.iter_mut().zip(self.small.get(range).unwrap_or_default()).for_each(|(c, v)| *c += v);
            rows += 1.0;
        }
        for (y, out) in grain.chunks_exact_mut(width).enumerate() {
            if y + radius < height {
                let range = row(&self.small, y + radius);
                self.columns.iter_mut().zip(self.small.get(range).unwrap_or_default()).for_each(|(c, v)| *c += v);
                rows += 1.0;
            }
            if y > radius {
                let range = row(&self.small, y - radius - 1);
                self.columns.iter_mut().zip(self.small.get(range).unwrap_or_default()).for_each(|(c, v)| *c -= v);
                rows -= 1.0;
            }
            let mut sum = 0.0;
            for (to, column) in self.run.iter_mut().skip(1).zip(&self.columns) {
                sum += column;
                *to = sum;
            }
            let here = self.small.get(row(&self.small, y)).unwrap_or_default();
            for (x, (out, value)) in out.iter_mut().zip(here).enumerate() {
                let (from, to) = (x.saturating_sub(radius), (x + radius + 1).min(width));
                let sum =
                    self.run.get(to).copied().unwrap_or_default() - self.run.get(from).copied().unwrap_or_default();
                let mean = sum / (rows * (to - from) as f32);
                *out = ((value - mean).clamp(-CUT, CUT) * EIGHTHS).round() as i8;
            }
        }
        grain
    }

    fn shrink(&mut self, luma: &[u8], from_width: usize, from_height: usize, by: usize) {
        let width = self.width;
        self.small.fill(0.0);
        if from_width == 0 {
            return;
        }
        let share = 1.0 / (by * by) as f32;
        for (y, row) in luma.chunks(from_width).take(from_height.min(self.height * by)).enumerate() {
            let at = y / by * width;
            let Some(to) = self.small.get_mut(at..at + width) else { return };
            if by == 1 {
                to.iter_mut().zip(row).for_each(|(t, v)| *t = f32::from(*v));
            } else {
                to.iter_mut()
                    .zip(row.chunks_exact(by))
                    .for_each(|(t, some)| *t += some.iter().map(|v| f32::from(*v)).sum::<f32>() * share);
            }
        }
    }
}

/// Sides of the blocks that are weighed, in pixels.
const BLOCK: usize = 20;

/// What a block's mean square is at least taken for, in eighths of a level squared: about that of the mark itself.
const LEAST: f32 = 250.0;

/// Weighs a picture block by block, by the inverse of its energy: text and edges around a marked picture say little, calm places
/// much. `pictures`: how many were added up. The weights are kept, for single pictures of the same.
pub fn weigh(sum: &mut [f32], width: usize, pictures: usize, weights: &mut Vec<f32>) {
    weights.clear();
    let scale = (pictures * pictures).max(1) as f32;
    for band in sum.chunks_mut((width * BLOCK).max(1)) {
        let first = weights.len();
        for from in (0..width).step_by(BLOCK) {
            let rows = band.chunks_exact(width).filter_map(|row| row.get(from..(from + BLOCK).min(width)));
            let (squares, count) = rows.flatten().fold((0.0f32, 0.0f32), |(s, n), v| (s + v * v, n + 1.0));
            weights.push(LEAST / (LEAST + squares / count.max(1.0) / scale));
        }
        apply(band, width, weights.get(first..).unwrap_or_default());
    }
}

/// Weighs another picture with the weights of [`weigh`].
pub fn weigh_as(picture: &mut [f32], width: usize, weights: &[f32]) {
    let columns = width.div_ceil(BLOCK).max(1);
    for (band, weights) in picture.chunks_mut((width * BLOCK).max(1)).zip(weights.chunks(columns)) {
        apply(band, width, weights);
    }
}

fn apply(band: &mut [f32], width: usize, weights: &[f32]) {
    for row in band.chunks_mut(width.max(1)) {
        for (values, weight) in row.chunks_mut(BLOCK).zip(weights) {
            values.iter_mut().for_each(|v| *v *= weight);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brightness_slopes_and_contrast_of_large_shapes_leave_nothing_and_edges_are_cut() {
        let (w, h) = (200usize, 120usize);
        let slope: Vec<u8> = (0..w * h).map(|i| (40 + i % w / 2) as u8).collect();
        let grain = Grain::new(w, h).of(&slope, w, h, 1);
        let inside = |x: usize, y: usize| grain[y * w + x];
        assert!((20..100).all(|y| (20..180).all(|x| inside(x, y).abs() <= 4)));
        let edge: Vec<u8> = (0..w * h).map(|i| if i % w < 100 { 0 } else { 255 }).collect();
        let grain = Grain::new(w, h).of(&edge, w, h, 1);
        assert_eq!(grain.iter().map(|g| g.unsigned_abs()).max(), Some(28));
        // Short, too long, and shrunk ones.
        assert_eq!(Grain::new(w, h).of(&[7; 10], w, h, 1).len(), w * h);
        assert_eq!(Grain::new(w / 2, h / 2).of(&slope, w, h, 2).len(), w * h / 4);
    }
}
