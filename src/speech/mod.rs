//! Text to sound: the voices, and the speaker that lets one be heard and seen.

mod clip;
mod espeak;
mod graph;
mod monitor;
mod output;
mod piper;
mod playback;
mod player;
mod speaker;
mod text;
mod timeline;
mod voice;

pub use monitor::MonitorSettings;
pub use playback::Playback;
pub use speaker::{Event, SayError, SayOptions, Speaker};
pub use text::{MAX_CHARS, TextError, check, sentences};
pub use voice::{Ear, Outline, Phone, Piece, Speech, Voice};

use crate::config::Paths;
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};

/// A voice that can be chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VoiceInfo {
    pub name: String,
    /// A BCP 47 tag, such as "en-US".
    pub language: String,
    /// "piper" (neural) or "espeak-ng".
    pub engine: String,
}

/// The name of the fallback voice.
const ESPEAK: &str = "espeak";

/// The silence between two sentences, in seconds.
const PAUSE: f64 = 0.25;

/// The voices that can be chosen: the neural ones first, by name. A pair `NAME.onnx`, `NAME.onnx.json` in `voices/` of the
/// models folder is a voice; a broken pair is left out with a warning.
pub fn voices(paths: &Paths) -> Vec<VoiceInfo> {
    let (usable, broken) = usable(paths);
    for sentence in broken {
        tracing::warn!("a voice was left out: {sentence}");
    }
    usable
}

/// As [`voices`], with what is wrong with the others.
fn usable(paths: &Paths) -> (Vec<VoiceInfo>, Vec<String>) {
    let (mut all, mut broken) = (Vec::new(), Vec::new());
    for model in voice_files(paths) {
        match piper::Config::read(&config_of(&model)) {
            Ok(config) => {
                all.push(VoiceInfo { name: name_of(&model), language: config.language(), engine: "piper".into() })
            }
            Err(e) => broken.push(format!("{e:#}")),
        }
    }
    if espeak::is_there() {
        all.push(VoiceInfo { name: ESPEAK.into(), language: "en-US".into(), engine: "espeak-ng".into() });
    }
    (all, broken)
}

/// Opens the named voice; the first of [`voices`] where none is named.
///
/// # Errors
/// There is no such voice, or it does not load.
pub fn open(paths: &Paths, name: Option<&str>) -> Result<Box<dyn Voice>> {
    let known = usable(paths).0;
    let voice = match name.filter(|n| !n.is_empty()) {
        Some(name) => known.iter().find(|v| v.name == name).with_context(|| unknown_voice(name, &known))?,
        None => known.first().context("there is no voice; run vasa models install joe, and install espeak-ng")?,
    };
    if voice.engine == "espeak-ng" {
        return Ok(Box::new(espeak::Espeak::new()));
    }
    let model = paths.models.join("voices").join(format!("{}.onnx", voice.name));
    Ok(Box::new(piper::Piper::open(paths, &model)?))
}

fn unknown_voice(name: &str, known: &[VoiceInfo]) -> String {
    let names: Vec<_> = known.iter().map(|v| v.name.as_str()).collect();
    if names.is_empty() {
        return format!(
            "there is no voice \"{name}\", nor any other; run vasa models install joe, and install espeak-ng"
        );
    }
    format!("there is no voice \"{name}\"; choose one of: {}", names.join(", "))
}

/// Speaks a whole text at once, for `vasa render --text`. The same text, voice and rate give the same samples.
///
/// # Errors
/// Text that cannot be spoken, a rate outside 0.5..2, an unknown voice, a voice that fails.
pub fn synthesize(paths: &Paths, voice: Option<&str>, text: &str, rate: f64) -> Result<Speech> {
    check(text)?;
    check_rate(rate)?;
    let mut voice = open(paths, voice)?;
    let mut whole = Speech::default();
    for sentence in sentences(text) {
        whole.append(voice.as_mut(), &sentence, rate, PAUSE)?;
    }
    Ok(whole)
}

fn check_rate(rate: f64) -> Result<()> {
    if !(0.5..=2.0).contains(&rate) {
        bail!("the rate is {rate}; it must be 0.5 to 2");
    }
    Ok(())
}

fn voice_files(paths: &Paths) -> Vec<PathBuf> {
    let entries = fs::read_dir(paths.models.join("voices")).into_iter().flatten().flatten();
    let mut files: Vec<_> = entries
        .map(|e| e.path())
        .filter(|p| p.extension().is_some_and(|e| e == "onnx") && config_of(p).is_file())
        .collect();
    files.sort();
    files
}

fn config_of(model: &Path) -> PathBuf {
    let mut name = model.as_os_str().to_owned();
    name.push(".json");
    name.into()
}

fn name_of(model: &Path) -> String {
    model.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}
