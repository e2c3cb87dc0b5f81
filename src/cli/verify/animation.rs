//! An animated WebP, frame by frame. (ffmpeg before version 8 does not know them.)

use super::open::Opened;
use super::progress::Progress;
use super::report::Report;
use super::still::{bounded, broken, fits};
use super::tally::Tally;
use anyhow::{Result, bail};
use image::codecs::webp::WebPDecoder;
use image::{AnimationDecoder, ImageDecoder, Rgba};
use std::io::BufReader;

/// Gives every frame to `tally`.
///
/// # Errors
/// It is too large, or not even its first frame can be decoded.
pub fn read(opened: Opened, tally: &mut Tally, progress: &mut Progress, report: &mut Report) -> Result<()> {
    bounded(&opened)?;
    report.kind = Some("video");
    let mut decoder = WebPDecoder::new(BufReader::new(opened.file)).map_err(|e| broken(&e))?;
    let (width, height) = decoder.dimensions();
    fits(width, height)?;
    // Where nothing is painted the file's own background would do as well; a fixed one is the same everywhere.
    let _ = decoder.set_background_color(Rgba([255, 255, 255, 255]));
    let (mut luma, mut seconds) = (Vec::new(), 0.0);
    for frame in decoder.into_frames() {
        let frame = match frame {
            Ok(frame) => frame,
            Err(e) if report.frames == 0 && tally.frames() == 0 => return Err(broken(&e)),
            Err(_) => {
                report.truncated();
                break;
            }
        };
        let (over, under) = frame.delay().numer_denom_ms();
        let picture = frame.buffer();
        luma.clear();
        // BT.709, as for other pictures.
        luma.extend(picture.pixels().map(|p| {
            let [r, g, b, _] = p.0.map(u32::from);
            ((2126 * r + 7152 * g + 722 * b + 5000) / 10_000) as u8
        }));
        tally.picture(picture.width(), picture.height(), &luma, seconds)?;
        seconds += f64::from(over) / f64::from(under.max(1)) / 1000.0;
        progress.at(seconds, None, tally);
    }
    if tally.frames() == 0 {
        bail!("the animation holds no frame");
    }
    tally.end();
    Ok(())
}
