//! A picture of the user's: which files are accepted, and how they are turned upright.

use anyhow::{Context, Result, bail};
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits, RgbImage};
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

/// A picture that would be larger in memory than this is refused, pixels.
const MOST_PIXELS: u64 = 64_000_000;
const MOST_BYTES: u64 = 256 << 20;

/// Reads a JPEG, PNG or WebP and turns it upright. `what` it is to be ("photo", "picture") stands in the sentences.
///
/// # Errors
/// One sentence: the file is missing, no picture of these kinds, broken or too large.
pub fn open(path: &Path, what: &str) -> Result<DynamicImage> {
    let shown = path.display();
    let unread = || format!("the {what} {shown} cannot be read; name a JPEG, PNG or WebP picture that you may read");
    let kind = std::fs::metadata(path).with_context(unread)?;
    if !kind.is_file() {
        bail!("the {what} {shown} is no plain file; name a JPEG, PNG or WebP picture");
    }
    if kind.len() > MOST_BYTES {
        bail!(
            "the {what} {shown} has {} MB; at most {} are accepted; save it smaller",
            kind.len() / 1_000_000,
            MOST_BYTES >> 20
        );
    }
    let file = File::open(path).with_context(unread)?;
    let mut reader = ImageReader::new(BufReader::new(file)).with_guessed_format().with_context(unread)?;
    match reader.format() {
        Some(ImageFormat::Jpeg | ImageFormat::Png | ImageFormat::WebP) => {}
        _ => bail!("{shown} is {}, and no JPEG, PNG or WebP; save it as one of these", looks_like(path)),
    }
    let mut limits = Limits::default();
    limits.max_alloc = Some(8 * MOST_PIXELS);
    reader.limits(limits);
    let broken = || format!("the {what} {shown} is broken or not whole; save or copy it again");
    let mut decoder = reader.into_decoder().with_context(broken)?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > MOST_PIXELS {
        bail!(
            "the {what} {shown} is {width}x{height} pixels; at most {} megapixels are accepted; save it smaller",
            MOST_PIXELS / 1_000_000
        );
    }
    // What a damaged note on the orientation says does not matter.
    let turn = decoder.orientation().unwrap_or(image::metadata::Orientation::NoTransforms);
    let mut picture = DynamicImage::from_decoder(decoder).with_context(broken)?;
    picture.apply_orientation(turn);
    Ok(picture)
}

/// The picture before a plain grey ground, where it is transparent: what hides there has any colour.
pub fn flat(picture: DynamicImage) -> RgbImage {
    if !picture.color().has_alpha() {
        return picture.into_rgb8();
    }
    let rgba = picture.into_rgba8();
    RgbImage::from_fn(rgba.width(), rgba.height(), |x, y| {
        let [r, g, b, a] = rgba.get_pixel(x, y).0.map(u32::from);
        image::Rgb([r, g, b].map(|c| ((c * a + 160 * (255 - a)) / 255) as u8))
    })
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
