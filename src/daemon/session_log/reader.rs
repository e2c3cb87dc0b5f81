//! Reads the log again, and finds out whether it is as it was written.

use super::files::{Files, LIMIT, length_of, tail};
use super::line::{End, Event, LONGEST, Line};
use crate::config::Paths;
use crate::identity::{Identity, KeyId};
use anyhow::{Context, Result};
use sha2::{Digest, Sha256};
use std::path::Path;

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// The lines that are there and can be read, the oldest first.
    pub lines: Vec<Line>,
    /// What is wrong, a sentence each; none: the log is intact as far as can be told.
    pub faults: Vec<String>,
    /// The key that this installation signs with.
    pub signer: Option<KeyId>,
}

/// One line of a file as it stands there.
struct Found {
    /// "session.log line 3".
    place: String,
    hash: [u8; 32],
    line: Option<Line>,
}

/// Reads the log and compares each line with its signature, the line before it, and the end that was noted.
///
/// # Errors
/// The installation's key or a file is there and cannot be read.
pub fn check(paths: &Paths) -> Result<Report> {
    let files = Files::of(paths);
    let key = Identity::existing(paths)?.map(|i| i.public());
    let mut report = Report { signer: key.as_ref().map(KeyId::of), ..Report::default() };
    // The end first: the daemon may be writing, and a log may well be longer than noted.
    let noted = files.read_end()?;
    let previous = read(&files.previous, &mut report.faults)?;
    let current = read(&files.current, &mut report.faults)?;
    let set_aside = length_of(&files.previous)?;
    let found: Vec<Found> = previous.into_iter().chain(current).collect();

    let Some(key) = key else {
        if !found.is_empty() {
            report.faults.push(
                "the installation's key is missing, so nobody can tell who signed the lines; bring identity.key back into the state folder"
                    .into(),
            );
        }
        report.lines = found.into_iter().filter_map(|f| f.line).collect();
        return Ok(report);
    };
    check_chain(&found, &key, set_aside, &mut report.faults);
    let last = found.iter().rev().find_map(|f| f.line.as_ref()).map(|l| l.number);
    match (noted.map(|bytes| End::parse(&bytes, &key)), last) {
        (None, None) => {}
        // After the very first line there may have been no time to note the end.
        (None, Some(1)) => {}
        (None, Some(_)) => report
            .faults
            .push("session.log.end is missing, so lines that were cut off at the end are not missed".into()),
        (Some(None), _) => report.faults.push("session.log.end was changed, or signed by another key".into()),
        (Some(Some(end)), last) if end.number > last.unwrap_or(0) => report.faults.push(format!(
            "the log ends with line number {}, and {} were written: {} are cut off",
            last.unwrap_or(0),
            end.number,
            end.number - last.unwrap_or(0)
        )),
        (Some(Some(end)), _) => {
            let same = |f: &&Found| f.line.as_ref().is_some_and(|l| l.number == end.number);
            if found.iter().find(same).is_some_and(|f| f.hash != end.hash) {
                report.faults.push(format!("line number {} is not the one that session.log.end knows", end.number));
            }
        }
    }
    report.lines = found.into_iter().filter_map(|f| f.line).collect();
    Ok(report)
}

/// Each line's signature, number and link to the line before it.
fn check_chain(found: &[Found], key: &[u8; 32], set_aside: Option<u64>, faults: &mut Vec<String>) {
    let mut before: Option<(u64, [u8; 32])> = None;
    for (i, f) in found.iter().enumerate() {
        let Some(line) = &f.line else {
            faults.push(format!("{} is no line of the log: it was changed, or written by something else", f.place));
            before = before.map(|(number, _)| (number, f.hash));
            continue;
        };
        if !line.signed_by(key) {
            faults.push(if line.key == *key {
                format!("{} (number {}) was changed: its signature does not fit", f.place, line.number)
            } else {
                format!("{} (number {}) names another key, {}", f.place, line.number, KeyId::of(&line.key))
            });
        }
        if let Event::LogMended { end_lost: true, .. } = line.event {
            faults.push(format!(
                "{} (number {}) tells that session.log.end was missing or wrong: lines before it may have been cut off",
                f.place, line.number
            ));
        }
        match before {
            None if line.number == 1 && line.before == [0; 32] => {}
            // What was written first has been rotated away; that is done only to files that are full.
            None if i == 0 && line.number > 1 && set_aside.is_some_and(|l| l + 2 * LONGEST as u64 > LIMIT) => {}
            None => faults.push(format!(
                "{} (number {}) is not the first that was written: the beginning is missing",
                f.place, line.number
            )),
            Some((number, _)) if line.number != number.saturating_add(1) => faults.push(format!(
                "{} has the number {}, the line before it {number}: lines are missing or were moved",
                f.place, line.number
            )),
            Some((_, hash)) if line.before != hash => {
                faults.push(format!(
                    "{} (number {}) does not follow the line before it: that one was changed",
                    f.place, line.number
                ));
            }
            Some(_) => {}
        }
        before = Some((line.number, f.hash));
    }
}

fn read(path: &Path, faults: &mut Vec<String>) -> Result<Vec<Found>> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let Some(length) = length_of(path)? else { return Ok(Vec::new()) };
    if length > LIMIT {
        faults.push(format!("{name} has {length} bytes, and at most {LIMIT} are ever written: it is none of ours"));
        return Ok(Vec::new());
    }
    let bytes = tail(path, LIMIT).with_context(|| format!("error reading {}", path.display()))?;
    let (whole, torn) = bytes.split_at(bytes.iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1));
    if !torn.is_empty() {
        faults.push(format!("{name} ends in the middle of a line; the daemon mends that at its next start"));
    }
    let found = |(i, bytes): (usize, &[u8])| Found {
        place: format!("{name} line {}", i + 1),
        hash: Sha256::digest(bytes).into(),
        line: Line::parse(bytes),
    };
    let lines = whole.split_inclusive(|b| *b == b'\n').map(|l| l.strip_suffix(b"\n").unwrap_or(l));
    Ok(lines.enumerate().map(found).collect())
}
