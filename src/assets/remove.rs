//! Taking models away again.

use super::manifest::{Manifest, Model};
use crate::config::Paths;
use anyhow::{Context, Result};
use std::fs;
use std::path::{Path, PathBuf};

/// The files of a model that can be removed, with their bytes: those that were installed for it and for no other model that is
/// installed, and what the program made of them. What came with the program is not among them.
pub fn removable(paths: &Paths, manifest: &Manifest, model: &Model) -> Vec<(PathBuf, u64)> {
    let others: Vec<PathBuf> = manifest
        .iter()
        .filter(|m| m.name != model.name && m.files().all(|f| f.place(paths).exists()))
        .flat_map(|m| m.files().map(|f| f.place(paths)))
        .collect();
    let own: Vec<PathBuf> = model.files().filter(|f| !f.shipped).map(|f| f.place(paths)).collect();
    let mut all: Vec<PathBuf> = own.iter().flat_map(|p| made_of(p)).chain(own.clone()).collect();
    all.retain(|p| !others.contains(p));
    all.sort();
    all.dedup();
    all.into_iter()
        .filter_map(|p| Some((p.clone(), fs::metadata(&p).ok().filter(fs::Metadata::is_file)?.len())))
        .collect()
}

/// Removes the files, and the folders that are then empty.
///
/// # Errors
/// A file that cannot be removed; those before it are gone.
pub fn remove(paths: &Paths, files: &[(PathBuf, u64)]) -> Result<()> {
    for (path, _) in files {
        fs::remove_file(path)
            .with_context(|| format!("error removing {}; check the folder's permissions", path.display()))?;
    }
    for folder in files.iter().filter_map(|(path, _)| path.parent()).filter(|f| *f != paths.models) {
        // One that is not empty stays.
        let _ = fs::remove_dir(folder);
    }
    Ok(())
}

/// What lies beside a file under its name with an ending: the halves of a voice.
fn made_of(path: &Path) -> Vec<PathBuf> {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else { return Vec::new() };
    let begins = format!("{}.", name.to_string_lossy());
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter(|e| e.file_name().to_string_lossy().starts_with(&begins)).map(|e| e.path()).collect()
}
