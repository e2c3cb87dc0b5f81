//! What is behind the person, in the place of the avatar's own plate.

use crate::avatar::Avatar;
use crate::config::Background;
use crate::picture;
use anyhow::Result;
use image::{Rgb, RgbImage, imageops};

/// Rough enough that nothing behind the person draws the eye, as a lens with a wide aperture leaves it: the standard deviation of the
/// blur in heights of the plate.
const BLUR: f32 = 0.028;

/// A background, ready to be put behind somebody.
#[derive(Clone, Debug)]
pub enum Backdrop {
    Plate,
    Blur,
    Colour([u8; 3]),
    Picture(RgbImage),
}

impl Backdrop {
    /// Reads what the background needs.
    ///
    /// # Errors
    /// Its picture cannot be read: one sentence.
    pub fn open(background: &Background) -> Result<Self> {
        Ok(match background {
            Background::Plate => Self::Plate,
            Background::Blur => Self::Blur,
            Background::Colour(rgb) => Self::Colour(*rgb),
            Background::Picture(path) => Self::Picture(picture::flat(picture::open(path, "background picture")?)),
        })
    }

    /// Puts it in the place of the avatar's plate. Whose picture it is (its hash) stays.
    pub fn put_behind(self, avatar: &mut Avatar) {
        match self {
            Self::Plate => {}
            Self::Blur => {
                let sigma = BLUR * avatar.plate.height() as f32;
                avatar.plate = imageops::fast_blur(&avatar.plate, sigma);
            }
            Self::Colour(rgb) => avatar.plate = RgbImage::from_pixel(2, 2, Rgb(rgb)),
            Self::Picture(picture) => {
                avatar.plate_aspect = picture.width() as f32 / picture.height().max(1) as f32;
                avatar.plate = picture;
            }
        }
    }
}
