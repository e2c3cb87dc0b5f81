//! A photograph's file: what is accepted, how it is turned upright, what is transparent in it.

use anyhow::{Context, Result, bail};
use image::{DynamicImage, GrayImage, ImageDecoder, ImageFormat, ImageReader, Limits, RgbImage};
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

/// A photograph that would be larger in memory than this is refused, pixels.
const MOST_PIXELS: u64 = 64_000_000;
/// No face can be made out in less, pixels on a side.
const LEAST_SIDE: u32 = 64;
const MOST_BYTES: u64 = 256 << 20;

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
    /// One sentence: the file is missing, no picture of these kinds, broken, too large or too small.
    pub fn open(path: &Path) -> Result<Self> {
        let shown = path.display();
        let kind = std::fs::metadata(path).with_context(|| format!("the photo {shown} cannot be read"))?;
        if !kind.is_file() {
            bail!("the photo {shown} is no plain file; name a JPEG, PNG or WebP picture");
        }
        if kind.len() > MOST_BYTES {
            bail!(
                "the photo {shown} has {} MB; at most {} are accepted; save it smaller",
                kind.len() / 1_000_000,
                MOST_BYTES >> 20
            );
        }
        let file = File::open(path).with_context(|| format!("the photo {shown} cannot be read"))?;
        let mut reader = ImageReader::new(BufReader::new(file))
            .with_guessed_format()
            .with_context(|| format!("the photo {shown} cannot be read"))?;
        match reader.format() {
            Some(ImageFormat::Jpeg | ImageFormat::Png | ImageFormat::WebP) => {}
            _ => bail!("{shown} is {}, and no JPEG, PNG or WebP; save it as one of these", looks_like(path)),
        }
        let mut limits = Limits::default();
        limits.max_alloc = Some(8 * MOST_PIXELS);
        reader.limits(limits);
        let broken = || format!("the photo {shown} is broken or not whole; save or copy it again");
        let mut decoder = reader.into_decoder().with_context(broken)?;
        let (width, height) = decoder.dimensions();
        if u64::from(width) * u64::from(height) > MOST_PIXELS {
            bail!(
                "the photo {shown} is {width}x{height} pixels; at most {} megapixels are accepted; save it smaller",
                MOST_PIXELS / 1_000_000
            );
        }
        if width < LEAST_SIDE || height < LEAST_SIDE {
            bail!(
                "the photo {shown} is {width}x{height} pixels; no face can be made out in less than {LEAST_SIDE}x{LEAST_SIDE}; take a larger one"
            );
        }
        // What a damaged note on the orientation says does not matter.
        let turn = decoder.orientation().unwrap_or(image::metadata::Orientation::NoTransforms);
        let mut picture = DynamicImage::from_decoder(decoder).with_context(broken)?;
        picture.apply_orientation(turn);
        Ok(Self::of(picture))
    }

    fn of(picture: DynamicImage) -> Self {
        if !picture.color().has_alpha() {
            return Self { picture: picture.into_rgb8(), opaque: None };
        }
        let rgba = picture.into_rgba8();
        let (width, height) = rgba.dimensions();
        // What is transparent has any colour: a plain grey is what the networks see there.
        let over = |p: &image::Rgba<u8>| {
            let [r, g, b, a] = p.0.map(u32::from);
            image::Rgb([r, g, b].map(|c| ((c * a + 160 * (255 - a)) / 255) as u8))
        };
        let picture = RgbImage::from_fn(width, height, |x, y| over(rgba.get_pixel(x, y)));
        let opaque = GrayImage::from_fn(width, height, |x, y| image::Luma([rgba.get_pixel(x, y).0[3]]));
        let says = opaque.pixels().filter(|p| p.0[0] < 128).count() * 50 > opaque.pixels().len();
        Self { picture, opaque: says.then_some(opaque) }
    }
}

/// What a file that is no picture for us seems to be.
fn looks_like(path: &Path) -> String {
    let mut start = Vec::new();
    let read = File::open(path).and_then(|f| f.take(512).read_to_end(&mut start));
    let text = String::from_utf8_lossy(&start).to_lowercase();
    match read {
        Ok(0) => "empty".into(),
        _ if text.contains("<svg") => "an SVG drawing".into(),
        _ if start.get(4..8) == Some(b"ftyp") => "a HEIC, AVIF or video file".into(),
        _ if start.starts_with(b"GIF8") => "a GIF".into(),
        _ if start.starts_with(b"%pdf") || start.starts_with(b"%PDF") => "a PDF".into(),
        _ => "a file of another kind".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
