//! The network itself: phoneme ids to frames of a latent, frames to sound, as many at a time as are asked for.

use super::cut;
use crate::assets;
use crate::config::Paths;
use anyhow::{Context, Result, anyhow, bail, ensure};
use ort::session::builder::SessionBuilder;
use ort::session::{Session, SessionInputValue, SessionOutputs};
use ort::value::{Tensor, TensorRef};
use std::borrow::Cow;
use std::ops::Range;
use std::path::Path;

/// Threads of one synthesis: more gain little (RTF 0.04 on two).
const THREADS: usize = 2;

/// Frames on either side of a chunk that the decoder sees but whose sound is dropped. It looks 10 frames far in a voice of
/// medium quality; with them all, a chunk is what the whole would have been.
const PADDING: usize = 14;

/// What of a sentence changes its sound.
pub struct Inputs<'i> {
    pub ids: &'i [i64],
    /// Noise, length, noise of the durations: as the voice's description has them, the length divided by the rate.
    pub scales: [f32; 3],
    /// In a network of several speakers, which one.
    pub speaker: Option<i64>,
}

/// A sentence before it is sound.
pub struct Latent {
    /// Frames, of which each becomes as many samples.
    pub frames: usize,
    /// Frames of each phoneme id; empty where the network does not tell.
    pub durations: Vec<usize>,
    content: Content,
}

enum Content {
    /// What the decoder takes, by name.
    Values(Vec<Value>),
    /// A network that is not cut has made its sound already.
    Sound(Vec<f32>),
}

struct Value {
    name: String,
    /// The last dimension is that of time, if it has one.
    shape: Vec<usize>,
    data: Vec<f32>,
}

pub enum Network {
    Halves { encoder: Session, decoder: Session },
    Whole(Session),
}

impl Network {
    /// Loads the network of a voice.
    ///
    /// # Errors
    /// ONNX Runtime is not installed; the file is missing, damaged or no network.
    pub fn open(paths: &Paths, model: &Path) -> Result<Self> {
        let load = |bytes: Vec<u8>, mut builder: SessionBuilder| {
            builder
                .commit_from_memory(&bytes)
                .map_err(|e| anyhow!("{e}"))
                .with_context(|| format!("error loading the voice {}; install it again", model.display()))
        };
        match cut::read(paths, model)? {
            cut::Network::Halves(halves) => {
                let builder = || assets::keeping_builder(paths, THREADS);
                Ok(Self::Halves {
                    encoder: load(halves.encoder, builder()?)?,
                    decoder: load(halves.decoder, builder()?)?,
                })
            }
            cut::Network::Whole(bytes) => {
                // Its pieces are whole sentences: their memory is given back.
                let session = load(bytes, assets::builder(paths, THREADS)?)?;
                tracing::warn!(
                    "the voice {} is built in another way than Piper's: its sentences are made in one piece, so they come later and \
                     the lips follow their sound alone",
                    model.display()
                );
                Ok(Self::Whole(session))
            }
        }
    }

    /// Says of a sentence how long it will be, and prepares its sound. The network's noise goes on from sentence to sentence: a
    /// session that was just opened always begins alike.
    ///
    /// # Errors
    /// The network fails or is none of Piper's.
    pub fn encode(&mut self, sentence: &Inputs<'_>) -> Result<Latent> {
        let lengths = [sentence.ids.len() as i64];
        let speaker = [sentence.speaker.unwrap_or_default()];
        let mut inputs = ort::inputs![
            "input" => TensorRef::from_array_view(([1usize, sentence.ids.len()], sentence.ids))?,
            "input_lengths" => TensorRef::from_array_view(([1usize], &lengths[..]))?,
            "scales" => TensorRef::from_array_view(([3usize], &sentence.scales[..]))?,
        ];
        if sentence.speaker.is_some() {
            inputs.push(("sid".into(), TensorRef::from_array_view(([1usize], &speaker[..]))?.into()));
        }
        match self {
            Self::Halves { encoder, .. } => {
                let mut values = values(&run(encoder, inputs)?)?;
                // As the cut has it: the durations come last.
                let durations = values.pop().map(|v| v.data).unwrap_or_default();
                let durations: Vec<usize> = durations.iter().map(|d| d.max(0.0) as usize).collect();
                let frames = durations.iter().sum::<usize>().max(1);
                ensure!(
                    values.iter().any(|v| v.shape.last() == Some(&frames)),
                    "the voice's network does not make the {frames} frames that it announces; choose another voice"
                );
                Ok(Latent { frames, durations, content: Content::Values(values) })
            }
            Self::Whole(session) => {
                let sound = sound(&run(session, inputs)?)?;
                Ok(Latent { frames: sound.len(), durations: Vec::new(), content: Content::Sound(sound) })
            }
        }
    }

    /// The sound of some frames: the same number of samples for each.
    ///
    /// # Errors
    /// The network fails, or gives what is no number.
    pub fn decode(&mut self, latent: &Latent, frames: Range<usize>) -> Result<Vec<f32>> {
        let values = match (self, &latent.content) {
            (_, Content::Sound(sound)) => return Ok(sound.get(frames).unwrap_or_default().to_vec()),
            (Self::Halves { decoder, .. }, Content::Values(values)) => (decoder, values),
            (Self::Whole(_), Content::Values(_)) => bail!("the sentence was prepared by another voice"),
        };
        let (decoder, values) = values;
        let seen = frames.start.saturating_sub(PADDING)..(frames.end + PADDING).min(latent.frames);
        let mut inputs: Vec<(String, SessionInputValue<'_>)> = Vec::new();
        for value in values {
            let (shape, data) = value.at(latent.frames, &seen);
            inputs.push((value.name.clone(), Tensor::from_array((shape, data))?.into()));
        }
        let sound = sound(&run(decoder, inputs)?)?;
        let hop = sound.len() / seen.len().max(1);
        let cut = (frames.start - seen.start) * hop..(frames.end - seen.start) * hop;
        Ok(sound.get(cut).unwrap_or_default().to_vec())
    }
}

impl Value {
    /// Its part at some frames of `all`; a value without time is the same in all.
    fn at(&self, all: usize, frames: &Range<usize>) -> (Vec<usize>, Vec<f32>) {
        let mut shape = self.shape.clone();
        let Some(last) = shape.last_mut().filter(|last| **last == all) else { return (shape, self.data.clone()) };
        *last = frames.len();
        let rows = self.data.chunks_exact(all);
        (shape, rows.flat_map(|row| row.get(frames.clone()).unwrap_or_default()).copied().collect())
    }
}

fn run<'s>(
    session: &'s mut Session,
    inputs: Vec<(impl Into<Cow<'s, str>>, SessionInputValue<'s>)>,
) -> Result<SessionOutputs<'s>> {
    let inputs: Vec<(Cow<'s, str>, SessionInputValue<'s>)> = inputs.into_iter().map(|(n, v)| (n.into(), v)).collect();
    session.run(inputs).context("the voice failed; install it again")
}

fn values(outputs: &SessionOutputs<'_>) -> Result<Vec<Value>> {
    let value = |(name, value): (&str, ort::value::ValueRef<'_>)| {
        let (shape, data) = value.try_extract_tensor::<f32>()?;
        let shape = shape.iter().map(|d| usize::try_from(*d).unwrap_or_default()).collect();
        Ok(Value { name: name.to_owned(), shape, data: data.to_vec() })
    };
    outputs.iter().map(value).collect()
}

fn sound(outputs: &SessionOutputs<'_>) -> Result<Vec<f32>> {
    let output = outputs.get("output").context("the network has no output named \"output\": it is no Piper voice")?;
    let (_, samples) = output.try_extract_tensor::<f32>()?;
    ensure!(samples.iter().all(|x| x.is_finite()), "the voice gave sound that is no number; install it again");
    Ok(samples.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assets::{Installer, Manifest};
    use crate::speech::graph;
    use crate::speech::phonemes::Phonemes;

    const TEXT: &str = "The quick brown fox jumps over the lazy dog, and then it sleeps for a long while.";

    fn joe() -> (Paths, std::path::PathBuf) {
        let paths = Paths::find();
        let names = ["onnxruntime".into(), "joe".into()];
        Installer::new(&paths, Manifest::shipped()).install(&names, &mut |_| ()).unwrap();
        let model = paths.models.join("voices/joe.onnx");
        (paths, model)
    }

    fn ids() -> Vec<i64> {
        let (_, model) = joe();
        let config = super::super::Config::read(&crate::speech::config_of(&model)).unwrap();
        config.ids(&Phonemes::new("en-us").of(TEXT).unwrap()).into_iter().map(|(id, _)| id).collect()
    }

    fn difference(a: &[f32], b: &[f32]) -> f32 {
        assert_eq!(a.len(), b.len());
        a.iter().zip(b).map(|(x, y)| (x - y).abs()).fold(0.0, f32::max)
    }

    #[test]
    fn chunks_sound_as_the_whole_and_the_halves_as_the_uncut_network() {
        let (paths, model) = joe();
        let mut network = Network::open(&paths, &model).unwrap();
        assert!(matches!(network, Network::Halves { .. }));
        let ids = ids();
        let inputs = Inputs { ids: &ids, scales: [0.667, 1.0, 0.8], speaker: None };
        let latent = network.encode(&inputs).unwrap();
        assert_eq!((latent.durations.len(), latent.durations.iter().sum()), (ids.len(), latent.frames));
        let whole = network.decode(&latent, 0..latent.frames).unwrap();
        assert_eq!(whole.len(), latent.frames * 256);
        let peak = whole.iter().fold(0.0f32, |m, x| m.max(x.abs()));
        for size in [7, 24, 96] {
            let cuts = (0..latent.frames).step_by(size).map(|from| from..(from + size).min(latent.frames));
            let chunks: Vec<f32> = cuts.flat_map(|c| network.decode(&latent, c).unwrap()).collect();
            let most = difference(&whole, &chunks);
            println!("chunks of {size} frames: {most:e} from the whole, whose peak is {peak}");
            assert!(most < 1e-5 * peak, "{size}: {most}");
        }
        let mut again = Network::open(&paths, &model).unwrap();
        let same = again.encode(&inputs).unwrap();
        assert!(again.decode(&same, 24..72).unwrap() == network.decode(&latent, 24..72).unwrap());

        let mut bytes = std::fs::read(&model).unwrap();
        graph::seed(&mut bytes, cut::SEED);
        let mut uncut = Network::Whole(assets::builder(&paths, THREADS).unwrap().commit_from_memory(&bytes).unwrap());
        let latent = uncut.encode(&inputs).unwrap();
        let sound = uncut.decode(&latent, 0..latent.frames).unwrap();
        println!("the uncut network: {:e} from the halves", difference(&whole, &sound));
        assert!(difference(&whole, &sound) < 1e-4 * peak);
    }
}
