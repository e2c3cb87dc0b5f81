//! The settings file (`docs/settings.md`): every key optional, all defaults usable.

use super::certificate::{CertificateFiles, WrittenCertificate};
use super::mirror::{MirrorSettings, WrittenMirror};
use super::{Background, LabelSettings, Looks};
use crate::assets::Provider;
use crate::render::Size;
use anyhow::{Context, Result, bail};
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// What drives the mouth.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Input {
    /// Typed text, spoken by the synthetic voice.
    #[default]
    Text,
    /// The user's own voice.
    Microphone,
    /// The user's own voice, recognised and spoken again by the synthetic voice.
    Revoice,
}

impl Input {
    pub const ALL: [Input; 3] = [Input::Text, Input::Microphone, Input::Revoice];

    /// The name in D-Bus and in the settings file.
    pub fn name(self) -> &'static str {
        match self {
            Input::Text => "text",
            Input::Microphone => "microphone",
            Input::Revoice => "revoice",
        }
    }
}

/// When a recognised sentence is spoken again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RevoiceMode {
    /// Once the user has read and accepted it.
    #[default]
    Confirm,
    /// At once.
    Immediate,
}

impl RevoiceMode {
    pub const ALL: [RevoiceMode; 2] = [RevoiceMode::Confirm, RevoiceMode::Immediate];

    /// The name in D-Bus and in the settings file.
    pub fn name(self) -> &'static str {
        match self {
            RevoiceMode::Confirm => "confirm",
            RevoiceMode::Immediate => "immediate",
        }
    }
}

/// Which motion network runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Network {
    /// The largest that this machine runs in time.
    #[default]
    Auto,
    Small,
    Large,
}

/// Checked settings.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    pub input: Input,
    pub avatar: String,
    /// What is behind the avatar.
    pub background: Background,
    pub profile: String,
    pub intensity: f64,
    /// The microphone by name; the default one where none is named.
    pub microphone: Option<String>,
    /// Where the synthetic voice is heard; the default output where none is named.
    pub speaker: Option<String>,
    /// The voice by name; chosen by the program where none is named.
    pub voice: Option<String>,
    /// 0.5..2.
    pub rate: f64,
    pub size: Size,
    /// Frames a second, 5..60.
    pub fps: u32,
    pub pipewire: bool,
    pub v4l2: bool,
    pub network: Network,
    /// Where the large network runs.
    pub provider: Provider,
    /// Whether the virtual microphone is offered.
    pub virtual_microphone: bool,
    /// Whether the user hears the synthetic voice too, and how loud, 0..1.
    pub monitor: bool,
    pub monitor_volume: f64,
    /// Whether the microphone is recognised, and captions are signalled.
    pub captions: bool,
    /// Whether what is said is written into the picture.
    pub subtitles: bool,
    /// What the recogniser listens for: "auto" or a language tag; the locale's where none is named.
    pub language: Option<String>,
    /// Names and terms that the recogniser shall know; as [`check_words`] takes them.
    pub words: Vec<String>,
    /// A ggml file in place of the installed recogniser.
    pub recogniser: Option<PathBuf>,
    pub revoice: RevoiceMode,
    /// How the user's own expression is taken over.
    pub mirror: MirrorSettings,
    /// How the label of every picture looks.
    pub label: LabelSettings,
    /// Whether the session log is kept.
    pub session_log: bool,
    /// What signs rendered files; the installation's own certificate where none is named.
    pub credentials: Option<CertificateFiles>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            input: Input::Text,
            avatar: "anna".into(),
            background: Background::Plate,
            profile: "friendly".into(),
            intensity: 1.0,
            microphone: None,
            speaker: None,
            voice: None,
            rate: 1.0,
            size: Size::HD,
            fps: 30,
            pipewire: true,
            v4l2: true,
            network: Network::Auto,
            provider: Provider::Auto,
            virtual_microphone: true,
            monitor: true,
            monitor_volume: 1.0,
            captions: false,
            subtitles: false,
            language: None,
            words: Vec::new(),
            recogniser: None,
            revoice: RevoiceMode::Confirm,
            mirror: MirrorSettings::default(),
            label: LabelSettings::default(),
            session_log: true,
            credentials: None,
        }
    }
}

/// The personal words: how many, and how long each may be, in characters.
pub const MOST_WORDS: usize = 200;
pub const LONGEST_WORD: usize = 60;

/// Checks a list of personal words.
///
/// # Errors
/// One sentence: too many words, one that is empty, too long, or has control characters.
pub fn check_words(words: &[String]) -> Result<(), String> {
    if words.len() > MOST_WORDS {
        return Err(format!("there are {} personal words; give at most {MOST_WORDS}", words.len()));
    }
    for word in words {
        let shown: String = word.chars().take(LONGEST_WORD).filter(|c| !c.is_control()).collect();
        if word.trim().is_empty() || word.chars().any(char::is_control) {
            return Err(format!(
                "the personal word \"{shown}\" is empty or has control characters; use letters and digits"
            ));
        }
        let length = word.chars().count();
        if length > LONGEST_WORD {
            return Err(format!("the personal word \"{shown}…\" has {length} characters; use at most {LONGEST_WORD}"));
        }
    }
    Ok(())
}

/// The file as written.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Written {
    input: Option<Input>,
    avatar: Option<String>,
    background: Option<String>,
    profile: Option<String>,
    intensity: Option<f64>,
    microphone: Option<String>,
    speaker: Option<String>,
    voice: Option<String>,
    rate: Option<f64>,
    network: Option<Network>,
    provider: Option<Provider>,
    virtual_microphone: Option<bool>,
    monitor: Option<bool>,
    monitor_volume: Option<f64>,
    captions: Option<bool>,
    subtitles: Option<bool>,
    language: Option<String>,
    words: Vec<String>,
    recogniser: Option<PathBuf>,
    revoice: Option<RevoiceMode>,
    session_log: Option<bool>,
    camera: WrittenCamera,
    mirror: WrittenMirror,
    label: LabelSettings,
    credentials: WrittenCertificate,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct WrittenCamera {
    size: Option<String>,
    fps: Option<u32>,
    pipewire: Option<bool>,
    v4l2: Option<bool>,
}

/// The sizes that video apps ask a camera for (WebRTC's V4L2 path probes a fixed list, `device_info_v4l2.cc`).
const SIZES: [Size; 3] = [Size::HD, Size { width: 640, height: 480 }, Size { width: 1920, height: 1080 }];

impl Settings {
    /// Reads the settings file; where there is none, the defaults.
    ///
    /// # Errors
    /// An unreadable file, TOML that does not parse, an unknown key, a value out of its range.
    pub fn load(path: &Path) -> Result<Self> {
        match std::fs::read_to_string(path) {
            Ok(text) => {
                let mut settings =
                    Self::parse(&text).with_context(|| format!("error in the settings file {}", path.display()))?;
                if let Some(folder) = path.parent() {
                    settings.background = settings.background.relative_to(folder);
                    if let Some(files) = &mut settings.credentials {
                        files.relative_to(folder);
                    }
                }
                Ok(settings)
            }
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(e) => Err(e).with_context(|| format!("error reading the settings file {}", path.display())),
        }
    }

    /// Who is to be seen, before what.
    pub fn looks(&self) -> Looks {
        Looks { avatar: self.avatar.clone(), background: self.background.clone() }
    }

    /// Checks the text of a settings file.
    ///
    /// # Errors
    /// As [`Settings::load`].
    pub fn parse(text: &str) -> Result<Self> {
        let w: Written = toml::from_str(text).map_err(|e| anyhow::anyhow!("{}", e.to_string().trim_end()))?;
        let d = Self::default();
        let size = match &w.camera.size {
            None => d.size,
            Some(text) => *SIZES
                .iter()
                .find(|s| format!("{}x{}", s.width, s.height) == *text)
                .with_context(|| format!("camera.size is \"{text}\"; it must be 1280x720, 640x480 or 1920x1080"))?,
        };
        let fps = w.camera.fps.unwrap_or(d.fps);
        if !(5..=60).contains(&fps) {
            bail!("camera.fps is {fps}; it must be 5 to 60");
        }
        let within = |key: &str, value: f64, low: f64, high: f64| {
            if (low..=high).contains(&value) {
                Ok(value)
            } else {
                bail!("{key} is {value}; it must be {low} to {high}")
            }
        };
        check_words(&w.words).map_err(|e| anyhow::anyhow!("words: {e}"))?;
        let background =
            w.background.as_deref().map_or(Ok(d.background), Background::parse).map_err(anyhow::Error::msg)?;
        Ok(Self {
            input: w.input.unwrap_or(d.input),
            avatar: w.avatar.unwrap_or(d.avatar),
            background,
            profile: w.profile.unwrap_or(d.profile),
            intensity: within("intensity", w.intensity.unwrap_or(d.intensity), 0.0, 2.0)?,
            microphone: w.microphone,
            speaker: w.speaker,
            voice: w.voice,
            rate: within("rate", w.rate.unwrap_or(d.rate), 0.5, 2.0)?,
            size,
            fps,
            pipewire: w.camera.pipewire.unwrap_or(d.pipewire),
            v4l2: w.camera.v4l2.unwrap_or(d.v4l2),
            network: w.network.unwrap_or(d.network),
            provider: w.provider.unwrap_or(d.provider),
            virtual_microphone: w.virtual_microphone.unwrap_or(d.virtual_microphone),
            monitor: w.monitor.unwrap_or(d.monitor),
            monitor_volume: within("monitor_volume", w.monitor_volume.unwrap_or(d.monitor_volume), 0.0, 1.0)?,
            captions: w.captions.unwrap_or(d.captions),
            subtitles: w.subtitles.unwrap_or(d.subtitles),
            language: w.language,
            words: w.words,
            recogniser: w.recogniser,
            revoice: w.revoice.unwrap_or(d.revoice),
            mirror: w.mirror.check()?,
            label: w.label,
            session_log: w.session_log.unwrap_or(d.session_log),
            credentials: w.credentials.check()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_file_gives_the_defaults() {
        assert_eq!(Settings::parse("").unwrap(), Settings::default());
    }

    #[test]
    fn network_and_provider_are_named_as_the_documents_say() {
        let s = Settings::parse("network = \"large\"\nprovider = \"openvino\"").unwrap();
        assert_eq!((s.network, s.provider), (Network::Large, Provider::Openvino));
    }

    #[test]
    fn personal_words_are_bounded() {
        let words = |n: usize, length: usize| vec!["é".repeat(length); n];
        assert_eq!(check_words(&words(200, 60)), Ok(()));
        for (bad, part) in [
            (words(201, 1), "201 personal words"),
            (words(1, 61), "61 characters"),
            (words(1, 0), "empty"),
            (vec!["a\0b".into()], "control"),
        ] {
            let e = check_words(&bad).unwrap_err();
            assert!(e.contains(part), "{e}");
        }
    }

    #[test]
    fn bad_values_are_refused_by_name() {
        for (text, part) in [
            ("inputt = \"text\"", "inputt"),
            ("input = \"telepathy\"", "telepathy"),
            ("rate = 3.0", "rate is 3"),
            ("background = \"beach\"", "no background \"beach\""),
            ("background = \"#12\"", "\"#12\" is no colour"),
            ("intensity = nan", "intensity is NaN"),
            ("[camera]\nsize = \"512x512\"", "\"512x512\""),
            ("[camera]\nfps = 500", "camera.fps is 500"),
            ("monitor_volume = 1.5", "monitor_volume is 1.5"),
            ("revoice = \"at once\"", "at once"),
            ("network = \"huge\"", "`huge`, expected one of `auto`, `small`, `large`"),
            ("provider = \"abacus\"", "`abacus`, expected one of `auto`, `cpu`, `cuda`, `tensorrt`"),
            ("words = [\"\"]", "personal word"),
            ("[label]\ncorner = \"middle\"", "`middle`, expected one of `bottom-right`"),
            ("[label]\nstyle = \"none\"", "`none`, expected one of `dark`"),
            ("[label]\nvisible = false", "visible"),
            ("label = false", "label"),
            ("session_log = \"no\"", "session_log"),
            ("[mirror]\nonn = true", "onn"),
            ("[mirror]\nperson = \"../me\"", "mirror.person"),
            ("[mirror.gains]\nmouth = 9", "[mirror]: the gain of \"mouth\" is 9"),
            ("[credentials]\nkey = \"k.pem\"", "credentials.certificate is missing"),
            ("[credentials]\ncertificate = \"c\"\nkey = \"k\"", "credentials.algorithm is missing"),
            (
                "[credentials]\ncertificate = \"c\"\nkey = \"k\"\nalgorithm = \"rot13\"",
                "\"rot13\"; it must be one of es256",
            ),
            ("[credentials]\npassword = \"x\"", "password"),
        ] {
            let e = format!("{:#}", Settings::parse(text).unwrap_err());
            assert!(e.contains(part), "{text}: {e}");
        }
    }
}
