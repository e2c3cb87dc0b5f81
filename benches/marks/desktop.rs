//! A desktop with other things on it: a ground that changes slowly, windows, and something like text.

use anyhow::Result;
use image::{Rgb, RgbImage};
use std::path::{Path, PathBuf};

pub fn write(to: &Path, width: u32, height: u32) -> Result<PathBuf> {
    let mut random = fastrand::Rng::with_seed(7);
    let mut picture = RgbImage::from_fn(width, height, |x, y| {
        let (u, v) = (x as f32 / width as f32, y as f32 / height as f32);
        Rgb([(40.0 + 60.0 * u) as u8, (70.0 + 50.0 * v) as u8, (120.0 + 60.0 * (1.0 - u) * v) as u8])
    });
    let mut fill = |x: u32, y: u32, w: u32, h: u32, colour: [u8; 3]| {
        for yy in y..(y + h).min(height) {
            for xx in x..(x + w).min(width) {
                picture.put_pixel(xx, yy, Rgb(colour));
            }
        }
    };
    for _ in 0..4 {
        let (w, h) = (random.u32(width / 4..width / 2), random.u32(height / 4..height / 2));
        let (x, y) = (random.u32(0..width - w), random.u32(0..height - h));
        fill(x, y, w, h, [245, 245, 242]);
        fill(x, y, w, 28, [60, 63, 70]);
        // Letters: strokes a few pixels wide.
        for line in 0..(h.saturating_sub(50)) / 18 {
            let mut at = x + 14;
            let end = x + random.u32(w / 2..w - 10);
            while at + 9 < end {
                let top = y + 42 + line * 18;
                if random.u32(0..6) > 0 {
                    fill(at, top + random.u32(0..3), 2, random.u32(5..11), [40, 42, 48]);
                    fill(at, top + random.u32(0..9), random.u32(3..8), 1, [70, 72, 78]);
                    fill(at + random.u32(3..6), top + 2, 1, random.u32(4..9), [55, 57, 63]);
                }
                at += 9;
            }
        }
    }
    fill(0, height - 40, width, 40, [30, 32, 38]);
    (0..9).for_each(|i| fill(12 + i * 44, height - 34, 28, 28, [80 + (i * 17) as u8, 120, 200 - (i * 15) as u8]));
    picture.save(to)?;
    Ok(to.to_path_buf())
}
