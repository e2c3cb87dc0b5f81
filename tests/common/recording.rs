//! What a recorder in a call gets: the camera and the microphones on one clock, and how far sound and picture are apart in it.

use super::{LONG, Process, Session, models};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use vasa_camera::clock::Moment;
use vasa_camera::face::Shape;
use vasa_camera::motion::{Lips, Motion};
use vasa_camera::sound::{BLOCK, Block, RATE, VOICE_RATE, resample};

/// Columns and rows of the picture that are kept: the mouth of a head that is still.
const CROP: (usize, usize) = (160, 140);

/// What is darker than this, of 255, is the inside of the mouth.
const DARK: u8 = 90;

/// A GStreamer program that records.
pub struct Recorder {
    process: Process,
    file: PathBuf,
    sources: usize,
}

/// A sound track of a recording.
pub struct Track {
    pub samples: Vec<f32>,
    /// For each packet the number of its first sample, and the time at which that came, in seconds.
    packets: Vec<(f64, f64)>,
}

impl Track {
    /// When sample number `index` came, in seconds.
    pub fn time(&self, index: f64) -> f64 {
        interpolate(&self.packets, index)
    }
}

/// What was recorded.
pub struct Recording {
    /// The time of each frame, and how open the mouth looks in it.
    pub mouth: Vec<(f64, f64)>,
    pub tracks: Vec<Track>,
}

impl Recorder {
    /// Records the camera (1280×720) and the sound of these PipeWire nodes, once frames come.
    pub fn start(session: &Session, nodes: &[&str], file: &Path) -> Self {
        let (columns, rows) = CROP;
        let (side, top) = ((1280 - columns) / 2, 330);
        let mut line = format!(
            "pipewiresrc target-object=vasa_camera do-timestamp=true ! video/x-raw,format=I420,width=1280,height=720 ! queue max-size-time=2000000000 ! \
             videocrop left={side} right={side} top={top} bottom={} ! videoconvert ! video/x-raw,format=GRAY8 ! queue ! mux. ",
            720 - top - rows
        );
        for node in nodes {
            line += &format!(
                "pipewiresrc target-object={node} do-timestamp=true always-copy=true ! audio/x-raw,format=F32LE,rate=48000,channels=1 ! \
                 queue max-size-time=2000000000 ! mux. "
            );
        }
        line += &format!("matroskamux name=mux ! filesink location={}", file.display());
        let mut command = session.command("gst-launch-1.0");
        command.args(["-q", "-e"]).args(line.split_whitespace());
        let process = Process::start(command);
        for _ in 0..200 {
            if std::fs::metadata(file).is_ok_and(|m| m.len() > 100_000) {
                break;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Self { process, file: file.to_path_buf(), sources: nodes.len() }
    }

    /// Ends the recording and reads it.
    pub fn finish(mut self) -> Recording {
        self.process.signal("INT");
        self.process.wait(LONG);
        let frames = run(
            "ffmpeg",
            &["-map", "0:v", "-f", "rawvideo", "-pix_fmt", "gray", "-fps_mode", "passthrough", "-"],
            &self.file,
        );
        let dark = |frame: &[u8]| frame.iter().filter(|p| **p < DARK).count() as f64 / frame.len() as f64;
        let times = packets(&self.file, "v:0");
        let mouth = times.iter().zip(frames.chunks_exact(CROP.0 * CROP.1)).map(|((t, _), f)| (*t, dark(f))).collect();
        let track = |i: usize| {
            let bytes = run("ffmpeg", &["-map", &format!("0:a:{i}"), "-f", "f32le", "-"], &self.file);
            let samples = bytes.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
            let mut first = 0.0;
            let packets = packets(&self.file, &format!("a:{i}")).into_iter().map(|(t, bytes)| {
                let packet = (first, t);
                first += bytes / 4.0;
                packet
            });
            Track { samples, packets: packets.collect() }
        };
        Recording { mouth, tracks: (0..self.sources).map(track).collect() }
    }
}

fn run(program: &str, arguments: &[&str], file: &Path) -> Vec<u8> {
    let mut command = Command::new(program);
    command.args(["-v", "error"]);
    if program == "ffmpeg" {
        command.arg("-nostdin");
    }
    let output = command.arg("-i").arg(file).args(arguments).output().unwrap();
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// Time in seconds and size in bytes of each packet of a stream.
fn packets(file: &Path, stream: &str) -> Vec<(f64, f64)> {
    let shown = ["-select_streams", stream, "-show_entries", "packet=pts_time,size", "-of", "csv=p=0"];
    let text = String::from_utf8(run("ffprobe", &shown, file)).unwrap();
    let number = |s: Option<&str>| s.and_then(|s| s.parse().ok());
    text.lines()
        .filter_map(|l| {
            let mut fields = l.split(',');
            Some((number(fields.next())?, number(fields.next())?))
        })
        .collect()
}

/// The value at `x` of the line through `points`, which ascend.
fn interpolate(points: &[(f64, f64)], x: f64) -> f64 {
    let after = points.partition_point(|(at, _)| *at <= x).clamp(1, points.len() - 1);
    let ((x0, y0), (x1, y1)) = (points[after - 1], points[after]);
    y0 + (y1 - y0) * (x - x0) / (x1 - x0)
}

/// How open the mouth should be by the sound of `track`: (time, opening), every 20 ms.
pub fn expected(track: &Track) -> Vec<(f64, f64)> {
    let heard = resample(&track.samples, VOICE_RATE, RATE).unwrap();
    let mut motion = Motion::new(Lips::open(models()).unwrap(), 1);
    let blocks = heard.as_chunks::<BLOCK>().0.iter().zip(0i64..);
    let faces = blocks.map(|(samples, k)| {
        let face = motion.step(&Block { at: Moment(k * 20_000), samples: *samples }, &[]);
        let w = &face.weights;
        let opening = w[Shape::JawOpen] + 0.5 * w[Shape::MouthLowerDownLeft] - w[Shape::MouthClose];
        (track.time(face.at.seconds() * f64::from(VOICE_RATE)), f64::from(opening))
    });
    faces.collect()
}

/// The stretches of a track in which somebody speaks, in seconds of the recording; long ones in pieces of 2 s.
pub fn spoken(track: &Track) -> Vec<(f64, f64)> {
    let window = VOICE_RATE as usize / 10;
    let loud: Vec<bool> =
        track.samples.chunks(window).map(|c| c.iter().map(|s| s.abs()).sum::<f32>() / c.len() as f32 > 0.003).collect();
    let mut all: Vec<(usize, usize)> = Vec::new();
    for (i, _) in loud.iter().enumerate().filter(|(_, l)| **l) {
        match all.last_mut() {
            // A pause between two words is none between two sentences.
            Some((_, end)) if i - *end <= 2 => *end = i + 1,
            _ => all.push((i, i + 1)),
        }
    }
    let time = |i: usize| track.time((i * window) as f64);
    let pieces = all.into_iter().filter(|(from, to)| to - from >= 5).flat_map(|(from, to)| {
        let count = ((to - from) / 20).max(1);
        (0..count).map(move |i| (from + (to - from) * i / count, from + (to - from) * (i + 1) / count))
    });
    pieces.map(|(from, to)| (time(from), time(to))).collect()
}

/// How far the picture is behind the sound in one stretch, in milliseconds, and how alike the two are there.
pub fn skew(mouth: &[(f64, f64)], expected: &[(f64, f64)], (from, to): (f64, f64)) -> (f64, f64) {
    const STEP: f64 = 0.005;
    const MOST: i32 = 50;
    // A frame stands until the next one: it is truest in its middle.
    let half = (mouth[mouth.len() - 1].0 - mouth[0].0) / (mouth.len() - 1) as f64 / 2.0;
    let seen: Vec<_> = mouth.iter().map(|(t, m)| (t + half, *m)).collect();
    let count = ((to - from + 0.4) / STEP) as i32;
    let at = |points: &[(f64, f64)], i: i32| interpolate(points, from - 0.2 + f64::from(i) * STEP);
    let wanted: Vec<f64> = (0..count).map(|i| at(expected, i)).collect();
    let likeness: Vec<f64> = (-MOST..=MOST)
        .map(|lag| correlation(&(0..count).map(|i| at(&seen, i + lag)).collect::<Vec<_>>(), &wanted))
        .collect();
    let best = (1..likeness.len() - 1).max_by(|a, b| likeness[*a].total_cmp(&likeness[*b])).unwrap();
    let (a, b, c) = (likeness[best - 1], likeness[best], likeness[best + 1]);
    let between = (a - c) / (2.0 * (a - 2.0 * b + c) - 1e-12);
    ((best as f64 - f64::from(MOST) + between.clamp(-1.0, 1.0)) * STEP * 1000.0, b)
}

fn correlation(a: &[f64], b: &[f64]) -> f64 {
    let mean = |v: &[f64]| v.iter().sum::<f64>() / v.len() as f64;
    let (ma, mb) = (mean(a), mean(b));
    let sums = a.iter().zip(b).fold((0.0, 1e-12, 1e-12), |(ab, aa, bb), (x, y)| {
        (ab + (x - ma) * (y - mb), aa + (x - ma).powi(2), bb + (y - mb).powi(2))
    });
    sums.0 / (sums.1 * sums.2).sqrt()
}

/// The value below which 95 of 100 lie, by the nearest rank.
pub fn p95(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[(sorted.len() * 95).div_ceil(100) - 1]
}
