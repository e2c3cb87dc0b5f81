//! Piper voices (VITS networks of <https://github.com/rhasspy/piper>): espeak-ng's phonemes in, sound out, a chunk at a time.

mod config;
mod cut;
mod network;
mod phones;

pub use config::Config;
pub use cut::prepare;

use super::level::{Leveller, loudness};
use super::phonemes::{self, Phonemes};
use super::{Ear, Outline, Phone, Piece, Voice, config_of};
use crate::assets;
use crate::clock::Moment;
use crate::config::Paths;
use anyhow::{Context, Result, ensure};
use network::{Inputs, Latent, Network};
use std::ops::Range;
use std::path::Path;

/// Frames that are made at a time: few at first, so that sound comes soon, then more, so that little is made twice.
const FIRST_CHUNK: usize = 12;
const LARGEST_CHUNK: usize = 80;

/// A chunk is so many times the one before: while the first is heard (140 ms) the second can be made.
const GROWTH: usize = 5;

/// The longest run of phonemes that the network gets at once: its memory grows with their square.
const MAX_PHONEMES: usize = 400;

/// What a voice says to show how loud it is: every language reads digits.
const SAMPLE: &str = "1 2 3 4 5";

/// What is louder than this share of the voice's loudness is heard; so much of a second before it stays (1/200: 5 ms).
const HEARD: f32 = 0.04;
const BEFORE: usize = 200;

/// The loudness of a voice that shows none, as Piper's usually are.
const USUAL_LOUDNESS: f32 = 0.07;

/// A loaded voice.
pub struct Piper {
    config: Config,
    phonemes: Phonemes,
    network: Network,
    speaker: Option<i64>,
    /// Samples of a frame.
    hop: usize,
    /// How loud it speaks by itself.
    loudness: f32,
}

impl Piper {
    /// Loads `model` and the JSON file beside it, to speak as the named speaker where the voice has several. Either file must
    /// have the bytes that the manifest pins, if it does.
    ///
    /// # Errors
    /// ONNX Runtime is not installed, a file is missing or damaged, the network is no voice, espeak-ng fails.
    pub fn open(paths: &Paths, model: &Path, speaker: Option<&str>) -> Result<Self> {
        let description = config_of(model);
        let json = assets::read_checked(paths, &description)?;
        let config = Config::parse(&String::from_utf8_lossy(&json))
            .with_context(|| format!("error in the voice's description {}", description.display()))?;
        let speaker = config.speaker(speaker)?;
        let network = Network::open(paths, model)?;
        let phonemes = Phonemes::new(config.espeak());
        let mut voice = Self { config, phonemes, network, speaker, hop: 1, loudness: USUAL_LOUDNESS };
        voice.try_out().with_context(|| format!("error trying out the voice {}", model.display()))?;
        Ok(voice)
    }

    /// Speaks to nobody: learns how many samples a frame has and how loud the voice is, and warms the network up.
    fn try_out(&mut self) -> Result<()> {
        let phonemes = self.phonemes.of(SAMPLE)?;
        let sentence = self.encode(&phonemes, 1.0)?;
        let mut sound = Vec::new();
        for (latent, frames) in sentence.iter().flat_map(|s| chunks(s.latent.frames).map(|c| (&s.latent, c))) {
            let chunk = self.network.decode(latent, frames.clone())?;
            self.hop = chunk.len() / frames.len().max(1);
            sound.extend(chunk);
        }
        ensure!(self.hop > 0, "its network gives no sound; choose another voice");
        self.phonemes.prepare();
        self.loudness = loudness(&sound, self.config.rate()).unwrap_or(USUAL_LOUDNESS);
        Ok(())
    }

    /// All of a sentence but its sound; where it is very long, in several parts.
    fn encode(&mut self, phonemes: &str, rate: f64) -> Result<Vec<Part>> {
        let Self { config, network, speaker, .. } = self;
        let inference = config.inference();
        let scales = [inference.noise_scale, inference.length_scale / rate as f32, inference.noise_w];
        let part = |phonemes: &str| {
            let (ids, phonemes): (Vec<_>, Vec<_>) = config.ids(phonemes).into_iter().unzip();
            if phonemes.iter().all(Option::is_none) {
                return Ok(None);
            }
            let latent = network.encode(&Inputs { ids: &ids, scales, speaker: *speaker })?;
            Ok(Some(Part { phonemes, latent }))
        };
        phonemes::cut(phonemes, MAX_PHONEMES).into_iter().map(part).filter_map(Result::transpose).collect()
    }

    fn outline(&self, sentence: &[Part]) -> Outline {
        let rate = self.config.rate();
        let moment = |frame: usize| Moment::of_sample((frame * self.hop) as u64, rate);
        let mut frames = 0;
        let mut all = Vec::new();
        for part in sentence {
            for phone in phones::phones(&part.phonemes, &part.latent.durations) {
                let (from, to) = (moment(frames + phone.from), moment(frames + phone.to));
                all.push(Phone { symbol: phone.symbol, from, to });
            }
            frames += part.latent.frames;
        }
        Outline { rate, samples: frames * self.hop, phones: all }
    }
}

/// A run of phonemes that the network made ready in one piece.
struct Part {
    /// The phoneme of each id.
    phonemes: Vec<Option<char>>,
    latent: Latent,
}

/// The frames of the chunks in their order.
fn chunks(frames: usize) -> impl Iterator<Item = Range<usize>> {
    let (mut at, mut size) = (0, FIRST_CHUNK);
    std::iter::from_fn(move || {
        let from = at;
        // A short rest goes with the last chunk.
        at = if frames - from < size + FIRST_CHUNK { frames } else { from + size };
        size = (size * GROWTH).min(LARGEST_CHUNK);
        (from < at).then_some(from..at)
    })
}

impl Piper {
    /// The samples before the first that is heard, but for a few: the network begins with some 40 ms of silence, for which the
    /// listener would wait.
    fn silence_before(&self, sound: &[f32]) -> usize {
        let heard = sound.iter().position(|s| s.abs() > self.loudness * HEARD).unwrap_or(0);
        heard.saturating_sub(self.config.rate() as usize / BEFORE)
    }
}

impl Voice for Piper {
    fn speak(&mut self, sentence: &str, rate: f64, ear: &mut Ear<'_>) -> Result<()> {
        let phonemes = self.phonemes.of(sentence)?;
        let parts = self.encode(&phonemes, rate)?;
        let mut outline = Some(self.outline(&parts));
        let mut leveller = Leveller::new(self.loudness, self.config.rate());
        for (latent, frames) in parts.iter().flat_map(|p| chunks(p.latent.frames).map(|c| (&p.latent, c))) {
            let sound = self.network.decode(latent, frames.clone())?;
            ensure!(
                sound.len() == frames.len() * self.hop,
                "the voice gave {} samples for {} frames of {}; install it again",
                sound.len(),
                frames.len(),
                self.hop
            );
            let mut from = 0;
            if let Some(mut outline) = outline.take() {
                from = self.silence_before(&sound);
                outline.skip(from);
                if ear(Piece::Outline(&outline)).is_break() {
                    return Ok(());
                }
            }
            if ear(Piece::Sound(&leveller.push(sound.get(from..).unwrap_or_default()))).is_break() {
                return Ok(());
            }
        }
        if let Some(outline) = outline {
            let _ = ear(Piece::Outline(&outline));
        }
        self.phonemes.prepare();
        // The sentence is complete with it: that nobody wants more is no news.
        let _ = ear(Piece::Sound(&leveller.finish()));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_cover_every_frame_once_and_the_first_is_small() {
        for frames in [0, 1, 19, 20, 21, 39, 40, 41, 100, 511, 5000] {
            let all: Vec<_> = chunks(frames).collect();
            assert_eq!(all.iter().flat_map(Clone::clone).collect::<Vec<_>>(), (0..frames).collect::<Vec<_>>());
            assert!(all.iter().all(|c| c.len() < LARGEST_CHUNK + FIRST_CHUNK));
            assert!(frames < 2 * FIRST_CHUNK || all[0].len() == FIRST_CHUNK);
        }
    }
}
