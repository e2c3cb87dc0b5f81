//! Writing WAV files.

use anyhow::{Context, Result};
use std::path::Path;

/// Writes a mono sound as 16-bit PCM.
///
/// # Errors
/// The file cannot be written.
pub fn write_wav(path: &Path, samples: &[f32], rate: u32) -> Result<()> {
    let spec =
        hound::WavSpec { channels: 1, sample_rate: rate, bits_per_sample: 16, sample_format: hound::SampleFormat::Int };
    let write = || -> hound::Result<()> {
        let mut writer = hound::WavWriter::create(path, spec)?;
        for sample in samples {
            writer.write_sample((sample.clamp(-1.0, 1.0) * f32::from(i16::MAX)).round() as i16)?;
        }
        writer.finalize()
    };
    write()
        .with_context(|| format!("error writing {}; check that the folder exists and can be written", path.display()))
}
