//! The people that can be drawn: the layered portrait, its files, and finding it by name (`models/avatars/README.md`).

pub mod consent;
pub mod hash;
mod load;
mod manifest;
mod mesh;
pub mod package;
pub mod photo;

use crate::config::Paths;
use crate::face::Shape;
use anyhow::{Context, Result, bail};
use glam::{Vec2, Vec3};
use image::{GrayImage, RgbImage};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// SHA-256 over the files that an avatar is made of: for each in the order of its name, the lengths of name and contents
/// (8 bytes each, little endian), the name, the contents' SHA-256. All zero stands for no avatar: a card.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct AvatarHash(pub [u8; 32]);

/// One person, read and checked.
///
/// Lengths are head units: 1 is the distance between the centres of the eyes, the origin lies midway between them, x is
/// to the viewer's right, y up, z toward the viewer. Pictures are display-referred sRGB.
#[derive(Clone, Debug)]
pub struct Avatar {
    pub name: String,
    /// What people read.
    pub label: String,
    /// "model", "photo" or "neural".
    pub kind: String,
    /// SPDX expression.
    pub licence: String,
    pub attribution: String,
    pub camera: Camera,
    /// The head turns about this point.
    pub neck: Vec3,
    /// Width over height of `portrait`, `matte` and the keys' pictures; they span the height of the frame.
    pub aspect: f32,
    /// Width over height of `plate`.
    pub plate_aspect: f32,
    /// Unit vector to the key light.
    pub light: Vec3,
    /// The person, opaque, with the colours bled past the edge of the matte.
    pub portrait: RgbImage,
    /// Where the person is: 255 is person, 0 is background.
    pub matte: GrayImage,
    /// What is behind the person.
    pub plate: RgbImage,
    /// In the order to draw; the body is among them exactly once.
    pub parts: Vec<Part>,
    pub keys: Vec<Key>,
    /// The pictures that keys refer to.
    pub key_pictures: Vec<RgbImage>,
    /// Which avatar this is, to the byte.
    pub hash: AvatarHash,
}

/// A shift-lens pinhole at (0, 0, `distance`) that looks along -z.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Camera {
    pub distance: f32,
    /// Tangent of half the vertical field of view of the whole frame.
    pub tan_half_height: f32,
    /// The point at z = 0 that lands in the middle of the frame.
    pub centre: Vec2,
}

/// What a part is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Material {
    Eye,
    Teeth,
    Tongue,
    Cavity,
    Portrait,
}

/// Which part of the face.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    MouthCavity,
    Tongue,
    TeethLower,
    TeethUpper,
    EyeLeft,
    EyeRight,
    Body,
}

/// One mesh with its material and morphs.
#[derive(Clone, Debug)]
pub struct Part {
    pub place: Place,
    pub material: Material,
    pub texture: Option<RgbImage>,
    /// Eyes only: what they turn about.
    pub centre: Vec3,
    pub positions: Vec<Vec3>,
    /// 0..1, v down.
    pub uv: Vec<Vec2>,
    /// How far each vertex follows the head, 0..1.
    pub head: Vec<f32>,
    pub triangles: Vec<[u32; 3]>,
    /// Sorted by weight; none twice.
    pub morphs: Vec<Morph>,
}

/// How one ARKit weight moves a mesh.
#[derive(Clone, Debug)]
pub struct Morph {
    /// The place of the weight in [`crate::face::NAMES`].
    pub weight: usize,
    /// Vertex and its way at weight 1.
    pub deltas: Vec<(u32, Vec3)>,
}

/// An alternate picture of the body, shown by a weight.
#[derive(Clone, Debug)]
pub struct Key {
    pub name: String,
    /// The place of its picture in [`Avatar::key_pictures`].
    pub picture: usize,
    /// The place of the weight in [`crate::face::NAMES`].
    pub weight: usize,
    /// Where each body vertex lies in the picture.
    pub uv: Vec<Vec2>,
    /// How much of the picture each body vertex takes, 0..1.
    pub mask: Vec<f32>,
}

/// One avatar that can be chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AvatarInfo {
    pub name: String,
    pub label: String,
    pub kind: String,
    /// SPDX expression.
    pub licence: String,
    pub attribution: String,
    pub dir: PathBuf,
}

impl Avatar {
    /// Reads the avatar in the folder `dir` and checks all of it.
    ///
    /// # Errors
    /// A file that is missing or broken, a name, number or index that is not usable, a photo without a valid record of consent:
    /// one sentence that names it.
    pub fn load(dir: &Path) -> Result<Avatar> {
        load::load(dir).with_context(|| format!("error loading the avatar in {}", dir.display()))
    }

    /// The part that is the person's body.
    pub fn body(&self) -> Option<&Part> {
        self.parts.iter().find(|p| p.place == Place::Body)
    }
}

impl Part {
    /// The morph of one weight.
    pub fn morph(&self, shape: Shape) -> Option<&Morph> {
        self.morphs.iter().find(|m| m.weight == shape as usize)
    }
}

const FOLDER: &str = "models/avatars";

/// The avatars that can be chosen, by name. One of the same name in an earlier data folder wins; a broken one is left out.
pub fn list(paths: &Paths) -> Vec<AvatarInfo> {
    let mut found: BTreeMap<String, AvatarInfo> = BTreeMap::new();
    for folder in paths.data.iter().map(|d| d.join(FOLDER)) {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        for dir in entries.flatten().map(|e| e.path()) {
            let Some(name) = dir.file_name().and_then(|n| n.to_str()).filter(|n| is_name(n)) else { continue };
            if found.contains_key(name) || !dir.join(manifest::FILE).is_file() {
                continue;
            }
            match describe(&dir) {
                Ok(info) => {
                    found.insert(name.into(), info);
                }
                Err(e) => tracing::warn!("the avatar in {} is left out: {e:#}", dir.display()),
            }
        }
    }
    found.into_values().collect()
}

/// Where the user's own avatars lie, among them those made from photos.
pub fn own_folder(paths: &Paths) -> PathBuf {
    paths.own.join(FOLDER)
}

/// What photos are fitted to.
///
/// # Errors
/// It is not there.
pub fn template_folder(paths: &Paths) -> Result<PathBuf> {
    let found = paths.locate(Path::new(FOLDER).join(package::TEMPLATE));
    found.with_context(|| {
        format!(
            "the head that photos are fitted to ({FOLDER}/{}) is missing; install the program again",
            package::TEMPLATE
        )
    })
}

/// Where avatars lie: the folders that may hold some, and those of the avatars that are there.
pub fn folders(paths: &Paths) -> Vec<PathBuf> {
    let mut all: Vec<_> = paths.data.iter().map(|d| d.join(FOLDER)).collect();
    let inside = |f: &PathBuf| std::fs::read_dir(f).into_iter().flatten().flatten();
    let people: Vec<_> = all.iter().flat_map(inside).map(|e| e.path()).filter(|p| p.is_dir()).take(256).collect();
    all.extend(people);
    all
}

/// What the avatar in a folder says of itself; its pictures and its mesh are not looked at.
///
/// # Errors
/// Its manifest is missing or broken.
pub fn describe(dir: &Path) -> Result<AvatarInfo> {
    let m = manifest::read(dir)?;
    Ok(AvatarInfo {
        name: dir.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        label: m.label,
        kind: m.kind,
        licence: m.licence,
        attribution: m.attribution,
        dir: dir.into(),
    })
}

/// The folder of the avatar called `name`.
///
/// # Errors
/// There is none of that name; the message lists the ones there are.
pub fn find(paths: &Paths, name: &str) -> Result<PathBuf> {
    if is_name(name)
        && let Some(dir) =
            paths.data.iter().map(|d| d.join(FOLDER).join(name)).find(|d| d.join(manifest::FILE).is_file())
    {
        return Ok(dir);
    }
    let shown: String = name.chars().take(64).collect();
    let names: Vec<_> = list(paths).into_iter().map(|a| a.name).collect();
    if names.is_empty() {
        bail!("there is no avatar \"{shown}\", nor any other; install one in {FOLDER} of a data folder");
    }
    bail!("there is no avatar \"{shown}\"; choose one of: {}", names.join(", "));
}

fn is_name(name: &str) -> bool {
    (1..=64).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(dir: &Path) -> Paths {
        Paths {
            data: vec![dir.into()],
            settings: dir.join("settings.toml"),
            config: dir.join("config"),
            models: dir.join("models"),
            state: dir.join("state"),
            own: dir.into(),
        }
    }

    #[test]
    fn an_unknown_avatar_is_answered_with_the_ones_there_are() {
        let dir = tempfile::tempdir().unwrap();
        let e = find(&paths(dir.path()), "zoe").unwrap_err().to_string();
        assert!(e.contains("\"zoe\"") && e.contains("install"), "{e}");
        let anna = dir.path().join("models/avatars/anna");
        std::fs::create_dir_all(&anna).unwrap();
        std::fs::write(anna.join("avatar.toml"), manifest::tests::EXAMPLE).unwrap();
        let e = find(&paths(dir.path()), "zoe").unwrap_err().to_string();
        assert!(e.contains("\"zoe\"") && e.contains("anna"), "{e}");
        assert_eq!(find(&paths(dir.path()), "anna").unwrap(), anna);
    }

    #[test]
    fn a_name_never_leaves_the_avatars_folder() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("models/avatars")).unwrap();
        std::fs::write(dir.path().join("models/avatar.toml"), manifest::tests::EXAMPLE).unwrap();
        for name in ["..", "../", "", ".", "a/b", "/etc"] {
            assert!(find(&paths(dir.path()), name).is_err(), "{name:?}");
        }
    }

    #[test]
    fn a_broken_avatar_costs_only_itself() {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in [("anna", manifest::tests::EXAMPLE), ("bad", "label = 3")] {
            let avatar = dir.path().join(FOLDER).join(name);
            std::fs::create_dir_all(&avatar).unwrap();
            std::fs::write(avatar.join("avatar.toml"), text).unwrap();
        }
        let all = list(&paths(dir.path()));
        assert_eq!(all.iter().map(|a| a.name.as_str()).collect::<Vec<_>>(), ["anna"]);
    }
}
