//! A small picture with soft edges, made once and laid over many frames.

use super::lettering::Lettering;
use super::{Frame, Region, Size};

/// The colours of letters and of the ground behind them, and its opacity.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Ink {
    pub ground: [u8; 3],
    pub opacity: f32,
    pub letters: [u8; 3],
}

impl Ink {
    /// Dark enough for white letters on any picture (contrast 7:1 over pure white, as WCAG 2.2, 1.4.6 asks).
    pub const DARK: Ink = Ink { ground: [14, 16, 20], opacity: 0.74, letters: [246, 247, 249] };
    /// The same the other way round, over pure black.
    pub const LIGHT: Ink = Ink { ground: [247, 248, 250], opacity: 0.74, letters: [18, 20, 24] };
}

/// From line to line, in heights of a line: these fonts leave much room for accents.
const LEADING: f32 = 0.90;

/// Hundredths of the smaller side of a picture, in pixels.
pub(crate) fn unit(size: Size) -> f32 {
    size.width.min(size.height) as f32 / 100.0
}

/// Where it lies in the frame; colour times coverage, and beside it the coverage, both 8 bits for each of R G B A: so one row is
/// laid over another without a look at what belongs together, many bytes at once.
pub(crate) struct Sprite {
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

/// How far the middle of a pixel is, along one side of a box, outside the smaller box that the centres of its round corners span.
fn from_core(at: usize, length: f32, radius: f32) -> f32 {
    ((at as f32 + 0.5 - length / 2.0).abs() - (length / 2.0 - radius)).max(0.0)
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
                let away = from_core(i, w, radius).hypot(from_core(j, h, radius));
                let cover = opacity * (radius - away + 0.5).clamp(0.0, 1.0);
                let opaque = (255.0 * cover).round() as u8;
                colour.extend(rgb.map(|c| (f32::from(c) * cover).round() as u8));
                colour.push(opaque);
                covers.extend([opaque; 4]);
            }
        }
        Self { x, y, width, height, colour, cover: covers }
    }

    /// Lines of text, centred in a box that stands in the middle of the picture's width and ends at `bottom`, pixels from the top.
    pub fn panel(size: Size, letters: &Lettering, lines: &[String], bottom: f32, ink: Ink) -> Self {
        let unit = unit(size);
        let widest = lines.iter().map(|l| letters.width(l)).fold(0.0, f32::max);
        let (pad_x, pad_y, step) = (2.0 * unit, 0.9 * unit, LEADING * letters.height());
        let (w, h) = (widest + 2.0 * pad_x, step * lines.len() as f32 + 2.0 * pad_y);
        let place = [(size.width as f32 - w) / 2.0, bottom - h, w, h];
        let mut sprite = Self::rounded(size, place, 1.8 * unit, ink.ground, ink.opacity);
        for (line, i) in lines.iter().zip(0u8..) {
            let y = pad_y + step * f32::from(i) - (1.0 - LEADING) / 2.0 * letters.height();
            letters.draw(line, (w - letters.width(line)) / 2.0, y, |x, y, a| sprite.cover(x, y, ink.letters, a));
        }
        sprite
    }

    /// Draws a line of `thickness` pixels along the inside of the border, whose corners have a radius of `radius`.
    pub fn rim(&mut self, radius: f32, thickness: f32, rgb: [u8; 3], amount: f32) {
        let (w, h) = (self.width as f32, self.height as f32);
        let radius = radius.min(w / 2.0).min(h / 2.0);
        for j in 0..self.height {
            for i in 0..self.width {
                let away = radius - from_core(i, w, radius).hypot(from_core(j, h, radius));
                let cover = (away + 0.5).clamp(0.0, 1.0) * (thickness - away + 0.5).clamp(0.0, 1.0);
                self.cover(i as i32, j as i32, rgb, amount * cover);
            }
        }
    }

    /// Where it lies.
    pub fn region(&self) -> Region {
        let [x, y, width, height] = [self.x, self.y, self.width, self.height].map(|v| v as u32);
        Region { x, y, width, height }
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

    /// Relative luminance of sRGB and contrast, as WCAG 2.2 defines them.
    fn contrast(a: [f32; 3], b: [f32; 3]) -> f32 {
        let linear = |v: f32| {
            let v = v / 255.0;
            if v <= 0.04045 { v / 12.92 } else { ((v + 0.055) / 1.055).powf(2.4) }
        };
        let luminance = |c: [f32; 3]| 0.2126 * linear(c[0]) + 0.7152 * linear(c[1]) + 0.0722 * linear(c[2]);
        let (a, b) = (luminance(a) + 0.05, luminance(b) + 0.05);
        a.max(b) / a.min(b)
    }

    #[test]
    fn letters_stand_out_by_7_to_1_over_any_picture() {
        for ink in [Ink::DARK, Ink::LIGHT] {
            for under in [[0.0; 3], [255.0; 3], [128.0; 3], [255.0, 255.0, 0.0], [0.0, 0.0, 255.0], [0.0, 255.0, 255.0]]
            {
                let mix = |i: usize| f32::from(ink.ground[i]) * ink.opacity + under[i] * (1.0 - ink.opacity);
                let found = contrast([mix(0), mix(1), mix(2)], ink.letters.map(f32::from));
                assert!(found >= 7.0, "{ink:?} over {under:?}: {found:.2}");
            }
        }
    }

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
