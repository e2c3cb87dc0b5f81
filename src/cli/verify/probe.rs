//! What ffprobe says about a file.

use super::ffmpeg::{self, INPUT, MOST_PIXELS};
use anyhow::{Context, Result, bail};
use serde::Deserialize;
use std::fs::File;
use std::io::Read;

/// The most bytes of its answer: a file can claim very many streams.
const LONGEST: u64 = 4 << 20;

/// The stream of pictures to be looked at.
#[derive(Debug)]
pub struct Stream {
    pub index: u32,
    /// Frames a second on average; 0 where it is not known.
    pub rate: f64,
    /// How long the pictures of the stream go on, where the container says so itself.
    pub seconds: Option<f64>,
    /// How long the whole file is, as well as that can be known.
    pub file_seconds: Option<f64>,
    /// One picture of a kind that we do not decode ourselves.
    pub is_still: bool,
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    streams: Vec<Written>,
    #[serde(default)]
    format: Format,
}

#[derive(Default, Deserialize)]
struct Format {
    #[serde(default)]
    format_name: String,
    duration: Option<String>,
}

#[derive(Deserialize)]
struct Written {
    index: u32,
    #[serde(default)]
    codec_type: String,
    avg_frame_rate: Option<String>,
    r_frame_rate: Option<String>,
    duration: Option<String>,
    #[serde(default)]
    disposition: Disposition,
    #[serde(default)]
    tags: Tags,
}

#[derive(Default, Deserialize)]
struct Disposition {
    #[serde(default)]
    attached_pic: u8,
}

#[derive(Default, Deserialize)]
struct Tags {
    #[serde(rename = "DURATION")]
    duration: Option<String>,
}

/// Finds the first stream of pictures that is not the cover of a sound.
///
/// # Errors
/// ffprobe is missing or knows nothing in it; there are no pictures.
pub fn stream(file: &File) -> Result<Stream> {
    let entries = "stream=index,codec_type,avg_frame_rate,r_frame_rate,duration:stream_disposition=attached_pic:\
                   stream_tags=DURATION:format=format_name,duration";
    let (answer, complaints) =
        ask(file, &["-max_pixels", MOST_PIXELS, "-show_entries", entries, "-of", "json"], LONGEST)?;
    let answer: Answer =
        serde_json::from_str(&answer).unwrap_or(Answer { streams: Vec::new(), format: Format::default() });
    let cause = complaints.last().map(|c| format!(" ({c})")).unwrap_or_default();
    if answer.streams.is_empty() {
        if complaints.iter().any(|c| ffmpeg::tells_truncation(c)) {
            bail!("the file is truncated: what tells how to read it is not there{cause}");
        }
        bail!("it is neither a picture nor a video that can be read{cause}");
    }
    let Some(stream) = answer.streams.iter().find(|s| s.codec_type == "video" && s.disposition.attached_pic == 0)
    else {
        if answer.streams.iter().any(|s| s.codec_type == "audio") {
            bail!("it is an audio file without pictures; there is nothing to look at");
        }
        bail!("the file has no pictures; there is nothing to look at");
    };
    let name = &answer.format.format_name;
    let rate = [&stream.avg_frame_rate, &stream.r_frame_rate].into_iter().flatten().find_map(|r| rate(r));
    // Of other containers the length is guessed from the bit rate.
    let says = name.contains("mov") || name.contains("matroska");
    let own = stream.duration.as_deref().or(stream.tags.duration.as_deref()).and_then(seconds).filter(|_| says);
    Ok(Stream {
        index: stream.index,
        rate: rate.unwrap_or(0.0),
        seconds: own,
        file_seconds: own.or(answer.format.duration.as_deref().and_then(seconds)),
        is_still: name.ends_with("_pipe") || name == "image2",
    })
}

/// False where the stream has packets and none of the first thousand is a key frame.
pub fn has_key_frame(file: &File, stream: u32) -> bool {
    let index = stream.to_string();
    let arguments =
        ["-select_streams", &index, "-show_entries", "packet=flags", "-of", "csv=p=0", "-read_intervals", "%+#1000"];
    let Ok((answer, _)) = ask(file, &arguments, 64 << 10) else { return true };
    answer.trim().is_empty() || answer.contains('K')
}

/// Runs ffprobe: the first `most` bytes of its answer, and its first complaints.
fn ask(file: &File, arguments: &[&str], most: u64) -> Result<(String, Vec<String>)> {
    let all = [&["-v", "level+error", "-protocol_whitelist", "file,pipe"][..], arguments, &["-i", INPUT]].concat();
    let mut child = ffmpeg::start("ffprobe", file, &all)?;
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let log = std::thread::spawn(move || {
        let mut complaints = Vec::new();
        if let Some(err) = err {
            ffmpeg::lines(err, |line| {
                // The last one is the essence, the first ones tell the cause.
                complaints.extend(ffmpeg::complaint(line));
                if complaints.len() > 20 {
                    complaints.remove(10);
                }
            });
        }
        complaints
    });
    let mut answer = Vec::new();
    let read = out.map(|out| out.take(most).read_to_end(&mut answer));
    // What it has to say beyond that is not read; it must not wait for us.
    if answer.len() as u64 >= most {
        let _ = child.kill();
    }
    let _ = child.wait();
    read.transpose().context("ffprobe's answer cannot be read")?;
    Ok((String::from_utf8_lossy(&answer).into_owned(), log.join().unwrap_or_default()))
}

/// "30000/1001".
fn rate(text: &str) -> Option<f64> {
    let (over, under) = text.split_once('/')?;
    let rate = over.parse::<f64>().ok()? / under.parse::<f64>().ok()?;
    (rate.is_finite() && rate > 0.0).then_some(rate)
}

/// "12.5" or "00:00:12.500".
fn seconds(text: &str) -> Option<f64> {
    let mut parts = text.split(':').map(|part| part.parse::<f64>().ok());
    let seconds = parts.try_fold(0.0, |sum, part| Some(sum * 60.0 + part?))?;
    (seconds.is_finite() && seconds > 0.0).then_some(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_and_lengths_are_read_as_ffprobe_writes_them() {
        assert_eq!(rate("30/1"), Some(30.0));
        assert_eq!(rate("0/0"), None);
        assert_eq!(rate("30"), None);
        assert_eq!(seconds("12.5"), Some(12.5));
        assert_eq!(seconds("01:00:12.500000000"), Some(3612.5));
        assert_eq!(seconds("N/A"), None);
    }
}
