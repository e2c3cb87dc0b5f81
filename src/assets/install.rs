//! Checking and placing of model files. Only `vasa models install` comes here: the daemon opens no network.

use super::fetch::{Origin, Scratch};
use super::manifest::{Manifest, Model, ModelFile, Source};
use crate::config::Paths;
use anyhow::{Context, Result, bail, ensure};
use sha2::{Digest, Sha256};
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

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

/// The SHA-256 of bytes in lower-case hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// How far the file under way is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress<'a> {
    /// A file begins: the model's name and the file's, and its bytes.
    Begin(&'a str, u64),
    /// So many bytes of it are here, about: a package of it may be smaller or larger.
    At(u64),
    /// It is in its place, or was given up.
    End,
}

/// Installs models of a manifest.
pub struct Installer<'a> {
    paths: &'a Paths,
    manifest: &'a Manifest,
    /// A folder of files to take instead of fetching.
    from: Option<PathBuf>,
    progress: &'a dyn Fn(Progress<'_>),
}

impl<'a> Installer<'a> {
    pub fn new(paths: &'a Paths, manifest: &'a Manifest) -> Self {
        Self { paths, manifest, from: None, progress: &|_| () }
    }

    /// Has `progress` called while files come.
    pub fn watched(mut self, progress: &'a dyn Fn(Progress<'_>)) -> Self {
        self.progress = progress;
        self
    }

    /// Takes the files from `folder` instead of fetching them: by their name in the models folder or at their source.
    pub fn from_folder(mut self, folder: Option<PathBuf>) -> Self {
        self.from = folder;
        self
    }

    /// Installs the models called `names`, or all that are not optional where there are no names; what is installed already
    /// is left alone. `say` gets a line for each file. What was downloaded when it is interrupted or fails is kept, and the next
    /// run goes on from there.
    ///
    /// # Errors
    /// An unknown name, no space, a source that cannot be had, a file whose SHA-256 differs; files already placed stay, and nothing
    /// is left behind but downloads that broke off.
    pub fn install(&self, names: &[String], say: &mut dyn FnMut(&str)) -> Result<()> {
        let models: Vec<&Model> = if names.is_empty() {
            self.manifest.iter().filter(|m| !m.optional).collect()
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
            if self.is_incomplete(model) {
                say(&format!("{}: licence {}, {}", model.name, model.licence, model.attribution));
            }
            for file in model.files() {
                self.install_file(model, file, &mut scratch, say)?;
            }
        }
        if let Some(scratch) = &mut scratch {
            scratch.forget();
        }
        Ok(())
    }

    /// Whether something of the model has to be fetched, at a glance.
    fn is_incomplete(&self, model: &Model) -> bool {
        model.files().any(|f| !f.shipped && fs::metadata(f.place(self.paths)).map_or(0, |m| m.len()) != f.size)
    }

    /// Whether there is room for the file, and for the package that it comes in.
    fn ensure_space(&self, file: &ModelFile) -> Result<()> {
        const MARGIN: u64 = 16 << 20;
        let folder = &self.paths.models;
        let needed = file.size.saturating_mul(2).saturating_add(MARGIN);
        // A file system that does not say is tried.
        let Ok(system) = rustix::fs::statvfs(folder) else { return Ok(()) };
        let free = system.f_bavail.saturating_mul(system.f_frsize);
        ensure!(
            free >= needed,
            "installing {} needs {:.0} MB and {} has {:.0} MB left; free some space, or set VASA_MODELS_DIR to a folder on another disk",
            file.name(),
            needed as f64 / 1e6,
            folder.display(),
            free as f64 / 1e6
        );
        Ok(())
    }

    fn install_file(
        &self,
        model: &Model,
        file: &ModelFile,
        scratch: &mut Option<Scratch<'a>>,
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
        for source in &file.sources {
            if let Source::Encoder(encoder) = source {
                let place = self.paths.models.join(&encoder.encoder_of);
                let (model, file) = self.manifest.pinned(self.paths, &place).with_context(|| {
                    format!("the model manifest has no file {} to make {} from", place.display(), file.name())
                })?;
                self.install_file(model, file, scratch, say)?;
            }
        }
        let scratch = match scratch {
            Some(s) => s,
            None => {
                let new = scratch.insert(Scratch::new(&self.paths.models, self.progress)?);
                // Whoever was waited for may have installed it.
                if state(self.paths, file)? == State::Installed {
                    say(&format!("{label}: installed"));
                    return Ok(());
                }
                new
            }
        };
        self.ensure_space(file)?;
        let mut failures = Vec::new();
        for source in self.candidates(file) {
            say(&format!("{label}: taking {:.1} MB from {source}", file.size as f64 / 1e6));
            (self.progress)(Progress::Begin(&label, file.size));
            let mut taken = self.take(file, &source, scratch);
            if matches!(taken, Ok(Err(_))) {
                // Other bytes than they should be: what came from there is not kept. What was begun by an earlier run may be to
                // blame: once more, from the beginning.
                let resumed = scratch.resumed;
                scratch.forget();
                if resumed {
                    taken = self.take(file, &source, scratch);
                }
            }
            (self.progress)(Progress::End);
            match taken.and_then(|adopted| adopted) {
                Ok(()) => {
                    say(&format!("{label}: installed and verified"));
                    return Ok(());
                }
                Err(e) => failures.push(format!("{e:#}")),
            }
        }
        bail!("the model \"{}\" could not be installed: {}", model.name, failures.join("; "));
    }

    /// Fetches a file and puts it in its place. The inner error: it came, and is not what it should be.
    fn take(&self, file: &ModelFile, source: &Origin, scratch: &mut Scratch) -> Result<Result<()>> {
        let fetched = source.fetch(file, scratch)?;
        Ok(adopt(&fetched, file, &file.place(self.paths), source))
    }

    fn candidates(&self, file: &ModelFile) -> Vec<Origin> {
        let sources = |made_here: bool| {
            let some = file.sources.iter().filter(move |s| !made_here || matches!(s, Source::Encoder(_)));
            some.cloned().map(Origin::Source)
        };
        match &self.from {
            // What is made of a file that is there needs no network.
            Some(folder) => [Origin::Folder(folder.clone())].into_iter().chain(sources(true)).collect(),
            None => sources(false).collect(),
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
