//! Videos, and pictures of other kinds: ffmpeg decodes them to grey frames, one after the other, through a pipe.

use super::ffmpeg::{self, INPUT, MOST_PIXELS};
use super::open::Opened;
use super::probe;
use super::progress::Progress;
use super::report::Report;
use super::tally::Tally;
use anyhow::{Context, Result, bail};
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdout};
use std::sync::mpsc::{Receiver, channel};
use std::thread::JoinHandle;
use std::time::Duration;

/// Gives every frame to `tally`.
///
/// # Errors
/// It holds no picture that can be decoded, or one that cannot be looked at.
pub fn read(opened: &Opened, tally: &mut Tally, progress: &mut Progress, report: &mut Report) -> Result<()> {
    let stream = probe::stream(&opened.file)?;
    report.kind = Some(if stream.is_still { "image" } else { "video" });
    tally.expect(stream.file_seconds);
    let mut decoder = Decoder::start(&opened.file, stream.index, stream.rate)?;
    while let Some(seconds) = decoder.next() {
        tally.picture(decoder.width, decoder.height, &decoder.luma, seconds)?;
        progress.at(seconds, stream.file_seconds, tally);
    }
    tally.end();
    let log = decoder.finish();
    let truncated = log.complaints.iter().any(|c| ffmpeg::tells_truncation(c));
    if tally.frames() == 0 {
        let cause = log.complaints.first().map(|c| format!(" ({c})")).unwrap_or_default();
        if !probe::has_key_frame(&opened.file, stream.index) {
            bail!("the video has no key frame; none of its frames can be decoded{cause}");
        }
        if truncated {
            bail!("the file is truncated before its first frame{cause}");
        }
        bail!("none of its frames can be decoded{cause}");
    }
    // A second is more than any last frame lasts, and than streams differ from what their containers say.
    let early = stream.seconds.is_some_and(|all| tally.seconds() < all - 1.0 - 0.01 * all);
    if truncated || early {
        report.truncated();
    } else if log.count > 0 {
        let first = log.complaints.first().map(String::as_str).unwrap_or_default();
        report.remark(format!("some of it is damaged; this is about what can be decoded ({first})"));
    }
    Ok(())
}

/// What ffmpeg complained about.
#[derive(Default)]
struct Log {
    /// The first ones.
    complaints: Vec<String>,
    count: u64,
}

/// A running ffmpeg. Dropped before its end, it is ended.
struct Decoder {
    child: Child,
    out: BufReader<ChildStdout>,
    times: Receiver<f64>,
    /// The times come, and the first one was this.
    timed: Option<Option<f64>>,
    log: Option<JoinHandle<Log>>,
    rate: f64,
    frames: u64,
    width: u32,
    height: u32,
    /// The frame that came last.
    luma: Vec<u8>,
}

impl Decoder {
    fn start(file: &File, stream: u32, rate: f64) -> Result<Self> {
        let map = format!("0:{stream}");
        // PGM tells the size with every frame: turned and scaled, it is known without a second opinion. Frames of another size
        // are scaled to the first one's by ffmpeg itself. showinfo tells each frame's time in the log.
        let mut child = ffmpeg::start(
            "ffmpeg",
            file,
            &[
                "-nostdin",
                "-hide_banner",
                "-nostats",
                "-loglevel",
                "level+info",
                "-protocol_whitelist",
                "file,pipe",
                "-max_pixels",
                MOST_PIXELS,
                "-i",
                INPUT,
                "-map",
                &map,
                "-vf",
                "showinfo=checksum=0",
                "-fps_mode",
                "passthrough",
                "-pix_fmt",
                "gray",
                "-c:v",
                "pgm",
                "-f",
                "image2pipe",
                "pipe:1",
            ],
        )?;
        let out = child.stdout.take().context("ffmpeg has no output")?;
        let err = child.stderr.take().context("ffmpeg has no log")?;
        let (send, times) = channel();
        let log = std::thread::spawn(move || {
            let mut log = Log::default();
            ffmpeg::lines(err, |line| {
                if let Some(time) = time_of(line) {
                    // Nobody listens any more where the frames are no longer wanted.
                    let _ = send.send(time);
                } else if let Some(complaint) = ffmpeg::complaint(line) {
                    log.count += 1;
                    if log.complaints.len() < 20 {
                        log.complaints.push(complaint);
                    }
                }
            });
            log
        });
        Ok(Self {
            child,
            out: BufReader::with_capacity(64 << 10, out),
            times,
            timed: Some(None),
            log: Some(log),
            rate,
            frames: 0,
            width: 0,
            height: 0,
            luma: Vec::new(),
        })
    }

    /// Reads the next frame; its time in seconds after the first one. None: there are no more.
    fn next(&mut self) -> Option<f64> {
        let ("P5", width, height, "255") = (
            self.word()?.as_str(),
            self.word()?.parse::<u32>().ok()?,
            self.word()?.parse::<u32>().ok()?,
            self.word()?.as_str(),
        ) else {
            return None;
        };
        if u64::from(width) * u64::from(height) > super::still::MOST_PIXELS {
            return None;
        }
        (self.width, self.height) = (width, height);
        self.luma.resize(width as usize * height as usize, 0);
        self.out.read_exact(&mut self.luma).ok()?;
        let number = self.frames;
        self.frames += 1;
        Some(self.time().unwrap_or(if self.rate > 0.0 { number as f64 / self.rate } else { 0.0 }))
    }

    /// The time of the frame that was read, from the log: it is written there before the frame.
    fn time(&mut self) -> Option<f64> {
        let first = self.timed?;
        match self.times.recv_timeout(Duration::from_secs(2)) {
            Ok(time) if time.is_finite() => {
                self.timed = Some(first.or(Some(time)));
                Some(time - first.unwrap_or(time))
            }
            // A frame without a time stands where its number says.
            Ok(_) => None,
            // Another ffmpeg may word its log in another way: then all frames stand so.
            Err(_) => {
                self.timed = None;
                None
            }
        }
    }

    /// The next word of a header; one blank after it is taken too.
    fn word(&mut self) -> Option<String> {
        let mut word = String::new();
        loop {
            let byte = *self.out.fill_buf().ok()?.first()?;
            self.out.consume(1);
            match byte {
                b' ' | b'\n' => return Some(word),
                _ if word.len() < 10 => word.push(char::from(byte)),
                _ => return None,
            }
        }
    }

    fn finish(mut self) -> Log {
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.log.take().and_then(|log| log.join().ok()).unwrap_or_default()
    }
}

impl Drop for Decoder {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The time of a frame in a line of showinfo, in seconds; NaN where the frame has none.
fn time_of(line: &str) -> Option<f64> {
    let (_, rest) = line.strip_prefix("[Parsed_showinfo")?.split_once(" pts_time:")?;
    Some(rest.split_whitespace().next()?.parse().unwrap_or(f64::NAN))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_a_frame_is_read_from_the_log() {
        let line = "[Parsed_showinfo_0 @ 0x55] [info] n:   3 pts:   1536 pts_time:0.1     pos:     48 fmt:yuv420p";
        assert_eq!(time_of(line), Some(0.1));
        assert!(time_of("[Parsed_showinfo_0 @ 0x5] [info] n: 0 pts: NOPTS pts_time:NOPTS pos: 1").unwrap().is_nan());
        assert_eq!(time_of("[info] title: pts_time:5"), None);
    }
}
