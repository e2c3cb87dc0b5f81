//! Text to sound: the voices, and the speaker that lets one be heard and seen.

mod catalog;
mod clip;
mod espeak;
mod graph;
mod kokoro;
mod level;
mod monitor;
mod output;
mod phonemes;
mod piper;
mod playback;
mod player;
mod speaker;
mod text;
mod timeline;
mod voice;

pub use catalog::{VoiceInfo, default_voice, open, voice_names, voices};
pub use monitor::MonitorSettings;
pub use playback::Playback;
pub use speaker::{Event, SayError, SayOptions, Speaker};
pub use text::{MAX_CHARS, TextError, check, sentences};
pub use voice::{Ear, Outline, Phone, Piece, Speech, Voice};

use crate::config::Paths;
use anyhow::{Result, bail};
use catalog::{ESPEAK, unknown_voice, usable};
use std::path::{Path, PathBuf};

/// The silence between two sentences, in seconds.
const PAUSE: f64 = 0.25;

/// Makes the neural voices ready for their first use, so that it comes sooner. `say` gets a line for each that was not.
pub fn prepare_voices(paths: &Paths, say: &mut dyn FnMut(&str)) {
    for model in catalog::piper_models(paths) {
        match piper::prepare(paths, &model) {
            Ok(true) => say(&format!("{}: cut in two for streaming", model.display())),
            Ok(false) => {}
            Err(e) => say(&format!("{}: {e:#}", model.display())),
        }
    }
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

fn config_of(model: &Path) -> PathBuf {
    let mut name = model.as_os_str().to_owned();
    name.push(".json");
    name.into()
}

fn name_of(model: &Path) -> String {
    model.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}
