//! An app that opens the camera in PipeWire, waits for a picture and closes it, many times: `camera_reader [COUNT]`.
//!
//! Each time a connection of its own, as apps have. Prints how long each first picture took, from the order to connect the stream:
//! `first 42.0`, in milliseconds, and ends with status 1 where one did not come within ten seconds.

use pipewire as pw;
use pw::spa;
use pw::spa::pod::{Pod, Value, object, property};
use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

fn main() {
    pw::init();
    let count: u32 = std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(1);
    for n in 0..count {
        match open() {
            Ok(Some(took)) => println!("first {:.1}", took.as_secs_f64() * 1000.0),
            Ok(None) => fail(&format!("no picture came at opening {n}")),
            Err(e) => fail(&format!("opening {n}: {e}")),
        }
    }
}

fn fail(why: &str) {
    eprintln!("camera_reader: {why}");
    std::process::exit(1);
}

fn open() -> Result<Option<Duration>, Box<dyn std::error::Error>> {
    let main_loop = pw::main_loop::MainLoopRc::new(None)?;
    let context = pw::context::ContextRc::new(&main_loop, None)?;
    let core = context.connect_rc(None)?;
    let stream = pw::stream::StreamRc::new(
        core,
        "camera_reader",
        pw::properties::properties! {
            "media.type" => "Video", "media.category" => "Capture", "media.role" => "Camera",
            "target.object" => "vasa_camera",
        },
    )?;
    let came = Rc::new(Cell::new(false));
    let theirs = came.clone();
    let _listener = stream
        .add_local_listener_with_user_data(())
        .process(move |stream, ()| {
            if let Some(mut buffer) = stream.dequeue_buffer()
                && let Some(plane) = buffer.datas_mut().first_mut()
            {
                theirs.set(plane.chunk().size() > 0);
            }
        })
        .register()?;
    let offer = object!(
        spa::utils::SpaTypes::ObjectParamFormat,
        spa::param::ParamType::EnumFormat,
        property!(spa::param::format::FormatProperties::MediaType, Id, spa::param::format::MediaType::Video),
        property!(spa::param::format::FormatProperties::MediaSubtype, Id, spa::param::format::MediaSubtype::Raw),
        property!(spa::param::format::FormatProperties::VideoFormat, Id, spa::param::video::VideoFormat::I420),
    );
    let bytes = spa::pod::serialize::PodSerializer::serialize(std::io::Cursor::new(Vec::new()), &Value::Object(offer))
        .map_err(|e| format!("{e:?}"))?
        .0
        .into_inner();
    let mut offers = [Pod::from_bytes(&bytes).ok_or("no format")?];
    let flags = pw::stream::StreamFlags::AUTOCONNECT | pw::stream::StreamFlags::MAP_BUFFERS;
    let begin = Instant::now();
    stream.connect(spa::utils::Direction::Input, None, flags, &mut offers)?;
    while !came.get() && begin.elapsed() < Duration::from_secs(10) {
        main_loop.loop_().iterate(pw::loop_::Timeout::Finite(Duration::from_millis(50)));
    }
    Ok(came.get().then(|| begin.elapsed()))
}
