//! Frames go in, one by one; windows of about two seconds are looked at; what was found adds up. Memory stays small however
//! long the video is.

use crate::mark::detect::{Detector, Place};
use crate::mark::payload::Payload;
use anyhow::Result;
use serde::Serialize;

/// Seconds of a window.
const WINDOW: f64 = 2.0;
/// The most frames of one, for cameras of 240 frames a second and more.
const MOST_FRAMES: u32 = 240;
/// A rest of less than this many seconds joins the last window.
const REST: f64 = 1.0;
/// With --quick one window in so many is looked at.
const QUICK: u64 = 10;
/// The most ranges, and the most payloads, that are listed.
const MOST_LISTED: usize = 1000;

/// Frames in a row, counted from 0, the last one included.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Range {
    pub from_frame: u64,
    pub to_frame: u64,
    pub from_seconds: f64,
    pub to_seconds: f64,
}

/// What marks said, and where. The minute is that of each mark; all else is the same in all of them.
#[derive(Clone, Debug)]
pub struct Said {
    pub payload: Payload,
    pub first_minute: u32,
    pub last_minute: u32,
    pub ranges: Ranges,
}

/// Ranges in the order of time, up to a bound.
#[derive(Clone, Debug, Default)]
pub struct Ranges {
    pub all: Vec<Range>,
    /// How many there were beyond the bound.
    pub more: u64,
    /// The number of the window that came last into it.
    last: Option<u64>,
}

impl Ranges {
    /// Adds a window: to the last range where it follows the window that came last.
    fn add(&mut self, range: Range, window: u64, step: u64) {
        let follows = self.last.is_some_and(|last| last + step >= window);
        self.last = Some(window);
        if !follows {
            if self.all.len() < MOST_LISTED {
                self.all.push(range);
            } else {
                self.more += 1;
            }
        } else if self.more == 0
            && let Some(last) = self.all.last_mut()
        {
            (last.to_frame, last.to_seconds) = (range.to_frame, range.to_seconds);
        }
    }
}

/// What the best window gave.
#[derive(Clone, Copy, Debug)]
pub struct Best {
    pub score: f32,
    pub log10_false_alarm: f64,
    pub place: Option<Place>,
}

#[derive(Default)]
pub struct Tally {
    quick: bool,
    /// How long it will be, in seconds, where that is known.
    length: Option<f64>,
    size: (u32, u32),
    detector: Option<Detector>,
    /// Frames so far, and those among them that were looked at.
    frames: u64,
    looked_frames: u64,
    /// Frames that carry the mark by themselves.
    alone: u64,
    /// The open window: its number, its first frame and moment, how many frames it has.
    window: u64,
    from: (u64, f64),
    inside: u32,
    longest: u32,
    /// The moment of the last frame, and how long the one before it was seen.
    last: f64,
    step: f64,
    looked: u64,
    marked: u64,
    /// Windows that were looked at, the last short rest too: each is a chance of a false alarm.
    tries: u64,
    best: Option<Best>,
    marks: Ranges,
    said: Vec<Said>,
    more_said: u64,
}

impl Tally {
    pub fn new(quick: bool) -> Self {
        Self { quick, ..Self::default() }
    }

    /// Tells how many seconds will come.
    pub fn expect(&mut self, length: Option<f64>) {
        self.length = length;
    }

    /// The next frame: `width * height` bytes of luma, seen at `seconds` after the first.
    ///
    /// # Errors
    /// A size that cannot be looked at.
    pub fn picture(&mut self, width: u32, height: u32, luma: &[u8], seconds: f64) -> Result<()> {
        let seconds = if seconds.is_finite() { seconds.max(self.last) } else { self.last };
        if self.inside > 0 && (self.is_full(seconds) || self.size != (width, height)) {
            self.close(seconds);
        }
        if self.detector.is_none() || self.size != (width, height) {
            self.detector = Some(Detector::new(width, height)?);
            self.size = (width, height);
        }
        if self.inside == 0 {
            self.from = (self.frames, seconds);
        }
        if self.frames > 0 {
            self.step = seconds - self.last;
        }
        self.last = seconds;
        self.frames += 1;
        self.inside += 1;
        if self.looks()
            && let Some(detector) = &mut self.detector
        {
            detector.add(luma);
            self.looked_frames += 1;
        }
        Ok(())
    }

    /// No frame comes any more.
    pub fn end(&mut self) {
        if self.inside > 0 {
            self.close(self.last + self.step);
        }
    }

    /// Whether a frame at `seconds` begins a new window.
    fn is_full(&self, seconds: f64) -> bool {
        let rest_is_short = self.length.is_some_and(|length| length - seconds < REST && seconds <= length);
        let (most, window) = if rest_is_short { (MOST_FRAMES * 3 / 2, WINDOW + REST) } else { (MOST_FRAMES, WINDOW) };
        // A quarter of a frame: times are rounded to milliseconds in some files.
        self.inside >= most || seconds - self.from.1 > window - 0.25 * self.step.min(0.1)
    }

    fn looks(&self) -> bool {
        !self.quick || self.window.is_multiple_of(QUICK)
    }

    fn close(&mut self, end: f64) {
        let number = self.window;
        let looks = self.looks();
        let inside = std::mem::take(&mut self.inside);
        self.window += 1;
        let Some(detector) = self.detector.as_mut().filter(|_| looks) else { return };
        let found = detector.finish();
        self.tries += 1;
        self.alone += found.each.iter().filter(|each| **each).count() as u64;
        if self.best.is_none_or(|best| found.log10_false_alarm < best.log10_false_alarm) {
            let (score, log10_false_alarm, place) = (found.score, found.log10_false_alarm, found.place);
            self.best = Some(Best { score, log10_false_alarm, place });
        }
        // A rest that is too short to be judged says nothing against the others.
        let is_rest = inside * 4 < self.longest;
        self.longest = self.longest.max(inside);
        if !found.marked && is_rest {
            return;
        }
        self.looked += 1;
        if !found.marked {
            return;
        }
        self.marked += 1;
        let (from_frame, from_seconds) = self.from;
        let range = Range { from_frame, to_frame: self.frames - 1, from_seconds, to_seconds: end };
        let step = if self.quick { QUICK } else { 1 };
        self.marks.add(range, number, step);
        if let Some(payload) = found.payload {
            self.say(payload, range, number, step);
        }
    }

    fn say(&mut self, payload: Payload, range: Range, number: u64, step: u64) {
        let same = |p: &Payload| (p.version, p.key, p.avatar) == (payload.version, payload.key, payload.avatar);
        // "Not told" is no time to count from.
        let told = |said: &Said| (said.first_minute == 0) == (payload.minute == 0);
        if let Some(said) = self.said.iter_mut().find(|said| same(&said.payload) && told(said)) {
            said.first_minute = said.first_minute.min(payload.minute);
            said.last_minute = said.last_minute.max(payload.minute);
            said.ranges.add(range, number, step);
        } else if self.said.len() < MOST_LISTED {
            let mut ranges = Ranges::default();
            ranges.add(range, number, step);
            let minute = payload.minute;
            self.said.push(Said { payload, first_minute: minute, last_minute: minute, ranges });
        } else {
            self.more_said += 1;
        }
    }

    pub fn size(&self) -> Option<(u32, u32)> {
        self.detector.as_ref().map(|_| self.size)
    }

    pub fn frames(&self) -> u64 {
        self.frames
    }

    pub fn looked_frames(&self) -> u64 {
        self.looked_frames
    }

    pub fn alone(&self) -> u64 {
        self.alone
    }

    pub fn seconds(&self) -> f64 {
        self.last + self.step
    }

    /// Windows that count, and those of them that are marked.
    pub fn looked(&self) -> u64 {
        self.looked
    }

    pub fn marked(&self) -> u64 {
        self.marked
    }

    /// The best window; its probability is that of such a score in any of the windows that were looked at.
    pub fn best(&self) -> Option<Best> {
        let tries = (self.tries.max(1) as f64).log10();
        self.best.map(|best| Best { log10_false_alarm: (best.log10_false_alarm + tries).min(0.0), ..best })
    }

    pub fn marks(&self) -> &Ranges {
        &self.marks
    }

    /// What the marks said, and how many sayings were not kept.
    pub fn said(&self) -> (&[Said], u64) {
        (&self.said, self.more_said)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::KeyId;

    fn windows(times: impl IntoIterator<Item = f64>, length: Option<f64>) -> u64 {
        let mut tally = Tally::new(false);
        tally.expect(length);
        for t in times {
            tally.picture(64, 64, &[90; 4096], t).unwrap();
        }
        tally.end();
        tally.tries
    }

    #[test]
    fn a_window_is_about_two_seconds_at_any_rate_of_frames() {
        for rate in [5.0, 24.0, 25.0, 29.97, 30.0, 59.94, 60.0] {
            let frames = (10.0 * rate) as u32;
            let rounded = |n: u32| (f64::from(n) / rate * 1000.0).round() / 1000.0;
            assert_eq!(windows((0..frames).map(|n| f64::from(n) / rate), Some(10.0)), 5, "{rate}");
            assert_eq!(windows((0..frames).map(rounded), None), 5, "{rate}, in milliseconds");
        }
        // A slide show, a single picture, and a camera of a thousand frames a second.
        assert_eq!(windows([0.0, 10.0, 20.0], None), 3);
        assert_eq!(windows([0.0], None), 1);
        assert_eq!(windows((0..960).map(|n| f64::from(n) / 1000.0), None), 4);
        // Times that go back or are none do not run away.
        assert_eq!(windows([0.0, f64::NAN, -5.0, 0.1], None), 1);
    }

    #[test]
    fn a_short_rest_joins_the_last_window_where_the_length_is_known() {
        let times = || (0..132).map(|n| f64::from(n) / 30.0);
        assert_eq!(windows(times(), Some(4.4)), 2);
        assert_eq!(windows(times(), None), 3);
    }

    #[test]
    fn quick_looks_at_one_window_in_ten() {
        let mut tally = Tally::new(true);
        for n in 0..600 {
            tally.picture(64, 64, &[90; 4096], f64::from(n) / 10.0).unwrap();
        }
        tally.end();
        assert_eq!((tally.tries, tally.frames(), tally.looked_frames()), (3, 600, 60));
    }

    #[test]
    fn windows_in_a_row_are_one_range_and_the_list_is_bounded() {
        let range = |n: u64| Range {
            from_frame: n * 60,
            to_frame: n * 60 + 59,
            from_seconds: n as f64 * 2.0,
            to_seconds: n as f64 * 2.0 + 2.0,
        };
        let mut ranges = Ranges::default();
        for n in [0, 1, 2, 5, 6, 9] {
            ranges.add(range(n), n, 1);
        }
        let got: Vec<_> = ranges.all.iter().map(|r| (r.from_frame, r.to_frame)).collect();
        assert_eq!(got, [(0, 179), (300, 419), (540, 599)]);
        for n in 0..5000 {
            ranges.add(range(100 + 2 * n), 100 + 2 * n, 1);
        }
        assert_eq!((ranges.all.len() as u64 + ranges.more, ranges.all.len()), (5003, MOST_LISTED));
    }

    #[test]
    fn marks_that_differ_in_the_minute_only_are_one_entry() {
        let mut tally = Tally::new(false);
        let range = Range { from_frame: 0, to_frame: 59, from_seconds: 0.0, to_seconds: 2.0 };
        let payload = |minute, avatar| Payload { version: 1, key: KeyId([1; 4]), avatar, minute, tag: minute };
        for (n, (minute, avatar)) in [(500, 1), (501, 1), (502, 2), (0, 2), (499, 1)].into_iter().enumerate() {
            tally.say(payload(minute, avatar), range, n as u64, 1);
        }
        let said: Vec<_> = tally.said.iter().map(|s| (s.payload.avatar, s.first_minute, s.last_minute)).collect();
        assert_eq!(said, [(1, 499, 501), (2, 502, 502), (2, 0, 0)]);
    }
}
