//! A hand, a cup or a mask before the mouth: what is seen where lips and chin should be has other colours than they had.
//!
//! The landmark network guesses a mouth behind a hand, and a likely one: where its landmarks lie says nothing. The skin around them
//! does. Colours are taken against those of cheeks, nose and forehead, so that light that comes or goes makes no difference.

use glam::Vec3;
use image::RgbImage;

/// Landmarks along the outer edge of the lips, then of chin and lower cheeks.
const LOWER: [usize; 43] = [
    61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 185, 40, 39, 37, 0, 267, 269, 270, 409, 200, 199, 18, 83, 313,
    182, 406, 204, 424, 208, 428, 32, 262, 201, 421, 92, 322, 165, 391, 206, 426, 212, 432,
];
/// Landmarks of cheeks, nose and forehead.
const UPPER: [usize; 13] = [50, 280, 101, 330, 6, 197, 9, 151, 108, 337, 205, 425, 4];
/// Outer corners of the eyes.
const CORNERS: (usize, usize) = (33, 263);
/// Half of a sample's width, by the distance of the corners.
const RADIUS: f32 = 0.03;
/// What brightness, red against green and green against blue may differ by at least, natural logarithms.
const FLOOR: [f32; 3] = [0.10, 0.05, 0.05];
/// A sample says at most so much: one bright reflection does not make a hand.
const MOST: f32 = 4.0;
/// Pictures from which a face is learned before anything is said of it.
const LEARN: u32 = 45;
/// Later ones count for this much, and a quarter of it while the mouth is covered: a new lamp is learned in the end, a hand is not.
const LATER: f32 = 1.0 / 150.0;
/// How much a picture counts in the judgement.
const SWIFT: f32 = 0.15;
/// How far colours are off, by what is usual, before a mouth counts as covered. On six drawn people who turn and speak, and on four films, it
/// stays below 0.95; a hand of the very colour of the cheek comes to 0.91 to 2.0, a mask or a cup to 2.6 and more.
const COVERED: f32 = 1.0;
/// Seconds without a face after which it may be another one.
const FORGETS: f64 = 5.0;

type Colours = [[f32; 3]; LOWER.len()];

/// Watches whether the mouth is covered.
#[derive(Clone, Debug)]
pub struct Covered {
    mean: Colours,
    variance: Colours,
    count: u32,
    off: f32,
    last: f64,
}

impl Default for Covered {
    fn default() -> Self {
        Self { mean: [[0.0; 3]; LOWER.len()], variance: [[0.0; 3]; LOWER.len()], count: 0, off: 0.0, last: 0.0 }
    }
}

impl Covered {
    /// Whether something is before the mouth in the picture of `now`, seconds; `landmarks` in its pixels.
    pub fn look(&mut self, picture: &RgbImage, landmarks: &[Vec3], now: f64) -> bool {
        if now - self.last > FORGETS {
            *self = Self::default();
        }
        self.last = now;
        let Some(seen) = colours(picture, landmarks) else { return self.is_covered() };
        if self.count == 0 {
            self.mean = seen;
        }
        if self.count >= LEARN {
            self.off += (self.distance(&seen) - self.off) * SWIFT;
        }
        self.count = self.count.saturating_add(1);
        let share = if self.count < LEARN { 1.0 / self.count as f32 } else { LATER };
        self.learn(&seen, if self.is_covered() { share / 4.0 } else { share });
        self.is_covered()
    }

    fn is_covered(&self) -> bool {
        self.off > COVERED
    }

    /// Root of the mean square, in standard deviations.
    fn distance(&self, seen: &Colours) -> f32 {
        let mut sum = 0.0;
        for ((seen, mean), variance) in seen.iter().zip(&self.mean).zip(&self.variance) {
            for k in 0..3 {
                let usual = (variance[k] + FLOOR[k] * FLOOR[k]).sqrt();
                sum += ((seen[k] - mean[k]).abs() / usual).min(MOST).powi(2);
            }
        }
        (sum / (3 * LOWER.len()) as f32).sqrt()
    }

    /// Mean and variance, of which old pictures fade.
    fn learn(&mut self, seen: &Colours, share: f32) {
        for ((seen, mean), variance) in seen.iter().zip(&mut self.mean).zip(&mut self.variance) {
            for k in 0..3 {
                let off = seen[k] - mean[k];
                mean[k] += share * off;
                variance[k] = (1.0 - share) * (variance[k] + share * off * off);
            }
        }
    }
}

/// Of each landmark of the lower face: brightness, red against green, green against blue, less those of the upper face.
fn colours(picture: &RgbImage, landmarks: &[Vec3]) -> Option<Colours> {
    let corner = |i: usize| landmarks.get(i).map(|p| p.truncate());
    let radius = ((corner(CORNERS.0)? - corner(CORNERS.1)?).length() * RADIUS).clamp(1.0, 40.0) as i64;
    let of = |i: usize| Some(sample(picture, *landmarks.get(i)?, radius));
    let upper: Vec<[f32; 3]> = UPPER.into_iter().filter_map(of).collect();
    let usual = [0, 1, 2].map(|k| {
        let mut all: Vec<f32> = upper.iter().map(|c| c[k]).collect();
        all.sort_by(f32::total_cmp);
        all.get(all.len() / 2).copied().unwrap_or(0.0)
    });
    let mut out = [[0.0; 3]; LOWER.len()];
    for (out, i) in out.iter_mut().zip(LOWER) {
        let seen = of(i)?;
        *out = [0, 1, 2].map(|k| seen[k] - usual[k]);
    }
    Some(out)
}

/// The mean of a square of pixels as logarithms; black where it lies outside.
fn sample(picture: &RgbImage, at: Vec3, radius: i64) -> [f32; 3] {
    let range = |centre: f32, size: u32| {
        let centre = centre as i64;
        (centre - radius).clamp(0, size.into())..(centre + radius + 1).clamp(0, size.into())
    };
    let (mut sum, mut count) = ([0.0f32; 3], 0.0f32);
    for y in range(at.y, picture.height()) {
        for x in range(at.x, picture.width()) {
            let pixel = picture.get_pixel(x as u32, y as u32);
            sum.iter_mut().zip(pixel.0).for_each(|(s, p)| *s += f32::from(p));
            count += 1.0;
        }
    }
    // The four keeps the noise of dark pixels small.
    let [r, g, b] = sum.map(|s| (s / count.max(1.0) + 4.0).ln());
    [(r + g + b) / 3.0, r - g, g - b]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Landmarks spread over a picture, the upper ones in its upper half.
    fn face() -> Vec<Vec3> {
        let mut landmarks = vec![Vec3::ZERO; 478];
        landmarks[CORNERS.0] = Vec3::new(20.0, 30.0, 0.0);
        landmarks[CORNERS.1] = Vec3::new(120.0, 30.0, 0.0);
        for (n, i) in UPPER.into_iter().enumerate() {
            landmarks[i] = Vec3::new(10.0 + 8.0 * n as f32, 50.0, 0.0);
        }
        for (n, i) in LOWER.into_iter().enumerate() {
            landmarks[i] = Vec3::new(10.0 + 3.0 * n as f32, if n < 20 { 120.0 } else { 140.0 }, 0.0);
        }
        landmarks
    }

    /// Skin, and red lips unless a hand is before them; `light`: how bright it is.
    fn picture(light: f32, hand: bool) -> RgbImage {
        RgbImage::from_fn(160, 160, |_, y| {
            let colour: [f32; 3] = match y {
                100..130 if !hand => [150.0, 80.0, 75.0],
                100.. if hand => [190.0, 130.0, 100.0],
                _ => [200.0, 150.0, 125.0],
            };
            image::Rgb(colour.map(|c| (c * light) as u8))
        })
    }

    #[test]
    fn a_hand_is_told_and_a_lamp_is_none() {
        let (mut covered, landmarks) = (Covered::default(), face());
        let mut now = 0.0;
        let mut look = |light: f32, hand: bool, frames: usize| {
            (0..frames)
                .map(|_| {
                    now += 1.0 / 30.0;
                    covered.look(&picture(light, hand), &landmarks, now)
                })
                .filter(|c| *c)
                .count()
        };
        assert_eq!(look(1.0, false, 90), 0);
        assert_eq!(look(0.6, false, 90), 0, "dusk is no hand");
        assert!(look(1.0, true, 60) > 45);
        look(1.0, false, 15);
        assert_eq!(look(1.0, false, 60), 0, "and it goes away again");
    }

    #[test]
    fn landmarks_outside_of_the_picture_and_none_at_all_are_borne() {
        let mut covered = Covered::default();
        assert!(!covered.look(&RgbImage::new(1, 1), &face(), 0.0));
        assert!(!covered.look(&picture(1.0, false), &[], 0.1));
        let far = vec![Vec3::new(f32::NAN, -1e30, 1e30); 478];
        assert!(!covered.look(&picture(1.0, false), &far, 0.2));
    }
}
