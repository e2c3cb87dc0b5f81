//! Sound to text: finds speech in the microphone's sound and has whisper.cpp write it down (`docs/listening.md`).
//!
//! Two threads: "listener" cuts the sound into stretches of speech, "recogniser" (at a lower priority) writes them down. All
//! queues are bounded, nothing is written to disk, and no word that was heard gets into the log.

mod believe;
mod ggml;
mod language;
mod listener;
mod recogniser;
mod segments;
mod whisper;

pub use language::{AUTO, check as check_language, of_locale};
pub use listener::{Event, Feed, Listener, Options};
pub use segments::{Segment, Segmenter};
pub use whisper::{Care, Heard, Whisper};

use crate::assets::Manifest;
use crate::config::Paths;
use std::path::PathBuf;

/// The model that is used where the settings name no other.
const MODEL: &str = "whisper";

/// Where the recogniser's model lies: the configured file, else the installed one (None: this program knows of none).
fn model_path(paths: &Paths, configured: Option<&PathBuf>) -> Option<PathBuf> {
    if let Some(path) = configured {
        return Some(path.clone());
    }
    Manifest::shipped().model(MODEL).ok()?.files().next().map(|f| f.place(paths))
}
