//! The large network: every 80 ms Whisper's encoder hears the last 1.2 s, and a head of our own reads four instants off its states.

use super::window::{self, FRAMES, SAMPLES, Window};
use super::{CHANNELS, Channels, WAIT, load, shipped};
use crate::assets::whisper_mel::BANDS;
use crate::assets::{self, Provider, Running};
use crate::config::Paths;
use crate::motion::features::Heard;
use crate::motion::shapes::AT_REST;
use crate::sound::BLOCK;
use anyhow::{Context, Result, anyhow, bail, ensure};
use ort::session::{Session, SessionInputValue};
use ort::value::TensorRef;
use std::borrow::Cow;
use std::path::Path;

/// The encoder, below the models folder; the head, under the data folders.
const ENCODER: &str = "whisper/encoder.onnx";
const HEAD: &str = "models/motion/lips-large.onnx";

/// A run every so many blocks, and so many instants from each: those 160, 140, 120 and 100 ms before the window's end.
const HOP: usize = WAIT;

/// Blocks of plain silence after which there is nothing else in the window.
const MEMORY: u32 = (SAMPLES / BLOCK) as u32 + 2;

/// The width of Whisper base.
const WIDTH: usize = 512;

pub struct Large {
    encoder: Running,
    head: Session,
    /// What the head reads, by the encoder's names, and how many of the last tokens.
    inputs: Vec<(String, usize)>,
    window: Window,
    /// What it says of silence.
    rest: Channels,
}

/// The sound of the window, and what the newest run said.
#[derive(Default)]
pub struct Memory {
    /// The last [`SAMPLES`]; empty where there is no large network.
    samples: Vec<f32>,
    /// Blocks heard since the last run was due.
    heard: usize,
    silent_for: u32,
    said: [Channels; HOP],
    /// Which of these comes next; [`HOP`] where none is left.
    next: usize,
}

impl Clone for Memory {
    fn clone(&self) -> Self {
        Self { samples: self.samples.clone(), ..*self }
    }

    fn clone_from(&mut self, source: &Self) {
        let Self { samples, heard, silent_for, said, next } = source;
        self.samples.clone_from(samples);
        (self.heard, self.silent_for, self.said, self.next) = (*heard, *silent_for, *said, *next);
    }
}

impl Memory {
    /// Takes a block in. True: a run is due.
    pub fn hear(&mut self, heard: &Heard, samples: &[f32; BLOCK]) -> bool {
        self.silent_for = if heard.is_floor { self.silent_for.saturating_add(1) } else { 0 };
        let length = self.samples.len();
        let kept = length.saturating_sub(BLOCK);
        self.samples.copy_within(BLOCK.min(length).., 0);
        for (slot, &raw) in self.samples.iter_mut().skip(kept).zip(samples) {
            *slot = if raw.is_finite() { raw.clamp(-4.0, 4.0) } else { 0.0 };
        }
        self.heard = (self.heard + 1) % HOP;
        self.heard == 0
    }

    /// The channels of this block's instant, if the network said something of it.
    pub fn take(&mut self) -> Option<Channels> {
        let channels = self.said.get(self.next).copied();
        self.next = (self.next + 1).min(HOP);
        channels
    }

    pub fn last(&self) -> Channels {
        self.said.last().copied().unwrap_or_default()
    }
}

/// Whether encoder and head are there.
pub fn is_installed(paths: &Paths) -> bool {
    paths.models.join(ENCODER).is_file() && paths.locate(HEAD).is_some()
}

impl Large {
    /// Opens the encoder on `provider`, or on the CPU where that does not start: then the sentence says why.
    ///
    /// # Errors
    /// A file or the runtime is missing, damaged, or not what this program knows.
    pub fn open(paths: &Paths, provider: Provider) -> Result<(Self, Option<String>)> {
        if !paths.models.join(ENCODER).is_file() {
            bail!("the large lip network is not installed; run vasa models install lips-large");
        }
        Self::open_files(paths, &paths.models.join(ENCODER), &shipped(paths, HEAD)?, provider)
    }

    fn open_files(paths: &Paths, encoder: &Path, head: &Path, provider: Provider) -> Result<(Self, Option<String>)> {
        let head = load(paths, head)?;
        let inputs = inputs(&head)?;
        let bytes = assets::read_checked(paths, encoder)?;
        let mut window = Window::default();
        let silence = window.mel(&vec![0.0; SAMPLES], 0.0).to_vec();
        // Much goes wrong at the first run only, so that is part of starting.
        let (encoder, problem) = assets::accelerate(paths, provider, &bytes, |session| {
            session.run(ort::inputs!["mel" => mel(&silence)?]).map(drop).map_err(|e| anyhow!("{e}"))
        })
        .with_context(|| {
            format!("the encoder {} does not load; run vasa models install lips-large", encoder.display())
        })?;
        let mut large = Self { encoder, head, inputs, window, rest: AT_REST };
        let mut memory = large.rest();
        let said = large.hear(0.0, &memory.samples)?;
        memory.said = said;
        large.rest = memory.last();
        Ok((large, problem))
    }

    pub fn provider(&self) -> Provider {
        self.encoder.provider
    }

    /// The memory of a long silence.
    pub fn rest(&self) -> Memory {
        Memory { samples: vec![0.0; SAMPLES], heard: 0, silent_for: MEMORY, said: [self.rest; HOP], next: 0 }
    }

    /// A run that is due. False: there was nothing to be heard. `level`: the running loud level now.
    pub fn run(&mut self, level: f32, memory: &mut Memory) -> Result<bool> {
        let is_silent = memory.silent_for >= MEMORY;
        memory.said = if is_silent { [self.rest; HOP] } else { self.hear(level, &memory.samples)? };
        memory.next = 0;
        Ok(!is_silent)
    }

    fn hear(&mut self, level: f32, samples: &[f32]) -> Result<[Channels; HOP]> {
        let heard = mel(self.window.mel(samples, level))?;
        let states = self.encoder.session.run(ort::inputs!["mel" => heard]);
        let states = states.map_err(|e| anyhow!("the encoder failed: {e}"))?;
        let mut given = Vec::with_capacity(self.inputs.len());
        for (name, tokens) in &self.inputs {
            let state = states.get(name.as_str()).with_context(|| format!("the encoder gives no \"{name}\""))?;
            let all = state.try_extract_tensor::<f32>().map_err(|e| anyhow!("{e}"))?.1;
            let last = all.len().checked_sub(tokens * WIDTH).and_then(|from| all.get(from..));
            let last = last.with_context(|| format!("the encoder gives {} numbers in \"{name}\"", all.len()))?;
            let tensor = TensorRef::from_array_view(([1, *tokens, WIDTH], last)).map_err(|e| anyhow!("{e}"))?;
            given.push((Cow::from(name.as_str()), SessionInputValue::from(tensor)));
        }
        let outputs = self.head.run(given).map_err(|e| anyhow!("the large lip network failed: {e}"))?;
        let lips = outputs.get("lips").context("the large lip network gives no \"lips\"")?;
        let lips = lips.try_extract_tensor::<f32>().map_err(|e| anyhow!("{e}"))?.1;
        ensure!(
            lips.len() == HOP * CHANNELS,
            "the large lip network gives {} channels; {} were expected",
            lips.len(),
            HOP * CHANNELS
        );
        ensure!(lips.iter().all(|v| v.is_finite()), "the large lip network gives values that are no numbers");
        let mut said = [[0.0; CHANNELS]; HOP];
        said.as_flattened_mut().copy_from_slice(lips);
        Ok(said)
    }
}

fn mel(mel: &[f32]) -> Result<TensorRef<'_, f32>> {
    ensure!(mel.len() == window::SIZE, "the window has {} numbers", mel.len());
    TensorRef::from_array_view(([1, BANDS, FRAMES], mel)).map_err(|e| anyhow!("{e}"))
}

/// What the head reads: names, and how many of the last tokens.
fn inputs(head: &Session) -> Result<Vec<(String, usize)>> {
    let all = head.inputs().iter().map(|input| {
        let shape = input.dtype().tensor_shape();
        let tokens = shape.and_then(|s| match **s {
            [1, tokens, width] if width == WIDTH as i64 => usize::try_from(tokens).ok(),
            _ => None,
        });
        let tokens = tokens.filter(|t| (1..=FRAMES / 2).contains(t));
        Some((input.name().to_owned(), tokens?))
    });
    all.collect::<Option<Vec<_>>>().filter(|i| !i.is_empty()).context(
        "the large lip network does not read tokens of Whisper base; restore the file that came with the program",
    )
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::assets::onnx::{Graph, Number};

    /// The large network; where there is no trained head yet, with one of chance. None: its encoder is not installed.
    pub fn open() -> Option<Large> {
        let paths = Paths::find();
        let opened = match is_installed(&paths) {
            true => Large::open(&paths, Provider::Cpu),
            false => {
                let head = tempfile::NamedTempFile::new().unwrap();
                std::fs::write(head.path(), chance()).unwrap();
                Large::open_files(&paths, &paths.models.join(ENCODER), head.path(), Provider::Cpu)
            }
        };
        opened.map_err(|e| eprintln!("SKIPPED, the large network was NOT run: {e:#}")).ok().map(|(large, _)| large)
    }

    /// A head that mixes the states by chance.
    fn chance() -> Vec<u8> {
        let mut graph = Graph::default();
        graph.input("layer4", &[1, 24, WIDTH]);
        let (from, to, axis) = (graph.sizes(&[16]), graph.sizes(&[20]), graph.sizes(&[1]));
        let four = graph.add("Slice", &["layer4", &from, &to, &axis], &[]);
        let mut rng = fastrand::Rng::with_seed(1);
        let weights: Vec<u8> = (0..WIDTH * CHANNELS).flat_map(|_| (0.02 * (rng.f32() - 0.5)).to_le_bytes()).collect();
        let weights = graph.weights(Number::Single, &[WIDTH, CHANNELS], &weights);
        let lips = graph.add("MatMul", &[&four, &weights], &[]);
        graph.node("Clip", &[&lips], &[], &["lips"]);
        graph.output("lips", &[1, HOP, CHANNELS]);
        graph.finish("test")
    }

    #[test]
    fn window_head_and_all_together_equal_the_training() {
        let paths = Paths::find();
        let Some(bytes) = paths.locate("models/motion/fixture-large.bin").and_then(|f| std::fs::read(f).ok()) else {
            return eprintln!(
                "SKIPPED: there is no fixture of the training; the large network was NOT compared with it"
            );
        };
        let Some(mut large) = open() else { return };
        let mut words = bytes.as_chunks::<4>().0.iter().copied();
        let sizes: Vec<usize> = words.by_ref().take(5).map(|w| u32::from_le_bytes(w) as usize).collect();
        let mut floats = words.map(f32::from_le_bytes);
        let mut take = |n: usize| floats.by_ref().take(n).collect::<Vec<f32>>();
        let head = take(3);
        assert_eq!(head[0], window::SHIFT);
        let samples = crate::motion::fixture::load().samples;
        let near = |a: &[f32], b: &[f32], within: f32, what: &str| {
            assert_eq!(a.len(), b.len());
            let worst = a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(worst < within, "{what}: {worst} from the training");
        };
        for (run, level) in sizes[3..5].iter().zip(&head[1..]) {
            let end = (run + 1) * HOP * BLOCK;
            let padded: Vec<f32> = std::iter::repeat_n(0.0, SAMPLES).chain(samples.iter().copied()).collect();
            near(large.window.mel(&padded[end..end + SAMPLES], *level), &take(window::SIZE), 1e-3, "the window");
        }
        let (states, lips) = (take(sizes[1] * sizes[2] * WIDTH), take(HOP * CHANNELS));
        let each = states.chunks(sizes[1] * WIDTH).zip(&large.inputs).map(|(states, (name, tokens))| {
            let tensor = TensorRef::from_array_view(([1, *tokens, WIDTH], states)).unwrap();
            (Cow::from(name.as_str()), SessionInputValue::from(tensor))
        });
        let given: Vec<_> = each.collect();
        let outputs = large.head.run(given).unwrap();
        near(outputs["lips"].try_extract_tensor::<f32>().unwrap().1, &lips, 1e-3, "the head");
        drop(outputs);
        let (mut features, mut memory) = (crate::motion::features::Features::default(), large.rest());
        memory.silent_for = 0;
        for block in crate::motion::fixture::load().blocks() {
            let heard = features.push(&block);
            if memory.hear(&heard, &block) {
                memory.silent_for = 0;
                large.run(heard.level, &mut memory).unwrap();
                near(memory.said.as_flattened(), &take(HOP * CHANNELS), 5e-3, "the lips");
            }
        }
    }

    #[test]
    fn an_encoder_of_other_bytes_is_refused_with_the_remedy() {
        let models = tempfile::tempdir().unwrap();
        let mut paths = Paths::find();
        if assets::runtime(&paths).is_err() || paths.locate(HEAD).is_none() {
            return eprintln!("SKIPPED: the runtime or the head is missing");
        }
        paths.models = models.path().into();
        let refusal = |paths: &Paths| format!("{:#}", Large::open(paths, Provider::Cpu).err().unwrap());
        assert!(refusal(&paths).contains("not installed; run vasa models install lips-large"));
        std::fs::create_dir(models.path().join("whisper")).unwrap();
        std::fs::write(models.path().join(ENCODER), b"damaged").unwrap();
        let e = refusal(&paths);
        assert!(e.contains("SHA-256") && e.contains("vasa models install lips-large"), "{e}");
    }
}
