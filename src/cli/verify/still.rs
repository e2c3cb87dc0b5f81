//! One picture: PNG, JPEG or WebP.

use super::open::{MOST_PICTURE_BYTES, Opened};
use super::report::Report;
use super::tally::Tally;
use anyhow::{Context, Result, bail};
use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits};
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};

/// The most pixels of one picture.
pub const MOST_PIXELS: u64 = 64_000_000;

/// Decodes the picture and gives it to `tally`.
///
/// # Errors
/// It is too large, cut short or broken.
pub fn read(opened: Opened, format: ImageFormat, tally: &mut Tally, report: &mut Report) -> Result<()> {
    bounded(&opened)?;
    report.kind = Some("image");
    let mut tail = opened.file.try_clone().context("it cannot be read")?;
    let mut reader = ImageReader::with_format(BufReader::new(opened.file), format);
    let mut limits = Limits::default();
    // 64 megapixels of four 16-bit values, and something to work with.
    limits.max_alloc = Some(768 << 20);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(|e| broken(&e))?;
    let (width, height) = decoder.dimensions();
    fits(width, height)?;
    // What a viewer would turn is looked at as it is seen.
    let orientation = decoder.orientation().unwrap_or(image::metadata::Orientation::NoTransforms);
    let mut picture = DynamicImage::from_decoder(decoder).map_err(|e| broken(&e))?;
    picture.apply_orientation(orientation);
    let picture = picture.into_luma8();
    if format == ImageFormat::Jpeg && !ends(&mut tail).unwrap_or(true) {
        report.truncated();
    }
    tally.picture(picture.width(), picture.height(), picture.as_raw(), 0.0)?;
    tally.end();
    Ok(())
}

/// # Errors
/// More bytes than one picture may have.
pub fn bounded(opened: &Opened) -> Result<()> {
    if opened.bytes > MOST_PICTURE_BYTES {
        bail!(
            "the picture has {} bytes; pictures of at most {} MiB are looked at",
            opened.bytes,
            MOST_PICTURE_BYTES >> 20
        );
    }
    Ok(())
}

/// # Errors
/// More pixels than one picture may have.
pub fn fits(width: u32, height: u32) -> Result<()> {
    if u64::from(width) * u64::from(height) > MOST_PIXELS {
        bail!("the picture is {width}x{height}; pictures of at most 64 megapixels are looked at");
    }
    Ok(())
}

/// A sentence for what a decoder complains about.
pub fn broken(error: &ImageError) -> anyhow::Error {
    let text = error.to_string();
    let short = ["end of file", "eof", "fill whole buffer", "no more bytes", "exhausted", "truncated", "more data"];
    let lower = text.to_lowercase();
    match error {
        ImageError::Limits(_) => anyhow::anyhow!("the picture is too large to be decoded: {text}"),
        _ if short.iter().any(|s| lower.contains(s)) => anyhow::anyhow!("the picture is truncated: {text}"),
        _ => anyhow::anyhow!("the picture cannot be decoded: {text}"),
    }
}

/// Whether the end mark of a JPEG lies near the end of the file: decoders fill what is missing with grey.
fn ends(file: &mut File) -> std::io::Result<bool> {
    let size = file.metadata()?.len();
    // Some cameras append a little; a thumbnail with an end mark of its own lies at the beginning.
    file.seek(SeekFrom::Start(size.saturating_sub(4096)))?;
    let mut tail = Vec::new();
    file.take(4096).read_to_end(&mut tail)?;
    Ok(tail.windows(2).any(|w| w == [0xff, 0xd9]))
}
