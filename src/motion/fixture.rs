//! What the training wrote for these tests: a synthetic sound of our own, and the features, channels and weights it gives.

use super::features::{BANDS, FRAMES};
use super::shapes::CHANNELS;
use crate::sound::BLOCK;

pub struct Fixture {
    pub samples: Vec<f32>,
    pub mel: Vec<f32>,
    pub lips: Vec<f32>,
    pub weights: Vec<f32>,
}

pub fn load() -> Fixture {
    let bytes = include_bytes!("../../models/motion/fixture.bin");
    let (head, rest) = bytes.split_at(16);
    let size = |i: usize| u32::from_le_bytes(head[4 * i..4 * i + 4].try_into().unwrap()) as usize;
    let (sound, floats) = rest.split_at(2 * size(0));
    let samples = sound.chunks(2).map(|b| f32::from(i16::from_le_bytes([b[0], b[1]])) / 32768.0).collect();
    let mut floats = floats.chunks(4).map(|b| f32::from_le_bytes(b.try_into().unwrap()));
    let mut take = |n: usize| floats.by_ref().take(n).collect::<Vec<f32>>();
    let fixture = Fixture {
        samples,
        mel: take(size(1) * BANDS),
        lips: take(size(2) * CHANNELS),
        weights: take(size(2) * size(3)),
    };
    assert_eq!(fixture.mel.len(), fixture.lips.len() / CHANNELS * FRAMES * BANDS);
    fixture
}

impl Fixture {
    pub fn blocks(&self) -> impl Iterator<Item = [f32; BLOCK]> {
        self.samples.as_chunks::<BLOCK>().0.iter().copied()
    }
}
