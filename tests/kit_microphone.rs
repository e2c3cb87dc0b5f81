//! The test kit's microphone is one: what is played into it is what a recorder hears.

mod common;

use common::{LONG, Process, Session, installed};
use std::f32::consts::TAU;

/// How strong `hertz` is in `samples`, by the Goertzel sum; 1 for a full-scale tone.
fn strength(samples: &[i16], rate: f32, hertz: f32) -> f32 {
    let (mut re, mut im) = (0.0, 0.0);
    for (i, s) in samples.iter().enumerate() {
        let (sin, cos) = (TAU * hertz * i as f32 / rate).sin_cos();
        re += f32::from(*s) * cos;
        im += f32::from(*s) * sin;
    }
    (re * re + im * im).sqrt() * 2.0 / samples.len() as f32 / 32768.0
}

#[test]
fn what_is_played_into_the_microphone_is_heard_by_a_recorder() {
    if !installed(&Session::NEEDS) || !installed(&["pactl", "parecord", "pw-play", "pw-link"]) {
        return;
    }
    let session = Session::start();
    let folder = tempfile::tempdir().unwrap();
    let (sound, heard) = (folder.path().join("tone.wav"), folder.path().join("heard.wav"));
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 16000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut file = hound::WavWriter::create(&sound, spec).unwrap();
    for i in 0..16000 * 4 {
        file.write_sample(((TAU * 440.0 * i as f32 / 16000.0).sin() * 16000.0) as i16).unwrap();
    }
    file.finalize().unwrap();

    let mut feeder = session.microphone(&sound);
    // The default source, as a program finds it that was told nothing.
    let mut command = session.command("parecord");
    command.args(["--rate=16000", "--channels=1", "--format=s16le"]).arg(&heard);
    let mut recorder = Process::start(command);
    assert!(feeder.wait(LONG).success(), "{}", feeder.log());
    recorder.stop();
    let samples: Vec<i16> = hound::WavReader::open(&heard).unwrap().samples().map_while(Result::ok).collect();
    // From where the tone begins: the recorder may be ready before or after it.
    let start = samples.iter().position(|s| s.unsigned_abs() > 4000).expect("silence was recorded");
    let second = &samples[start..][..16000.min(samples.len() - start)];
    let (tone, other) = (strength(second, 16000.0, 440.0), strength(second, 16000.0, 1000.0));
    println!("{} samples; 440 Hz: {tone}, 1000 Hz: {other}", samples.len());
    assert!(tone > 0.3 && other < 0.05, "440 Hz: {tone}, 1000 Hz: {other}");
}
