//! Piper voices (VITS networks of <https://github.com/rhasspy/piper>): espeak-ng's phonemes in, sound out.

use super::voice::give_whole;
use super::{Ear, Voice, config_of, espeak, graph, text};
use crate::assets;
use crate::config::Paths;
use anyhow::{Context, Result, anyhow, ensure};
use ort::session::Session;
use ort::value::TensorRef;
use serde::Deserialize;
use std::collections::HashMap;
use std::path::Path;

/// Threads of one synthesis: more gain little (RTF 0.04 on two).
const THREADS: usize = 2;

/// Any number: the voice's random numbers, and with them its sound, are the same in every run.
const SEED: f32 = 20.0;

/// The voice's loudest sample, in every sentence: what it gives varies by some 6 dB from sentence to sentence.
const PEAK: f32 = 0.7;

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

#[derive(Debug, Deserialize)]
struct Inference {
    noise_scale: f32,
    length_scale: f32,
    noise_w: f32,
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

    fn parse(text: &str) -> Result<Self> {
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

    fn id(&self, phoneme: &str) -> Option<i64> {
        self.phoneme_id_map.get(phoneme).and_then(|ids| ids.first().copied())
    }

    /// The ids of phonemes, with those around and between them; what the voice does not know is left out.
    fn ids(&self, phonemes: &str) -> Vec<i64> {
        let pad = self.id(PAD).unwrap_or_default();
        let mut ids: Vec<i64> = self.id(BEGIN).into_iter().collect();
        ids.push(pad);
        let mut buffer = [0; 4];
        for id in phonemes.chars().filter_map(|c| self.id(c.encode_utf8(&mut buffer))) {
            ids.extend([id, pad]);
        }
        ids.extend(self.id(END));
        ids
    }
}

/// A loaded voice.
pub struct Piper {
    config: Config,
    session: Session,
}

impl Piper {
    /// Loads `model` and the JSON file beside it; either must have the bytes that the manifest pins, if it does.
    ///
    /// # Errors
    /// ONNX Runtime is not installed, a file is missing or damaged, the network is no voice.
    pub fn open(paths: &Paths, model: &Path) -> Result<Self> {
        let description = config_of(model);
        let json = assets::read_checked(paths, &description)?;
        let config = Config::parse(&String::from_utf8_lossy(&json))
            .with_context(|| format!("error in the voice's description {}", description.display()))?;
        let mut builder = assets::builder(paths, THREADS)?;
        let mut bytes = assets::read_checked(paths, model)?;
        graph::seed(&mut bytes, SEED);
        let session = builder
            .commit_from_memory(&bytes)
            .map_err(|e| anyhow!("{e}"))
            .with_context(|| format!("error loading the voice {}; install it again", model.display()))?;
        Ok(Self { config, session })
    }

    /// Phonemes of a sentence, with its signs of pause and tone.
    fn phonemes(&self, sentence: &str) -> Result<String> {
        let mut all = String::new();
        for (clause, sign) in text::clauses(sentence) {
            if !all.is_empty() {
                all.push(' ');
            }
            all.push_str(&espeak::ipa(&self.config.espeak.voice, &clause)?);
            all.push(sign);
        }
        Ok(all)
    }
}

impl Voice for Piper {
    fn speak(&mut self, sentence: &str, rate: f64, ear: &mut Ear<'_>) -> Result<()> {
        let ids = self.config.ids(&self.phonemes(sentence)?);
        let inference = &self.config.inference;
        let lengths = [ids.len() as i64];
        let scales = [inference.noise_scale, inference.length_scale / rate as f32, inference.noise_w];
        let speaker = [0i64];
        let mut inputs = ort::inputs![
            "input" => TensorRef::from_array_view(([1usize, ids.len()], &*ids))?,
            "input_lengths" => TensorRef::from_array_view(([1usize], &lengths[..]))?,
            "scales" => TensorRef::from_array_view(([3usize], &scales[..]))?,
        ];
        if self.config.num_speakers > 1 {
            inputs.push(("sid".into(), TensorRef::from_array_view(([1usize], &speaker[..]))?.into()));
        }
        let outputs = self.session.run(inputs).context("the voice failed; install it again")?;
        let output =
            outputs.get("output").context("the network has no output named \"output\": it is no Piper voice")?;
        let (_, samples) = output.try_extract_tensor::<f32>()?;
        let peak = samples.iter().fold(0.0f32, |m, x| m.max(x.abs()));
        ensure!(peak.is_finite(), "the voice gave sound that is no number; install it again");
        let gain = if peak > 0.01 { PEAK / peak } else { 1.0 };
        let samples: Vec<f32> = samples.iter().map(|x| x * gain).collect();
        give_whole(&samples, self.config.audio.sample_rate, ear);
        Ok(())
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
        assert_eq!(config.ids("aXb"), [1, 0, 7, 0, 8, 0, 2]);
        assert_eq!(config.language(), "en-US");
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
