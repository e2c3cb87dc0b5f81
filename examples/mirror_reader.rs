//! What the mirror sees, for its own tests: `mirror_reader list`, or `mirror_reader open [CAMERA]`.
//!
//! `list` prints a line `camera KIND ID NAME` for each. `open` prints `open ID`, then `picture WIDTHxHEIGHT AGE_MS` and the colours in
//! the middle of eight fields, two rows of four, for each picture; `nothing` where none came within a second; `error KIND SENTENCE`, and
//! ends with status 1. `COUNT` pictures (environment) and it closes the camera and ends by itself.

use std::time::Duration;
use vasa_camera::clock::Moment;
use vasa_camera::mirror::capture::{Capture, CaptureError, Picture, list};

fn main() {
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .with_writer(std::io::stderr)
        .init();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        Some("list") => list().iter().for_each(|d| println!("camera {:?} {} {}", d.kind, d.id, d.name)),
        Some("open") => {
            if let Err(e) = open(arguments.get(1).map(String::as_str)) {
                let kind = format!("{e:?}");
                println!("error {} {e}", kind.split('(').next().unwrap_or_default());
                std::process::exit(1);
            }
        }
        _ => {
            eprintln!("mirror_reader: say list, or open [CAMERA]");
            std::process::exit(2);
        }
    }
}

fn open(choice: Option<&str>) -> Result<(), CaptureError> {
    let count = std::env::var("COUNT").ok().and_then(|c| c.parse().ok()).unwrap_or(u32::MAX);
    let mut capture = Capture::open(choice)?;
    println!("open {}", capture.device().id);
    for _ in 0..count {
        match capture.next(Duration::from_secs(1))? {
            Some(picture) => {
                tell(&picture);
                capture.give_back(picture);
            }
            None => println!("nothing"),
        }
    }
    Ok(())
}

fn tell(Picture { rgb, at }: &Picture) {
    let (w, h) = rgb.dimensions();
    let middle = |i: u32| rgb.get_pixel(w / 8 + (i % 4) * w / 4, h / 4 + (i / 4) * h / 2).0;
    let fields: Vec<_> = (0..8).map(middle).map(|[r, g, b]| format!("{r},{g},{b}")).collect();
    println!("picture {w}x{h} {:.0} {}", Moment::now().seconds_since(*at) * 1000.0, fields.join(" "));
}
