//! `vasa doctor` on the real thing: a private session with and without PipeWire, an empty environment, settings that are broken.

mod common;

use common::{LONG, Session, installed, models, models_in, root, vasa};
use serde_json::Value;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

/// Every check that a session with everything has.
const ALWAYS: [&str; 13] = [
    "settings",
    "pipewire",
    "loopback",
    "device-permissions",
    "gpu",
    "avatar",
    "models",
    "providers",
    "espeak-ng",
    "microphone",
    "dbus",
    "systemd",
    "tray",
];

fn ready() -> bool {
    models();
    installed(&Session::NEEDS)
}

fn doctor(session: &Session, args: &[&str]) -> Output {
    session.command(vasa()).arg("doctor").args(args).output().expect("vasa starts")
}

/// The report as JSON, and the exit status.
fn report(output: &Output) -> (Value, i32) {
    let text = String::from_utf8_lossy(&output.stdout);
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(!told.contains("panicked"), "{told}");
    let report = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}\n{told}"));
    (report, output.status.code().expect("it ends by itself"))
}

fn finding<'a>(report: &'a Value, check: &str) -> &'a Value {
    let all = report["findings"].as_array().unwrap();
    all.iter().find(|f| f["check"] == check).unwrap_or_else(|| panic!("no {check} in {report:#}"))
}

/// Each finding is a sentence, and each that is not ok has a remedy for all four.
fn well_formed(report: &Value) {
    for f in report["findings"].as_array().unwrap() {
        assert!(f["sentence"].as_str().is_some_and(|s| s.len() > 10), "{f}");
        for distribution in ["debian", "ubuntu", "fedora", "arch"] {
            let remedy = f["remedy"][distribution].as_str().is_some_and(|r| !r.is_empty());
            assert_eq!(remedy, f["level"] != "ok", "{f}");
        }
    }
    let errors = report["findings"].as_array().unwrap().iter().any(|f| f["level"] == "error");
    assert_eq!(report["works"], !errors, "{report:#}");
}

#[test]
fn with_pipewire_the_camera_works_and_everything_is_looked_at() {
    if !ready() {
        return;
    }
    let session = Session::start();
    let (report, status) = report(&doctor(&session, &["--json"]));
    well_formed(&report);
    for check in ALWAYS {
        finding(&report, check);
    }
    assert_eq!((status, &report["works"]), (0, &true.into()), "{report:#}");
    assert_eq!(finding(&report, "pipewire")["level"], "ok");
    assert_eq!(finding(&report, "session-manager")["level"], "ok");
    for check in ["settings", "models", "providers", "avatar", "espeak-ng"] {
        assert_eq!(finding(&report, check)["level"], "ok", "{report:#}");
    }
    // Nobody owns the daemon's name here, and no panel shows icons.
    assert_eq!(finding(&report, "dbus")["level"], "note");
    assert_eq!(finding(&report, "tray")["level"], "note");
}

#[test]
fn a_running_daemon_and_a_microphone_are_seen() {
    if !ready() || !installed(&["pactl"]) {
        return;
    }
    let session = Session::start();
    let daemon = session.spawn(vasa(), &["daemon"]);
    daemon.wait_line(0, "ready", LONG);
    daemon.wait_line(0, "is offered in PipeWire", LONG);
    session.command(root().join("tests/kit/microphone.sh")).arg("silence").status().unwrap();
    let (report, status) = report(&doctor(&session, &["--json"]));
    well_formed(&report);
    assert_eq!(status, 0);
    let says = |check: &str, part: &str| {
        let sentence = finding(&report, check)["sentence"].as_str().unwrap();
        assert!(sentence.contains(part), "{part:?} is not in: {sentence}");
    };
    says("dbus", "the daemon runs");
    says("pipewire", "\"VASA Camera\" is offered in it");
    says("microphone", "there is a microphone");
    assert!(!finding(&report, "microphone")["sentence"].to_string().contains("VASA Microphone"));
}

#[test]
fn without_pipewire_and_without_a_device_the_camera_cannot_work() {
    if !ready() {
        return;
    }
    let session = Session::without_pipewire();
    let (report, status) = report(&doctor(&session, &["--json"]));
    well_formed(&report);
    let level = &finding(&report, "pipewire")["level"];
    if report["findings"].as_array().unwrap().iter().any(|f| f["check"] == "module-options") {
        // This machine has the loopback device.
        assert_eq!((status, level), (0, &"warning".into()));
    } else {
        assert_eq!((status, level), (1, &"error".into()), "{report:#}");
    }
    let remedy = finding(&report, "pipewire")["remedy"]["arch"].as_str().unwrap();
    assert!(remedy.contains("systemctl --user enable --now pipewire"), "{remedy}");
    // For people: one line a finding, its remedy below, no colours where it is no terminal.
    let out = doctor(&session, &[]);
    let text = String::from_utf8_lossy(&out.stdout);
    assert_eq!(out.status.code(), Some(status));
    assert!(text.contains("pipewire") && text.contains("-> ") && !text.contains('\x1b'), "{text}");
    assert!(text.lines().last().unwrap().starts_with("The camera "), "{text}");
}

#[test]
fn a_missing_and_a_tampered_model_are_named_and_broken_settings_are_an_error() {
    if !ready() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let paths = models_in(folder.path());
    let voice = paths.models.join("voices/joe.onnx");
    std::fs::create_dir_all(voice.parent().unwrap()).unwrap();
    std::fs::write(&voice, "not a voice").unwrap();
    let session = Session::start();
    let settings = std::path::Path::new(session.variable("XDG_CONFIG_HOME")).join("vasa-camera");
    std::fs::create_dir_all(&settings).unwrap();
    std::fs::write(settings.join("settings.toml"), "intensity = 3.0\n").unwrap();
    let out =
        session.command(vasa()).args(["doctor", "--json"]).env("VASA_MODELS_DIR", folder.path()).output().unwrap();
    let (report, status) = report(&out);
    well_formed(&report);
    assert_eq!(status, 1);
    assert_eq!(finding(&report, "settings")["level"], "error");
    assert!(finding(&report, "settings")["sentence"].to_string().contains("intensity"));
    let told: Vec<_> = report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|f| f["check"] == "models")
        .map(Value::to_string)
        .collect();
    assert!(told.iter().any(|f| f.contains("joe.onnx") && f.contains("tampered") && f.contains("models install joe")));
    assert!(told.iter().any(|f| f.contains("onnxruntime") && f.contains("not installed")), "{told:?}");
    assert!(finding(&report, "providers")["sentence"].to_string().contains("not installed"));
}

#[test]
fn nothing_hangs_and_nothing_panics_where_there_is_no_session_at_all() {
    models();
    let folder = tempfile::tempdir().unwrap();
    let out = Command::new(vasa())
        .args(["doctor", "--json"])
        .env_clear()
        .env("HOME", folder.path())
        .env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent/bus")
        .output()
        .unwrap();
    let (report, status) = report(&out);
    well_formed(&report);
    assert_eq!(status, 1);
    assert!(finding(&report, "dbus")["sentence"].to_string().contains("no D-Bus session bus"));
}

#[test]
fn a_pipewire_that_takes_the_connection_and_is_silent_is_told_in_time() {
    if !ready() {
        return;
    }
    let session = Session::start();
    let pid = std::fs::read_to_string(std::path::Path::new(session.variable("VASA_SESSION")).join("pipewire.pid"));
    let pid = pid.expect("session.sh keeps the pids").trim().to_owned();
    let signal = |name: &str| assert!(Command::new("kill").args([name, &pid]).status().unwrap().success());
    signal("-STOP");
    let begun = Instant::now();
    let out = doctor(&session, &["--json"]);
    signal("-CONT");
    println!("doctor took {:.1} s beside a PipeWire that is stopped", begun.elapsed().as_secs_f64());
    // Each probe has its limit; the bound only tells a limit from none.
    assert!(begun.elapsed() < Duration::from_secs(100));
    let (report, _) = report(&out);
    well_formed(&report);
    let pipewire = finding(&report, "pipewire");
    assert!(pipewire["level"] != "ok" && pipewire["sentence"].to_string().contains("within"), "{pipewire}");
}
