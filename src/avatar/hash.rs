//! One number for all the files of a folder.

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// An avatar has a dozen files of a few hundred kilobytes; more than this is something else.
const MOST_FILES: usize = 256;
const MOST_BYTES: u64 = 512 << 20;

/// SHA-256 over the files of `folder`, those named in `except` left out: for each, in the order of their names' bytes, the length of
/// its name, its name, the length of its content, its content. Lengths are 64 bits, the most significant byte first.
///
/// # Errors
/// Something in the folder that is no plain file, more than 256 files or 512 MiB, or a file that cannot be read.
pub fn files(folder: &Path, except: &[&str]) -> Result<[u8; 32]> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(|| format!("error reading the folder {}", folder.display()))? {
        let name = entry.with_context(|| format!("error reading the folder {}", folder.display()))?.file_name();
        if !except.iter().any(|e| name == *e) {
            names.push(name);
        }
        if names.len() > MOST_FILES {
            bail!("{} holds more than {MOST_FILES} files; leave only the avatar's own in it", folder.display());
        }
    }
    names.sort();
    let mut hash = Sha256::new();
    let mut left = MOST_BYTES;
    for name in names {
        let (mut file, length) = open(&folder.join(&name))?;
        left = left.checked_sub(length).with_context(|| {
            format!("{} holds more than {} MiB; leave only the avatar's own in it", folder.display(), MOST_BYTES >> 20)
        })?;
        hash.update((name.len() as u64).to_be_bytes());
        hash.update(name.as_bytes());
        hash.update(length.to_be_bytes());
        copy(&mut file, length, &mut hash).with_context(|| format!("error reading {}", name.display()))?;
    }
    Ok(hash.finalize().into())
}

/// SHA-256 of one plain file of at most 512 MiB.
///
/// # Errors
/// There is no such file, it is larger, no plain file, or cannot be read.
pub fn file(path: &Path) -> Result<[u8; 32]> {
    // A link that leads to a plain file is as good as the file here.
    let place = path.canonicalize().with_context(|| format!("{} cannot be read", path.display()))?;
    let (mut file, length) = open(&place)?;
    if length > MOST_BYTES {
        bail!("{} has {length} bytes; at most {MOST_BYTES} are accepted", path.display());
    }
    let mut hash = Sha256::new();
    copy(&mut file, length, &mut hash).with_context(|| format!("error reading {}", path.display()))?;
    Ok(hash.finalize().into())
}

/// Opens a plain file; a pipe or a device would keep us for ever.
fn open(path: &Path) -> Result<(File, u64)> {
    let kind = std::fs::symlink_metadata(path).with_context(|| format!("{} cannot be read", path.display()))?;
    if !kind.is_file() {
        bail!("{} is no plain file; put the file itself in its place, or remove it", path.display());
    }
    let file = File::open(path).with_context(|| format!("{} cannot be read", path.display()))?;
    Ok((file, kind.len()))
}

/// Exactly `length` bytes: a file that grows meanwhile is read no further.
fn copy(file: &mut File, length: u64, hash: &mut Sha256) -> std::io::Result<()> {
    let mut buffer = vec![0; 1 << 16];
    let mut left = length;
    while left > 0 {
        let most = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let read = file.read(buffer.get_mut(..most).unwrap_or_default())?;
        if read == 0 {
            return Err(std::io::Error::new(std::io::ErrorKind::UnexpectedEof, "it became shorter while it was read"));
        }
        hash.update(buffer.get(..read).unwrap_or_default());
        left -= read as u64;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(named: &[(&str, &str)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        named.iter().for_each(|(name, content)| std::fs::write(dir.path().join(name), content).unwrap());
        dir
    }

    #[test]
    fn names_contents_and_nothing_else_count() {
        let hash = |named: &[(&str, &str)]| files(folder(named).path(), &["left-out"]).unwrap();
        let known = hash(&[("a", "1"), ("b", "2")]);
        assert_eq!(known, hash(&[("b", "2"), ("a", "1"), ("left-out", "x")]));
        for other in
            [&[("a", "12"), ("b", "")][..], &[("a", "2"), ("b", "1")], &[("a", "1")], &[("a", "1"), ("c", "2")]]
        {
            assert_ne!(known, hash(other), "{other:?}");
        }
        let spelled: [u8; 32] = Sha256::digest(b"\0\0\0\0\0\0\0\x01a\0\0\0\0\0\0\0\x011").into();
        assert_eq!(hash(&[("a", "1")]), spelled);
    }

    #[test]
    fn only_plain_files_are_read() {
        let dir = folder(&[("a", "1")]);
        std::os::unix::fs::symlink("/dev/zero", dir.path().join("endless")).unwrap();
        let e = format!("{:#}", files(dir.path(), &[]).unwrap_err());
        assert!(e.contains("endless") && e.contains("plain file"), "{e}");
        assert!(files(dir.path(), &["endless"]).is_ok());
        std::fs::create_dir(dir.path().join("deeper")).unwrap();
        assert!(files(dir.path(), &["endless"]).is_err());
        assert!(file(Path::new("/dev/zero")).is_err() && file(&dir.path().join("none")).is_err());
    }

    #[test]
    fn a_folder_of_very_many_or_very_large_files_is_refused() {
        let dir = folder(&[]);
        std::fs::File::create(dir.path().join("a")).unwrap().set_len(MOST_BYTES + 1).unwrap();
        let e = format!("{:#}", files(dir.path(), &[]).unwrap_err());
        assert!(e.contains("512 MiB"), "{e}");
        assert!(file(&dir.path().join("a")).is_err());
        (0..300).for_each(|i| std::fs::write(dir.path().join(format!("{i}")), "").unwrap());
        let e = format!("{:#}", files(dir.path(), &["a"]).unwrap_err());
        assert!(e.contains("256 files"), "{e}");
    }
}
