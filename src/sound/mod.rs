//! Sound: capture, resampling, files, and the devices of the machine.

mod capture;
mod device;
mod file;
mod resample;
mod steady;
mod wav;

pub use capture::{Capture, VOICE_RATE};
pub use device::{Direction, check_device, devices};
pub(crate) use device::{default_config, find};
pub use file::{Sound, read};
pub use resample::{Resampler, resample};
pub(crate) use steady::Steady;
pub use wav::write_wav;

use crate::clock::Moment;
use std::time::Duration;

/// Samples a second of the sound that the motion room hears.
pub const RATE: u32 = 16_000;

/// Samples in one [`Block`]: 20 ms.
pub const BLOCK: usize = 320;

/// The length of a [`Block`].
pub const BLOCK_TIME: Duration = Duration::from_millis(20);

/// 20 ms of sound, 16 kHz, mono, -1..1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Block {
    /// When the first sample is presented: heard by the listener, together with the picture of that moment.
    pub at: Moment,
    pub samples: [f32; BLOCK],
}

impl Block {
    /// A block of silence.
    pub fn silent(at: Moment) -> Self {
        Self { at, samples: [0.0; BLOCK] }
    }
}
