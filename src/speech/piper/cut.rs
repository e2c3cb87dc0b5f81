//! A voice's network in two halves, cut once and kept beside the voice: `NAME.onnx.encoder`, `NAME.onnx.decoder`, and
//! `NAME.onnx.halves.json`, which says of which bytes they are. A voice that is replaced is cut anew.

use crate::assets::{self, Manifest};
use crate::config::Paths;
use crate::speech::graph;
use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Any number: the voice's random numbers, and with them its sound, are the same in every run.
pub(super) const SEED: f32 = 20.0;

/// Counts up where the cut changes, so that halves of an older program are made anew.
const VERSION: u32 = 1;

/// A network as it is to be loaded.
pub enum Network {
    Halves(graph::Halves),
    /// It cannot be cut: the sentence is made in one piece.
    Whole(Vec<u8>),
}

/// What the halves were made of, and what they are.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Index {
    version: u32,
    /// SHA-256 of the voice's file, and what the file system says of it: both change with the file.
    source: String,
    stamp: Stamp,
    /// SHA-256 of the halves.
    encoder: String,
    decoder: String,
}

/// What the file system says of a file; another file or another content has another stamp.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Stamp {
    size: u64,
    inode: u64,
    /// Seconds and nanoseconds of the last change of the content, then of anything.
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    fn of(path: &Path) -> Option<Self> {
        let m = fs::metadata(path).ok()?;
        let (modified, changed) = ((m.mtime(), m.mtime_nsec()), (m.ctime(), m.ctime_nsec()));
        Some(Self { size: m.size(), inode: m.ino(), modified, changed })
    }
}

/// Reads a voice's network, from its halves where they are there and are of this very file. Else the file is cut, and the
/// halves are kept for the next time if they can be.
///
/// # Errors
/// The file is missing, unreadable, or not the one that the manifest pins.
pub fn read(paths: &Paths, model: &Path) -> Result<Network> {
    if let Some(halves) = kept(paths, model) {
        return Ok(Network::Halves(halves));
    }
    let stamp = Stamp::of(model);
    let mut bytes = assets::read_checked(paths, model)?;
    let source = assets::sha256(&bytes);
    graph::seed(&mut bytes, SEED);
    let Some(halves) = graph::split(&bytes) else { return Ok(Network::Whole(bytes)) };
    if let Some(stamp) = stamp
        && let Err(e) = keep(model, source, stamp, &halves)
    {
        tracing::debug!("the halves of {} are not kept: {e:#}", model.display());
    }
    Ok(Network::Halves(halves))
}

/// Cuts a voice ahead of its first use. False: it was cut already, or cannot be.
///
/// # Errors
/// As [`read`].
pub fn prepare(paths: &Paths, model: &Path) -> Result<bool> {
    if kept(paths, model).is_some() {
        return Ok(false);
    }
    Ok(matches!(read(paths, model)?, Network::Halves(_)))
}

fn kept(paths: &Paths, model: &Path) -> Option<graph::Halves> {
    let index: Index = serde_json::from_slice(&fs::read(beside(model, "halves.json")).ok()?).ok()?;
    let pinned = Manifest::shipped().pinned(paths, model);
    let is_current = index.version == VERSION
        && Some(&index.stamp) == Stamp::of(model).as_ref()
        && pinned.is_none_or(|(_, file)| file.sha256 == index.source);
    if !is_current {
        return None;
    }
    let half = |end: &str, hash: &str| {
        let bytes = fs::read(beside(model, end)).ok()?;
        (assets::sha256(&bytes) == hash).then_some(bytes)
    };
    Some(graph::Halves { encoder: half("encoder", &index.encoder)?, decoder: half("decoder", &index.decoder)? })
}

fn keep(model: &Path, source: String, stamp: Stamp, halves: &graph::Halves) -> Result<()> {
    let index = Index {
        version: VERSION,
        source,
        stamp,
        encoder: assets::sha256(&halves.encoder),
        decoder: assets::sha256(&halves.decoder),
    };
    write(&beside(model, "encoder"), &halves.encoder)?;
    write(&beside(model, "decoder"), &halves.decoder)?;
    // Last: it vouches for the others.
    write(&beside(model, "halves.json"), serde_json::to_string_pretty(&index)?.as_bytes())
}

/// Writes a file so that it is there whole or not at all.
fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let folder = path.parent().context("a voice lies in a folder")?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let new = folder.join(format!(".{name}.{}-{}", std::process::id(), fastrand::u32(..)));
    let written = File::create_new(&new).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&new, path)
    });
    if written.is_err() {
        fs::remove_file(&new).ok();
    }
    written.with_context(|| format!("error writing {}; check the folder's permissions", path.display()))
}

fn beside(model: &Path, end: &str) -> PathBuf {
    let mut name = model.as_os_str().to_owned();
    name.push(".");
    name.push(end);
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn halves(paths: &Paths, model: &Path) -> graph::Halves {
        match read(paths, model).unwrap() {
            Network::Halves(halves) => halves,
            Network::Whole(_) => panic!("it was not cut"),
        }
    }

    fn files(folder: &Path) -> Vec<String> {
        let mut all: Vec<_> =
            fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().to_string_lossy().into_owned()).collect();
        all.sort();
        all
    }

    #[test]
    fn halves_are_kept_and_made_anew_where_the_voice_or_they_themselves_changed() {
        let folder = tempfile::tempdir().unwrap();
        let (paths, model) = (Paths::find(), folder.path().join("v.onnx"));
        fs::write(&model, graph::small_voice(b"one")).unwrap();
        assert!(prepare(&paths, &model).unwrap());
        assert_eq!(files(folder.path()), ["v.onnx", "v.onnx.decoder", "v.onnx.encoder", "v.onnx.halves.json"]);
        assert!(!prepare(&paths, &model).unwrap(), "they are current");
        let one = halves(&paths, &model);
        // The same size, other bytes.
        fs::write(&model, graph::small_voice(b"two")).unwrap();
        let two = halves(&paths, &model);
        assert!(one.encoder != two.encoder && kept(&paths, &model).is_some());
        fs::write(beside(&model, "decoder"), "damaged").unwrap();
        assert!(kept(&paths, &model).is_none());
        assert!(halves(&paths, &model).decoder == two.decoder && kept(&paths, &model).is_some());
        fs::write(beside(&model, "halves.json"), "{").unwrap();
        assert!(halves(&paths, &model).encoder == two.encoder);
    }

    #[test]
    fn where_nothing_can_be_kept_the_voice_is_cut_all_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let (paths, model) = (Paths::find(), folder.path().join("v.onnx"));
        fs::write(&model, graph::small_voice(b"")).unwrap();
        // A folder in the way: root may write anywhere else.
        fs::create_dir_all(folder.path().join("v.onnx.encoder/x")).unwrap();
        halves(&paths, &model);
        assert_eq!(files(folder.path()), ["v.onnx", "v.onnx.encoder"]);
        fs::write(&model, "no network").unwrap();
        assert!(matches!(read(&paths, &model).unwrap(), Network::Whole(_)));
    }
}
