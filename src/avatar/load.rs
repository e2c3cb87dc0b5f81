//! A folder becomes an [`Avatar`].

use super::manifest::WrittenPart;
use super::mesh::Tensors;
use super::{Avatar, AvatarHash, Camera, Key, Material, Part, Place, consent, manifest};
use crate::face;
use anyhow::{Context, Result, bail};
use glam::{Vec2, Vec3};
use image::{DynamicImage, ImageReader, Limits, RgbImage};
use safetensors::SafeTensors;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::path::Path;
use std::thread::{Scope, ScopedJoinHandle};

const MESH: &str = "mesh.safetensors";
const PORTRAIT: &str = "portrait.jpg";
const MATTE: &str = "matte.png";
const PLATE: &str = "plate.jpg";
const MAX_MESH_BYTES: u64 = 64 << 20;
const MAX_PICTURE_BYTES: u64 = 64 << 20;
const MAX_PICTURE_SIDE: u32 = 8192;
const MAX_PARTS: usize = 16;
const MAX_KEYS: usize = 16;

pub(super) fn load(dir: &Path) -> Result<Avatar> {
    std::thread::scope(|threads| read(dir, threads))
}

/// Pictures are decoded by threads of their own; whatever is wrong is found in the same order as without them.
fn read<'s, 'd: 's>(dir: &'d Path, threads: &'s Scope<'s, 'd>) -> Result<Avatar> {
    let mut files = Files { dir, read: BTreeMap::new(), decoding: BTreeMap::new() };
    let text = manifest::read_text(dir)?;
    files.note(manifest::FILE, text.as_bytes());
    let m = manifest::parse(&text)?;
    if consent::required(&m.kind) {
        consent::Consent::require(dir)?;
    }
    if m.parts.len() > MAX_PARTS || m.keys.len() > MAX_KEYS {
        let (parts, keys) = (m.parts.len(), m.keys.len());
        bail!("avatar.toml has {parts} parts and {keys} keys; at most {MAX_PARTS} and {MAX_KEYS} are accepted");
    }
    let keys = m.keys.iter().map(|k| k.picture.as_str());
    let textures = m.parts.iter().filter_map(|p| p.texture.as_deref());
    [PORTRAIT, MATTE, PLATE].into_iter().chain(keys).chain(textures).for_each(|file| files.begin(file, threads));
    let bytes = files.read(MESH, MAX_MESH_BYTES)?;
    let tensors = Tensors(
        SafeTensors::deserialize(&bytes)
            .map_err(|e| anyhow::anyhow!("{MESH} is not a safetensors file: {e}; bake it again"))?,
    );
    let camera = Camera {
        distance: m.camera.distance,
        tan_half_height: m.camera.tan_half_height,
        centre: Vec2::from_array(m.camera.centre),
    };

    let mut parts: Vec<Part> = Vec::new();
    for written in &m.parts {
        let (place, material) = (written.place()?, written.material()?);
        if parts.iter().any(|p| p.place == place) {
            bail!("avatar.toml names the part \"{}\" twice; name it once", written.name);
        }
        if (place == Place::Body) != (material == Material::Portrait) {
            bail!("avatar.toml: the part \"{}\" cannot have the material \"{}\"", written.name, written.material);
        }
        let centre = match (material, written.centre) {
            (Material::Eye, None) => bail!("avatar.toml: the eye \"{}\" has no centre; give it one", written.name),
            (_, centre) => Vec3::from_array(centre.unwrap_or_default()),
        };
        if !(centre.is_finite() && centre.abs().max_element() < 10.0) {
            bail!("avatar.toml: the centre of \"{}\" is {centre}; it must be within 10 of the origin", written.name);
        }
        let same = |(before, part): (&WrittenPart, &Part)| {
            if before.texture == written.texture { part.texture.clone() } else { None }
        };
        let texture = match (&written.texture, m.parts.iter().zip(&parts).find_map(same)) {
            (Some(file), None) => Some(files.picture(file)?.into_rgb8()),
            (_, known) => known,
        };
        let mut part = Part {
            place,
            material,
            texture,
            centre,
            positions: Vec::new(),
            uv: Vec::new(),
            head: Vec::new(),
            triangles: Vec::new(),
            morphs: Vec::new(),
        };
        tensors.part(&written.name, &mut part)?;
        if let Some(p) = part.positions.iter().find(|p| p.z > camera.distance - 1.0) {
            bail!(
                "{MESH}: \"{}.position\" holds {p}, which is behind the camera at z = {}",
                written.name,
                camera.distance
            );
        }
        parts.push(part);
    }
    let Some(body) = parts.iter().find(|p| p.place == Place::Body) else {
        bail!("avatar.toml names no part \"body\"; an avatar must have one");
    };
    if body.triangles.is_empty() {
        bail!("{MESH}: \"body.triangles\" is empty; the body must have at least one triangle");
    }

    let (mut names, mut key_pictures, mut keys): (Vec<&str>, Vec<RgbImage>, Vec<Key>) = Default::default();
    for written in &m.keys {
        let weight = face::index_of(&written.weight).with_context(|| {
            format!(
                "avatar.toml: the key \"{}\" has the weight \"{}\"; use ARKit's names, such as eyeBlinkLeft",
                written.name, written.weight
            )
        })?;
        let (uv, mask) = tensors.key(&written.name, body.positions.len())?;
        let known = names.iter().position(|f| *f == written.picture);
        if known.is_none() {
            key_pictures.push(files.picture(&written.picture)?.into_rgb8());
            names.push(&written.picture);
        }
        keys.push(Key { name: written.name.clone(), picture: known.unwrap_or(names.len() - 1), weight, uv, mask });
    }

    let portrait = files.picture(PORTRAIT)?.into_rgb8();
    let matte = files.picture(MATTE)?.into_luma8();
    if portrait.dimensions() != matte.dimensions() {
        let ((w, h), (mw, mh)) = (portrait.dimensions(), matte.dimensions());
        bail!("matte.png is {mw}x{mh} and portrait.jpg is {w}x{h}; they must have one size");
    }
    for (file, picture) in names.iter().zip(&key_pictures) {
        let ((w, h), (kw, kh)) = (portrait.dimensions(), picture.dimensions());
        // A key may be smaller than the portrait, never framed otherwise.
        if (w as f32 * kh as f32 - h as f32 * kw as f32).abs() > 0.01 * w as f32 * kh as f32 {
            bail!("{file} is {kw}x{kh} and portrait.jpg is {w}x{h}; they must have one shape");
        }
    }
    let light = Vec3::from_array(m.light.key).try_normalize().context("avatar.toml: light.key has no direction")?;
    let plate = files.picture(PLATE)?.into_rgb8();
    Ok(Avatar {
        name: m.name,
        label: m.label,
        kind: m.kind,
        licence: m.licence,
        attribution: m.attribution,
        camera,
        neck: Vec3::from_array(m.pivot.neck),
        aspect: m.picture.aspect,
        plate_aspect: m.picture.plate_aspect,
        light,
        portrait,
        matte,
        plate,
        parts,
        keys,
        key_pictures,
        hash: files.hash(),
    })
}

/// Length and SHA-256.
type Noted = (u64, [u8; 32]);

/// The folder of an avatar, what was read from it and what is being decoded, by name.
struct Files<'s, 'd> {
    dir: &'d Path,
    read: BTreeMap<String, Noted>,
    decoding: BTreeMap<String, ScopedJoinHandle<'s, Result<(DynamicImage, Noted)>>>,
}

impl<'s, 'd: 's> Files<'s, 'd> {
    fn note(&mut self, name: &str, bytes: &[u8]) {
        self.read.insert(name.into(), noted(bytes));
    }

    /// The bytes of the file called `name`.
    fn read(&mut self, name: &str, max: u64) -> Result<Vec<u8>> {
        let bytes = contents(self.dir, name, max)?;
        self.note(name, &bytes);
        Ok(bytes)
    }

    /// Begins to decode a picture that will be asked for.
    fn begin(&mut self, file: &str, threads: &'s Scope<'s, 'd>) {
        if !is_plain(file) || self.decoding.contains_key(file) {
            return;
        }
        let (dir, called) = (self.dir, file.to_owned());
        let thread = std::thread::Builder::new().name("picture".into());
        // Without a thread it is decoded when it is asked for.
        if let Ok(handle) = thread.spawn_scoped(threads, move || decode(dir, &called)) {
            self.decoding.insert(file.into(), handle);
        }
    }

    /// A picture of the avatar's own folder.
    fn picture(&mut self, file: &str) -> Result<DynamicImage> {
        if !is_plain(file) {
            bail!("avatar.toml names the picture {file:?}; it must be a plain file name beside it");
        }
        let (picture, noted) = match self.decoding.remove(file).map(ScopedJoinHandle::join) {
            Some(Ok(decoded)) => decoded?,
            Some(Err(_)) => bail!("{file} is not a usable picture; it must be JPEG or PNG"),
            None => decode(self.dir, file)?,
        };
        self.read.insert(file.into(), noted);
        Ok(picture)
    }

    fn hash(&self) -> AvatarHash {
        let mut hash = Sha256::new();
        for (name, (length, contents)) in &self.read {
            hash.update((name.len() as u64).to_le_bytes());
            hash.update(length.to_le_bytes());
            hash.update(name);
            hash.update(contents);
        }
        AvatarHash(hash.finalize().into())
    }
}

fn is_plain(file: &str) -> bool {
    !file.is_empty() && file.len() <= 64 && file.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
}

fn noted(bytes: &[u8]) -> Noted {
    (bytes.len() as u64, Sha256::digest(bytes).into())
}

fn contents(dir: &Path, name: &str, max: u64) -> Result<Vec<u8>> {
    let path = dir.join(name);
    let size = std::fs::metadata(&path).with_context(|| format!("{name} cannot be read"))?.len();
    if size > max {
        bail!("{name} has {size} bytes; at most {max} are accepted");
    }
    std::fs::read(&path).with_context(|| format!("{name} cannot be read"))
}

fn decode(dir: &Path, file: &str) -> Result<(DynamicImage, Noted)> {
    let bytes = contents(dir, file, MAX_PICTURE_BYTES)?;
    let mut reader = ImageReader::new(std::io::Cursor::new(&bytes))
        .with_guessed_format()
        .with_context(|| format!("{file} cannot be read"))?;
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_PICTURE_SIDE);
    limits.max_image_height = Some(MAX_PICTURE_SIDE);
    limits.max_alloc = Some(256 << 20);
    reader.limits(limits);
    let picture = reader.decode().with_context(|| format!("{file} is not a usable picture; it must be JPEG or PNG"))?;
    if picture.width() < 2 || picture.height() < 2 {
        bail!("{file} is {}x{}; it must be at least 2x2", picture.width(), picture.height());
    }
    Ok((picture, noted(&bytes)))
}
