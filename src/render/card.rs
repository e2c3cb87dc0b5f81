//! Words in place of a person: the camera is off, or no avatar could be loaded.

use super::{Frame, Size};
use ab_glyph::{Font, FontRef, PxScale, ScaleFont, point};

/// Draws a calm card that says `title` and, below it, `sentence`, wrapped. It needs no adapter.
pub fn card(size: Size, title: &str, sentence: &str, into: &mut Frame) {
    if into.size != size || into.rgba.len() != Frame::new(size).rgba.len() {
        *into = Frame::new(size);
    }
    backdrop(into);
    let (Ok(bold), Ok(regular)) =
        (FontRef::try_from_slice(notosans::BOLD_TTF), FontRef::try_from_slice(notosans::REGULAR_TTF))
    else {
        return;
    };
    let unit = size.height.min(size.width) as f32 / 100.0;
    let width = size.width as f32 * 0.78;
    let mut blocks = Vec::new();
    for (font, text, height, max_lines, colour) in
        [(&bold, title, 7.6, 2, [240.0, 242.0, 245.0]), (&regular, sentence, 4.6, 7, [190.0, 198.0, 208.0])]
    {
        let style = Style { font, scale: PxScale::from(height * unit), colour };
        let lines = wrap(&style, text, width, max_lines);
        blocks.push((style, lines));
    }
    let gap = 3.0 * unit;
    let step = |s: &Style<'_>| s.font.as_scaled(s.scale).height() * 1.08;
    let filled = blocks.iter().filter(|b| !b.1.is_empty()).count();
    let total: f32 =
        blocks.iter().map(|(s, l)| step(s) * l.len() as f32).sum::<f32>() + gap * filled.saturating_sub(1) as f32;
    let mut y = (size.height as f32 - total) * 0.5;
    for (style, lines) in &blocks {
        for line in lines {
            let x = (size.width as f32 - style.width(line)) * 0.5;
            style.draw(line, x, y, into);
            y += step(style);
        }
        y += gap;
    }
}

/// A dusk-blue ground, a little lighter in the middle.
fn backdrop(into: &mut Frame) {
    let (w, h) = (into.size.width as f32, into.size.height as f32);
    for (i, row) in into.rgba.chunks_exact_mut(into.size.width as usize * 4).enumerate() {
        let y = (i as f32 + 0.5) / h - 0.46;
        for (j, pixel) in row.chunks_exact_mut(4).enumerate() {
            let x = ((j as f32 + 0.5) / w - 0.5) * 1.1;
            let glow = (1.0 - (x * x + y * y) * 2.2).max(0.0);
            // Half a step of ordered noise hides the bands of a slow gradient.
            let noise = ((i * 7 + j * 13) % 16) as f32 / 16.0;
            let rgb = [26.0 + 16.0 * glow, 32.0 + 20.0 * glow, 42.0 + 26.0 * glow];
            for (p, v) in pixel.iter_mut().zip(rgb) {
                *p = (v + noise) as u8;
            }
            pixel[3] = 255;
        }
    }
}

struct Style<'a> {
    font: &'a FontRef<'a>,
    scale: PxScale,
    colour: [f32; 3],
}

/// Stands for what the font cannot show.
const REPLACEMENT: char = '?';

impl Style<'_> {
    fn glyph(&self, c: char) -> ab_glyph::GlyphId {
        let id = self.font.glyph_id(c);
        if id.0 == 0 { self.font.glyph_id(REPLACEMENT) } else { id }
    }

    fn width(&self, text: &str) -> f32 {
        let font = self.font.as_scaled(self.scale);
        let mut before = None;
        text.chars()
            .map(|c| {
                let id = self.glyph(c);
                let kern = before.replace(id).map_or(0.0, |b| font.kern(b, id));
                kern + font.h_advance(id)
            })
            .sum()
    }

    fn draw(&self, text: &str, x: f32, y: f32, into: &mut Frame) {
        let font = self.font.as_scaled(self.scale);
        let (width, height) = (into.size.width as i32, into.size.height as i32);
        let (mut x, base) = (x, y + font.ascent());
        let mut before = None;
        for c in text.chars() {
            let id = self.glyph(c);
            x += before.replace(id).map_or(0.0, |b| font.kern(b, id));
            let glyph = id.with_scale_and_position(self.scale, point(x, base));
            x += font.h_advance(id);
            let Some(outline) = self.font.outline_glyph(glyph) else { continue };
            let bounds = outline.px_bounds();
            outline.draw(|dx, dy, share| {
                let (px, py) = (bounds.min.x as i32 + dx as i32, bounds.min.y as i32 + dy as i32);
                if (0..width).contains(&px) && (0..height).contains(&py) {
                    let at = (py * width + px) as usize * 4;
                    if let Some(pixel) = into.rgba.get_mut(at..at + 3) {
                        for (p, c) in pixel.iter_mut().zip(self.colour) {
                            *p = (f32::from(*p) + (c - f32::from(*p)) * share.clamp(0.0, 1.0)) as u8;
                        }
                    }
                }
            });
        }
    }
}

/// Breaks `text` into at most `max_lines` lines of at most `width` pixels; what does not fit ends in "…".
fn wrap(style: &Style<'_>, text: &str, width: f32, max_lines: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut line = String::new();
    // A hostile text is cut before it is measured.
    let text: String = text.chars().take(2000).map(|c| if c.is_control() { ' ' } else { c }).collect();
    for word in text.split_whitespace() {
        let joined = if line.is_empty() { word.to_owned() } else { format!("{line} {word}") };
        if style.width(&joined) <= width {
            line = joined;
            continue;
        }
        if !line.is_empty() {
            lines.push(std::mem::take(&mut line));
        }
        // A word longer than a line, such as a path, is broken anywhere.
        for c in word.chars() {
            line.push(c);
            if style.width(&line) > width && line.chars().count() > 1 {
                line.pop();
                lines.push(std::mem::replace(&mut line, c.into()));
            }
        }
    }
    if !line.is_empty() {
        lines.push(line);
    }
    if lines.len() > max_lines {
        lines.truncate(max_lines);
        if let Some(last) = lines.last_mut() {
            while !last.is_empty() && style.width(&format!("{last}…")) > width {
                last.pop();
            }
            last.push('…');
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_fits_into_every_size() {
        let path = format!("no avatar could be loaded: {} 🙂 \u{0} кот", "/very/long/folder".repeat(60));
        for (width, height) in [(1280, 720), (640, 480), (16, 16), (512, 512)] {
            for text in ["", "off", path.as_str()] {
                let size = Size { width, height };
                let mut frame = Frame::new(Size::HD);
                card(size, text, text, &mut frame);
                assert_eq!((frame.size, frame.rgba.len()), (size, (width * height * 4) as usize));
                assert!(frame.rgba.chunks_exact(4).all(|p| p[3] == 255));
            }
        }
    }

    #[test]
    fn words_are_brighter_than_the_ground_and_stay_off_the_border() {
        let mut frame = Frame::new(Size::HD);
        card(Size::HD, "Camera off", "Nobody is shown.", &mut frame);
        let bright = |x: usize, y: usize| frame.rgba[(y * 1280 + x) * 4] > 150;
        assert!((0..720).any(|y| (200..1080).any(|x| bright(x, y))));
        assert!(!(0..720).any(|y| (0..60).any(|x| bright(x, y) || bright(1279 - x, y))));
    }
}
