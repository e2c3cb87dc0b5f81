//! A voice's description: the JSON file beside its network.

use anyhow::{Context, Result, anyhow, ensure};
use serde::Deserialize;
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

/// The phonemes that Piper puts around and between all others.
const BEGIN: &str = "^";
const END: &str = "$";
const PAD: &str = "_";

/// A voice's JSON file.
#[derive(Debug, Deserialize)]
pub struct Config {
    audio: Audio,
    espeak: EspeakName,
    inference: Inference,
    phoneme_id_map: HashMap<String, Vec<i64>>,
    #[serde(default = "one")]
    num_speakers: u32,
    /// The speakers' names, and the numbers by which the network knows them.
    #[serde(default)]
    speaker_id_map: BTreeMap<String, i64>,
    language: Option<Language>,
    #[serde(default)]
    phoneme_type: Option<String>,
}

fn one() -> u32 {
    1
}

#[derive(Debug, Deserialize)]
struct Audio {
    sample_rate: u32,
}

#[derive(Debug, Deserialize)]
struct EspeakName {
    voice: String,
}

/// What Piper recommends for the voice.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Inference {
    pub noise_scale: f32,
    pub length_scale: f32,
    pub noise_w: f32,
}

#[derive(Debug, Deserialize)]
struct Language {
    code: String,
}

impl Config {
    /// Reads and checks a voice's JSON file.
    ///
    /// # Errors
    /// It cannot be read, is no voice's file, or holds values that no voice has.
    pub fn read(path: &Path) -> Result<Self> {
        let size = std::fs::metadata(path).with_context(|| format!("error reading {}", path.display()))?.len();
        ensure!(
            size < 4 << 20,
            "{} has {size} bytes, too many for a voice's description; check the file",
            path.display()
        );
        let text = std::fs::read_to_string(path).with_context(|| format!("error reading {}", path.display()))?;
        Self::parse(&text).with_context(|| format!("error in the voice's description {}", path.display()))
    }

    /// Checks the text of such a file.
    ///
    /// # Errors
    /// As [`Config::read`].
    pub fn parse(text: &str) -> Result<Self> {
        let config: Self = serde_json::from_str(text)?;
        let rate = config.audio.sample_rate;
        ensure!((8_000..=48_000).contains(&rate), "its sample_rate is {rate}; it must be 8000 to 48000");
        let scale = config.inference.length_scale;
        ensure!(scale > 0.1 && scale < 10.0, "its length_scale is {scale}; it must be 0.1 to 10");
        if let Some(kind) = config.phoneme_type.as_deref().filter(|k| *k != "espeak") {
            return Err(anyhow!("its phoneme_type is \"{kind}\"; only \"espeak\" is supported"));
        }
        for sign in [BEGIN, END, PAD] {
            ensure!(config.id(sign).is_some(), "its phoneme_id_map has no \"{sign}\"");
        }
        Ok(config)
    }

    /// The language as a BCP 47 tag.
    pub fn language(&self) -> String {
        self.language.as_ref().map_or_else(|| self.espeak.voice.clone(), |l| l.code.replace('_', "-"))
    }

    /// espeak-ng's name of the language.
    pub fn espeak(&self) -> &str {
        &self.espeak.voice
    }

    /// Samples a second.
    pub fn rate(&self) -> u32 {
        self.audio.sample_rate
    }

    pub fn inference(&self) -> Inference {
        self.inference
    }

    /// The speakers that can be chosen by name, in the order of the network; empty where there is one only.
    pub fn speakers(&self) -> Vec<&str> {
        if self.num_speakers < 2 {
            return Vec::new();
        }
        let mut all: Vec<_> = self.speaker_id_map.iter().collect();
        all.sort_by_key(|(_, id)| **id);
        all.into_iter().map(|(name, _)| name.as_str()).collect()
    }

    /// What the network must be told to speak as this speaker; the first one where none is named. None: it knows one only.
    ///
    /// # Errors
    /// The voice has no speaker of that name.
    pub fn speaker(&self, name: Option<&str>) -> Result<Option<i64>> {
        let named = |name| {
            let known = || self.speakers().into_iter().take(20).collect::<Vec<_>>().join(", ");
            let id = self.speaker_id_map.get(name).copied();
            id.with_context(|| format!("the voice has no speaker \"{name}\"; choose one of: {}", known()))
        };
        let id = name.map(named).transpose()?;
        Ok((self.num_speakers > 1).then_some(id.unwrap_or_default()))
    }

    fn id(&self, phoneme: &str) -> Option<i64> {
        self.phoneme_id_map.get(phoneme).and_then(|ids| ids.first().copied())
    }

    /// The network's ids for phonemes: with those around and between them, without what the voice does not know. Each with the
    /// phoneme that it stands for; signs of the network's own stand for none.
    pub fn ids(&self, phonemes: &str) -> Vec<(i64, Option<char>)> {
        let pad = (self.id(PAD).unwrap_or_default(), None);
        let mut ids: Vec<_> = self.id(BEGIN).map(|id| (id, None)).into_iter().collect();
        ids.push(pad);
        let mut buffer = [0; 4];
        for c in phonemes.chars() {
            if let Some(id) = self.id(c.encode_utf8(&mut buffer)) {
                ids.extend([(id, Some(c)), pad]);
            }
        }
        ids.extend(self.id(END).map(|id| (id, None)));
        ids
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const JSON: &str = r#"{"audio": {"sample_rate": 22050}, "espeak": {"voice": "en-us"}, "language": {"code": "en_US"},
        "inference": {"noise_scale": 0.667, "length_scale": 1, "noise_w": 0.8},
        "phoneme_id_map": {"_": [0], "^": [1], "$": [2], "a": [7], "b": [8]}}"#;

    #[test]
    fn ids_are_padded_and_unknown_phonemes_are_left_out() {
        let config = Config::parse(JSON).unwrap();
        let (ids, phonemes): (Vec<_>, Vec<_>) = config.ids("aXb").into_iter().unzip();
        assert_eq!(ids, [1, 0, 7, 0, 8, 0, 2]);
        assert_eq!(phonemes, [None, None, Some('a'), None, Some('b'), None, None]);
        assert_eq!(config.language(), "en-US");
    }

    #[test]
    fn speakers_are_known_by_name_in_the_networks_order() {
        let one = Config::parse(JSON).unwrap();
        assert_eq!((one.speakers(), one.speaker(None).unwrap()), (vec![], None));
        let many = "{\"num_speakers\": 2, \"speaker_id_map\": {\"ann\": 1, \"zoe\": 0}, \"audio\"";
        let many = Config::parse(&JSON.replacen("{\"audio\"", many, 1)).unwrap();
        assert_eq!(many.speakers(), ["zoe", "ann"]);
        assert_eq!((many.speaker(None).unwrap(), many.speaker(Some("ann")).unwrap()), (Some(0), Some(1)));
        let e = many.speaker(Some("bob")).unwrap_err().to_string();
        assert!(e.contains("\"bob\"") && e.contains("zoe, ann"), "{e}");
    }

    #[test]
    fn a_description_that_no_voice_has_is_refused() {
        for (from, to, part) in [
            ("22050", "0", "sample_rate is 0"),
            ("\"length_scale\": 1", "\"length_scale\": 0", "length_scale is 0"),
            ("\"^\": [1]", "\"x\": [1]", "no \"^\""),
            ("\"^\": [1]", "\"^\": []", "no \"^\""),
            ("\"espeak\": {", "\"phoneme_type\": \"text\", \"espeak\": {", "phoneme_type is \"text\""),
            ("{\"audio\"", "{\"video\"", "missing field `audio`"),
        ] {
            let e = format!("{:#}", Config::parse(&JSON.replacen(from, to, 1)).unwrap_err());
            assert!(e.contains(part), "{e}");
        }
    }
}
