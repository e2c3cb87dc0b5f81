//! Opening what may be anything: only regular files go further, and by their first bytes it is known who reads them.

use anyhow::{Context, Result, bail};
use image::ImageFormat;
use std::fs::{File, FileType, Metadata, OpenOptions};
use std::io::{ErrorKind, Read, Seek};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;

/// How many of the first bytes are looked at.
const HEAD: u64 = 4096;

/// The most bytes of a file that is decoded as one picture: such decoders may take the whole file into memory.
pub const MOST_PICTURE_BYTES: u64 = 256 << 20;

/// Who reads the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One picture that we decode.
    Still(ImageFormat),
    /// An animated WebP, which not every ffmpeg knows.
    Animation,
    /// A video, or a picture of another kind: for ffmpeg.
    Other,
}

pub struct Opened {
    /// At its beginning.
    pub file: File,
    pub bytes: u64,
    pub kind: Kind,
}

/// # Errors
/// It is not there, may not be read, is no regular file, is empty, or is text.
pub fn open(path: &Path) -> Result<Opened> {
    let metadata = match std::fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(e) if e.kind() == ErrorKind::NotFound => bail!("there is no such file; check its name"),
        Err(e) if e.kind() == ErrorKind::PermissionDenied => bail!("no permission to reach it; ask its owner"),
        Err(e) => return Err(e).context("it cannot be reached"),
    };
    regular(&metadata)?;
    // It may have become a pipe since: opening one must not wait.
    let file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY).open(path);
    let mut file = match file {
        Ok(file) => file,
        Err(e) if e.kind() == ErrorKind::PermissionDenied => {
            bail!("no permission to read it; ask its owner, or make it readable")
        }
        Err(e) => return Err(e).context("it cannot be opened"),
    };
    let metadata = file.metadata().context("it cannot be read")?;
    regular(&metadata)?;
    let bytes = metadata.len();
    let mut head = Vec::new();
    (&file).take(HEAD).read_to_end(&mut head).context("it cannot be read")?;
    file.rewind().context("it cannot be read")?;
    if head.is_empty() {
        bail!("the file is empty");
    }
    Ok(Opened { file, bytes, kind: kind(&head)? })
}

fn regular(metadata: &Metadata) -> Result<()> {
    let t: FileType = metadata.file_type();
    let what = if t.is_file() {
        return Ok(());
    } else if t.is_dir() {
        bail!("it is a folder; name the files in it")
    } else if t.is_fifo() {
        "a pipe"
    } else if t.is_socket() {
        "a socket"
    } else {
        "a device"
    };
    bail!("it is {what}, not a regular file; save what it gives to a file first")
}

fn kind(head: &[u8]) -> Result<Kind> {
    let has = |mark: &[u8]| head.windows(mark.len()).any(|w| w == mark);
    match head {
        [0xff, 0xd8, 0xff, ..] => Ok(Kind::Still(ImageFormat::Jpeg)),
        // An animated PNG tells so before its first picture.
        [0x89, b'P', b'N', b'G', ..] if has(b"acTL") => Ok(Kind::Other),
        [0x89, b'P', b'N', b'G', ..] => Ok(Kind::Still(ImageFormat::Png)),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', rest @ ..] => Ok(match rest {
            // Bit 1 of the extended header's flags (RFC 9649, 2.7): animation.
            [b'V', b'P', b'8', b'X', _, _, _, _, flags, ..] if flags & 2 != 0 => Kind::Animation,
            _ => Kind::Still(ImageFormat::WebP),
        }),
        _ if is_text(head) => bail!("it is a text file, not a picture or a video"),
        _ => Ok(Kind::Other),
    }
}

/// Text, and lists that would have ffmpeg open other files.
fn is_text(head: &[u8]) -> bool {
    let begin = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
    if [&b"#EXTM3U"[..], b"ffconcat", b"<", b"v=0", b"[playlist]"].iter().any(|list| begin.starts_with(list)) {
        return true;
    }
    // UTF-16 has a mark of its own.
    if head.starts_with(b"\xff\xfe") || head.starts_with(b"\xfe\xff") {
        return head.len() >= 4 && head.iter().filter(|b| **b == 0).count() * 3 > head.len();
    }
    let readable = match std::str::from_utf8(head) {
        Ok(_) => true,
        // Cut within a letter by the end of what is looked at.
        Err(e) => e.error_len().is_none() && head.len() as u64 == HEAD,
    };
    readable && !head.iter().any(|b| matches!(b, 0..=8 | 14..=26 | 28..=31 | 127))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bytes_tell_who_reads_it() {
        assert_eq!(kind(b"\xff\xd8\xff\xe0\0\x10JFIF").unwrap(), Kind::Still(ImageFormat::Jpeg));
        assert_eq!(kind(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR").unwrap(), Kind::Still(ImageFormat::Png));
        assert_eq!(kind(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR....acTL").unwrap(), Kind::Other);
        assert_eq!(kind(b"RIFF\x10\0\0\0WEBPVP8 \0").unwrap(), Kind::Still(ImageFormat::WebP));
        assert_eq!(kind(b"RIFF\x10\0\0\0WEBPVP8X\x0a\0\0\0\x02\0").unwrap(), Kind::Animation);
        assert_eq!(kind(b"\0\0\0\x20ftypisom\0\0\x02\0").unwrap(), Kind::Other);
        assert_eq!(kind(b"YUV4MPEG2 W64 H64\nFRAME\n\x10\x10\x10").unwrap(), Kind::Other);
    }

    #[test]
    fn text_and_lists_of_other_files_are_refused() {
        let long = "é".repeat(3000);
        for text in [
            "hello",
            "Grüße\r\n\tan alle",
            "#EXTM3U\n\0file.ts",
            "ffconcat version 1.0\nfile '/etc/passwd'\0",
            "  <svg>\0",
            "\u{feff}<MPD>",
            "h\0e\0l\0l\0o\0",
            &long[..HEAD as usize],
            &("a".to_owned() + &long)[..],
        ] {
            let bytes = if text.starts_with("h\0") { [b"\xff\xfe", text.as_bytes()].concat() } else { text.into() };
            let head = &bytes[..bytes.len().min(HEAD as usize)];
            assert!(kind(head).unwrap_err().to_string().contains("text file"), "{text:.20}");
        }
    }
}
