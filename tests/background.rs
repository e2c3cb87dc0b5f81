//! What is behind the avatar: in rendered files, in the camera while it runs, and what is refused.

mod common;

use common::world::{NAME, World, ready, text};
use common::{LONG, alone, installed, vasa};
use image::{Rgb, RgbImage, RgbaImage};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const W: usize = 1280;
const H: usize = 720;

/// A picture of four fields: red, green / blue, white.
fn fields(path: &Path, width: u32, height: u32) {
    let picture = RgbImage::from_fn(width, height, |x, y| {
        Rgb(match (2 * x < width, 2 * y < height) {
            (true, true) => [200, 40, 40],
            (false, true) => [40, 180, 60],
            (true, false) => [50, 60, 200],
            (false, false) => [240, 240, 240],
        })
    });
    picture.save(path).unwrap();
}

fn run(arguments: &[&str]) -> Output {
    let mut command = Command::new(vasa());
    command.args(arguments).env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent/bus");
    command.output().expect("vasa starts")
}

/// A still of `avatar` before a background.
fn still(folder: &Path, avatar: &str, background: &str, name: &str) -> PathBuf {
    let (curves, out) = (folder.join("curves.csv"), folder.join(name));
    std::fs::write(&curves, "time,jawOpen,headYaw\n0,0.4,8\n").unwrap();
    let [curves, path] = [&curves, &out].map(|p| p.to_str().unwrap());
    let done = run(&["render", "--curves", curves, "--avatar", avatar, "--background", background, "--out", path]);
    assert!(done.status.success(), "{background}: {}", text(&done.stderr));
    out
}

fn near(got: &Rgb<u8>, want: [u8; 3], by: u8) -> bool {
    got.0.iter().zip(want).all(|(g, w)| g.abs_diff(w) <= by)
}

/// Mean difference of neighbours in the upper left, where nobody is: how sharp it is there.
fn sharpness(picture: &RgbImage) -> f64 {
    let all = (0..300u32).flat_map(|y| (0..300u32).map(move |x| (x, y)));
    let green = |x: u32, y: u32| f64::from(picture.get_pixel(x, y).0[1]);
    all.map(|(x, y)| (green(x, y) - green(x + 1, y)).abs()).sum::<f64>() / 90_000.0
}

#[test]
fn every_background_stands_behind_the_person_and_every_picture_is_marked() {
    let dir = tempfile::tempdir().unwrap();
    let room = dir.path().join("room.png");
    // Upright: its middle fills the frame.
    fields(&room, 900, 1600);
    let open = |path: &Path| image::open(path).unwrap().into_rgb8();
    let face = |picture: &RgbImage| *picture.get_pixel(640, 300);
    let plate = open(&still(dir.path(), "anna", "plate", "plate.png"));
    for (background, name, corners) in [
        ("#00b140", "green.png", [[0, 0xb1, 0x40]; 2]),
        ("#000000", "black.png", [[0; 3]; 2]),
        ("#ffffff", "white.png", [[255; 3]; 2]),
        (room.to_str().unwrap(), "picture.png", [[200, 40, 40], [50, 60, 200]]),
    ] {
        let path = still(dir.path(), "anna", background, name);
        let picture = open(&path);
        // The mark's grain is left.
        assert!(near(picture.get_pixel(20, 100), corners[0], 8), "{background}: {:?}", picture.get_pixel(20, 100));
        assert!(near(picture.get_pixel(20, 600), corners[1], 8), "{background}: {:?}", picture.get_pixel(20, 600));
        assert!(near(&face(&picture), face(&plate).0, 8), "{background} changes the face");
        assert_eq!(run(&["verify", path.to_str().unwrap()]).status.code(), Some(0), "{background} is not marked");
    }
    let blurred = open(&still(dir.path(), "anna", "blur", "blur.png"));
    let (sharp, soft) = (sharpness(&plate), sharpness(&blurred));
    assert!(soft < 0.8 * sharp, "{sharp} becomes {soft}");
    assert!(near(&face(&blurred), face(&plate).0, 8));
}

/// Peak signal to noise between two pictures of one size, dB.
fn psnr(a: &RgbImage, b: &RgbImage) -> f64 {
    let square = |(a, b): (&u8, &u8)| f64::from(i32::from(*a) - i32::from(*b)).powi(2);
    let error = a.as_raw().iter().zip(b.as_raw()).map(square).sum::<f64>() / a.as_raw().len() as f64;
    10.0 * (255.0 * 255.0 / error.max(1e-9)).log10()
}

#[test]
fn what_is_cut_out_fits_before_anything() {
    let dir = tempfile::tempdir().unwrap();
    for avatar in ["anna", "kofi", "pip"] {
        let path = still(dir.path(), avatar, "transparent", "cut.png");
        let cut: RgbaImage = image::open(&path).unwrap().into_rgba8();
        assert_eq!((cut.get_pixel(20, 100).0[3], cut.get_pixel(640, 300).0[3]), (0, 255), "{avatar}");
        // The label is there where nobody is.
        let below = (W as u32 - 330..W as u32).flat_map(|x| (620..H as u32).map(move |y| (x, y)));
        assert!(below.filter(|(x, y)| cut.get_pixel(*x, *y).0[3] > 150).count() > 1000, "{avatar} has no label");
        assert_eq!(run(&["verify", path.to_str().unwrap()]).status.code(), Some(0), "{avatar} is not marked");
        let laid = RgbImage::from_fn(W as u32, H as u32, |x, y| {
            let [r, g, b, a] = cut.get_pixel(x, y).0.map(u32::from);
            let over = |c: u32, ground: u32| ((c * a + ground * (255 - a) + 127) / 255) as u8;
            Rgb([over(r, 0x30), over(g, 0x60), over(b, 0x90)])
        });
        let drawn = image::open(still(dir.path(), avatar, "#306090", "blue.png")).unwrap().into_rgb8();
        let fits = psnr(&laid, &drawn);
        println!("{avatar} cut out and laid on blue: {fits:.1} dB from drawn on blue");
        assert!(fits > 38.0, "{avatar}: {fits:.1} dB");
    }
}

#[test]
fn a_transparent_film_is_transparent() {
    if !installed(&["ffmpeg", "ffprobe"]) {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let curves = dir.path().join("curves.csv");
    std::fs::write(&curves, "time,jawOpen\n0,0\n0.5,0.5\n1,0\n").unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let render = |out: &str| {
        let curves = curves.to_str().unwrap();
        run(&["render", "--size", "640x360", "--curves", curves, "--background", "transparent", "--out", out])
    };
    let film = path("film.webm");
    let done = render(&film);
    assert!(done.status.success(), "{}", text(&done.stderr));
    // ffmpeg's own decoder leaves the transparency out; libvpx's does not.
    let frame = path("frame.png");
    let decode = ["-v", "error", "-c:v", "libvpx-vp9", "-i", &film, "-frames:v", "1", "-pix_fmt", "rgba", &frame];
    assert!(Command::new("ffmpeg").args(decode).status().unwrap().success());
    let frame = image::open(&frame).unwrap().into_rgba8();
    assert!(frame.get_pixel(10, 100).0[3] < 16 && frame.get_pixel(320, 150).0[3] > 240);
    assert_eq!(run(&["verify", &film]).status.code(), Some(0), "it is not marked");
    let mp4 = path("film.mp4");
    let refused = render(&mp4);
    assert!(refused.status.code() == Some(2) && text(&refused.stderr).contains("cannot be transparent"));
    assert!(!Path::new(&mp4).exists());
}

#[test]
fn what_is_no_background_is_refused_in_a_sentence() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(path("curves.csv"), "time,jawOpen\n0,0\n").unwrap();
    std::fs::write(path("drawing.svg"), "<svg xmlns='x'/>").unwrap();
    std::fs::write(path("empty.png"), "").unwrap();
    fields(Path::new(&path("whole.png")), 300, 300);
    let whole = std::fs::read(path("whole.png")).unwrap();
    std::fs::write(path("half.png"), &whole[..whole.len() / 2]).unwrap();
    for (background, status, parts) in [
        ("beach".to_owned(), 2, ["\"beach\"", "plate, blur"]),
        ("#12".to_owned(), 2, ["\"#12\"", "hexadecimal"]),
        (path("none.jpg"), 1, ["none.jpg", "cannot be read"]),
        (path(""), 1, ["plain file", "JPEG"]),
        (path("drawing.svg"), 1, ["SVG", "PNG"]),
        (path("empty.png"), 1, ["empty", "PNG"]),
        (path("half.png"), 1, ["half.png", "not whole"]),
    ] {
        let out = path("out.png");
        let curves = path("curves.csv");
        let done = run(&["render", "--curves", &curves, "--background", &background, "--out", &out]);
        let told = text(&done.stderr);
        assert_eq!(done.status.code(), Some(status), "{background}: {told}");
        assert!(!told.contains("panicked"), "{told}");
        assert!(parts.iter().all(|p| told.contains(p)), "{background}: {told}");
        assert!(!Path::new(&out).exists(), "{background}");
    }
}

/// Whether the left edge of a frame, I420, has this luma at two heights.
fn left_edge(frame: &[u8], want: [f64; 2]) -> bool {
    let mean = |y: usize| {
        let rows = (y..y + 40).flat_map(|row| frame[row * W + 8..row * W + 40].iter());
        rows.map(|v| f64::from(*v)).sum::<f64>() / (40.0 * 32.0)
    };
    (mean(200) - want[0]).abs() < 4.0 && (mean(500) - want[1]).abs() < 4.0
}

/// Luma of a colour, BT.601 limited range (ITU-R BT.601-7, 2.5.3).
fn luma([r, g, b]: [u8; 3]) -> f64 {
    let [r, g, b] = [r, g, b].map(|c| f64::from(c) / 255.0);
    16.0 + 65.481 * r + 128.553 * g + 24.966 * b
}

#[test]
fn the_background_changes_while_the_camera_runs_and_is_remembered() {
    if !ready() || !installed(&["gst-launch-1.0"]) {
        return;
    }
    let _alone = alone();
    let avatars = format!("{NAME}.Avatars");
    let mut world = World::offered();
    let monitor = world.session.spawn("gdbus", &["monitor", "--session", "--dest", NAME]);
    monitor.wait_line(0, "is owned by", LONG);
    let dir = tempfile::tempdir().unwrap();
    let room = dir.path().join("room.png");
    fields(&room, 1920, 1080);
    let room = room.to_str().unwrap();
    let mut reader = world.session.reader("vasa_camera", "I420", W, H);
    reader.skip(30);
    assert_eq!(world.vasa(&["avatar", "background"]).trim(), "plate");
    let mut shows = |want: [[u8; 3]; 2], what: &str| {
        let end = std::time::Instant::now() + LONG;
        while !left_edge(reader.next().1, want.map(luma)) {
            assert!(std::time::Instant::now() < end, "{what} never came");
        }
    };
    world.vasa(&["avatar", "background", "#0000ff"]);
    shows([[0, 0, 255]; 2], "blue");
    monitor.wait_line(0, "'Background': <'#0000ff'>", LONG);
    world.vasa(&["avatar", "background", room]);
    shows([[200, 40, 40], [50, 60, 200]], "the picture");
    // Another person stands before the same.
    world.vasa(&["avatar", "use", "kofi"]);
    assert!(world.get(&avatars, "Background").contains(room));
    shows([[200, 40, 40], [50, 60, 200]], "the picture behind Kofi");

    let long = format!("<'{}'>", "#".repeat(100_000));
    for (value, part) in [
        ("<'beach'>", "\"beach\""),
        ("<'transparent'>", "vasa render"),
        ("<'room.png'>", "begin its name with /"),
        ("<'/nonexistent.png'>", "/nonexistent.png cannot be read"),
        ("<'/'>", "no plain file"),
        (&long, "no colour"),
        ("<3>", "type i"),
    ] {
        let told = world.set(&avatars, "Background", value).expect_err("must be refused");
        assert!(told.contains(&format!("{NAME}.Error.InvalidArgument")) && told.len() < 1000, "{told}");
        assert!(told.contains(part), "{part:?} is missing: {told}");
    }
    shows([[200, 40, 40], [50, 60, 200]], "the picture after what was refused");
    drop(reader);

    world.daemon.stop();
    assert_eq!(world.vasa(&["avatar", "background"]).trim(), room);
    let none = world.run(vasa(), &["avatar", "background", "blur"]);
    assert!(none.status.code() == Some(1) && text(&none.stderr).contains("not running"), "{}", text(&none.stderr));
    let mut world = World::with(world.session);
    world.daemon.wait_line(0, "drawing \"kofi\"", LONG);
    let mut reader = world.session.reader("vasa_camera", "I420", W, H);
    let end = std::time::Instant::now() + LONG;
    while !left_edge(reader.next().1, [[200, 40, 40], [50, 60, 200]].map(luma)) {
        assert!(std::time::Instant::now() < end, "the picture was forgotten");
    }
    drop(reader);

    // A picture that has gone costs the background alone, and is told.
    world.daemon.stop();
    std::fs::remove_file(room).unwrap();
    let world = World::with(world.session);
    world.daemon.wait_line(0, "drawing \"kofi\"", LONG);
    let problems = world.status()["problems"].to_string();
    assert!(problems.contains("room.png") && problems.contains("own background"), "{problems}");
    world.vasa(&["avatar", "background", "plate"]);
    assert!(!world.status()["problems"].to_string().contains("room.png"), "{}", world.status());
}
