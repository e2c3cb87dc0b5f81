//! One picture of an MJPEG stream.

use anyhow::{Context, Result, anyhow, ensure};
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

/// The start of an image, and the mark of an AVI's JPEG (`APP0` "AVI1", OpenDML 1.02): the decoder then takes the tables of ITU-T T.81,
/// Annex K.3.3, for those that the picture leaves out, as webcams do.
const OPENING: [u8; 20] = *b"\xff\xd8\xff\xe0\x00\x10AVI1\0\0\0\0\0\0\0\0\0\0";

/// Markers of JPEG.
const START: [u8; 2] = [0xff, 0xd8];
const END: [u8; 2] = [0xff, 0xd9];

/// The largest side of a picture that is decoded.
const MAX_SIDE: usize = 4096;

/// Decodes picture after picture; keeps the room for one.
#[derive(Default)]
pub(super) struct Decoder {
    /// The picture that was opened, with [`OPENING`] before it.
    bytes: Vec<u8>,
}

impl Decoder {
    /// Takes a picture and tells its width and height.
    ///
    /// # Errors
    /// It is no JPEG, or not a whole one.
    pub fn open(&mut self, bytes: &[u8]) -> Result<(u32, u32)> {
        let picture = bytes.strip_prefix(&START).context("a picture that is no JPEG")?;
        // Cameras fill up what they send; a picture that does not end has lost a part on its way.
        let end = picture.windows(2).rposition(|pair| pair == END).context("a JPEG that does not end")?;
        self.bytes.clear();
        self.bytes.extend_from_slice(&OPENING);
        self.bytes.extend_from_slice(picture.get(..end + END.len()).unwrap_or_default());
        let mut decoder = self.decoder();
        decoder.decode_headers().map_err(|e| anyhow!("a damaged JPEG: {e}"))?;
        let info = decoder.info().context("a JPEG without a size")?;
        Ok((u32::from(info.width), u32::from(info.height)))
    }

    /// Writes the picture that was opened to `out` as RGB.
    ///
    /// # Errors
    /// It is damaged; `out` has not its size.
    pub fn decode(&self, out: &mut [u8]) -> Result<()> {
        let mut decoder = self.decoder();
        decoder.decode_headers().map_err(|e| anyhow!("a damaged JPEG: {e}"))?;
        ensure!(decoder.output_buffer_size() == Some(out.len()), "a JPEG of unusual colours");
        decoder.decode_into(out).map_err(|e| anyhow!("a damaged JPEG: {e}"))
    }

    /// Strict: half a picture is none.
    fn decoder(&self) -> JpegDecoder<ZCursor<&[u8]>> {
        let options = DecoderOptions::default()
            .set_strict_mode(true)
            .set_max_width(MAX_SIDE)
            .set_max_height(MAX_SIDE)
            .jpeg_set_out_colorspace(ColorSpace::RGB);
        JpegDecoder::new_with_options(ZCursor::new(self.bytes.as_slice()), options)
    }
}

/// The picture without its Huffman tables, as webcams send it.
#[cfg(test)]
pub(super) fn without_tables(jpeg: &[u8]) -> Vec<u8> {
    let (mut out, mut rest) = (jpeg[..2].to_vec(), &jpeg[2..]);
    loop {
        let (kind, length) = (rest[1], usize::from(u16::from_be_bytes([rest[2], rest[3]])) + 2);
        if kind != 0xc4 {
            out.extend_from_slice(&rest[..length]);
        }
        rest = &rest[length..];
        if kind == 0xda {
            out.extend_from_slice(rest);
            return out;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::codecs::jpeg::JpegEncoder;

    /// A picture of four fields, its colours, and the room for it.
    fn jpeg(width: u32, height: u32) -> (Vec<u8>, image::RgbImage) {
        let picture = image::RgbImage::from_fn(width, height, |x, y| {
            image::Rgb(match (x * 2 / width, y * 2 / height) {
                (0, 0) => [200, 30, 30],
                (_, 0) => [30, 180, 40],
                (0, _) => [40, 40, 200],
                _ => [200, 150, 120],
            })
        });
        let mut bytes = Vec::new();
        JpegEncoder::new_with_quality(&mut bytes, 95).encode_image(&picture).unwrap();
        (bytes, picture)
    }

    fn decode(bytes: &[u8]) -> Result<Vec<u8>> {
        let mut decoder = Decoder::default();
        let (width, height) = decoder.open(bytes)?;
        let mut out = vec![0; width as usize * height as usize * 3];
        decoder.decode(&mut out)?;
        Ok(out)
    }

    fn assert_like(got: &[u8], want: &image::RgbImage) {
        let off = got.iter().zip(want.as_raw()).map(|(a, b)| u64::from(a.abs_diff(*b))).sum::<u64>();
        let mean = off as f64 / got.len() as f64;
        assert!(got.len() == want.as_raw().len() && mean < 3.0, "{mean} off on average");
    }

    #[test]
    fn a_picture_with_and_without_huffman_tables_is_the_same() {
        let (bytes, picture) = jpeg(96, 64);
        let bare = without_tables(&bytes);
        assert!(bare.len() + 400 < bytes.len(), "the tables were there: {} and {} bytes", bytes.len(), bare.len());
        assert_like(&decode(&bytes).unwrap(), &picture);
        assert_eq!(decode(&bare).unwrap(), decode(&bytes).unwrap());
    }

    #[test]
    fn what_fills_up_the_end_is_no_harm_and_odd_sizes_are_none() {
        let (mut bytes, picture) = jpeg(97, 33);
        bytes.extend([0; 1000]);
        assert_like(&decode(&bytes).unwrap(), &picture);
    }

    #[test]
    fn half_a_picture_is_none() {
        let (bytes, _) = jpeg(96, 64);
        for cut in [0, 1, 2, 3, 20, bytes.len() / 2, bytes.len() - 1] {
            assert!(decode(&bytes[..cut]).is_err(), "{cut} bytes of {}", bytes.len());
        }
        let mut joined = bytes[..bytes.len() / 2].to_vec();
        joined.extend(END);
        assert!(decode(&joined).is_err(), "a part is missing before the end");
    }

    #[test]
    fn hostile_bytes_are_refused_without_a_panic_or_much_memory() {
        let (bytes, _) = jpeg(96, 64);
        let mut random = fastrand::Rng::with_seed(8);
        for _ in 0..2000 {
            let mut bytes = bytes.clone();
            for _ in 0..random.usize(1..8) {
                let at = random.usize(2..bytes.len() - 2);
                bytes[at] = random.u8(..);
            }
            let mut decoder = Decoder::default();
            if let Ok((width, height)) = decoder.open(&bytes) {
                assert!(width as usize <= MAX_SIDE && height as usize <= MAX_SIDE);
                let _ = decoder.decode(&mut vec![0; width as usize * height as usize * 3]);
            }
        }
    }
}
