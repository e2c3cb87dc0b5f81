//! What the detector said of each window and picture, kept as CSV.

use anyhow::Result;
use std::io::Write;
use std::path::Path;
use vasa_camera::mark::detect::Finding;

#[derive(Clone, Debug, PartialEq)]
pub struct Score {
    pub source: String,
    /// Of one picture; else of a window.
    pub still: bool,
    pub frames: u32,
    pub score: f32,
    pub log10_false_alarm: f64,
    pub marked: bool,
    /// Frames that carry the mark by themselves.
    pub alone: u32,
}

impl Score {
    pub fn of(source: &str, still: bool, found: &Finding) -> Self {
        Self {
            source: source.into(),
            still,
            frames: found.frames,
            score: found.score,
            log10_false_alarm: found.log10_false_alarm,
            marked: found.marked,
            alone: found.each.iter().filter(|each| **each).count() as u32,
        }
    }
}

const HEAD: &str = "source,kind,frames,score,log10_false_alarm,marked,frames_alone";

pub fn write(path: &Path, all: &[Score]) -> Result<()> {
    let mut file = std::io::BufWriter::new(std::fs::File::create(path)?);
    writeln!(file, "{HEAD}")?;
    for s in all {
        let kind = if s.still { "picture" } else { "window" };
        let source = s.source.replace(',', ";");
        let (frames, score, log10, marked, alone) = (s.frames, s.score, s.log10_false_alarm, s.marked, s.alone);
        writeln!(file, "{source},{kind},{frames},{score:.3},{log10:.3},{marked},{alone}")?;
    }
    Ok(file.flush()?)
}

pub fn read(path: &Path) -> Result<Vec<Score>> {
    let text = std::fs::read_to_string(path)?;
    let rows = text.lines().skip(1).filter_map(|line| {
        let fields: Vec<&str> = line.split(',').collect();
        let &[source, kind, frames, score, log10, marked, alone] = fields.as_slice() else { return None };
        Some(Score {
            source: source.into(),
            still: kind == "picture",
            frames: frames.parse().ok()?,
            score: score.parse().ok()?,
            log10_false_alarm: log10.parse().ok()?,
            marked: marked == "true",
            alone: alone.parse().ok()?,
        })
    });
    Ok(rows.collect())
}
