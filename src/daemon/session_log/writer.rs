//! Keeps the log: appends, rotates, mends what a crash left, and catches up with what could not be written.

use super::files::{Files, LIMIT, length_of, tail};
use super::line::{End, Event, LONGEST, Line};
use crate::config::Paths;
use crate::identity::Identity;
use anyhow::{Result, bail};
use sha2::{Digest, Sha256};
use std::collections::VecDeque;

/// Events that wait while the disk is full; older ones are counted only.
const WAITING: usize = 256;

/// Where the next line goes.
#[derive(Clone, Copy)]
struct Place {
    end: End,
    /// Of the current file.
    length: u64,
}

pub struct Writer {
    paths: Paths,
    files: Files,
    identity: Option<Identity>,
    /// None: to be found out.
    place: Option<Place>,
    /// The end as it was last written.
    noted: Option<End>,
    waiting: VecDeque<(u64, Event)>,
    lost: u64,
}

impl Writer {
    pub fn new(paths: Paths) -> Self {
        let files = Files::of(&paths);
        Self { paths, files, identity: None, place: None, noted: None, waiting: VecDeque::new(), lost: 0 }
    }

    /// Takes an event of the time `time`, in seconds since 1970; [`Writer::flush`] writes it.
    pub fn push(&mut self, time: u64, event: Event) {
        if self.waiting.len() == WAITING {
            self.waiting.pop_front();
            self.lost += 1;
        }
        self.waiting.push_back((time, event));
    }

    /// Writes what waits; `now` is in seconds since 1970. What cannot be written now waits on.
    ///
    /// # Errors
    /// No key, or a file that cannot be written.
    pub fn flush(&mut self, now: u64) -> Result<()> {
        if self.waiting.is_empty() && self.place.is_none_or(|p| self.noted == Some(p.end)) {
            return Ok(());
        }
        let identity = match &self.identity {
            Some(identity) => identity.clone(),
            None => self.identity.insert(Identity::open(&self.paths)?).clone(),
        };
        let mut place = self.find_place(&identity, now)?;
        if self.lost > 0 {
            place = self.append(&identity, place, now, &Event::EventsLost { events: self.lost })?;
            self.lost = 0;
        }
        while let Some((time, event)) = self.waiting.front().cloned() {
            place = self.append(&identity, place, time, &event)?;
            self.waiting.pop_front();
        }
        if self.noted != Some(place.end) {
            self.files.write_end(&place.end.spell(&identity))?;
            self.noted = Some(place.end);
        }
        Ok(())
    }

    fn append(&mut self, identity: &Identity, mut place: Place, time: u64, event: &Event) -> Result<Place> {
        let number = place.end.number.saturating_add(1);
        let line = Line::spell(identity, number, time, event, &place.end.hash);
        let hash = Sha256::digest(line.as_bytes()).into();
        let line = line + "\n";
        if place.length > 0 && place.length + line.len() as u64 > LIMIT {
            self.files.rotate()?;
            place.length = 0;
        }
        self.files.append(place.length, &line)?;
        place = Place { end: End { number, hash }, length: place.length + line.len() as u64 };
        self.place = Some(place);
        Ok(place)
    }

    /// Where the next line goes. The first time, and where the file is not as we left it, that is found out from the files, and what is
    /// wrong with them is mended and told by a line.
    fn find_place(&mut self, identity: &Identity, now: u64) -> Result<Place> {
        self.files.make_folder()?;
        let length = length_of(&self.files.current)?;
        if let Some(place) = self.place.filter(|p| length == Some(p.length)) {
            return Ok(place);
        }
        let bytes = length.map_or(Ok(Vec::new()), |_| tail(&self.files.current, 4 * LONGEST as u64))?;
        let whole = bytes.iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
        let torn = (bytes.len() - whole) as u64;
        let length = length.unwrap_or_default().saturating_sub(torn);
        if whole == 0 && length > 0 {
            bail!("{} is no session log", self.files.current.display());
        }
        if torn > 0 {
            self.files.cut(length)?;
        }
        let mut last = last_line(bytes.get(..whole).unwrap_or_default());
        if length == 0 && length_of(&self.files.previous)?.is_some() {
            last = last_line(&tail(&self.files.previous, 4 * LONGEST as u64)?);
        }
        let there = self.files.read_end()?;
        let noted = there.as_ref().and_then(|bytes| End::parse(bytes, &identity.public()));
        let found = last.unwrap_or_default();
        let known = noted.unwrap_or_default();
        // Numbers are never used twice, so lines that were cut off leave a gap.
        let place = Place { end: End { number: found.number.max(known.number), hash: found.hash }, length };
        // After the very first line there may have been no time to note the end.
        let end_lost = noted.is_none() && (there.is_some() || found.number > 1);
        let missing = known.number.saturating_sub(found.number);
        if torn == 0 && missing == 0 && !end_lost {
            return Ok(place);
        }
        tracing::info!("the session log was mended: {torn} bytes of a torn line cut off, {missing} lines missing");
        self.append(identity, place, now, &Event::LogMended { torn, missing, end_lost })
    }
}

/// The end that the last whole line of some bytes gives; None where there is no line. Where it is none of ours, the number is that of
/// the last one that is.
fn last_line(bytes: &[u8]) -> Option<End> {
    let mut lines = bytes.strip_suffix(b"\n")?.rsplit(|b| *b == b'\n');
    let hash = Sha256::digest(lines.clone().next()?).into();
    Some(End { number: lines.find_map(Line::parse).map_or(0, |l| l.number), hash })
}
