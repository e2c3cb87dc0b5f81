//! ffmpeg and ffprobe as children that read one open file and nothing else.
//!
//! The file is their standard input, opened anew by its number: whatever its name holds (a leading "-", a colon, a percent
//! sign, a protocol) never reaches their command line, and they can still seek in it.

use super::text::clean;
use anyhow::{Context, Result};
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::process::{Child, Command, Stdio};

/// The file as both programs name it.
pub const INPUT: &str = "file:/dev/stdin";

/// The most pixels of a frame, as for single pictures.
pub const MOST_PIXELS: &str = "64000000";

/// Starts one of them on `file`: no terminal, no network, no other protocol.
///
/// # Errors
/// It is not installed, or cannot be started.
pub fn start(program: &str, file: &File, arguments: &[&str]) -> Result<Child> {
    let input = file.try_clone().context("it cannot be opened again")?;
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::from(input)).stdout(Stdio::piped()).stderr(Stdio::piped());
    // Its own log file and the like are nothing for here.
    command.env_remove("FFREPORT").env("AV_LOG_FORCE_NOCOLOR", "1");
    command.spawn().map_err(|e| match e.kind() {
        ErrorKind::NotFound => {
            anyhow::anyhow!("{program} is not installed, and it is needed to read this; install the package ffmpeg")
        }
        _ => anyhow::anyhow!("{program} could not be started: {e}"),
    })
}

/// Lines of bounded length from `source`, to its end.
pub fn lines(mut source: impl Read, mut take: impl FnMut(&str)) {
    const LONGEST: usize = 2000;
    let (mut chunk, mut line) = ([0; 4096], Vec::new());
    while let Ok(read @ 1..) = source.read(&mut chunk) {
        for byte in chunk.iter().take(read) {
            match byte {
                b'\n' | b'\r' => {
                    take(&String::from_utf8_lossy(&line));
                    line.clear();
                }
                _ if line.len() < LONGEST => line.push(*byte),
                _ => {}
            }
        }
    }
    if !line.is_empty() {
        take(&String::from_utf8_lossy(&line));
    }
}

/// What a line of the log complains about, if it does: "[h264 @ 0x…] [error] no frame!" is "no frame!".
pub fn complaint(line: &str) -> Option<String> {
    let (_, text) = ["[error] ", "[fatal] ", "[panic] "].iter().find_map(|level| line.split_once(level))?;
    // What ends every complaint of all streams, and the name that we gave it ourselves.
    let text = text.strip_prefix(INPUT).map_or(text, |rest| rest.trim_start_matches(':'));
    Some(clean(text)).filter(|text| !text.is_empty())
}

/// Whether a complaint tells that the file ends too early.
pub fn tells_truncation(complaint: &str) -> bool {
    let lower = complaint.to_lowercase();
    ["partial file", "ended prematurely", "truncat", "moov atom not found", "end of file"]
        .iter()
        .any(|s| lower.contains(s))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn complaints_are_told_from_the_rest_of_the_log() {
        assert_eq!(complaint("[h264 @ 0x55] [error] no frame!").as_deref(), Some("no frame!"));
        assert_eq!(complaint("[error] file:/dev/stdin: Invalid data found").as_deref(), Some("Invalid data found"));
        assert_eq!(complaint("[info] n:   0 pts:      0"), None);
        assert!(tells_truncation("stream 0, offset 0x89a: partial file"));
    }

    #[test]
    fn a_line_without_end_stays_bounded() {
        let mut got = Vec::new();
        lines(&[b"a".repeat(100_000), b"\nshort\r\nlast".to_vec()].concat()[..], |l| got.push(l.len()));
        assert_eq!(got, [2000, 5, 0, 4]);
    }
}
