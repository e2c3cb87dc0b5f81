//! Which part of the photograph the avatar shows: head and shoulders, framed as the built-in people are.

use super::fit::{DISTANCE, Place};
use super::raster::Picture;
use glam::{Vec2, Vec3};
use image::RgbImage;

/// Width over height: as a call shows it.
pub const ASPECT: f32 = 16.0 / 9.0;
/// Height of the frame and place of the eyes in it, as the built-in people have them: head units.
const HEIGHT: f32 = 6.86;
const ABOVE_EYES: f32 = 0.41;
/// The least height that shows a whole head.
const LEAST: f32 = 4.2;
/// Lines of the canvas.
const LINES: (f32, f32) = (720.0, 1080.0);

/// What the avatar shows, in head units about the eyes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Canvas {
    pub width: usize,
    pub height: usize,
    pub place: Place,
    /// Pixels of the photograph for one of the canvas.
    scale: f32,
    photo: Place,
}

/// The photograph on the canvas.
pub struct Seen {
    pub picture: Picture,
    /// 1 where the photograph is, falling to 0 at its sides and beyond.
    pub inside: Vec<f32>,
}

impl Canvas {
    /// `photo`: the head in a photograph of the size `size`.
    pub fn new(photo: Place, size: Vec2) -> Self {
        // The body must not end in mid-air: the frame ends where the photograph does.
        let below = (size.y - photo.origin.y) / photo.unit;
        let height = HEIGHT.min(below / (1.0 - ABOVE_EYES)).max(LEAST);
        let lines = (height * photo.unit).clamp(LINES.0, LINES.1);
        let lines = (lines / 2.0).round() * 2.0;
        let width = (lines * ASPECT / 2.0).round() * 2.0;
        let unit = lines / height;
        let above = (height * ABOVE_EYES).max(height - below);
        let place = Place { origin: Vec2::new(width / 2.0, above * unit), unit };
        Self { width: width as usize, height: lines as usize, place, scale: photo.unit / unit, photo }
    }

    /// The point in the plane between the eyes that lands in the middle of the frame.
    pub fn centre(&self) -> Vec2 {
        self.place.of_pixel(Vec2::new(self.width as f32, self.height as f32) / 2.0)
    }

    /// Tangent of half the vertical field of view.
    pub fn tan_half_height(&self) -> f32 {
        self.height as f32 / self.place.unit / 2.0 / DISTANCE
    }

    /// Whether the photograph ends above the frame's lower edge: the body is cut off there.
    pub fn short(&self) -> bool {
        self.place.origin.y > ABOVE_EYES * self.height as f32 + 1.0
    }

    /// Pixel of the photograph.
    pub fn source(&self, pixel: Vec2) -> Vec2 {
        (pixel - self.place.origin) * self.scale + self.photo.origin
    }

    /// Samples the photograph; fine detail is averaged, not dropped.
    pub fn see(&self, photo: &RgbImage) -> Seen {
        let (pw, ph) = (photo.width() as f32, photo.height() as f32);
        let taps = (self.scale.ceil() as usize).clamp(1, 8);
        let fade = 0.22 * self.photo.unit;
        let mut picture = Picture { width: self.width, height: self.height, pixels: Vec::new() };
        let mut inside = Vec::new();
        for y in 0..self.height {
            for x in 0..self.width {
                let mut sum = Vec3::ZERO;
                for sy in 0..taps {
                    for sx in 0..taps {
                        let at = Vec2::new(
                            x as f32 + (sx as f32 + 0.5) / taps as f32,
                            y as f32 + (sy as f32 + 0.5) / taps as f32,
                        );
                        sum += sample(photo, self.source(at));
                    }
                }
                picture.pixels.push(sum / (taps * taps) as f32);
                let p = self.source(Vec2::new(x as f32, y as f32) + 0.5);
                let edge = p.x.min(pw - p.x).min(p.y);
                let below = f32::from(p.y <= ph + 1.0);
                inside.push((edge / fade).clamp(0.0, 1.0) * below);
            }
        }
        Seen { picture, inside }
    }
}

/// Bilinear; pixel centres lie at halves.
fn sample(photo: &RgbImage, p: Vec2) -> Vec3 {
    let (w, h) = photo.dimensions();
    let x = (p.x - 0.5).clamp(0.0, (w - 1) as f32);
    let y = (p.y - 0.5).clamp(0.0, (h - 1) as f32);
    let (x0, y0) = (x as u32, y as u32);
    let (x1, y1) = ((x0 + 1).min(w - 1), (y0 + 1).min(h - 1));
    let pixel = |x: u32, y: u32| Vec3::from_array(photo.get_pixel(x, y).0.map(f32::from)) / 255.0;
    let (fx, fy) = (x - x0 as f32, y - y0 as f32);
    pixel(x0, y0).lerp(pixel(x1, y0), fx).lerp(pixel(x0, y1).lerp(pixel(x1, y1), fx), fy)
}
