//! Pictures of many kinds that carry no mark: none of them may be taken for one that does.

use super::clips::{self, RATE, WINDOW, talking};
use super::desktop;
use super::jobs;
use super::look::{Look, Seen, look};
use super::plot;
use super::scores;
use anyhow::{Context, Result, ensure};
use std::path::Path;
use std::process::Command;
use vasa_camera::render::Size;

/// Frames that are looked at in windows, at least.
const ASKED: u32 = 20_000;

/// Pictures that ffmpeg makes up, and how; "DESKTOP" is the desktop's picture. 60 windows of the first ones make up for footage that
/// is not there.
const MADE_UP: [(&str, &str, &[&str]); 14] = [
    ("testsrc", "testsrc=size=640x360:rate=30", &[]),
    ("testsrc2", "testsrc2=size=1280x720:rate=30", &[]),
    ("smptehdbars", "smptehdbars=size=640x360:rate=30", &[]),
    ("rgbtestsrc", "rgbtestsrc=size=640x360:rate=30", &[]),
    ("mandelbrot", "mandelbrot=size=640x360:rate=30", &[]),
    ("life", "life=size=640x360:rate=30:mold=10:ratio=0.2:death_color=#404040:life_color=#e0e0e0", &[]),
    ("cellauto", "cellauto=size=640x360:rate=30:scroll=1", &[]),
    ("sierpinski", "sierpinski=size=640x360:rate=30", &[]),
    ("gradients", "gradients=size=640x360:rate=30:speed=0.02", &[]),
    ("noise that changes", "color=gray:size=640x360:rate=30", &["-vf", "noise=alls=40:allf=t"]),
    ("noise that stands still", "color=gray:size=1280x720:rate=30", &["-vf", "noise=alls=24"]),
    ("a regular fabric", "color=gray:size=640x360:rate=30", &["-vf", "geq=lum='128+40*sin(X*0.7)*sin(Y*0.9)'"]),
    ("text that scrolls", "DESKTOP", &["-vf", "scroll=vertical=0.004,scale=1280:720"]),
    ("text that stands still, H.264", "DESKTOP", &["-vf", "scale=960:540"]),
];

/// Something to look at.
struct Source {
    name: String,
    /// ffmpeg's arguments: the input, and filters.
    arguments: Vec<String>,
    /// An encoder in between.
    encoder: &'static [&'static str],
    frames: usize,
}

const H264: &[&str] = &[
    "-c:v",
    "libx264",
    "-preset",
    "veryfast",
    "-tune",
    "zerolatency",
    "-b:v",
    "500k",
    "-maxrate",
    "500k",
    "-bufsize",
    "500k",
    "-pix_fmt",
    "yuv420p",
];
const VP8: &[&str] =
    &["-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-b:v", "300k", "-pix_fmt", "yuv420p"];
const VP9: &[&str] =
    &["-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-b:v", "500k", "-pix_fmt", "yuv420p"];

pub fn run(work: &Path) -> Result<()> {
    let mut sources = drawn(work)?;
    sources.extend(footage());
    sources.extend(made_up(work)?);
    let frames: usize = sources.iter().map(|s| s.frames / WINDOW * WINDOW).sum();
    eprintln!("{} sources, about {frames} frames", sources.len());
    let seen = jobs::each(&sources, |s| s.name.clone(), |source| examine(work, source))?;

    println!(
        "\n| source | frames | windows | taken for marked | frames by themselves | single pictures | taken for marked | best score |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- | --- |");
    let mut total = Seen::default();
    for (source, seen) in sources.iter().zip(&seen) {
        row(&source.name, seen);
        total.add(seen);
    }
    row("all", &total);
    if total.frames < ASKED {
        println!("NOTE: only {} frames were there to look at, not {ASKED}", total.frames);
    }
    scores::write(&work.join("unmarked.csv"), &total.scores)?;
    println!("\nthe scores: {}", work.join("unmarked.csv").display());
    plot::draw(work)
}

fn row(name: &str, seen: &Seen) {
    let best = seen.scores.iter().map(|s| s.score).fold(f32::MIN, f32::max);
    println!(
        "| {name} | {} | {} | {} | {} | {} | {} | {best:.2} |",
        seen.frames, seen.windows, seen.detected, seen.alone, seen.stills, seen.stills_detected
    );
}

fn input(path: &Path, filter: &str) -> Vec<String> {
    ["-i".into(), path.display().to_string(), "-vf".into(), filter.into()].into()
}

/// The renderer's own frames without the marks, in many poses and sizes, as they are and through encoders. The library can draw
/// so; the program cannot.
fn drawn(work: &Path) -> Result<Vec<Source>> {
    let avatars = clips::avatars()?;
    // As many frames whether there is one avatar or three.
    let frames = 1200 / avatars.len().min(3) / WINDOW * WINDOW;
    let mut sources = Vec::new();
    for (avatar, number) in avatars.iter().zip(0u32..) {
        for (width, height, share) in [(1280, 720, 1), (640, 360, 1), (640, 480, 2)] {
            let frames = (frames / share / WINDOW).max(1) * WINDOW;
            let name = format!("{} {width}x{height}", avatar.name);
            eprintln!("drawing {name}");
            let faces: Vec<_> = (0..frames as u32).map(|n| talking(n * 3 + 977 * number)).collect();
            let to = work.join(format!("plain-{}-{width}.mkv", avatar.name));
            clips::draw(avatar, Size { width, height }, &faces, &to, |_, _| {})?;
            let mut add = |what: &str, filter: &str, encoder: &'static [&'static str]| {
                sources.push(Source { name: format!("{name}{what}"), arguments: input(&to, filter), encoder, frames });
            };
            add("", "null", &[]);
            if width == 1280 {
                add(", H.264 500 kbit/s", "null", H264);
                add(", VP8 300 kbit/s", "null", VP8);
                add(", VP9 500 kbit/s", "null", VP9);
                add(", 0.83 of the size", "scale=1062:598:flags=bicubic", &[]);
            }
        }
    }
    Ok(sources)
}

/// Filmed people, where the shared folder is there.
fn footage() -> Vec<Source> {
    let shared = std::env::var_os("VASA_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"), std::path::PathBuf::from);
    let files = std::fs::read_dir(shared.join("eval/video")).into_iter().flatten().flatten().map(|e| e.path());
    let mut files: Vec<_> = files.collect();
    files.sort();
    if files.is_empty() {
        println!("NOTE: no filmed people: {} is not here", shared.join("eval/video").display());
    }
    let all = files.iter().flat_map(|file| {
        let name = format!("filmed {}", file.file_stem().unwrap_or_default().display());
        [
            ("", "null", &[][..]),
            (", to and fro", "split[a][b];[b]reverse[c];[a][c]concat", &[]),
            (", 1280x720", "scale=1280:720", &[]),
            (", 1280x720, H.264 500 kbit/s", "scale=1280:720", H264),
        ]
        .map(|(what, filter, encoder)| Source {
            name: format!("{name}{what}"),
            arguments: input(file, filter),
            encoder,
            frames: if what == ", to and fro" { 120 } else { 60 },
        })
    });
    all.collect()
}

fn made_up(work: &Path) -> Result<Vec<Source>> {
    let desktop = desktop::write(&work.join("desktop-1920.png"), 1920, 1080)?.display().to_string();
    let frames = 1020;
    let all = MADE_UP.iter().map(|(name, source, filter)| {
        let mut arguments: Vec<String> = match *source {
            "DESKTOP" => ["-loop", "1", "-framerate", "30", "-i", &desktop].map(String::from).into(),
            _ => ["-f", "lavfi", "-i", source].map(String::from).into(),
        };
        arguments.extend(filter.iter().map(ToString::to_string));
        arguments.extend(["-frames:v".into(), frames.to_string()]);
        let encoder = if name.ends_with("H.264") { H264 } else { &[] };
        Source { name: (*name).into(), arguments, encoder, frames }
    });
    Ok(all.collect())
}

fn examine(work: &Path, source: &Source) -> Result<Seen> {
    let how = Look { windows: true, still_every: Some(RATE as usize), identity: None, source: &source.name };
    if source.encoder.is_empty() {
        return look(&source.arguments, how);
    }
    let coded = work.join(format!("plain-{}.mkv", source.name.replace(|c: char| !c.is_ascii_alphanumeric(), "-")));
    let done = Command::new("ffmpeg")
        .args(["-nostdin", "-v", "error", "-y"])
        .args(&source.arguments)
        .args(source.encoder)
        .arg(&coded)
        .status()
        .context("ffmpeg does not start")?;
    ensure!(done.success(), "ffmpeg failed");
    let seen = look(&["-i".into(), coded.display().to_string()], how);
    let _ = std::fs::remove_file(coded);
    seen
}
