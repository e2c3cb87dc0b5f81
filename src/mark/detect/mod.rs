//! Looks for the invisible mark in pictures that may have been scaled, cropped, mirrored, compressed, and put among other things.
//!
//! Pictures of a moment are freed from what is not grain ([`grain`]), added up, and folded: laid tile over tile, as the mark repeats
//! ([`fold`]). If the scale is right, the fixed waves of the mark line up in the spectrum of that tile; where their sum is largest is
//! where the tile begins ([`search`]). How large a sum chance gives is known ([`odds`]). Then the coded waves are read.

mod fold;
mod grain;
mod odds;
mod place;
mod search;

use super::code::encode;
use super::payload::Payload;
use super::stamp::tile;
use anyhow::{Result, ensure};
use grain::Grain;
pub use place::Place;
use search::{Found, Search};

/// Pictures of a window that are kept one by one; of more, every second one and so on.
const KEPT: usize = 64;

/// Larger pictures are halved until they are not, in pixels.
const LARGEST: u64 = 2_200_000;

/// Without a mark the whole range of scales is searched in the first windows, and in every one of so many later.
const THOROUGH_FIRST: u32 = 2;
const THOROUGH_EVERY: u32 = 8;

/// What a window shows.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// Pictures in the window.
    pub frames: u32,
    /// A mark was found: a false alarm of at most one in a million windows.
    pub marked: bool,
    /// Standard deviations of the sum over the fixed waves, above what chance gives.
    pub score: f32,
    /// The logarithm (base 10) of a bound of the probability that chance gives such a score in this search.
    pub log10_false_alarm: f64,
    /// Which pictures carry the mark by themselves.
    pub each: Vec<bool>,
    /// What the mark says; its own check holds.
    pub payload: Option<Payload>,
    /// Where in the picture it is.
    pub place: Option<Place>,
}

/// Looks for marks in a run of grey pictures of one size, a window at a time.
pub struct Detector {
    width: usize,
    height: usize,
    /// By how much pictures are made smaller before they are looked at.
    shrink: usize,
    search: Search,
    grain: Grain,
    /// The grain of the pictures of the window, and of all of them together.
    kept: Vec<Vec<i8>>,
    /// One of so many pictures is kept.
    every: usize,
    frames: usize,
    windows: u32,
    known: Option<Found>,
}

impl Detector {
    /// # Errors
    /// A size that cannot be looked at: under 64 pixels a side, over 64 megapixels.
    pub fn new(width: u32, height: u32) -> Result<Self> {
        let pixels = u64::from(width) * u64::from(height);
        ensure!(
            width >= 64 && height >= 64,
            "the picture has {width}x{height} pixels; a mark can be looked for from 64x64 on"
        );
        ensure!(
            pixels <= 64_000_000,
            "the picture has {width}x{height} pixels; make it smaller than 64 megapixels first"
        );
        let shrink = (1..).find(|s| pixels / (s * s) <= LARGEST).unwrap_or(1) as usize;
        let (width, height) = (width as usize, height as usize);
        Ok(Self {
            width,
            height,
            shrink,
            search: Search::new(),
            grain: Grain::new(width / shrink, height / shrink),
            kept: Vec::new(),
            every: 1,
            frames: 0,
            windows: 0,
            known: None,
        })
    }

    /// One picture: a byte of brightness a pixel, rows from the top. What is too short is filled up with black.
    pub fn add(&mut self, luma: &[u8]) {
        let index = self.frames;
        self.frames += 1;
        if !index.is_multiple_of(self.every) {
            return;
        }
        if self.kept.len() == KEPT {
            // Every second one makes room.
            let mut keep = false;
            self.kept.retain(|_| {
                keep = !keep;
                keep
            });
            self.every *= 2;
            if !index.is_multiple_of(self.every) {
                return;
            }
        }
        self.kept.push(self.grain.of(luma, self.width, self.height, self.shrink));
    }

    /// What the pictures show that were added since the last call; begins a new window. It remembers where the mark was, so
    /// that later windows are quick.
    pub fn finish(&mut self) -> Finding {
        let (frames, every) = (std::mem::take(&mut self.frames), std::mem::replace(&mut self.every, 1));
        let kept = std::mem::take(&mut self.kept);
        let thorough = self.windows < THOROUGH_FIRST || self.windows.is_multiple_of(THOROUGH_EVERY);
        self.windows = self.windows.saturating_add(1);
        let nothing = Finding {
            frames: frames as u32,
            marked: false,
            score: 0.0,
            log10_false_alarm: 0.0,
            each: vec![false; frames],
            payload: None,
            place: None,
        };
        if kept.is_empty() {
            return nothing;
        }
        let (width, height) = (self.width / self.shrink, self.height / self.shrink);
        let sum = |kept: &[Vec<i8>]| {
            let mut sum = vec![0.0f32; width * height];
            kept.iter().for_each(|k| sum.iter_mut().zip(k).for_each(|(s, g)| *s += f32::from(*g)));
            sum
        };
        let (mut whole, mut weights) = (sum(&kept), Vec::new());
        grain::weigh(&mut whole, width, kept.len(), &mut weights);
        let Some(found) = self.search.find(&whole, width, height, self.known.as_ref(), thorough) else {
            return nothing;
        };
        let mut payload = self.search.read(&whole, width, &found);
        // Only the part of the picture that carries the mark: the rest is noise. Worth a try where much lies around it.
        let place = found
            .is_mark()
            .then(|| {
                let tile = tile(self.search.waves(), payload.map(|p| encode(&p.bits())).as_ref());
                place::find(&tile, &whole, width, height, &found)
            })
            .flatten();
        if payload.is_none()
            && let Some(place) = &place
        {
            payload = self.search.read_within(&whole, width, &found, place);
        }
        if payload.is_none() && found.is_mark() && kept.len() >= 8 {
            // The payload may have changed in the midst of the window, as it does every minute.
            let half = kept.len() / 2;
            payload = [kept.get(..half), kept.get(half..)].into_iter().flatten().find_map(|part| {
                let mut part = sum(part);
                grain::weigh_as(&mut part, width, &weights);
                self.search.read(&part, width, &found)
            });
        }
        let marked = found.is_mark() || payload.is_some();
        let mut each = vec![false; frames];
        if marked {
            let coded = payload.map(|p| encode(&p.bits()));
            for (index, picture) in kept.iter().enumerate() {
                let alone = if kept.len() == 1 {
                    true
                } else {
                    let mut picture: Vec<f32> = picture.iter().map(|g| f32::from(*g)).collect();
                    grain::weigh_as(&mut picture, width, &weights);
                    self.search.carries(&picture, width, &found, coded.as_ref())
                };
                each.iter_mut().skip(index * every).take(every).for_each(|e| *e = alone);
            }
        }
        let (score, log10_false_alarm) = (found.score, found.log10_odds);
        self.known = if marked { Some(found) } else { self.known.take() };
        let place = place.map(|p| p.enlarged(self.shrink));
        Finding { marked, score, log10_false_alarm, each, payload, place, ..nothing }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::avatar::AvatarHash;
    use crate::identity::Identity;
    use crate::mark::stamp::Stamp;
    use crate::render::{Frame, Size};

    const MINUTE: u32 = 29_000_000;

    fn identity() -> Identity {
        Identity::from_secret(&[1; 32])
    }

    /// Soft shapes, and a busy patch.
    fn plain(size: Size, seed: u64) -> Frame {
        let mut frame = Frame::new(size);
        let mut random = fastrand::Rng::with_seed(seed);
        let (w, h) = (size.width as f32, size.height as f32);
        for (i, p) in frame.rgba.as_chunks_mut::<4>().0.iter_mut().enumerate() {
            let (x, y) = (i as u32 % size.width, i as u32 / size.width);
            let (x, y) = (x as f32 / w * 9.0, y as f32 / h * 5.0);
            let level = 120.0 + 50.0 * (x + seed as f32).sin() * (y * 0.7).cos() + 12.0 * (5.0 * x).sin();
            let busy = if (x - 4.5).hypot(y - 3.0) < 1.2 { random.f32() * 50.0 } else { random.f32() * 2.0 };
            *p = [(level + busy) as u8, (level * 0.8 + busy) as u8, (level * 0.6 + busy) as u8, 255];
        }
        frame
    }

    struct Grey {
        width: usize,
        height: usize,
        luma: Vec<u8>,
    }

    fn grey(frame: &Frame) -> Grey {
        let luma = frame
            .rgba
            .chunks_exact(4)
            .map(|p| ((299 * u32::from(p[0]) + 587 * u32::from(p[1]) + 114 * u32::from(p[2])) / 1000) as u8);
        Grey { width: frame.size.width as usize, height: frame.size.height as usize, luma: luma.collect() }
    }

    fn marked(size: Size, minute: u32) -> Grey {
        let mut frame = plain(size, 3);
        Stamp::new(&identity(), AvatarHash([0xab; 32]), size).apply(&mut frame, minute);
        grey(&frame)
    }

    impl Grey {
        fn mapped(&self, width: usize, height: usize, at: impl Fn(f32, f32) -> (f32, f32)) -> Grey {
            let pixel =
                |x: usize, y: usize| f32::from(self.luma[y.min(self.height - 1) * self.width + x.min(self.width - 1)]);
            let sampled = |x: f32, y: f32| {
                let (x, y) = (x.clamp(0.0, self.width as f32 - 1.0), y.clamp(0.0, self.height as f32 - 1.0));
                let (i, j, a, b) = (x as usize, y as usize, x.fract(), y.fract());
                let row = |j: usize| pixel(i, j) + (pixel(i + 1, j) - pixel(i, j)) * a;
                (row(j) + (row(j + 1) - row(j)) * b).round() as u8
            };
            let luma = (0..width * height).map(|i| {
                let (x, y) = at((i % width) as f32 + 0.5, (i / width) as f32 + 0.5);
                sampled(x - 0.5, y - 0.5)
            });
            Grey { width, height, luma: luma.collect() }
        }
    }

    fn look(picture: &Grey) -> Finding {
        let mut detector = Detector::new(picture.width as u32, picture.height as u32).unwrap();
        detector.add(&picture.luma);
        detector.finish()
    }

    fn expect_read(finding: &Finding, what: &str) {
        assert!(finding.marked && finding.each == [true], "{what}: {finding:?}");
        let payload = finding.payload.unwrap_or_else(|| panic!("{what}: no payload, {finding:?}"));
        assert!(
            payload.is_by(&identity()) && payload.minute == MINUTE && payload.avatar == 0xabab,
            "{what}: {payload:?}"
        );
    }

    #[test]
    fn a_single_picture_tells_where_it_comes_from_in_every_size() {
        for (width, height) in [(1280, 720), (640, 480), (1920, 1080), (512, 512), (360, 640)] {
            let finding = look(&marked(Size { width, height }, MINUTE));
            expect_read(&finding, &format!("{width}x{height}"));
            let place = finding.place.unwrap();
            let share = f64::from(place.width * place.height) / f64::from(width * height);
            assert!(share > 0.6, "{place:?}");
        }
    }

    #[test]
    fn cropped_scaled_mirrored_and_repainted_pictures_are_still_read() {
        let whole = marked(Size::HD, MINUTE);
        let (w, h) = (1280, 720);
        let darker = Grey {
            luma: whole.luma.iter().map(|v| (f32::from(*v) * 0.75 + 12.0) as u8).collect(),
            ..whole.mapped(w, h, |x, y| (x, y))
        };
        expect_read(&look(&darker), "darker");
        expect_read(&look(&whole.mapped(896, 504, |x, y| (x + 211.0, y + 97.0))), "a crop to 70 %");
        expect_read(&look(&whole.mapped(w, h, |x, y| (x * 0.7 + 100.0, y * 0.7 + 151.0))), "a crop, enlarged again");
        expect_read(&look(&whole.mapped(640, 360, |x, y| (x * 2.0, y * 2.0))), "half the size");
        let mirrored = look(&whole.mapped(w, h, |x, y| (1280.0 - x, y)));
        expect_read(&mirrored, "mirrored");
        assert!(mirrored.place.unwrap().mirrored);
        // In a window of a larger, calm desktop.
        let mut desktop =
            whole
                .mapped(1062, 598, |x, y| (x * 1280.0 / 1062.0, y * 720.0 / 598.0))
                .mapped(1440, 900, |x, y| (x - 230.0, y - 140.0));
        for (i, v) in desktop.luma.iter_mut().enumerate() {
            let (x, y) = (i % 1440, i / 1440);
            if !(230..1292).contains(&x) || !(140..738).contains(&y) {
                *v = if y % 24 < 12 && x % 7 < 3 { 40 } else { 230 };
            }
        }
        let finding = look(&desktop);
        expect_read(&finding, "a window");
        let place = finding.place.unwrap();
        assert!((place.scale - 0.83).abs() < 0.01, "{place:?}");
        assert!(
            place.x.abs_diff(230) < 60 && place.y.abs_diff(140) < 60 && place.width.abs_diff(1062) < 120,
            "{place:?}"
        );
    }

    #[test]
    fn what_is_not_marked_is_not_said_to_be() {
        for seed in 0..3 {
            let finding = look(&grey(&plain(Size { width: 640, height: 360 }, seed)));
            assert!(!finding.marked && finding.payload.is_none() && finding.score < 7.5, "{finding:?}");
        }
        for level in [0, 128, 255] {
            let flat = Grey { width: 320, height: 240, luma: vec![level; 320 * 240] };
            assert!(!look(&flat).marked);
        }
    }

    #[test]
    fn a_window_of_which_some_pictures_are_marked_says_which() {
        let size = Size { width: 640, height: 360 };
        let mut detector = Detector::new(size.width, size.height).unwrap();
        let mut stamp = Stamp::new(&identity(), AvatarHash([0xab; 32]), size);
        for i in 0..80 {
            let mut frame = plain(size, i / 4);
            if i >= 40 {
                stamp.apply(&mut frame, MINUTE);
            }
            detector.add(&grey(&frame).luma);
        }
        let finding = detector.finish();
        assert_eq!((finding.frames, finding.each.len()), (80, 80));
        assert!(finding.each[..40].iter().all(|e| !e) && finding.each[42..].iter().all(|e| *e), "{:?}", finding.each);
        assert!(finding.payload.is_some_and(|p| p.is_by(&identity())));
        // The next window is empty.
        assert_eq!(detector.finish().frames, 0);
    }

    #[test]
    fn a_minute_that_ends_in_the_midst_of_a_window_does_not_hide_the_payload() {
        let size = Size { width: 640, height: 360 };
        let mut detector = Detector::new(size.width, size.height).unwrap();
        let mut stamp = Stamp::new(&identity(), AvatarHash([0xab; 32]), size);
        for i in 0..40 {
            let mut frame = plain(size, i / 4);
            stamp.apply(&mut frame, MINUTE + u32::from(i >= 20));
            detector.add(&grey(&frame).luma);
        }
        let finding = detector.finish();
        let minute = finding.payload.unwrap().minute;
        assert!(minute == MINUTE || minute == MINUTE + 1, "{finding:?}");
    }

    #[test]
    fn odd_sizes_and_short_pictures_are_no_trouble() {
        assert!(Detector::new(63, 900).is_err() && Detector::new(20_000, 20_000).is_err());
        for (w, h) in [(64, 64), (65, 999), (4001, 70)] {
            let mut detector = Detector::new(w, h).unwrap();
            detector.add(&[]);
            detector.add(&vec![9; w as usize]);
            assert!(!detector.finish().marked);
        }
    }
}
