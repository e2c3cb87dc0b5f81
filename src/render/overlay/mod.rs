//! What is written over the finished picture: subtitles at the bottom, a note in a corner. Letters are drawn once a change; a
//! frame costs the blending of their boxes.

mod words;

use super::lettering::Lettering;
use super::sprite::{Ink, Sprite, unit};
use super::{Frame, Region, Size};
use crate::clock::Moment;

/// How long a text takes to appear and to go, seconds.
pub(crate) const FADE: f32 = 0.15;

const INK: Ink = Ink::DARK;

/// Sizes are in hundredths of the smaller side of the picture.
const SUBTITLE: f32 = 6.2;
const NOTE: f32 = 4.6;
pub(crate) const MARGIN: f32 = 4.0;
/// Between one box and another.
pub(crate) const GAP: f32 = 1.2;

/// Two lines end above the chest: the mouth is never covered.
const LINES: usize = 2;

/// The share of the picture's width that a line may take, and at most so many hundredths of its smaller side (about fifty
/// letters: more is not read at a glance).
const LINE_SHARE: f32 = 0.86;
const LINE: f32 = 128.0;

/// Only the end of a longer text is looked at; more than two lines hold anyway. It is cut in steps, so that the lines of a text
/// that grows stay as they are.
const LONGEST: usize = 600;
const CUT: usize = 200;

/// The dots of the note: their radius and distance in heights of its letters, the seconds of a wave, and how far one lags.
const DOT: f32 = 0.085;
const DOT_STEP: f32 = 0.30;
const DOT_SECONDS: f64 = 1.3;
const DOT_LAG: f64 = 0.16;

/// Texts over the picture, which come and go softly.
pub struct Overlay {
    size: Size,
    subtitle: Text,
    composing: Text,
    /// The moment of the last frame.
    last: Option<Moment>,
}

/// A text that is shown, or about to be, or fading away.
#[derive(Default)]
struct Text {
    words: String,
    sprite: Option<Sprite>,
    shown: bool,
    /// 0..1
    opacity: f32,
}

impl Overlay {
    /// Nothing is written yet. `size` is that of the frames.
    pub fn new(size: Size) -> Self {
        Self { size, subtitle: Text::default(), composing: Text::default(), last: None }
    }

    /// Writes a subtitle of at most two lines in the place of the one before; of a longer one the end is seen, behind "…". None,
    /// or what has no letter that the fonts have (Latin, Greek, Cyrillic), lets it fade away; pictographs are left out.
    pub fn set_subtitle(&mut self, text: Option<&str>) {
        let text = text.unwrap_or_default();
        if text == self.subtitle.words {
            return;
        }
        // The sprite stays while it fades away.
        match subtitle(self.size, text) {
            Some(sprite) => {
                self.subtitle.sprite = Some(sprite);
                self.subtitle.shown = true;
            }
            None => self.subtitle.shown = false,
        }
        self.subtitle.words = text.into();
    }

    /// Whether the note is shown that the user is typing, in the language of the environment.
    pub fn set_composing(&mut self, composing: bool) {
        self.composing.shown = composing;
        if composing && self.composing.sprite.is_none() {
            self.composing.sprite = note(self.size, words::typing());
        }
    }

    /// Draws what is written into a frame that is shown at `at`, and keeps off the regions that are taken. The frame may have
    /// another size than the one before.
    pub fn draw(&mut self, frame: &mut Frame, at: Moment, taken: &[Option<Region>]) {
        if frame.size != self.size {
            self.resize(frame.size);
        }
        let passed = self.last.replace(at).map_or(0.0, |last| at.seconds_since(last).clamp(0.0, 1.0) as f32);
        let opacity = self.subtitle.fade(passed);
        if let Some(sprite) = &mut self.subtitle.sprite {
            sprite.y = above(frame.size, sprite.height, taken);
            sprite.lay(frame, opacity);
        }
        let opacity = self.composing.fade(passed);
        if let Some(sprite) = &mut self.composing.sprite
            && opacity > 0
        {
            sprite.y = below(frame.size, sprite, taken);
            sprite.lay(frame, opacity);
            dots(sprite, at, f32::from(opacity) / 255.0, frame);
        }
    }

    fn resize(&mut self, size: Size) {
        self.size = size;
        self.subtitle.sprite = subtitle(size, &self.subtitle.words);
        self.composing.sprite = self.composing.sprite.take().and_then(|_| note(size, words::typing()));
    }
}

impl Text {
    /// `passed` seconds on; the opacity of the moment, 0..255.
    fn fade(&mut self, passed: f32) -> u8 {
        let way = passed / FADE;
        self.opacity = (self.opacity + if self.shown { way } else { -way }).clamp(0.0, 1.0);
        if self.opacity == 0.0 && !self.shown {
            self.sprite = None;
        }
        (255.0 * self.opacity).round() as u8
    }
}

/// Where a subtitle of a height begins: above all that is taken in the lower half, also what is beside it, so that short and long
/// lines stand alike.
fn above(size: Size, height: usize, taken: &[Option<Region>]) -> usize {
    let unit = unit(size);
    let low = taken.iter().flatten().filter(|r| 2 * r.y > size.height).map(|r| r.y as f32 - GAP * unit);
    let bottom = low.fold(size.height as f32 - MARGIN * unit, f32::min);
    (bottom - height as f32).round().max(0.0) as usize
}

/// Where the note begins: in its corner, or below what is taken there.
fn below(size: Size, note: &Sprite, taken: &[Option<Region>]) -> usize {
    let unit = unit(size);
    let end = (note.x + note.width) as f32 + GAP * unit;
    let high = taken.iter().flatten().filter(|r| 2 * r.y <= size.height && (r.x as f32) < end);
    high.map(|r| (r.y + r.height) as f32 + GAP * unit).fold(MARGIN * unit, f32::max).round() as usize
}

/// The subtitle's box with its letters; none where nothing of the text can be read.
fn subtitle(size: Size, text: &str) -> Option<Sprite> {
    let unit = unit(size);
    let letters = Lettering::new(false, SUBTITLE * unit)?;
    let width = (size.width as f32 * LINE_SHARE).min(LINE * unit);
    let lines = last_lines(&letters, &legible(&letters, text)?, width);
    Some(Sprite::panel(size, &letters, &lines, size.height as f32 - MARGIN * unit, INK))
}

/// A note in the upper left corner, with room for three dots behind it.
fn note(size: Size, text: &str) -> Option<Sprite> {
    let unit = unit(size);
    let letters = Lettering::new(false, NOTE * unit)?;
    let (height, pad) = (letters.height(), 1.6 * unit);
    let width = letters.width(text) + (3.0 * DOT_STEP + 0.1) * height + 2.0 * pad;
    let place = [MARGIN * unit, MARGIN * unit, width, height + 0.5 * unit];
    let mut sprite = Sprite::rounded(size, place, height, INK.ground, INK.opacity);
    letters.draw(text, pad, 0.25 * unit, |x, y, a| sprite.cover(x, y, INK.letters, a));
    Some(sprite)
}

/// Three dots at the right end of the note, over which a slow wave runs.
fn dots(note: &Sprite, at: Moment, opacity: f32, frame: &mut Frame) {
    let (unit, stride) = (unit(frame.size), frame.size.width as usize);
    let height = note.height as f32 - 0.5 * unit;
    let radius = DOT * height;
    for (i, from_right) in [3.0f32, 2.0, 1.0].into_iter().enumerate() {
        let turn = at.seconds() / DOT_SECONDS - DOT_LAG * i as f64;
        let wave = 0.5 + 0.5 * (std::f64::consts::TAU * turn).sin() as f32;
        let x = note.x as f32 + note.width as f32 - 1.6 * unit - (from_right - 0.5) * DOT_STEP * height;
        let y = note.y as f32 + 0.64 * note.height as f32 - 0.12 * height * wave;
        let brightness = opacity * (0.45 + 0.55 * wave);
        let span = |centre: f32, limit: u32| {
            let (from, to) = ((centre - radius - 1.0).max(0.0) as usize, (centre + radius + 2.0).max(0.0) as usize);
            from..to.min(limit as usize)
        };
        for py in span(y, frame.size.height) {
            for px in span(x, frame.size.width) {
                let away = (px as f32 + 0.5 - x).hypot(py as f32 + 0.5 - y);
                let cover = brightness * (radius - away + 0.5).clamp(0.0, 1.0);
                if let Some(pixel) = frame.rgba.get_mut((py * stride + px) * 4..).and_then(|p| p.first_chunk_mut::<3>())
                {
                    for (p, c) in pixel.iter_mut().zip(INK.letters) {
                        *p = (f32::from(*p) + (f32::from(c) - f32::from(*p)) * cover).round() as u8;
                    }
                }
            }
        }
    }
}

/// What of `text` the letters can show, on one line: pictographs and what is never seen are left out, and one □ stands for each
/// run of letters that the font lacks. None where nothing is left to read.
fn legible(letters: &Lettering, text: &str) -> Option<String> {
    let length = text.chars().count();
    let cut = length.saturating_sub(LONGEST).next_multiple_of(CUT);
    let missing = if letters.has('□') { '□' } else { '?' };
    let mut kept = String::new();
    for c in text.chars().skip(cut) {
        if c.is_whitespace() || c.is_control() {
            kept.push(' ');
        } else if letters.has(c) && !is_unseen(c) {
            kept.push(c);
        } else if c.is_alphanumeric() && !kept.ends_with(missing) {
            kept.push(missing);
        }
    }
    let readable = kept.chars().any(|c| c != missing && !c.is_whitespace());
    if cut > 0 {
        kept.insert(0, '…');
    }
    readable.then_some(kept)
}

/// Signs that only direct others: joiners, marks of direction, variants.
fn is_unseen(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}')
}

/// The last lines of a text; where some were left out before them, they begin with "…".
fn last_lines(letters: &Lettering, text: &str, width: f32) -> Vec<String> {
    let mut lines = letters.lines(text, width);
    let over = lines.len().saturating_sub(LINES);
    if over == 0 {
        return lines;
    }
    lines.drain(..over);
    if let Some(first) = lines.first_mut() {
        let mut words: &str = first;
        while letters.width(&format!("…{words}")) > width {
            words = match words.split_once(' ') {
                Some((_, rest)) => rest,
                None => words.get(words.chars().next().map_or(0, char::len_utf8)..).unwrap_or_default(),
            };
            if words.is_empty() {
                break;
            }
        }
        *first = format!("…{words}");
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    const HD: Size = Size::HD;

    fn grey(size: Size) -> Frame {
        let mut frame = Frame::new(size);
        frame.rgba.as_chunks_mut::<4>().0.iter_mut().for_each(|p| *p = [120, 120, 120, 255]);
        frame
    }

    fn at(ms: i64) -> Moment {
        Moment(ms * 1000)
    }

    /// The picture once the texts are fully there.
    fn settled(overlay: &mut Overlay, size: Size) -> Frame {
        for ms in [0, 100, 200, 300] {
            overlay.draw(&mut grey(size), at(ms), &[]);
        }
        let mut frame = grey(size);
        overlay.draw(&mut frame, at(400), &[]);
        frame
    }

    /// The pixels that are not grey any more: x and y, from and to.
    fn touched(frame: &Frame) -> Option<[usize; 4]> {
        let width = frame.size.width as usize;
        let changed = frame.rgba.chunks_exact(4).enumerate().filter(|(_, p)| p[..3] != [120; 3]);
        let places: Vec<_> = changed.map(|(i, _)| (i % width, i / width)).collect();
        let (xs, ys) = (places.iter().map(|p| p.0), places.iter().map(|p| p.1));
        Some([xs.clone().min()?, xs.max()?, ys.clone().min()?, ys.max()?])
    }

    #[test]
    fn a_subtitle_of_any_length_stays_at_the_bottom_inside_every_picture() {
        let long = "One word after another makes a line that is far too long for a subtitle. ".repeat(200);
        let word = "pneumono".repeat(25);
        for (width, height) in [(1280, 720), (640, 360), (640, 480), (1920, 1080), (360, 640), (16, 16)] {
            let size = Size { width, height };
            for text in ["Yes.", &long, &word, "Где мы встретимся завтра?", "Ποῦ;"] {
                let mut overlay = Overlay::new(size);
                overlay.set_subtitle(Some(text));
                let frame = settled(&mut overlay, size);
                assert!(frame.rgba.chunks_exact(4).all(|p| p[3] == 255));
                let [left, right, top, bottom] = touched(&frame).unwrap();
                let share = |v: usize, of: u32| v as f32 / of as f32;
                if width > 16 {
                    assert!(share(left, width) > 0.02 && share(right, width) < 0.98, "{left} to {right} of {width}");
                    assert!(share(top, height) > 0.79 && share(bottom, height) < 0.98, "{top} to {bottom} of {height}");
                }
            }
        }
    }

    #[test]
    fn the_newest_words_of_a_long_text_are_seen_and_its_lines_stay_while_it_grows() {
        let letters = Lettering::new(false, 40.0).unwrap();
        let words: Vec<String> = (0..90).map(|i| format!("word{i}")).collect();
        let mut lines_before = Vec::new();
        for n in 1..words.len() {
            let text = words[..n].join(" ");
            let lines = last_lines(&letters, &legible(&letters, &text).unwrap(), 900.0);
            assert!(lines.len() <= 2 && lines.iter().all(|l| letters.width(l) <= 900.0), "{lines:?}");
            assert!(lines.last().unwrap().ends_with(&words[n - 1]), "{lines:?}");
            assert_eq!(letters.lines(&text, 900.0).len() > 2, lines[0].starts_with('…'), "{n}: {lines:?}");
            // The upper line is what it was until the lower one is full.
            if text.len() < LONGEST
                && lines_before.len() == 2
                && lines[1].len() > 8
                && !lines[1].starts_with(&words[n - 1])
            {
                assert_eq!(lines[0], lines_before[0]);
            }
            lines_before = lines;
        }
    }

    #[test]
    fn what_the_font_lacks_is_left_out_or_marked_and_never_shown_alone() {
        let letters = Lettering::new(false, 40.0).unwrap();
        let read = |text| legible(&letters, text);
        assert_eq!(read("Well done 👍🏽 👩‍👩‍👧!\u{200f}\n"), Some("Well done  ! ".into()));
        let mark = if letters.has('□') { '□' } else { '?' };
        assert_eq!(read("say 你好吗 now"), Some(format!("say {mark} now")));
        for nothing in ["", " \n", "🙂", "你好", "שלום"] {
            assert_eq!(read(nothing), None, "{nothing:?}");
            let mut overlay = Overlay::new(HD);
            overlay.set_subtitle(Some(nothing));
            assert_eq!(touched(&settled(&mut overlay, HD)), None);
        }
    }

    #[test]
    fn texts_come_and_go_within_the_time_of_a_fade() {
        let mut overlay = Overlay::new(HD);
        overlay.set_subtitle(Some("Hello there"));
        overlay.set_composing(true);
        // The ground of the subtitle, beside its letters, gets darker and darker.
        let mut ground = Vec::new();
        for ms in (0..=200).step_by(50) {
            let mut frame = grey(HD);
            overlay.draw(&mut frame, at(ms), &[]);
            let dark = frame.rgba.iter().skip(1280 * 4 * 600).copied().min().unwrap();
            ground.push(dark);
        }
        assert!(ground.is_sorted_by(|a, b| a >= b) && ground[0] == 120 && ground[1] > ground[3] && ground[3] < 60);
        overlay.set_subtitle(None);
        overlay.set_composing(false);
        let mut frame = grey(HD);
        overlay.draw(&mut frame, at(250), &[]);
        assert!(touched(&frame).is_some(), "it fades, it does not vanish");
        let mut frame = grey(HD);
        overlay.draw(&mut frame, at(420), &[]);
        assert_eq!(touched(&frame), None);
    }

    #[test]
    fn the_note_is_in_the_corner_and_its_dots_move() {
        let mut overlay = Overlay::new(HD);
        overlay.set_composing(true);
        let first = settled(&mut overlay, HD);
        let [left, right, top, bottom] = touched(&first).unwrap();
        assert!(left > 20 && right < 420 && top > 20 && bottom < 90, "{left} {right} {top} {bottom}");
        let mut later = grey(HD);
        overlay.draw(&mut later, at(800), &[]);
        assert!(first.rgba != later.rgba);
    }

    #[test]
    fn another_size_and_a_clock_that_goes_back_are_taken_as_they_are() {
        let mut overlay = Overlay::new(HD);
        overlay.set_subtitle(Some("Hello there"));
        overlay.set_composing(true);
        settled(&mut overlay, HD);
        let small = Size { width: 320, height: 240 };
        let mut frame = grey(small);
        overlay.draw(&mut frame, at(-5_000_000), &[]);
        let [_, right, _, bottom] = touched(&frame).unwrap();
        assert!(right < 320 && bottom < 240);
    }

    /// Says what a frame costs: `cargo test --release --lib overlay -- --nocapture cost`.
    #[test]
    fn cost_of_a_frame() {
        let mut overlay = Overlay::new(HD);
        overlay.set_subtitle(Some(&"Two full lines of subtitle, as wide as they can be. ".repeat(3)));
        overlay.set_composing(true);
        let mut frame = settled(&mut overlay, HD);
        // The least of several: other work of the machine is not the overlay's.
        let batch = |k: i64| {
            let clock = std::time::Instant::now();
            (0..100).for_each(|i| overlay.draw(&mut frame, at(500 + 100 * k + i), &[]));
            clock.elapsed().as_secs_f64() * 10.0
        };
        let least = (0..20).map(batch).fold(f64::MAX, f64::min);
        println!("two lines and the note: {least:.3} ms a frame at 1280x720");
    }
}
