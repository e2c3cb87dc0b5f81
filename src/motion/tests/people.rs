//! The face as a whole beside people's: five minutes of listening, brows and accents, nothing that jumps.

use super::tests::{faces, gap, motion, voice};
use super::*;

fn blink(f: &Face) -> f32 {
    f.weights[Shape::EyeBlinkLeft]
}

#[test]
fn five_minutes_of_listening_are_alive_and_never_repeat() {
    for seed in [1, 2, 3] {
        let faces = faces(motion(seed), &vec![0.0; 16_000 * 300]);
        let begins: Vec<usize> =
            (1..faces.len()).filter(|i| blink(&faces[i - 1]) < 0.5 && blink(&faces[*i]) >= 0.5).collect();
        let rate = begins.len() as f32 / 5.0;
        let waits: Vec<f32> = begins.windows(2).map(|w| (w[1] - w[0]) as f32 * DT).collect();
        let mean = waits.iter().sum::<f32>() / waits.len() as f32;
        let cv = (waits.iter().map(|t| (t - mean).powi(2)).sum::<f32>() / waits.len() as f32).sqrt() / mean;
        eprintln!("seed {seed}: {rate:.1} blinks a minute, intervals {mean:.2} s, cv {cv:.2}");
        assert!((10.0..=30.0).contains(&rate) && (0.5..1.15).contains(&cv), "{rate} a minute, cv {cv}");
        for second in faces.chunks(50) {
            assert!(second.windows(2).all(|w| w[0].head != w[1].head), "frozen at {:?}", second[0].at);
        }
        // No ten seconds are like another ten.
        let parts: Vec<_> = faces.chunks_exact(500).collect();
        for (i, a) in parts.iter().enumerate() {
            for b in parts.iter().skip(i + 1) {
                let apart = a.iter().zip(*b).map(|(x, y)| (x.head.yaw - y.head.yaw).abs()).sum::<f32>() / 500.0;
                assert!(apart > 0.05, "{apart} degrees apart");
            }
        }
    }
}

#[test]
fn nothing_but_lids_and_eyes_moves_far_in_a_block() {
    let mut sound = voice(20);
    sound.extend([0.0; 16_000 * 5]);
    for seed in 0..4 {
        for w in faces(motion(seed), &sound).windows(2) {
            let d = |of: fn(&Face) -> f32| (of(&w[1]) - of(&w[0])).abs();
            assert!(d(|f| f.head.yaw).max(d(|f| f.head.pitch)).max(d(|f| f.head.roll)) < 3.5);
            assert!(d(|f| f.weights[Shape::BrowInnerUp]) < 0.06);
            assert!(d(|f| f.head.x).max(d(|f| f.head.y)).max(d(|f| f.head.z)) < 0.01);
        }
    }
}

/// A voice of some harmonics at `hz`, in syllables; `high` is the syllable whose pitch rises.
fn syllables(count: usize, high: usize) -> Vec<f32> {
    let mut turn = 0.0f32;
    let length = 16_000 / 4;
    let sample = |i: usize| {
        let hz = if i / length == high { 120.0 * 1.45 } else { 120.0 };
        turn = (turn + hz / 16_000.0).fract();
        let beat = 0.5 - 0.5 * (std::f32::consts::TAU * (i % length) as f32 / length as f32).cos();
        0.1 * (0.1 + beat) * (1..6).map(|k| (std::f32::consts::TAU * k as f32 * turn).sin() / k as f32).sum::<f32>()
    };
    (0..count * length).map(sample).collect()
}

#[test]
fn brows_rise_with_a_pitch_accent() {
    let (high, plain) = (24, faces(motion(1), &syllables(40, usize::MAX)));
    let accented = faces(motion(1), &syllables(40, high));
    // The syllable lasts from 6 s to 6.25 s.
    let lift = |faces: &[Face]| faces[295..345].iter().map(|f| f.weights[Shape::BrowInnerUp]).fold(0.0, f32::max);
    let usual = |faces: &[Face]| faces[200..295].iter().map(|f| f.weights[Shape::BrowInnerUp]).sum::<f32>() / 95.0;
    eprintln!("{:.3} with the accent, {:.3} without, {:.3} before", lift(&accented), lift(&plain), usual(&plain));
    assert!(lift(&accented) > lift(&plain) + 0.06);
    assert!(lift(&accented) > usual(&accented) + 0.06);
    let later = accented[400..].iter().map(|f| f.weights[Shape::BrowInnerUp]).fold(0.0, f32::max);
    assert!(later < lift(&accented) - 0.04, "brows stay up: {later}");
}

#[test]
fn the_seed_moves_the_head_and_the_lids_but_never_the_lips() {
    let sound = voice(8);
    let (a, b) = (faces(motion(21), &sound), faces(motion(22), &sound));
    assert!(
        a.iter()
            .zip(&b)
            .all(|(x, y)| gap(x) == gap(y) && x.weights[Shape::MouthPucker] == y.weights[Shape::MouthPucker])
    );
    assert!(a.iter().zip(&b).skip(10).all(|(x, y)| x.head != y.head));
}
