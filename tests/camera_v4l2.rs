//! The camera as a v4l2loopback device, in a virtual machine that has the module (software emulation: small pictures).

mod common;

use common::{FIELDS, VM_NEEDS, alone, assert_fields, example, fields, installed, vm_run};

/// One machine for the whole life of a device, because each takes 20 s to come up: the program is started, then the module
/// is loaded; apps read; the program is killed and started again; apps read again.
const GUEST: &str = r#"
set -u
camera() { NO_PIPEWIRE=1 RUST_LOG=vasa_camera=info PATTERN 640x480 15 >"$1.out" 2>"$1.err" & pid=$!; }
# Waits for a line of the camera's output: until FILE TEXT
until_says() { for _ in $(seq 300); do grep -q "$2" "$1.out" && return; sleep 0.1; done; echo "never said: $2"; cat "$1".*; exit 1; }
read_frames() { timeout 60 v4l2-ctl -d /dev/video10 --stream-mmap --stream-count="$1" --stream-to="$2" --silent; }
camera first
until_says first "problem there is no v4l2loopback device"
load-loopback || exit 1
until_says first "outlet v4l2 /dev/video10 0"
v4l2-ctl -d /dev/video10 --get-fmt-video
v4l2-ctl -d /dev/video10 --list-formats-ext
v4l2-ctl -d /dev/video10 --info
until_says first "demand None"
read_frames 20 first.yuv || exit 1
until_says first "demand Full"
until_says first "outlet v4l2 /dev/video10 1"
# An app that opens it another way.
timeout 60 ffmpeg -nostdin -loglevel error -f v4l2 -i /dev/video10 -frames:v 20 -f rawvideo -y ffmpeg.yuv || exit 1
kill -9 $pid; wait $pid
camera second
until_says second "outlet v4l2 /dev/video10"
read_frames 20 second.yuv || exit 1
# Nobody reads: it must rest again.
until_says second "demand Full"
for _ in $(seq 150); do tail -n 2 second.out | grep -q "demand None" && break; sleep 0.1; done
echo "at rest: $(tail -n 2 second.out | tr '\n' ' ')"
kill $pid; wait $pid
# A device that browsers would not list.
busybox rmmod v4l2loopback && load-loopback exclusive_caps=0
camera third
until_says third "problem /dev/video10 was made without exclusive_caps"
kill $pid; wait $pid
true
"#;

#[test]
fn apps_read_the_loopback_device_also_after_the_program_was_killed_and_started_again() {
    if !installed(&VM_NEEDS) || !installed(&["v4l2-ctl", "ffmpeg"]) {
        return;
    }
    let _alone = alone();
    let program = example("camera_pattern");
    let guest = vm_run(&GUEST.replace("PATTERN", &program.display().to_string()), false, "max");
    println!("{}", guest.log);
    assert_eq!(guest.status, 0);
    assert!(guest.log.contains("Card type        : VASA Camera"));
    assert!(guest.log.contains("Size: Discrete 640x480"), "Chromium wants discrete sizes");
    let device = guest.log.split("Device Caps").nth(1).expect("--info tells the device's capabilities");
    assert!(device.contains("Video Capture") && !device.contains("Video Output"), "browsers refuse an output");
    for (file, frames) in [("first.yuv", 20), ("ffmpeg.yuv", 20), ("second.yuv", 20)] {
        let bytes = std::fs::read(guest.work.path().join(file)).unwrap();
        let size = 640 * 480 * 2;
        assert_eq!(bytes.len(), frames * size, "{file}: a frame is its true size, not whole pages");
        assert_fields(&fields(&bytes[bytes.len() - size..], "YUY2", 640, 480), |i| FIELDS[i].1, 2);
        // The bar moves: frames are new ones.
        let bar = |n: usize| &bytes[n * size + 470 * 1280..n * size + 471 * 1280];
        assert!((1..frames).any(|n| bar(n) != bar(n - 1)), "{file}: the picture stands still");
    }
    assert!(
        guest.log.contains("at rest: demand None outlet v4l2 /dev/video10 0"),
        "frames are still drawn when the readers are gone"
    );
}
