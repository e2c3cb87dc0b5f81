//! Which voices there are, and which of them is the one to speak where nobody chose.

use super::{Voice, config_of, espeak, kokoro, name_of, piper};
use crate::config::Paths;
use anyhow::{Context, Result};
use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

/// A voice that can be chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VoiceInfo {
    pub name: String,
    /// A BCP 47 tag, such as "en-US".
    pub language: String,
    /// "piper" or "kokoro" (neural), or "espeak-ng".
    pub engine: String,
}

impl VoiceInfo {
    fn is_neural(&self) -> bool {
        self.engine != ESPEAK_ENGINE
    }
}

/// The name of the fallback voice; those of espeak-ng's other languages are `espeak-LANGUAGE`.
pub const ESPEAK: &str = "espeak";
const ESPEAK_ENGINE: &str = "espeak-ng";

/// Speakers of one network that are listed; the others can be named all the same.
const MOST_SPEAKERS: usize = 32;

/// A voice and where it comes from.
struct Known {
    info: VoiceInfo,
    source: Source,
}

enum Source {
    /// The network's file, and which of its speakers.
    Piper(PathBuf, Option<String>),
    /// The voice's name.
    Kokoro(String),
    /// espeak-ng's name of the language.
    Espeak(String),
}

/// The voices that can be chosen: the neural ones first, by name, then espeak-ng's for the languages that have none.
///
/// A pair `NAME.onnx`, `NAME.onnx.json` in `voices/` of the models folder or of a data folder is a voice (the first folder
/// wins); where it has several speakers, so is each `NAME:SPEAKER`. A broken pair is left out with a warning.
pub fn voices(paths: &Paths) -> Vec<VoiceInfo> {
    let (usable, broken) = usable(paths);
    for sentence in broken {
        tracing::warn!("a voice was left out: {sentence}");
    }
    usable
}

/// As [`voices`], with what is wrong with the others.
pub fn usable(paths: &Paths) -> (Vec<VoiceInfo>, Vec<String>) {
    let (known, broken) = known(paths);
    (known.into_iter().map(|k| k.info).collect(), broken)
}

fn known(paths: &Paths) -> (Vec<Known>, Vec<String>) {
    let (mut all, mut broken) = (Vec::new(), Vec::new());
    for model in piper_models(paths) {
        match piper_voices(&model) {
            Ok(voices) => all.extend(voices),
            Err(e) => broken.push(format!("{e:#}")),
        }
    }
    all.extend(kokoro::installed(paths).into_iter().map(|voice| {
        let name = format!("kokoro-{}", voice.name);
        let info = VoiceInfo { name, language: voice.language.into(), engine: "kokoro".into() };
        Known { info, source: Source::Kokoro(voice.name) }
    }));
    let spoken: HashSet<String> = all.iter().map(|k: &Known| main_language(&k.info.language)).collect();
    if espeak::is_there() {
        all.push(espeak_voice(ESPEAK.into(), "en-us", "en-US"));
        let others =
            espeak::languages().iter().filter(|l| !is_english(&l.tag) && !spoken.contains(&main_language(&l.tag)));
        all.extend(others.map(|l| espeak_voice(format!("{ESPEAK}-{}", l.voice), &l.voice, &l.tag)));
    }
    (all, broken)
}

fn is_english(tag: &str) -> bool {
    main_language(tag) == "en"
}

fn espeak_voice(name: String, voice: &str, tag: &str) -> Known {
    let info = VoiceInfo { name, language: tag.into(), engine: ESPEAK_ENGINE.into() };
    Known { info, source: Source::Espeak(voice.into()) }
}

/// The voices of one network: itself, and its speakers.
fn piper_voices(model: &Path) -> Result<Vec<Known>> {
    let config = piper::Config::read(&config_of(model))?;
    let name = name_of(model);
    let voice = |name: String, speaker: Option<&str>| Known {
        info: VoiceInfo { name, language: config.language(), engine: "piper".into() },
        source: Source::Piper(model.to_path_buf(), speaker.map(Into::into)),
    };
    let mut all = vec![voice(name.clone(), None)];
    all.extend(config.speakers().into_iter().take(MOST_SPEAKERS).map(|s| voice(format!("{name}:{s}"), Some(s))));
    Ok(all)
}

/// The networks that have a description beside them, by name; of several with one name the first folder's.
pub fn piper_models(paths: &Paths) -> Vec<PathBuf> {
    let folders = std::iter::once(&paths.models).chain(&paths.data).map(|f| f.join("voices"));
    let mut seen = HashSet::new();
    let mut files: Vec<PathBuf> = folders
        .flat_map(|f| fs::read_dir(f).into_iter().flatten().flatten())
        .map(|e| e.path())
        .filter(|p| p.extension().is_some_and(|e| e == "onnx") && config_of(p).is_file())
        // Those names are espeak-ng's.
        .filter(|p| name_of(p).split('-').next() != Some(ESPEAK))
        .filter(|p| seen.insert(name_of(p)))
        .collect();
    files.sort_by_key(|p| name_of(p));
    files
}

/// Opens the named voice; the [`default_voice`] of this locale where none is named.
///
/// # Errors
/// There is no such voice, or it does not load.
pub fn open(paths: &Paths, name: Option<&str>) -> Result<Box<dyn Voice>> {
    let known = known(paths).0;
    let infos: Vec<VoiceInfo> = known.iter().map(|k| k.info.clone()).collect();
    let name = match name.filter(|n| !n.is_empty()) {
        Some(name) => name,
        None => &default_voice(&infos, &crate::config::locale()).context(NO_VOICE)?.name,
    };
    match known.into_iter().find(|k| k.info.name == name).map(|k| k.source) {
        Some(Source::Espeak(voice)) => Ok(Box::new(espeak::Espeak::new(voice))),
        Some(Source::Kokoro(name)) => Ok(Box::new(kokoro::Kokoro::open(paths, &name)?)),
        Some(Source::Piper(model, speaker)) => Ok(Box::new(piper::Piper::open(paths, &model, speaker.as_deref())?)),
        None => anyhow::bail!(unknown_voice(name, &infos)),
    }
}

const NO_VOICE: &str = "there is no voice; run vasa models install joe, and install espeak-ng";

/// The names of voices for a message; espeak-ng's languages, more than a hundred, in one.
pub fn voice_names(known: &[VoiceInfo]) -> String {
    let (fallbacks, others): (Vec<_>, Vec<_>) = known.iter().partition(|v| v.name.starts_with("espeak-"));
    let mut names: Vec<_> = others.iter().map(|v| v.name.as_str()).collect();
    if !fallbacks.is_empty() {
        names.push("espeak-LANGUAGE (see the property Voices)");
    }
    names.join(", ")
}

/// What to tell who named a voice that does not exist.
pub fn unknown_voice(name: &str, known: &[VoiceInfo]) -> String {
    if known.is_empty() {
        return format!(
            "there is no voice \"{name}\", nor any other; run vasa models install joe, and install espeak-ng"
        );
    }
    format!("there is no voice \"{name}\"; choose one of: {}", voice_names(known))
}

/// The voice to speak with in a locale where nobody chose one: a neural one of the very language and country, of the
/// language, espeak-ng's of the same; and where the language has no voice (or the locale none, as "C"), the first.
pub fn default_voice<'v>(voices: &'v [VoiceInfo], locale: &str) -> Option<&'v VoiceInfo> {
    let tag = locale.split(['.', '@']).next().unwrap_or_default().replace('_', "-");
    let language = main_language(&tag);
    let rank = |voice: &&VoiceInfo| {
        let exact = voice.language.eq_ignore_ascii_case(&tag);
        if !exact && main_language(&voice.language) != language {
            return 0;
        }
        1 + u8::from(exact) + 2 * u8::from(voice.is_neural())
    };
    // Of equals the first: `max_by_key` would take the last.
    voices.iter().rev().max_by_key(rank)
}

/// The language of a tag without country and script; of a language group the member that voices are made in.
fn main_language(tag: &str) -> String {
    match tag.split('-').next().unwrap_or_default().to_ascii_lowercase().as_str() {
        "zh" => "cmn".into(),
        "no" => "nb".into(),
        language => language.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn voice(name: &str, language: &str, engine: &str) -> VoiceInfo {
        VoiceInfo { name: name.into(), language: language.into(), engine: engine.into() }
    }

    #[test]
    fn the_default_voice_follows_the_locale() {
        let voices = [
            voice("alba", "en-GB", "piper"),
            voice("joe", "en-US", "piper"),
            voice("thorsten", "de-DE", "piper"),
            voice("espeak", "en-US", "espeak-ng"),
            voice("espeak-cmn", "cmn", "espeak-ng"),
            voice("espeak-fr-be", "fr-BE", "espeak-ng"),
            voice("espeak-fr-fr", "fr-FR", "espeak-ng"),
            voice("espeak-nb", "nb", "espeak-ng"),
        ];
        for (locale, name) in [
            ("en_US.UTF-8", "joe"),
            ("en_GB", "alba"),
            ("en_AU.UTF-8", "alba"),
            ("de_AT@euro", "thorsten"),
            ("fr_FR.UTF-8", "espeak-fr-fr"),
            ("fr_CA", "espeak-fr-be"),
            ("zh_CN.UTF-8", "espeak-cmn"),
            ("no_NO", "espeak-nb"),
            ("C.UTF-8", "alba"),
            ("POSIX", "alba"),
            ("", "alba"),
            ("xx_XX", "alba"),
        ] {
            assert_eq!(default_voice(&voices, locale).map(|v| v.name.as_str()), Some(name), "{locale}");
        }
        assert_eq!(default_voice(&[], "en_US"), None);
    }
}
