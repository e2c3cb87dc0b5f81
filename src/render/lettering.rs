//! Words in a picture: the fonts that come with the program, measured, broken into lines, drawn.
//!
//! Latin, Greek and Cyrillic, from left to right. Scripts that join or reorder their letters would need a shaper.

use ab_glyph::{Font, FontRef, GlyphId, PxScale, ScaleFont, point};

/// A font at a size.
pub(crate) struct Lettering {
    font: FontRef<'static>,
    scale: PxScale,
}

/// Stands for a letter that the font cannot show.
const REPLACEMENT: char = '?';

impl Lettering {
    /// Letters of a height of `pixels` from the lowest descender to the highest accent; none where the font is damaged.
    pub fn new(bold: bool, pixels: f32) -> Option<Self> {
        let bytes = if bold { notosans::BOLD_TTF } else { notosans::REGULAR_TTF };
        Some(Self { font: FontRef::try_from_slice(bytes).ok()?, scale: PxScale::from(pixels) })
    }

    /// The height of a line without the space to the next.
    pub fn height(&self) -> f32 {
        self.font.as_scaled(self.scale).height()
    }

    /// Whether the font can show `c`.
    pub fn has(&self, c: char) -> bool {
        self.font.glyph_id(c).0 != 0
    }

    fn glyph(&self, c: char) -> GlyphId {
        self.font.glyph_id(if self.has(c) { c } else { REPLACEMENT })
    }

    /// The width of one line in pixels.
    pub fn width(&self, text: &str) -> f32 {
        self.places(text).last().map_or(0.0, |(_, x, advance)| x + advance)
    }

    /// Each glyph, where it begins, and how far it is to the next.
    fn places(&self, text: &str) -> impl Iterator<Item = (GlyphId, f32, f32)> {
        let font = self.font.as_scaled(self.scale);
        let (mut x, mut before) = (0.0, None);
        text.chars().map(move |c| {
            let id = self.glyph(c);
            x += before.replace(id).map_or(0.0, |b| font.kern(b, id));
            let at = x;
            x += font.h_advance(id);
            (id, at, x - at)
        })
    }

    /// Draws one line whose upper left corner is at `x`, `y`: `put` is told which pixels it covers and how much, 0..1.
    pub fn draw(&self, text: &str, x: f32, y: f32, mut put: impl FnMut(i32, i32, f32)) {
        let base = y + self.font.as_scaled(self.scale).ascent();
        for (id, at, _) in self.places(text) {
            let glyph = id.with_scale_and_position(self.scale, point(x + at, base));
            let Some(outline) = self.font.outline_glyph(glyph) else { continue };
            let (left, top) = (outline.px_bounds().min.x as i32, outline.px_bounds().min.y as i32);
            outline.draw(|dx, dy, share| put(left + dx as i32, top + dy as i32, share.clamp(0.0, 1.0)));
        }
    }

    /// Breaks `text` into lines of at most `width` pixels, between words; a word that is longer, such as a path, anywhere.
    pub fn lines(&self, text: &str, width: f32) -> Vec<String> {
        let mut lines: Vec<String> = Vec::new();
        let mut line = String::new();
        for word in text.split_whitespace() {
            let joined = if line.is_empty() { word.to_owned() } else { format!("{line} {word}") };
            if self.width(&joined) <= width {
                line = joined;
                continue;
            }
            if !line.is_empty() {
                lines.push(std::mem::take(&mut line));
            }
            for c in word.chars() {
                line.push(c);
                if self.width(&line) > width && line.chars().count() > 1 {
                    line.pop();
                    lines.push(std::mem::replace(&mut line, c.into()));
                }
            }
        }
        if !line.is_empty() {
            lines.push(line);
        }
        lines
    }
}
