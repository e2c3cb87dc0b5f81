//! What everybody sees: a label in a corner of every picture, and a notice in the first seconds of a stream.

use super::words::{self, Words};
use crate::clock::Moment;
use crate::config::{Corner, LabelSettings, LabelStyle};
use crate::render::lettering::Lettering;
use crate::render::overlay::{FADE, GAP, MARGIN};
use crate::render::sprite::{Ink, Sprite, unit};
use crate::render::{Frame, Region, Size};

/// How long the notice stands before it fades away, seconds.
const NOTICE_SECONDS: f32 = 3.0;

/// Sizes are in hundredths of the smaller side of the picture: letters that are 12 pixels high, from their top to the lowest
/// descender, where a picture of 16:9 is shown at 640x360.
const LABEL: f32 = 4.6;
const LABEL_MARGIN: f32 = 3.0;
const NOTICE: f32 = 5.6;

/// In small pictures letters are not smaller than this, in pixels, unless they would not fit.
const SMALLEST: f32 = 12.0;

/// The share of the middle part's width that a line of the notice may take.
const NOTICE_SHARE: f32 = 0.92;

/// The notice stays below this share of the picture's height: that of a face's chin is above.
const NOTICE_TOP: f32 = 0.72;

/// The rim of the style "outline": its width and how much it covers.
const RIM: f32 = 0.3;
const RIM_COVER: f32 = 0.85;

/// The label and the notice, drawn once for a size and laid over each frame.
pub(super) struct Label {
    size: Size,
    settings: LabelSettings,
    words: Words,
    label: Option<Sprite>,
    notice: Option<Sprite>,
    began: Option<Moment>,
}

impl Label {
    /// In the language of the environment.
    pub fn new(size: Size, settings: LabelSettings) -> Self {
        Self::saying(words::of(&crate::config::locale()), size, settings)
    }

    fn saying(words: Words, size: Size, settings: LabelSettings) -> Self {
        let mut label = Self { size, settings, words, label: None, notice: None, began: None };
        label.resize(size);
        label
    }

    /// Draws for another size of frames.
    pub fn resize(&mut self, size: Size) {
        self.size = size;
        self.label = label(size, self.settings, self.words.label);
        self.notice = notice(size, self.settings, self.words.notice, self.label.as_ref().map(Sprite::region));
    }

    /// A stream begins.
    pub fn begin(&mut self, at: Moment) {
        self.began = Some(at);
    }

    /// Where the label is, and the notice while it is seen.
    pub fn taken(&self, at: Moment) -> [Option<Region>; 2] {
        let notice = self.notice.as_ref().filter(|_| self.notice_opacity(at) > 0);
        [self.label.as_ref().map(Sprite::region), notice.map(Sprite::region)]
    }

    pub fn draw(&self, frame: &mut Frame, at: Moment) {
        if let Some(notice) = &self.notice {
            notice.lay(frame, self.notice_opacity(at));
        }
        if let Some(label) = &self.label {
            label.lay(frame, 255);
        }
    }

    /// 0..255.
    fn notice_opacity(&self, at: Moment) -> u8 {
        self.began.map_or(0, |began| {
            let over = at.seconds_since(began) as f32 - NOTICE_SECONDS;
            (255.0 * (1.0 - over / FADE).clamp(0.0, 1.0)).round() as u8
        })
    }
}

/// What is left of a picture that video apps crop to 4:3: where it begins, and its width.
fn middle(size: Size) -> (f32, f32) {
    let width = (size.width as f32).min(size.height as f32 * 4.0 / 3.0);
    ((size.width as f32 - width) / 2.0, width)
}

fn ink(style: LabelStyle) -> Ink {
    match style {
        LabelStyle::Dark | LabelStyle::Outline => Ink::DARK,
        LabelStyle::Light => Ink::LIGHT,
    }
}

/// A pill with the words, in its corner.
fn label(size: Size, settings: LabelSettings, text: &str) -> Option<Sprite> {
    let unit = unit(size);
    let (from, room) = middle(size);
    let mut pixels = (LABEL * unit).max(SMALLEST);
    let mut letters = Lettering::new(false, pixels)?;
    // All is in heights of the letters: what is too wide gets smaller as a whole.
    let width = |letters: &Lettering| letters.width(text) + 0.76 * letters.height();
    let (wanted, margin) = (width(&letters), LABEL_MARGIN * unit);
    if wanted > room - 2.0 * margin {
        pixels *= (room - 2.0 * margin) / wanted;
        letters = Lettering::new(false, pixels)?;
    }
    let (w, h) = (width(&letters), 1.12 * letters.height());
    let (right, low) = (from + room - margin - w, size.height as f32 - margin - h);
    let [x, y] = match settings.corner {
        Corner::BottomRight => [right, low],
        Corner::BottomLeft => [from + margin, low],
        Corner::TopLeft => [from + margin, margin],
        Corner::TopRight => [right, margin],
    };
    let ink = ink(settings.style);
    let mut sprite = Sprite::rounded(size, [x, y, w, h], h, ink.ground, ink.opacity);
    if settings.style == LabelStyle::Outline {
        sprite.rim(h, (RIM * unit).max(1.0), ink.letters, RIM_COVER);
    }
    let (x, y) = (0.38 * letters.height(), 0.05 * letters.height());
    letters.draw(text, x, y, |x, y, a| sprite.cover(x, y, ink.letters, a));
    Some(sprite)
}

/// The notice at the bottom, beside the label or above it, in as few and as even lines as there can be; none where the picture is
/// too small for letters that can be read.
fn notice(size: Size, settings: LabelSettings, text: &str, label: Option<Region>) -> Option<Sprite> {
    let width = middle(size).1 * NOTICE_SHARE - MARGIN * unit(size);
    let bottom = size.height as f32 - LABEL_MARGIN * unit(size);
    let gap = (GAP * unit(size)).ceil() as u32;
    let meets = |notice: Region| {
        label.filter(|l| {
            let beside = l.x >= notice.x + notice.width + gap || notice.x >= l.x + l.width + gap;
            !beside && 2 * l.y > size.height
        })
    };
    let mut pixels = (NOTICE * unit(size)).max(SMALLEST);
    while pixels >= SMALLEST * 0.75 {
        let letters = Lettering::new(false, pixels)?;
        let lines = even_lines(&letters, text, width);
        let mut sprite = Sprite::panel(size, &letters, &lines, bottom, ink(settings.style));
        if let Some(label) = meets(sprite.region()) {
            sprite = Sprite::panel(size, &letters, &lines, label.y.saturating_sub(gap) as f32, ink(settings.style));
        }
        if sprite.y as f32 >= NOTICE_TOP * size.height as f32 {
            return Some(sprite);
        }
        pixels *= 0.95;
    }
    None
}

/// As few lines as fit, and those as narrow as they can be.
fn even_lines(letters: &Lettering, text: &str, width: f32) -> Vec<String> {
    let mut lines = letters.lines(text, width);
    let mut narrower = width;
    while narrower > width / 2.0 {
        narrower *= 0.97;
        let other = letters.lines(text, narrower);
        if other.len() > lines.len() || other.iter().any(|l| letters.width(l) > narrower) {
            break;
        }
        lines = other;
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::super::words::tests::locales;
    use super::*;

    const SIZES: [(u32, u32); 11] = [
        (1280, 720),
        (640, 360),
        (640, 480),
        (1920, 1080),
        (512, 512),
        (360, 640),
        (320, 180),
        (128, 96),
        (64, 64),
        (64, 4096),
        (4096, 64),
    ];

    fn grey(size: Size) -> Frame {
        let mut frame = Frame::new(size);
        frame.rgba.as_chunks_mut::<4>().0.iter_mut().for_each(|p| *p = [120, 120, 120, 255]);
        frame
    }

    fn all_settings() -> impl Iterator<Item = LabelSettings> {
        Corner::ALL.into_iter().flat_map(|corner| LabelStyle::ALL.map(|style| LabelSettings { corner, style }))
    }

    /// Every corner in every language, and every style in one.
    fn all() -> impl Iterator<Item = (&'static str, LabelSettings)> {
        let corners = || Corner::ALL.map(|corner| LabelSettings { corner, ..LabelSettings::default() });
        locales().flat_map(move |l| corners().map(|s| (l, s))).chain(all_settings().map(|s| ("en", s)))
    }

    /// The pixels that are not grey any more: x and y, from and to.
    fn touched(frame: &Frame) -> Option<[u32; 4]> {
        let changed = frame.rgba.chunks_exact(4).zip(0u32..).filter(|(p, _)| p[..3] != [120; 3]);
        let places: Vec<_> = changed.map(|(_, i)| (i % frame.size.width, i / frame.size.width)).collect();
        let (xs, ys) = (places.iter().map(|p| p.0), places.iter().map(|p| p.1));
        Some([xs.clone().min()?, xs.max()?, ys.clone().min()?, ys.max()?])
    }

    #[test]
    fn the_label_is_in_its_corner_of_every_picture_in_every_language_and_never_where_a_face_is() {
        for (width, height) in SIZES {
            let size = Size { width, height };
            for (locale, settings) in all() {
                let what = format!("{width}x{height} {locale} {settings:?}");
                let label = Label::saying(words::of(locale), size, settings);
                let [Some(place), None] = label.taken(Moment(0)) else { panic!("{what}: no label") };
                let (right, low) = (place.x + place.width, place.y + place.height);
                assert!(place.width > 20 && place.height >= 7 && right <= width && low <= height, "{what}: {place:?}");
                // A tile of 4:3 shows all of it.
                let (from, room) = middle(size);
                assert!(place.x as f32 + 1.0 >= from && right as f32 <= from + room + 1.0, "{what}: {place:?}");
                let top = matches!(settings.corner, Corner::TopLeft | Corner::TopRight);
                // A face fills the middle, from a fifth to seven tenths of the height.
                let clear = if top { low * 4 <= height } else { place.y * 4 >= height * 3 };
                assert!(clear, "{what}: {place:?}");
                let left = matches!(settings.corner, Corner::TopLeft | Corner::BottomLeft);
                // In the smallest pictures it takes nearly the whole row of that tile.
                let sided = 2.0 * place.width as f32 >= room || (2 * place.x + place.width < width) == left;
                assert!(sided, "{what}: {place:?}");
            }
        }
    }

    #[test]
    fn the_label_is_as_large_as_can_be_read_and_nothing_else_is_touched() {
        for (width, height) in SIZES {
            let size = Size { width, height };
            for settings in all_settings() {
                let label = Label::saying(words::of("en"), size, settings);
                let mut frame = grey(size);
                label.draw(&mut frame, Moment(0));
                let [left, right, top, bottom] = touched(&frame).unwrap();
                let place = label.taken(Moment(0))[0].unwrap();
                assert!(place.x <= left && right < place.x + place.width, "{width}x{height}");
                assert!(place.y <= top && bottom < place.y + place.height, "{width}x{height}");
                assert!(frame.rgba.chunks_exact(4).all(|p| p[3] == 255));
                // Letters differ from their ground, and their capitals are at least 8 pixels high at 640x360.
                let bright = |y: u32| {
                    let row =
                        (place.x + place.height / 2..right - place.height / 2).map(|x| (y * width + x) as usize * 4);
                    let levels: Vec<_> = row.map(|at| frame.rgba[at]).collect();
                    levels.iter().max().unwrap() - levels.iter().min().unwrap() > 90
                };
                let written = (top..=bottom).filter(|y| bright(*y)).count();
                if width.min(height) >= 360 {
                    assert!(written as f32 * 360.0 / width.min(height) as f32 >= 8.0, "{width}x{height}: {written}");
                }
            }
        }
    }

    #[test]
    fn the_notice_stands_three_seconds_and_fades_away() {
        let mut label = Label::saying(words::of("de"), Size::HD, LabelSettings::default());
        let seen = |label: &Label, ms: i64| {
            let mut frame = grey(Size::HD);
            label.draw(&mut frame, Moment(ms * 1000));
            frame.rgba
        };
        let without = seen(&label, 0);
        assert_eq!(label.taken(Moment(0))[1], None);
        label.begin(Moment(5_000_000));
        let full = seen(&label, 5_000);
        assert!(full != without && seen(&label, 8_000) == full && seen(&label, 6_500) == full);
        let fading = seen(&label, 8_070);
        assert!(fading != full && fading != without, "it fades, it does not vanish");
        assert!(seen(&label, 8_200) == without && label.taken(Moment(8_200_000))[1].is_none());
        // The next stream has its own, and a clock that goes back changes nothing.
        label.begin(Moment(20_000_000));
        assert!(seen(&label, 19_900) == full && seen(&label, 21_000) == full);
    }

    #[test]
    fn the_notice_is_below_the_face_off_the_label_and_whole_in_every_language() {
        for (width, height) in SIZES {
            let size = Size { width, height };
            for (locale, settings) in all() {
                let what = format!("{width}x{height} {locale} {settings:?}");
                let mut label = Label::saying(words::of(locale), size, settings);
                label.begin(Moment(0));
                let [Some(place), notice] = label.taken(Moment(0)) else { panic!("{what}: no label") };
                let Some(notice) = notice else {
                    assert!(width.min(height) < 360, "{what}: no notice");
                    continue;
                };
                assert!(notice.y as f32 >= NOTICE_TOP * height as f32, "{what}: {notice:?}");
                assert!(notice.x > 0 && notice.x + notice.width < width, "{what}: {notice:?}");
                let apart = notice.y + notice.height <= place.y
                    || place.y + place.height <= notice.y
                    || notice.x + notice.width < place.x
                    || place.x + place.width < notice.x;
                assert!(apart, "{what}: {notice:?} {place:?}");
            }
        }
    }

    /// Says what a frame costs: `cargo test --release --lib mark::label -- --nocapture cost`.
    #[test]
    fn cost_of_a_frame() {
        for (what, began) in [("the label", None), ("the label and the notice", Some(Moment(0)))] {
            let mut label = Label::saying(words::of("en"), Size::HD, LabelSettings::default());
            label.began = began;
            let mut frame = grey(Size::HD);
            // The least of several: other work of the machine is not the label's.
            let batch = |_| {
                let clock = std::time::Instant::now();
                (0..100).for_each(|i| label.draw(&mut frame, Moment(i)));
                clock.elapsed().as_secs_f64() * 10.0
            };
            let least = (0..20).map(batch).fold(f64::MAX, f64::min);
            println!("{what}: {least:.4} ms a frame at 1280x720");
        }
    }
}
