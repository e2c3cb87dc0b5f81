//! An avatar from one photograph: landmarks and matte go in, the files of a layered portrait come out.

mod canvas;
mod close;
mod find;
mod fit;
mod inner;
mod layers;
mod open;
mod raster;
mod surface;
mod template;
mod warp;
mod write;

use canvas::{Canvas, Seen};
use fit::Fit;
pub use open::Photo;
pub use raster::Raster;
pub use template::Template;

use anyhow::{Context, Result};
use glam::{Vec2, Vec3};
use image::RgbImage;
use std::path::Path;
use write::Named;

/// The head turns about this point of the template, head units.
const NECK: Vec3 = Vec3::new(0.0, -1.9, -0.6);
/// To the key light: from above and a little from the viewer's left, as most pictures of people are lit.
const LIGHT: Vec3 = Vec3::new(-0.30, 0.46, 0.835);

/// A face found in a photograph, fitted.
pub struct Draft {
    template: Template,
    fit: Fit,
    canvas: Canvas,
    seen: Seen,
}

impl Draft {
    /// `landmarks`: 478 of MediaPipe's face mesh, in pixels of `photo`; `folder`: the template's.
    ///
    /// # Errors
    /// The template cannot be read, or the landmarks are no face.
    fn new(folder: &Path, photo: &RgbImage, landmarks: &[Vec3]) -> Result<Self> {
        let template = Template::load(folder)?;
        let fit = Fit::new(&template, landmarks)?;
        let canvas = Canvas::new(fit.place, Vec2::new(photo.width() as f32, photo.height() as f32));
        let seen = canvas.see(photo);
        Ok(Self { template, fit, canvas, seen })
    }

    /// Writes the avatar's files into `into`. `rough`: where the person is on the canvas, 0..1, of any size; `mouth`: the template's
    /// picture of teeth and tongue.
    ///
    /// # Errors
    /// The face is turned too far, or a file cannot be written.
    pub fn write(&self, rough: &Raster, mouth: &Path, into: &Path, name: &str, label: &str) -> Result<()> {
        let Self { template, fit, canvas, seen } = self;
        let matte = layers::matte(&seen.picture, rough, &seen.inside);
        let plate = layers::plate(&seen.picture, &matte, &seen.inside);
        let portrait = layers::portrait(&seen.picture, &matte, &plate);
        let closed = layers::closed(&portrait, template, fit, canvas.place);
        let (body, rest) = surface::body(template, fit, &matte)?;
        let inner_mouth = inner::mouth(template, fit, &rest);
        let (cavity, tongue) = (inner_mouth(&template.cavity), inner_mouth(&template.tongue));
        let teeth = [0, 1].map(|k| inner_mouth(&template.teeth[k]));
        let eyes = [0, 1].map(|side| inner::eye(template, fit, side));
        let balls =
            eyes.each_ref().map(|(ball, _)| layers::eyeball(&seen.picture, canvas.place, template, fit, *ball, LIGHT));
        write::jpeg(into, "portrait.jpg", &portrait, 92)?;
        write::jpeg(into, "closed.jpg", &closed, 90)?;
        write::jpeg(into, "plate.jpg", &plate, 88)?;
        write::jpeg(into, "eye-left.jpg", &balls[0], 92)?;
        write::jpeg(into, "eye-right.jpg", &balls[1], 92)?;
        write::matte(into, &matte)?;
        std::fs::copy(mouth, into.join("mouth.jpg")).with_context(|| format!("error copying {}", mouth.display()))?;
        let named = |name, material, texture, centre, part| Named { name, material, texture, centre, part };
        let parts = [
            named("mouth_cavity", "cavity", None, None, &cavity),
            named("tongue", "tongue", Some("mouth.jpg"), None, &tongue),
            named("teeth_lower", "teeth", Some("mouth.jpg"), None, &teeth[0]),
            named("teeth_upper", "teeth", Some("mouth.jpg"), None, &teeth[1]),
            named("eye_left", "eye", Some("eye-left.jpg"), Some(eyes[0].0.centre), &eyes[0].1),
            named("eye_right", "eye", Some("eye-right.jpg"), Some(eyes[1].0.centre), &eyes[1].1),
            named("body", "portrait", None, None, &body),
        ];
        write::mesh(into, &parts)?;
        write::manifest(into, name, label, canvas, fit.turn * NECK, LIGHT, &parts)
    }

    /// Width over height of the lids' opening: the avatar's left, right.
    fn eyes_open(&self) -> [f32; 2] {
        [0, 1].map(|side| inner::openness(&self.template, &self.fit, side))
    }
}
