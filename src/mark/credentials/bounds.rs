//! Looks at a file before the crate does: what it is, and that reading its structure takes bounded memory.

use anyhow::{Context, Result, bail, ensure};
use std::io::{ErrorKind, Read, Seek, SeekFrom};

/// Bytes of a picture; the crate takes a JPEG whole into memory.
const LARGEST_PICTURE: u64 = 128 << 20;
/// Bytes of a part of a video that is taken into memory: the index of some hours takes 20 MiB.
const LARGEST_PART: u64 = 32 << 20;
/// Parts of a file; the crate keeps a line for each.
const MOST_PARTS: usize = 1 << 17;

/// What a file is, by its first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Png,
    Jpeg,
    /// ISO base media: MP4, MOV.
    Bmff,
    /// Something else: credentials can only lie beside it.
    Other,
}

impl Kind {
    pub(super) fn mime(self) -> &'static str {
        match self {
            Kind::Png => "image/png",
            Kind::Jpeg => "image/jpeg",
            Kind::Bmff => "video/mp4",
            Kind::Other => "application/octet-stream",
        }
    }
}

/// Tells what the file is, and refuses one whose structure is made to exhaust.
///
/// # Errors
/// The file cannot be read, or has parts too large or too many; what is merely broken is left to the crate.
pub(super) fn look<R: Read + Seek>(file: &mut R) -> Result<Kind> {
    let length = file.seek(SeekFrom::End(0)).context("its length cannot be told")?;
    let mut head = [0; 12];
    let read = at(file, 0, &mut head)?;
    let kind = match &head[..read] {
        [0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a, ..] => Kind::Png,
        [0xff, 0xd8, 0xff, ..] => Kind::Jpeg,
        [_, _, _, _, b'f', b't', b'y', b'p', ..] => Kind::Bmff,
        _ => Kind::Other,
    };
    match kind {
        Kind::Png | Kind::Jpeg if length > LARGEST_PICTURE => {
            bail!("it has {length} bytes; pictures are read up to {LARGEST_PICTURE}")
        }
        Kind::Png => parts(file, length, 8, |head| {
            let size = u32::from_be_bytes([head[0], head[1], head[2], head[3]]);
            (u64::from(size) + 12, true)
        })?,
        Kind::Bmff => parts(file, length, 0, |head| {
            let size = u32::from_be_bytes([head[0], head[1], head[2], head[3]]);
            let size = match size {
                0 => length,
                1 => head[8..16].try_into().map_or(0, u64::from_be_bytes),
                size => size.into(),
            };
            // The media itself is streamed.
            (size, matches!(&head[4..8], b"mdat" | b"free" | b"skip"))
        })?,
        Kind::Jpeg | Kind::Other => {}
    }
    file.rewind().context("it cannot be read again")?;
    Ok(kind)
}

/// Walks over parts from `start`; `part` tells from 16 bytes how long one is and whether it may be of any length.
fn parts<R: Read + Seek>(file: &mut R, length: u64, start: u64, part: impl Fn(&[u8; 16]) -> (u64, bool)) -> Result<()> {
    let mut place = start;
    for _ in 0..MOST_PARTS {
        let mut head = [0; 16];
        if at(file, place, &mut head)? < 8 {
            return Ok(());
        }
        let (size, free) = part(&head);
        ensure!(free || size <= LARGEST_PART, "a part of it has {size} bytes; parts are read up to {LARGEST_PART}");
        match place.checked_add(size) {
            Some(next) if size >= 8 && next < length => place = next,
            _ => return Ok(()),
        }
    }
    bail!("it has more than {MOST_PARTS} parts")
}

/// Fills `buffer` from `place` as far as the file goes.
fn at<R: Read + Seek>(file: &mut R, place: u64, buffer: &mut [u8]) -> Result<usize> {
    file.seek(SeekFrom::Start(place)).context("it cannot be searched")?;
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(n) => filled += n,
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(e) => return Err(e).context("it cannot be read"),
        }
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    fn bmff(parts: &[(&[u8; 4], u32)]) -> Cursor<Vec<u8>> {
        let mut all = b"\0\0\0\x10ftypisom\0\0\0\0".to_vec();
        for (kind, size) in parts {
            all.extend(size.to_be_bytes());
            all.extend(*kind);
            all.resize(all.len() + (*size as usize).saturating_sub(8).min(64), 0);
        }
        Cursor::new(all)
    }

    #[test]
    fn kinds_are_told_by_the_first_bytes() {
        assert_eq!(look(&mut Cursor::new(b"\x89PNG\r\n\x1a\n".to_vec())).unwrap(), Kind::Png);
        assert_eq!(look(&mut Cursor::new(b"\xff\xd8\xff\xe0".to_vec())).unwrap(), Kind::Jpeg);
        assert_eq!(look(&mut bmff(&[(b"moov", 16)])).unwrap(), Kind::Bmff);
        assert_eq!(look(&mut Cursor::new(Vec::new())).unwrap(), Kind::Other);
    }

    #[test]
    fn what_would_exhaust_is_refused() {
        assert!(look(&mut bmff(&[(b"mdat", u32::MAX)])).is_ok());
        let e = look(&mut bmff(&[(b"uuid", u32::MAX)])).unwrap_err().to_string();
        assert!(e.contains("4294967295"), "{e}");
        let many: Vec<(&[u8; 4], u32)> = vec![(b"free", 8); MOST_PARTS + 1];
        assert!(look(&mut bmff(&many)).unwrap_err().to_string().contains("parts"));
    }
}
