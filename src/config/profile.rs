//! Expression profiles: one TOML file each (`docs/profiles.md` has every field).

use super::{Emotions, Manner, MannerChange};
use crate::face::{self, Weights};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;
use toml::de::DeTable;

/// How a profile colours the face.
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    /// The file's name without `.toml`: lower-case letters, digits and `-`.
    pub name: String,
    /// What people read.
    pub label: String,
    /// A freedesktop icon name.
    pub icon: String,
    /// Profiles are shown by rising order, then by name.
    pub order: i32,
    /// Added to the generated weights, -1..1 each.
    pub expression: Weights,
    /// What else colours face and motion, -1..1 each.
    pub emotion: Emotions,
    pub motion: MotionStyle,
    /// How the user's own expression is taken over, where the profile says something of it.
    pub mirror: MannerChange,
}

/// How a profile changes the way the face moves.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MotionStyle {
    /// How large brows, nods and lips move with the voice: 0..2, 1 is natural.
    pub energy: f32,
    /// How fast head and eyes move: 0.5..2, 1 is natural.
    pub tempo: f32,
    /// Blinks a minute while listening: 2..60.
    pub blinks_per_minute: f32,
    /// The share of the time in which the eyes rest on the camera: 0..1.
    pub eye_contact: f32,
    /// How far the head wanders: 0..2, 1 is natural.
    pub head_range: f32,
    /// Where the head rests, degrees up: -10..10.
    pub head_pitch: f32,
    /// Where the head rests, degrees to its own right shoulder: -10..10.
    pub head_roll: f32,
    /// How much the voice itself, by level, pitch span and tempo, drives energy, tempo and brows: 0..1.
    pub voice_drive: f32,
}

impl Default for MotionStyle {
    fn default() -> Self {
        Self {
            energy: 1.0,
            tempo: 1.0,
            blinks_per_minute: 17.0,
            eye_contact: 0.75,
            head_range: 1.0,
            head_pitch: 0.0,
            head_roll: 0.0,
            voice_drive: 0.0,
        }
    }
}

impl Default for Profile {
    fn default() -> Self {
        Self {
            name: "neutral".into(),
            label: "Neutral".into(),
            icon: "face-plain-symbolic".into(),
            order: 0,
            expression: Weights::default(),
            emotion: Emotions::default(),
            motion: MotionStyle::default(),
            mirror: MannerChange::default(),
        }
    }
}

/// What is wrong with a profile file.
#[derive(Debug)]
pub struct ProfileError {
    /// Of the profile that it should have been.
    pub name: String,
    /// One sentence with file, line, column and remedy.
    sentence: String,
}

impl std::fmt::Display for ProfileError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.sentence)
    }
}

impl std::error::Error for ProfileError {}

/// The file as written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    label: String,
    #[serde(default = "default_icon")]
    icon: String,
    #[serde(default = "default_order")]
    order: i32,
    #[serde(default)]
    expression: BTreeMap<String, f32>,
    #[serde(default)]
    emotion: BTreeMap<String, f64>,
    #[serde(default)]
    motion: MotionStyle,
    #[serde(default)]
    mirror: MannerChange,
}

fn default_icon() -> String {
    "face-plain-symbolic".into()
}

fn default_order() -> i32 {
    100
}

impl Profile {
    /// Reads a profile from the text of its file; `origin` stands in the messages.
    ///
    /// # Errors
    /// TOML that does not parse (with line and column), a key or an ARKit name that does not exist, a value out of its
    /// range: one sentence that names it and what is accepted.
    pub fn parse(name: &str, text: &str, origin: &str) -> Result<Self, ProfileError> {
        let wrong = |sentence: String| ProfileError { name: name.into(), sentence };
        // Where it stands in the file, if it does.
        let at = |offset: Option<usize>| format!("{origin}{}", offset.map_or(String::new(), |o| place(text, o)));
        if !is_name(name) {
            return Err(wrong(format!(
                "the profile name \"{name}\" ({origin}) is not usable; use up to 64 lower-case letters, digits and -"
            )));
        }
        let written: Written = toml::from_str(text).map_err(|e| {
            let told = e.message().trim().replace('\n', " ");
            wrong(format!("{}: {told}; correct it and save again", at(e.span().map(|s| s.start))))
        })?;
        let ranged = |table: &str, key: &str, value: f32, low: f32, high: f32| {
            if value.is_finite() && (low..=high).contains(&value) {
                return Ok(value);
            }
            let at = at(find(text, table, Some(key)));
            Err(wrong(format!("{at}: {key} is {value}; it must be {low} to {high}")))
        };
        let mut expression = Weights::default();
        for (key, value) in &written.expression {
            let slot = face::index_of(key).and_then(|i| expression.0.get_mut(i)).ok_or_else(|| {
                let at = at(find(text, "expression", Some(key)));
                wrong(format!("{at}: [expression] has no weight \"{key}\"; use ARKit's names, such as mouthSmileLeft"))
            })?;
            *slot = ranged("expression", key, *value, -1.0, 1.0)?;
        }
        let emotion = Emotions::of(written.emotion.clone()).map_err(|why| {
            // The one that is refused alone.
            let one = |(key, value): &(&String, &f64)| Emotions::of([((*key).clone(), **value)]).is_err();
            let key = written.emotion.iter().find(one).map(|(key, _)| key.as_str());
            wrong(format!("{}: [emotion] is wrong: {why}", at(find(text, "emotion", key))))
        })?;
        let m = written.motion;
        for (key, value, low, high) in [
            ("energy", m.energy, 0.0, 2.0),
            ("tempo", m.tempo, 0.5, 2.0),
            ("blinks_per_minute", m.blinks_per_minute, 2.0, 60.0),
            ("eye_contact", m.eye_contact, 0.0, 1.0),
            ("head_range", m.head_range, 0.0, 2.0),
            ("head_pitch", m.head_pitch, -10.0, 10.0),
            ("head_roll", m.head_roll, -10.0, 10.0),
            ("voice_drive", m.voice_drive, 0.0, 1.0),
        ] {
            ranged("motion", key, value, low, high)?;
        }
        written
            .mirror
            .apply(Manner::default())
            .map_err(|why| wrong(format!("{}: [mirror] is wrong: {why}", at(find(text, "mirror", None)))))?;
        Ok(Self {
            name: name.into(),
            label: written.label,
            icon: written.icon,
            order: written.order,
            expression,
            emotion,
            motion: m,
            mirror: written.mirror,
        })
    }
}

fn is_name(name: &str) -> bool {
    (1..=64).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

/// " line 3, column 1" of the byte at `offset`.
fn place(text: &str, offset: usize) -> String {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().map_or(0, |l| l.chars().count()) + 1;
    format!(" line {line}, column {column}")
}

/// Where a key of a table begins, or the table itself.
fn find(text: &str, table: &str, key: Option<&str>) -> Option<usize> {
    let document = DeTable::parse(text).ok()?;
    let (name, value) = document.get_ref().get_key_value(table)?;
    match key {
        Some(key) => value.get_ref().as_table()?.get_key_value(key).map(|(key, _)| key.span().start),
        None => Some(name.span().start),
    }
}

/// The profiles that can be chosen, in the order to show.
#[derive(Clone, Debug, PartialEq)]
pub struct Profiles(Vec<Profile>);

impl Profiles {
    /// Reads `*.toml` of every folder; a later folder's profile replaces an earlier one of the same name. A broken file is
    /// left out and told in the second value, so one slip never costs the others. There is always "neutral".
    pub fn load(folders: &[impl AsRef<Path>]) -> (Self, Vec<ProfileError>) {
        let mut found: BTreeMap<String, Profile> = BTreeMap::new();
        found.insert("neutral".into(), Profile::default());
        let mut problems = Vec::new();
        for folder in folders {
            let Ok(entries) = std::fs::read_dir(folder) else { continue };
            let mut files: Vec<_> = entries.flatten().map(|e| e.path()).collect();
            files.sort();
            for path in files.iter().filter(|p| p.extension().is_some_and(|e| e == "toml")) {
                let name = path.file_stem().unwrap_or_default().to_string_lossy();
                let origin = path.display().to_string();
                let profile = read_bounded(path)
                    .map_err(|why| ProfileError {
                        name: name.clone().into_owned(),
                        sentence: format!("{origin}{why}; correct it and save again"),
                    })
                    .and_then(|text| Profile::parse(&name, &text, &origin));
                match profile {
                    Ok(profile) => drop(found.insert(profile.name.clone(), profile)),
                    Err(e) => problems.push(e),
                }
            }
        }
        let mut all: Vec<_> = found.into_values().collect();
        all.sort_by(|a, b| (a.order, &a.name).cmp(&(b.order, &b.name)));
        (Self(all), problems)
    }

    pub fn get(&self, name: &str) -> Option<&Profile> {
        self.0.iter().find(|p| p.name == name)
    }

    pub fn iter(&self) -> impl Iterator<Item = &Profile> {
        self.0.iter()
    }

    /// These profiles, those whose files broke as they were in `old`.
    pub fn or_keep(mut self, old: &Profiles, broken: &[ProfileError]) -> Self {
        for kept in broken.iter().filter_map(|e| old.get(&e.name)) {
            self.0.retain(|p| p.name != kept.name);
            self.0.push(kept.clone());
        }
        self.0.sort_by(|a, b| (a.order, &a.name).cmp(&(b.order, &b.name)));
        self
    }

    /// The names, for messages: "neutral, friendly, …".
    pub fn names(&self) -> String {
        self.0.iter().map(|p| p.name.as_str()).collect::<Vec<_>>().join(", ")
    }
}

/// A profile is a page of text; more than this is something else.
const MAX_BYTES: u64 = 64 * 1024;

/// The text of a profile's file, or what follows its name in the sentence that says why not.
fn read_bounded(path: &Path) -> Result<String, String> {
    let unread = |e: std::io::Error| format!(" cannot be read: {e}");
    let metadata = std::fs::metadata(path).map_err(unread)?;
    // A pipe would never end.
    if !metadata.is_file() {
        return Err(" is no plain file".into());
    }
    let size = metadata.len();
    if size > MAX_BYTES {
        return Err(format!(" has {size} bytes, which is too large for a profile (at most {MAX_BYTES})"));
    }
    String::from_utf8(std::fs::read(path).map_err(unread)?).map_err(|e| {
        let good = String::from_utf8_lossy(e.as_bytes().get(..e.utf8_error().valid_up_to()).unwrap_or_default());
        format!("{}: the text is not UTF-8", place(&good, good.len()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::face::Shape;

    #[test]
    fn a_profile_says_what_its_file_says() {
        let p = Profile::parse(
            "kind",
            "label = \"Kind\"\n[expression]\nmouthSmileLeft = 0.3\n[motion]\nenergy = 0.5\n",
            "t",
        )
        .unwrap();
        assert_eq!((p.expression[Shape::MouthSmileLeft], p.motion.energy, p.motion.tempo), (0.3, 0.5, 1.0));
    }

    #[test]
    fn a_typo_in_a_key_is_named_with_line_and_column() {
        let e = Profile::parse("x", "label = \"X\"\n[motion]\nenergi = 1.0\n", "x.toml").unwrap_err().to_string();
        assert!(e.contains("x.toml line 3, column 1") && e.contains("energi"), "{e}");
        let e =
            Profile::parse("x", "label = \"X\"\n[expression]\nmouthSmile = 1.0\n", "x.toml").unwrap_err().to_string();
        assert!(e.contains("\"mouthSmile\""), "{e}");
        let e = Profile::parse("x", "label = \"X\"\n[motion]\ntempo = 9.0\n", "x.toml").unwrap_err().to_string();
        assert!(e.contains("tempo is 9") && e.contains("0.5 to 2"), "{e}");
    }

    #[test]
    fn whatever_is_wrong_is_told_with_its_place() {
        for (text, place) in [
            ("label = \"X\"\n[expression]\nmouthSmileLeft = 0.5\n mouthSmile = 1.0\n", "line 4, column 2"),
            ("label = \"X\"\n[expression]\njawOpen = 7\n", "line 3, column 1"),
            ("label = \"ä\"\nexpression = { jawOpen = 0.1, jawLeft = 2.0 }\n", "line 2, column 31"),
            ("label = \"X\"\n[emotion]\nsad = 0.5\nglad = 0.1\n", "line 4, column 1"),
            ("label = \"X\"\n[emotion]\nsad = nan\n", "line 3, column 1"),
            ("label = \"X\"\n[motion]\nenergy = 1\ntempo = 9\n", "line 4, column 1"),
            ("[motion]\nenergy = 1\n", "line 1, column 1"),
            ("label = \"X\"\n[mirror.gains]\nmouth = 9\n", "line 2, column 2"),
            ("label = ", "line 1, column 9"),
            ("label = 3", "line 1, column 9"),
        ] {
            let e = Profile::parse("x", text, "x.toml").unwrap_err().to_string();
            assert!(e.starts_with(&format!("x.toml {place}: ")), "{text}: {e}");
        }
    }

    #[test]
    fn a_file_that_is_none_costs_only_itself_and_a_broken_one_keeps_its_last_good_form() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, bytes: &[u8]| std::fs::write(dir.path().join(name), bytes).unwrap();
        write("mine.toml", b"label = \"Mine\"");
        write("other.toml", b"label = \"Other\"");
        let (old, _) = Profiles::load(&[dir.path()]);
        write("mine.toml", b"label = \"Mi\n\xff\"");
        std::fs::remove_file(dir.path().join("other.toml")).unwrap();
        std::fs::create_dir(dir.path().join("folder.toml")).unwrap();
        let (new, broken) = Profiles::load(&[dir.path()]);
        let told: Vec<_> = broken.iter().map(ToString::to_string).collect();
        assert!(told[0].contains("folder.toml is no plain file") && told[1].contains("line 2, column 1"), "{told:?}");
        // What is gone is gone; what is broken is as it was.
        assert_eq!(new.or_keep(&old, &broken).names(), "neutral, mine");
    }

    #[test]
    fn a_broken_file_costs_only_itself() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("good.toml"), "label = \"Good\"").unwrap();
        std::fs::write(dir.path().join("bad.toml"), "label = ").unwrap();
        let (profiles, problems) = Profiles::load(&[dir.path()]);
        assert_eq!(profiles.names(), "neutral, good");
        assert_eq!(problems.len(), 1);
    }

    #[test]
    fn every_profile_that_ships_is_valid_and_changes_something() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("profiles");
        let (profiles, problems) = Profiles::load(&[folder]);
        assert!(problems.is_empty(), "{problems:?}");
        assert!(profiles.iter().count() >= 8);
        for p in profiles.iter() {
            let plain = p.expression == Weights::default() && p.emotion == Emotions::default();
            assert_eq!(p.name == "neutral", plain, "{}", p.name);
        }
    }

    #[test]
    fn the_documentation_names_every_field_and_none_that_is_not_there() {
        let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/profiles.md")).unwrap();
        let example = text.split("```toml\n").nth(1).and_then(|t| t.split("```").next()).unwrap();
        let written: toml::Table = toml::from_str(example).unwrap();
        Profile::parse("example", example, "docs/profiles.md").unwrap();
        // Whatever MotionStyle has is printed; a field that is missing in the text is missing in the set.
        let printed = format!("{:?}", MotionStyle::default());
        let fields: std::collections::BTreeSet<_> =
            printed.split(['{', ',']).filter_map(|p| p.split_once(':')).map(|(name, _)| name.trim()).collect();
        let told: std::collections::BTreeSet<_> =
            written["motion"].as_table().unwrap().keys().map(String::as_str).collect();
        assert_eq!(fields, told);
        for (key, value) in written["motion"].as_table().unwrap() {
            let default = format!("{key}: {:?}", value.as_float().unwrap());
            assert!(printed.contains(&default), "the text says {default}: {printed}");
        }
        let sections: Vec<_> = written.keys().map(String::as_str).collect();
        assert_eq!(sections, ["emotion", "expression", "icon", "label", "mirror", "motion", "order"]);
        for name in Emotions::NAMES {
            assert!(text.contains(name), "{name} is not told");
        }
    }

    #[test]
    fn emotions_of_a_profile_are_named_and_bounded() {
        let p = Profile::parse("x", "label = \"X\"\n[emotion]\nhappy = 0.5\nsad = -0.25\n", "t").unwrap();
        assert_eq!(p.emotion.named().collect::<Vec<_>>(), [("happy", 0.5), ("sad", -0.25)]);
        for (line, part) in [("glad = 0.5", "\"glad\""), ("happy = 1.5", "1.5"), ("happy = nan", "NaN")] {
            let e = Profile::parse("x", &format!("label = \"X\"\n[emotion]\n{line}\n"), "x.toml").unwrap_err();
            assert!(
                e.to_string().contains("x.toml line 3, column 1: [emotion]") && e.to_string().contains(part),
                "{e}"
            );
        }
    }
}
