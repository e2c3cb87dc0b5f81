//! The bytes that cameras send, as RGB.

use super::choose::MAX_SIDE;
use super::jpeg;
use anyhow::{Context, Result, ensure};
use image::RgbImage;
use yuv::{YuvBiPlanarImage, YuvConversionMode, YuvPackedImage, YuvPlanarImage, YuvRange, YuvStandardMatrix};

/// A picture whose longer side is more than this is reduced by a whole number: landmarks need no more.
const LARGE: u32 = 1024;

/// How the bytes of a picture lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// Y U Y V interleaved; one U and V for each two pixels of a row.
    Yuyv,
    /// The same as U Y V Y.
    Uyvy,
    /// Plane Y, then U and V interleaved; one U and V for each 2×2 pixels.
    Nv12,
    /// Planes Y, U, V; one U and V for each 2×2 pixels. V4L2 calls it YU12.
    I420,
    /// Red, green, blue.
    Rgb,
    /// Blue, green, red.
    Bgr,
    /// A JPEG for each picture, whose Huffman tables may be left out.
    Mjpeg,
    /// Light alone.
    Grey,
}

impl Format {
    /// A camera is better read raw than as JPEG, and better in colours than without.
    pub fn cost(self) -> u8 {
        self as u8
    }

    /// Bytes of a row of the first plane; zero where there are no rows.
    fn row(self, width: u32) -> usize {
        let width = width as usize;
        match self {
            Self::Yuyv | Self::Uyvy => width.div_ceil(2) * 4,
            Self::Nv12 | Self::I420 | Self::Grey => width,
            Self::Rgb | Self::Bgr => width * 3,
            Self::Mjpeg => 0,
        }
    }
}

/// A picture as it comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    pub format: Format,
    pub width: u32,
    pub height: u32,
    /// Bytes from one row of the first plane to the next; zero where one follows the other.
    pub stride: u32,
    /// Whether Y, U and V go from 0 to 255, and not from 16 to 235 and 240.
    pub full: bool,
    /// Whether they are those of BT.709, and not of BT.601, which is what webcams send.
    pub bt709: bool,
}

/// Turns pictures into RGB; keeps the room it needs between them.
#[derive(Default)]
pub(super) struct Reader {
    /// The picture before it is reduced.
    whole: Vec<u8>,
    jpeg: jpeg::Decoder,
    /// Room that a picture has given back.
    spare: Vec<u8>,
}

impl Reader {
    /// Takes back what [`Reader::read`] gave, for the next one.
    pub fn give_back(&mut self, picture: RgbImage) {
        self.spare = picture.into_raw();
    }

    /// The picture in RGB, its longer side at most [`LARGE`].
    ///
    /// # Errors
    /// Fewer bytes than a picture of this layout has, a size that no camera has, a damaged JPEG.
    pub fn read(&mut self, layout: &Layout, bytes: &[u8]) -> Result<RgbImage> {
        let (mut width, mut height) = (layout.width, layout.height);
        if layout.format == Format::Mjpeg {
            // What it says itself counts: some drivers tell the size that was asked for.
            (width, height) = self.jpeg.open(bytes)?;
        }
        let sane = |side| (1..=MAX_SIDE).contains(&side);
        ensure!(sane(width) && sane(height), "a picture of {width}x{height}");
        let by = width.max(height).div_ceil(LARGE);
        let room = width as usize * height as usize * 3;
        let mut out = std::mem::take(&mut self.spare);
        let whole = if by == 1 { &mut out } else { &mut self.whole };
        whole.resize(room, 0);
        match layout.format {
            Format::Mjpeg => self.jpeg.decode(whole)?,
            _ => convert(&Layout { width, height, ..*layout }, bytes, whole)?,
        }
        // A picture of a few columns and many rows has none left.
        let (w, h) = ((width / by).max(1), (height / by).max(1));
        if by > 1 {
            out.resize(w as usize * h as usize * 3, 0);
            reduce(&self.whole, width as usize, by as usize, &mut out, w as usize);
        }
        RgbImage::from_raw(w, h, out).context("a picture without room")
    }
}

/// Writes raw pixels to `out`, three bytes each.
fn convert(layout: &Layout, bytes: &[u8], out: &mut [u8]) -> Result<()> {
    let Layout { format, width, height, stride, full, bt709 } = *layout;
    let (row, rows) = (format.row(width), height as usize);
    let told = stride as usize;
    ensure!(told == 0 || (row..=row * 64).contains(&told), "rows of {told} bytes for {width} pixels of {format:?}");
    let (stride, colour_stride, colour_rows) = rows_of(format, width, rows, told, bytes.len());
    let (light, colours) = bytes.split_at_checked(stride * rows).unwrap_or((bytes, &[]));
    ensure!(
        light.len() == stride * rows && colours.len() >= colour_stride * colour_rows,
        "{} bytes for {width}x{height} {format:?}",
        bytes.len()
    );
    let range = if full { YuvRange::Full } else { YuvRange::Limited };
    let matrix = if bt709 { YuvStandardMatrix::Bt709 } else { YuvStandardMatrix::Bt601 };
    let (mode, to) = (YuvConversionMode::Balanced, width * 3);
    let packed = YuvPackedImage { yuy: light, yuy_stride: stride as u32, width, height };
    match format {
        Format::Yuyv => yuv::yuyv422_to_rgb(&packed, out, to, range, matrix)?,
        Format::Uyvy => yuv::uyvy422_to_rgb(&packed, out, to, range, matrix)?,
        Format::Nv12 => {
            let image = YuvBiPlanarImage {
                y_plane: light,
                y_stride: stride as u32,
                uv_plane: colours,
                uv_stride: colour_stride as u32,
                width,
                height,
            };
            yuv::yuv_nv12_to_rgb(&image, out, to, range, matrix, mode)?;
        }
        Format::I420 => {
            let (u, v) = colours.split_at_checked(colour_stride * colour_rows / 2).context("no colours")?;
            let image = YuvPlanarImage {
                y_plane: light,
                y_stride: stride as u32,
                u_plane: u,
                u_stride: colour_stride as u32,
                v_plane: v,
                v_stride: colour_stride as u32,
                width,
                height,
            };
            yuv::yuv420_to_rgb(&image, out, to, range, matrix)?;
        }
        Format::Rgb | Format::Bgr | Format::Grey => {
            for (from, to) in light.chunks_exact(stride).zip(out.chunks_exact_mut(width as usize * 3)) {
                plain(format, from, to);
            }
        }
        Format::Mjpeg => (),
    }
    Ok(())
}

/// Bytes from row to row, those of the planes of colours, and how many rows of colours there are.
fn rows_of(format: Format, width: u32, rows: usize, told: usize, length: usize) -> (usize, usize, usize) {
    let row = format.row(width);
    let colour_rows = match format {
        Format::Nv12 => rows.div_ceil(2),
        Format::I420 => rows.div_ceil(2) * 2,
        _ => 0,
    };
    let with = |light: usize, half: usize| match format {
        Format::Nv12 => (light, light.max(row.next_multiple_of(2)), colour_rows),
        _ => (light, half, colour_rows),
    };
    let light = if told == 0 { row } else { told };
    let plain = with(light, light.div_ceil(2));
    // GStreamer's rows begin at multiples of four, and its element for PipeWire does not say so.
    let light = if told == 0 { row.next_multiple_of(4) } else { told };
    let fours = with(light, row.div_ceil(2).next_multiple_of(4));
    let total = |(light, colours, count): (usize, usize, usize)| light * rows + colours * count;
    if total(plain) != length && total(fours) == length { fours } else { plain }
}

/// One row of pixels that need no arithmetic.
fn plain(format: Format, from: &[u8], to: &mut [u8]) {
    let pixels = to.chunks_exact_mut(3);
    match format {
        Format::Grey => pixels.zip(from).for_each(|(to, light)| to.fill(*light)),
        Format::Bgr => pixels.zip(from.chunks_exact(3)).for_each(|(to, from)| {
            to.copy_from_slice(from);
            to.reverse();
        }),
        _ => pixels.zip(from.chunks_exact(3)).for_each(|(to, from)| to.copy_from_slice(from)),
    }
}

/// The mean of each `by`×`by` pixels of `whole`, whose rows have `width`, to rows of `w`; what is over at the right and below is left out.
fn reduce(whole: &[u8], width: usize, by: usize, out: &mut [u8], w: usize) {
    // Where there are fewer than `by` rows or columns, of those.
    let (columns, rows) = (by.min(width), by.min(whole.len() / (width * 3).max(1)).max(1));
    let count = (columns * rows) as u32;
    for (to, from) in out.chunks_exact_mut(w * 3).zip(whole.chunks_exact(width * 3 * rows)) {
        if let Some((above, below)) = from.split_at_checked(width * 3).filter(|_| (by, columns, rows) == (2, 2, 2)) {
            let pairs = above.chunks_exact(6).zip(below.chunks_exact(6));
            for (to, (a, b)) in to.chunks_exact_mut(3).zip(pairs) {
                if let ([r, g, bl], [ar, ag, ab, cr, cg, cb], [br, bg, bb, dr, dg, db]) = (to, a, b) {
                    let mean =
                        |p: [&u8; 4]| (p.into_iter().map(|v| u16::from(*v)).sum::<u16>().wrapping_add(2) >> 2) as u8;
                    (*r, *g, *bl) = (mean([ar, br, cr, dr]), mean([ag, bg, cg, dg]), mean([ab, bb, cb, db]));
                }
            }
            continue;
        }
        for (x, to) in to.chunks_exact_mut(3).enumerate() {
            let mut sums = [count / 2; 3];
            for row in from.chunks_exact(width * 3) {
                let pixels = row.get(x * columns * 3..(x + 1) * columns * 3).unwrap_or_default();
                for pixel in pixels.chunks_exact(3) {
                    sums.iter_mut().zip(pixel).for_each(|(sum, v)| *sum += u32::from(*v));
                }
            }
            to.iter_mut().zip(sums).for_each(|(to, sum)| *to = (sum / count) as u8);
        }
    }
}

#[cfg(test)]
#[path = "pixels_tests.rs"]
mod tests;
