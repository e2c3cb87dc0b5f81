//! A moving test picture through the real camera, for the camera's own tests: `camera_pattern [WIDTHxHEIGHT [FPS]]`.
//!
//! Eight known colours stand in two rows of four; a white bar moves over the lowest eighth. Each change is one line on
//! standard output: `demand …`, `outlet …`, `problem …`. Ends at SIGTERM, or when standard input is a pipe that closes.

use std::time::{Duration, Instant};
use vasa_camera::camera::{Camera, CameraSettings, Demand};
use vasa_camera::clock::Moment;
use vasa_camera::mark::Marked;
use vasa_camera::render::{Frame, Size};

const COLOURS: [[u8; 3]; 8] = [
    [255, 0, 0],
    [0, 255, 0],
    [0, 0, 255],
    [255, 255, 0],
    [255, 255, 255],
    [16, 16, 16],
    [128, 128, 128],
    [200, 150, 120],
];

fn draw(frame: &mut Frame, number: u64) {
    let (w, h) = (frame.size.width as usize, frame.size.height as usize);
    for (y, row) in frame.rgba.chunks_exact_mut(w * 4).enumerate() {
        for (x, pixel) in row.chunks_exact_mut(4).enumerate() {
            let [r, g, b] = if y >= h - h / 8 {
                [if (x + number as usize * 16) % w < w / 8 { 255 } else { 0 }; 3]
            } else {
                COLOURS[(x * 4 / w) + 4 * usize::from(y >= h / 2)]
            };
            pixel.copy_from_slice(&[r, g, b, 255]);
        }
    }
    frame.at = Moment::now();
}

fn main() {
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .with_writer(std::io::stderr)
        .init();
    let mut args = std::env::args().skip(1);
    let size = args.next().and_then(|s| {
        let (w, h) = s.split_once('x')?;
        Some(Size { width: w.parse().ok()?, height: h.parse().ok()? })
    });
    let settings = CameraSettings {
        size: size.unwrap_or(Size::HD),
        fps: args.next().and_then(|f| f.parse().ok()).unwrap_or(30),
        pipewire: std::env::var_os("NO_PIPEWIRE").is_none(),
        v4l2: std::env::var_os("NO_V4L2").is_none(),
    };
    let (mut frame, mut number, mut told) = (Frame::new(settings.size), 0, None);
    draw(&mut frame, number);
    let camera = Camera::start(settings, &Marked::test_picture(&frame));
    let changes = camera.changes();
    let mut next = Instant::now();
    loop {
        if told != Some(*changes.borrow()) {
            told = Some(*changes.borrow());
            println!("demand {:?}", camera.demand());
            camera.outlets().iter().for_each(|o| println!("outlet {} {} {}", o.kind, o.place, o.readers));
            camera.problems().iter().for_each(|p| println!("problem {p}"));
        }
        let fps = match camera.demand() {
            Demand::None => {
                camera.wait_watched(Duration::from_millis(100));
                next = Instant::now();
                continue;
            }
            Demand::Idle(fps) => fps,
            Demand::Full => settings.fps,
        };
        draw(&mut frame, number);
        camera.publish(&Marked::test_picture(&frame));
        number += 1;
        next += Duration::from_secs(1) / fps;
        std::thread::sleep(next.saturating_duration_since(Instant::now()));
    }
}
