//! Which pixels are a person.

use super::Network;
use super::crop::{Beyond, Grid, sample};
use anyhow::{Context, Result};
use glam::Vec2;
use image::{ImageBuffer, Luma, RgbImage};

/// How much of each pixel is a person, from 0 to 1.
pub type Matte = ImageBuffer<Luma<f32>, Vec<f32>>;

/// Pixels on a side of what the network is shown, and of what it gives.
pub(super) const SIDE: usize = 256;

/// The network sees the whole picture, whatever its shape.
pub(super) fn run(network: &mut Network, picture: &RgbImage) -> Result<Matte> {
    let size = Vec2::new(picture.width() as f32, picture.height() as f32);
    let step = size / SIDE as f32;
    let grid = Grid { origin: (step - 1.0) / 2.0, x: Vec2::X * step.x, y: Vec2::Y * step.y };
    sample(picture, &grid, Beyond::Black, [0.0, 1.0], SIDE, &mut network.pixels);
    network.run([("activation_10", SIDE * SIDE)], |[matte]| enlarge(matte, picture.width(), picture.height()))
}

/// Bilinearly, from the middles of the small pixels.
fn enlarge(matte: &[f32], width: u32, height: u32) -> Result<Matte> {
    let along = |size: u32| -> Vec<(usize, usize, f32)> {
        let place = |i: u32| ((i as f32 + 0.5) * SIDE as f32 / size as f32 - 0.5).clamp(0.0, (SIDE - 1) as f32);
        let split = |place: f32| (place as usize, (place as usize + 1).min(SIDE - 1), place.fract());
        (0..size).map(|i| split(place(i))).collect()
    };
    let (columns, rows) = (along(width), along(height));
    let mut values = Vec::with_capacity(columns.len() * rows.len());
    for (above, below, down) in rows {
        let line = |row: usize| matte.get(row * SIDE..(row + 1) * SIDE).context("a matte is too small");
        let (above, below) = (line(above)?, line(below)?);
        for &(left, right, over) in &columns {
            let mix = |line: &[f32]| line[left] * (1.0 - over) + line[right] * over;
            values.push((mix(above) * (1.0 - down) + mix(below) * down).clamp(0.0, 1.0));
        }
    }
    Matte::from_raw(width, height, values).context("a matte has another size than its picture")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_matte_is_enlarged_without_a_shift() {
        let step: Vec<f32> = (0..SIDE * SIDE).map(|i| if i % SIDE < SIDE / 2 { 0.0 } else { 1.0 }).collect();
        let large = enlarge(&step, 1024, 300).unwrap();
        assert_eq!(large.dimensions(), (1024, 300));
        let line: Vec<f32> = (0..1024).map(|x| large.get_pixel(x, 150).0[0]).collect();
        assert!((line.iter().sum::<f32>() - 512.0).abs() < 1e-3 && line.is_sorted());
        assert!(enlarge(&step, 1, 1).unwrap().get_pixel(0, 0).0[0] <= 1.0);
    }
}
