//! An avatar as one file, to keep or to give on: a ZIP archive of its folder's files, stored as they are.

use super::{Avatar, is_name, manifest};
use anyhow::{Context, Result, bail};
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

/// An avatar has a dozen files and a few megabytes; more is something else.
const MOST_FILES: usize = 64;
/// The folder among the avatars' that is none.
pub const TEMPLATE: &str = "template";
const MOST_BYTES: u64 = 128 << 20;

/// Writes the avatar in `folder` to the file `into`, which must not be there yet.
///
/// # Errors
/// The avatar cannot be drawn (broken, or without a record of consent), or the file cannot be written; then nothing stays of it.
pub fn export(folder: &Path, into: &Path) -> Result<()> {
    Avatar::load(folder)?;
    if into.exists() {
        bail!("{} is there already; choose another name, or remove it", into.display());
    }
    let parent = into.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let written = || -> Result<()> {
        let mut part = tempfile::Builder::new().prefix(".part-").tempfile_in(parent)?;
        let mut zip = ZipWriter::new(part.as_file_mut());
        let mut names: Vec<_> = std::fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?;
        names.sort_by_key(std::fs::DirEntry::file_name);
        // The same avatar gives the same file: no times in it.
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Stored)
            .last_modified_time(zip::DateTime::default());
        for entry in names {
            zip.start_file(entry.file_name().to_string_lossy(), options)?;
            zip.write_all(&std::fs::read(entry.path())?)?;
        }
        zip.finish()?;
        part.persist_noclobber(into)?;
        Ok(())
    };
    written().with_context(|| format!("error writing {}", into.display()))
}

/// An avatar from a file, in a folder that is removed again unless it is [kept](keep).
pub struct Imported {
    pub folder: tempfile::TempDir,
    /// What it calls itself.
    pub name: String,
}

/// Unpacks the avatar in the file `from` beside those in the folder `people`, and checks all of it.
///
/// # Errors
/// One sentence: it is no avatar, or a broken, changed or newer one.
pub fn import(from: &Path, people: &Path) -> Result<Imported> {
    let shown = from.display();
    let unusable = || format!("{shown} is no avatar that this program can use; ask for the file again");
    let file = File::open(from).with_context(|| format!("{shown} cannot be read"))?;
    let folder = new_folder(people)?;
    unpack(file, folder.path()).with_context(unusable)?;
    let name = manifest::read(folder.path()).with_context(unusable)?.name;
    Avatar::load(folder.path()).map_err(|e| {
        // The folder that it was unpacked into means nothing to anybody.
        let why = e.chain().skip(1).map(ToString::to_string).collect::<Vec<_>>().join(": ");
        anyhow::anyhow!("the avatar in {shown} cannot be used: {why}")
    })?;
    Ok(Imported { folder, name })
}

/// An empty folder beside the avatars, which is removed again unless [`keep`] is called.
///
/// # Errors
/// The folder cannot be made.
pub fn new_folder(people: &Path) -> Result<tempfile::TempDir> {
    std::fs::create_dir_all(people)
        .and_then(|()| tempfile::Builder::new().prefix(".part-").tempdir_in(people))
        .with_context(|| format!("error making a folder in {}; make it writable for you", people.display()))
}

/// Moves a new avatar to its place.
///
/// # Errors
/// The place cannot be written.
pub fn keep(part: tempfile::TempDir, folder: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    // A temporary folder is the user's alone; an avatar may be read.
    let opened = std::fs::set_permissions(part.path(), std::fs::Permissions::from_mode(0o755));
    opened
        .and_then(|()| std::fs::rename(part.path(), folder))
        .with_context(|| format!("error writing {}", folder.display()))?;
    let _ = part.keep();
    Ok(())
}

/// The folder that an avatar called `name` gets.
///
/// # Errors
/// The name cannot be one, or is taken.
pub fn place(people: &Path, name: &str) -> Result<PathBuf> {
    if !is_name(name) {
        let shown: String = name.chars().take(64).filter(|c| !c.is_control()).collect();
        bail!("an avatar cannot be called \"{shown}\"; use 1 to 64 small letters a to z, digits and hyphens");
    }
    let folder = people.join(name);
    if folder.exists() {
        bail!(
            "there is an avatar \"{name}\" already; choose another name, or remove it with `vasa avatar remove {name}`"
        );
    }
    if name == TEMPLATE {
        bail!("an avatar cannot be called \"{name}\": photos are fitted to that one; choose another name");
    }
    Ok(folder)
}

fn unpack(file: File, into: &Path) -> Result<()> {
    let mut zip = ZipArchive::new(file)?;
    if zip.len() > MOST_FILES {
        bail!("it holds {} files", zip.len());
    }
    let mut left = MOST_BYTES;
    for i in 0..zip.len() {
        let mut entry = zip.by_index(i)?;
        let name = entry.name().to_owned();
        let plain = !name.is_empty()
            && name.len() <= 64
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
        if !plain || name.starts_with('.') || !entry.is_file() {
            bail!("it holds \"{}\"", name.chars().take(64).filter(|c| !c.is_control()).collect::<String>());
        }
        let mut bytes = Vec::new();
        // What an entry says of its size need not be so.
        let read = (&mut entry).take(left + 1).read_to_end(&mut bytes)? as u64;
        left = left.checked_sub(read).context("it is larger than 128 MiB")?;
        File::create_new(into.join(&name))?.write_all(&bytes)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_unpacked_beside_the_folder() {
        for name in ["../evil", "/etc/x", "a/b", ".hidden", "", "avatar.toml\n"] {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("a.zip");
            let mut zip = ZipWriter::new(File::create(&path).unwrap());
            zip.start_file(name, SimpleFileOptions::default().compression_method(CompressionMethod::Stored)).unwrap();
            zip.write_all(b"x").unwrap();
            zip.finish().unwrap();
            let people = dir.path().join("people");
            assert!(import(&path, &people).is_err(), "{name:?}");
            assert_eq!(std::fs::read_dir(&people).unwrap().count(), 0, "{name:?}");
            assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 2, "{name:?}");
        }
    }

    #[test]
    fn what_is_no_archive_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.zip");
        std::fs::write(&path, b"PK no").unwrap();
        let told = format!("{:#}", import(&path, &dir.path().join("people")).map(|_| ()).unwrap_err());
        assert!(told.contains("a.zip") && told.contains("no avatar"), "{told}");
        for name in ["", "A", "a/b", "..", "template"] {
            assert!(place(dir.path(), name).is_err(), "{name}");
        }
    }
}
