//! The log's files: the current one, the previous one, and where the log ends.

use super::line::{End, LONGEST};
use crate::config::Paths;
use anyhow::{Context, Result, bail};
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// The most that one of the two files holds, in bytes: a mebibyte together.
pub const LIMIT: u64 = 512 * 1024;

/// Where they lie.
#[derive(Clone, Debug)]
pub struct Files {
    pub current: PathBuf,
    pub previous: PathBuf,
    pub end: PathBuf,
}

impl Files {
    pub fn of(paths: &Paths) -> Self {
        let file = |name: &str| paths.state.join(name);
        Self { current: file("session.log"), previous: file("session.log.1"), end: file("session.log.end") }
    }

    /// Makes the folder, for its owner alone.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn make_folder(&self) -> Result<()> {
        let folder = self.current.parent().unwrap_or(Path::new("."));
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .with_context(|| format!("error making the folder {}", folder.display()))
    }

    /// Appends to the current file, on the disk when this returns. Where that fails the file is as it was, if it can be.
    ///
    /// # Errors
    /// It is no plain file or cannot be written.
    pub fn append(&self, length: u64, line: &str) -> Result<()> {
        let told = || format!("error writing {}", self.current.display());
        length_of(&self.current)?;
        let mut file =
            OpenOptions::new().append(true).create(true).mode(0o600).open(&self.current).with_context(told)?;
        file.write_all(line.as_bytes())
            .and_then(|()| file.sync_data())
            .inspect_err(|_| {
                let _ = file.set_len(length);
            })
            .with_context(told)
    }

    /// Cuts the current file to `length` bytes.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn cut(&self, length: u64) -> Result<()> {
        let cut = OpenOptions::new().write(true).open(&self.current).and_then(|file| file.set_len(length));
        cut.with_context(|| format!("error writing {}", self.current.display()))
    }

    /// Makes the current file the previous one.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn rotate(&self) -> Result<()> {
        std::fs::rename(&self.current, &self.previous)
            .with_context(|| format!("error renaming {}", self.current.display()))
    }

    /// Replaces the end file.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn write_end(&self, text: &str) -> Result<()> {
        let part = self.end.with_extension("end.part");
        let write = || -> std::io::Result<()> {
            let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&part)?;
            file.write_all(text.as_bytes())?;
            file.sync_data()?;
            std::fs::rename(&part, &self.end)
        };
        write().map_err(|e| {
            let _ = std::fs::remove_file(&part);
            anyhow::Error::from(e).context(format!("error writing {}", self.end.display()))
        })
    }

    /// The end file as it is; None where there is none.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn read_end(&self) -> Result<Option<Vec<u8>>> {
        match length_of(&self.end)? {
            None => Ok(None),
            Some(_) => tail(&self.end, LONGEST as u64).map(Some),
        }
    }

    /// Removes the log. True where there was one.
    ///
    /// # Errors
    /// A file cannot be removed.
    pub fn clear(&self) -> Result<bool> {
        let mut some = false;
        // The end first: a log without one is no log that was cut off.
        for path in [&self.end, &self.current, &self.previous] {
            match std::fs::remove_file(path) {
                Ok(()) => some = true,
                Err(e) if e.kind() == ErrorKind::NotFound => {}
                Err(e) => {
                    return Err(e).with_context(|| {
                        format!("error removing {}; make its folder writable for you", path.display())
                    });
                }
            }
        }
        Ok(some)
    }

    /// The end, where it is there and was signed with `key`.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn end(&self, key: &[u8; 32]) -> Result<Option<End>> {
        Ok(self.read_end()?.and_then(|bytes| End::parse(&bytes, key)))
    }
}

/// How long a plain file is; None where there is none.
///
/// # Errors
/// It is something else, which could keep us for ever, or cannot be looked at.
pub fn length_of(path: &Path) -> Result<Option<u64>> {
    match std::fs::metadata(path) {
        Ok(is) if is.is_file() => Ok(Some(is.len())),
        Ok(_) => bail!("{} is no plain file", path.display()),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
        Err(e) => Err(e).with_context(|| format!("error reading {}", path.display())),
    }
}

/// The last `most` bytes of a plain file.
///
/// # Errors
/// It cannot be read.
pub fn tail(path: &Path, most: u64) -> Result<Vec<u8>> {
    let read = || -> std::io::Result<Vec<u8>> {
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(most)))?;
        let mut bytes = Vec::new();
        file.take(most).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    read().with_context(|| format!("error reading {}", path.display()))
}
