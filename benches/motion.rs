//! CPU time for a second of sound, of the whole face with each network: `cargo bench --bench motion`.
//!
//! The budget is 40 ms with the small network and 300 ms with the large one, on one core. Then the time to the first curve, which is to be
//! 120 and 200 ms. With `VASA_PROVIDER=cuda`, `webgpu` and so on, the large network runs there, too (`VASA_ONNXRUNTIME` names a library
//! that has that provider), and is held against the CPU's answers.

#[path = "support/cpu_time.rs"]
mod cpu_time;

use cpu_time::CpuTime;
use criterion::measurement::Measurement;
use criterion::{BenchmarkId, Criterion};
use serde::Deserialize;
use serde::de::value::{Error, StrDeserializer};
use std::time::{Duration, Instant};
use vasa_camera::assets::Provider;
use vasa_camera::clock::Moment;
use vasa_camera::config::{Network, Paths};
use vasa_camera::motion::{Lips, Motion};
use vasa_camera::sound::{BLOCK, BLOCK_TIME, Block};

/// Blocks in a second.
const SECOND: usize = 50;

/// The sound of the tests: a synthetic voice of 1.5 s, over and over.
fn voice() -> Vec<[f32; BLOCK]> {
    let bytes = include_bytes!("../models/motion/fixture.bin");
    let samples: Vec<f32> =
        bytes[16..][..48_000].chunks(2).map(|b| f32::from(i16::from_le_bytes([b[0], b[1]])) / 32768.0).collect();
    samples.as_chunks::<BLOCK>().0.to_vec()
}

/// The time from the first sample, which comes in real time, to the face of its instant.
fn first_curve(mut motion: Motion, sound: &[[f32; BLOCK]]) -> Duration {
    let begin = Instant::now();
    for (samples, k) in sound.iter().cycle().zip(0..) {
        // The block is there when its last sample is.
        std::thread::sleep((BLOCK_TIME * (k + 1)).saturating_sub(begin.elapsed()));
        if motion.step(&Block { at: Moment(0) + BLOCK_TIME * k, samples: *samples }, &[]).at >= Moment(0) {
            break;
        }
    }
    begin.elapsed()
}

/// The large network on `provider`, against the same on the CPU: time for a second of sound, and how far the faces are apart.
fn elsewhere(paths: &Paths, provider: Provider, sound: &[[f32; BLOCK]]) {
    const SECONDS: usize = 20;
    let mut answers = Vec::new();
    for provider in [Provider::Cpu, provider] {
        let begin = Instant::now();
        let (lips, problems) = Lips::live(paths, Network::Large, provider);
        println!("{} starts in {:.0?} {}", lips.provider(), begin.elapsed(), problems.join("; "));
        let mut motion = Motion::new(lips, 1);
        let blocks = (0..).map(|k| Moment(0) + BLOCK_TIME * k).zip(sound.iter().cycle());
        let mut blocks = blocks.map(|(at, samples)| Block { at, samples: *samples });
        // What is made at the first runs is not of interest.
        blocks.by_ref().take(2 * SECOND).for_each(|block| _ = motion.step(&block, &[]));
        let (cpu, wall) = (CpuTime.start(), Instant::now());
        let mut slowest = Duration::ZERO;
        let faces: Vec<_> = blocks
            .take(SECONDS * SECOND)
            .map(|block| {
                let begin = Instant::now();
                let face = motion.step(&block, &[]);
                slowest = slowest.max(begin.elapsed());
                face
            })
            .collect();
        let (cpu, wall) = (CpuTime.end(cpu) / SECONDS as u32, wall.elapsed() / SECONDS as u32);
        println!("{}: {wall:.1?} for a second of sound, CPU {cpu:.1?}, slowest block {slowest:.1?}", motion.provider());
        answers.push(faces);
    }
    let pairs = answers[0].iter().zip(&answers[1]).flat_map(|(a, b)| a.weights.0.iter().zip(&b.weights.0));
    println!("largest difference of a weight: {:.4}", pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max));
}

fn main() {
    if let Ok(name) = std::env::var("VASA_PROVIDER") {
        let provider = Provider::deserialize(StrDeserializer::<Error>::new(&name));
        return match provider {
            Ok(provider) => elsewhere(&Paths::find(), provider, &voice()),
            Err(e) => eprintln!("VASA_PROVIDER = {name}: {e}"),
        };
    }
    let (paths, sound) = (Paths::find(), voice());
    let mut criterion = Criterion::default().with_measurement(CpuTime).configure_from_args();
    let mut group = criterion.benchmark_group("second of sound");
    group.sample_size(20).measurement_time(Duration::from_secs(8));
    for (name, network) in [("small", Network::Small), ("large", Network::Large)] {
        let lips = match Lips::offline(&paths, network, Provider::Cpu) {
            Ok(lips) => lips,
            Err(e) => {
                eprintln!("SKIPPED, {name}: {e:#}");
                continue;
            }
        };
        let mut motion = Motion::new(lips, 1);
        let mut blocks = sound.iter().cycle();
        let mut at = Moment(0);
        group.bench_function(BenchmarkId::from_parameter(name), |b| {
            b.iter(|| {
                for samples in blocks.by_ref().take(SECOND) {
                    motion.step(&Block { at, samples: *samples }, &[]);
                    at = at + BLOCK_TIME;
                }
            });
        });
    }
    group.finish();
    for (name, network) in [("small", Network::Small), ("large", Network::Large)] {
        if let Ok(lips) = Lips::offline(&paths, network, Provider::Cpu) {
            let first = first_curve(Motion::new(lips, 1), &sound);
            println!("first curve of the {name} network: {first:.0?} after the first sample");
        }
    }
    criterion.final_summary();
}
