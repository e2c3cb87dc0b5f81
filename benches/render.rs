//! CPU time a frame, of all threads together, on the CPU adapter: `cargo bench --bench render`.
//!
//! The budget is 14 ms at 512x512 and 20 ms at 1280x720, readback included. With `VASA_ADAPTER=hardware` a GPU draws and wall time is
//! measured, because the time is not the CPU's; the budget is then 2 ms.

#[path = "support/cpu_time.rs"]
mod cpu_time;

use cpu_time::CpuTime;
use criterion::measurement::{Measurement, WallTime};
use criterion::{BenchmarkId, Criterion};
use std::hint::black_box;
use std::path::PathBuf;
use std::time::Duration;
use vasa_camera::avatar::Avatar;
use vasa_camera::face::{Face, Shape};
use vasa_camera::render::{AdapterChoice, Frame, Renderer, Size};

/// Somebody who talks, blinks, looks about and moves the head.
fn talking(frame: u32) -> Face {
    let t = frame as f32 / 30.0;
    let wave = |speed: f32| 0.5 + 0.5 * (t * speed).sin();
    let mut face = Face::default();
    for (shape, weight) in [
        (Shape::JawOpen, 0.5 * wave(21.0)),
        (Shape::MouthFunnel, 0.4 * wave(9.0)),
        (Shape::MouthPucker, 0.3 * wave(7.0)),
        (Shape::MouthStretchLeft, 0.3 * wave(11.0)),
        (Shape::MouthStretchRight, 0.3 * wave(11.0)),
        (Shape::MouthSmileLeft, 0.2 + 0.2 * wave(1.0)),
        (Shape::MouthSmileRight, 0.2 + 0.2 * wave(1.0)),
        (Shape::MouthLowerDownLeft, 0.3 * wave(13.0)),
        (Shape::MouthLowerDownRight, 0.3 * wave(13.0)),
        (Shape::BrowInnerUp, 0.3 * wave(2.0)),
    ] {
        face.weights[shape] = weight;
    }
    // A blink of five frames about every three seconds.
    let blink = match frame % 90 {
        n @ 0..5 => 1.0 - (n as f32 - 2.0).abs() / 3.0,
        _ => 0.0,
    };
    (face.weights[Shape::EyeBlinkLeft], face.weights[Shape::EyeBlinkRight]) = (blink, blink);
    (face.head.yaw, face.head.pitch, face.head.roll) = (8.0 * (t * 1.3).sin(), 4.0 * (t * 1.7).sin(), 3.0 * t.sin());
    (face.gaze.yaw, face.gaze.pitch) = (-5.0 * (t * 1.3).sin(), 2.0 * t.cos());
    face
}

fn main() {
    match std::env::var_os("VASA_ADAPTER") {
        Some(adapter) if adapter == "hardware" => measure(AdapterChoice::Hardware, WallTime),
        _ => measure(AdapterChoice::Cpu, CpuTime),
    }
}

fn measure(adapter: AdapterChoice, measurement: impl Measurement + 'static) {
    let dir = std::env::var_os("VASA_BENCH_AVATAR")
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/models/avatars/anna")), PathBuf::from);
    let avatar = match Avatar::load(&dir) {
        Ok(avatar) => avatar,
        Err(e) => return eprintln!("SKIPPED: {e:#}"),
    };
    let mut criterion = Criterion::default().with_measurement(measurement).configure_from_args();
    let mut group = criterion.benchmark_group("frame");
    group.sample_size(20).measurement_time(Duration::from_secs(8));
    for (width, height) in [(512, 512), (1280, 720), (1920, 1080)] {
        let size = Size { width, height };
        let mut renderer = match Renderer::on(&avatar, size, adapter, None) {
            Ok(renderer) => renderer,
            Err(e) => return eprintln!("SKIPPED: {e:#}"),
        };
        eprintln!("{width}x{height} on {}", renderer.adapter());
        let mut frame = Frame::new(size);
        let mut n = 0;
        group.bench_function(BenchmarkId::from_parameter(format!("{width}x{height}")), |b| {
            b.iter(|| {
                n += 1;
                renderer.draw(black_box(&talking(n)), &mut frame).expect("the adapter draws");
            });
        });
    }
    group.finish();
    criterion.final_summary();
}
