//! The small network: it streams, a block in, the channels of the instant 80 ms before the block's end out.

use super::{CHANNELS, Channels, load, shipped};
use crate::config::Paths;
use crate::motion::features::{BANDS, FRAMES, Heard};
use crate::motion::shapes::AT_REST;
use anyhow::{Context, Result, anyhow, ensure};
use ort::session::Session;
use ort::value::TensorRef;

/// Where the network lies under the data folders.
const FILE: &str = "models/motion/lips-small.onnx";

/// Blocks of plain silence after which the network's whole memory is silence: it reaches back 60 steps through its dilated
/// convolutions and 5 frames through its first two. From there on its state cannot change, so it need not run.
const MEMORY: u32 = 70;

pub struct Small {
    session: Session,
    mel: [f32; BANDS * FRAMES],
    /// The memory of a long silence, from which every run begins.
    rest: Memory,
}

/// What the network remembers of the sound before.
#[derive(Default)]
pub struct Memory {
    /// The past of every convolution, as the network handed it out; empty where there is no network.
    state: Vec<f32>,
    silent_for: u32,
    last: Channels,
}

impl Clone for Memory {
    fn clone(&self) -> Self {
        Self { state: self.state.clone(), ..*self }
    }

    /// Allocates nothing where the networks are the same.
    fn clone_from(&mut self, source: &Self) {
        let Self { state, silent_for, last } = source;
        self.state.clone_from(state);
        (self.silent_for, self.last) = (*silent_for, *last);
    }
}

impl Memory {
    pub fn last(&self) -> Channels {
        self.last
    }
}

impl Small {
    /// Opens the network.
    ///
    /// # Errors
    /// The network's file or the runtime is missing, damaged, or not what this program knows.
    pub fn open(paths: &Paths) -> Result<Self> {
        Self::new(load(paths, &shipped(paths, FILE)?)?)
    }

    fn new(session: Session) -> Result<Self> {
        let state = session
            .inputs()
            .iter()
            .find(|i| i.name() == "state")
            .and_then(|i| i.dtype().tensor_shape())
            .and_then(|s| s.get(1).copied())
            .and_then(|n| usize::try_from(n).ok())
            .filter(|n| (1..1 << 20).contains(n))
            .context(
                "the lip network has no input \"state\" of a fixed size; restore the file that came with the program",
            )?;
        let mut rest = Memory { state: vec![0.0; state], last: AT_REST, ..Memory::default() };
        let mut network = Self { session, mel: [0.0; BANDS * FRAMES], rest: Memory::default() };
        // It begins where a long silence would have left it. This also shows now what would fail later.
        for _ in 0..=MEMORY {
            rest.last = network.run(&Heard::SILENCE, &mut rest.state)?;
        }
        network.rest = rest;
        Ok(network)
    }

    /// Back to the state before the first sound.
    pub fn forget(&self, memory: &mut Memory) {
        memory.state.clone_from(&self.rest.state);
        memory.silent_for = 0;
    }

    /// The memory of a long silence.
    pub fn rest(&self) -> Memory {
        self.rest.clone()
    }

    pub fn step(&mut self, heard: &Heard, memory: &mut Memory) -> Result<Channels> {
        memory.silent_for = if heard.is_floor { memory.silent_for.saturating_add(1) } else { 0 };
        if memory.silent_for <= MEMORY {
            memory.last = self.run(heard, &mut memory.state)?;
        }
        Ok(memory.last)
    }

    /// One step of the network; `state` is its memory, before and after.
    fn run(&mut self, heard: &Heard, state: &mut [f32]) -> Result<Channels> {
        // The network wants bands first, time last.
        for (slots, band) in self.mel.as_chunks_mut::<FRAMES>().0.iter_mut().zip(0..) {
            for (slot, frame) in slots.iter_mut().zip(&heard.mel) {
                *slot = frame.get(band).copied().unwrap_or_default();
            }
        }
        let (mel, before) = (([1, BANDS, FRAMES], &self.mel[..]), ([1, state.len()], &*state));
        let inputs = ort::inputs![
            "mel" => TensorRef::from_array_view(mel).map_err(|e| anyhow!("{e}"))?,
            "state" => TensorRef::from_array_view(before).map_err(|e| anyhow!("{e}"))?
        ];
        let outputs = self.session.run(inputs).map_err(|e| anyhow!("the lip network failed: {e}"))?;
        let read = |name: &str| -> Result<&[f32]> {
            let value = outputs.get(name).with_context(|| format!("the lip network gives no \"{name}\""))?;
            Ok(value.try_extract_tensor::<f32>().map_err(|e| anyhow!("{e}"))?.1)
        };
        let (lips, next) = (read("lips")?, read("next_state")?);
        ensure!(
            lips.len() == CHANNELS && next.len() == state.len(),
            "the lip network gives {} channels and {} of memory; {CHANNELS} and {} were expected",
            lips.len(),
            next.len(),
            state.len()
        );
        ensure!(lips.iter().all(|v| v.is_finite()), "the lip network gives values that are no numbers");
        let mut channels = [0.0; CHANNELS];
        channels.copy_from_slice(lips);
        state.copy_from_slice(next);
        Ok(channels)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::motion::features::Features;
    use crate::motion::fixture;
    use crate::sound::BLOCK;

    fn open() -> Option<Small> {
        match Small::open(&Paths::find()) {
            Ok(small) => Some(small),
            Err(e) => {
                // Without the installed runtime there is nothing to test; `make test` installs it first.
                eprintln!("SKIPPED: {e:#}");
                None
            }
        }
    }

    #[test]
    fn the_channels_equal_those_of_the_training() {
        let Some(mut small) = open() else { return };
        let (fixture, mut features, mut memory) = (fixture::load(), Features::default(), small.rest());
        for (k, (block, expected)) in fixture.blocks().zip(fixture.lips.chunks(CHANNELS)).enumerate() {
            let channels = small.step(&features.push(&block), &mut memory).unwrap();
            for (a, b) in channels.iter().zip(expected) {
                assert!((a - b).abs() < 2e-3, "block {k}: {a} here, {b} in the training");
            }
        }
    }

    #[test]
    fn resting_through_a_long_silence_changes_nothing() {
        let Some(mut small) = open() else { return };
        let (mut resting, mut awake) = (small.rest(), small.rest());
        let fixture = fixture::load();
        let (mut a, mut b) = (Features::default(), Features::default());
        let silence = [[0.0; BLOCK]; 200];
        for block in fixture.blocks().take(75).chain(silence).chain(fixture.blocks().take(75)) {
            let by_resting = small.step(&a.push(&block), &mut resting).unwrap();
            awake.silent_for = 0;
            let by_awake = small.step(&b.push(&block), &mut awake).unwrap();
            for (x, y) in by_resting.iter().zip(&by_awake) {
                assert!((x - y).abs() < 1e-5, "{by_resting:?} {by_awake:?}");
            }
        }
    }
}
