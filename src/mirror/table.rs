//! How the landmark network sees the template's morphs (`models/mirror/seen.safetensors`, made by `models/mirror/recipe/train.py`).

use crate::face::{self, Shape};
use anyhow::{Context, Result, bail, ensure};
use half::f16;
use nalgebra::DMatrix;
use safetensors::{Dtype, SafeTensors};
use std::path::Path;

/// Landmarks without the irises.
pub const MESH: usize = 468;
/// Numbers of a frame: x, y and z of each.
pub const SEEN: usize = MESH * 3;
/// What shifts landmarks beside the weights: gaze, the head's turn and its squares.
pub const BESIDE: usize = 9;
/// Terms that gaze is told by.
pub const GAZE_TERMS: usize = 19;

/// The weights that are read, in the table's order. The others are not seen well enough.
#[rustfmt::skip]
pub const READ: [Shape; 28] = [
    Shape::JawOpen, Shape::JawLeft, Shape::JawRight, Shape::MouthSmileLeft, Shape::MouthSmileRight, Shape::MouthFrownLeft, Shape::MouthFrownRight,
    Shape::MouthUpperUpLeft, Shape::MouthUpperUpRight, Shape::MouthPressLeft, Shape::MouthPressRight, Shape::MouthPucker, Shape::MouthFunnel,
    Shape::MouthClose, Shape::MouthLeft, Shape::MouthRight, Shape::MouthRollLower, Shape::MouthRollUpper, Shape::MouthShrugUpper,
    Shape::BrowInnerUp, Shape::BrowOuterUpLeft, Shape::BrowOuterUpRight, Shape::BrowDownLeft, Shape::BrowDownRight,
    Shape::EyeBlinkLeft, Shape::EyeBlinkRight, Shape::EyeWideLeft, Shape::EyeWideRight,
];

/// Unknowns of a frame.
pub const UNKNOWNS: usize = READ.len() + BESIDE;

/// The generalised least-squares problem of every frame, of [`UNKNOWNS`]: the weights of [`READ`], then what is beside them.
pub struct Table {
    /// Unknowns by [`SEEN`]: the way of the landmarks at 1 over the noise's covariance, which a frame's misses are multiplied by.
    pub read: Vec<f32>,
    /// Unknowns by unknowns: the problem's matrix, the prior in it.
    pub square: Vec<f32>,
    /// Its inverse.
    pub inverse: Vec<f32>,
    /// Of each unknown: how strongly it is drawn to what is believed beforehand.
    pub prior: Vec<f32>,
    /// [`GAZE_TERMS`] by yaw and pitch, degrees.
    pub gaze: Vec<f32>,
}

impl Table {
    /// # Errors
    /// The file is missing, or not what the recipe writes.
    pub fn load(path: &Path) -> Result<Self> {
        let bytes = std::fs::read(path).with_context(|| {
            format!("error reading how faces are seen, {}; install the program again", path.display())
        })?;
        read(&bytes).with_context(|| format!("{} is broken; install the program again", path.display()))
    }
}

fn read(bytes: &[u8]) -> Result<Table> {
    let (_, metadata) =
        SafeTensors::read_metadata(bytes).map_err(|e| anyhow::anyhow!("it is no safetensors file: {e}"))?;
    let names = metadata.metadata().as_ref().and_then(|m| m.get("weights")).context("it names no weights")?;
    let ours = READ.map(|shape| face::NAMES[shape as usize]).join(" ");
    ensure!(*names == ours, "it is of another version: its weights are {names}");
    let tensors = SafeTensors::deserialize(bytes).map_err(|e| anyhow::anyhow!("it is no safetensors file: {e}"))?;
    let n = UNKNOWNS;
    let tensor = |name: &str, count: usize| -> Result<Vec<f32>> {
        let view = tensors.tensor(name).ok().with_context(|| format!("there is no tensor \"{name}\""))?;
        let all: Vec<f32> = match view.dtype() {
            Dtype::F32 => view.data().as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect(),
            Dtype::F16 => view.data().as_chunks::<2>().0.iter().map(|b| f16::from_le_bytes(*b).to_f32()).collect(),
            other => bail!("\"{name}\" is {other:?}"),
        };
        ensure!(
            all.len() == count && all.iter().all(|v| v.is_finite()),
            "\"{name}\" has {} numbers, or such that are none",
            all.len()
        );
        Ok(all)
    };
    let scale = tensor("scale", 1)?.first().copied().unwrap_or(1.0);
    let square = tensor("square", n * n)?;
    ensure!((0..n).all(|i| square.get(i * n + i).is_some_and(|d| *d > 0.0)), "\"square\" has no positive diagonal");
    let inverse =
        DMatrix::from_row_slice(n, n, &square).map(f64::from).try_inverse().context("\"square\" has no inverse")?;
    Ok(Table {
        inverse: inverse.transpose().iter().map(|v| *v as f32).collect(),
        read: tensor("read", n * SEEN)?.into_iter().map(|v| v * scale).collect(),
        prior: tensor("prior", n)?,
        gaze: tensor("gaze", GAZE_TERMS * 2)?,
        square,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ships_is_read_and_what_is_broken_is_told() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/mirror/seen.safetensors");
        assert_eq!(Table::load(&path).unwrap().prior.len(), UNKNOWNS);
        let mut bytes = std::fs::read(&path).unwrap();
        bytes.truncate(bytes.len() - 10);
        let dir = tempfile::tempdir().unwrap();
        let cut = dir.path().join("cut.safetensors");
        std::fs::write(&cut, bytes).unwrap();
        let e = format!("{:#}", Table::load(&cut).err().unwrap());
        assert!(e.contains("is broken; install the program again"), "{e}");
        assert!(Table::load(&dir.path().join("none")).err().unwrap().to_string().contains("install the program again"));
    }
}
