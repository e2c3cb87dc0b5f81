//! A photograph's file, and what is transparent in it.

use crate::picture;
use anyhow::{Result, bail};
use image::{DynamicImage, GrayImage, RgbImage};
use std::path::Path;

/// No face can be made out in less, pixels on a side.
const LEAST_SIDE: u32 = 64;

/// A photograph, upright.
pub struct Photo {
    pub picture: RgbImage,
    /// What the file itself says is person (opaque) and what is not, if it says anything.
    pub opaque: Option<GrayImage>,
}

impl Photo {
    /// Reads a JPEG, PNG or WebP.
    ///
    /// # Errors
    /// As [`picture::open`], and a photo that is too small.
    pub fn open(path: &Path) -> Result<Self> {
        let photo = picture::open(path, "photo")?;
        let (width, height) = (photo.width(), photo.height());
        if width < LEAST_SIDE || height < LEAST_SIDE {
            bail!(
                "the photo {} is {width}x{height} pixels; no face can be made out in less than {LEAST_SIDE}x{LEAST_SIDE}; take a larger one",
                path.display()
            );
        }
        Ok(Self::of(photo))
    }

    fn of(photo: DynamicImage) -> Self {
        let opaque = photo.color().has_alpha().then(|| {
            let rgba = photo.to_rgba8();
            GrayImage::from_fn(rgba.width(), rgba.height(), |x, y| image::Luma([rgba.get_pixel(x, y).0[3]]))
        });
        let says = |o: &GrayImage| o.pixels().filter(|p| p.0[0] < 128).count() * 50 > o.pixels().len();
        Self { picture: picture::flat(photo), opaque: opaque.filter(says) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::ImageFormat;

    fn refused(bytes: &[u8], part: &str) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("p");
        std::fs::write(&path, bytes).unwrap();
        let told = format!("{:#}", Photo::open(&path).map(|_| ()).unwrap_err());
        assert!(told.contains(part), "{told}");
    }

    fn png(picture: &DynamicImage) -> Vec<u8> {
        let mut bytes = std::io::Cursor::new(Vec::new());
        picture.write_to(&mut bytes, ImageFormat::Png).unwrap();
        bytes.into_inner()
    }

    #[test]
    fn what_is_no_photo_is_named() {
        refused(b"", "empty");
        refused(b"<?xml version='1.0'?><svg xmlns='x'/>", "SVG");
        refused(b"GIF89a....", "GIF");
        refused(b"\0\0\0\x18ftypheic", "HEIC");
        refused(&png(&DynamicImage::new_rgb8(1, 1)), "1x1");
        let whole = png(&DynamicImage::ImageRgb8(RgbImage::from_fn(99, 99, |x, y| {
            image::Rgb([x as u8, y as u8, (x * y) as u8])
        })));
        refused(&whole[..whole.len() / 2], "not whole");
        // A bomb: the header of 30,000 × 30,000 pixels, and no more.
        let mut bomb = png(&DynamicImage::new_luma8(100, 100));
        bomb[16..24].copy_from_slice(&[0, 0, 0x75, 0x30, 0, 0, 0x75, 0x30]);
        let sum = crc(&bomb[12..29]);
        bomb[29..33].copy_from_slice(&sum.to_be_bytes());
        refused(&bomb, "30000x30000");
        assert!(Photo::open(Path::new("/nonexistent")).is_err() && Photo::open(Path::new("/")).is_err());
    }

    /// PNG's checksum of a chunk.
    fn crc(bytes: &[u8]) -> u32 {
        !bytes.iter().fold(!0u32, |mut c, b| {
            c ^= u32::from(*b);
            (0..8).for_each(|_| c = if c & 1 == 1 { 0xedb8_8320 ^ (c >> 1) } else { c >> 1 });
            c
        })
    }

    #[test]
    fn a_photo_on_its_side_is_turned_and_what_is_transparent_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("p.jpg");
        let mut bytes = Vec::new();
        let mut encoder = image::codecs::jpeg::JpegEncoder::new(&mut bytes);
        // EXIF: one entry, orientation 6 (turn to the right).
        let exif = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
        image::ImageEncoder::set_exif_metadata(&mut encoder, exif.to_vec()).unwrap();
        encoder.encode_image(&RgbImage::new(100, 80)).unwrap();
        std::fs::write(&path, bytes).unwrap();
        assert_eq!(Photo::open(&path).unwrap().picture.dimensions(), (80, 100));

        let half = image::RgbaImage::from_fn(100, 80, |x, _| image::Rgba([9, 9, 9, if x < 50 { 0 } else { 255 }]));
        std::fs::write(&path, png(&half.into())).unwrap();
        let photo = Photo::open(&path).unwrap();
        assert_eq!((photo.picture.get_pixel(0, 0).0, photo.picture.get_pixel(99, 0).0), ([160; 3], [9; 3]));
        assert_eq!(photo.opaque.unwrap().get_pixel(99, 0).0, [255]);
    }
}
