//! Sound that is no speech, or hardly: the mouth stays plausible, nothing panics, nothing grows.

use super::tests::{faces, gap, motion, voice};
use super::*;
use crate::clock::Moment;
use crate::sound::BLOCK;

fn seconds(n: f32, mut of: impl FnMut(f32) -> f32) -> Vec<f32> {
    (0..(n * 16_000.0) as usize).map(|i| of(i as f32 / 16_000.0)).collect()
}

fn turn(hz: f32, t: f32) -> f32 {
    (std::f32::consts::TAU * (hz * t).fract()).sin()
}

fn noise(gain: f32) -> impl FnMut(f32) -> f32 {
    let mut rng = fastrand::Rng::with_seed(1);
    move |_| gain * 2.0 * (rng.f32() - 0.5)
}

/// Every face of a sound is in range; the widest gap after the first `from` seconds and the mean one.
fn gaps_from(name: &str, sound: &[f32], from: usize) -> (f32, f32) {
    let faces = faces(motion(3), sound);
    for f in &faces {
        assert!(f.weights.0.iter().all(|w| (0.0..=1.0).contains(w)), "{name}: {:?}", f.weights);
        for v in [f.head.yaw, f.head.pitch, f.head.roll, f.gaze.yaw, f.gaze.pitch] {
            assert!(v.abs() < 30.0, "{name}: {v} degrees");
        }
    }
    let gaps: Vec<f32> = faces.iter().skip(50 * from).map(gap).collect();
    let (most, mean) = (gaps.iter().copied().fold(0.0, f32::max), gaps.iter().sum::<f32>() / gaps.len() as f32);
    eprintln!("{name}: gap at most {most:.3}, mean {mean:.3}");
    (most, mean)
}

fn gaps(name: &str, sound: &[f32]) -> (f32, f32) {
    gaps_from(name, sound, 1)
}

/// Steady sound without pitch is known for what it is within this time, seconds, whenever it began.
const KNOWN: usize = 2;

#[test]
fn the_mouth_rests_in_silence_noise_and_hum() {
    for (name, sound) in [
        ("digital zero", seconds(8.0, |_| 0.0)),
        ("soft noise", seconds(8.0, noise(0.003))),
        ("noise", seconds(8.0, noise(0.03))),
        ("loud noise", seconds(8.0, noise(0.5))),
        ("a hum of 30 Hz", seconds(8.0, |t| 0.3 * turn(30.0, t))),
        ("a loud hum of 30 Hz", seconds(8.0, |t| 0.9 * turn(30.0, t))),
    ] {
        // Until then it may be a voice: the lips part a little.
        let first = gaps(name, &sound).0;
        let (most, mean) = gaps_from(name, &sound, KNOWN);
        assert!(first < 0.35 && most < 0.06 && mean < 0.02, "{name}: {first}, {most}, {mean}");
    }
}

#[test]
fn music_clipping_and_the_telephone_leave_the_mouth_plausible() {
    let chords = |t: f32| {
        let root = [220.0, 174.6, 261.6, 196.0][(t * 2.0) as usize % 4];
        let strike = (-3.0 * (t * 2.0).fract()).exp();
        0.15 * strike
            * [1.0, 1.26, 1.5, 2.0].iter().map(|k| turn(root * k, t) + 0.4 * turn(2.0 * root * k, t)).sum::<f32>()
    };
    // Music may move the mouth, but never tears it open.
    assert!(gaps("music", &seconds(10.0, chords)).0 < 0.9);

    let speech = voice(8);
    let plain = gaps("speech", &speech);
    let clipped: Vec<f32> = speech.iter().map(|s| (s * 20.0).clamp(-1.0, 1.0)).collect();
    // A telephone: 8 kHz, 300 to 3400 Hz, by two poles each way.
    let (mut low, mut high) = ([0.0f32; 2], [0.0f32; 2]);
    let narrow = speech.iter().map(|s| {
        let mut v = *s;
        for state in &mut low {
            *state += 0.74 * (v - *state);
            v = *state;
        }
        for state in &mut high {
            *state += 0.11 * (v - *state);
            v -= *state;
        }
        v
    });
    let narrow: Vec<f32> = narrow.collect();
    let telephone: Vec<f32> = narrow.chunks(2).flat_map(|c| [c[0], c[0]]).collect();
    for (name, sound) in [("clipped speech", clipped), ("speech by telephone", telephone)] {
        let (most, mean) = gaps(name, &sound);
        assert!(most < 0.9 && mean > 0.2 * plain.1 && mean < 2.5 * plain.1 + 0.02, "{name}: {most}, {mean}");
    }
}

#[test]
fn broken_samples_amid_speech_leave_no_trace_after_a_moment() {
    let speech = voice(12);
    let mut broken = speech.clone();
    for (k, slot) in broken.iter_mut().enumerate().skip(32_000).take(16_000) {
        *slot = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MIN_POSITIVE / 2.0][k % 4];
    }
    gaps("broken", &broken);
    let (a, b) = (faces(motion(3), &speech), faces(motion(3), &broken));
    let apart = a.iter().zip(&b).skip(450).map(|(a, b)| (gap(a) - gap(b)).abs()).sum::<f32>() / 150.0;
    assert!(apart < 0.1, "the mouth is {apart} off, six seconds later");
}

/// A recording of so many minutes: speech, pauses, noise. What the face does in the last minutes is what it did in the first.
fn long(minutes: usize) {
    let speech = voice(20);
    let mut m = motion(5);
    let (mut k, mut rss) = (0u32, Vec::new());
    let (mut hiss, mut parts) = (noise(0.002), Vec::new());
    for minute in 0..minutes {
        let mut faces = Vec::new();
        for block in 0..3000 {
            let mut samples = [0.0; BLOCK];
            // Forty seconds of speech and twenty of noise or silence.
            if block < 2000 {
                let from = (block + 77 * minute) * BLOCK % (speech.len() - BLOCK);
                samples.copy_from_slice(&speech[from..from + BLOCK]);
            } else if minute % 2 == 0 {
                samples.iter_mut().for_each(|s| *s = hiss(0.0));
            }
            faces.push(m.step(&Block { at: Moment(0) + BLOCK_TIME * k, samples }, &[]));
            k += 1;
        }
        assert!(faces[2100..].iter().all(|f| gap(f) < 0.12), "the mouth is open in the pause of minute {minute}");
        assert!(faces[2300..].iter().all(|f| gap(f) < 0.06), "the mouth does not come to rest in minute {minute}");
        let blinks = faces.windows(2).filter(|w| {
            let [a, b] = [0, 1].map(|i| w[i].weights[Shape::EyeBlinkLeft]);
            a < 0.5 && b >= 0.5
        });
        let moves = |w: &[Face]| (w[1].head.pitch - w[0].head.pitch).abs();
        parts.push([
            blinks.count() as f32,
            faces[..2000].windows(2).map(moves).sum::<f32>() / 40.0,
            faces[2000..].windows(2).map(moves).sum::<f32>() / 20.0,
            faces[..2000].iter().map(gap).sum::<f32>() / 2000.0,
        ]);
        rss.push(resident());
    }
    assert!(m.problem().is_none());
    let third = minutes / 3;
    let mean = |parts: &[[f32; 4]], i: usize| parts.iter().map(|p| p[i]).sum::<f32>() / parts.len() as f32;
    for (i, name) in ["blinks", "pitch in speech", "pitch in silence", "gap"].into_iter().enumerate() {
        let (first, last) = (mean(&parts[..third], i), mean(&parts[minutes - third..], i));
        eprintln!("{name}: {first:.2} in the first third, {last:.2} in the last");
        assert!(last < 1.5 * first && last > first / 1.5, "{name} drifts from {first} to {last}");
    }
    // What is resident after the first minute stays, but for what other tests do meanwhile.
    let grown = rss[minutes - 1].saturating_sub(rss[0]);
    eprintln!("{} kB resident after a minute, {grown} more at the end", rss[0]);
    assert!(minutes < 60 || grown < 20_000, "{grown} kB more");
}

/// Memory of this process in kB.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:")).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

#[test]
fn a_long_recording_moves_the_face_at_its_end_as_at_its_beginning() {
    long(3);
}

#[test]
#[ignore = "three hours of sound take some minutes: cargo test --release --lib three_hours -- --ignored --nocapture"]
fn three_hours_move_the_face_at_their_end_as_at_their_beginning_and_memory_stays_flat() {
    long(180);
}
