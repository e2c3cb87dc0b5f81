//! The camera in PipeWire, read by GStreamer in a private desktop session.

mod common;

use common::{FIELDS, LONG, Process, Session, alone, assert_fields, example, fields, installed};
use std::time::Duration;

const NODE: &str = "vasa_camera";
const W: usize = 1280;
const H: usize = 720;

/// The moving pattern, offered in PipeWire alone.
fn pattern(session: &Session) -> Process {
    let mut command = session.command(example("camera_pattern"));
    command.env("NO_V4L2", "1").env("RUST_LOG", "vasa_camera=debug");
    Process::start(command)
}

fn ready(tools: &[&str]) -> bool {
    installed(&Session::NEEDS) && installed(tools)
}

#[test]
fn all_three_formats_are_read_in_the_right_colours() {
    if !ready(&["gst-launch-1.0"]) {
        return;
    }
    let _alone = alone();
    let session = Session::start();
    let camera = pattern(&session);
    camera.wait_line(0, "outlet pipewire vasa_camera 0", LONG);
    for format in ["I420", "YUY2", "NV12"] {
        let mut reader = session.reader(NODE, format, W, H);
        let first = fields(reader.next().1, format, W, H);
        // The very first may be older than the pattern: what the camera had when the app came.
        let later = (0..3).map(|_| fields(reader.next().1, format, W, H)).last().unwrap();
        println!("{format}: first {first:?}, later {later:?}");
        assert_fields(&later, |i| FIELDS[i].1, 2);
    }
}

#[test]
fn a_reader_gets_at_least_28_frames_a_second_and_the_first_at_once() {
    if !ready(&["gst-launch-1.0"]) {
        return;
    }
    let _alone = alone();
    let session = Session::start();
    let camera = pattern(&session);
    camera.wait_line(0, "outlet pipewire vasa_camera 0", LONG);
    // What is measured is the camera, not who else uses this machine: the best of three.
    let (mut rates, mut waits) = (Vec::new(), Vec::new());
    for _ in 0..3 {
        let from = camera.printed();
        let mut reader = session.reader(NODE, "I420", W, H);
        let first = reader.next().0;
        let opened = camera.wait_line(from, "from Paused to Streaming", LONG).0;
        waits.push(first.saturating_duration_since(opened));
        rates.push(reader.rate(300));
        drop(reader);
        camera.wait_line(from, "from Streaming to Paused", LONG);
        if rates.iter().any(|r| *r >= 28.0) && waits.iter().any(|w| *w < Duration::from_millis(200)) {
            break;
        }
    }
    println!("frames a second over 300 frames: {rates:?}; first frame after {waits:?}");
    assert!(rates.iter().any(|r| *r >= 28.0), "{rates:?} frames a second");
    assert!(waits.iter().any(|w| *w < Duration::from_millis(200)), "the first frame took {waits:?}");
}

#[test]
fn two_apps_read_at_once_and_nothing_is_drawn_when_both_have_left() {
    if !ready(&["gst-launch-1.0"]) {
        return;
    }
    let _alone = alone();
    let session = Session::start();
    let camera = pattern(&session);
    camera.wait_line(0, "outlet pipewire vasa_camera 0", LONG);
    let from = camera.printed();
    let mut one = session.reader(NODE, "I420", W, H);
    one.next();
    let (_, from) = camera.wait_line(from, "outlet pipewire vasa_camera 1", LONG);
    let mut two = session.reader(NODE, "I420", W, H);
    two.next();
    let (_, from) = camera.wait_line(from, "outlet pipewire vasa_camera 2", LONG);
    // What came while nobody looked lies in the pipes.
    one.skip(10);
    two.skip(10);
    for _ in 0..30 {
        assert_fields(&fields(one.next().1, "I420", W, H), |i| FIELDS[i].1, 2);
        assert_fields(&fields(two.next().1, "I420", W, H), |i| FIELDS[i].1, 2);
    }
    drop(one);
    let (_, from) = camera.wait_line(from, "outlet pipewire vasa_camera 1", LONG);
    two.skip(30);
    drop(two);
    let (_, from) = camera.wait_line(from, "demand None", LONG);
    camera.wait_line(from, "outlet pipewire vasa_camera 0", LONG);
}

#[test]
fn an_app_that_wants_another_format_does_not_disturb_the_one_that_reads() {
    if !ready(&["gst-launch-1.0"]) {
        return;
    }
    let _alone = alone();
    let session = Session::start();
    let camera = pattern(&session);
    camera.wait_line(0, "outlet pipewire vasa_camera 0", LONG);
    let mut reader = session.reader(NODE, "I420", W, H);
    reader.skip(5);
    let mut other = session.reader(NODE, "YUY2", W, H);
    let refused = other.fails(Duration::from_secs(10));
    println!("the other app was refused: {refused}");
    drop(other);
    for _ in 0..30 {
        assert_fields(&fields(reader.next().1, "I420", W, H), |i| FIELDS[i].1, 2);
    }
}

#[test]
fn the_camera_comes_back_by_itself_when_pipewire_is_restarted() {
    if !ready(&["gst-launch-1.0"]) {
        return;
    }
    let _alone = alone();
    let session = Session::start();
    let mut camera = pattern(&session);
    camera.wait_line(0, "outlet pipewire vasa_camera 0", LONG);
    let mut reader = session.reader(NODE, "I420", W, H);
    reader.skip(5);
    let from = camera.printed();
    session.stop_pipewire();
    drop(reader);
    let (_, from) = camera.wait_line(from, "problem PipeWire cannot be reached", LONG);
    session.start_pipewire();
    let (_, from) = camera.wait_line(from, "outlet pipewire vasa_camera 0", LONG);
    let mut reader = session.reader(NODE, "NV12", W, H);
    reader.skip(30);
    assert_fields(&fields(reader.next().1, "NV12", W, H), |i| FIELDS[i].1, 2);
    camera.wait_line(from, "demand Full", LONG);
    assert!(camera.runs(), "{}", camera.log());
}

#[test]
fn pipewire_that_comes_after_the_program_is_found() {
    if !ready(&["gst-launch-1.0"]) {
        return;
    }
    let _alone = alone();
    let session = Session::without_pipewire();
    let mut camera = pattern(&session);
    let (_, from) = camera.wait_line(0, "problem PipeWire cannot be reached", LONG);
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(camera.log().matches("WARN").count(), 1, "one line for one life event:\n{}", camera.log());
    session.start_pipewire();
    camera.wait_line(from, "outlet pipewire vasa_camera 0", LONG);
    let mut reader = session.reader(NODE, "I420", W, H);
    reader.skip(5);
    drop(reader);
    camera.stop();
}
