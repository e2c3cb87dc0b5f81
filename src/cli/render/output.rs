//! Where rendered pictures go: a video by ffmpeg, single pictures, a folder of them. Nothing half-written stays.

use crate::mark::Marked;
use crate::mark::credentials::{Credentials, Format, Made, sidecar_of};
use crate::render::{Frame, Size};
use crate::sound::{Sound, write_wav};
use anyhow::{Context, Result, bail, ensure};
use std::fs::File;
use std::io::{Cursor, Write};
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

    /// # Errors
    /// A file that knows no transparency.
    pub fn check_transparent(&self) -> Result<()> {
        match self {
            Output::Video(path) if !is_webm(path) => bail!(super::Usage(format!(
                "{} cannot be transparent; end its name in .webm or .png, or name a folder ending in /",
                path.display()
            ))),
            _ => Ok(()),
        }
    }
}

/// What all pictures of one output share.
#[derive(Clone, Copy)]
pub struct Film {
    pub size: Size,
    /// Frames a second.
    pub fps: u32,
    /// Whether the frames' A counts.
    pub transparent: bool,
}

/// What every file is signed with, and what it says.
pub struct Signing {
    pub credentials: Credentials,
    pub made: Made,
}

/// Takes the frames one by one.
pub enum Pictures {
    Video(Box<Video>),
    Still(PathBuf, Film, Box<Signing>),
    Folder { folder: PathBuf, next: u64, film: Film, signing: Box<Signing> },
}

impl Pictures {
    /// # Errors
    /// The place cannot be written, or ffmpeg is missing.
    pub fn open(output: &Output, film: Film, sound: Option<&Sound>, signing: Signing) -> Result<Self> {
        Ok(match output {
            Output::Video(path) => Pictures::Video(Box::new(Video::open(path, film, sound, signing)?)),
            Output::Still(path) => Pictures::Still(path.clone(), film, Box::new(signing)),
            Output::Folder(folder) => {
                std::fs::create_dir_all(folder)
                    .with_context(|| format!("error making the folder {}", folder.display()))?;
                Pictures::Folder { folder: folder.clone(), next: 0, film, signing: Box::new(signing) }
            }
        })
    }

    pub fn add(&mut self, marked: &Marked) -> Result<()> {
        let frame = marked.frame();
        match self {
            Pictures::Video(video) => video.add(frame),
            Pictures::Still(path, film, signing) => write_png(path, frame, *film, signing),
            Pictures::Folder { folder, next, film, signing } => {
                let path = folder.join(format!("frame-{next:06}.png"));
                *next += 1;
                write_png(&path, frame, *film, signing)
            }
        }
    }

    pub fn finish(self) -> Result<()> {
        match self {
            Pictures::Video(video) => video.finish(),
            Pictures::Still(..) | Pictures::Folder { .. } => Ok(()),
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

fn write_png(path: &Path, frame: &Frame, film: Film, signing: &Signing) -> Result<()> {
    let rgb: Vec<u8>;
    let (pixels, kind) = if film.transparent {
        (&frame.rgba, image::ExtendedColorType::Rgba8)
    } else {
        rgb = frame.rgba.chunks_exact(4).flat_map(|p| [p[0], p[1], p[2]]).collect();
        (&rgb, image::ExtendedColorType::Rgb8)
    };
    let mut png = Cursor::new(Vec::new());
    let encoder = image::codecs::png::PngEncoder::new(&mut png);
    let (width, height) = (frame.size.width, frame.size.height);
    image::ImageEncoder::write_image(encoder, pixels, width, height, kind)
        .with_context(|| format!("error encoding {}", path.display()))?;
    let mut signed = Cursor::new(Vec::new());
    signing
        .credentials
        .embed(&signing.made, Format::Png, &mut png, &mut signed)
        .with_context(|| format!("{} was not written, for it could not be signed", path.display()))?;
    write_whole(path, |file| file.write_all(signed.get_ref()))
}

/// A running ffmpeg that encodes what it is given. Dropped before its end, it leaves nothing behind.
pub struct Video {
    ffmpeg: Child,
    part: PathBuf,
    sound: Option<PathBuf>,
    path: PathBuf,
    signing: Signing,
    done: bool,
}

impl Video {
    fn open(path: &Path, film: Film, sound: Option<&Sound>, signing: Signing) -> Result<Self> {
        let Film { size, fps, transparent } = film;
        let part = part_of(path)?;
        let wav = match sound {
            Some(sound) => {
                let wav = part.with_extension("wav");
                write_wav(&wav, &sound.samples, sound.rate)?;
                Some(wav)
            }
            None => None,
        };
        let webm = is_webm(path);
        let mut command = Command::new("ffmpeg");
        command.args(["-nostdin", "-loglevel", "error", "-y", "-f", "rawvideo", "-pix_fmt", "rgba"]);
        command.args(["-s", &format!("{}x{}", size.width, size.height), "-r", &fps.to_string(), "-i", "pipe:0"]);
        if let Some(wav) = &wav {
            command.arg("-i").arg(wav);
        }
        let format = if transparent { "yuva420p" } else { "yuv420p" };
        // HD video is read as BT.709 by players; say so and convert so.
        command.args(["-vf", "scale=out_color_matrix=bt709:out_range=tv", "-pix_fmt", format]);
        command.args(["-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709"]);
        if webm {
            command.args(["-c:v", "libvpx-vp9", "-crf", "28", "-b:v", "0", "-deadline", "realtime", "-cpu-used", "6"]);
            command.args(["-c:a", "libopus"]);
            if transparent {
                // The encoder cannot look ahead in two streams at once.
                command.args(["-auto-alt-ref", "0"]);
            }
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
        Ok(Self { ffmpeg, part, sound: wav, path: path.into(), signing, done: false })
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
        self.publish().with_context(|| format!("{} was not written", self.path.display()))?;
        self.done = true;
        Ok(())
    }

    /// Signs the finished part and moves it to its place; unsigned, it never gets there.
    fn publish(&self) -> Result<()> {
        let Signing { credentials, made } = &self.signing;
        let mut unsigned = File::open(&self.part).context("error reading what ffmpeg wrote")?;
        if is_webm(&self.path) {
            let store = credentials.beside(made, Format::Webm, &mut unsigned)?;
            let place = sidecar_of(&self.path);
            write_whole(&place, |file| file.write_all(&store))?;
            let moved = std::fs::rename(&self.part, &self.path);
            if moved.is_err() {
                let _ = std::fs::remove_file(&place);
            }
            moved?;
            tracing::info!("a .webm cannot carry content credentials: they lie beside it in {}", place.display());
            return Ok(());
        }
        let signed = self.part.with_extension("signed.mp4");
        let written = File::create_new(&signed)
            .context("error making the signed file")
            .and_then(|mut file| credentials.embed(made, Format::Mp4, &mut unsigned, &mut file))
            .and_then(|()| Ok(std::fs::rename(&signed, &self.path)?));
        let _ = std::fs::remove_file(if written.is_ok() { &self.part } else { &signed });
        written
    }
}

fn is_webm(path: &Path) -> bool {
    path.extension().is_some_and(|e| e.eq_ignore_ascii_case("webm"))
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
