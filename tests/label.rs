//! The marks that every picture of the program carries, label and invisible mark: seen in what `vasa render` writes and in what the
//! daemon shows, whatever the settings, the environment and the arguments say.

mod common;

use common::{LONG, Session, alone, installed, root, vasa};
use std::path::Path;
use std::process::{Command, Output};
use std::time::{SystemTime, UNIX_EPOCH};
use vasa_camera::avatar::Avatar;
use vasa_camera::clock::Moment;
use vasa_camera::config::{Corner, LabelSettings, LabelStyle, Paths};
use vasa_camera::face::{Face, Shape};
use vasa_camera::identity::Identity;
use vasa_camera::mark::detect::Detector;
use vasa_camera::mark::payload::Payload;
use vasa_camera::mark::{Dated, Marker};
use vasa_camera::render::{AdapterChoice, Frame, Region, Renderer, Size};

/// The label as it is to be seen: where, and its brightness over a grey ground, in the language of the environment.
struct Expected {
    size: Size,
    label: Region,
    notice: Region,
    frame: Frame,
}

impl Expected {
    fn new(size: Size, label: LabelSettings) -> Self {
        let mut marker = Marker::new(size, Identity::from_secret(&[7; 32]), label, Dated::Untold);
        marker.begin_stream(Moment(0));
        let [Some(label), Some(notice)] = marker.taken(Moment(0)) else { panic!("no label, or no notice") };
        let mut frame = Frame::new(size);
        frame.rgba.fill(120);
        marker.mark(&mut frame, Moment(0));
        Self { size, label, notice, frame }
    }

    /// How alike a picture and the expected one are in a region: the correlation of their brightness, -1..1.
    fn likeness(&self, region: Region, luma: impl Fn(usize) -> f64) -> f64 {
        let width = self.size.width as usize;
        let rows = region.y as usize..(region.y + region.height) as usize;
        let places = rows.flat_map(|y| (0..region.width as usize).map(move |x| y * width + region.x as usize + x));
        let pairs: Vec<_> = places.map(|i| (f64::from(self.frame.rgba[4 * i + 1]), luma(i))).collect();
        let n = pairs.len() as f64;
        let (a, b) = (pairs.iter().map(|p| p.0).sum::<f64>() / n, pairs.iter().map(|p| p.1).sum::<f64>() / n);
        let sum = |f: fn(f64, f64) -> f64| pairs.iter().map(|p| f(p.0 - a, p.1 - b)).sum::<f64>();
        sum(|x, y| x * y) / (sum(|x, _| x * x) * sum(|_, y| y * y)).sqrt().max(1e-9)
    }

    fn label_in(&self, luma: impl Fn(usize) -> f64) -> f64 {
        self.likeness(self.label, luma)
    }
}

/// What the invisible mark of one picture says.
fn payload(luma: &[u8], size: Size) -> Payload {
    let mut detector = Detector::new(size.width, size.height).unwrap();
    detector.add(luma);
    let finding = detector.finish();
    assert!(finding.marked, "no invisible mark: {finding:?}");
    finding.payload.expect("a payload")
}

/// `vasa` with a home of its own, and no bus.
fn run(home: &Path, environment: &[(&str, &str)], args: &[&str]) -> Output {
    let mut command = Command::new(vasa());
    command.env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent/bus");
    for (key, folder) in [("XDG_CONFIG_HOME", "config"), ("XDG_STATE_HOME", "state")] {
        command.env(key, home.join(folder));
    }
    command.envs(environment.iter().copied()).args(args).output().expect("vasa starts")
}

/// A home with these settings, and a curve file of a resting face.
fn home(settings: &str) -> (tempfile::TempDir, String) {
    let home = tempfile::tempdir().unwrap();
    let config = home.path().join("config/vasa-camera");
    std::fs::create_dir_all(&config).unwrap();
    std::fs::write(config.join("settings.toml"), settings).unwrap();
    let curves = home.path().join("rest.csv");
    std::fs::write(&curves, "time,jawOpen\n0,0\n").unwrap();
    (home, curves.display().to_string())
}

/// What `vasa render` writes as a still, as brightness.
fn still(settings: &str, size: &str, environment: &[(&str, &str)]) -> image::GrayImage {
    let (home, curves) = home(settings);
    let out = home.path().join("out.png").display().to_string();
    let done = run(home.path(), environment, &["render", "--curves", &curves, "--size", size, "--out", &out]);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    image::open(out).unwrap().to_luma8()
}

#[test]
fn what_is_rendered_carries_the_label_whatever_the_settings_and_the_environment_say() {
    for (width, height) in [(1280, 720), (640, 360), (512, 512)] {
        let size = Size { width, height };
        for (settings, label) in [
            ("", LabelSettings::default()),
            ("[label]\n", LabelSettings::default()),
            ("subtitles = false\ncaptions = false\n", LabelSettings::default()),
            (
                "[label]\ncorner = \"top-left\"\nstyle = \"light\"\n",
                LabelSettings { corner: Corner::TopLeft, style: LabelStyle::Light },
            ),
            (
                "[label]\ncorner = \"bottom-left\"\nstyle = \"outline\"\n",
                LabelSettings { corner: Corner::BottomLeft, style: LabelStyle::Outline },
            ),
        ] {
            let expected = Expected::new(size, label);
            let picture = still(settings, &format!("{width}x{height}"), &[]);
            let like = expected.label_in(|i| f64::from(picture.as_raw()[i]));
            assert!(like > 0.9, "{width}x{height} {settings:?}: {like:.2}");
            // The time is not told, so that the same arguments give the same bytes.
            let told = payload(picture.as_raw(), size);
            assert!(told.avatar != 0 && told.minute == 0, "{told:?}");
            // The measure sees a label that is not there as such: it stands in another corner.
            let elsewhere = LabelSettings { corner: Corner::TopRight, ..label };
            let like = Expected::new(size, elsewhere).label_in(|i| f64::from(picture.as_raw()[i]));
            assert!(like < 0.5, "{width}x{height} {settings:?}: {like:.2} where there is none");
        }
    }
    let environments = [
        &[("VASA_LABEL", "0"), ("VASA_MARK", "off"), ("VASA_NO_LABEL", "1"), ("NO_LABEL", "1")][..],
        &[("LC_ALL", "zh_CN.UTF-8"), ("LANGUAGE", "zh")],
        &[("LC_ALL", ""), ("LC_MESSAGES", ""), ("LANG", "")],
        &[("VASA_LOG", "off"), ("XDG_STATE_HOME", "/proc/nowhere")],
    ];
    let expected = Expected::new(Size::HD, LabelSettings::default());
    let english = ["", "c", "en"].contains(&vasa_camera::config::language(&vasa_camera::config::locale()).as_str());
    for environment in environments {
        if !english && environment.iter().any(|(key, _)| *key == "LC_ALL") {
            eprintln!("SKIPPED: the environment does not speak English: {environment:?}");
            continue;
        }
        let picture = still("", "1280x720", environment);
        let like = expected.label_in(|i| f64::from(picture.as_raw()[i]));
        assert!(like > 0.9, "{environment:?}: {like:.2}");
        payload(picture.as_raw(), Size::HD);
    }
}

#[test]
fn a_label_that_is_to_be_away_or_that_nobody_knows_is_refused_by_a_sentence() {
    for (settings, parts) in [
        ("[label]\ncorner = \"middle\"\n", &["middle", "bottom-right", "top-left"][..]),
        ("[label]\ncorner = \"\"\n", &["bottom-right"]),
        ("[label]\nstyle = \"none\"\n", &["none", "dark", "light", "outline"]),
        ("[label]\nvisible = false\n", &["visible"]),
        ("[label]\nopacity = 0.0\n", &["opacity"]),
        ("[label]\ntext = \"\"\n", &["text"]),
        ("label = false\n", &["label"]),
        ("mark = false\n", &["mark"]),
    ] {
        let (home, curves) = home(settings);
        let file = home.path().join("config/vasa-camera/settings.toml").display().to_string();
        let out = home.path().join("out.png").display().to_string();
        let commands =
            [&["render", "--curves", &curves, "--out", &out][..], &["daemon", "--config", &file], &["daemon"]];
        for args in commands {
            let done = run(home.path(), &[], args);
            let told = String::from_utf8_lossy(&done.stderr);
            assert_eq!(done.status.code(), Some(1), "{settings:?} {args:?}: {told}");
            assert!(told.contains("settings.toml") && !told.contains("panicked"), "{settings:?} {args:?}: {told}");
            assert!(parts.iter().all(|p| told.contains(p)), "{settings:?} {args:?}: {told}");
        }
        assert!(!Path::new(&out).exists());
    }
    let (home, curves) = home("");
    let out = home.path().join("out.png").display().to_string();
    for extra in ["--no-label", "--label=none", "--no-mark", "--mark=off", "--unmarked", "--no-notice"] {
        let done = run(home.path(), &[], &["render", "--curves", &curves, "--out", &out, extra]);
        assert_eq!(done.status.code(), Some(2), "{extra}");
        assert!(!Path::new(&out).exists(), "{extra}");
    }
}

#[test]
fn a_key_that_cannot_be_kept_is_told_in_a_sentence_and_the_picture_is_made_all_the_same() {
    let (home, curves) = home("");
    let out = home.path().join("out.png").display().to_string();
    std::fs::create_dir_all(home.path().join("state/vasa-camera")).unwrap();
    std::fs::write(home.path().join("state/vasa-camera/identity.key"), "no key").unwrap();
    let done = run(home.path(), &[], &["render", "--curves", &curves, "--out", &out]);
    let told = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success() && Path::new(&out).exists(), "{told}");
    let warnings: Vec<_> = told.lines().filter(|l| l.contains("warning")).collect();
    assert!(warnings.len() == 1 && warnings[0].contains("identity.key") && warnings[0].contains("remove it"), "{told}");
}

#[test]
fn a_video_begins_with_the_notice_and_pictures_do_not() {
    if !installed(&["ffmpeg"]) {
        return;
    }
    let (home, _) = home("");
    let curves = home.path().join("c.csv").display().to_string();
    std::fs::write(&curves, "time,jawOpen\n0,0\n4,0\n").unwrap();
    let video = home.path().join("out.mp4").display().to_string();
    let folder = format!("{}/", home.path().join("out").display());
    for out in [&video, &folder] {
        let args = ["render", "--curves", &curves, "--fps", "5", "--size", "640x360", "--out", out];
        let done = run(home.path(), &[], &args);
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }
    let frames = home.path().join("seen-%d.png").display().to_string();
    let args = ["-nostdin", "-loglevel", "error", "-i", &video, "-start_number", "0", &frames];
    assert!(Command::new("ffmpeg").args(args).status().unwrap().success());
    let expected = Expected::new(Size { width: 640, height: 360 }, LabelSettings::default());
    let likeness = |path: String| {
        let picture = image::open(&path).unwrap_or_else(|e| panic!("{path}: {e}")).to_luma8();
        let luma = |i: usize| f64::from(picture.as_raw()[i]);
        (expected.likeness(expected.label, luma), expected.likeness(expected.notice, luma))
    };
    for k in 0..=20 {
        let (label, notice) = likeness(home.path().join(format!("seen-{k}.png")).display().to_string());
        assert!(label > 0.85, "frame {k}: {label:.2}");
        assert!(if k <= 15 { notice > 0.85 } else { notice < 0.4 }, "frame {k}: {notice:.2}");
        let (label, notice) = likeness(format!("{folder}frame-{k:06}.png"));
        assert!(label > 0.9 && notice < 0.4, "picture {k}: {label:.2} {notice:.2}");
    }
}

#[test]
fn the_running_camera_carries_both_marks_also_on_its_card_and_begins_with_the_notice() {
    if !installed(&Session::NEEDS) || !installed(&["gst-launch-1.0", "gdbus"]) {
        return;
    }
    let _alone = alone();
    let session = Session::start();
    let config = Path::new(session.variable("XDG_CONFIG_HOME")).join("vasa-camera");
    std::fs::create_dir_all(&config).unwrap();
    std::fs::write(config.join("settings.toml"), "subtitles = false\n[label]\ncorner = \"bottom-left\"\n").unwrap();
    let mut command = session.command(vasa());
    command.arg("daemon").env("VASA_LABEL", "0").env("VASA_MARK", "off");
    let daemon = common::Process::start(command);
    daemon.wait_line(0, "drawing \"anna\"", LONG);
    daemon.wait_line(0, "is offered in PipeWire", LONG);
    let settings = LabelSettings { corner: Corner::BottomLeft, ..LabelSettings::default() };
    let expected = Expected::new(Size::HD, settings);
    let mut reader = session.reader("vasa_camera", "I420", 1280, 720);
    let look = |frame: &[u8], what: &str| {
        let luma = |i: usize| f64::from(frame[i]);
        let found = (expected.likeness(expected.label, luma), expected.likeness(expected.notice, luma));
        assert!(found.0 > 0.85, "{what}: {:.2}", found.0);
        found.1
    };
    // Two streams: each has its notice, for about three seconds.
    let mut seen = Vec::new();
    for k in 0..150 {
        seen.push(look(reader.next().1, &format!("frame {k}")) > 0.85);
    }
    let (first, last) = (seen.iter().position(|s| *s), seen.iter().rposition(|s| *s));
    println!("the notice is seen from frame {first:?} to {last:?}");
    assert!(first.is_some_and(|f| f < 30) && last.is_some_and(|l| l < 140), "{first:?} {last:?}");
    let state = Path::new(session.variable("XDG_STATE_HOME")).join("vasa-camera");
    let identity = Identity::existing(&Paths { state, ..Paths::find() }).unwrap().expect("the daemon has made its key");
    let told = payload(&reader.next().1[..1280 * 720], Size::HD);
    assert!(told.is_by(&identity) && told.avatar != 0, "{told:?}");
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() / 60;
    assert!(now.abs_diff(u64::from(told.minute)) <= 1, "{told:?} at minute {now}");
    let set = ["org.freedesktop.DBus.Properties.Set", "org.vasacamera.VasaCamera1", "CameraOn", "<false>"];
    let mut gdbus = session.command("gdbus");
    gdbus.args(["call", "--session", "--dest", "org.vasacamera.VasaCamera1"]);
    gdbus.args(["--object-path", "/org/vasacamera/VasaCamera1", "--method"]).args(set);
    assert!(gdbus.output().unwrap().status.success());
    for k in 0..40 {
        look(reader.next().1, &format!("frame {k} about the card"));
    }
    let frame = reader.next().1;
    let dark = frame[..1280 * 720].iter().filter(|l| **l < 110).count();
    assert!(dark > 1280 * 720 * 9 / 10, "the card is not shown: {dark} dark pixels");
    let told = payload(&frame[..1280 * 720], Size::HD);
    assert!(told.is_by(&identity) && told.avatar == 0, "{told:?}");
}

#[test]
fn label_and_notice_are_off_the_face_however_the_head_turns() {
    let avatar = Avatar::load(&root().join("models/avatars/anna")).unwrap();
    let mut lively = Face::default();
    for shape in [
        Shape::JawOpen,
        Shape::BrowInnerUp,
        Shape::BrowOuterUpLeft,
        Shape::BrowOuterUpRight,
        Shape::EyeBlinkLeft,
        Shape::EyeBlinkRight,
        Shape::MouthSmileLeft,
        Shape::MouthSmileRight,
    ] {
        lively.weights[shape] = 0.8;
    }
    for (width, height) in [(1280, 720), (640, 480), (512, 512)] {
        let size = Size { width, height };
        let mut renderer = Renderer::on(&avatar, size, AdapterChoice::Cpu, None).unwrap();
        let mut drawn = |face: &Face| {
            let mut frame = Frame::new(size);
            renderer.draw(face, &mut frame).unwrap();
            frame
        };
        let [mut left, mut right, mut top, mut bottom] = [width, 0, height, 0];
        for yaw in [-20.0, 0.0, 20.0] {
            for pitch in [-12.0, 12.0] {
                let mut rest = Face::default();
                (rest.head.yaw, rest.head.pitch) = (yaw, pitch);
                let moved = Face { head: rest.head, ..lively };
                let (a, b) = (drawn(&rest), drawn(&moved));
                let pairs = a.rgba.chunks_exact(4).zip(b.rgba.chunks_exact(4)).zip(0u32..);
                for (_, i) in pairs.filter(|((p, q), _)| p.iter().zip(*q).any(|(p, q)| p.abs_diff(*q) > 25)) {
                    let (x, y) = (i % width, i / width);
                    [left, right, top, bottom] = [left.min(x), right.max(x), top.min(y), bottom.max(y)];
                }
            }
        }
        println!("{width}x{height}: the face is within x {left}..{right}, y {top}..{bottom}");
        assert!(right > left + width / 10 && bottom > top + height / 5);
        for corner in Corner::ALL {
            let expected = Expected::new(size, LabelSettings { corner, ..LabelSettings::default() });
            for place in [expected.label, expected.notice] {
                let beside = place.x > right || place.x + place.width <= left;
                let off = beside || place.y > bottom || place.y + place.height <= top;
                assert!(off, "{width}x{height} {corner:?}: {place:?} is over the face");
            }
        }
    }
}

#[test]
fn the_program_never_makes_a_frame_that_only_pretends_to_be_marked() {
    let mut folders = vec![root().join("src")];
    let mut looked = 0;
    while let Some(folder) = folders.pop() {
        for path in std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap_or_default();
            let program = text.split("#[cfg(test)]").next().unwrap_or_default();
            let allowed = usize::from(path.ends_with("src/mark/mod.rs"));
            assert_eq!(program.matches("test_picture").count(), allowed, "{}", path.display());
            looked += 1;
        }
    }
    assert!(looked > 100, "{looked} files");
}
