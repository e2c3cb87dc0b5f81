//! `mesh.safetensors`: every number is checked before it becomes an index or a place.

use super::{Morph, Part};
use crate::face;
use anyhow::{Context, Result, bail};
use glam::{Vec2, Vec3};
use half::f16;
use safetensors::{Dtype, SafeTensors};

/// Farther than this from the origin no part of a person lies, in head units.
const MAX_COORDINATE: f32 = 40.0;
/// Morph entries name vertices by 16 bits.
const MAX_VERTICES: usize = 1 << 16;
const MAX_TRIANGLES: usize = 1 << 18;
const MAX_DELTAS: usize = 1 << 22;

/// The tensors of one file.
pub(super) struct Tensors<'a>(pub SafeTensors<'a>);

impl Tensors<'_> {
    /// Bytes and rows of the tensor `name`, which must have `columns` columns (0: it has one dimension).
    fn raw(&self, name: &str, dtype: Dtype, columns: usize, max_rows: usize) -> Result<(&[u8], usize)> {
        let view = self.0.tensor(name).ok().with_context(|| format!("mesh.safetensors has no tensor \"{name}\""))?;
        let rows = match (columns, view.shape()) {
            (0, [rows]) => *rows,
            (_, [rows, c]) if *c == columns && columns > 0 => *rows,
            (_, shape) => {
                bail!("mesh.safetensors: \"{name}\" has the shape {shape:?}; it must have {} a row", columns.max(1))
            }
        };
        if view.dtype() != dtype {
            bail!("mesh.safetensors: \"{name}\" has the type {:?}; it must have {dtype:?}", view.dtype());
        }
        if rows > max_rows {
            bail!("mesh.safetensors: \"{name}\" has {rows} rows; at most {max_rows} are accepted");
        }
        Ok((view.data(), rows))
    }

    fn floats(&self, name: &str, columns: usize, rows: usize, low: f32, high: f32) -> Result<Vec<f32>> {
        let (data, found) = self.raw(name, Dtype::F32, columns, MAX_VERTICES)?;
        if rows != usize::MAX && found != rows {
            bail!(
                "mesh.safetensors: \"{name}\" has {found} rows where the part has {rows} vertices; bake the avatar again"
            );
        }
        let values: Vec<f32> = data.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
        if let Some(bad) = values.iter().find(|v| !(low..=high).contains(*v)) {
            bail!("mesh.safetensors: \"{name}\" holds {bad}; it must be {low} to {high}");
        }
        Ok(values)
    }

    fn vec2s(&self, name: &str, rows: usize) -> Result<Vec<Vec2>> {
        let flat = self.floats(name, 2, rows, -4.0, 4.0)?;
        Ok(flat.as_chunks::<2>().0.iter().map(|v| Vec2::from_array(*v)).collect())
    }

    /// Places of the body in the picture of the key `key`, and how much of it each vertex takes.
    pub fn key(&self, key: &str, rows: usize) -> Result<(Vec<Vec2>, Vec<f32>)> {
        let uv = self.vec2s(&format!("body.key.{key}.uv"), rows)?;
        Ok((uv, self.floats(&format!("body.key.{key}.mask"), 0, rows, 0.0, 1.0)?))
    }

    /// Fills the mesh of `part`, whose tensors are called `prefix.…`.
    pub fn part(&self, prefix: &str, part: &mut Part) -> Result<()> {
        let flat = self.floats(&format!("{prefix}.position"), 3, usize::MAX, -MAX_COORDINATE, MAX_COORDINATE)?;
        part.positions = flat.as_chunks::<3>().0.iter().map(|v| Vec3::from_array(*v)).collect();
        let n = part.positions.len();
        part.uv = self.vec2s(&format!("{prefix}.uv"), n)?;
        part.head = self.floats(&format!("{prefix}.head"), 0, n, 0.0, 1.0)?;
        let name = format!("{prefix}.triangles");
        let (data, _) = self.raw(&name, Dtype::U32, 3, MAX_TRIANGLES)?;
        let corners: Vec<u32> = data.as_chunks::<4>().0.iter().map(|b| u32::from_le_bytes(*b)).collect();
        if let Some(bad) = corners.iter().find(|c| **c as usize >= n) {
            bail!("mesh.safetensors: \"{name}\" names the vertex {bad}; the part has {n}");
        }
        part.triangles = corners.as_chunks::<3>().0.to_vec();
        part.morphs = self.morphs(prefix, n)?;
        Ok(())
    }

    fn morphs(&self, prefix: &str, vertices: usize) -> Result<Vec<Morph>> {
        if self.0.tensor(&format!("{prefix}.morph.target")).is_err() {
            return Ok(Vec::new());
        }
        let (targets, k) = self.raw(&format!("{prefix}.morph.target"), Dtype::U8, 0, MAX_DELTAS)?;
        let (vertex, kv) = self.raw(&format!("{prefix}.morph.vertex"), Dtype::U16, 0, MAX_DELTAS)?;
        let (delta, kd) = self.raw(&format!("{prefix}.morph.delta"), Dtype::F16, 3, MAX_DELTAS)?;
        if k != kv || k != kd {
            bail!(
                "mesh.safetensors: \"{prefix}.morph\" has {k} targets, {kv} vertices and {kd} deltas; they must be as many"
            );
        }
        let mut morphs: Vec<Morph> = (0..face::COUNT).map(|weight| Morph { weight, deltas: Vec::new() }).collect();
        for ((target, vertex), delta) in targets.iter().zip(vertex.as_chunks::<2>().0).zip(delta.as_chunks::<6>().0) {
            let vertex = u16::from_le_bytes(*vertex);
            if usize::from(vertex) >= vertices {
                bail!("mesh.safetensors: \"{prefix}.morph.vertex\" names the vertex {vertex}; the part has {vertices}");
            }
            let [x0, x1, y0, y1, z0, z1] = *delta;
            let delta = Vec3::new(
                f16::from_le_bytes([x0, x1]).to_f32(),
                f16::from_le_bytes([y0, y1]).to_f32(),
                f16::from_le_bytes([z0, z1]).to_f32(),
            );
            if !(delta.abs().max_element() <= MAX_COORDINATE && delta.is_finite()) {
                bail!(
                    "mesh.safetensors: \"{prefix}.morph.delta\" holds {delta}; it must be finite and at most {MAX_COORDINATE}"
                );
            }
            let Some(morph) = morphs.get_mut(usize::from(*target)) else {
                bail!(
                    "mesh.safetensors: \"{prefix}.morph.target\" names the weight {target}; there are {}",
                    face::COUNT
                );
            };
            morph.deltas.push((u32::from(vertex), delta));
        }
        morphs.retain(|m| !m.deltas.is_empty());
        Ok(morphs)
    }
}
