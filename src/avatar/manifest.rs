//! `avatar.toml` as written.

use super::{Material, Place};
use anyhow::{Context, Result, bail};
use serde::Deserialize;
use std::path::Path;

pub(super) const FILE: &str = "avatar.toml";

/// A page of text; more than this is something else.
const MAX_BYTES: u64 = 64 * 1024;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Manifest {
    pub format: u32,
    pub name: String,
    pub label: String,
    pub kind: String,
    pub licence: String,
    #[serde(default)]
    pub attribution: String,
    pub camera: WrittenCamera,
    pub pivot: Pivot,
    pub picture: Picture,
    #[serde(default)]
    pub light: Light,
    #[serde(default, rename = "part")]
    pub parts: Vec<WrittenPart>,
    #[serde(default, rename = "key")]
    pub keys: Vec<WrittenKey>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenCamera {
    pub distance: f32,
    pub tan_half_height: f32,
    pub centre: [f32; 2],
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Pivot {
    pub neck: [f32; 3],
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Picture {
    pub aspect: f32,
    pub plate_aspect: f32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Light {
    pub key: [f32; 3],
}

impl Default for Light {
    fn default() -> Self {
        Self { key: [-0.577, 0.577, 0.577] }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenPart {
    pub name: String,
    pub material: String,
    pub texture: Option<String>,
    pub centre: Option<[f32; 3]>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenKey {
    pub name: String,
    pub picture: String,
    pub weight: String,
}

/// Reads and checks the numbers that stand in the file itself.
pub(super) fn read(dir: &Path) -> Result<Manifest> {
    parse(&read_text(dir)?)
}

/// The file as it is.
pub(super) fn read_text(dir: &Path) -> Result<String> {
    let path = dir.join(FILE);
    let size = std::fs::metadata(&path).with_context(|| format!("{FILE} cannot be read"))?.len();
    if size > MAX_BYTES {
        bail!("{FILE} has {size} bytes; at most {MAX_BYTES} are accepted");
    }
    std::fs::read_to_string(&path).with_context(|| format!("{FILE} cannot be read"))
}

pub(super) fn parse(text: &str) -> Result<Manifest> {
    let m: Manifest = toml::from_str(text).map_err(|e| {
        let place = e.span().map_or(String::new(), |s| {
            let line = text.get(..s.start).unwrap_or(text).matches('\n').count() + 1;
            format!(" line {line}")
        });
        anyhow::anyhow!("{FILE}{place}: {}; correct it", e.message().trim().replace('\n', " "))
    })?;
    if m.format != 1 {
        bail!("{FILE}: format is {}; this program reads format 1", m.format);
    }
    if !matches!(m.kind.as_str(), "model" | "photo" | "neural") {
        bail!("{FILE}: kind is \"{}\"; it must be \"model\", \"photo\" or \"neural\"", m.kind);
    }
    let [cx, cy] = m.camera.centre;
    let [nx, ny, nz] = m.pivot.neck;
    let [lx, ly, lz] = m.light.key;
    for (key, value, low, high) in [
        ("camera.distance", m.camera.distance, 2.0, 200.0),
        ("camera.tan_half_height", m.camera.tan_half_height, 0.01, 2.0),
        ("camera.centre", cx, -10.0, 10.0),
        ("camera.centre", cy, -10.0, 10.0),
        ("pivot.neck", nx, -10.0, 10.0),
        ("pivot.neck", ny, -10.0, 10.0),
        ("pivot.neck", nz, -10.0, 10.0),
        ("picture.aspect", m.picture.aspect, 0.2, 4.0),
        ("picture.plate_aspect", m.picture.plate_aspect, 0.2, 4.0),
        ("light.key", lx, -2.0, 2.0),
        ("light.key", ly, -2.0, 2.0),
        ("light.key", lz, -2.0, 2.0),
    ] {
        if !(low..=high).contains(&value) {
            bail!("{FILE}: {key} is {value}; it must be {low} to {high}");
        }
    }
    Ok(m)
}

impl WrittenPart {
    pub fn place(&self) -> Result<Place> {
        Ok(match self.name.as_str() {
            "mouth_cavity" => Place::MouthCavity,
            "tongue" => Place::Tongue,
            "teeth_lower" => Place::TeethLower,
            "teeth_upper" => Place::TeethUpper,
            "eye_left" => Place::EyeLeft,
            "eye_right" => Place::EyeRight,
            "body" => Place::Body,
            other => bail!(
                "{FILE}: there is no part \"{other}\"; the parts are mouth_cavity, tongue, teeth_lower, teeth_upper, \
                 eye_left, eye_right and body"
            ),
        })
    }

    pub fn material(&self) -> Result<Material> {
        Ok(match self.material.as_str() {
            "eye" => Material::Eye,
            "teeth" => Material::Teeth,
            "tongue" => Material::Tongue,
            "cavity" => Material::Cavity,
            "portrait" => Material::Portrait,
            other => bail!(
                "{FILE}: the part \"{}\" has the material \"{other}\"; it must be eye, teeth, tongue, cavity or portrait",
                self.name
            ),
        })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(crate) const EXAMPLE: &str = r#"
        format = 1
        name = "anna"
        label = "Anna"
        kind = "model"
        licence = "CC0-1.0"
        camera = { distance = 14.0, tan_half_height = 0.2, centre = [0.0, -0.5] }
        pivot = { neck = [0.0, -1.9, -0.6] }
        picture = { aspect = 1.3333, plate_aspect = 1.7778 }
        part = [{ name = "body", material = "portrait" }]
        key = [{ name = "blink", picture = "closed.jpg", weight = "eyeBlinkLeft" }]
    "#;

    #[test]
    fn the_example_is_accepted() {
        let m = parse(EXAMPLE).unwrap();
        assert_eq!((m.name.as_str(), m.parts[0].place().unwrap()), ("anna", Place::Body));
    }

    #[test]
    fn what_is_wrong_is_named_with_its_value() {
        for (from, to, part) in [
            ("format = 1", "format = 2", "format is 2"),
            ("\"model\"", "\"robot\"", "\"robot\""),
            ("distance = 14.0", "distance = nan", "camera.distance is NaN"),
            ("distance = 14.0", "distanse = 14.0", "distanse"),
            ("0.2, centre", "1e9, centre", "camera.tan_half_height is 1000000000"),
        ] {
            let e = parse(&EXAMPLE.replace(from, to)).err().map(|e| format!("{e:#}")).unwrap_or_default();
            assert!(e.contains(part), "{to}: {e}");
        }
        let m = parse(&EXAMPLE.replace("\"body\"", "\"nose\"")).unwrap();
        assert!(m.parts[0].place().unwrap_err().to_string().contains("\"nose\""));
        let m = parse(&EXAMPLE.replace("\"portrait\"", "\"gold\"")).unwrap();
        assert!(m.parts[0].material().unwrap_err().to_string().contains("\"gold\""));
    }
}
