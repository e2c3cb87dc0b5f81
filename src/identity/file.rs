//! The file that keeps the secret: 64 hexadecimal digits, readable by its owner alone.

use super::SECRET;
use crate::hex;
use anyhow::{Context, Result, bail};
use std::fs::{DirBuilder, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

/// Bytes from the system's generator.
///
/// # Errors
/// It gives none.
pub(super) fn random() -> Result<[u8; SECRET]> {
    let mut secret = [0; SECRET];
    getrandom::fill(&mut secret).map_err(|e| anyhow::anyhow!("the system gives no random numbers for a key: {e}"))?;
    Ok(secret)
}

/// The secret in the file; None where there is no file.
///
/// # Errors
/// The file cannot be read, or holds something else.
pub(super) fn read(path: &Path) -> Result<Option<[u8; SECRET]>> {
    let mut text = String::new();
    match std::fs::File::open(path) {
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(e).with_context(|| format!("error opening the installation's key {}", path.display())),
        Ok(file) => file
            .take(1024)
            .read_to_string(&mut text)
            .with_context(|| format!("error reading the installation's key {}", path.display()))?,
    };
    match hex::decode(text.trim()) {
        Some(secret) => Ok(Some(secret)),
        None => bail!(
            "{} is not a key of {} hexadecimal digits; bring the file back from a backup, or remove it to begin with a new key",
            path.display(),
            2 * SECRET
        ),
    }
}

/// The secret in the file, made and written first where there is none.
///
/// # Errors
/// As [`read`]; the file cannot be written.
pub(super) fn open(path: &Path) -> Result<[u8; SECRET]> {
    if let Some(secret) = read(path)? {
        return Ok(secret);
    }
    let secret = random()?;
    match create(path, &secret) {
        Ok(()) => Ok(secret),
        // Another program was first: its key counts.
        Err(e) if e.kind() == ErrorKind::AlreadyExists => {
            read(path)?.with_context(|| format!("the installation's key {} vanished while it was read", path.display()))
        }
        Err(e) => Err(e).with_context(|| {
            format!("error writing the installation's key {}; make that folder writable for you", path.display())
        }),
    }
}

/// Writes the file whole, or not at all; never over another one.
fn create(path: &Path, secret: &[u8; SECRET]) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let part = folder.join(format!(".identity-{}-{:x}", std::process::id(), secret[0]));
    let written = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&part).and_then(|mut file| {
        writeln!(file, "{}", hex::encode(secret))?;
        file.sync_all()?;
        std::fs::hard_link(&part, path)
    });
    let _ = std::fs::remove_file(&part);
    written
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn the_key_is_made_once_kept_and_private() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("deep/er/identity.key");
        assert_eq!(read(&path).unwrap(), None);
        let secret = open(&path).unwrap();
        assert_eq!(open(&path).unwrap(), secret);
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn programs_that_start_together_agree() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("identity.key");
        let all: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| open(&path).unwrap())).collect();
            threads.into_iter().map(|t| t.join().unwrap()).collect()
        });
        assert!(all.iter().all(|s| *s == all[0]));
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_is_no_key_is_refused_and_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("identity.key");
        for bad in ["", "hello", &"g".repeat(64), &"é".repeat(32), &"ab".repeat(33), &"+1".repeat(32)] {
            std::fs::write(&path, bad).unwrap();
            let e = format!("{:#}", open(&path).unwrap_err());
            assert!(e.contains("identity.key") && e.contains("remove it"), "{e}");
            assert_eq!(std::fs::read_to_string(&path).unwrap(), bad);
        }
    }
}
