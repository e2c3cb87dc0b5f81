//! TensorFlow Lite networks, written as ONNX networks that compute the same. What comes out is the same to the bit on every
//! machine; the manifest pins it.
//!
//! Inputs and outputs keep their names and their layout (channels last). Inside the channels come first, as ONNX wants them.

mod convert;
mod flat;
mod flex;
mod model;
mod own;

use anyhow::{Context, Result, ensure};
use std::fs;
use std::path::Path;

/// The largest file that is read.
const MAX_BYTES: u64 = 256 << 20;

/// Converts the network in `from` to `to`.
///
/// # Errors
/// A file that cannot be read or written, that is no TensorFlow Lite network, or one with operators that are not known here.
pub(super) fn convert(from: &Path, to: &Path) -> Result<()> {
    let reading = || format!("error reading {}", from.display());
    let size = fs::metadata(from).with_context(reading)?.len();
    ensure!(size <= MAX_BYTES, "{} has {size} bytes, at most {MAX_BYTES} are converted", from.display());
    let network = convert::network(&fs::read(from).with_context(reading)?).with_context(|| {
        format!("{} is no network that can be converted; take it from another place", from.display())
    })?;
    fs::write(to, network).with_context(|| format!("error writing {}", to.display()))
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod tiny;
