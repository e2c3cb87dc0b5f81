//! The renderer's RGBA in the pixel formats that video apps take, written straight into an outlet's buffer.

use crate::render::Size;
use anyhow::{Result, bail, ensure};
use yuv::{
    BufferStoreMut, YuvBiPlanarImageMut, YuvConversionMode, YuvPackedImageMut, YuvPlanarImage, YuvPlanarImageMut,
    YuvRange, YuvStandardMatrix,
};

/// How the bytes of a picture lie. Colours are BT.601, limited range (16..235), which is what webcams send and what
/// video apps take for granted where nothing else is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PixelFormat {
    /// Planes Y, U, V; one U and V for each 2×2 pixels.
    I420,
    /// Y U Y V interleaved; one U and V for each two pixels of a row. V4L2 calls it YUYV.
    Yuy2,
    /// Plane Y, then U and V interleaved; one U and V for each 2×2 pixels.
    Nv12,
}

impl PixelFormat {
    /// In the order in which we would rather be read: the fewest bytes first.
    pub const ALL: [PixelFormat; 3] = [PixelFormat::I420, PixelFormat::Yuy2, PixelFormat::Nv12];

    /// Bytes of one row of the first plane.
    pub fn stride(self, size: Size) -> usize {
        match self {
            PixelFormat::I420 | PixelFormat::Nv12 => size.width as usize,
            PixelFormat::Yuy2 => size.width as usize * 2,
        }
    }

    /// Bytes of a whole picture without padding.
    pub fn bytes(self, size: Size) -> usize {
        let pixels = size.width as usize * size.height as usize;
        match self {
            PixelFormat::I420 | PixelFormat::Nv12 => pixels + pixels / 2,
            PixelFormat::Yuy2 => pixels * 2,
        }
    }
}

/// Turns RGBA into a [`PixelFormat`]; keeps the room it needs between frames.
#[derive(Debug, Default)]
pub struct Converter {
    /// Planar 4:2:2, the step between RGBA and YUY2.
    planar: Vec<u8>,
}

impl Converter {
    /// Writes `rgba` (`size.width * size.height * 4` bytes) as `format` to the start of `out` and returns the number
    /// of bytes written. Allocates on the first frame of a size only.
    ///
    /// # Errors
    /// A buffer that is too small, a size that is zero or odd.
    pub fn convert(&mut self, rgba: &[u8], size: Size, format: PixelFormat, out: &mut [u8]) -> Result<usize> {
        let Size { width, height } = size;
        if width == 0 || height == 0 || width % 2 == 1 || height % 2 == 1 {
            bail!("a picture of {width}x{height} cannot be a camera's; both must be even and above zero");
        }
        let (pixels, rgba_stride) = (width as usize * height as usize, width * 4);
        ensure!(rgba.len() >= pixels * 4, "a picture of {width}x{height} came with {} bytes", rgba.len());
        let bytes = format.bytes(size);
        let room = out.len();
        let Some(out) = out.get_mut(..bytes) else {
            bail!("a buffer of {room} bytes is too small for {width}x{height} {format:?}; it needs {bytes}");
        };
        let (range, matrix, mode) = (YuvRange::Limited, YuvStandardMatrix::Bt601, YuvConversionMode::Balanced);
        match format {
            PixelFormat::I420 => {
                let (y, uv) = out.split_at_mut(pixels);
                let (u, v) = uv.split_at_mut(pixels / 4);
                let mut image = planes(y, u, v, size);
                yuv::rgba_to_yuv420(&mut image, rgba, rgba_stride, range, matrix, mode)?;
            }
            PixelFormat::Nv12 => {
                let (y, uv) = out.split_at_mut(pixels);
                let mut image = YuvBiPlanarImageMut {
                    y_plane: BufferStoreMut::Borrowed(y),
                    y_stride: width,
                    uv_plane: BufferStoreMut::Borrowed(uv),
                    uv_stride: width,
                    width,
                    height,
                };
                yuv::rgba_to_yuv_nv12(&mut image, rgba, rgba_stride, range, matrix, mode)?;
            }
            PixelFormat::Yuy2 => {
                self.planar.resize(bytes, 0);
                let (y, uv) = self.planar.split_at_mut(pixels);
                let (u, v) = uv.split_at_mut(pixels / 2);
                let mut image = planes(y, u, v, size);
                yuv::rgba_to_yuv422(&mut image, rgba, rgba_stride, range, matrix, mode)?;
                let image = YuvPlanarImage {
                    y_plane: y,
                    y_stride: width,
                    u_plane: u,
                    u_stride: width / 2,
                    v_plane: v,
                    v_stride: width / 2,
                    width,
                    height,
                };
                let mut packed =
                    YuvPackedImageMut { yuy: BufferStoreMut::Borrowed(out), yuy_stride: width * 2, width, height };
                yuv::yuv422_to_yuyv422(&mut packed, &image)?;
            }
        }
        Ok(bytes)
    }
}

/// Three planes with half as many columns of colour as of light.
fn planes<'a>(y: &'a mut [u8], u: &'a mut [u8], v: &'a mut [u8], size: Size) -> YuvPlanarImageMut<'a, u8> {
    YuvPlanarImageMut {
        y_plane: BufferStoreMut::Borrowed(y),
        y_stride: size.width,
        u_plane: BufferStoreMut::Borrowed(u),
        u_stride: size.width / 2,
        v_plane: BufferStoreMut::Borrowed(v),
        v_stride: size.width / 2,
        width: size.width,
        height: size.height,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: Size = Size { width: 64, height: 32 };

    /// Colours and their BT.601 limited-range Y, U, V after ITU-R BT.601-7, 2.5.3, rounded.
    const KNOWN: [([u8; 3], [u8; 3]); 8] = [
        ([0, 0, 0], [16, 128, 128]),
        ([255, 255, 255], [235, 128, 128]),
        ([255, 0, 0], [81, 90, 240]),
        ([0, 255, 0], [145, 54, 34]),
        ([0, 0, 255], [41, 240, 110]),
        ([255, 255, 0], [210, 16, 146]),
        ([128, 128, 128], [126, 128, 128]),
        ([200, 150, 120], [155, 107, 152]),
    ];

    fn filled(colour: impl Fn(usize) -> [u8; 3]) -> Vec<u8> {
        (0..SIZE.width as usize * SIZE.height as usize)
            .flat_map(|i| {
                let [r, g, b] = colour(i % SIZE.width as usize);
                [r, g, b, 255]
            })
            .collect()
    }

    /// Y, U, V of the pixel at `x`, `y`.
    fn pixel(format: PixelFormat, data: &[u8], x: usize, y: usize) -> [u8; 3] {
        let (w, pixels) = (SIZE.width as usize, SIZE.width as usize * SIZE.height as usize);
        match format {
            PixelFormat::I420 => {
                let c = (y / 2) * (w / 2) + x / 2;
                [data[y * w + x], data[pixels + c], data[pixels + pixels / 4 + c]]
            }
            PixelFormat::Nv12 => {
                let c = pixels + (y / 2) * w + (x & !1);
                [data[y * w + x], data[c], data[c + 1]]
            }
            PixelFormat::Yuy2 => {
                let c = y * w * 2 + (x & !1) * 2;
                [data[y * w * 2 + x * 2], data[c + 1], data[c + 3]]
            }
        }
    }

    #[test]
    fn known_colours_come_out_as_the_standard_says() {
        let mut converter = Converter::default();
        for format in PixelFormat::ALL {
            let mut out = vec![0; format.bytes(SIZE)];
            for (rgb, want) in KNOWN {
                let n = converter.convert(&filled(|_| rgb), SIZE, format, &mut out).unwrap();
                assert_eq!(n, out.len());
                for (x, y) in [(0, 0), (63, 31), (33, 7)] {
                    let got = pixel(format, &out, x, y);
                    let off = got.iter().zip(want).map(|(a, b)| a.abs_diff(b)).max().unwrap();
                    assert!(off <= 1, "{format:?} of {rgb:?} at {x},{y} is {got:?}, not {want:?}");
                }
            }
        }
    }

    #[test]
    fn left_stays_left_and_planes_do_not_mix() {
        let mut converter = Converter::default();
        let rgba = filled(|x| if x < 32 { [255, 0, 0] } else { [0, 0, 255] });
        for format in PixelFormat::ALL {
            let mut out = vec![0; format.bytes(SIZE)];
            converter.convert(&rgba, SIZE, format, &mut out).unwrap();
            for y in [0, 15, 31] {
                assert!(pixel(format, &out, 4, y)[2] > 230, "{format:?}: the left is not red in row {y}");
                assert!(pixel(format, &out, 60, y)[1] > 230, "{format:?}: the right is not blue in row {y}");
            }
        }
    }

    #[test]
    fn a_wrong_size_or_a_short_buffer_is_an_error_and_not_a_panic() {
        let mut converter = Converter::default();
        let rgba = filled(|_| [9, 9, 9]);
        for format in PixelFormat::ALL {
            let mut short = vec![0; format.bytes(SIZE) - 1];
            assert!(converter.convert(&rgba, SIZE, format, &mut short).is_err());
            assert!(converter.convert(&rgba[..9], SIZE, format, &mut vec![0; 9999]).is_err());
            let odd = Size { width: 63, height: 32 };
            assert!(converter.convert(&rgba, odd, format, &mut vec![0; 9999]).is_err());
        }
    }

    #[test]
    fn a_bigger_buffer_is_left_alone_behind_the_picture() {
        let mut converter = Converter::default();
        let mut out = vec![77; PixelFormat::Yuy2.bytes(SIZE) + 64];
        let n = converter.convert(&filled(|_| [0, 0, 0]), SIZE, PixelFormat::Yuy2, &mut out).unwrap();
        assert!(out[n..].iter().all(|b| *b == 77));
    }
}
