//! The command line without a daemon: `vasa render` and what bad input gets.

use std::path::Path;
use std::process::{Command, Output};

fn vasa(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_vasa"))
        .args(args)
        // No bus: nothing in here may reach a daemon of the desktop.
        .env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent/bus")
        .output()
        .expect("vasa starts")
}

/// One sentence on standard error that has every part, the status, and no panic.
fn refused(args: &[&str], status: i32, parts: &[&str]) {
    let out = vasa(args);
    let text = String::from_utf8_lossy(&out.stderr).into_owned();
    assert_eq!(out.status.code(), Some(status), "{args:?}: {text}");
    assert!(!text.contains("panicked"), "{args:?}: {text}");
    for part in parts {
        assert!(text.contains(part), "{args:?} does not name {part:?}: {text}");
    }
    let lines: Vec<_> = text.lines().filter(|l| l.starts_with("vasa: ")).collect();
    assert!(status == 2 || lines.len() == 1, "{args:?} is not one sentence: {text}");
}

fn write(dir: &Path, name: &str, bytes: &[u8]) -> String {
    let path = dir.join(name);
    std::fs::write(&path, bytes).unwrap();
    path.to_string_lossy().into_owned()
}

#[test]
fn bad_curve_files_are_refused_by_one_sentence_and_leave_nothing_behind() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out.png").to_string_lossy().into_owned();
    for (text, part) in [
        ("0,0.5\n0.1,0.5\n", "no header"),
        ("time,jawOpne\n0,0.5\n", "\"jawOpne\""),
        ("time,jawOpen\n0,NaN\n", "\"NaN\" as jawOpen"),
        ("time,jawOpen\n0,7\n", "0..1"),
        ("", "no header"),
    ] {
        let curves = write(dir.path(), "bad.csv", text.as_bytes());
        refused(&["render", "--curves", &curves, "--out", &out], 1, &["bad.csv", part]);
    }
    refused(&["render", "--curves", "/nonexistent.csv", "--out", &out], 1, &["/nonexistent.csv"]);
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "only the bad file is left");
}

#[test]
fn unknown_names_and_bad_values_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let curves = write(dir.path(), "c.csv", b"time,jawOpen\n0,0\n");
    let png = dir.path().join("o.png").to_string_lossy().into_owned();
    let csv = dir.path().join("o.csv").to_string_lossy().into_owned();
    refused(&["render", "--curves", &curves, "--avatar", "nobody", "--out", &png], 1, &["\"nobody\"", "anna"]);
    refused(&["render", "--text", "Hi.", "--profile", "grumpy", "--curves-out", &csv], 1, &["\"grumpy\"", "neutral"]);
    refused(&["render", "--text", "Hi.", "--voice", "elvis", "--curves-out", &csv], 1, &["\"elvis\""]);
    refused(&["render", "--text", "Hi.", "--intensity", "9", "--curves-out", &csv], 2, &["9", "0 to 2"]);
    refused(&["render", "--curves", &curves], 2, &["--out"]);
    refused(&["render", "--curves", &curves, "--out", "x.gif"], 2, &["x.gif", ".mp4"]);
    refused(&["render", "--curves", &curves, "--size", "10x10", "--out", &png], 2, &["10x10", "1280x720"]);
    refused(&["render", "--out", &png], 2, &["--audio"]);
    refused(&["frobnicate"], 2, &["frobnicate"]);
    refused(&["daemon", "--config", "/nonexistent.toml"], 1, &["/nonexistent.toml"]);
}

#[test]
fn text_that_cannot_be_spoken_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let csv = dir.path().join("o.csv").to_string_lossy().into_owned();
    refused(&["render", "--text", "", "--curves-out", &csv], 1, &["empty"]);
    refused(&["render", "--text", "   ", "--curves-out", &csv], 1, &["empty"]);
    refused(&["render", "--text", "🙂🙂🎉", "--curves-out", &csv], 1, &["🙂"]);
    refused(&["render", "--text", &"a".repeat(10_001), "--curves-out", &csv], 1, &["10001", "10000"]);
    assert!(!Path::new(&csv).exists());
}

#[test]
fn a_file_that_is_no_sound_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let csv = dir.path().join("o.csv").to_string_lossy().into_owned();
    for (name, bytes) in
        [("text.wav", &b"this is no sound at all"[..]), ("empty.mp3", b""), ("cut.wav", b"RIFF\x10\0\0\0WAVEfmt ")]
    {
        let file = write(dir.path(), name, bytes);
        refused(&["render", "--audio", &file, "--curves-out", &csv], 1, &[name]);
    }
    for (option, value, part) in [
        ("--emotion", "glad=1", "contempt"),
        ("--emotion", "happy=-1.1", "-1 to 1"),
        ("--gaze", "-31,0", "-30 to 30"),
        ("--head", "0,0", "three numbers"),
        ("--distance", "3", "0.5 to 2"),
        ("--gesture", "bow@1", "raise-brows"),
    ] {
        refused(&["render", "--text", "Hi.", option, value, "--curves-out", &csv], 2, &[part]);
    }
    refused(&["render", "--audio", "/nonexistent.wav", "--curves-out", &csv], 1, &["/nonexistent.wav"]);
}

#[test]
fn commands_without_a_daemon_say_how_to_reach_one() {
    for args in [
        &["status"][..],
        &["say", "Hello."],
        &["say", "-"],
        &["stop"],
        &["profile", "list"],
        &["profile", "set", "sad"],
        &["input"],
        &["input", "revoice"],
        &["captions"],
        &["captions", "on"],
        &["revoice"],
        &["revoice", "list"],
        &["words"],
        &["gesture", "nod"],
        &["face"],
        &["face", "--head", "-5,0,0"],
    ] {
        refused(args, 1, &["D-Bus"]);
    }
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_seed_another_face() {
    let dir = tempfile::tempdir().unwrap();
    let render = |name: &str, seed: &str| {
        let path = dir.path().join(name);
        let out =
            vasa(&["render", "--text", "Pam bought a map.", "--seed", seed, "--curves-out", &path.to_string_lossy()]);
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        std::fs::read(path).unwrap()
    };
    let (a, b, c) = (render("a.csv", "7"), render("b.csv", "7"), render("c.csv", "8"));
    assert_eq!(a, b);
    assert_ne!(a, c);
    let text = String::from_utf8(a).unwrap();
    assert!(text.starts_with("time,browDownLeft,"), "{}", &text[..60]);
    assert!(text.lines().next().unwrap().ends_with("headZ,gazeYaw,gazePitch"));
}

#[test]
fn a_rendered_video_has_picture_and_sound_of_the_same_length() {
    let dir = tempfile::tempdir().unwrap();
    for ending in ["mp4", "webm"] {
        let path = dir.path().join(format!("o.{ending}"));
        let file = path.to_string_lossy();
        let out = vasa(&["render", "--text", "Hello there.", "--size", "320x240", "--out", &file]);
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        let probe = Command::new("ffprobe")
            .args([
                "-v",
                "error",
                "-count_frames",
                "-show_entries",
                "stream=codec_type,nb_read_frames,width,height:format=duration",
            ])
            .args(["-of", "json", &file])
            .output()
            .expect("ffprobe starts");
        let report: serde_json::Value = serde_json::from_slice(&probe.stdout).unwrap();
        let streams = report["streams"].as_array().unwrap();
        let video = streams.iter().find(|s| s["codec_type"] == "video").expect("a picture");
        assert!(streams.iter().any(|s| s["codec_type"] == "audio"), "a sound");
        assert_eq!((&video["width"], &video["height"]), (&320.into(), &240.into()));
        let seconds: f64 = report["format"]["duration"].as_str().unwrap().parse().unwrap();
        let frames: f64 = video["nb_read_frames"].as_str().unwrap().parse().unwrap();
        assert!(seconds > 0.4 && (frames / 30.0 - seconds).abs() < 0.15, "{frames} frames, {seconds} s");
    }
    // Two videos, and the credentials of the one that cannot hold them itself; nothing half-written.
    let mut names: Vec<_> = std::fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    names.sort();
    assert!(names.len() == 3 && names[2].to_string_lossy().ends_with(".webm.c2pa"), "{names:?}");
}

#[test]
fn every_profile_changes_the_face_in_its_own_way() {
    let dir = tempfile::tempdir().unwrap();
    let faces: Vec<Vec<f64>> = ["neutral", "friendly", "happy", "serious", "sad", "excited"]
        .iter()
        .map(|profile| {
            let path = dir.path().join(profile);
            let args = ["render", "--text", "Hello.", "--profile", profile, "--curves-out", &path.to_string_lossy()];
            assert!(vasa(&args).status.success(), "{profile}");
            let text = std::fs::read_to_string(path).unwrap();
            let rows: Vec<Vec<f64>> =
                text.lines().skip(1).map(|l| l.split(',').skip(1).map(|v| v.parse().unwrap()).collect()).collect();
            // The mean face: blinks and syllables even out, the expression stays.
            (0..52).map(|w| rows.iter().map(|r| r[w]).sum::<f64>() / rows.len() as f64).collect()
        })
        .collect();
    for (i, a) in faces.iter().enumerate() {
        for (k, b) in faces.iter().enumerate().skip(i + 1) {
            let most = a.iter().zip(b).map(|(x, y)| (x - y).abs()).fold(0.0, f64::max);
            assert!(most > 0.08, "profiles {i} and {k} differ by {most} at most");
        }
    }
}
