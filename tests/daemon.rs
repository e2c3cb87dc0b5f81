//! The running daemon, from outside: its D-Bus interface, what it does with bad input, what it costs.

mod common;

use common::{LONG, Process, Session, installed, root, vasa};
use std::collections::BTreeMap;
use std::process::Output;
use std::time::{Duration, Instant};

const NAME: &str = "org.vasacamera.VasaCamera1";
const PATH: &str = "/org/vasacamera/VasaCamera1";

/// A session with a daemon in it.
struct World {
    session: Session,
    daemon: Process,
}

impl World {
    fn start() -> Self {
        Self::with(Session::start())
    }

    fn with(session: Session) -> Self {
        let daemon = session.spawn(vasa(), &["daemon"]);
        daemon.wait_line(0, "ready", LONG);
        Self { session, daemon }
    }

    fn run(&self, program: &str, args: &[&str]) -> Output {
        self.session.command(program).args(args).output().unwrap_or_else(|e| panic!("{program} does not start: {e}"))
    }

    /// Runs `vasa` and wants it to succeed.
    fn vasa(&self, args: &[&str]) -> String {
        let out = self.run(vasa(), args);
        assert!(out.status.success(), "vasa {args:?}: {}\n{}", text(&out.stderr), self.daemon.log());
        text(&out.stdout)
    }

    fn status(&self) -> serde_json::Value {
        serde_json::from_str(&self.vasa(&["status", "--json"])).expect("status is JSON")
    }

    /// Calls a method with gdbus; the answer, or the error's text with its name.
    fn call(&self, method: &str, args: &[&str]) -> Result<String, String> {
        let mut all = vec!["call", "--session", "--dest", NAME, "--object-path", PATH, "--method", method];
        all.extend(args);
        let out = self.run("gdbus", &all);
        if out.status.success() { Ok(text(&out.stdout)) } else { Err(text(&out.stderr)) }
    }

    fn get(&self, interface: &str, property: &str) -> String {
        self.call("org.freedesktop.DBus.Properties.Get", &[interface, property]).expect("the property is there")
    }

    fn set(&self, interface: &str, property: &str, value: &str) -> Result<String, String> {
        self.call("org.freedesktop.DBus.Properties.Set", &[interface, property, value])
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn ready() -> bool {
    installed(&Session::NEEDS) && installed(&["gdbus", "busctl"])
}

/// Members of each interface: "method Say(sa{sv}) -> t", "property Rate d readwrite", "signal X(tb)", with annotations.
fn members(xml: &str) -> BTreeMap<String, Vec<String>> {
    let attribute = |tag: &str, name: &str| {
        let key = format!("{name}=\"");
        tag.split(&key).nth(1).and_then(|r| r.split('"').next()).unwrap_or_default().to_string()
    };
    let (mut out, mut interface, mut member): (BTreeMap<String, Vec<String>>, String, Option<String>) =
        Default::default();
    let without_comments: String = xml
        .split("<!--")
        .enumerate()
        .map(|(i, p)| if i == 0 { p } else { p.split_once("-->").map_or("", |x| x.1) })
        .collect();
    let mut push = |interface: &str, m: String| out.entry(interface.to_string()).or_default().push(m);
    for tag in without_comments.split('<').skip(1) {
        let open = tag.split('>').next().unwrap_or_default();
        let closed = open.ends_with('/');
        match open.split([' ', '/', '\n']).next().unwrap_or_default() {
            "interface" => interface = attribute(open, "name"),
            kind @ ("method" | "signal" | "property") => {
                let mut m = format!(
                    "{kind} {} {} {}",
                    attribute(open, "name"),
                    attribute(open, "type"),
                    attribute(open, "access")
                );
                m = m.trim().to_string();
                if closed { push(&interface, m) } else { member = Some(m) }
            }
            "arg" => {
                if let Some(m) = &mut member {
                    m.push_str(&format!(
                        " {}:{}:{}",
                        attribute(open, "name"),
                        attribute(open, "type"),
                        attribute(open, "direction")
                    ));
                }
            }
            "annotation" => {
                if let Some(m) = &mut member {
                    m.push_str(&format!(" {}={}", attribute(open, "name"), attribute(open, "value")));
                }
            }
            // The rest of a closing tag, such as "/method".
            "" => {
                if let Some(m) = member.take_if(|_| ["/method", "/signal", "/property"].contains(&open)) {
                    push(&interface, m);
                }
            }
            _ => {}
        }
    }
    out.values_mut().for_each(|v| v.sort());
    out
}

#[test]
fn every_member_stands_in_the_contract_exactly_as_it_is_offered() {
    if !ready() {
        return;
    }
    let world = World::start();
    let offered = members(&text(
        &world.run("gdbus", &["introspect", "--session", "--dest", NAME, "--object-path", PATH, "--xml"]).stdout,
    ));
    let contract = members(&std::fs::read_to_string(root().join("docs/dbus.xml")).unwrap());
    // What other issues bring is not offered yet; whatever is offered must be the contract's to the letter.
    let later = ["Gesture", "Gestures", "Caption"];
    for interface in [NAME.to_string(), format!("{NAME}.Profiles"), format!("{NAME}.Speech")] {
        let wanted: Vec<_> = contract[&interface]
            .iter()
            .filter(|m| !later.contains(&m.split(' ').nth(1).unwrap_or_default()))
            .cloned()
            .collect();
        // zbus spells no direction on the arguments of a signal, and no contract does.
        assert_eq!(offered[&interface], wanted, "{interface}");
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
    ] {
        let told = answer.expect_err("must be refused");
        assert!(told.contains(&format!("{NAME}.Error.{error}")), "{told}");
        for part in parts {
            assert!(told.contains(part), "{part:?} is missing: {told}");
        }
    }
    let readonly = world.set(NAME, "State", "<'idle'>").unwrap_err();
    assert!(readonly.contains("PropertyReadOnly"), "{readonly}");
    let after = world.status();
    for key in ["input", "muted", "camera_on", "profile", "intensity", "voice", "speaking"] {
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
    assert!(second.log().contains("another vasa daemon already owns"), "{}", second.log());
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
    // The first picture is drawn at start, whether anybody watches or not.
    std::thread::sleep(Duration::from_secs(3));
    let before = ticks();
    std::thread::sleep(Duration::from_secs(10));
    let spent = ticks() - before;
    println!("idle for 10 s: {spent} ticks of 10 ms of CPU time");
    assert!(spent <= 10, "{spent} ticks of 10 ms in 10 s is more than 1 % of a core");
}
