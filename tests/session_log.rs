//! The session log of a real daemon: what a watched stream leaves in it, and nothing else; crashes, full disks, the setting.

mod common;

use common::{LONG, Process, Session, installed, vasa};
use std::path::PathBuf;
use std::process::Output;
use std::time::{Duration, Instant};

const NAME: &str = "org.vasacamera.VasaCamera1";
const PATH: &str = "/org/vasacamera/VasaCamera1";

struct World {
    session: Session,
    daemon: Process,
}

impl World {
    fn start(settings: &str) -> Self {
        let session = Session::start();
        let daemon = Self::daemon(&session, settings);
        Self { session, daemon }
    }

    fn daemon(session: &Session, settings: &str) -> Process {
        let config = PathBuf::from(session.variable("XDG_CONFIG_HOME")).join("vasa-camera");
        std::fs::create_dir_all(&config).unwrap();
        std::fs::write(config.join("settings.toml"), settings).unwrap();
        // A file that may not grow must not kill the program; that is what a shell's trap hands on.
        let daemon = session.spawn("bash", &["-c", &format!("trap '' XFSZ; exec {} daemon", vasa())]);
        daemon.wait_line(0, "ready", LONG);
        daemon.wait_line(0, "is offered in PipeWire", LONG);
        daemon.wait_line(0, "drawing \"anna\"", LONG);
        daemon
    }

    fn restart(&mut self, settings: &str) {
        self.daemon = Self::daemon(&self.session, settings);
    }

    fn file(&self) -> PathBuf {
        PathBuf::from(self.session.variable("XDG_STATE_HOME")).join("vasa-camera/session.log")
    }

    fn run(&self, args: &[&str]) -> Output {
        self.session.command(vasa()).args(args).output().expect("vasa starts")
    }

    fn call(&self, method: &str, args: &[&str]) {
        let mut command = self.session.command("gdbus");
        command.args(["call", "--session", "--dest", NAME, "--object-path", PATH, "--method", method]).args(args);
        let out = command.output().expect("gdbus starts");
        assert!(out.status.success(), "{method}: {}", String::from_utf8_lossy(&out.stderr));
    }

    fn set_camera(&self, on: bool) {
        self.call("org.freedesktop.DBus.Properties.Set", &[NAME, "CameraOn", &format!("<{on}>")]);
    }

    fn log(&self) -> Vec<serde_json::Value> {
        let out = self.run(&["log", "--json"]);
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        serde_json::from_slice(&out.stdout).expect("JSON")
    }

    fn events(&self) -> Vec<String> {
        self.log().iter().map(|l| l["event"].as_str().unwrap().to_owned()).collect()
    }

    /// Waits until these are the events of the log.
    #[track_caller]
    fn wait_events(&self, wanted: &[&str]) {
        let end = Instant::now() + LONG;
        loop {
            let events = self.events();
            if events == wanted {
                return;
            }
            assert!(Instant::now() < end, "{events:?}, not {wanted:?}\n{}", self.daemon.log());
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// The exit status of `vasa log verify`, and all it says.
    fn verify(&self) -> (Option<i32>, String) {
        let out = self.run(&["log", "verify"]);
        let told = [out.stdout, out.stderr].concat();
        (out.status.code(), String::from_utf8_lossy(&told).into_owned())
    }
}

fn ready() -> bool {
    installed(&Session::NEEDS) && installed(&["gst-launch-1.0", "gdbus", "prlimit"])
}

#[test]
fn a_watched_stream_leaves_when_and_whom_and_nothing_else() {
    if !ready() {
        return;
    }
    let mut world = World::start("");
    world.wait_events(&["started"]);
    let mut reader = world.session.reader("vasa_camera", "I420", 1280, 720);
    reader.skip(30);
    world.wait_events(&["started", "stream-started"]);
    assert!(world.run(&["say", "Zylox has the flu."]).status.success());
    world.set_camera(false);
    world.set_camera(true);
    drop(reader);
    let all = ["started", "stream-started", "camera-off", "camera-on", "stream-stopped"];
    world.wait_events(&all);
    assert_eq!(world.log()[1]["avatar"], "anna");
    assert_eq!(world.daemon.stop().code(), Some(0), "{}", world.daemon.log());
    world.wait_events(&[&all[..], &["stopped"]].concat());

    let text = std::fs::read_to_string(world.file()).unwrap();
    for line in text.lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        for key in line.as_object().unwrap().keys() {
            let known = ["n", "time", "utc", "event", "version", "avatar", "before", "key", "signature"];
            assert!(known.contains(&key.as_str()), "{key}: {line}");
        }
    }
    assert!(!text.to_lowercase().contains("zylox") && !text.contains("gst"), "{text}");
    let (status, told) = world.verify();
    assert!(status == Some(0) && told.starts_with("intact: 6 lines"), "{told}");
    let printed = String::from_utf8(world.run(&["log"]).stdout).unwrap();
    assert!(printed.contains("somebody began to watch \"anna\"") && printed.lines().count() == 6, "{printed}");

    // A line of the middle is changed, and one is taken out.
    let changed = text.replacen("anna", "anne", 1);
    let fewer: String = text.split_inclusive('\n').enumerate().filter(|(i, _)| *i != 2).map(|(_, l)| l).collect();
    for (bad, part) in [(changed, "line 2 (number 2) was changed"), (fewer, "lines are missing")] {
        std::fs::write(world.file(), bad).unwrap();
        let (status, told) = world.verify();
        assert!(status == Some(1) && told.contains(part) && told.contains("not intact"), "{told}");
    }
    std::fs::write(world.file(), text).unwrap();
    assert_eq!(world.verify().0, Some(0));
}

#[test]
fn a_crash_in_the_middle_of_a_line_is_mended_at_the_next_start() {
    if !ready() {
        return;
    }
    let mut world = World::start("");
    world.wait_events(&["started"]);
    world.daemon.kill();
    let text = std::fs::read_to_string(world.file()).unwrap();
    std::fs::write(world.file(), format!("{text}{}", &text[..77])).unwrap();
    let (status, told) = world.verify();
    assert!(status == Some(1) && told.contains("in the middle of a line"), "{told}");
    world.restart("");
    world.wait_events(&["started", "log-mended", "started"]);
    let log = world.log();
    assert_eq!((&log[1]["torn"], &log[1]["missing"], &log[1]["end_lost"]), (&77.into(), &0.into(), &false.into()));
    assert_eq!(world.verify().0, Some(0), "{}", world.verify().1);
    // A second daemon finds the name taken, and writes nothing.
    let mut second = world.session.spawn(vasa(), &["daemon"]);
    assert_eq!(second.wait(LONG).code(), Some(1));
    world.wait_events(&["started", "log-mended", "started"]);
}

#[test]
fn a_full_disk_is_a_problem_that_goes_away_and_the_camera_goes_on() {
    if !ready() {
        return;
    }
    let world = World::start("");
    world.wait_events(&["started"]);
    let problems = || {
        let out = world.run(&["status", "--json"]);
        let status: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
        status["problems"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|p| p.to_string().contains("session log"))
            .cloned()
            .collect::<Vec<_>>()
    };
    let limit = |bytes: &str| {
        let pid = world.daemon.pid().to_string();
        let fsize = format!("--fsize={bytes}:");
        assert!(world.session.command("prlimit").args(["--pid", &pid, &fsize]).status().unwrap().success());
    };
    // Half a line fits, as on a disk that becomes full.
    let length = std::fs::metadata(world.file()).unwrap().len();
    limit(&(length + 100).to_string());
    world.set_camera(false);
    let end = Instant::now() + LONG;
    while problems().is_empty() {
        assert!(Instant::now() < end, "{}", world.daemon.log());
        std::thread::sleep(Duration::from_millis(100));
    }
    let told = problems();
    assert!(told.len() == 1 && told[0].to_string().contains("free some space"), "{told:?}");
    assert_eq!(std::fs::metadata(world.file()).unwrap().len(), length, "nothing half-written stays");
    world.set_camera(true);
    assert_eq!((problems().len(), world.verify().0), (1, Some(0)));
    limit("unlimited");
    // It catches up, with the time of each.
    world.wait_events(&["started", "camera-off", "camera-on"]);
    let end = Instant::now() + LONG;
    while !problems().is_empty() {
        assert!(Instant::now() < end, "{}", world.daemon.log());
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(world.verify().0, Some(0), "{}", world.verify().1);
}

#[test]
fn the_setting_turns_it_off_and_clearing_asks() {
    if !ready() {
        return;
    }
    let mut world = World::start("session_log = false\n");
    let mut reader = world.session.reader("vasa_camera", "I420", 1280, 720);
    reader.skip(30);
    world.set_camera(false);
    drop(reader);
    std::thread::sleep(Duration::from_secs(3));
    assert!(!world.file().exists());
    let config = PathBuf::from(world.session.variable("XDG_CONFIG_HOME")).join("vasa-camera/settings.toml");
    std::fs::write(&config, "session_log = true\n").unwrap();
    world.call(&format!("{NAME}.Reload"), &[]);
    world.wait_events(&["log-on", "camera-off"]);
    std::fs::write(&config, "session_log = false\n").unwrap();
    world.call(&format!("{NAME}.Reload"), &[]);
    world.wait_events(&["log-on", "camera-off", "log-off"]);
    world.set_camera(true);
    assert_eq!(world.daemon.stop().code(), Some(0));
    world.wait_events(&["log-on", "camera-off", "log-off"]);

    for (args, status, part) in [
        (&["log", "--since", "yesterday"][..], 2, "\"yesterday\""),
        (&["log", "clear"], 2, "--yes"),
        (&["log", "verify", "--since", "2026-01-01"], 2, "--since"),
        (&["log", "frobnicate"], 2, "frobnicate"),
    ] {
        let mut command = world.session.command(vasa());
        let out = command.args(args).stdin(std::process::Stdio::null()).output().unwrap();
        let told = String::from_utf8_lossy(&out.stderr).into_owned();
        assert!(out.status.code() == Some(status) && told.contains(part), "{args:?}: {told}");
    }
    assert_eq!(world.run(&["log", "--since", "2999-01-01"]).stdout, b"");
    assert!(!world.run(&["log", "--since", "2020-01-01"]).stdout.is_empty());
    let verified: serde_json::Value = serde_json::from_slice(&world.run(&["log", "verify", "--json"]).stdout).unwrap();
    assert_eq!((&verified["intact"], &verified["lines"]), (&true.into(), &3.into()), "{verified}");
    assert!(world.run(&["log", "clear", "--yes"]).status.success());
    assert!(!world.file().exists());
    let (status, told) = world.verify();
    assert!(status == Some(0) && told.contains("no log yet"), "{told}");
}
