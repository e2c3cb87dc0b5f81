//! The avatar's files (`models/avatars/README.md`).

use super::canvas::{ASPECT, Canvas};
use super::raster::{Picture, Raster};
use super::surface::Part;
use anyhow::{Context, Result};
use glam::Vec3;
use half::f16;
use image::ImageEncoder;
use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use safetensors::tensor::{Dtype, TensorView};
use std::fs::File;
use std::io::BufWriter;
use std::path::Path;

/// What goes into the mesh: name, material, texture, centre (eyes), part.
pub struct Named<'a> {
    pub name: &'static str,
    pub material: &'static str,
    pub texture: Option<&'static str>,
    pub centre: Option<Vec3>,
    pub part: &'a Part,
}

/// Writes a JPEG.
pub fn jpeg(folder: &Path, name: &str, picture: &Picture, quality: u8) -> Result<()> {
    let path = folder.join(name);
    let file = BufWriter::new(File::create(&path).with_context(|| format!("error writing {}", path.display()))?);
    let mut encoder = JpegEncoder::new_with_quality(file, quality);
    encoder.encode_image(&picture.to_image()).with_context(|| format!("error writing {}", path.display()))
}

/// Writes the matte.
pub fn matte(folder: &Path, matte: &Raster) -> Result<()> {
    let path = folder.join("matte.png");
    let file = BufWriter::new(File::create(&path).with_context(|| format!("error writing {}", path.display()))?);
    let bytes: Vec<u8> = matte.values.iter().map(|v| (v.clamp(0.0, 1.0) * 255.0 + 0.5) as u8).collect();
    PngEncoder::new_with_quality(file, CompressionType::Best, FilterType::Adaptive)
        .write_image(&bytes, matte.width as u32, matte.height as u32, image::ExtendedColorType::L8)
        .with_context(|| format!("error writing {}", path.display()))
}

/// Writes `mesh.safetensors`.
pub fn mesh(folder: &Path, parts: &[Named]) -> Result<()> {
    let mut tensors: Vec<(String, Dtype, Vec<usize>, Vec<u8>)> = Vec::new();
    for Named { name, part, .. } in parts {
        let n = part.mesh.positions.len();
        let f32s = |values: Vec<f32>| values.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>();
        let m = &part.mesh;
        tensors.push((
            format!("{name}.position"),
            Dtype::F32,
            vec![n, 3],
            f32s(m.positions.iter().flat_map(|p| p.to_array()).collect()),
        ));
        tensors.push((
            format!("{name}.uv"),
            Dtype::F32,
            vec![n, 2],
            f32s(m.uv.iter().flat_map(|p| p.to_array()).collect()),
        ));
        tensors.push((format!("{name}.head"), Dtype::F32, vec![n], f32s(part.head.clone())));
        let corners = m.triangles.iter().flatten().flat_map(|i| i.to_le_bytes()).collect();
        tensors.push((format!("{name}.triangles"), Dtype::U32, vec![m.triangles.len(), 3], corners));
        let k = m.morphs.len();
        tensors.push((format!("{name}.morph.target"), Dtype::U8, vec![k], m.morphs.iter().map(|d| d.0).collect()));
        let vertices = m.morphs.iter().flat_map(|d| d.1.to_le_bytes()).collect();
        tensors.push((format!("{name}.morph.vertex"), Dtype::U16, vec![k], vertices));
        let ways = m.morphs.iter().flat_map(|d| d.2.to_array()).flat_map(|v| f16::from_f32(v).to_le_bytes()).collect();
        tensors.push((format!("{name}.morph.delta"), Dtype::F16, vec![k, 3], ways));
        for (side, (uv, mask)) in ["left", "right"].into_iter().zip(part.keys.iter().flatten()) {
            let flat = uv.iter().flat_map(|p| p.to_array()).collect();
            tensors.push((format!("{name}.key.blink_{side}.uv"), Dtype::F32, vec![n, 2], f32s(flat)));
            tensors.push((format!("{name}.key.blink_{side}.mask"), Dtype::F32, vec![n], f32s(mask.clone())));
        }
    }
    let views: Result<Vec<_>, _> = tensors
        .iter()
        .map(|(name, dtype, shape, data)| TensorView::new(*dtype, shape.clone(), data).map(|view| (name.clone(), view)))
        .collect();
    let bytes = safetensors::serialize(views?, None)?;
    let path = folder.join("mesh.safetensors");
    std::fs::write(&path, bytes).with_context(|| format!("error writing {}", path.display()))
}

/// Writes `avatar.toml`.
pub fn manifest(
    folder: &Path,
    name: &str,
    label: &str,
    canvas: &Canvas,
    neck: Vec3,
    light: Vec3,
    parts: &[Named],
) -> Result<()> {
    let numbers = |v: Vec3| format!("[{:.4}, {:.4}, {:.4}]", v.x, v.y, v.z);
    let quoted = |text: &str| toml::Value::String(text.into()).to_string();
    let centre = canvas.centre();
    let mut text = format!(
        "format = 1\nname = {}\nlabel = {}\nkind = \"photo\"\nlicence = \"LicenseRef-photo\"\n\n\
         [camera]\ndistance = {:.1}\ntan_half_height = {:.6}\ncentre = [{:.5}, {:.5}]\n\n[pivot]\nneck = {}\n\n\
         [picture]\naspect = {ASPECT:.6}\nplate_aspect = {ASPECT:.6}\n\n[light]\nkey = {}\n",
        quoted(name),
        quoted(label),
        super::fit::DISTANCE,
        canvas.tan_half_height(),
        centre.x,
        centre.y,
        numbers(neck),
        numbers(light),
    );
    for part in parts {
        text += &format!("\n[[part]]\nname = \"{}\"\nmaterial = \"{}\"\n", part.name, part.material);
        if let Some(texture) = part.texture {
            text += &format!("texture = \"{texture}\"\n");
        }
        if let Some(centre) = part.centre {
            text += &format!("centre = {}\n", numbers(centre));
        }
    }
    for (side, weight) in [("left", "eyeBlinkLeft"), ("right", "eyeBlinkRight")] {
        text += &format!("\n[[key]]\nname = \"blink_{side}\"\npicture = \"closed.jpg\"\nweight = \"{weight}\"\n");
    }
    let path = folder.join("avatar.toml");
    std::fs::write(&path, text).with_context(|| format!("error writing {}", path.display()))
}
