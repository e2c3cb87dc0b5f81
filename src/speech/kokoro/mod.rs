//! Kokoro-82M, an optional second engine (Apache-2.0): one network for many voices and languages, each voice a table of styles.
//!
//! Its files lie in `kokoro/` of the models folder: `model.onnx`, `vocab.json`, and any number of `*.npz` with voices. It
//! takes a sentence as a whole and tells nothing of its phonemes' times, so it starts later than Piper, and the lips
//! follow its sound alone.

mod npz;
mod signs;

use super::level::{Leveller, loudness};
use super::phonemes::{self, Phonemes};
use super::voice::give_whole;
use super::{Ear, Voice};
use crate::assets;
use crate::config::Paths;
use anyhow::{Context, Result, anyhow, ensure};
use npz::Npz;
use ort::session::Session;
use ort::value::TensorRef;
use serde::Deserialize;
use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Samples a second.
const RATE: u32 = 24_000;

/// It is eight times slower than Piper: two threads are what a live picture can spare.
const THREADS: usize = 2;

/// Numbers of a style.
const STYLE: usize = 256;

/// The longest run of signs that the network takes, less those around it, is 510; cut between words before that.
const MAX_SIGNS: usize = 400;

/// What is quieter at the beginning and the end of a sentence is cut off, but for so many samples (30 ms).
const SILENCE: f32 = 0.01;
const MARGIN: usize = 720;

/// A voice that is installed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installed {
    /// As its makers call it: language, f or m, name ("jf_alpha").
    pub name: String,
    /// The file that has its styles.
    pub file: PathBuf,
    /// A BCP 47 tag.
    pub language: &'static str,
}

/// The voices in `kokoro/` of the models folder, by name; none where its network is not there.
pub fn installed(paths: &Paths) -> Vec<Installed> {
    let folder = paths.models.join("kokoro");
    if !folder.join("model.onnx").is_file() || !folder.join("vocab.json").is_file() {
        return Vec::new();
    }
    let files = fs::read_dir(&folder).into_iter().flatten().flatten().map(|e| e.path());
    let files = files.filter(|p| p.extension().is_some_and(|e| e == "npz"));
    let mut all: Vec<Installed> = files
        .flat_map(|file| {
            let names = Npz::open(&file).map(|n| n.names()).unwrap_or_default();
            names.into_iter().filter_map(move |name| {
                let language = language(&name)?.1;
                Some(Installed { name, file: file.clone(), language })
            })
        })
        .collect();
    all.sort_by(|a, b| a.name.cmp(&b.name));
    all.dedup_by(|a, b| a.name == b.name);
    all
}

/// espeak-ng's name and the tag of the language that a voice's first letter stands for.
fn language(name: &str) -> Option<(&'static str, &'static str)> {
    Some(match name.chars().next()? {
        'a' => ("en-us", "en-US"),
        'b' => ("en-gb", "en-GB"),
        'e' => ("es", "es"),
        'f' => ("fr-fr", "fr-FR"),
        'h' => ("hi", "hi"),
        'i' => ("it", "it"),
        'j' => ("ja", "ja"),
        'p' => ("pt-br", "pt-BR"),
        'z' => ("cmn", "cmn"),
        _ => return None,
    })
}

#[derive(Deserialize)]
struct Vocabulary {
    vocab: HashMap<char, i64>,
}

/// A loaded voice.
pub struct Kokoro {
    session: Session,
    vocabulary: HashMap<char, i64>,
    /// Rows of [`STYLE`] numbers: the style of a sentence of so many signs.
    styles: Vec<f32>,
    /// espeak-ng's name of the voice's language.
    language: &'static str,
}

impl Kokoro {
    /// Loads the voice called `name` (without "kokoro-").
    ///
    /// # Errors
    /// It is not installed, a file is damaged, ONNX Runtime is not installed.
    pub fn open(paths: &Paths, name: &str) -> Result<Self> {
        let voice = installed(paths).into_iter().find(|v| v.name == name);
        let voice = voice
            .with_context(|| format!("the voice kokoro-{name} is not installed; run vasa models install kokoro"))?;
        let folder = paths.models.join("kokoro");
        let path = folder.join("vocab.json");
        let vocabulary: Vocabulary = serde_json::from_slice(&assets::read_checked(paths, &path)?)
            .with_context(|| format!("error in {}; install it again", path.display()))?;
        let styles = styles(paths, &voice.file, name)?;
        let model = folder.join("model.onnx");
        let bytes = assets::read_checked(paths, &model)?;
        let session = assets::builder(paths, THREADS)?
            .commit_from_memory(&bytes)
            .map_err(|e| anyhow!("{e}"))
            .with_context(|| format!("error loading the voice {}; install it again", model.display()))?;
        let (language, _) = language(name).unwrap_or(("en-us", "en-US"));
        Ok(Self { session, vocabulary: vocabulary.vocab, styles, language })
    }

    /// The language to read a sentence in: a Japanese voice speaks English, too.
    fn reader(&self, sentence: &str) -> Result<&'static str> {
        if self.language != "ja" {
            return Ok(self.language);
        }
        if let Some(kanji) = sentence.chars().find(|c| matches!(u32::from(*c), 0x3400..=0x4DBF | 0x4E00..=0x9FFF)) {
            return Err(anyhow!("this voice reads no kanji, and the text has \"{kanji}\"; write it in kana"));
        }
        let is_kana = sentence.chars().any(|c| matches!(u32::from(c), 0x3040..=0x30FF));
        Ok(if is_kana { "ja" } else { "en-us" })
    }

    fn say(&mut self, signs: &str, rate: f64) -> Result<Vec<f32>> {
        let known: Vec<i64> = signs.chars().filter_map(|c| self.vocabulary.get(&c).copied()).collect();
        if known.is_empty() {
            return Ok(Vec::new());
        }
        let tokens: Vec<i64> = [&[0][..], &known, &[0]].concat();
        let rows = self.styles.len() / STYLE;
        let row = known.len().min(rows).saturating_sub(1);
        let style = self.styles.get(row * STYLE..(row + 1) * STYLE).context("the voice has no styles")?;
        let speed = [rate as f32];
        let inputs = ort::inputs![
            "tokens" => TensorRef::from_array_view(([1usize, tokens.len()], &*tokens))?,
            "style" => TensorRef::from_array_view(([1usize, STYLE], style))?,
            "speed" => TensorRef::from_array_view(([1usize], &speed[..]))?,
        ];
        let outputs = self.session.run(inputs).context("the voice failed; install it again")?;
        let output = outputs.get("audio").context("the network has no output named \"audio\": it is no Kokoro")?;
        let (_, samples) = output.try_extract_tensor::<f32>()?;
        ensure!(samples.iter().all(|x| x.is_finite()), "the voice gave sound that is no number; install it again");
        Ok(trimmed(samples).to_vec())
    }
}

/// The styles of a voice.
fn styles(paths: &Paths, file: &Path, name: &str) -> Result<Vec<f32>> {
    let damaged = || format!("error in the voices {}; install them again", file.display());
    let bytes = assets::read_checked(paths, file)?;
    let styles = Npz::read(bytes).and_then(|n| n.floats(name)).with_context(damaged)?;
    ensure!(!styles.is_empty() && styles.len() % STYLE == 0, damaged());
    Ok(styles)
}

/// Sound without the silence around it.
fn trimmed(sound: &[f32]) -> &[f32] {
    let is_loud = |x: &f32| x.abs() > SILENCE;
    let (Some(first), Some(last)) = (sound.iter().position(is_loud), sound.iter().rposition(is_loud)) else {
        return sound;
    };
    sound.get(first.saturating_sub(MARGIN)..(last + MARGIN).min(sound.len())).unwrap_or(sound)
}

impl Voice for Kokoro {
    fn speak(&mut self, sentence: &str, rate: f64, ear: &mut Ear<'_>) -> Result<()> {
        let language = self.reader(sentence)?;
        let signs = signs::of(&Phonemes::new(language).of(sentence)?, language);
        let mut sound = Vec::new();
        for piece in phonemes::cut(&signs, MAX_SIGNS) {
            sound.extend(self.say(piece, rate)?);
        }
        if let Some(level) = loudness(&sound, RATE) {
            let mut leveller = Leveller::new(level, RATE);
            let mut level = leveller.push(&sound);
            level.extend(leveller.finish());
            sound = level;
        }
        give_whole(&sound, RATE, ear);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_around_a_sentence_is_cut_but_for_a_margin() {
        let sound = [vec![0.0; 5000], vec![0.5; 100], vec![0.0; 300]].concat();
        assert_eq!(trimmed(&sound).len(), MARGIN + 100 + 300);
        assert_eq!(trimmed(&[0.0; 10]).len(), 10);
    }

    #[test]
    fn a_voices_first_letter_is_its_language() {
        assert_eq!(language("jf_alpha"), Some(("ja", "ja")));
        assert_eq!(language("bm_george"), Some(("en-gb", "en-GB")));
        assert_eq!(language("xf_nobody"), None);
        assert_eq!(language(""), None);
    }
}
