//! The models: the manifest that pins them, their installation, their integrity, and the runtime that executes them.

mod fetch;
mod install;
mod manifest;
mod runtime;
mod whisper;

pub use install::{Installer, State, sha256, state};
pub use manifest::{Kind, Manifest, Model, ModelFile, Source};
pub use runtime::{builder, keeping_builder, read_checked, runtime};
