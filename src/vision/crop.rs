//! Parts of pictures, as the networks are shown them.

use super::{Detection, Landmarks};
use anyhow::{Result, ensure};
use glam::Vec2;
use image::RgbImage;

/// How much larger than the face the part is in which its landmarks are looked for (`face_landmark_landmarks_to_roi.pbtxt`).
const MARGIN: f32 = 1.5;

/// A turned square in a picture: a region of interest.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Roi {
    pub centre: Vec2,
    /// Pixels.
    pub side: f32,
    /// Radians, clockwise: how far the head is tilted to the picture's right.
    pub angle: f32,
}

impl Roi {
    /// Where the landmarks of a face are that was found.
    pub fn around(face: &Detection) -> Self {
        let [left, right, ..] = face.points;
        Self::enclosing(face.low, face.high, right - left)
    }

    /// Where the landmarks are in the next picture, if the face moves little.
    pub fn of(face: &Landmarks) -> Self {
        let (low, high) = face.bounds();
        Self::enclosing(low, high, face.across())
    }

    fn enclosing(low: Vec2, high: Vec2, across: Vec2) -> Self {
        Self { centre: (low + high) / 2.0, side: (high - low).max_element() * MARGIN, angle: across.y.atan2(across.x) }
    }

    pub(super) fn check(&self) -> Result<()> {
        let Self { centre, side, angle } = self;
        ensure!(
            centre.is_finite() && angle.is_finite() && (1.0..1e6).contains(side),
            "a part of a picture of {side} pixels at {centre} turned by {angle} cannot be looked at"
        );
        Ok(())
    }

    /// The picture's place of one in the square, from 0 to 1.
    pub fn to_picture(&self, place: Vec2) -> Vec2 {
        self.grid(1).place(place)
    }

    /// The places in the picture of a grid of so many places a side.
    pub(super) fn grid(&self, places: usize) -> Grid {
        let x = Vec2::from_angle(self.angle) * self.side;
        let y = x.perp();
        Grid { origin: self.centre - (x + y) / 2.0, x: x / places as f32, y: y / places as f32 }
    }
}

/// Evenly spaced places in a picture.
#[derive(Clone, Copy)]
pub(super) struct Grid {
    pub origin: Vec2,
    /// From one to the next in a row, in a column.
    pub x: Vec2,
    pub y: Vec2,
}

impl Grid {
    pub fn place(&self, at: Vec2) -> Vec2 {
        self.origin + self.x * at.x + self.y * at.y
    }
}

/// What is beyond a picture's edge.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Beyond {
    /// The colour of the edge.
    Edge,
    Black,
}

/// Fills `pixels`, rows of `row` pixels of three numbers, with the picture's colours at the places of the grid, from `low` for black to
/// `high` for white. Between pixels it is bilinear, as in OpenCV's `warpPerspective`, with which MediaPipe crops.
pub(super) fn sample(
    picture: &RgbImage,
    grid: &Grid,
    beyond: Beyond,
    [low, high]: [f32; 2],
    row: usize,
    pixels: &mut [f32],
) {
    let sampler = Sampler::new(picture, beyond);
    let scale = (high - low) / 255.0;
    // Where places are far apart each stands for what is between them, too: the mean of a few.
    let taps = (grid.x.length().max(grid.y.length()) / TAP).floor().clamp(1.0, MAX_TAPS) as usize;
    let share = scale / (taps * taps) as f32;
    let offsets: Vec<Vec2> = (0..taps * taps)
        .map(|i| {
            let along = |i: usize| (i as f32 + 0.5) / taps as f32 - 0.5;
            grid.x * along(i % taps) + grid.y * along(i / taps)
        })
        .collect();
    for (y, line) in pixels.chunks_exact_mut(row * 3).enumerate() {
        let mut place = grid.origin + grid.y * y as f32;
        for pixel in line.as_chunks_mut::<3>().0 {
            let mut sum = [0.0; 3];
            if let [_] = *offsets.as_slice() {
                sampler.add(place, &mut sum);
            } else {
                offsets.iter().for_each(|offset| sampler.add_nearest(place + *offset, &mut sum));
            }
            *pixel = sum.map(|v| v * share + low);
            place += grid.x;
        }
    }
}

/// Where two places are twice as many pixels apart, there are two taps either way; three at three times as many, and so on. Below that the
/// networks see what MediaPipe shows them.
const TAP: f32 = 3.0;

const MAX_TAPS: f32 = 8.0;

struct Sampler<'p> {
    bytes: &'p [[u8; 3]],
    width: usize,
    right: i32,
    bottom: i32,
    beyond: Beyond,
}

impl<'p> Sampler<'p> {
    fn new(picture: &'p RgbImage, beyond: Beyond) -> Self {
        let (width, height) = picture.dimensions();
        let bytes = picture.as_raw().as_chunks().0;
        Self { bytes, width: width as usize, right: width as i32 - 1, bottom: height as i32 - 1, beyond }
    }

    /// Adds the colour at a place, between pixels.
    fn add(&self, place: Vec2, sum: &mut [f32; 3]) {
        let (x, y) = (floor(place.x), floor(place.y));
        let (over, down) = (place.x - x as f32, place.y - y as f32);
        let (right, below) = (x.saturating_add(1), y.saturating_add(1));
        for (x, y, weight) in [
            (x, y, (1.0 - over) * (1.0 - down)),
            (right, y, over * (1.0 - down)),
            (x, below, (1.0 - over) * down),
            (right, below, over * down),
        ] {
            self.add_pixel(x, y, weight, sum);
        }
    }

    /// Adds the colour of the pixel at a place.
    fn add_nearest(&self, place: Vec2, sum: &mut [f32; 3]) {
        self.add_pixel(floor(place.x + 0.5), floor(place.y + 0.5), 1.0, sum);
    }

    #[inline]
    fn add_pixel(&self, x: i32, y: i32, weight: f32, sum: &mut [f32; 3]) {
        let (inside_x, inside_y) = (x.clamp(0, self.right), y.clamp(0, self.bottom));
        if self.beyond == Beyond::Black && (inside_x, inside_y) != (x, y) {
            return;
        }
        let Some(pixel) = self.bytes.get(inside_y as usize * self.width + inside_x as usize) else { return };
        for (sum, value) in sum.iter_mut().zip(pixel) {
            *sum += f32::from(*value) * weight;
        }
    }
}

/// `f32::floor` is a call on processors of the lowest kind.
fn floor(value: f32) -> i32 {
    let towards_zero = value as i32;
    towards_zero.saturating_sub(i32::from(value < towards_zero as f32))
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::Rgb;

    /// Red grows by 2 a pixel to the right, green by 3 a pixel down.
    fn slope() -> RgbImage {
        RgbImage::from_fn(60, 40, |x, y| Rgb([2 * x as u8, 3 * y as u8, 200]))
    }

    fn cropped(roi: &Roi, beyond: Beyond) -> Vec<[f32; 3]> {
        let mut pixels = vec![0.0; 16 * 16 * 3];
        sample(&slope(), &roi.grid(16), beyond, [0.0, 255.0], 16, &mut pixels);
        pixels.as_chunks().0.to_vec()
    }

    #[test]
    fn a_turned_crop_has_the_colours_of_its_places_between_the_pixels() {
        let roi = Roi { centre: Vec2::new(30.0, 20.0), side: 20.0, angle: 0.7 };
        for (i, [red, green, blue]) in cropped(&roi, Beyond::Edge).into_iter().enumerate() {
            let place = roi.to_picture(Vec2::new((i % 16) as f32, (i / 16) as f32) / 16.0);
            assert!(
                (red - 2.0 * place.x).abs() < 1e-2 && (green - 3.0 * place.y).abs() < 1e-2,
                "{place}: {red} {green}"
            );
            assert!((blue - 200.0).abs() < 1e-2);
        }
    }

    #[test]
    fn beyond_the_edge_is_the_edge_or_black() {
        let roi = Roi { centre: Vec2::new(0.0, 20.0), side: 16.0, angle: 0.0 };
        assert_eq!(cropped(&roi, Beyond::Edge)[0], [0.0, 36.0, 200.0]);
        assert_eq!(cropped(&roi, Beyond::Black)[0], [0.0, 0.0, 0.0]);
        let far = Roi { centre: Vec2::new(1e9, -1e9), side: 16.0, angle: 0.0 };
        assert_eq!(cropped(&far, Beyond::Edge)[0], [118.0, 0.0, 200.0]);
        assert_eq!(cropped(&far, Beyond::Black)[5], [0.0, 0.0, 0.0]);
    }

    #[test]
    fn a_coarse_grid_takes_means() {
        let mut random = fastrand::Rng::with_seed(3);
        let noise = RgbImage::from_fn(256, 256, |_, _| Rgb([random.u8(..); 3]));
        let spread = |places: usize| {
            let mut pixels = vec![0.0; places * places * 3];
            let roi = Roi { centre: Vec2::splat(128.0), side: 240.0, angle: 0.0 };
            sample(&noise, &roi.grid(places), Beyond::Edge, [-1.0, 1.0], places, &mut pixels);
            pixels.iter().map(|v| v * v).sum::<f32>() / pixels.len() as f32
        };
        // A third at every pixel; a fifth by a fifth of that from steps of 16 on.
        assert!((spread(240) - 1.0 / 3.0).abs() < 0.02 && spread(15) < 0.02, "{} {}", spread(240), spread(15));
    }
}
