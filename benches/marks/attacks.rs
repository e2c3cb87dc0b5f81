//! Everything that video calls, screens and people do to a picture, and what is left of the mark then.

use super::clips::{self, RATE};
use super::cost::Cost;
use super::desktop;
use super::jobs;
use super::look::{Look, Seen, look};
use super::scores;
use anyhow::{Context, Result, ensure};
use std::path::{Path, PathBuf};
use std::process::Command;
use vasa_camera::identity::Identity;
use vasa_camera::mark::stamp::Stamp;
use vasa_camera::mark::{Dated, Marker};
use vasa_camera::render::Size;

/// Frames of a clip: ten seconds.
const FRAMES: usize = 10 * RATE as usize;

const JPEG: &str = "JPEG, quality 50";

/// What happens to a clip, step by step.
struct Attack {
    name: String,
    /// Filters before the encoder; "DESKTOP" stands for the picture of a desktop as second input.
    before: String,
    /// The encoder's arguments; none: nothing is encoded.
    encoder: Vec<String>,
    /// Filters behind the decoder.
    after: String,
    /// Looked at as single pictures only.
    pictures: bool,
}

/// The real thing's settings, as video calls use them.
fn encoder(kind: &str, rate: u32) -> Vec<String> {
    let bits = format!("{rate}k");
    let constant = ["-b:v", &bits, "-maxrate", &bits, "-bufsize", &bits];
    let own: &[&str] = match kind {
        "H.264 veryfast" => &["-c:v", "libx264", "-preset", "veryfast", "-tune", "zerolatency"],
        "H.264 ultrafast" => &["-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency"],
        "VP8" => &[
            "-c:v",
            "libvpx",
            "-deadline",
            "realtime",
            "-cpu-used",
            "8",
            "-error-resilient",
            "default",
            "-lag-in-frames",
            "0",
            "-minrate",
            &bits,
        ],
        _ => {
            &["-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-lag-in-frames", "0", "-minrate", &bits]
        }
    };
    own.iter().chain(&constant).chain(&["-g", "300", "-pix_fmt", "yuv420p"]).map(ToString::to_string).collect()
}

fn all() -> Vec<Attack> {
    let plain = |name: &str, filter: &str| Attack {
        name: name.into(),
        before: filter.into(),
        encoder: Vec::new(),
        after: String::new(),
        pictures: false,
    };
    let mut attacks = vec![plain("none", "null"), plain("4:2:0", "format=yuv420p")];
    for rate in [1500, 1000, 500, 300] {
        for kind in ["H.264 veryfast", "H.264 ultrafast", "VP8", "VP9"] {
            let name = format!("{kind}, {rate} kbit/s");
            attacks.push(Attack { encoder: encoder(kind, rate), name, ..plain("", "null") });
        }
    }
    let h264 = |rate| encoder("H.264 veryfast", rate);
    let half = "scale=640:360";
    let on_desktop =
        |picture: &str, x: u32, y: u32| format!("[0:v]{picture}[a];[1:v][a]overlay={x}:{y}:format=rgb:shortest=1");
    attacks.extend([
        plain("640x360 and back", "scale=640:360,scale=1280:720"),
        plain("640x360", half),
        plain("brightness +15 %", "format=yuv420p,eq=brightness=0.15"),
        plain("brightness -15 %", "format=yuv420p,eq=brightness=-0.15"),
        plain("contrast +15 %", "format=yuv420p,eq=contrast=1.15"),
        plain("contrast -15 %", "format=yuv420p,eq=contrast=0.85"),
        plain("gamma 0.8", "format=yuv420p,eq=gamma=0.8"),
        plain("gamma 1.25", "format=yuv420p,eq=gamma=1.25"),
        plain("crop to 70 %, corner", "crop=896:504:0:0"),
        plain("crop to 70 %, centre", "crop=896:504"),
        plain("crop to 70 %, centre, scaled up again", "crop=896:504,scale=1280:720"),
        Attack {
            pictures: true,
            ..plain("screenshot, 0.83 of the size, PNG", &on_desktop("scale=1062:598:flags=bicubic", 613, 207))
        },
        Attack {
            pictures: true,
            ..plain("screenshot, 1.37 of the size, PNG", &on_desktop("scale=1754:986:flags=bicubic", 101, 23))
        },
        // ffmpeg's JPEG has another scale of quality: this one is encoded here.
        Attack { pictures: true, ..plain(JPEG, "null") },
        Attack { encoder: h264(500), ..plain("640x360, H.264, 500 kbit/s", half) },
        Attack { encoder: encoder("VP8", 500), ..plain("640x360, VP8, 500 kbit/s", half) },
        Attack { encoder: h264(300), ..plain("640x360, H.264, 300 kbit/s", half) },
        Attack {
            encoder: h264(500),
            after: "scale=1280:720".into(),
            ..plain("640x360, H.264, 500 kbit/s, and back", half)
        },
        Attack { encoder: h264(500), ..plain("crop to 70 %, H.264, 500 kbit/s", "crop=896:504") },
        Attack {
            encoder: h264(1000),
            ..plain(
                "call window recorded (0.71, letterbox, desktop), H.264, 1000 kbit/s",
                &on_desktop("scale=911:512:flags=bicubic,pad=960:576:(ow-iw)/2:(oh-ih)/2", 237, 61),
            )
        },
        Attack {
            encoder: h264(500),
            ..plain(
                "call window recorded (0.71, letterbox, desktop), H.264, 500 kbit/s",
                &on_desktop("scale=911:512:flags=bicubic,pad=960:576:(ow-iw)/2:(oh-ih)/2", 237, 61),
            )
        },
        Attack {
            encoder: h264(500),
            after: on_desktop("scale=911:512:flags=bicubic,pad=960:576:(ow-iw)/2:(oh-ih)/2", 237, 61),
            ..plain("H.264, 500 kbit/s, shown in a call window on a desktop", "null")
        },
    ]);
    attacks
}

/// One clip and one attack.
struct Job<'a> {
    attack: &'a Attack,
    avatar: usize,
    clip: &'a Path,
}

pub fn run(work: &Path, only: &str) -> Result<()> {
    let identity = Identity::from_secret(&[42; 32]);
    let size = Size::HD;
    let avatars = clips::avatars()?;
    let mut clips = Vec::new();
    let mut costs = Vec::new();
    for (avatar, number) in avatars.iter().zip(0..) {
        eprintln!("drawing {}", avatar.name);
        let faces = clips::speech(work, number, FRAMES)?;
        let mut stamp = Stamp::new(&identity, avatar.hash, size);
        let mut marker = Marker::new(size, identity.clone(), Default::default(), Dated::Untold);
        marker.set_avatar(avatar.hash);
        let mut cost = Cost::default();
        clips.push(clips::draw(avatar, size, &faces, &work.join(format!("{}.mkv", avatar.name)), |frame, face| {
            cost.measure(&mut stamp, frame, 0);
            marker.mark(frame, face.at);
        })?);
        costs.push(cost);
    }
    let attacks: Vec<_> = all().into_iter().filter(|a| a.name.contains(only)).collect();
    desktop::write(&work.join("desktop-1280.png"), 1280, 720)?;
    desktop::write(&work.join("desktop-1920.png"), 1920, 1080)?;
    let jobs: Vec<_> = attacks
        .iter()
        .flat_map(|attack| clips.iter().enumerate().map(move |(avatar, clip)| Job { attack, avatar, clip }))
        .collect();
    let name = |job: &Job| format!("{}: {}", job.attack.name, avatars.get(job.avatar).map_or("", |a| a.name.as_str()));
    let seen = jobs::each(&jobs, name, |job| attack(work, job, &identity))?;

    println!(
        "\n| attack | avatar | windows detected | payload intact | frames by themselves | single pictures | with payload |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- |");
    let mut total = vec![Seen::default(); attacks.len()];
    for (job, seen) in jobs.iter().zip(&seen) {
        let index = attacks.iter().position(|a| std::ptr::eq(a, job.attack)).unwrap_or(0);
        total.iter_mut().skip(index).take(1).for_each(|t| t.add(seen));
        row(&job.attack.name, avatars.get(job.avatar).map_or("", |a| a.name.as_str()), seen);
        if job.avatar + 1 == avatars.len() && avatars.len() > 1 {
            total.get(index).into_iter().for_each(|t| row(&job.attack.name, "all", t));
        }
    }
    println!("\n| avatar | PSNR, mean | PSNR, worst frame | flicker (levels of 255) | CPU a frame, median | 95 % |");
    println!("| --- | --- | --- | --- | --- | --- |");
    for (avatar, cost) in avatars.iter().zip(&mut costs) {
        let (mean, worst, flicker) = cost.figures();
        cost.times.sort();
        let at = |share: f64| {
            let i = (cost.times.len() as f64 * share) as usize;
            cost.times.get(i).map_or(0.0, |t| t.as_secs_f64() * 1000.0)
        };
        println!(
            "| {} | {mean:.1} dB | {worst:.1} dB | {flicker:.3} | {:.2} ms | {:.2} ms |",
            avatar.name,
            at(0.5),
            at(0.95)
        );
    }
    let all: Vec<_> = seen.into_iter().flat_map(|s| s.scores).collect();
    scores::write(&work.join("marked.csv"), &all)
}

fn row(attack: &str, avatar: &str, seen: &Seen) {
    let share = |part: u32, of: u32| match of {
        0 => "–".into(),
        _ => format!("{:.0} % ({part}/{of})", 100.0 * f64::from(part) / f64::from(of)),
    };
    println!(
        "| {attack} | {avatar} | {} | {} | {} | {} | {} |",
        share(seen.detected, seen.windows),
        share(seen.intact, seen.windows),
        share(seen.alone, seen.frames),
        share(seen.stills_detected, seen.stills),
        share(seen.stills_intact, seen.stills)
    );
}

/// Puts one clip through one attack and looks at what comes out.
fn attack(work: &Path, job: &Job, identity: &Identity) -> Result<Seen> {
    let attack = job.attack;
    let desktop = |filter: &str| -> Vec<String> {
        // A window of a call lies on a screen of its own size, a screenshot is of a larger one.
        let screen = if attack.pictures { "desktop-1920.png" } else { "desktop-1280.png" };
        let inputs = ["-loop", "1", "-framerate", "30", "-i"].map(String::from).into_iter();
        if filter.starts_with("[0:v]") {
            inputs.chain([work.join(screen).display().to_string()]).collect()
        } else {
            Vec::new()
        }
    };
    let filtered = |input: &Path, filter: &str| -> Vec<String> {
        let mut arguments = vec!["-i".into(), input.display().to_string()];
        arguments.extend(desktop(filter));
        if filter.starts_with("[0:v]") {
            arguments.extend(["-filter_complex".into(), filter.into()]);
        } else if !filter.is_empty() {
            arguments.extend(["-vf".into(), filter.into()]);
        }
        arguments
    };
    // As for pictures, ten a clip; of videos fewer are looked at alone, with nothing known before.
    let every = if attack.pictures { 30 } else { 100 };
    let how =
        Look { windows: !attack.pictures, still_every: Some(every), identity: Some(identity), source: &attack.name };
    if attack.name == JPEG {
        return jpeg(work, job, identity);
    }
    if attack.encoder.is_empty() {
        return look(&filtered(job.clip, &attack.before), how);
    }
    let index = attack.name.replace(|c: char| !c.is_ascii_alphanumeric(), "-");
    let coded = work.join(format!("coded-{index}-{}.mkv", job.avatar));
    let done = Command::new("ffmpeg")
        .args(["-nostdin", "-v", "error", "-y"])
        .args(filtered(job.clip, &attack.before))
        .args(&attack.encoder)
        .arg(&coded)
        .status()
        .context("ffmpeg does not start")?;
    ensure!(done.success(), "ffmpeg failed");
    let seen = look(&filtered(&coded, &attack.after), how);
    remove(coded);
    seen
}

/// Single frames as JPEG of quality 50, with the tables of the standard's annex K.
fn jpeg(work: &Path, job: &Job, identity: &Identity) -> Result<Seen> {
    let pattern = work.join(format!("jpeg-{}-%d.png", job.avatar));
    let done = Command::new("ffmpeg")
        .args(["-nostdin", "-v", "error", "-y", "-i"])
        .arg(job.clip)
        .args(["-vf", "select=not(mod(n-15\\,30))", "-fps_mode", "passthrough"])
        .arg(&pattern)
        .status()
        .context("ffmpeg does not start")?;
    ensure!(done.success(), "ffmpeg failed");
    let mut seen = Seen::default();
    for number in 1.. {
        let path = work.join(format!("jpeg-{}-{number}.png", job.avatar));
        if !path.exists() {
            break;
        }
        let picture = image::open(&path)?.into_rgb8();
        let mut coded = Vec::new();
        image::codecs::jpeg::JpegEncoder::new_with_quality(&mut coded, 50).encode_image(&picture)?;
        let luma = image::load_from_memory(&coded)?.into_luma8();
        seen.picture(luma.width(), luma.height(), luma.as_raw(), JPEG, Some(identity))?;
        remove(path);
    }
    Ok(seen)
}

fn remove(path: PathBuf) {
    let _ = std::fs::remove_file(path);
}
