//! Clips of the avatars, drawn by the real renderer from real speech, kept without loss.

use anyhow::{Context, Result, ensure};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use vasa_camera::avatar::{self, Avatar};
use vasa_camera::clock::Moment;
use vasa_camera::config::Paths;
use vasa_camera::face::{Curves, Face, Shape};
use vasa_camera::render::{Frame, Renderer, Size};

pub const RATE: u32 = 30;

/// Frames of a window of two seconds.
pub const WINDOW: usize = 2 * RATE as usize;

/// What is said, about ten seconds each: one for each avatar.
const TEXTS: [&str; 3] = [
    "Good morning, everybody. I would like to begin with the figures of last month, because they have surprised all of us, \
     and then we should talk about what to do with the garden behind the house.",
    "Thank you for waiting. My connection was slow today, but now I can hear you well. Please tell me what you think about \
     the new plan, and whether Thursday at half past nine would suit you.",
    "Bob may buy a very big fan and five maps. What a beautiful evening! We walked along the river for an hour, met some \
     old friends on the bridge, and came home when it was already dark.",
];

/// The avatars there are, and a word where there are fewer than three.
pub fn avatars() -> Result<Vec<Avatar>> {
    let all = avatar::list(&Paths::find());
    ensure!(!all.is_empty(), "there is no avatar in models/avatars");
    if all.len() < 3 {
        println!("NOTE: there are {} avatars, not three; the figures are of those.", all.len());
    }
    all.iter().take(3).map(|info| Avatar::load(&info.dir)).collect()
}

/// Faces of about ten seconds: speech where the models are installed, else a face that moves by formulas.
pub fn speech(work: &Path, number: usize, frames: usize) -> Result<Vec<Face>> {
    let csv = work.join(format!("curves-{number}.csv"));
    let text = TEXTS.get(number % TEXTS.len()).copied().unwrap_or_default();
    let profile = ["friendly", "neutral", "excited"].get(number % 3).copied().unwrap_or_default();
    let said = Command::new(env!("CARGO_BIN_EXE_vasa"))
        .args(["render", "--text", text, "--profile", profile, "--fps", &RATE.to_string(), "--curves-out"])
        .arg(&csv)
        .output()
        .context("vasa does not start")?;
    if !said.status.success() {
        println!("NOTE: no speech, so the faces move by formulas: {}", String::from_utf8_lossy(&said.stderr).trim());
        return Ok((0..frames as u32).map(talking).collect());
    }
    let curves = Curves::read(std::fs::File::open(&csv)?)?;
    let all = curves.faces;
    ensure!(!all.is_empty(), "the speech has no faces");
    let at = |n: usize| Moment::of_sample(n as u64, RATE);
    // A sentence that is too short begins again.
    Ok(all.iter().cycle().take(frames).zip(0..).map(|(face, n)| Face { at: at(n), ..*face }).collect())
}

/// Somebody who talks, blinks, and turns the head as far as it goes.
pub fn talking(frame: u32) -> Face {
    let t = frame as f32 / RATE as f32;
    let wave = |speed: f32| 0.5 + 0.5 * (t * speed).sin();
    let mut face = Face::default();
    for (shape, weight) in [
        (Shape::JawOpen, 0.5 * wave(21.0)),
        (Shape::MouthFunnel, 0.4 * wave(9.0)),
        (Shape::MouthPucker, 0.3 * wave(7.0)),
        (Shape::MouthSmileLeft, 0.4 * wave(1.0)),
        (Shape::MouthSmileRight, 0.4 * wave(1.0)),
        (Shape::MouthLowerDownLeft, 0.3 * wave(13.0)),
        (Shape::MouthLowerDownRight, 0.3 * wave(13.0)),
        (Shape::BrowInnerUp, 0.3 * wave(2.0)),
    ] {
        face.weights[shape] = weight;
    }
    let blink = if frame % 90 < 5 { 1.0 } else { 0.0 };
    (face.weights[Shape::EyeBlinkLeft], face.weights[Shape::EyeBlinkRight]) = (blink, blink);
    (face.head.yaw, face.head.pitch, face.head.roll) =
        (18.0 * (t * 0.9).sin(), 9.0 * (t * 0.7).sin(), 6.0 * (t * 0.5).sin());
    (face.gaze.yaw, face.gaze.pitch) = (-8.0 * (t * 1.3).sin(), 4.0 * t.cos());
    face.at = Moment::of_sample(u64::from(frame), RATE);
    face
}

/// Draws the faces and gives each frame to `finish`, then to a file without loss.
pub fn draw(
    avatar: &Avatar,
    size: Size,
    faces: &[Face],
    to: &Path,
    mut finish: impl FnMut(&mut Frame, &Face),
) -> Result<PathBuf> {
    let mut renderer = Renderer::new(avatar, size)?;
    let mut file = Lossless::open(to, size)?;
    let mut frame = Frame::new(size);
    for face in faces {
        renderer.draw(face, &mut frame)?;
        finish(&mut frame, face);
        file.add(&frame)?;
    }
    file.finish()?;
    Ok(to.to_path_buf())
}

/// A video that keeps every value of every pixel.
struct Lossless(Child);

impl Lossless {
    fn open(to: &Path, size: Size) -> Result<Self> {
        let size = format!("{}x{}", size.width, size.height);
        let child = Command::new("ffmpeg")
            .args(["-nostdin", "-v", "error", "-y", "-f", "rawvideo", "-pix_fmt", "rgba", "-s", &size])
            .args(["-r", &RATE.to_string(), "-i", "pipe:0", "-c:v", "libx264rgb", "-qp", "0", "-preset", "ultrafast"])
            .arg(to)
            .stdin(Stdio::piped())
            .spawn()
            .context("ffmpeg does not start")?;
        Ok(Self(child))
    }

    fn add(&mut self, frame: &Frame) -> Result<()> {
        self.0.stdin.as_mut().context("the file is closed")?.write_all(&frame.rgba).context("ffmpeg stopped")
    }

    fn finish(mut self) -> Result<()> {
        drop(self.0.stdin.take());
        ensure!(self.0.wait()?.success(), "ffmpeg failed");
        Ok(())
    }
}
