//! The mark as grain: the tile, and the tile over a picture.

use super::STEP;
use crate::mark::carrier::{LINES, TILE, Wave};
use crate::mark::code::CODED;
use crate::mark::transform::Transform;
use crate::render::Size;
use rustfft::num_complex::Complex32;

/// The tile that carries coded bits, row by row: mean 0, standard deviation 1. Without bits, that of the fixed waves alone.
pub fn tile(waves: &[Wave], coded: Option<&[bool; CODED]>) -> Vec<f32> {
    let mut spectrum = vec![Complex32::default(); TILE * TILE];
    let wrap = |turns: i32| turns.rem_euclid(TILE as i32) as usize;
    let mut power = 0.0f32;
    for wave in waves {
        let Some([cosine, sine]) = wave.signs(coded) else { continue };
        if let Some(at) = spectrum.get_mut(wrap(wave.down) * TILE + wrap(wave.right)) {
            *at = Complex32::new(cosine, sine);
        }
        // The real part of a wave of amplitude sqrt(2) has a mean square of 1.
        power += 1.0;
    }
    Transform::new(TILE).inverse(&mut spectrum);
    let scale = power.sqrt().max(1.0).recip();
    spectrum.into_iter().map(|c| c.re * scale).collect()
}

/// Lays the tile over a picture of `size`, in steps of [`STEP`], as R G B A.
pub fn spread(tile: &[f32], size: Size, grain: &mut [i8]) {
    let width = size.width as usize;
    let lines_a_pixel = LINES / size.width.min(size.height).max(1) as f32;
    // Where a pixel's middle lies in the tile: the sample before it, and how far it is to the next one.
    let place = |pixel: usize| {
        let at = ((pixel as f32 + 0.5) * lines_a_pixel - 0.5).rem_euclid(TILE as f32);
        let before = at.floor();
        (before as usize % TILE, at - before)
    };
    let columns: Vec<(usize, f32)> = (0..width).map(place).collect();
    let mut line = [0.0; TILE];
    for (y, row) in grain.chunks_exact_mut((width * 4).max(1)).enumerate() {
        let (above, share) = place(y);
        let rows = [above, (above + 1) % TILE].map(|r| tile.get(r * TILE..(r + 1) * TILE).unwrap_or_default());
        for ((to, a), b) in line.iter_mut().zip(rows[0]).zip(rows[1]) {
            *to = (a + (b - a) * share) / STEP;
        }
        for (pixel, (left, share)) in row.as_chunks_mut::<4>().0.iter_mut().zip(&columns) {
            let (a, b) = (line.get(*left), line.get((left + 1) % TILE));
            let (a, b) = (a.copied().unwrap_or_default(), b.copied().unwrap_or_default());
            let value = (a + (b - a) * share).round().clamp(-127.0, 127.0) as i8;
            *pixel = [value, value, value, 0];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mark::carrier::waves;

    #[test]
    fn a_tile_has_no_mean_a_deviation_of_one_and_repeats_without_a_seam() {
        let tile = tile(&waves(), Some(&std::array::from_fn(|i| i % 3 == 0)));
        let count = tile.len() as f32;
        let mean = tile.iter().sum::<f32>() / count;
        let deviation = (tile.iter().map(|v| v * v).sum::<f32>() / count).sqrt();
        assert!(mean.abs() < 1e-4 && (deviation - 1.0).abs() < 1e-3, "{mean} {deviation}");
        let step = |a: usize, b: usize| (tile[a] - tile[b]).abs();
        let inside = (0..TILE).map(|y| step(y * TILE + 10, y * TILE + 11)).sum::<f32>();
        let seam = (0..TILE).map(|y| step(y * TILE + TILE - 1, y * TILE)).sum::<f32>();
        assert!(seam < 1.5 * inside, "{seam} {inside}");
    }
}
