//! The curve file: a CSV of faces, one row a frame (`docs/curve-file.md`).

use super::{Face, Gaze, HeadPose, NAMES, index_of};
use crate::clock::Moment;
use std::io::{Read, Write};

/// The columns after the 52 weights, in the order they are written.
const POSE: [&str; 8] = ["headYaw", "headPitch", "headRoll", "headX", "headY", "headZ", "gazeYaw", "gazePitch"];

/// What is wrong with a curve file, as one sentence with its remedy.
#[derive(Debug)]
pub struct CurveError(String);

impl std::fmt::Display for CurveError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for CurveError {}

fn bad(message: String) -> CurveError {
    CurveError(message)
}

/// Faces in order of time, as a curve file holds them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Curves {
    pub faces: Vec<Face>,
}

/// Where a column of the file goes.
#[derive(Clone, Copy)]
enum Column {
    Time,
    Weight(usize),
    Pose(usize),
}

impl Curves {
    /// The longest file that is read: ten hours at 50 rows a second.
    pub const MAX_ROWS: usize = 10 * 3600 * 50;

    /// Reads a curve file. Missing columns read as 0; rows must be in order of time.
    ///
    /// # Errors
    /// A missing header or `time` column, an unknown or doubled column, a value that is no finite number, or times
    /// that go back: the message names the line, the column, the value and what is accepted.
    pub fn read(from: impl Read) -> Result<Self, CurveError> {
        let mut reader = csv::ReaderBuilder::new().has_headers(true).trim(csv::Trim::All).from_reader(from);
        let header = reader.headers().map_err(|e| bad(format!("the curve file is not readable as CSV: {e}")))?.clone();
        let columns = header_columns(&header)?;
        let mut faces: Vec<Face> = Vec::new();
        for (row, record) in reader.records().enumerate() {
            let line = row + 2;
            let record = record.map_err(|e| {
                bad(format!(
                    "line {line} of the curve file does not match its header: {e}; every row needs {} values",
                    columns.len()
                ))
            })?;
            if faces.len() >= Self::MAX_ROWS {
                return Err(bad(format!("the curve file has more than {} rows; split it", Self::MAX_ROWS)));
            }
            let mut face = Face::default();
            for ((column, name), text) in columns.iter().zip(header.iter()).zip(record.iter()) {
                let value: f64 = text.parse().ok().filter(|v: &f64| v.is_finite()).ok_or_else(|| {
                    bad(format!("line {line} of the curve file has \"{text}\" as {name}; write a plain decimal number"))
                })?;
                place(&mut face, *column, value).ok_or_else(|| {
                    bad(format!("line {line} of the curve file has {name} {value}; {}", accepted(*column)))
                })?;
            }
            if let Some(last) = faces.last()
                && face.at < last.at
            {
                return Err(bad(format!(
                    "line {line} of the curve file goes back in time to {}; sort the rows",
                    face.at.seconds()
                )));
            }
            faces.push(face);
        }
        if faces.is_empty() {
            return Err(bad("the curve file has a header but no rows; add one row a frame".into()));
        }
        Ok(Self { faces })
    }

    /// Writes the faces with every column, times from `origin`.
    ///
    /// # Errors
    /// Whatever the writer reports.
    pub fn write(&self, to: impl Write) -> std::io::Result<()> {
        let mut out = std::io::BufWriter::new(to);
        write!(out, "time")?;
        for name in NAMES.iter().chain(&POSE) {
            write!(out, ",{name}")?;
        }
        writeln!(out)?;
        for face in &self.faces {
            write!(out, "{:.4}", face.at.seconds())?;
            for w in &face.weights.0 {
                write!(out, ",{w:.4}")?;
            }
            let (h, g) = (&face.head, &face.gaze);
            for v in [h.yaw, h.pitch, h.roll, h.x, h.y, h.z, g.yaw, g.pitch] {
                write!(out, ",{v:.4}")?;
            }
            writeln!(out)?;
        }
        out.flush()
    }

    /// The face at `t`: interpolated between rows, held before the first and after the last.
    pub fn at(&self, t: Moment) -> Face {
        let next = self.faces.partition_point(|f| f.at <= t);
        match (next.checked_sub(1).and_then(|i| self.faces.get(i)), self.faces.get(next)) {
            (Some(a), Some(b)) => {
                let span = b.at.seconds_since(a.at);
                a.lerp(b, if span > 0.0 { (t.seconds_since(a.at) / span) as f32 } else { 1.0 })
            }
            (Some(only), None) | (None, Some(only)) => Face { at: t, ..*only },
            (None, None) => Face { at: t, ..Face::default() },
        }
    }

    /// The moment of the last row; zero where there is none.
    pub fn end(&self) -> Moment {
        self.faces.last().map_or(Moment(0), |f| f.at)
    }
}

fn header_columns(header: &csv::StringRecord) -> Result<Vec<Column>, CurveError> {
    if header.is_empty() || header.iter().all(|n| n.parse::<f64>().is_ok()) {
        return Err(bad("the curve file has no header; its first line must be \"time,browDownLeft,…\"".into()));
    }
    let mut columns = Vec::with_capacity(header.len());
    for (i, name) in header.iter().enumerate() {
        if header.iter().take(i).any(|n| n == name) {
            return Err(bad(format!("the curve file has the column \"{name}\" twice; keep one")));
        }
        columns.push(if name == "time" {
            Column::Time
        } else if let Some(i) = index_of(name) {
            Column::Weight(i)
        } else if let Some(i) = POSE.iter().position(|p| *p == name) {
            Column::Pose(i)
        } else {
            return Err(bad(format!(
                "the curve file has an unknown column \"{name}\"; known are time, the 52 ARKit names, {}",
                POSE.join(", ")
            )));
        });
    }
    if !header.iter().any(|n| n == "time") {
        return Err(bad(
            "the curve file has no \"time\" column; add the seconds of each row as its first column".into()
        ));
    }
    Ok(columns)
}

/// Degrees beyond a full turn and offsets beyond a hundred face widths are slips, not poses.
fn place(face: &mut Face, column: Column, value: f64) -> Option<()> {
    let limit = match column {
        Column::Time => {
            if !(0.0..=360_000.0).contains(&value) {
                return None;
            }
            face.at = Moment((value * 1e6).round() as i64);
            return Some(());
        }
        Column::Weight(i) => {
            if !(0.0..=1.0).contains(&value) {
                return None;
            }
            *face.weights.0.get_mut(i)? = value as f32;
            return Some(());
        }
        Column::Pose(i) if (3..6).contains(&i) => 100.0,
        Column::Pose(_) => 180.0,
    };
    if value.abs() > limit {
        return None;
    }
    let (HeadPose { yaw, pitch, roll, x, y, z }, Gaze { yaw: gy, pitch: gp }) = (&mut face.head, &mut face.gaze);
    if let Column::Pose(i) = column {
        **[yaw, pitch, roll, x, y, z, gy, gp].get_mut(i)? = value as f32;
    }
    Some(())
}

fn accepted(column: Column) -> &'static str {
    match column {
        Column::Time => "times are 0..360000 seconds",
        Column::Weight(_) => "weights are 0..1",
        Column::Pose(i) if (3..6).contains(&i) => "offsets are -100..100 inter-ocular distances",
        Column::Pose(_) => "angles are -180..180 degrees",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::face::Shape;

    fn error(text: &str) -> String {
        Curves::read(text.as_bytes()).expect_err("must be refused").to_string()
    }

    #[test]
    fn what_is_written_reads_back_the_same() {
        let mut face = Face { at: Moment(40_000), ..Face::default() };
        face.weights[Shape::JawOpen] = 0.25;
        face.head.z = -0.5;
        face.gaze.pitch = 3.25;
        let curves = Curves { faces: vec![Face::default(), face] };
        let mut bytes = Vec::new();
        curves.write(&mut bytes).unwrap();
        assert_eq!(Curves::read(&bytes[..]).unwrap(), curves);
    }

    #[test]
    fn missing_columns_read_as_zero_and_rows_are_interpolated() {
        let curves = Curves::read("time,jawOpen\n0,0\n0.1,1\n".as_bytes()).unwrap();
        let half = curves.at(Moment(50_000));
        assert!((half.weights[Shape::JawOpen] - 0.5).abs() < 1e-6);
        assert_eq!(half.head.yaw, 0.0);
        assert_eq!(curves.at(Moment(9_000_000)).weights[Shape::JawOpen], 1.0);
    }

    #[test]
    fn a_bad_file_is_refused_by_one_sentence_that_names_the_thing() {
        assert!(error("0,0.5\n0.1,0.5\n").contains("no header"));
        assert!(error("").contains("no header"));
        assert!(error("time,jawOpenn\n0,1\n").contains("\"jawOpenn\""));
        assert!(error("jawOpen\n1\n").contains("no \"time\" column"));
        assert!(error("time,jawOpen\n0,NaN\n").contains("\"NaN\" as jawOpen"));
        assert!(error("time,jawOpen\n0,inf\n").contains("line 2"));
        assert!(error("time,jawOpen\n0,1.5\n").contains("0..1"));
        assert!(error("time,time\n0,1\n").contains("twice"));
        assert!(error("time,jawOpen\n1,0\n0,0\n").contains("back in time"));
        assert!(error("time,jawOpen\n0\n").contains("2 values"));
        assert!(error("time,jawOpen\n").contains("no rows"));
    }
}
