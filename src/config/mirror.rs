//! How the user's own expression is taken over: which part of the face from where, how strong, how steady (`docs/mirror.md`).

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A part of the face that is led by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    Head,
    Gaze,
    Brows,
    Lids,
    Mouth,
}

impl Part {
    pub const ALL: [Part; 5] = [Part::Head, Part::Gaze, Part::Brows, Part::Lids, Part::Mouth];

    pub fn name(self) -> &'static str {
        match self {
            Part::Head => "head",
            Part::Gaze => "gaze",
            Part::Brows => "brows",
            Part::Lids => "lids",
            Part::Mouth => "mouth",
        }
    }

    /// Whether left and right move by themselves.
    fn has_sides(self) -> bool {
        matches!(self, Part::Brows | Part::Lids | Part::Mouth)
    }
}

/// What leads a part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lead {
    /// The user's own.
    #[default]
    Camera,
    /// What is made from the voice, as without a mirror.
    Voice,
    /// The voice while it sounds, the camera in silence; what both can say at once, they do.
    Both,
}

impl Lead {
    pub const ALL: [Lead; 3] = [Lead::Camera, Lead::Voice, Lead::Both];

    pub fn name(self) -> &'static str {
        match self {
            Lead::Camera => "camera",
            Lead::Voice => "voice",
            Lead::Both => "both",
        }
    }
}

/// A side of the face, the person's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Left,
    Right,
}

impl Side {
    pub fn name(self) -> &'static str {
        match self {
            Side::Left => "left",
            Side::Right => "right",
        }
    }
}

/// The most that a weak expression is amplified by.
pub const MOST_GAIN: f64 = 4.0;

/// How the mirrored face is treated.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Manner {
    /// By [`Part`].
    pub leads: [Lead; 5],
    /// By [`Part`]: left and right, 0..[`MOST_GAIN`], 1 is as seen. Head and gaze have two equal ones.
    pub gains: [[f32; 2]; 5],
    /// The side that goes as the other does.
    pub weak: Option<Side>,
    /// By [`Part`]: 0 follows at once, 1 stills a tremor or a tic altogether.
    pub steady: [f32; 5],
}

impl Default for Manner {
    fn default() -> Self {
        let mut leads = [Lead::Camera; 5];
        leads[Part::Mouth as usize] = Lead::Both;
        Self { leads, gains: [[1.0; 2]; 5], weak: None, steady: [0.0; 5] }
    }
}

/// The settings of the mirror.
#[derive(Clone, Debug, PartialEq)]
pub struct MirrorSettings {
    /// Whether the user's own expression is taken over.
    pub on: bool,
    /// The real camera by its id; the first one where none is named.
    pub camera: Option<String>,
    /// Whose calibration counts.
    pub person: String,
    /// What is to be otherwise than [`Manner::default`].
    pub change: MannerChange,
}

impl Default for MirrorSettings {
    fn default() -> Self {
        Self { on: false, camera: None, person: "me".into(), change: MannerChange::default() }
    }
}

/// The table `[mirror]` of the settings file as written.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WrittenMirror {
    on: Option<bool>,
    camera: Option<String>,
    person: Option<String>,
    parts: BTreeMap<String, String>,
    gains: BTreeMap<String, f64>,
    weak_side: Option<String>,
    steady: BTreeMap<String, f64>,
}

impl WrittenMirror {
    /// # Errors
    /// One sentence: the key, its value and what is accepted.
    pub fn check(self) -> anyhow::Result<MirrorSettings> {
        let Self { on, camera, person, parts, gains, weak_side, steady } = self;
        let change = MannerChange { parts, gains, weak_side, steady };
        change.apply(Manner::default()).map_err(|why| anyhow::anyhow!("[mirror]: {why}"))?;
        let default = MirrorSettings::default();
        let person = person.unwrap_or(default.person);
        check_person(&person).map_err(|why| anyhow::anyhow!("mirror.person: {why}"))?;
        Ok(MirrorSettings { on: on.unwrap_or(false), camera: camera.filter(|c| !c.is_empty()), person, change })
    }
}

/// Checks the name that somebody's calibration is kept under.
///
/// # Errors
/// One sentence with the name and what is accepted.
pub fn check_person(name: &str) -> Result<(), String> {
    let good = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    if (1..=64).contains(&name.len()) && name.bytes().all(good) {
        return Ok(());
    }
    Err(format!("the person is called \"{}\"; use up to 64 lower-case letters, digits and -", shorten(name)))
}

impl Manner {
    /// Every gain by its name: "head", "mouth-left".
    pub fn named_gains(self) -> impl Iterator<Item = (String, f64)> {
        // What comes from single precision has no more digits.
        let round = |gain: f32| (f64::from(gain) * 1e4).round() / 1e4;
        Part::ALL.into_iter().flat_map(move |part| {
            let [left, right] = self.gains[part as usize];
            let sides = [(Side::Left, left), (Side::Right, right)];
            let own = (!part.has_sides()).then(|| (part.name().to_owned(), round(left)));
            let both = part
                .has_sides()
                .then(|| sides.map(|(side, gain)| (format!("{}-{}", part.name(), side.name()), round(gain))));
            own.into_iter().chain(both.into_iter().flatten())
        })
    }
}

/// What a profile, or somebody over D-Bus, wants to be otherwise: the keys that are named, nothing else.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct MannerChange {
    /// "head", "gaze", "brows", "lids" or "mouth" to "camera", "voice" or "both".
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub parts: BTreeMap<String, String>,
    /// A part, or one side of it ("mouth-left"), to 0..4.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub gains: BTreeMap<String, f64>,
    /// "left", "right" or "none".
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weak_side: Option<String>,
    /// A part to 0..1.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub steady: BTreeMap<String, f64>,
}

impl MannerChange {
    /// `manner` with what is named here.
    ///
    /// # Errors
    /// A part, a lead, a side or a value that there is not: one sentence that names it and what is accepted.
    pub fn apply(&self, mut manner: Manner) -> Result<Manner, String> {
        for (name, lead) in &self.parts {
            let part = part(name)?;
            manner.leads[part as usize] = Lead::ALL.into_iter().find(|l| l.name() == lead).ok_or_else(|| {
                let lead = shorten(lead);
                format!("the part \"{name}\" is to be led by \"{lead}\"; it must be \"camera\", \"voice\" or \"both\"")
            })?;
        }
        for (name, gain) in &self.gains {
            if !(0.0..=MOST_GAIN).contains(gain) {
                return Err(format!("the gain of \"{}\" is {gain}; it must be 0 to {MOST_GAIN}", shorten(name)));
            }
        }
        // A whole part first, then its sides, whatever the order of the names.
        for (name, gain) in &self.gains {
            if let Ok(part) = part(name) {
                manner.gains[part as usize] = [*gain as f32; 2];
            }
        }
        for (name, gain) in &self.gains {
            if part(name).is_err() {
                let (part, side) = side_of(name)?;
                manner.gains[part as usize][side as usize] = *gain as f32;
            }
        }
        if let Some(side) = &self.weak_side {
            manner.weak = match side.as_str() {
                "none" => None,
                "left" => Some(Side::Left),
                "right" => Some(Side::Right),
                other => {
                    let other = shorten(other);
                    return Err(format!("the weak side is \"{other}\"; it must be \"left\", \"right\" or \"none\""));
                }
            };
        }
        for (name, steady) in &self.steady {
            let part = part(name)?;
            if !(0.0..=1.0).contains(steady) {
                return Err(format!("the steadiness of \"{name}\" is {steady}; it must be 0 to 1"));
            }
            manner.steady[part as usize] = *steady as f32;
        }
        Ok(manner)
    }

    /// This one, and on top of it what `other` names.
    pub fn and(mut self, other: &MannerChange) -> Self {
        self.parts.extend(other.parts.clone());
        self.gains.extend(other.gains.clone());
        self.weak_side = other.weak_side.clone().or(self.weak_side);
        self.steady.extend(other.steady.clone());
        self
    }
}

fn part(name: &str) -> Result<Part, String> {
    Part::ALL.into_iter().find(|p| p.name() == name).ok_or_else(|| {
        format!(
            "there is no part \"{}\" of the face; it must be \"head\", \"gaze\", \"brows\", \"lids\" or \"mouth\"",
            shorten(name)
        )
    })
}

/// "mouth-left".
fn side_of(name: &str) -> Result<(Part, Side), String> {
    let sides = [("-left", Side::Left), ("-right", Side::Right)];
    let found = sides.into_iter().find_map(|(end, side)| name.strip_suffix(end).map(|part| (part, side)));
    let Some((of, side)) = found else { return Err(part(name).err().unwrap_or_default()) };
    let found = part(of)?;
    if !found.has_sides() {
        return Err(format!("\"{of}\" has no sides; \"{of}\" alone has a gain"));
    }
    Ok((found, side))
}

/// A megabyte of a name does not come back in a sentence.
fn shorten(name: &str) -> String {
    let mut short: String = name.chars().take(60).collect();
    if short.len() < name.len() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(text: &str) -> MannerChange {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn what_is_named_is_changed_and_nothing_else() {
        let m = change("weak_side = \"left\"\n[parts]\nhead = \"voice\"\n[gains]\nmouth-left = 2.0\nmouth = 1.5\n[steady]\nhead = 0.5")
            .apply(Manner::default())
            .unwrap();
        assert_eq!((m.leads[0], m.leads[1], m.weak, m.steady[0]), (Lead::Voice, Lead::Camera, Some(Side::Left), 0.5));
        assert_eq!((m.gains[4], m.gains[2]), ([2.0, 1.5], [1.0, 1.0]));
        assert_eq!(change("").apply(m), Ok(m));
    }

    #[test]
    fn a_later_change_wins_over_an_earlier_one() {
        let both = change("[gains]\nhead = 2.0\nmouth = 3.0").and(&change("weak_side = \"none\"\n[gains]\nhead = 0.5"));
        let m = both.apply(Manner { weak: Some(Side::Right), ..Manner::default() }).unwrap();
        assert_eq!((m.gains[0], m.gains[4], m.weak), ([0.5; 2], [3.0; 2], None));
    }

    #[test]
    fn bad_values_are_named_with_what_is_accepted() {
        for (text, part) in [
            ("[parts]\nears = \"camera\"", "no part \"ears\""),
            ("[parts]\nhead = \"radio\"", "\"radio\"; it must be \"camera\", \"voice\" or \"both\""),
            ("[gains]\nmouth = 5.0", "is 5; it must be 0 to 4"),
            ("[gains]\nmouth = nan", "NaN"),
            ("[gains]\nhead-left = 1.0", "has no sides"),
            ("[gains]\nnose-left = 1.0", "no part \"nose\""),
            ("[steady]\nmouth = -0.1", "it must be 0 to 1"),
            ("weak_side = \"both\"", "\"both\"; it must be"),
        ] {
            let told = change(text).apply(Manner::default()).unwrap_err();
            assert!(told.contains(part), "{text}: {told}");
        }
    }
}
