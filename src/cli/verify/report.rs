//! What is said of one file. Its fields are the JSON of `docs/verify.md`.

use super::key::{Key, Maker};
use super::tally::{Range, Ranges, Said, Tally};
use super::text::{clean, minute};
use crate::mark::detect::Place;
use serde::Serialize;
use std::path::Path;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Verdict {
    #[serde(rename = "marked")]
    Marked,
    #[serde(rename = "partly")]
    Partly,
    #[serde(rename = "not marked")]
    NotMarked,
    #[serde(rename = "unreadable")]
    Unreadable,
}

#[derive(Debug, Serialize)]
pub struct Report {
    pub file: String,
    pub verdict: Verdict,
    /// Why it is unreadable.
    pub reason: Option<String>,
    pub remarks: Vec<String>,
    pub truncated: bool,
    /// "image" or "video".
    pub kind: Option<&'static str>,
    pub bytes: Option<u64>,
    pub width: Option<u32>,
    pub height: Option<u32>,
    pub seconds: Option<f64>,
    pub frames: u64,
    pub frames_looked_at: u64,
    pub frames_marked_alone: u64,
    pub windows: Windows,
    pub score: Option<f64>,
    pub log10_false_alarm: Option<f64>,
    pub ranges: Vec<Range>,
    pub payloads: Vec<Told>,
    pub place: Option<Place>,
    pub content_credentials: Option<serde_json::Value>,
}

#[derive(Debug, Default, Serialize)]
pub struct Windows {
    pub looked_at: u64,
    pub marked: u64,
}

/// What marks say.
#[derive(Debug, Serialize)]
pub struct Told {
    pub version: u8,
    pub installation: String,
    /// None: nothing here to tell by.
    pub this_installation: Option<bool>,
    /// It names this installation and was not made with its key.
    pub forged: bool,
    pub avatar: String,
    pub first_time: Option<String>,
    pub last_time: Option<String>,
    pub ranges: Vec<Range>,
    /// Why `this_installation` is not told.
    pub note: Option<String>,
}

impl Report {
    pub fn new(path: &Path) -> Self {
        Self {
            file: path.to_string_lossy().into_owned(),
            verdict: Verdict::Unreadable,
            reason: None,
            remarks: Vec::new(),
            truncated: false,
            kind: None,
            bytes: None,
            width: None,
            height: None,
            seconds: None,
            frames: 0,
            frames_looked_at: 0,
            frames_marked_alone: 0,
            windows: Windows::default(),
            score: None,
            log10_false_alarm: None,
            ranges: Vec::new(),
            payloads: Vec::new(),
            place: None,
            content_credentials: None,
        }
    }

    pub fn unreadable(&mut self, reason: String) {
        (self.verdict, self.reason) = (Verdict::Unreadable, Some(reason));
    }

    pub fn remark(&mut self, sentence: String) {
        self.remarks.push(sentence);
    }

    /// Says that the file ends too early.
    pub fn truncated(&mut self) {
        if !self.truncated {
            self.truncated = true;
            self.remark("the file is truncated; this is about the part that is there".into());
        }
    }

    /// Takes over what was found.
    pub fn conclude(&mut self, tally: &mut Tally, key: &Key) {
        self.frames = tally.frames();
        self.frames_looked_at = tally.looked_frames();
        self.frames_marked_alone = tally.alone();
        (self.width, self.height) = tally.size().unzip();
        self.seconds = (self.kind == Some("video")).then(|| thousandth(tally.seconds()));
        self.windows = Windows { looked_at: tally.looked(), marked: tally.marked() };
        self.verdict = match (tally.marked(), tally.looked()) {
            (0, _) => Verdict::NotMarked,
            (marked, looked) if marked == looked => Verdict::Marked,
            _ => Verdict::Partly,
        };
        if let Some(best) = tally.best() {
            self.score = Some(thousandth(f64::from(best.score)));
            self.log10_false_alarm = Some(thousandth(best.log10_false_alarm));
            // Where nothing is, its place says nothing either.
            self.place = best.place.filter(|_| self.verdict != Verdict::NotMarked);
        }
        self.ranges = listed(tally.marks());
        let (said, more) = tally.said();
        self.payloads = said.iter().map(|said| told(said, key)).collect();
        let left_out = more + tally.marks().more + said.iter().map(|said| said.ranges.more).sum::<u64>();
        if left_out > 0 {
            self.remark("there are more ranges or payloads than are listed".into());
        }
        if tally.looked_frames() < tally.frames() {
            self.remark("one stretch of two seconds in ten was looked at (--quick); the ranges are of those".into());
        }
    }
}

fn told(said: &Said, key: &Key) -> Told {
    let maker = key.maker(&said.payload);
    Told {
        version: said.payload.version,
        installation: said.payload.key.to_string(),
        this_installation: match maker {
            Maker::ThisInstallation => Some(true),
            Maker::AnotherInstallation | Maker::Forged => Some(false),
            Maker::NotTold => None,
        },
        forged: maker == Maker::Forged,
        avatar: format!("{:04x}", said.payload.avatar),
        first_time: minute(said.first_minute),
        last_time: minute(said.last_minute),
        ranges: listed(&said.ranges),
        note: key.why_not.as_deref().map(clean),
    }
}

fn listed(ranges: &Ranges) -> Vec<Range> {
    let all = ranges.all.iter();
    all.map(|r| Range { from_seconds: thousandth(r.from_seconds), to_seconds: thousandth(r.to_seconds), ..*r })
        .collect()
}

/// More digits would only pretend to be exact.
fn thousandth(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}
