//! Where rendered pictures go: a video by ffmpeg, single pictures, a folder of them. Nothing half-written stays.

use crate::mark::Marked;
use crate::render::{Frame, Size};
use crate::sound::{Sound, write_wav};
use anyhow::{Context, Result, bail, ensure};
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// What `--out` names.
#[derive(Debug, PartialEq)]
pub enum Output {
    Video(PathBuf),
    Still(PathBuf),
    Folder(PathBuf),
}

impl Output {
    /// # Errors
    /// A name that is neither .mp4, .webm, .png nor a folder.
    pub fn parse(path: &Path) -> Result<Self> {
        let text = path.to_string_lossy();
        let ending = path.extension().map(|e| e.to_string_lossy().to_lowercase());
        Ok(match ending.as_deref() {
            _ if text.ends_with('/') || path.is_dir() => Output::Folder(path.into()),
            Some("mp4" | "webm") => Output::Video(path.into()),
            Some("png") => Output::Still(path.into()),
            _ => bail!(super::Usage(format!(
                "--out is \"{text}\"; it must end in .mp4, .webm or .png, or be a folder ending in /"
            ))),
        })
    }

    /// Whether it is seen as it goes by, from its begin: single pictures are not.
    pub fn is_stream(&self) -> bool {
        matches!(self, Output::Video(_))
    }

    pub fn is_still(&self) -> bool {
        matches!(self, Output::Still(_))
    }
}

/// Takes the frames one by one.
pub enum Pictures {
    Video(Box<Video>),
    Still(PathBuf),
    Folder { folder: PathBuf, next: u64 },
}

impl Pictures {
    /// # Errors
    /// The place cannot be written, or ffmpeg is missing.
    pub fn open(output: &Output, size: Size, fps: u32, sound: Option<&Sound>) -> Result<Self> {
        Ok(match output {
            Output::Video(path) => Pictures::Video(Box::new(Video::open(path, size, fps, sound)?)),
            Output::Still(path) => Pictures::Still(path.clone()),
            Output::Folder(folder) => {
                std::fs::create_dir_all(folder)
                    .with_context(|| format!("error making the folder {}", folder.display()))?;
                Pictures::Folder { folder: folder.clone(), next: 0 }
            }
        })
    }

    pub fn add(&mut self, marked: &Marked) -> Result<()> {
        let frame = marked.frame();
        match self {
            Pictures::Video(video) => video.add(frame),
            Pictures::Still(path) => write_png(path, frame),
            Pictures::Folder { folder, next } => {
                let path = folder.join(format!("frame-{next:06}.png"));
                *next += 1;
                write_png(&path, frame)
            }
        }
    }

    pub fn finish(self) -> Result<()> {
        match self {
            Pictures::Video(video) => video.finish(),
            Pictures::Still(_) | Pictures::Folder { .. } => Ok(()),
        }
    }
}

/// Writes a file beside its place and moves it there when it is whole.
pub fn write_whole(path: &Path, write: impl FnOnce(&mut File) -> std::io::Result<()>) -> Result<()> {
    let part = part_of(path)?;
    let written = File::create(&part).and_then(|mut file| write(&mut file)).and_then(|()| std::fs::rename(&part, path));
    if written.is_err() {
        let _ = std::fs::remove_file(&part);
    }
    written.with_context(|| format!("error writing {}", path.display()))
}

/// `.part-PID-NAME` in the same folder: same file system, same ending.
fn part_of(path: &Path) -> Result<PathBuf> {
    let name = path.file_name().with_context(|| format!("{} names no file", path.display()))?;
    Ok(path.with_file_name(format!(".part-{}-{}", std::process::id(), name.to_string_lossy())))
}

fn write_png(path: &Path, frame: &Frame) -> Result<()> {
    let rgb: Vec<u8> = frame.rgba.chunks_exact(4).flat_map(|p| [p[0], p[1], p[2]]).collect();
    write_whole(path, |file| {
        let mut out = std::io::BufWriter::new(file);
        let encoder = image::codecs::png::PngEncoder::new(&mut out);
        image::ImageEncoder::write_image(
            encoder,
            &rgb,
            frame.size.width,
            frame.size.height,
            image::ExtendedColorType::Rgb8,
        )
        .map_err(std::io::Error::other)?;
        out.flush()
    })
}

/// A running ffmpeg that encodes what it is given. Dropped before its end, it leaves nothing behind.
pub struct Video {
    ffmpeg: Child,
    part: PathBuf,
    sound: Option<PathBuf>,
    path: PathBuf,
    done: bool,
}

impl Video {
    fn open(path: &Path, size: Size, fps: u32, sound: Option<&Sound>) -> Result<Self> {
        let part = part_of(path)?;
        let wav = match sound {
            Some(sound) => {
                let wav = part.with_extension("wav");
                write_wav(&wav, &sound.samples, sound.rate)?;
                Some(wav)
            }
            None => None,
        };
        let webm = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("webm"));
        let mut command = Command::new("ffmpeg");
        command.args(["-nostdin", "-loglevel", "error", "-y", "-f", "rawvideo", "-pix_fmt", "rgba"]);
        command.args(["-s", &format!("{}x{}", size.width, size.height), "-r", &fps.to_string(), "-i", "pipe:0"]);
        if let Some(wav) = &wav {
            command.arg("-i").arg(wav);
        }
        // HD video is read as BT.709 by players; say so and convert so.
        command.args(["-vf", "scale=out_color_matrix=bt709:out_range=tv", "-pix_fmt", "yuv420p"]);
        command.args(["-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709"]);
        if webm {
            command.args(["-c:v", "libvpx-vp9", "-crf", "28", "-b:v", "0", "-deadline", "realtime", "-cpu-used", "6"]);
            command.args(["-c:a", "libopus"]);
        } else {
            command.args([
                "-c:v",
                "libx264",
                "-preset",
                "veryfast",
                "-crf",
                "20",
                "-c:a",
                "aac",
                "-movflags",
                "+faststart",
            ]);
        }
        // Bit-exact: the same frames give the same bytes.
        command.args(["-fflags", "+bitexact", "-flags:v", "+bitexact", "-flags:a", "+bitexact", "-map_metadata", "-1"]);
        command.arg(&part).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        let ffmpeg = command.spawn().inspect_err(|_| {
            if let Some(wav) = &wav {
                let _ = std::fs::remove_file(wav);
            }
        });
        let ffmpeg = ffmpeg.context("ffmpeg could not be started to write the video; install the package ffmpeg, or write pictures with --out DIR/")?;
        Ok(Self { ffmpeg, part, sound: wav, path: path.into(), done: false })
    }

    fn add(&mut self, frame: &Frame) -> Result<()> {
        let pipe = self.ffmpeg.stdin.as_mut().context("the video is already finished")?;
        if let Err(e) = pipe.write_all(&frame.rgba) {
            bail!("ffmpeg stopped: {e}{}", self.complaint());
        }
        Ok(())
    }

    /// What ffmpeg said before it stopped.
    fn complaint(&mut self) -> String {
        drop(self.ffmpeg.stdin.take());
        let mut text = String::new();
        if let Some(stderr) = self.ffmpeg.stderr.take() {
            let _ = std::io::Read::read_to_string(&mut std::io::Read::take(stderr, 2000), &mut text);
        }
        if text.trim().is_empty() { String::new() } else { format!(": {}", text.trim().replace('\n', "; ")) }
    }

    fn finish(mut self) -> Result<()> {
        let complaint = self.complaint();
        let status = self.ffmpeg.wait().context("error waiting for ffmpeg")?;
        ensure!(status.success(), "ffmpeg could not write {}{complaint}", self.path.display());
        std::fs::rename(&self.part, &self.path).with_context(|| format!("error writing {}", self.path.display()))?;
        self.done = true;
        Ok(())
    }
}

impl Drop for Video {
    fn drop(&mut self) {
        if !self.done {
            let _ = self.ffmpeg.kill();
            let _ = self.ffmpeg.wait();
            let _ = std::fs::remove_file(&self.part);
        }
        if let Some(wav) = &self.sound {
            let _ = std::fs::remove_file(wav);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ending_says_what_is_written() {
        assert_eq!(Output::parse(Path::new("a.mp4")).unwrap(), Output::Video("a.mp4".into()));
        assert_eq!(Output::parse(Path::new("a.PNG")).unwrap(), Output::Still("a.PNG".into()));
        assert_eq!(Output::parse(Path::new("a/")).unwrap(), Output::Folder("a/".into()));
        assert!(Output::parse(Path::new("a.gif")).unwrap_err().to_string().contains("\"a.gif\""));
    }

    #[test]
    fn a_write_that_fails_leaves_the_old_file_and_no_part() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.csv");
        std::fs::write(&path, "old").unwrap();
        let failed = write_whole(&path, |f| f.write_all(b"new").and_then(|()| Err(std::io::Error::other("disk full"))));
        assert!(failed.is_err());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "old");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
