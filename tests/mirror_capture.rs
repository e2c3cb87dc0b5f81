//! Real cameras for the mirror: through PipeWire in a private desktop session, and as V4L2 devices in a virtual machine.

mod common;

use common::{LONG, Process, Session, VM_NEEDS, alone, example, installed, root, vm_boot};
use std::time::Duration;

/// The colours in the middle of the upper four of the eight fields that `examples/mirror_reader.rs` tells, in GStreamer's "smpte".
const BARS: [[u8; 3]; 4] = [[255, 255, 255], [0, 255, 255], [255, 0, 255], [0, 0, 255]];

/// A program that offers a camera called `name` in PipeWire: "smpte" in the format `caps`, then through `encode`.
fn film(session: &Session, name: &str, caps: &str, encode: &str) -> Process {
    let properties = format!(
        "stream-properties=props,media.class=Video/Source,media.role=Camera,node.name={name},node.description=Film"
    );
    let pipeline =
        format!("videotestsrc is-live=true pattern=smpte ! {caps} ! {encode} pipewiresink mode=provide {properties}");
    let arguments: Vec<&str> = ["-q"].into_iter().chain(pipeline.split(' ').filter(|word| !word.is_empty())).collect();
    session.spawn("gst-launch-1.0", &arguments)
}

/// Waits until the mirror's list has a line with `part`, and returns the list.
fn listed(session: &Session, part: &str) -> String {
    for _ in 0..100 {
        let output = session.command(example("mirror_reader")).arg("list").output().unwrap();
        let list = String::from_utf8_lossy(&output.stdout).into_owned();
        if list.contains(part) {
            return list;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("the list never had \"{part}\"");
}

fn reader(session: &Session, arguments: &[&str]) -> Process {
    session.spawn(example("mirror_reader"), arguments)
}

/// The size and the fields of a reader's line `picture …`.
fn picture(line: &str) -> (&str, Vec<[u8; 3]>) {
    let words: Vec<&str> = line.split(' ').collect();
    let field = |word: &&str| {
        let parts: Vec<u8> = word.split(',').map(|part| part.parse().unwrap()).collect();
        parts.try_into().unwrap()
    };
    (words[1], words[3..].iter().map(field).collect())
}

fn assert_bars(line: &str, size: &str, tolerance: u8) {
    assert_bars_of(255, line, size, tolerance);
}

fn assert_bars_of(light: u8, line: &str, size: &str, tolerance: u8) {
    let (got, fields) = picture(line);
    assert_eq!(got, size, "{line}");
    for (field, want) in BARS.into_iter().enumerate() {
        let want = want.map(|part| part.min(light));
        let off = fields[field].into_iter().zip(want).map(|(a, b)| a.abs_diff(b)).max().unwrap();
        assert!(off <= tolerance, "field {field} is {:?}, not {want:?}: {line}", fields[field]);
    }
}

fn ready() -> bool {
    installed(&Session::NEEDS) && installed(&["gst-launch-1.0"])
}

#[test]
fn a_camera_in_pipewire_is_listed_read_in_its_colours_and_missed_when_it_goes() {
    if !ready() {
        return;
    }
    let _alone = alone();
    let session = Session::start();
    for (caps, encode, size) in [
        ("video/x-raw,format=YUY2,width=640,height=480,framerate=30/1", "", "640x480"),
        ("video/x-raw,format=NV12,width=480,height=640,framerate=30/1,colorimetry=bt601", "", "480x640"),
        ("video/x-raw,format=I420,width=854,height=482,framerate=30/1", "", "854x482"),
        ("video/x-raw,format=BGR,width=1920,height=1080,framerate=5/1", "", "960x540"),
        ("video/x-raw,width=640,height=480,framerate=30/1", "jpegenc !", "640x480"),
    ] {
        let mut film = film(&session, "film", caps, encode);
        let list = listed(&session, "camera Pipewire film Film");
        assert_eq!(list.lines().count(), 1, "{list}");
        let mut reader = reader(&session, &["open", "film"]);
        let (_, from) = reader.wait_line(0, "open film", LONG);
        let (_, first) = reader.wait_line(from, "picture", LONG);
        reader.wait_line(first + 5, "picture", LONG);
        let log = reader.log();
        let line = log.lines().filter(|l| l.starts_with("picture")).nth(3).unwrap();
        println!("{caps}: {line}");
        // GStreamer's JPEGs keep the limited range, which JPEG has not: white is 235 there.
        assert_bars(line, size, if encode.is_empty() { 12 } else { 25 });
        film.kill();
        reader.wait_line(0, "error Gone the camera film went away", LONG);
        assert_eq!(reader.wait(LONG).code(), Some(1));
    }
}

#[test]
fn our_own_camera_is_neither_listed_nor_opened_nor_taken_when_the_chosen_one_goes() {
    if !ready() {
        return;
    }
    let _alone = alone();
    let session = Session::start();
    let mut command = session.command(example("camera_pattern"));
    command.env("NO_V4L2", "1");
    let ours = Process::start(command);
    ours.wait_line(0, "outlet pipewire vasa_camera 0", LONG);
    let mut none = reader(&session, &["open"]);
    none.wait_line(0, "error NoCamera", LONG);
    assert_eq!(none.wait(LONG).code(), Some(1));
    for id in ["vasa_camera", "VASA Camera"] {
        let refused = reader(&session, &["open", id]);
        refused.wait_line(0, &format!("error Ours {id} is VASA Camera itself"), LONG);
    }
    let caps = "video/x-raw,format=YUY2,width=640,height=480,framerate=30/1";
    let mut film = film(&session, "film", caps, "");
    let list = listed(&session, "camera Pipewire film Film");
    assert!(!list.contains("vasa_camera"), "{list}");
    let mut first = reader(&session, &["open"]);
    first.wait_line(0, "open film", LONG);
    first.wait_line(0, "picture", LONG);
    film.kill();
    first.wait_line(0, "error Gone", LONG);
    first.wait(LONG);
    // Time for a session manager to lead it elsewhere.
    std::thread::sleep(Duration::from_secs(1));
    assert!(!ours.log().contains("outlet pipewire vasa_camera 1"), "our own camera was read:\n{}", ours.log());
}

#[test]
fn a_pipewire_that_is_taken_away_takes_the_camera_along() {
    if !ready() {
        return;
    }
    let _alone = alone();
    let session = Session::start();
    let _film = film(&session, "film", "video/x-raw,format=YUY2,width=640,height=480,framerate=30/1", "");
    listed(&session, "film");
    let mut reader = reader(&session, &["open", "film"]);
    reader.wait_line(0, "picture", LONG);
    session.stop_pipewire();
    reader.wait_line(0, "error Gone", LONG);
    assert_eq!(reader.wait(LONG).code(), Some(1));
    session.start_pipewire();
}

/// Five loopback devices, the first of which bears our name; no more than two programs may have one open, as with a real camera that
/// a program uses. Each of the others is fed in another way. `READER` is `mirror_reader`.
const GUEST: &str = r#"
set -u
[ ! -e registry.bin ] || export GST_REGISTRY=$PWD/registry.bin GST_REGISTRY_UPDATE=no
busybox insmod /run/vm/modules/v4l2loopback.ko devices=5 video_nr=10,11,12,13,14 'card_label="VASA Camera,Film,Jpeg,Large,Tall"' \
  exclusive_caps=1,1,1,1,1 max_openers=2
until_says() { for _ in $(seq 150); do tail -n +"${3:-1}" "$1" | grep -q "$2" && return; sleep 0.2; done; echo "never said: $2"; tail -n 5 "$1"; }
until_listed() { for _ in $(seq 30); do READER list >list.log; grep -q "$1" list.log && break; sleep 1; done; grep "$1" list.log; }
step() { echo "== $*"; }
film() { gst-launch-1.0 -q videotestsrc is-live=true pattern=smpte ! video/x-raw,format=YUY2,width=640,height=480,framerate=30/1 ! v4l2sink device=/dev/video11 >gst.log 2>&1 & feeder=$!; }
other() { echo "videotestsrc is-live=true pattern=smpte ! $1 v4l2sink device=$2"; }
over() { kill -9 $feeder; wait $feeder 2>/dev/null; }
step nothing fed
READER list; READER open; READER open /dev/video10; READER open "vasa camera"; READER open /dev/video11
step raw
film
until_listed Film
COUNT=4 timeout 100 READER open
step forbidden
chmod 600 /dev/video11; setpriv --reuid 65534 --clear-groups READER open /dev/video11
step busy
READER open /dev/video11 >pulled.log 2>&1 & reader=$!
until_says pulled.log picture
READER open /dev/video11
step pulled away
over
until_says pulled.log nothing
tail -n 1 pulled.log
step given back
film
until_says pulled.log picture $(($(wc -l <pulled.log) + 1))
tail -n 1 pulled.log; cat gst.log
kill $reader; wait $reader; over
ffmpeg -nostdin -loglevel error -re -f lavfi -i smptebars=size=640x480:rate=5 -c:v mjpeg -q:v 3 -f v4l2 /dev/video12 >jpeg.log 2>&1 & jpeg=$!
gst-launch-1.0 -q $(other "video/x-raw,format=YUY2,width=1920,height=1080,framerate=5/1 !" /dev/video13) \
  $(other "video/x-raw,format=NV12,width=432,height=576,framerate=5/1 !" /dev/video14) >others.log 2>&1 & others=$!
for camera in Jpeg Large Tall; do
  step $camera
  until_listed $camera
  COUNT=4 timeout 100 READER open $camera
done
kill $others $jpeg
cat others.log jpeg.log
step end
"#;

#[test]
fn v4l2_cameras_of_all_kinds_are_read_pulled_away_and_given_back() {
    if !installed(&VM_NEEDS) || !installed(&["gst-launch-1.0", "ffmpeg"]) {
        return;
    }
    let _alone = alone();
    let script = GUEST.replace("READER", &example("mirror_reader").display().to_string());
    let work = tempfile::tempdir().unwrap();
    // GStreamer looks at all its plugins anew where it has never run; that takes long there.
    let _ = std::fs::copy(root().join(".cache/gstreamer-registry.bin"), work.path().join("registry.bin"));
    let guest = vm_boot(work, &script, &[("VM_LOOPBACK", "later"), ("VM_TIMEOUT", "600")]);
    println!("{}", guest.log);
    assert_eq!(guest.status, 0);
    let part = |name: &str| {
        let after =
            guest.log.split(&format!("== {name}\n")).nth(1).unwrap_or_else(|| panic!("never came to \"{name}\""));
        after.split("== ").next().unwrap_or_default().lines().collect::<Vec<_>>()
    };
    let begin = |lines: Vec<&str>, want: &[&str]| {
        assert!(lines.len() >= want.len(), "{lines:?}");
        lines.iter().zip(want).for_each(|(line, want)| assert!(line.starts_with(want), "{line}, not {want}"));
    };
    begin(
        part("nothing fed"),
        &[
            "error NoCamera",
            "error Ours /dev/video10 is VASA Camera itself",
            "error Ours vasa camera is VASA Camera itself",
            "error Format the camera /dev/video11",
        ],
    );
    let raw = part("raw");
    begin(
        raw.clone(),
        &["camera V4l2 /dev/video11 Film", "open /dev/video11", "picture", "picture", "picture", "picture"],
    );
    assert_bars(raw[5], "640x480", 4);
    begin(part("forbidden"), &["error Refused the camera /dev/video11"]);
    begin(part("busy"), &["error Busy the camera /dev/video11"]);
    begin(part("pulled away"), &["nothing"]);
    assert_bars(part("given back")[0], "640x480", 4);
    for (name, size) in [("Jpeg", "640x480"), ("Large", "960x540"), ("Tall", "432x576")] {
        let lines = part(name);
        let line = lines.iter().rfind(|l| l.starts_with("picture")).unwrap_or_else(|| panic!("{name}: {lines:?}"));
        // FFmpeg's bars are GStreamer's at three quarters of the brightness.
        let light = if name == "Jpeg" { 191 } else { 255 };
        assert_bars_of(light, line, size, 12);
    }
}
