//! What was learned of a person when they calibrated the mirror: numbers, no picture.

use super::Neutral;
use crate::config::{Paths, check_person};
use crate::face::Shape;
use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;

/// Of the file's format.
const VERSION: u32 = 1;
/// 478 points are some 20 kB; more than this is something else. Bytes.
const MOST: u64 = 256 * 1024;
/// A weight is stretched by at most this: beyond it noise would be an expression.
const MOST_STRETCH: f32 = 3.0;
/// An expression that was seen more weakly than this was none.
const LEAST: f32 = 0.12;
/// Brows that rest are seen raised by up to 0.17: hair and light move where the network puts them.
const LEAST_OF_BROWS: f32 = 0.25;

/// How strong the weights of the person's own full expressions are seen; None where they were not asked for them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Ranges {
    /// The person's left and right.
    pub smile: Option<[f32; 2]>,
    /// Both inner brows.
    pub brows: Option<f32>,
    /// Closed lids, left and right.
    pub lids: Option<[f32; 2]>,
}

impl Ranges {
    /// What a weight is multiplied by so that the full expression is 1.
    pub fn stretch(&self, weight: usize) -> f32 {
        let side = |pair: Option<[f32; 2]>, k: usize| pair.map(|p| p[k]);
        let full = match () {
            () if weight == Shape::MouthSmileLeft as usize => side(self.smile, 0),
            () if weight == Shape::MouthSmileRight as usize => side(self.smile, 1),
            () if weight == Shape::EyeBlinkLeft as usize => side(self.lids, 0),
            () if weight == Shape::EyeBlinkRight as usize => side(self.lids, 1),
            () if weight == Shape::BrowInnerUp as usize => self.brows,
            () if weight == Shape::BrowOuterUpLeft as usize || weight == Shape::BrowOuterUpRight as usize => self.brows,
            () => None,
        };
        full.map_or(1.0, |full| 1.0 / full.clamp(1.0 / MOST_STRETCH, 1.0))
    }

    fn is_sound(&self) -> bool {
        let all = [self.smile, self.lids].into_iter().flatten().flatten().chain(self.brows);
        all.into_iter().all(|v| (0.0..=1.0).contains(&v))
    }
}

/// What the user is asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pose {
    Neutral,
    Smile,
    Brows,
    Eyes,
}

impl Pose {
    pub const ALL: [Pose; 4] = [Pose::Neutral, Pose::Smile, Pose::Brows, Pose::Eyes];

    pub fn name(self) -> &'static str {
        match self {
            Pose::Neutral => "neutral",
            Pose::Smile => "smile",
            Pose::Brows => "brows",
            Pose::Eyes => "eyes",
        }
    }
}

/// A calibrated person.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Person {
    version: u32,
    pub neutral: Neutral,
    #[serde(default)]
    pub ranges: Ranges,
}

impl Person {
    pub fn new(neutral: Neutral) -> Self {
        Self { version: VERSION, neutral, ranges: Ranges::default() }
    }

    /// What they were calibrated for, as [`Pose::name`] has it.
    pub fn calibrated(&self) -> Vec<&'static str> {
        let Ranges { smile, brows, lids } = self.ranges;
        let known = [
            (Pose::Neutral, true),
            (Pose::Smile, smile.is_some()),
            (Pose::Brows, brows.is_some()),
            (Pose::Eyes, lids.is_some()),
        ];
        known.into_iter().filter(|(_, known)| *known).map(|(pose, _)| pose.name()).collect()
    }

    /// Takes over what a full expression looks like: the strongest of each weight that was seen. A side that did not move (a palsy) is
    /// left as it is.
    ///
    /// # Errors
    /// Nothing moved at all.
    pub fn learn(&mut self, pose: Pose, most: &crate::face::Weights) -> Result<()> {
        let pair = |left: Shape, right: Shape| [most[left], most[right]];
        let seen = |what: &str, least: f32, pair: [f32; 2]| -> Result<Option<[f32; 2]>> {
            ensure!(
                pair.iter().any(|v| *v >= least),
                "{what} was not seen; come nearer to the camera, turn to the light and try again"
            );
            Ok(Some(pair.map(|v| if v >= least { v } else { 1.0 })))
        };
        match pose {
            Pose::Neutral => {}
            Pose::Smile => {
                self.ranges.smile = seen("a smile", LEAST, pair(Shape::MouthSmileLeft, Shape::MouthSmileRight))?
            }
            Pose::Eyes => {
                self.ranges.lids = seen("closing the eyes", LEAST, pair(Shape::EyeBlinkLeft, Shape::EyeBlinkRight))?
            }
            Pose::Brows => {
                let outer = most[Shape::BrowOuterUpLeft].max(most[Shape::BrowOuterUpRight]);
                let both = most[Shape::BrowInnerUp].max(outer);
                self.ranges.brows = seen("raising the brows", LEAST_OF_BROWS, [both; 2])?.map(|p| p[0]);
            }
        }
        Ok(())
    }

    /// The one of this name, if they calibrated.
    ///
    /// # Errors
    /// A name that cannot be a file's; a file that is broken or of another version.
    pub fn load(paths: &Paths, name: &str) -> Result<Option<Self>> {
        let path = file(paths, name)?;
        let told = || format!("the calibration {} cannot be used; run vasa mirror calibrate again", path.display());
        let bytes = match std::fs::metadata(&path) {
            Ok(m) if m.is_file() && m.len() <= MOST => std::fs::read(&path).with_context(told)?,
            Ok(_) => bail!("{}: it is no small file", told()),
            Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(None),
            Err(e) => return Err(e).with_context(told),
        };
        let person: Person = serde_json::from_slice(&bytes).with_context(told)?;
        ensure!(
            person.version == VERSION,
            "{}: it is of version {}, this program reads {VERSION}",
            told(),
            person.version
        );
        ensure!(person.neutral.is_sound() && person.ranges.is_sound(), "{}: its numbers are no face", told());
        Ok(Some(person))
    }

    /// Keeps it under this name.
    ///
    /// # Errors
    /// As for [`Self::load`]; the state folder cannot be written.
    pub fn save(&self, paths: &Paths, name: &str) -> Result<()> {
        let path = file(paths, name)?;
        let folder = path.parent().context("a calibration lies in a folder")?;
        let write = || -> Result<()> {
            std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
            let mut to = tempfile::NamedTempFile::new_in(folder)?;
            to.write_all(&serde_json::to_vec(self)?)?;
            to.as_file().sync_data()?;
            to.persist(&path)?;
            Ok(())
        };
        write().with_context(|| format!("error writing {}", path.display()))
    }

    /// Forgets the one of this name; whether there was one.
    ///
    /// # Errors
    /// As for [`Self::save`].
    pub fn forget(paths: &Paths, name: &str) -> Result<bool> {
        let path = file(paths, name)?;
        match std::fs::remove_file(&path) {
            Ok(()) => Ok(true),
            Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(false),
            Err(e) => Err(e).with_context(|| format!("error removing {}", path.display())),
        }
    }
}

fn file(paths: &Paths, name: &str) -> Result<PathBuf> {
    check_person(name).map_err(anyhow::Error::msg)?;
    Ok(paths.state.join("mirror").join(format!("{name}.json")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::face::{HeadPose, Weights};
    use glam::Vec3;

    fn person() -> Person {
        let head = HeadPose { yaw: 3.0, pitch: -2.0, roll: 0.5, ..HeadPose::default() };
        Person::new(Neutral { points: vec![Vec3::new(0.1, 0.2, 0.3); 478], head })
    }

    #[test]
    fn what_is_saved_is_what_is_loaded_until_it_is_forgotten() {
        let dir = tempfile::tempdir().unwrap();
        let paths = Paths { state: dir.path().join("state"), ..Paths::find() };
        assert_eq!(Person::load(&paths, "me").unwrap(), None);
        let mut me = person();
        let mut smile = Weights::default();
        (smile[Shape::MouthSmileLeft], smile[Shape::MouthSmileRight]) = (0.02, 0.5);
        me.learn(Pose::Smile, &smile).unwrap();
        me.save(&paths, "me").unwrap();
        let back = Person::load(&paths, "me").unwrap().unwrap();
        assert_eq!(back, me);
        // The side that does not move is not made to by noise.
        assert_eq!(back.ranges.stretch(Shape::MouthSmileLeft as usize), 1.0);
        assert_eq!(back.ranges.stretch(Shape::MouthSmileRight as usize), 2.0);
        assert!(Person::forget(&paths, "me").unwrap() && !Person::forget(&paths, "me").unwrap());
    }

    #[test]
    fn an_expression_that_was_none_is_refused() {
        let e = person().learn(Pose::Eyes, &Weights::default()).unwrap_err().to_string();
        assert!(e.contains("closing the eyes was not seen"), "{e}");
    }

    #[test]
    fn broken_files_and_names_are_told_with_their_remedy() {
        let dir = tempfile::tempdir().unwrap();
        let paths = Paths { state: dir.path().into(), ..Paths::find() };
        let mut other = person();
        other.version = 2;
        let mut short = person();
        short.neutral.points.pop();
        std::fs::create_dir(dir.path().join("mirror")).unwrap();
        let text = |p: &Person| serde_json::to_string(p).unwrap();
        for (text, part) in [
            ("{}".to_owned(), "missing field"),
            (text(&other), "version 2"),
            (text(&short), "no face"),
            ("#".repeat(300_000), "no small file"),
        ] {
            std::fs::write(dir.path().join("mirror/me.json"), text).unwrap();
            let e = format!("{:#}", Person::load(&paths, "me").unwrap_err());
            assert!(e.contains(part) && e.contains("vasa mirror calibrate"), "{e}");
        }
        for name in ["", "../me", "Me", "a/b", &"x".repeat(65)] {
            assert!(Person::load(&paths, name).unwrap_err().to_string().contains("lower-case letters"), "{name}");
        }
    }
}
