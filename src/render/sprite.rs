//! A small picture with soft edges, made once and laid over many frames.

use crate::render::{Frame, Size};

/// Where it lies in the frame; colour times coverage, and beside it the coverage, both 8 bits for each of R G B A: so one row is
/// laid over another without a look at what belongs together, many bytes at once.
pub(super) struct Sprite {
    pub x: usize,
    pub y: usize,
    pub width: usize,
    pub height: usize,
    colour: Vec<u8>,
    cover: Vec<u8>,
}

/// `a * b / 255`, rounded, for values up to 255: exact, so that what covers nothing changes nothing and what is opaque stays so.
fn share(a: u16, b: u16) -> u16 {
    let t = a.wrapping_mul(b).wrapping_add(128);
    t.wrapping_add(t >> 8) >> 8
}

impl Sprite {
    /// A box with round corners of `radius` pixels, of a colour and an opacity of 0..1. What would lie outside the frame is
    /// cut off.
    pub fn rounded(size: Size, [x, y, width, height]: [f32; 4], radius: f32, rgb: [u8; 3], opacity: f32) -> Self {
        let place = |v: f32, limit: u32| (v.round().max(0.0) as usize).min(limit as usize);
        let (x, y) = (place(x, size.width), place(y, size.height));
        let width = place(width, size.width.saturating_sub(x as u32));
        let height = place(height, size.height.saturating_sub(y as u32));
        let (w, h) = (width as f32, height as f32);
        let radius = radius.min(w / 2.0).min(h / 2.0);
        let (mut colour, mut covers) = (Vec::new(), Vec::new());
        for j in 0..height {
            for i in 0..width {
                // How far the middle of the pixel is outside the box that the corners' centres span.
                let outside = |at: f32, length: f32| ((at - length / 2.0).abs() - (length / 2.0 - radius)).max(0.0);
                let away = outside(i as f32 + 0.5, w).hypot(outside(j as f32 + 0.5, h));
                let cover = opacity * (radius - away + 0.5).clamp(0.0, 1.0);
                let opaque = (255.0 * cover).round() as u8;
                colour.extend(rgb.map(|c| (f32::from(c) * cover).round() as u8));
                colour.push(opaque);
                covers.extend([opaque; 4]);
            }
        }
        Self { x, y, width, height, colour, cover: covers }
    }

    /// Covers a pixel of the sprite by `amount` (0..1) with a colour; pixels outside are none.
    pub fn cover(&mut self, x: i32, y: i32, rgb: [u8; 3], amount: f32) {
        let (Ok(x), Ok(y)) = (usize::try_from(x), usize::try_from(y)) else { return };
        if x >= self.width || y >= self.height {
            return;
        }
        let at = (y * self.width + x) * 4;
        let amount = (amount * 255.0) as u16;
        let mix = |p: &mut u8, c: u8| *p = share(c.into(), amount).wrapping_add(share((*p).into(), 255 - amount)) as u8;
        let [r, g, b] = rgb;
        self.colour.iter_mut().skip(at).zip([r, g, b, 255]).for_each(|(p, c)| mix(p, c));
        self.cover.iter_mut().skip(at).take(4).for_each(|p| mix(p, 255));
    }

    /// Lays it over the frame with an opacity of 0..255. Only the pixels of the sprite are touched.
    pub fn lay(&self, frame: &mut Frame, opacity: u8) {
        let (stride, row) = (frame.size.width as usize * 4, self.width * 4);
        if stride == 0 || row == 0 || opacity == 0 {
            return;
        }
        let o = u16::from(opacity);
        let rows = frame.rgba.chunks_exact_mut(stride).skip(self.y);
        for ((under, colour), cover) in rows.zip(self.colour.chunks_exact(row)).zip(self.cover.chunks_exact(row)) {
            let Some(under) = under.get_mut(self.x * 4..self.x * 4 + row) else { return };
            for ((u, c), a) in under.iter_mut().zip(colour).zip(cover) {
                let left = share((*a).into(), o) ^ 255;
                *u = share((*c).into(), o).wrapping_add(share((*u).into(), left)) as u8;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: Size = Size { width: 64, height: 48 };

    fn grey(level: u8) -> Frame {
        let mut frame = Frame::new(SIZE);
        frame.rgba.as_chunks_mut::<4>().0.iter_mut().for_each(|p| *p = [level, level, level, 255]);
        frame
    }

    #[test]
    fn only_the_box_is_touched_and_every_pixel_stays_opaque() {
        let sprite = Sprite::rounded(SIZE, [10.0, 20.0, 30.0, 15.0], 5.0, [20, 20, 20], 0.6);
        for opacity in [0, 1, 77, 254, 255] {
            let mut frame = grey(200);
            sprite.lay(&mut frame, opacity);
            for (i, p) in frame.rgba.chunks_exact(4).enumerate() {
                let (x, y) = (i % 64, i / 64);
                let inside = (10..40).contains(&x) && (20..35).contains(&y);
                assert!(p[3] == 255 && (inside || p[0] == 200), "{x},{y}: {p:?}");
            }
            let middle = frame.rgba[(27 * 64 + 25) * 4];
            let expected = 200.0 + (20.0 - 200.0) * 0.6 * f32::from(opacity) / 255.0;
            assert!((f32::from(middle) - expected).abs() <= 1.5, "{middle} instead of {expected}");
            // The corner is round.
            assert_eq!(frame.rgba[(20 * 64 + 10) * 4], 200);
        }
    }

    #[test]
    fn boxes_beyond_the_frame_are_cut_off() {
        for place in
            [[-9.0, -9.0, 500.0, 500.0], [60.0, 40.0, 50.0, 50.0], [900.0, 900.0, 5.0, 5.0], [1.0, 1.0, 0.0, 0.0]]
        {
            let mut sprite = Sprite::rounded(SIZE, place, 9.0, [0; 3], 1.0);
            sprite.cover(-1, 3, [255; 3], 1.0);
            sprite.cover(900, 900, [255; 3], 1.0);
            sprite.lay(&mut grey(9), 255);
        }
        assert_eq!((0..=255).map(|v| share(v, 255)).collect::<Vec<_>>(), (0..=255).collect::<Vec<_>>());
    }
}
