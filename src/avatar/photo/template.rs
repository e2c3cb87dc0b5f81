//! The head that is fitted to a photograph (`models/avatars/recipe/template.py`).

use crate::face;
use anyhow::{Context, Result, bail};
use glam::{Vec2, Vec3};
use half::f16;
use safetensors::{Dtype, SafeTensors};
use std::path::Path;

/// Landmarks of MediaPipe's face mesh without the irises.
pub const LANDMARKS: usize = 468;

const FILE: &str = "head.safetensors";

/// A mesh of the template; head units, frontal.
#[derive(Clone, Debug, Default)]
pub struct Mesh {
    pub positions: Vec<Vec3>,
    pub uv: Vec<Vec2>,
    pub triangles: Vec<[u32; 3]>,
    /// Weight, vertex, way at weight 1.
    pub morphs: Vec<(u8, u16, Vec3)>,
}

/// An edge, from the viewer's left to right, by vertices of the face.
pub type Edge = Vec<usize>;

/// Lids of one eye.
#[derive(Clone, Debug)]
pub struct Lids {
    pub upper: Edge,
    pub lower: Edge,
    /// How far each vertex of the face goes with the upper lid's edge, 0..1.
    pub reach: Vec<f32>,
}

/// Where the lips touch.
#[derive(Clone, Debug)]
pub struct Lips {
    pub upper: Edge,
    pub lower: Edge,
    /// How far each vertex of the face goes with its own lip's edge, 0..1.
    pub reach: [Vec<f32>; 2],
}

/// Nobody in particular, with everything that moves.
#[derive(Clone, Debug)]
pub struct Template {
    pub face: Mesh,
    /// The outline of the face's mesh, in order.
    pub rim: Edge,
    /// Corners and shares of each landmark; None where it lies beside the face's mesh.
    pub landmarks: Vec<Option<([usize; 3], [f32; 3])>>,
    /// The avatar's own left and right.
    pub lids: [Lids; 2],
    pub lips: Lips,
    /// Points of the whole head, neck and shoulders.
    pub head: Vec<Vec3>,
    /// The avatar's own left and right.
    pub eyes: [(Mesh, Vec3); 2],
    pub cavity: Mesh,
    pub tongue: Mesh,
    /// Lower and upper.
    pub teeth: [Mesh; 2],
}

impl Template {
    /// Reads it from its folder.
    ///
    /// # Errors
    /// The file is missing or not what the recipe writes.
    pub fn load(folder: &Path) -> Result<Self> {
        let path = folder.join(FILE);
        let bytes = std::fs::read(&path)
            .with_context(|| format!("error reading the head that photos are fitted to, {}", path.display()))?;
        let tensors = SafeTensors::deserialize(&bytes).map_err(|e| {
            anyhow::anyhow!("{} is no safetensors file: {e}; install the program again", path.display())
        })?;
        read(&Tensors(tensors)).with_context(|| format!("{} is broken; install the program again", path.display()))
    }

    /// Where a landmark lies on a face with these vertices.
    pub fn landmark(&self, i: usize, positions: &[Vec3]) -> Option<Vec3> {
        let (corner, share) = self.landmarks.get(i)?.as_ref()?;
        Some(corner.iter().zip(share).map(|(c, s)| positions[*c] * *s).sum())
    }

    /// How one weight moves a landmark at weight 1, for all weights.
    pub fn landmark_units(&self) -> Vec<[Vec3; face::COUNT]> {
        let mut vertex = vec![[Vec3::ZERO; face::COUNT]; self.face.positions.len()];
        for (weight, v, delta) in &self.face.morphs {
            vertex[usize::from(*v)][usize::from(*weight)] = *delta;
        }
        let unit = |place: &Option<([usize; 3], [f32; 3])>| {
            let mut all = [Vec3::ZERO; face::COUNT];
            if let Some((corner, share)) = place {
                for (c, s) in corner.iter().zip(share) {
                    all.iter_mut().zip(&vertex[*c]).for_each(|(a, d)| *a += *d * *s);
                }
            }
            all
        };
        self.landmarks.iter().map(unit).collect()
    }
}

struct Tensors<'a>(SafeTensors<'a>);

impl Tensors<'_> {
    fn data(&self, name: &str, dtype: Dtype) -> Result<&[u8]> {
        let view = self.0.tensor(name).ok().with_context(|| format!("there is no tensor \"{name}\""))?;
        if view.dtype() != dtype {
            bail!("\"{name}\" is {:?} and not {dtype:?}", view.dtype());
        }
        Ok(view.data())
    }

    fn floats(&self, name: &str) -> Result<Vec<f32>> {
        Ok(self.data(name, Dtype::F32)?.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect())
    }

    fn vec3s(&self, name: &str) -> Result<Vec<Vec3>> {
        Ok(self.floats(name)?.as_chunks::<3>().0.iter().map(|v| Vec3::from_array(*v)).collect())
    }

    /// Indices, each below `below`.
    fn indices(&self, name: &str, below: usize) -> Result<Vec<usize>> {
        let all: Vec<usize> = self
            .data(name, Dtype::U16)?
            .as_chunks::<2>()
            .0
            .iter()
            .map(|b| usize::from(u16::from_le_bytes(*b)))
            .collect();
        match all.iter().find(|i| **i >= below) {
            Some(bad) => bail!("\"{name}\" names the vertex {bad} of {below}"),
            None => Ok(all),
        }
    }

    fn per_vertex(&self, name: &str, n: usize) -> Result<Vec<f32>> {
        let all = self.floats(name)?;
        if all.len() != n {
            bail!("\"{name}\" has {} rows for {n} vertices", all.len());
        }
        Ok(all)
    }

    fn mesh(&self, part: &str) -> Result<Mesh> {
        let positions = self.vec3s(&format!("{part}.position"))?;
        let n = positions.len();
        let uv = match self.floats(&format!("{part}.uv")) {
            Ok(flat) => flat.as_chunks::<2>().0.iter().map(|v| Vec2::from_array(*v)).collect(),
            Err(_) => vec![Vec2::ZERO; n],
        };
        let name = format!("{part}.triangles");
        let corners: Vec<u32> =
            self.data(&name, Dtype::U32)?.as_chunks::<4>().0.iter().map(|b| u32::from_le_bytes(*b)).collect();
        if uv.len() != n || corners.iter().any(|c| *c as usize >= n) {
            bail!("\"{part}\" does not hang together");
        }
        let weights = self.data(&format!("{part}.morph.target"), Dtype::U8)?;
        let vertices = self.indices(&format!("{part}.morph.vertex"), n)?;
        let deltas = self.data(&format!("{part}.morph.delta"), Dtype::F16)?.as_chunks::<2>().0;
        let deltas: Vec<f32> = deltas.iter().map(|b| f16::from_le_bytes(*b).to_f32()).collect();
        if weights.iter().any(|w| usize::from(*w) >= face::COUNT) || vertices.len() * 3 != deltas.len() {
            bail!("\"{part}.morph\" does not hang together");
        }
        let ways = deltas.as_chunks::<3>().0.iter().map(|v| Vec3::from_array(*v));
        let morphs = weights.iter().zip(vertices).zip(ways).map(|((w, v), d)| (*w, v as u16, d)).collect();
        Ok(Mesh { positions, uv, triangles: corners.as_chunks::<3>().0.to_vec(), morphs })
    }
}

fn read(t: &Tensors) -> Result<Template> {
    let face = t.mesh("face")?;
    let n = face.positions.len();
    let corners = t.indices("landmark.corner", n)?;
    let shares = t.floats("landmark.share")?;
    if corners.len() != LANDMARKS * 3 || shares.len() != LANDMARKS * 3 {
        bail!("\"landmark\" has {} corners for {LANDMARKS} landmarks", corners.len());
    }
    let places = corners.as_chunks::<3>().0.iter().zip(shares.as_chunks::<3>().0);
    let landmarks = places.map(|(c, s)| (s.iter().sum::<f32>() > 0.5).then_some((*c, *s))).collect();
    let lids = |side: &str| -> Result<Lids> {
        Ok(Lids {
            upper: t.indices(&format!("lid.{side}.upper"), n)?,
            lower: t.indices(&format!("lid.{side}.lower"), n)?,
            reach: t.per_vertex(&format!("lid.{side}.reach"), n)?,
        })
    };
    let eye = |side: &str| -> Result<(Mesh, Vec3)> {
        let centre = t.vec3s(&format!("eye_{side}.centre"))?;
        Ok((t.mesh(&format!("eye_{side}"))?, centre.first().copied().context("an eye has no centre")?))
    };
    Ok(Template {
        rim: t.indices("face.rim", n)?,
        landmarks,
        lids: [lids("left")?, lids("right")?],
        lips: Lips {
            upper: t.indices("lip.upper", n)?,
            lower: t.indices("lip.lower", n)?,
            reach: [t.per_vertex("lip.upper.reach", n)?, t.per_vertex("lip.lower.reach", n)?],
        },
        head: t.vec3s("head.position")?,
        eyes: [eye("left")?, eye("right")?],
        cavity: t.mesh("mouth_cavity")?,
        tongue: t.mesh("tongue")?,
        teeth: [t.mesh("teeth_lower")?, t.mesh("teeth_upper")?],
        face,
    })
}
