//! Reading sound files: WAV, FLAC, Ogg Vorbis and MP3.

use anyhow::{Context, Result, anyhow, bail};
use std::fs::File;
use std::panic::AssertUnwindSafe;
use std::path::Path;
use symphonia::core::codecs::audio::AudioDecoderOptions;
use symphonia::core::errors::Error;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::{FormatOptions, TrackType};
use symphonia::core::io::MediaSourceStream;
use symphonia::core::meta::MetadataOptions;

/// A whole mono sound.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sound {
    /// -1..1.
    pub samples: Vec<f32>,
    /// Samples a second.
    pub rate: u32,
}

impl Sound {
    /// Length in seconds.
    pub fn seconds(&self) -> f64 {
        self.samples.len() as f64 / f64::from(self.rate.max(1))
    }
}

/// The longest sound that is read, in seconds: memory stays bounded whatever a file claims.
const MAX_SECONDS: u64 = 2 * 3600;

/// Reads a sound file at its own rate; several channels are averaged into one.
///
/// # Errors
/// The file cannot be read, holds no sound in a known format, or is longer than two hours.
pub fn read(path: &Path) -> Result<Sound> {
    let shown = path.display();
    let file = File::open(path).with_context(|| format!("error opening the sound file {shown}"))?;
    if file.metadata().is_ok_and(|m| m.is_dir()) {
        bail!("{shown} is a folder; name a WAV, FLAC, Ogg Vorbis or MP3 file");
    }
    // The decoders are others' code and meet any bytes: should one panic, the file is told to be none, like any other.
    std::panic::catch_unwind(AssertUnwindSafe(|| decode(file, path)))
        .unwrap_or_else(|_| Err(anyhow!("its decoder gave up")))
        .map_err(|e| anyhow!("{shown} holds no sound that can be read ({e}); use a WAV, FLAC, Ogg Vorbis or MP3 file"))
}

fn decode(file: File, path: &Path) -> Result<Sound> {
    let mut hint = Hint::new();
    if let Some(extension) = path.extension().and_then(|e| e.to_str()) {
        hint.with_extension(extension);
    }
    let stream = MediaSourceStream::new(Box::new(file), Default::default());
    let mut format =
        symphonia::default::get_probe().probe(&hint, stream, FormatOptions::default(), MetadataOptions::default())?;
    let track = format.default_track(TrackType::Audio).context("no audio track")?;
    let track_id = track.id;
    let parameters = track.codec_params.as_ref().and_then(|p| p.audio()).context("no audio track")?;
    let mut decoder =
        symphonia::default::get_codecs().make_audio_decoder(parameters, &AudioDecoderOptions::default())?;
    let mut sound = Sound::default();
    let mut interleaved: Vec<f32> = Vec::new();
    let mut bad_packets = 0;
    loop {
        let packet = match format.next_packet() {
            Ok(Some(packet)) => packet,
            Ok(None) => break,
            // A file cut off in its last packet still has everything before it.
            Err(Error::IoError(e)) if e.kind() == std::io::ErrorKind::UnexpectedEof => break,
            Err(Error::ResetRequired) => break,
            Err(e) => return Err(e.into()),
        };
        if packet.track_id != track_id {
            continue;
        }
        let buffer = match decoder.decode(&packet) {
            Ok(buffer) => buffer,
            Err(Error::DecodeError(_) | Error::IoError(_)) => {
                bad_packets += 1;
                continue;
            }
            Err(e) => return Err(e.into()),
        };
        let (rate, channels) = (buffer.spec().rate(), buffer.num_planes());
        if channels == 0 || buffer.frames() == 0 {
            continue;
        }
        if sound.rate == 0 {
            sound.rate = rate;
        } else if rate != sound.rate {
            bail!("its sample rate changes from {} to {rate} Hz", sound.rate);
        }
        buffer.copy_to_vec_interleaved(&mut interleaved);
        let mono = interleaved.chunks_exact(channels).map(|frame| {
            let mean = frame.iter().sum::<f32>() / channels as f32;
            // Float files may hold anything.
            if mean.is_finite() { mean.clamp(-1.0, 1.0) } else { 0.0 }
        });
        sound.samples.extend(mono);
        if sound.samples.len() as u64 > MAX_SECONDS * u64::from(sound.rate.max(1)) {
            bail!("it is longer than {} hours", MAX_SECONDS / 3600);
        }
    }
    if sound.samples.is_empty() || sound.rate == 0 {
        bail!("it has no samples");
    }
    if bad_packets > 0 {
        tracing::warn!("{}: {bad_packets} damaged packets were left out", path.display());
    }
    Ok(sound)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sound::write_wav;

    #[test]
    fn a_written_sound_is_read_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.wav");
        let samples: Vec<f32> = (0..2000).map(|i| (i as f32 * 0.05).sin() * 0.7).collect();
        write_wav(&path, &samples, 22_050).unwrap();
        let sound = read(&path).unwrap();
        assert_eq!((sound.rate, sound.samples.len()), (22_050, 2000));
        assert!(sound.samples.iter().zip(&samples).all(|(a, b)| (a - b).abs() < 1e-4));
    }

    #[test]
    fn stereo_becomes_the_mean_of_both_sides_and_nonsense_becomes_silence() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.wav");
        let spec = hound::WavSpec {
            channels: 2,
            sample_rate: 48_000,
            bits_per_sample: 32,
            sample_format: hound::SampleFormat::Float,
        };
        let mut writer = hound::WavWriter::create(&path, spec).unwrap();
        for sample in [0.5f32, 0.1, f32::NAN, 0.0, f32::INFINITY, 0.0, 9.0, 9.0] {
            writer.write_sample(sample).unwrap();
        }
        writer.finalize().unwrap();
        let sound = read(&path).unwrap();
        assert!((sound.samples[0] - 0.3).abs() < 1e-6, "{sound:?}");
        assert_eq!(sound.samples[1..], [0.0, 0.0, 1.0]);
    }

    #[test]
    fn files_that_are_no_sound_get_one_sentence_that_names_them() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("notes.wav");
        let mut noise = fastrand::Rng::with_seed(7);
        for content in [
            Vec::new(),
            b"Dear diary".to_vec(),
            b"RIFF\xff\xff\xff\xffWAVEfmt ".to_vec(),
            (0..9999).map(|_| noise.u8(..)).collect(),
        ] {
            std::fs::write(&path, content).unwrap();
            let e = format!("{:#}", read(&path).unwrap_err());
            assert!(e.contains("notes.wav") && e.contains("use a WAV") && !e.contains('\n'), "{e}");
        }
        assert!(format!("{:#}", read(dir.path()).unwrap_err()).contains("is a folder"));
        assert!(format!("{:#}", read(&dir.path().join("none.wav")).unwrap_err()).contains("none.wav"));
    }

    #[test]
    fn damaged_files_never_panic() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.wav");
        write_wav(&path, &[0.25; 3000], 16_000).unwrap();
        let good = std::fs::read(&path).unwrap();
        let mut rng = fastrand::Rng::with_seed(1);
        for _ in 0..300 {
            let mut bad = good.clone();
            for _ in 0..rng.usize(1..8) {
                let at = rng.usize(..60);
                bad[at] = rng.u8(..);
            }
            bad.truncate(rng.usize(1..bad.len()));
            std::fs::write(&path, &bad).unwrap();
            let _ = read(&path);
        }
    }
}
