//! Words in place of a person: the camera is off, or no avatar could be loaded.

use super::lettering::Lettering;
use super::{Frame, Size};

/// Draws a calm card that says `title` and, below it, `sentence`, wrapped. It needs no adapter.
pub fn card(size: Size, title: &str, sentence: &str, into: &mut Frame) {
    if into.size != size || into.rgba.len() != Frame::new(size).rgba.len() {
        *into = Frame::new(size);
    }
    backdrop(into);
    let unit = size.height.min(size.width) as f32 / 100.0;
    let width = size.width as f32 * 0.78;
    let mut blocks = Vec::new();
    for (bold, text, height, max_lines, colour) in
        [(true, title, 7.6, 2, [240.0, 242.0, 245.0]), (false, sentence, 4.6, 7, [190.0, 198.0, 208.0])]
    {
        let Some(letters) = Lettering::new(bold, height * unit) else { return };
        let lines = wrap(&letters, text, width, max_lines);
        blocks.push((letters, lines, colour));
    }
    let gap = 3.0 * unit;
    let step = |letters: &Lettering| letters.height() * 1.08;
    let filled = blocks.iter().filter(|b| !b.1.is_empty()).count();
    let total: f32 = blocks.iter().map(|(letters, lines, _)| step(letters) * lines.len() as f32).sum::<f32>()
        + gap * filled.saturating_sub(1) as f32;
    let mut y = (size.height as f32 - total) * 0.5;
    for (letters, lines, colour) in &blocks {
        for line in lines {
            let x = (size.width as f32 - letters.width(line)) * 0.5;
            write(letters, line, x, y, *colour, into);
            y += step(letters);
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

/// Breaks `text` into at most `max_lines` lines of at most `width` pixels; what does not fit ends in "…".
fn wrap(letters: &Lettering, text: &str, width: f32, max_lines: usize) -> Vec<String> {
    // A hostile text is cut before it is measured.
    let text: String = text.chars().take(2000).map(|c| if c.is_control() { ' ' } else { c }).collect();
    let mut lines = letters.lines(&text, width);
    if lines.len() > max_lines {
        lines.truncate(max_lines);
        if let Some(last) = lines.last_mut() {
            while !last.is_empty() && letters.width(&format!("{last}…")) > width {
                last.pop();
            }
            last.push('…');
        }
    }
    lines
}

fn write(letters: &Lettering, text: &str, x: f32, y: f32, colour: [f32; 3], into: &mut Frame) {
    let (width, height) = (into.size.width as i32, into.size.height as i32);
    letters.draw(text, x, y, |px, py, share| {
        if (0..width).contains(&px) && (0..height).contains(&py) {
            let at = (py * width + px) as usize * 4;
            if let Some(pixel) = into.rgba.get_mut(at..at + 3) {
                for (p, c) in pixel.iter_mut().zip(colour) {
                    *p = (f32::from(*p) + (c - f32::from(*p)) * share) as u8;
                }
            }
        }
    });
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
