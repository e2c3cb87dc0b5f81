//! CPU time for a second of sound, of the whole face with each network: `cargo bench --bench motion`.
//!
//! The budget is 40 ms with the small network and 300 ms with the large one, on one core. Then the time to the first curve, which is to be
//! 120 and 200 ms.

#[path = "support/cpu_time.rs"]
mod cpu_time;

use cpu_time::CpuTime;
use criterion::{BenchmarkId, Criterion};
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

fn main() {
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
