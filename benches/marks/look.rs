//! Frames of a video through the detector.

use super::clips::WINDOW;
use super::scores::Score;
use anyhow::{Context, Result, ensure};
use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};
use vasa_camera::identity::Identity;
use vasa_camera::mark::detect::{Detector, Finding};

/// What was found in a clip.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    pub windows: u32,
    pub detected: u32,
    pub intact: u32,
    /// Frames of windows, and those that carry the mark by themselves at the place that the window gave.
    pub frames: u32,
    pub alone: u32,
    /// Frames that were looked at with nothing known, as pictures.
    pub stills: u32,
    pub stills_detected: u32,
    pub stills_intact: u32,
    pub scores: Vec<Score>,
}

impl Seen {
    pub fn add(&mut self, other: &Self) {
        self.windows += other.windows;
        self.detected += other.detected;
        self.intact += other.intact;
        self.frames += other.frames;
        self.alone += other.alone;
        self.stills += other.stills;
        self.stills_detected += other.stills_detected;
        self.stills_intact += other.stills_intact;
        self.scores.extend_from_slice(&other.scores);
    }

    /// Looks at one picture with nothing known before.
    pub fn picture(
        &mut self,
        width: u32,
        height: u32,
        luma: &[u8],
        source: &str,
        identity: Option<&Identity>,
    ) -> Result<()> {
        let mut alone = Detector::new(width, height)?;
        alone.add(luma);
        let found = alone.finish();
        self.stills += 1;
        self.stills_detected += u32::from(found.marked);
        self.stills_intact += u32::from(intact(&found, identity));
        self.scores.push(Score::of(source, true, &found));
        Ok(())
    }
}

/// How a clip is looked at.
#[derive(Clone, Copy)]
pub struct Look<'a> {
    /// In windows of two seconds; else as single pictures only.
    pub windows: bool,
    /// Every so many frames one is looked at as a single picture.
    pub still_every: Option<usize>,
    /// Whose mark it should be.
    pub identity: Option<&'a Identity>,
    /// What the scores are called.
    pub source: &'a str,
}

/// Decodes with ffmpeg (`arguments`: input and filters) and looks.
pub fn look(arguments: &[String], how: Look) -> Result<Seen> {
    let mut child = Command::new("ffmpeg")
        .args(["-nostdin", "-v", "error"])
        .args(arguments)
        .args(["-fps_mode", "passthrough", "-pix_fmt", "gray", "-c:v", "pgm", "-f", "image2pipe", "pipe:1"])
        .stdout(Stdio::piped())
        .spawn()
        .context("ffmpeg does not start")?;
    let mut pictures = BufReader::new(child.stdout.take().context("no pipe")?);
    let mut seen = Seen::default();
    let mut detector: Option<Detector> = None;
    let (mut luma, mut inside, mut number) = (Vec::new(), 0, 0);
    while let Some((width, height)) = header(&mut pictures)? {
        luma.resize((width * height) as usize, 0);
        pictures.read_exact(&mut luma)?;
        if how.still_every.is_some_and(|every| number % every == every / 2) {
            seen.picture(width, height, &luma, how.source, how.identity)?;
        }
        number += 1;
        if !how.windows {
            continue;
        }
        let detector = match &mut detector {
            Some(detector) => detector,
            none => none.insert(Detector::new(width, height)?),
        };
        detector.add(&luma);
        inside += 1;
        if inside == WINDOW {
            inside = 0;
            let found = detector.finish();
            seen.windows += 1;
            seen.detected += u32::from(found.marked);
            seen.intact += u32::from(intact(&found, how.identity));
            seen.frames += found.frames;
            seen.alone += found.each.iter().filter(|each| **each).count() as u32;
            seen.scores.push(Score::of(how.source, false, &found));
        }
    }
    ensure!(child.wait()?.success(), "ffmpeg failed on {arguments:?}");
    ensure!(number > 0, "no frame of {arguments:?}");
    Ok(seen)
}

fn intact(found: &Finding, identity: Option<&Identity>) -> bool {
    match (&found.payload, identity) {
        (Some(payload), Some(identity)) => payload.is_by(identity),
        _ => false,
    }
}

/// Width and height of the next PGM; None at the end.
fn header(from: &mut impl BufRead) -> Result<Option<(u32, u32)>> {
    let mut words = Vec::new();
    while words.len() < 4 {
        let mut word = Vec::new();
        loop {
            let Some(byte) = from.fill_buf()?.first().copied() else { return Ok(None) };
            from.consume(1);
            if byte.is_ascii_whitespace() {
                break;
            }
            word.push(byte);
        }
        words.push(String::from_utf8(word)?);
    }
    ensure!(words.first().is_some_and(|w| w == "P5"), "not a PGM: {words:?}");
    let number = |i: usize| words.get(i).map(String::as_str).unwrap_or_default().parse::<u32>();
    Ok(Some((number(1)?, number(2)?)))
}
