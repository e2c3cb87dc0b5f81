//! The one face of a photograph, and what makes it doubtful.

use super::fit::Fit;
use super::{Draft, Photo, Raster};
use crate::vision::{Detection, Matte, Reach, Roi, Vision};
use anyhow::{Result, bail};
use glam::{UVec2, Vec2, Vec3};
use std::path::Path;

/// A face that has this part of the largest one's area is somebody else; smaller ones are the background's.
const SECOND: f32 = 0.2;
/// The landmark network is surer than this of any face that one can use.
const PRESENT: f32 = 0.5;
/// Turned farther, half of the face is not in the picture: degrees.
const MOST_TURN: f32 = 38.0;
/// Twice as fine as the matte's network sees, pixels.
const CUT: f32 = 512.0;

impl Draft {
    /// Finds the face of `photo` and fits the template in `folder` to it.
    ///
    /// # Errors
    /// One sentence: there is no face, more than one, or one that is turned away; the networks are missing or do not run.
    pub fn of(vision: &mut Vision, folder: &Path, photo: &Photo) -> Result<Self> {
        let picture = &photo.picture;
        let face = only(vision.faces(picture, Reach::Far)?)?;
        let first = vision.landmarks(picture, &Roi::around(&face))?;
        // Once more, framed by the landmarks themselves: nearer to what the network was taught.
        let found = vision.landmarks(picture, &Roi::of(&first))?;
        if found.presence < PRESENT {
            bail!("no face was found in the photo; use one that shows a whole face from the front, in good light");
        }
        // The networks count from the middle of the first pixel.
        let points: Vec<Vec3> = found.points.iter().map(|p| *p + Vec3::new(0.5, 0.5, 0.0)).collect();
        let draft = Self::new(folder, picture, &points)?;
        let Fit { yaw, pitch, .. } = draft.fit;
        if yaw.abs() > MOST_TURN || pitch.abs() > MOST_TURN {
            bail!(
                "the head is turned {:.0} degrees away from the camera; use a photo that shows the face from the front",
                yaw.abs().max(pitch.abs())
            );
        }
        Ok(draft)
    }

    /// What may not look well, and why: sentences for people.
    pub fn doubts(&self) -> Vec<String> {
        let mut doubts = Vec::new();
        let Fit { yaw, pitch, place, miss, expression, .. } = &self.fit;
        let open = self.eyes_open();
        if open.iter().any(|o| *o < 0.14) {
            doubts.push("The eyes are closed or nearly so; a photo with open eyes will look better.".into());
        }
        for (way, angle) in [("to the side", yaw.abs()), ("up or down", pitch.abs())] {
            if angle > 15.0 {
                doubts.push(format!(
                    "The head is turned {angle:.0} degrees {way}; the farther side may tear when it turns on."
                ));
            }
        }
        // A face is about 2.2 head units wide.
        let width = 2.2 * place.unit;
        if width < 200.0 {
            doubts.push(format!("The face is only {width:.0} pixels wide; from 300 pixels on it is sharp."));
        }
        let jaw = expression.get(crate::face::Shape::JawOpen as usize).copied().unwrap_or_default();
        if jaw > 0.12 {
            doubts.push(
                "The mouth is open; it is closed for the resting face, which looks best from a photo with closed lips."
                    .into(),
            );
        }
        if *miss > 0.14 {
            doubts.push(
                "The face has unusual proportions, as in a drawing, or something is before it (a hand, hair).".into(),
            );
        }
        if self.seen.inside.iter().take(self.canvas.width).all(|i| *i <= 0.0) && self.above() < 1.9 {
            doubts.push(
                "The photo ends close above the hair; one with some room around the head will look better.".into(),
            );
        }
        if self.canvas.short() {
            doubts.push("The photo ends at the chin; one that shows the shoulders will look better.".into());
        }
        doubts
    }

    /// Head units between the eyes and the upper end of the photograph.
    fn above(&self) -> f32 {
        self.fit.place.origin.y / self.fit.place.unit
    }

    /// The part of the photograph that the matte's network is shown, its corner and size: what the canvas shows, and as much more as makes it
    /// nearly a square. The network knows whole people in photographs; beside the empty sides of the canvas it sees them everywhere.
    fn around(&self, photo: &Photo) -> (UVec2, UVec2) {
        let whole = Vec2::new(photo.picture.width() as f32, photo.picture.height() as f32);
        let canvas = Vec2::new(self.canvas.width as f32, self.canvas.height as f32);
        let mut low = self.canvas.source(Vec2::ZERO).clamp(Vec2::ZERO, whole);
        let mut high = self.canvas.source(canvas).clamp(low, whole);
        let missing = (high.x - low.x) - (high.y - low.y);
        if missing > 0.0 {
            // Downward first, where the rest of the person is.
            high.y = (high.y + missing).min(whole.y);
            low.y = (high.y - (high.x - low.x)).clamp(0.0, low.y);
        } else {
            low.x = (low.x + missing / 2.0).max(0.0);
            high.x = (high.x - missing / 2.0).min(whole.x);
        }
        let corner = low.floor().min(whole - 1.0).as_uvec2();
        (corner, high.ceil().as_uvec2().max(corner + 1) - corner)
    }

    /// Where the person is on the canvas: what the file itself says, or what the network sees.
    ///
    /// # Errors
    /// The network is missing or does not run.
    pub fn person(&self, vision: &mut Vision, photo: &Photo) -> Result<Raster> {
        let canvas = &self.canvas;
        let mut rough = Raster::new(canvas.width, canvas.height, canvas.place, 0.0);
        match &photo.opaque {
            Some(opaque) => {
                let (w, h) = (opaque.width() as f32, opaque.height() as f32);
                for (i, value) in rough.values.iter_mut().enumerate() {
                    let at = Vec2::new((i % canvas.width) as f32, (i / canvas.width) as f32) + 0.5;
                    let p = canvas.source(at);
                    if p.x >= 0.0 && p.y >= 0.0 && p.x < w && p.y < h {
                        *value = f32::from(opaque.get_pixel(p.x as u32, p.y as u32).0[0]) / 255.0;
                    }
                }
            }
            None => {
                let (corner, size) = self.around(photo);
                let cut = image::imageops::crop_imm(&photo.picture, corner.x, corner.y, size.x, size.y);
                let scale = (CUT / size.max_element() as f32).min(1.0);
                let small = (size.as_vec2() * scale).round().max(Vec2::ONE).as_uvec2();
                let matte = vision.matte(&image::imageops::thumbnail(&*cut, small.x, small.y))?;
                let scale = small.as_vec2() / size.as_vec2();
                for (i, value) in rough.values.iter_mut().enumerate() {
                    let at = Vec2::new((i % canvas.width) as f32, (i / canvas.width) as f32) + 0.5;
                    *value = bilinear(&matte, (canvas.source(at) - corner.as_vec2()) * scale);
                }
            }
        }
        Ok(rough)
    }
}

/// The matte between the middles of its pixels; the edge's beyond it.
fn bilinear(matte: &Matte, p: Vec2) -> f32 {
    let (w, h) = matte.dimensions();
    let p = (p - 0.5).clamp(Vec2::ZERO, Vec2::new((w - 1) as f32, (h - 1) as f32));
    let (x, y) = (p.x as u32, p.y as u32);
    let at = |x: u32, y: u32| matte.get_pixel(x.min(w - 1), y.min(h - 1)).0[0];
    let row = |y: u32| at(x, y) + (at(x + 1, y) - at(x, y)) * p.x.fract();
    row(y) + (row(y + 1) - row(y)) * p.y.fract()
}

/// The only face that counts.
fn only(mut faces: Vec<Detection>) -> Result<Detection> {
    let area = |f: &Detection| (f.high - f.low).element_product();
    faces.sort_by(|a, b| area(b).total_cmp(&area(a)));
    let Some(largest) = faces.first().cloned() else {
        bail!("no face was found in the photo; use one that shows a whole face from the front, in good light");
    };
    let count = faces.iter().filter(|f| area(f) > SECOND * area(&largest)).count();
    if count > 1 {
        bail!("there are {count} faces in the photo; cut it so that only the one you want is left");
    }
    Ok(largest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_face_counts_and_small_ones_behind_do_not() {
        let face =
            |side: f32| Detection { score: 0.9, low: Vec2::ZERO, high: Vec2::splat(side), points: [Vec2::ZERO; 6] };
        assert_eq!(only(vec![face(20.0), face(100.0)]).unwrap().high.x, 100.0);
        let told = |faces| only(faces).unwrap_err().to_string();
        assert!(told(vec![face(90.0), face(100.0)]).contains("2 faces"));
        assert!(told(Vec::new()).contains("no face"));
    }
}
