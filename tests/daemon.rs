//! The running daemon, from outside: its D-Bus interface, what it does with bad input, what it costs.

mod common;

use common::world::{NAME, PATH, World, members, ready, sound, text};
use common::{LONG, Session, installed, root, vasa};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

#[test]
fn every_member_stands_in_the_contract_exactly_as_it_is_offered() {
    if !ready() {
        return;
    }
    let world = World::start();
    let offered = members(&text(
        &world.run("gdbus", &["introspect", "--session", "--dest", NAME, "--object-path", PATH, "--xml"]).stdout,
    ));
    let own = members(&std::fs::read_to_string(root().join("docs/dbus.xml")).unwrap());
    // What is offered beside ours belongs to D-Bus itself.
    let standard = ["Introspectable", "Peer", "Properties"].map(|i| format!("org.freedesktop.DBus.{i}"));
    let offered: BTreeMap<_, _> = offered.into_iter().filter(|(name, _)| !standard.contains(name)).collect();
    assert_eq!(offered, own);
}

/// The public contract, where it is kept beside the checkout.
#[test]
fn our_copy_of_the_contract_has_all_of_it_and_tells_what_is_ours() {
    let shared = std::env::var_os("VASA_SHARED").map_or_else(|| root().join("../shared"), std::path::PathBuf::from);
    let path = shared.join("contracts/org.vasacamera.VasaCamera1.xml");
    let Ok(contract) = std::fs::read_to_string(&path) else {
        return eprintln!("SKIPPED: {} is not here", path.display());
    };
    let own = std::fs::read_to_string(root().join("docs/dbus.xml")).unwrap();
    let (contract, ours) = (members(&contract), members(&own));
    assert!(contract.len() == 5 && contract.values().all(|m| !m.is_empty()), "{contract:?}");
    for (interface, members) in &contract {
        for member in members {
            assert!(ours[interface].contains(member), "{interface}: {member}");
        }
    }
    // Each extra has a comment of its own, or stands in an interface that has one.
    for (interface, members) in &ours {
        for member in members.iter().filter(|m| !contract.get(interface).is_some_and(|c| c.contains(m))) {
            let begins = format!("<interface name=\"{interface}\">");
            let (before, inside) = own.split_once(&begins).unwrap();
            let name = format!("name=\"{}\"", member.split(' ').nth(1).unwrap());
            let told = inside.split("</interface>").next().unwrap().split(&name).next().unwrap().contains("-->");
            assert!(
                told || (!contract.contains_key(interface) && before.trim_end().ends_with("-->")),
                "{interface}: {member}"
            );
        }
    }
}

#[test]
fn a_refused_call_names_the_thing_and_changes_nothing() {
    if !ready() {
        return;
    }
    let world = World::start();
    let before = world.status();
    let (speech, profiles) = (format!("{NAME}.Speech"), format!("{NAME}.Profiles"));
    let (microphone, listening) = (format!("{NAME}.Microphone"), format!("{NAME}.Listening"));
    let face = format!("{NAME}.Face");
    let faces = || ["Emotion", "Gaze", "HeadPose", "Distance"].map(|property| world.get(&face, property));
    world.set(&face, "Emotion", "<{'happy': 0.25}>").unwrap();
    world.set(&face, "Distance", "<1.5>").unwrap();
    let steered = faces();
    let many = format!("<[{}]>", vec!["'a'"; 201].join(", "));
    let long_word = format!("<['{}']>", "a".repeat(61));
    let say = format!("{speech}.Say");
    let long = "a".repeat(10_001);
    let activate = format!("{profiles}.Activate");
    for (answer, error, parts) in [
        (world.call(&activate, &["grumpy", "1.0", "0"]), "NotFound", &["\"grumpy\"", "neutral"][..]),
        (world.call(&activate, &["sad", "2.5", "0"]), "InvalidArgument", &["2.5", "0 to 2"]),
        (world.call(&activate, &["sad", "1.0", "10001"]), "InvalidArgument", &["10001", "10000"]),
        (world.call(&say, &["", "{}"]), "InvalidArgument", &["empty"]),
        (world.call(&say, &[&long, "{}"]), "InvalidArgument", &["10001", "10000"]),
        (world.call(&say, &["🙂🎉", "{}"]), "InvalidArgument", &["🙂"]),
        (world.call(&say, &["Hello.", "{'voice': <'elvis'>}"]), "NotFound", &["\"elvis\""]),
        (world.call(&say, &["Hello.", "{'rate': <3.0>}"]), "InvalidArgument", &["3", "0.5 to 2"]),
        (world.call(&say, &["Hello.", "{'profile': <'grumpy'>}"]), "NotFound", &["\"grumpy\""]),
        (world.call(&say, &["Hello.", "{'speed': <1.0>}"]), "InvalidArgument", &["\"speed\""]),
        (world.set(NAME, "Input", "<'telepathy'>"), "InvalidArgument", &["\"telepathy\"", "microphone"]),
        (world.set(NAME, "Muted", "<'yes'>"), "InvalidArgument", &["Muted"]),
        (world.set(&profiles, "Active", "<'grumpy'>"), "NotFound", &["\"grumpy\""]),
        (world.set(&profiles, "Intensity", "<-1.0>"), "InvalidArgument", &["-1"]),
        (world.set(&speech, "Voice", "<'elvis'>"), "NotFound", &["\"elvis\""]),
        (world.set(&speech, "Rate", "<0.1>"), "InvalidArgument", &["0.1"]),
        (world.set(&speech, "Composing", "<1>"), "InvalidArgument", &["Composing"]),
        (world.set(&microphone, "MonitorVolume", "<1.5>"), "InvalidArgument", &["1.5", "0 to 1"]),
        (world.set(&microphone, "MonitorVolume", "<-0.1>"), "InvalidArgument", &["-0.1", "0 to 1"]),
        (world.set(&listening, "Language", "<'klingon'>"), "InvalidArgument", &["\"klingon\"", "\"auto\""]),
        (world.set(&listening, "Words", &many), "InvalidArgument", &["201", "200"]),
        (world.set(&listening, "Words", &long_word), "InvalidArgument", &["61", "60"]),
        (world.set(&listening, "Words", "<['']>"), "InvalidArgument", &["empty"]),
        (world.call(&format!("{profiles}.Gesture"), &["bow"]), "NotFound", &["\"bow\"", "raise-brows"]),
        (world.set(&face, "Emotion", "<{'glad': 0.5}>"), "InvalidArgument", &["\"glad\"", "contempt"]),
        (world.set(&face, "Emotion", "<{'sad': 0.1, 'happy': 1.5}>"), "InvalidArgument", &["happy", "1.5", "-1 to 1"]),
        (world.set(&face, "Emotion", "<{'sad': 1}>"), "InvalidArgument", &["Emotion", "a{sd}"]),
        (world.set(&face, "Gaze", "<(false, 31.0, 0.0)>"), "InvalidArgument", &["yaw", "Gaze", "31", "-30 to 30"]),
        (world.set(&face, "Gaze", "<(true, 0.0, -20.5)>"), "InvalidArgument", &["pitch", "-20.5", "-20 to 20"]),
        (world.set(&face, "Gaze", "<(0.0, 0.0)>"), "InvalidArgument", &["Gaze", "(bdd)"]),
        (world.set(&face, "Gaze", "<(false, 0.0)>"), "InvalidArgument", &["Gaze", "(bdd)"]),
        (world.set(&face, "HeadPose", "<(0.0, 99.0, 0.0)>"), "InvalidArgument", &["HeadPose", "99", "-20 to 20"]),
        (world.set(&face, "Distance", "<0.4>"), "InvalidArgument", &["Distance", "0.4", "0.5 to 2"]),
        (world.set(&face, "Distance", "<-1.0>"), "InvalidArgument", &["-1"]),
        (world.set(&listening, "RevoiceMode", "<'later'>"), "InvalidArgument", &["\"later\"", "immediate"]),
        (world.call(&format!("{listening}.Accept"), &["7", ""]), "NotFound", &["7", "Pending"]),
        (world.call(&format!("{listening}.Reject"), &["7"]), "NotFound", &["7", "Pending"]),
    ] {
        let told = answer.expect_err("must be refused");
        assert!(told.contains(&format!("{NAME}.Error.{error}")), "{told}");
        for part in parts {
            assert!(told.contains(part), "{part:?} is missing: {told}");
        }
    }
    let readonly = world.set(NAME, "State", "<'idle'>").unwrap_err();
    assert!(readonly.contains("PropertyReadOnly"), "{readonly}");
    assert_eq!(faces(), steered);
    // gdbus writes no such numbers; the command line refuses before it asks.
    let told = world.run(vasa(), &["face", "--distance", "1", "--gaze", "nan,0"]);
    assert_eq!(told.status.code(), Some(2), "{}", text(&told.stderr));
    assert!(text(&told.stderr).contains("NaN") && faces() == steered);
    let after = world.status();
    for key in [
        "input",
        "muted",
        "camera_on",
        "profile",
        "intensity",
        "voice",
        "speaking",
        "captions",
        "language",
        "revoice_mode",
        "pending",
        "composing",
        "virtual_microphone",
    ] {
        assert_eq!(before[key], after[key], "{key}");
    }
}

#[test]
fn properties_are_set_signalled_and_read_back() {
    if !ready() {
        return;
    }
    let world = World::start();
    let monitor = world.session.spawn("gdbus", &["monitor", "--session", "--dest", NAME]);
    monitor.wait_line(0, "is owned by", LONG);
    let profiles = format!("{NAME}.Profiles");
    world.set(NAME, "Muted", "<true>").unwrap();
    world.set(NAME, "CameraOn", "<false>").unwrap();
    world.call(&format!("{profiles}.Activate"), &["sad", "0.5", "0"]).unwrap();
    monitor.wait_line(0, "'Muted': <true>", LONG);
    monitor.wait_line(0, "'CameraOn': <false>", LONG);
    monitor.wait_line(0, "'Active': <'sad'>", LONG);
    monitor.wait_line(0, "'Intensity': <0.5>", LONG);
    assert!(world.get(&profiles, "Active").contains("sad"));
    world.vasa(&["profile", "set", "happy", "--intensity", "1.5", "--over", "0"]);
    assert!(world.get(&profiles, "Intensity").contains("1.5"));
    assert!(world.vasa(&["profile", "list"]).contains("* happy"));
    assert!(world.get(NAME, "Stats").contains("'motion_provider'"));
}

#[test]
fn the_face_is_steered_and_what_is_drawn_follows() {
    if !ready() || !installed(&["gst-launch-1.0"]) {
        return;
    }
    let world = World::start();
    let monitor = world.session.spawn("gdbus", &["monitor", "--session", "--dest", NAME]);
    monitor.wait_line(0, "is owned by", LONG);
    let face = format!("{NAME}.Face");
    for (property, value) in [
        ("Emotion", "<{'happy': 0.5}>"),
        ("Gaze", "<(false, 10.0, -5.0)>"),
        ("HeadPose", "<(12.0, 0.0, -8.0)>"),
        ("Distance", "<0.875>"),
    ] {
        world.set(&face, property, value).unwrap();
        monitor.wait_line(0, &format!("'{property}': {value}"), LONG);
        assert!(world.get(&face, property).contains(value.trim_matches(['<', '>'])), "{property}");
    }
    let shown = || -> serde_json::Value { serde_json::from_str(&world.vasa(&["face", "--json"])).unwrap() };
    let until = |what: &str, done: &dyn Fn(&serde_json::Value) -> bool| {
        let end = Instant::now() + LONG;
        while !done(&shown()["current"]) {
            assert!(Instant::now() < end, "{what}: {}", shown());
            std::thread::sleep(Duration::from_millis(50));
        }
    };
    // Somebody watches: motion goes to what was asked for before.
    let caps = "video/x-raw,format=I420,width=1280,height=720";
    let app = ["-q", "pipewiresrc", "target-object=vasa_camera", "!", caps, "!", "fakesink", "sync=false"];
    let _app = world.session.spawn("gst-launch-1.0", &app);
    let number = |v: &serde_json::Value, key: &str| v[key].as_f64().unwrap_or_else(|| panic!("{key} is missing"));
    until("the eyes hold", &|c| number(c, "gazeYaw") == 10.0 && number(c, "gazePitch") == -5.0);
    until("the face smiles", &|c| number(c, "mouthSmileLeft") > 0.3);
    until("the head turns", &|c| number(c, "headYaw") > 6.0 && number(c, "headRoll") < -4.0);
    assert_eq!(shown()["current"].as_object().unwrap().len(), 57);
    world.vasa(&["face", "--emotion", "sad=-0.5,angry=1", "--gaze", "-20,5", "--head", "-5,0,3", "--distance", "1"]);
    assert!(world.get(&face, "Gaze").contains("(false, -20.0, 5.0)"));
    until("the eyes go", &|c| number(c, "gazeYaw") == -20.0 && number(c, "gazePitch") == 5.0);
    until("the brows sink", &|c| number(c, "browDownLeft") > 0.7);
    // Asked for again, as a slow machine may look when it is over.
    until("the face laughs", &|c| {
        world.vasa(&["gesture", "laugh"]);
        number(c, "mouthSmileLeft") > 0.4 && number(c, "cheekSquintRight") > 0.3
    });
    world.vasa(&["face", "--reset"]);
    let reset = shown();
    assert_eq!((&reset["emotion"], &reset["distance"]), (&serde_json::json!({}), &1.0.into()));
    assert_eq!(reset["gaze"], serde_json::json!({"automatic": true, "yaw": 0.0, "pitch": 0.0}));
    until("the brows rise", &|c| number(c, "browDownLeft") < 0.1);
    assert!(world.get(&format!("{NAME}.Profiles"), "Gestures").contains("'raise-brows'"));
    assert!(world.vasa(&["face"]).contains("distance  1"));
}

#[test]
fn what_is_heard_is_set_up_signalled_and_read_back() {
    if !ready() || !installed(&["pactl"]) {
        return;
    }
    let world = World::start();
    let monitor = world.session.spawn("gdbus", &["monitor", "--session", "--dest", NAME]);
    monitor.wait_line(0, "is owned by", LONG);
    let (microphone, listening) = (format!("{NAME}.Microphone"), format!("{NAME}.Listening"));
    for (interface, property, value) in [
        (&microphone, "Monitor", "<false>"),
        (&microphone, "MonitorVolume", "<0.25>"),
        (&listening, "Subtitles", "<true>"),
        (&listening, "Language", "<'de-CH'>"),
        (&listening, "Words", "<['Zylox', 'Anna Müller']>"),
        (&listening, "RevoiceMode", "<'immediate'>"),
        (&format!("{NAME}.Speech"), "Composing", "<true>"),
    ] {
        world.set(interface, property, value).unwrap();
        monitor.wait_line(0, &format!("'{property}': {value}"), LONG);
        assert!(world.get(interface, property).contains(value.trim_matches(['<', '>'])), "{property}");
    }
    let words = |args: &[&str]| world.vasa(&[&["words"], args].concat());
    assert_eq!(words(&[]), "Zylox\nAnna Müller\n");
    words(&["add", "Zylox", "Piper"]);
    words(&["remove", "Anna Müller"]);
    assert_eq!(words(&[]), "Zylox\nPiper\n");
    let unknown = world.run(vasa(), &["words", "remove", "Anna"]);
    assert!(unknown.status.code() == Some(1) && text(&unknown.stderr).contains("\"Anna\""));
    world.vasa(&["captions", "on", "--subtitles", "off"]);
    world.vasa(&["revoice", "mode", "confirm"]);
    let status = world.status();
    assert_eq!((&status["captions"], &status["subtitles"]), (&true.into(), &false.into()));
    assert_eq!((&status["revoice_mode"], &status["language"]), (&"confirm".into(), &"de-CH".into()));
    assert_eq!(status["virtual_microphone"]["monitor"], false);
    // What is recognised needs a microphone, and our own is none; a mute closes it.
    monitor.wait_line(0, "itself, and there is no other; connect a microphone", LONG);
    world.session.command(root().join("tests/kit/microphone.sh")).arg("silence").status().unwrap();
    monitor.wait_line(0, "'MicrophoneInUse': <true>", LONG);
    world.set(NAME, "Muted", "<true>").unwrap();
    monitor.wait_line(0, "'MicrophoneInUse': <false>", LONG);
}

#[test]
fn composing_ends_when_something_is_said_and_the_program_that_types_takes_it_back() {
    if !ready() {
        return;
    }
    let world = World::start();
    let speech = format!("{NAME}.Speech");
    let monitor = world.session.spawn("gdbus", &["monitor", "--session", "--dest", NAME]);
    monitor.wait_line(0, "is owned by", LONG);
    world.set(&speech, "Composing", "<true>").unwrap();
    world.vasa(&["say", "--no-wait", "Yes."]);
    assert!(world.get(&speech, "Composing").contains("false"));
    // A line that stands unfinished in a pipe is being typed.
    let line = monitor.printed();
    let script = format!("(printf 'Good mor'; sleep 1; echo 'ning.') | {} say -", vasa());
    let mut say = world.session.spawn("bash", &["-c", &script]);
    let (_, line) = monitor.wait_line(line, "'Composing': <true>", LONG);
    let (_, line) = monitor.wait_line(line, "'Composing': <false>", LONG);
    let (_, line) = monitor.wait_line(line, "UtteranceFinished", LONG);
    assert_eq!(say.wait(LONG).code(), Some(0), "{}", say.log());
    // Whole lines are no typing; interrupted in the middle of one, it is taken back.
    let mut say =
        world.session.spawn("bash", &["-c", &format!("exec {} say - < <(printf 'Hello.\\nI am'; sleep 60)", vasa())]);
    let (_, line) = monitor.wait_line(line, "'Composing': <true>", LONG);
    say.signal("INT");
    monitor.wait_line(line, "'Composing': <false>", LONG);
    assert_eq!(say.wait(LONG).code(), Some(130), "{}", say.log());
}

#[test]
fn typing_at_a_terminal_is_seen() {
    if !ready() || !installed(&["script"]) {
        return;
    }
    let world = World::start();
    let monitor = world.session.spawn("gdbus", &["monitor", "--session", "--dest", NAME]);
    monitor.wait_line(0, "is owned by", LONG);
    // A pseudo-terminal: a line half typed and deleted, one that is spoken, Ctrl-C in the third.
    let keys = "(sleep 1; printf 'He'; sleep 1; printf '\\x7f\\x7f'; sleep 1; printf 'Yes.\\r'; sleep 3; printf 'No'; sleep 1; printf '\\x03'; sleep 1)";
    let script = format!("{keys} | TERM=xterm script -qec '{} say -' /dev/null", vasa());
    let mut say = world.session.spawn("bash", &["-c", &script]);
    let mut line = 0;
    for wanted in ["<true>", "<false>", "<true>", "<false>", "<true>", "<false>"] {
        line = monitor.wait_line(line, &format!("'Composing': {wanted}"), LONG).1 + 1;
    }
    assert_eq!(say.wait(LONG).code(), Some(130), "{}", say.log());
    monitor.wait_line(0, "UtteranceStarted", LONG);
}

#[test]
fn captions_follow_the_microphone_and_a_sentence_is_spoken_once_it_is_accepted() {
    if !ready() || !installed(&["pactl", "pw-play", "pw-link"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (
        sound(folder.path(), "Good morning everybody, I am glad that you could come."),
        sound(folder.path(), "The children are playing outside in the snow."),
    );
    let world = World::start();
    let listening = format!("{NAME}.Listening");
    let monitor = world.session.spawn("gdbus", &["monitor", "--session", "--dest", NAME]);
    monitor.wait_line(0, "is owned by", LONG);
    world.session.command(root().join("tests/kit/microphone.sh")).arg("silence").status().unwrap();
    world.set(&listening, "Language", "<'en'>").unwrap();
    world.vasa(&["captions", "on"]);
    let captions = world.session.spawn(vasa(), &["captions", "--json"]);
    monitor.wait_line(0, "'MicrophoneInUse': <true>", LONG);
    std::thread::sleep(Duration::from_secs(1));
    world.session.microphone(&first).wait(LONG);
    let (_, line) = monitor.wait_line(0, "Caption ('Good morning", LONG);
    let (_, line) = monitor.wait_line(line, ", true)", LONG);
    assert!(monitor.log().contains("you could come"), "{}", monitor.log());
    captions.wait_line(0, "\"final\":true", LONG);
    assert_eq!(world.status()["pending"], 0);

    world.vasa(&["captions", "off"]);
    monitor.wait_line(line, "'MicrophoneInUse': <false>", LONG);
    world.vasa(&["input", "revoice"]);
    assert_eq!(world.vasa(&["input"]).trim(), "revoice");
    let (_, line) = monitor.wait_line(line, "'MicrophoneInUse': <true>", LONG);
    std::thread::sleep(Duration::from_secs(1));
    world.session.microphone(&second).wait(LONG);
    let (_, line) = monitor.wait_line(line, "'Pending': <[(", LONG);
    let pending: serde_json::Value = serde_json::from_str(&world.vasa(&["revoice", "list", "--json"])).unwrap();
    assert!(pending[0]["text"].as_str().unwrap().contains("playing outside"), "{pending}");
    assert!(!monitor.log().contains("UtteranceStarted"), "nothing is spoken before it is accepted");
    // At a terminal: e, another text, Enter; then Ctrl-D.
    let at_terminal = |keys: &str| {
        let script = format!("({keys}; sleep 1) | TERM=xterm script -qec '{} revoice' /dev/null", vasa());
        let mut program = world.session.spawn("bash", &["-c", &script]);
        assert_eq!(program.wait(LONG).code(), Some(0), "{}", program.log());
        program.log()
    };
    let shown =
        at_terminal("sleep 2; printf e; sleep 1; printf '\\025The children are inside.\\r'; sleep 2; printf '\\004'");
    assert!(shown.contains("playing outside"), "{shown}");
    let (_, line) = monitor.wait_line(line, "'Pending': <@a(ts) []>", LONG);
    let (_, line) = monitor.wait_line(line, "UtteranceFinished", LONG);

    // Escape drops a sentence.
    world.session.microphone(&second).wait(LONG);
    let (_, line) = monitor.wait_line(line, "'Pending': <[(", LONG);
    at_terminal("sleep 2; printf '\\033'; sleep 1; printf '\\004'");
    let (_, line) = monitor.wait_line(line, "'Pending': <@a(ts) []>", LONG);

    world.session.microphone(&second).wait(LONG);
    let (_, line) = monitor.wait_line(line, "'Pending': <[(", LONG);
    world.vasa(&["revoice", "accept"]);
    let (_, line) = monitor.wait_line(line, "UtteranceFinished", LONG);
    let none = world.run(vasa(), &["revoice", "accept"]);
    assert!(none.status.code() == Some(1) && text(&none.stderr).contains("no sentence is waiting"));
    // And at once where nobody wants to read it.
    world.vasa(&["revoice", "mode", "immediate"]);
    world.session.microphone(&second).wait(LONG);
    let (_, line) = monitor.wait_line(line, "UtteranceStarted", LONG);
    monitor.wait_line(line, "UtteranceFinished", LONG);
    assert_eq!(world.status()["pending"], 0);
    assert!(!world.daemon.log().contains("children"), "what was heard is in the log: {}", world.daemon.log());
}

#[test]
fn an_utterance_starts_and_ends_and_can_be_stopped() {
    if !ready() {
        return;
    }
    let world = World::start();
    let monitor = world.session.spawn("gdbus", &["monitor", "--session", "--dest", NAME]);
    monitor.wait_line(0, "is owned by", LONG);
    world.vasa(&["say", "Good morning, everybody."]);
    let (started, line) = monitor.wait_line(0, "UtteranceStarted (uint64 ", LONG);
    let (ended, line) = monitor.wait_line(line, "UtteranceFinished (uint64 ", LONG);
    let spoken = ended.duration_since(started).as_secs_f64();
    assert!((0.8..4.0).contains(&spoken), "three words took {spoken} s");
    assert!(monitor.log().contains(", true)"), "{}", monitor.log());

    let long =
        "This sentence goes on and on, because it is to be stopped in its middle, and nobody wants to hear its end.";
    let mut say = world.session.spawn(vasa(), &["say", long]);
    monitor.wait_line(line + 1, "UtteranceStarted", LONG);
    world.vasa(&["stop"]);
    let stopped = Instant::now();
    monitor.wait_line(line + 1, ", false)", LONG);
    assert!(stopped.elapsed() < Duration::from_secs(2), "the end is signalled at once");
    assert_eq!(say.wait(LONG).code(), Some(1), "{}", say.log());
    assert_eq!(world.status()["speaking"], false);
}

#[test]
fn a_second_daemon_finds_the_name_taken_and_leaves_the_first_alone() {
    if !ready() {
        return;
    }
    let world = World::start();
    let mut second = world.session.spawn(vasa(), &["daemon"]);
    assert_eq!(second.wait(LONG).code(), Some(1));
    // One sentence, before anything is offered a second time.
    let told = second.log();
    assert!(told.starts_with("vasa: another vasa daemon already owns") && told.lines().count() == 1, "{told}");
    assert_ne!(world.status()["state"], "failed");
}

#[test]
fn it_ends_on_quit_and_on_sigterm_with_status_0() {
    if !ready() {
        return;
    }
    let mut world = World::start();
    assert_eq!(world.daemon.stop().code(), Some(0), "{}", world.daemon.log());
    let mut world = World::with(world.session);
    world.call(&format!("{NAME}.Quit"), &[]).unwrap();
    assert_eq!(world.daemon.wait(LONG).code(), Some(0), "{}", world.daemon.log());
}

#[test]
fn a_broken_profile_is_told_with_line_and_column_and_the_last_good_one_stays() {
    if !ready() {
        return;
    }
    let session = Session::start();
    let folder = std::path::Path::new(session.variable("XDG_CONFIG_HOME")).join("vasa-camera/profiles");
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("mine.toml");
    std::fs::write(&file, "label = \"Mine\"\n[expression]\nmouthSmileLeft = 0.5\n").unwrap();
    let world = World::with(session);
    world.vasa(&["profile", "set", "mine"]);
    std::fs::write(&file, "label = \"Mine\"\n[expression]\nmouthSmileLft = 0.5\n").unwrap();
    let told = world.call(&format!("{NAME}.Reload"), &[]).unwrap_err();
    assert!(told.contains("mine.toml") && told.contains("mouthSmileLft"), "{told}");
    assert!(world.status()["problems"].to_string().contains("mouthSmileLft"));
    world.vasa(&["profile", "set", "mine"]);
    std::fs::write(&file, "label = \"Mine\"\n").unwrap();
    world.call(&format!("{NAME}.Reload"), &[]).unwrap();
    assert!(!world.status()["problems"].to_string().contains("mine.toml"));
}

#[test]
fn nobody_watches_and_it_costs_next_to_nothing() {
    if !ready() {
        return;
    }
    let world = World::start();
    let ticks = || {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", world.daemon.pid())).unwrap();
        let fields: Vec<&str> = stat.rsplit(") ").next().unwrap().split(' ').collect();
        fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
    };
    // The first picture is drawn at start, whether anybody watches or not, and the voice is made ready.
    world.daemon.wait_line(0, "drawing \"anna\"", LONG);
    std::thread::sleep(Duration::from_secs(5));
    let before = ticks();
    std::thread::sleep(Duration::from_secs(10));
    let spent = ticks() - before;
    println!("idle for 10 s: {spent} ticks of 10 ms of CPU time");
    assert!(spent <= 10, "{spent} ticks of 10 ms in 10 s is more than 1 % of a core");
}
