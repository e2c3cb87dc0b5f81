//! The models: the manifest that pins them, their installation, their integrity, and the runtime that executes them.

mod fetch;
mod install;
mod manifest;
pub(crate) mod onnx;
mod provider;
mod remove;
mod runtime;
mod tflite;
mod whisper;

pub use install::{Installer, Progress, State, sha256, state};
pub use manifest::{Kind, Manifest, Model, ModelFile, Source};
pub use provider::{Provider, Running, accelerate, may_use_gpu, providers};
pub use remove::{removable, remove};
pub use runtime::{builder, keeping_builder, read_checked, runtime};
pub use whisper::mel as whisper_mel;
