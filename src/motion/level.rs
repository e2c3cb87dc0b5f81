//! Lips without a network: they open with the loudness of the sound. The rung below `lips`, so that the face still speaks.

use super::features::Heard;
use super::shapes::{AT_REST, CHANNELS};

/// Loudness over the running level at which the mouth begins to open and is wide open, nats of power.
const SHUT: f32 = -4.5;
const WIDE: f32 = 1.0;

/// Shares of the way gone in a block: lips open within 40 ms and close within 80.
const OPENING: f32 = 0.6;
const CLOSING: f32 = 0.35;

#[derive(Clone, Copy, Debug, Default)]
pub struct Level {
    open: f32,
}

impl Level {
    pub fn step(&mut self, heard: &Heard) -> [f32; CHANNELS] {
        let target = ((heard.over - SHUT) / (WIDE - SHUT)).clamp(0.0, 1.0);
        self.open += (target - self.open) * if target > self.open { OPENING } else { CLOSING };
        let mut c = AT_REST;
        // Aperture, upper lip, lower lip and jaw go together; a wide mouth is what loud vowels have in common.
        for (slot, share) in c.iter_mut().zip([0.9, 0.1, 0.0, 0.45, 0.8, 0.8, 0.0, 0.0]) {
            *slot += share * self.open;
        }
        c
    }
}
