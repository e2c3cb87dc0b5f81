//! Whose face a photo avatar shows: how `vasa avatar` records, shows and refuses it, and that nothing is drawn without it.

mod common;

use common::{LONG, Process, installed, photo_of_anna, root, vasa};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A data folder with one avatar made from a photo, "zoe", and the state folder of an installation.
struct World {
    dir: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        let world = Self { dir: tempfile::tempdir().unwrap() };
        photo_of_anna(&world.avatar());
        std::fs::write(world.dir.path().join("c.csv"), "time,jawOpen\n0,0\n").unwrap();
        world
    }

    fn avatar(&self) -> PathBuf {
        self.dir.path().join("models/avatars/zoe")
    }

    fn record(&self) -> PathBuf {
        self.avatar().join("consent.toml")
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(vasa());
        command.args(args).env("VASA_DATA_DIR", self.dir.path()).env("XDG_STATE_HOME", self.dir.path().join("state"));
        // No bus: nothing in here may reach a daemon of the desktop.
        command.env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent/bus").stdin(std::process::Stdio::null());
        command
    }

    fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().expect("vasa starts")
    }

    #[track_caller]
    fn done(&self, args: &[&str]) -> String {
        let out = self.run(args);
        assert!(out.status.success(), "{args:?}: {}", text(&out.stderr));
        text(&out.stdout)
    }

    /// One sentence on standard error that has every part, and the status.
    #[track_caller]
    fn refused(&self, args: &[&str], status: i32, parts: &[&str]) {
        let out = self.run(args);
        let told = text(&out.stderr);
        assert_eq!(out.status.code(), Some(status), "{args:?}: {told}");
        for part in parts {
            assert!(told.contains(part), "{args:?} does not name {part:?}: {told}");
        }
        assert!(status == 2 || told.trim().lines().count() == 1, "{args:?} is not one sentence: {told}");
    }

    fn show(&self) -> serde_json::Value {
        serde_json::from_str(&self.done(&["avatar", "show", "zoe", "--json"])).expect("JSON")
    }

    fn draw(&self) -> Vec<String> {
        let path = |name: &str| self.dir.path().join(name).display().to_string();
        let (curves, out) = (path("c.csv"), path("o.png"));
        ["render", "--avatar", "zoe", "--size", "320x240", "--curves", &curves, "--out", &out].map(Into::into).into()
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn a_photo_is_drawn_with_a_valid_record_only() {
    let world = World::new();
    let draw = world.draw();
    let draw: Vec<&str> = draw.iter().map(String::as_str).collect();
    let list = world.done(&["avatar", "list"]);
    assert!(
        list.lines().any(|l| l.trim_start().starts_with("zoe ") && l.contains("Zoë") && l.contains("photo")),
        "{list}"
    );
    world.refused(&draw, 1, &["zoe", "consent.toml", "vasa avatar consent"]);
    let shown = world.show();
    assert_eq!((&shown["kind"], &shown["consent"]["valid"]), (&"photo".into(), &false.into()), "{shown}");
    assert!(shown["consent"]["problem"].as_str().unwrap().contains("no record"), "{shown}");

    let on =
        ["--person", "Zoë \"Z\" Müller", "--on", "2026-01-31", "--statement", "Zoë wrote to me that I may.", "--yes"];
    let told = world.done(&[&["avatar", "consent", "zoe"], &on[..]].concat());
    assert!(told.contains("consent.toml"), "{told}");
    world.done(&draw);
    let consent = &world.show()["consent"];
    for (key, value) in [
        ("valid", true.into()),
        ("problem", serde_json::Value::Null),
        ("face", "person".into()),
        ("person", "Zoë \"Z\" Müller".into()),
        ("date", "2026-01-31".into()),
        ("statement", "Zoë wrote to me that I may.".into()),
        ("this_installation", true.into()),
    ] {
        assert_eq!(consent[key], value, "{key}: {consent}");
    }
    let shown = world.done(&["avatar", "show", "zoe"]);
    for part in ["label       Zoë", "consent     valid", "Müller, who agreed on 2026-01-31", "this installation"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    world.refused(&["avatar", "consent", "zoe", "--self", "--yes"], 1, &["already", "vasa avatar show zoe"]);

    // Another installation takes the record over as it is, and says whose it was.
    let state = |name: &str| world.dir.path().join(name);
    std::fs::rename(state("state"), state("other")).unwrap();
    world.done(&draw);
    assert_eq!(world.show()["consent"]["this_installation"], false);
    assert!(world.done(&["avatar", "show", "zoe"]).contains("another installation"));

    // Another portrait under the old record.
    let portrait = world.avatar().join("portrait.jpg");
    let before = std::fs::read(&portrait).unwrap();
    std::fs::copy(world.avatar().join("plate.jpg"), &portrait).unwrap();
    world.refused(&draw, 1, &["files are not those", "vasa avatar consent"]);
    assert!(world.done(&["avatar", "show", "zoe"]).contains("consent     not valid: "));
    std::fs::write(&portrait, before).unwrap();
    world.done(&draw);
    let record = std::fs::read_to_string(world.record()).unwrap();
    std::fs::write(world.record(), record.replace("Müller", "Miller")).unwrap();
    world.refused(&draw, 1, &["changed after it was signed"]);
    std::fs::write(world.record(), record.replace("format = 1", "format = 9")).unwrap();
    world.refused(&draw, 1, &["newer version", "update"]);
    // What does not hold may be recorded again.
    world.done(&["avatar", "consent", "zoe", "--artwork", "Zoë at the window", "--author", "K. Ito", "--yes"]);
    world.done(&draw);
    assert!(world.done(&["avatar", "show", "zoe"]).contains("an artwork, \"Zoë at the window\" by K. Ito"));
}

#[test]
fn what_cannot_be_recorded_is_refused_and_writes_nothing() {
    let world = World::new();
    let (long, longer) = ("é".repeat(101), "x".repeat(1001));
    let tomorrow = vasa_camera::calendar::Date::of(vasa_camera::calendar::now() + 3 * 86_400).to_string();
    for (flags, parts) in [
        (&[][..], &["no terminal", "--self", "--person NAME --on DATE", "--artwork TITLE", "--yes"][..]),
        (&["--self"], &["no terminal", "--yes"]),
        (&["--yes"], &["--self"]),
        (&["--self", "--artwork", "x", "--yes"], &["--artwork"]),
        (&["--self", "--on", "2026-01-01", "--yes"], &["--on"]),
        (&["--person", "Zoë", "--yes"], &["--on"]),
        (&["--person", "Zoë", "--on", "2026-01-01", "--author", "x", "--yes"], &["--author"]),
        (&["--artwork", "x", "--on", "2026-01-01", "--yes"], &["--on"]),
        (&["--person", "", "--on", "2026-01-01", "--yes"], &["name is empty"]),
        (&["--person", &long, "--on", "2026-01-01", "--yes"], &["101", "100"]),
        (&["--person", "a\u{1b}[2Jb", "--on", "2026-01-01", "--yes"], &["U+001B"]),
        (&["--person", "Zoë", "--on", "yesterday", "--yes"], &["\"yesterday\"", "2026-11-25"]),
        (&["--person", "Zoë", "--on", "2025-02-29", "--yes"], &["\"2025-02-29\""]),
        (&["--person", "Zoë", "--on", &tomorrow, "--yes"], &[&tomorrow, "future"]),
        (&["--artwork", " ", "--yes"], &["title is empty"]),
        (&["--self", "--statement", "", "--yes"], &["statement is empty"]),
        (&["--self", "--statement", &longer, "--yes"], &["1001", "1000"]),
        (&["--self", "--statement", "a\nb", "--yes"], &["U+000A"]),
    ] {
        world.refused(&[&["avatar", "consent", "zoe"], flags].concat(), 2, parts);
        assert!(!world.record().exists(), "{flags:?}");
    }
    let consent = |name: &str, more: &[&str], parts: &[&str]| {
        world.refused(&[&["avatar", "consent", name, "--self", "--yes"], more].concat(), 1, parts);
    };
    consent("anna", &[], &["\"anna\"", "needs no consent"]);
    for name in ["nobody", "..", "../zoe", "a/b", "/etc", "", "ZOE"] {
        consent(name, &[], &["there is no avatar", "zoe"]);
        world.refused(&["avatar", "show", name], 1, &["there is no avatar", "zoe"]);
    }
    consent("zoe", &["--picture", "/nonexistent.jpg"], &["/nonexistent.jpg", "--picture"]);
    consent("zoe", &["--picture", "/dev/zero"], &["/dev/zero", "plain file"]);
    consent("zoe", &["--picture", "/"], &["plain file"]);
    // The folder refuses.
    std::fs::create_dir(world.avatar().join(".consent.toml.part")).unwrap();
    consent("zoe", &[], &["consent.toml", "writable"]);
    std::fs::remove_dir(world.avatar().join(".consent.toml.part")).unwrap();
    std::fs::write(world.avatar().join("avatar.toml"), "label = 3").unwrap();
    consent("zoe", &[], &["avatar.toml"]);
    assert!(!world.record().exists());
}

#[test]
fn the_picture_that_was_named_is_the_one_that_is_recorded() {
    let world = World::new();
    let picture = world.dir.path().join("me.jpg");
    std::fs::write(&picture, "abc").unwrap();
    world.done(&["avatar", "consent", "zoe", "--self", "--yes", "--picture", &picture.display().to_string()]);
    // SHA-256 of "abc", FIPS 180-2.
    let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(world.show()["consent"]["picture_sha256"], abc);
    assert_eq!(world.show()["consent"]["statement"], "This is my own face.");
}

/// Runs `vasa avatar consent zoe` at a pseudo-terminal; each line is typed when the question before it has come.
fn at_terminal(world: &World, lines: &[&str], flags: &str) -> (Option<i32>, String) {
    let keys: String = lines.iter().map(|l| format!("sleep 0.6; printf '{l}';")).collect();
    let program = format!("{} avatar consent zoe {flags}", vasa());
    let script = format!("({keys} sleep 1) | TERM=xterm script -qec '{program}' /dev/null");
    let mut command = Command::new("bash");
    command.args(["-c", &script]).env("VASA_DATA_DIR", world.dir.path());
    command.env("XDG_STATE_HOME", world.dir.path().join("state"));
    let mut process = Process::start(command);
    let status = process.wait(LONG).code();
    (status, process.log())
}

#[test]
fn at_a_terminal_everything_is_asked_and_typed() {
    if !installed(&["script"]) {
        return;
    }
    let world = World::new();
    // Ctrl-D, and a no at the end: nothing is recorded.
    for answers in [&["\\004"][..], &["1\\r", "It is me.\\r", "no\\r"]] {
        let (status, told) = at_terminal(&world, answers, "");
        assert!(status == Some(1) && told.contains("nothing was recorded"), "{status:?} {told}");
        assert!(!world.record().exists());
    }
    let answers =
        ["4\\r", "2\\r", "\\r", "Zoë Müller\\r", "2999-01-01\\r", "2026-01-31\\r", "\\r", "She agreed.\\r", "yes\\r"];
    let (status, told) = at_terminal(&world, &answers, "");
    assert_eq!(status, Some(0), "{told}");
    for part in [
        "Nobody shall be shown",
        "Whose face is it?",
        "Type 1, 2 or 3.",
        "name is empty",
        "future",
        "statement is empty",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    let consent = &world.show()["consent"];
    assert_eq!((&consent["person"], &consent["date"]), (&"Zoë Müller".into(), &"2026-01-31".into()), "{consent}");
    assert_eq!((&consent["statement"], &consent["valid"]), (&"She agreed.".into(), &true.into()), "{consent}");
    std::fs::remove_file(world.record()).unwrap();
    let (status, told) = at_terminal(&world, &["Mine.\\r"], "--self --yes");
    // With --yes nothing is asked.
    assert!(status == Some(0) && !told.contains("Whose face"), "{status:?} {told}");
    assert_eq!(world.show()["consent"]["face"], "self");
}

/// The recipe of docs/consent.md, with a program that is not ours.
#[test]
fn openssl_agrees_with_the_signature() {
    if !installed(&["openssl", "xxd"]) {
        return;
    }
    let world = World::new();
    world.done(&["avatar", "consent", "zoe", "--self", "--yes"]);
    let docs = std::fs::read_to_string(root().join("docs/consent.md")).unwrap();
    let recipe = docs.split("```sh\n").nth(1).and_then(|r| r.split("```").next()).expect("a recipe");
    let verify =
        |folder: &Path| Command::new("bash").args(["-ec", recipe]).current_dir(folder).output().expect("bash starts");
    let out = verify(&world.avatar());
    assert!(out.status.success(), "{}{}", text(&out.stdout), text(&out.stderr));
    let record = std::fs::read_to_string(world.record()).unwrap();
    std::fs::write(world.record(), record.replace("own face", "old face")).unwrap();
    assert!(!verify(&world.avatar()).status.success());
}
