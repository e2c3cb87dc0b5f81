//! A report as people read it: one paragraph, the verdict first.

use super::report::{Report, Told, Verdict};
use super::tally::Range;
use super::text::{clean, clock, count};
use std::fmt::Write;

/// The most ranges that are written out; JSON has them all.
const MOST_RANGES: usize = 12;

pub fn paragraph(report: &Report) -> String {
    let file = clean(&report.file);
    let mut out = match report.verdict {
        Verdict::Marked => format!("Made by this program: {file}"),
        Verdict::Partly => format!("Partly made by this program: {file}"),
        Verdict::NotMarked => format!("Not marked: {file}"),
        Verdict::Unreadable => {
            return format!("Unreadable: {file}: {}", report.reason.as_deref().unwrap_or("for no known reason"));
        }
    };
    let mut line = |text: String| {
        let _ = write!(out, "\n  {text}");
    };
    line(looked_at(report));
    if let Some(text) = confidence(report) {
        line(text);
    }
    if report.verdict == Verdict::Partly {
        line(format!("marked: {}", ranges(&report.ranges, true)));
    }
    for told in &report.payloads {
        line(payload(told, report.payloads.len() > 1));
    }
    if report.verdict != Verdict::NotMarked && report.payloads.is_empty() {
        line("what the mark says could not be read; that it is there is certain".into());
    }
    if let Some(place) = &report.place {
        line(format!(
            "the mark covers {}x{} pixels from x {}, y {}, and is {:.2} of its size in a picture of 720 lines{}",
            place.width,
            place.height,
            place.x,
            place.y,
            place.scale,
            if place.mirrored { ", mirrored" } else { "" }
        ));
    }
    if let Some(credentials) = &report.content_credentials {
        line(content_credentials(credentials));
    }
    for remark in &report.remarks {
        line(format!("note: {remark}"));
    }
    out
}

/// "300 frames of 1280x720, 0:10.0; 5 of 5 windows of two seconds carry the mark, 298 frames by themselves".
fn looked_at(report: &Report) -> String {
    let size = report.width.zip(report.height).map(|(w, h)| format!("{w}x{h}")).unwrap_or_default();
    if report.kind != Some("video") {
        return format!("one picture of {size}");
    }
    let mut text = format!("{} of {size}", count(report.frames, "frame"));
    if let Some(seconds) = report.seconds {
        let _ = write!(text, ", {}", clock(seconds));
    }
    let windows = &report.windows;
    let _ = write!(text, "; {} of {} carry the mark", windows.marked, count(windows.looked_at, "window"));
    if windows.marked > 0 {
        let _ = write!(text, ", {} by themselves", count(report.frames_marked_alone, "frame"));
    }
    text
}

fn confidence(report: &Report) -> Option<String> {
    let log10 = report.log10_false_alarm?;
    if report.verdict == Verdict::NotMarked {
        return Some("that is no proof: a mark can be lost, or taken out (docs/verify.md)".into());
    }
    let power = (-log10).floor().clamp(0.0, 30.0);
    let at_least = if -log10 > 30.0 { "less than once" } else { "about once" };
    Some(format!("what is not marked gives such a score {at_least} in 10^{power:.0} files of this length"))
}

fn payload(told: &Told, several: bool) -> String {
    let whose = match (told.forged, told.this_installation) {
        (true, _) => "which is this one, but the mark is FORGED: it was not made with the key here",
        (_, Some(true)) => "this one",
        (_, Some(false)) => "not this one",
        (_, None) => told.note.as_deref().unwrap_or("no key here to tell"),
    };
    let time = match (&told.first_time, &told.last_time) {
        (Some(first), Some(last)) if first != last => format!("made from {first} to {last}"),
        (Some(time), _) | (_, Some(time)) => format!("made {time}"),
        (None, None) => "the time is not told".into(),
    };
    let mut text = format!("by installation {} ({whose}), avatar {}, {time}", told.installation, told.avatar);
    if several {
        let _ = write!(text, ": {}", ranges(&told.ranges, true));
    }
    text
}

/// The essence; JSON has all of it.
fn content_credentials(report: &serde_json::Value) -> String {
    let text = |value: &serde_json::Value| value.as_str().map(clean);
    let mut out = match report["intact"].as_bool() {
        Some(true) => "content credentials: the file is as it was signed".to_owned(),
        _ => "content credentials: they do NOT fit the file".to_owned(),
    };
    if let Some(generator) = text(&report["claim_generator"]) {
        let _ = write!(out, "; it says that {generator} made it");
    }
    if let Some(signer) = text(&report["signer"]["name"]) {
        let _ = write!(out, "; signed as {signer}, which is not checked here");
    }
    out
}

fn ranges(all: &[Range], frames: bool) -> String {
    let one = |r: &Range| {
        let time = format!("{} to {}", clock(r.from_seconds), clock(r.to_seconds));
        if frames { format!("{time} (frames {} to {})", r.from_frame, r.to_frame) } else { time }
    };
    let mut text = all.iter().take(MOST_RANGES).map(one).collect::<Vec<_>>().join(", ");
    if all.len() > MOST_RANGES {
        let _ = write!(text, " and {} more", all.len() - MOST_RANGES);
    }
    text
}
