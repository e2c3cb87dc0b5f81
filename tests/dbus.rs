//! The D-Bus interface as three different clients use it, each member of it; and as no client should.

mod common;

use common::world::{NAME, PATH, World, members, memory, ready, sound, text};
use common::{LONG, alone, installed, root};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::{BufRead, BufReader, Write};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use zbus::export::futures_core::Stream;
use zbus::zvariant::{OwnedValue, Value};
use zbus::{Connection, MatchRule, Message, MessageStream};

const PROPERTIES: &str = "org.freedesktop.DBus.Properties";

/// One property and a value that is not its default, as gdbus, busctl and zbus spell it.
type Spelt = (&'static str, &'static [&'static str], Value<'static>);

/// What each property that can be written is set to. A new one must get its line here.
fn writable(member: &str) -> Spelt {
    match member {
        ".Input" => ("<'revoice'>", &["s", "revoice"], "revoice".into()),
        ".Muted" => ("<true>", &["b", "true"], true.into()),
        ".CameraOn" => ("<false>", &["b", "false"], false.into()),
        ".Profiles.Active" => ("<'sad'>", &["s", "sad"], "sad".into()),
        ".Profiles.Intensity" => ("<0.5>", &["d", "0.5"], 0.5.into()),
        ".Face.Emotion" => {
            ("<{'happy': 0.25}>", &["a{sd}", "1", "happy", "0.25"], HashMap::from([("happy", 0.25)]).into())
        }
        ".Face.Gaze" => ("<(false, 10.0, -5.0)>", &["(bdd)", "false", "10", "-5"], (false, 10.0, -5.0).into()),
        ".Face.HeadPose" => ("<(1.0, 2.0, 3.0)>", &["(ddd)", "1", "2", "3"], (1.0, 2.0, 3.0).into()),
        ".Face.Distance" => ("<1.5>", &["d", "1.5"], 1.5.into()),
        ".Speech.Voice" => ("<'espeak'>", &["s", "espeak"], "espeak".into()),
        ".Speech.Rate" => ("<1.25>", &["d", "1.25"], 1.25.into()),
        ".Speech.Composing" => ("<true>", &["b", "true"], true.into()),
        ".Microphone.Monitor" => ("<false>", &["b", "false"], false.into()),
        ".Microphone.MonitorVolume" => ("<0.25>", &["d", "0.25"], 0.25.into()),
        ".Listening.Captions" => ("<true>", &["b", "true"], true.into()),
        ".Listening.Subtitles" => ("<true>", &["b", "true"], true.into()),
        ".Listening.Language" => ("<'de-CH'>", &["s", "de-CH"], "de-CH".into()),
        ".Listening.Words" => ("<['Zylox']>", &["as", "1", "Zylox"], vec!["Zylox"].into()),
        ".Listening.RevoiceMode" => ("<'immediate'>", &["s", "immediate"], "immediate".into()),
        ".Avatars.Active" => ("<'kofi'>", &["s", "kofi"], "kofi".into()),
        ".Avatars.Background" => ("<'#204060'>", &["s", "#204060"], "#204060".into()),
        ".Mirror.On" | ".Mirror.Preview" => ("<true>", &["b", "true"], true.into()),
        ".Mirror.Camera" => ("<'/dev/video99'>", &["s", "/dev/video99"], "/dev/video99".into()),
        ".Mirror.Person" => ("<'anna'>", &["s", "anna"], "anna".into()),
        ".Mirror.WeakSide" => ("<'left'>", &["s", "left"], "left".into()),
        ".Mirror.Parts" => {
            let all =
                [("brows", "both"), ("gaze", "voice"), ("head", "voice"), ("lids", "camera"), ("mouth", "camera")];
            let gdbus = "<{'brows': 'both', 'gaze': 'voice', 'head': 'voice', 'lids': 'camera', 'mouth': 'camera'}>";
            let busctl =
                &["a{ss}", "5", "brows", "both", "gaze", "voice", "head", "voice", "lids", "camera", "mouth", "camera"];
            (gdbus, busctl, HashMap::from(all).into())
        }
        ".Mirror.Gains" => {
            let sides =
                ["brows-left", "brows-right", "gaze", "head", "lids-left", "lids-right", "mouth-left", "mouth-right"];
            let gdbus = "<{'brows-left': 1.5, 'brows-right': 1.5, 'gaze': 1.5, 'head': 1.5, \
                         'lids-left': 1.5, 'lids-right': 1.5, 'mouth-left': 1.5, 'mouth-right': 1.5}>";
            #[rustfmt::skip]
            let busctl = &[
                "a{sd}", "8", "brows-left", "1.5", "brows-right", "1.5", "gaze", "1.5", "head", "1.5", "lids-left", "1.5",
                "lids-right", "1.5", "mouth-left", "1.5", "mouth-right", "1.5",
            ];
            (gdbus, busctl, HashMap::from(sides.map(|side| (side, 1.5))).into())
        }
        ".Mirror.Steady" => {
            let all = ["brows", "gaze", "head", "lids", "mouth"].map(|part| (part, 0.5));
            let gdbus = "<{'brows': 0.5, 'gaze': 0.5, 'head': 0.5, 'lids': 0.5, 'mouth': 0.5}>";
            let busctl = &["a{sd}", "5", "brows", "0.5", "gaze", "0.5", "head", "0.5", "lids", "0.5", "mouth", "0.5"];
            (gdbus, busctl, HashMap::from(all).into())
        }
        other => panic!("the property {other} is driven by no test: give it a value here"),
    }
}

/// The arguments of each method for gdbus and busctl, and the error that it is to answer with. A new one must get its line.
fn arguments(method: &str) -> (&'static [&'static str], &'static [&'static str], Option<&'static str>) {
    match method {
        ".Reload" | ".Quit" | ".Speech.Stop" => (&[], &[], None),
        ".Profiles.Activate" => (&["neutral", "1.0", "0"], &["sdu", "neutral", "1", "0"], None),
        ".Profiles.Gesture" => (&["nod"], &["s", "nod"], None),
        ".Speech.Say" => (&["Yes.", "{'rate': <2.0>}"], &["sa{sv}", "Yes.", "1", "rate", "d", "2"], None),
        ".Mirror.ListCameras" | ".Mirror.Forget" => (&[], &[], None),
        // There is no camera in this session.
        ".Mirror.Calibrate" => (&["neutral"], &["s", "neutral"], Some("there is no camera")),
        ".Listening.Accept" => (&["7", ""], &["ts", "7", ""], Some("NotFound")),
        ".Listening.Reject" => (&["7"], &["t", "7"], Some("NotFound")),
        other => panic!("the method {other} is driven by no test: give it arguments here"),
    }
}

async fn call_method(client: &Connection, method: &str) -> zbus::Result<Message> {
    let (interface, member) = method.rsplit_once('.').unwrap();
    let interface = format!("{NAME}{interface}");
    macro_rules! call {
        ($body:expr) => {
            client.call_method(Some(NAME), PATH, Some(interface.as_str()), member, $body).await
        };
    }
    match method {
        ".Profiles.Activate" => call!(&("neutral", 1.0, 0u32)),
        ".Profiles.Gesture" => call!(&("nod",)),
        ".Speech.Say" => call!(&("Yes.", HashMap::from([("rate", Value::from(2.0))]))),
        ".Mirror.Calibrate" => call!(&("neutral",)),
        ".Listening.Accept" => call!(&(7u64, "")),
        ".Listening.Reject" => call!(&(7u64,)),
        _ => call!(&()),
    }
}

async fn get(client: &Connection, interface: &str, property: &str) -> zbus::Result<OwnedValue> {
    let answer = client.call_method(Some(NAME), PATH, Some(PROPERTIES), "Get", &(interface, property)).await?;
    answer.body().deserialize()
}

async fn set(client: &Connection, interface: &str, property: &str, value: &Value<'_>) -> zbus::Result<()> {
    client.call_method(Some(NAME), PATH, Some(PROPERTIES), "Set", &(interface, property, value)).await.map(drop)
}

async fn connect(world: &World) -> Connection {
    let address = world.session.variable("DBUS_SESSION_BUS_ADDRESS");
    zbus::connection::Builder::address(address).unwrap().build().await.unwrap()
}

/// Collects what the daemon signals: interface, member, and its content.
async fn signals(client: &Connection) -> Arc<Mutex<Vec<(String, String, Message)>>> {
    let rule = MatchRule::builder().msg_type(zbus::message::Type::Signal).path(PATH).unwrap().build();
    let mut stream = MessageStream::for_match_rule(rule, client, Some(1024)).await.unwrap();
    let seen: Arc<Mutex<Vec<_>>> = Arc::default();
    let theirs = seen.clone();
    tokio::spawn(async move {
        while let Some(Ok(m)) = std::future::poll_fn(|cx| Pin::new(&mut stream).poll_next(cx)).await {
            let (interface, member) =
                (m.header().interface().unwrap().to_string(), m.header().member().unwrap().to_string());
            theirs.lock().unwrap().push((interface, member, m));
        }
    });
    seen
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// Interface suffix and member of all of one kind: ("property", ".Face", "Gaze", type or arguments).
fn all(kind: &str) -> Vec<(String, String, String)> {
    let own = members(&std::fs::read_to_string(root().join("docs/dbus.xml")).unwrap());
    let of = |(interface, members): (&String, &Vec<String>)| {
        let suffix = interface.strip_prefix(NAME).unwrap().to_string();
        let one = |m: &String| {
            let mut parts = m.splitn(3, ' ');
            (parts.next() == Some(kind)).then(|| {
                (suffix.clone(), parts.next().unwrap().to_string(), parts.next().unwrap_or_default().to_string())
            })
        };
        members.iter().filter_map(one).collect::<Vec<_>>()
    };
    own.iter().flat_map(of).collect()
}

#[test]
fn busctl_gdbus_and_a_zbus_client_drive_every_property() {
    if !ready() {
        return;
    }
    let _alone = alone();
    let world = World::start();
    world.daemon.wait_line(0, "drawing \"anna\"", LONG);
    let busctl = |args: &[&str]| {
        let address = format!("--address={}", world.session.variable("DBUS_SESSION_BUS_ADDRESS"));
        let out = world.run("busctl", &[&[address.as_str()], args].concat());
        if out.status.success() { Ok(text(&out.stdout)) } else { Err(text(&out.stderr)) }
    };
    let runtime = runtime();
    let client = runtime.block_on(connect(&world));
    let seen = runtime.block_on(signals(&client));
    let wait_signal = |interface: &str, property: &str, value: &Value<'_>| {
        let end = Instant::now() + LONG;
        loop {
            let is = |(_, member, m): &(String, String, Message)| {
                member == "PropertiesChanged"
                    && m.body().deserialize::<(String, HashMap<String, OwnedValue>, Vec<String>)>().is_ok_and(
                        |(i, changed, _)| i == interface && changed.get(property).is_some_and(|v| **v == *value),
                    )
            };
            if seen.lock().unwrap().iter().any(is) {
                return seen.lock().unwrap().clear();
            }
            assert!(Instant::now() < end, "{interface}.{property} is not signalled: {value:?}");
            std::thread::sleep(Duration::from_millis(5));
        }
    };
    let mut by_interface: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (suffix, property, rest) in all("property") {
        let interface = format!("{NAME}{suffix}");
        by_interface.entry(interface.clone()).or_default().insert(property.clone());
        let (kind, access) = rest.split_once(' ').unwrap();
        let mine = || runtime.block_on(get(&client, &interface, &property)).unwrap();
        let original = mine();
        assert_eq!(original.value_signature().to_string(), kind, "{interface}.{property}");
        let theirs = busctl(&["get-property", NAME, PATH, &interface, &property]).unwrap();
        assert!(theirs.starts_with(&format!("{kind} ")), "{interface}.{property}: {theirs}");
        world.get(&interface, &property);
        if access.starts_with("read ") || access == "read" {
            let told = runtime.block_on(set(&client, &interface, &property, &original)).unwrap_err().to_string();
            assert!(told.contains("PropertyReadOnly"), "{interface}.{property}: {told}");
            continue;
        }
        let (gdbus, busctl_args, value) = writable(&format!("{suffix}.{property}"));
        assert_ne!(*original, value, "{interface}.{property} has this value already");
        let writers: [&dyn Fn(); 3] = [
            &|| drop(world.set(&interface, &property, gdbus).unwrap()),
            &|| {
                drop(
                    busctl(&[&["set-property", "--", NAME, PATH, &interface, &property], busctl_args].concat())
                        .unwrap(),
                )
            },
            &|| runtime.block_on(set(&client, &interface, &property, &value)).unwrap(),
        ];
        for write in writers {
            write();
            wait_signal(&interface, &property, &value);
            assert_eq!(*mine(), value, "{interface}.{property}");
            let read = world.get(&interface, &property);
            assert!(read.contains(gdbus.trim_matches(['<', '>'])), "{interface}.{property}: {read}");
            let read = busctl(&["get-property", NAME, PATH, &interface, &property]).unwrap();
            let mut left = read.as_str();
            for part in busctl_args {
                left = left.split_once(part).unwrap_or_else(|| panic!("{interface}.{property}: {read}")).1;
            }
            runtime.block_on(set(&client, &interface, &property, &original)).unwrap();
            wait_signal(&interface, &property, &original);
        }
    }
    for (interface, properties) in by_interface {
        let answer = runtime
            .block_on(client.call_method(Some(NAME), PATH, Some(PROPERTIES), "GetAll", &(interface.as_str(),)))
            .unwrap();
        let all: HashMap<String, OwnedValue> = answer.body().deserialize().unwrap();
        assert_eq!(all.into_keys().collect::<BTreeSet<_>>(), properties, "{interface}");
    }
}

#[test]
fn busctl_gdbus_and_a_zbus_client_drive_every_method_and_see_every_signal() {
    if !ready() || !installed(&["pactl", "pw-play", "pw-link"]) {
        return;
    }
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let voice = sound(folder.path(), "Good morning everybody, I am glad that you could come.");
    let mut world = World::start();
    let address = format!("--address={}", world.session.variable("DBUS_SESSION_BUS_ADDRESS"));
    let runtime = runtime();
    let client = runtime.block_on(connect(&world));
    let seen = runtime.block_on(signals(&client));
    let gdbus = world.session.spawn("gdbus", &["monitor", "--session", "--dest", NAME]);
    gdbus.wait_line(0, "is owned by", LONG);
    let busctl = world.session.spawn("stdbuf", &["-oL", "busctl", &address, "monitor", NAME]);

    let methods = all("method");
    let quit = |m: &&(String, String, String)| m.1 == "Quit";
    assert!(methods.iter().any(|m| quit(&m)));
    let expect = |method: &str, told: Result<String, String>| match (arguments(method).2, told) {
        (None, told) => drop(told.unwrap_or_else(|e| panic!("{method}: {e}"))),
        (Some(error), Err(told)) => assert!(told.contains(error) || told.contains("waiting"), "{method}: {told}"),
        (Some(error), Ok(told)) => panic!("{method} answered {told} in place of {error}"),
    };
    let drive = |world: &World, suffix: &str, name: &str, by: usize| {
        let method = format!("{suffix}.{name}");
        let (for_gdbus, for_busctl, _) = arguments(&method);
        let interface = format!("{NAME}{suffix}");
        let told = match by {
            0 => world.call(&format!("{NAME}{method}"), for_gdbus),
            1 => {
                let out =
                    world.run("busctl", &[&[&address, "call", NAME, PATH, &interface, name], for_busctl].concat());
                if out.status.success() { Ok(text(&out.stdout)) } else { Err(text(&out.stderr)) }
            }
            _ => runtime.block_on(call_method(&client, &method)).map(|_| String::new()).map_err(|e| e.to_string()),
        };
        expect(&method, told);
    };
    for (suffix, name, _) in methods.iter().filter(|m| !quit(m)) {
        (0..3).for_each(|by| drive(&world, suffix, name, by));
    }

    // What is signalled comes of what was said above, and of what is heard.
    world.session.command(root().join("tests/kit/microphone.sh")).arg("silence").status().unwrap();
    world.set(&format!("{NAME}.Listening"), "Language", "<'en'>").unwrap();
    world.set(&format!("{NAME}.Listening"), "Captions", "<true>").unwrap();
    gdbus.wait_line(0, "'MicrophoneInUse': <true>", LONG);
    std::thread::sleep(Duration::from_secs(1));
    world.session.microphone(&voice).wait(LONG);
    gdbus.wait_line(0, "Caption ('Good morning", LONG);
    world.call(&format!("{NAME}.Speech.Say"), &["Yes.", "{}"]).unwrap();
    for (suffix, signal, _) in all("signal") {
        gdbus.wait_line(0, &format!("{NAME}{suffix}.{signal} ("), LONG);
        busctl.wait_line(0, &format!("Interface={NAME}{suffix}  Member={signal}"), LONG);
        let end = Instant::now() + LONG;
        while !seen.lock().unwrap().iter().any(|(i, m, _)| *i == format!("{NAME}{suffix}") && *m == signal) {
            assert!(Instant::now() < end, "zbus saw no {signal}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
    for by in 0..3 {
        drive(&world, "", "Quit", by);
        assert_eq!(world.daemon.wait(LONG).code(), Some(0));
        if by < 2 {
            world = World::with(world.session);
        }
    }
}

/// A client that logs in, calls as fast as it is let, and never reads a reply. Returns how many calls it got rid of.
fn never_reads(address: &str, stop: &AtomicBool) -> u64 {
    let path = address.strip_prefix("unix:path=").unwrap();
    let mut socket = std::os::unix::net::UnixStream::connect(path).unwrap();
    // SAFETY: asks for a number.
    let uid = unsafe { libc::getuid() }.to_string();
    let uid: String = uid.bytes().map(|b| format!("{b:02x}")).collect();
    socket.write_all(format!("\0AUTH EXTERNAL {uid}\r\n").as_bytes()).unwrap();
    let mut line = String::new();
    BufReader::new(socket.try_clone().unwrap()).read_line(&mut line).unwrap();
    assert!(line.starts_with("OK"), "{line}");
    socket.write_all(b"BEGIN\r\n").unwrap();
    let bus = "org.freedesktop.DBus";
    let hello = Message::method_call("/org/freedesktop/DBus", "Hello").unwrap().destination(bus).unwrap();
    socket.write_all(hello.interface(bus).unwrap().build(&()).unwrap().data()).unwrap();
    let call = Message::method_call(PATH, "GetAll").unwrap().destination(NAME).unwrap();
    let call = call.interface(PROPERTIES).unwrap().build(&(NAME,)).unwrap();
    socket.set_write_timeout(Some(Duration::from_millis(200))).unwrap();
    let mut sent = 0;
    while !stop.load(Relaxed) {
        // The bus stops reading us at some point, or throws us out: both are its right.
        match socket.write_all(call.data()) {
            Ok(()) => sent += 1,
            Err(e) if e.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(_) => break,
        }
    }
    sent
}

#[test]
fn hostile_clients_cost_others_nothing() {
    if !ready() || !installed(&["gst-launch-1.0"]) {
        return;
    }
    let _alone = alone();
    let mut world = World::offered();
    let mut reader = world.session.reader("vasa_camera", "I420", 1280, 720);
    reader.skip(60);
    let pid = world.daemon.pid();
    let before = memory(pid);
    let address = world.session.variable("DBUS_SESSION_BUS_ADDRESS").to_string();
    let runtime = runtime();
    let stop = Arc::new(AtomicBool::new(false));
    let calls = Arc::new(AtomicU64::new(0));

    // A thousand calls a second, in turn good ones, wrong ones, and a megabyte of text where a word belongs.
    let flood = |client: Connection, pause: Duration| {
        let (stop, calls) = (stop.clone(), calls.clone());
        runtime.spawn(async move {
            let megabyte = "a".repeat(1 << 20);
            for n in 0u64.. {
                if stop.load(Relaxed) {
                    return;
                }
                let speech = format!("{NAME}.Speech");
                let answer = match n % 6 {
                    0 => set(&client, NAME, "Muted", &Value::from(n % 12 == 0)).await,
                    1 => set(&client, NAME, "Muted", &Value::from("yes")).await,
                    2 => get(&client, NAME, "Problems").await.map(drop),
                    3 => set(&client, "no.such.Interface", "X", &Value::from(1)).await,
                    4 if n % 60 == 4 => set(&client, NAME, "Input", &Value::from(megabyte.as_str())).await,
                    4 => set(&client, &format!("{NAME}.Face"), "Gaze", &Value::from((1.0,))).await,
                    _ if n % 60 == 5 => {
                        let options = HashMap::from([(megabyte.as_str(), Value::from(megabyte.as_str()))]);
                        let body = (&megabyte, options);
                        client.call_method(Some(NAME), PATH, Some(speech.as_str()), "Say", &body).await.map(drop)
                    }
                    _ => client.call_method(Some(NAME), PATH, Some(NAME), "NoSuchMethod", &()).await.map(drop),
                };
                assert!(!matches!(answer, Err(zbus::Error::InputOutput(_))), "{answer:?}");
                calls.fetch_add(1, Relaxed);
                tokio::time::sleep(pause).await;
            }
        })
    };
    let clients: Vec<_> = (0..4).map(|_| runtime.block_on(connect(&world))).collect();
    let tasks: Vec<_> = clients.into_iter().map(|c| flood(c, Duration::from_millis(2))).collect();
    let deaf = {
        let (stop, address) = (stop.clone(), address.clone());
        std::thread::spawn(move || never_reads(&address, &stop))
    };
    // Who listens for everything, thousands of times over.
    let listener = runtime.block_on(connect(&world));
    runtime.block_on(async {
        let bus = zbus::fdo::DBusProxy::new(&listener).await.unwrap();
        for n in 0..3000 {
            let rule = MatchRule::builder().sender(NAME).unwrap().arg(0, format!("x{n}")).unwrap().build();
            bus.add_match_rule(rule).await.unwrap();
        }
    });

    // Meanwhile somebody asks politely, and somebody watches.
    let polite = runtime.block_on(connect(&world));
    let begin = Instant::now();
    let (mut answers, mut gap, mut frames, mut at) = (Vec::new(), Duration::ZERO, 0, Instant::now());
    while begin.elapsed() < Duration::from_secs(10) {
        let asked = Instant::now();
        let profiles = format!("{NAME}.Profiles");
        let ask = async {
            get(&polite, NAME, "State").await.unwrap();
            set(&polite, &profiles, "Intensity", &Value::from(1.0)).await.unwrap();
        };
        runtime.block_on(async { tokio::time::timeout(LONG, ask).await.expect("an answer") });
        answers.push(asked.elapsed());
        for _ in 0..3 {
            let now = reader.next().0;
            (gap, frames, at) = (gap.max(now - at), frames + 1, now);
        }
    }
    let seconds = begin.elapsed().as_secs_f64();
    stop.store(true, Relaxed);
    tasks.into_iter().for_each(|t| runtime.block_on(t).unwrap());
    let deaf = deaf.join().unwrap();
    answers.sort();
    println!(
        "{:.0} calls a second, {deaf} of one who never reads: two polite calls answered in {:.1?} (95 %), at most {:.1?}; \
         {:.1} frames a second, longest gap {gap:.0?}",
        calls.load(Relaxed) as f64 / seconds,
        answers[answers.len() * 95 / 100],
        answers[answers.len() - 1],
        f64::from(frames) / seconds,
    );
    std::thread::sleep(Duration::from_secs(2));
    let after = memory(pid);
    println!("memory (RSS, PSS) in KiB: {before:?} before, {after:?} after");
    assert!(after.1 < before.1 + 64 * 1024, "{before:?} {after:?} KiB");
    assert!(calls.load(Relaxed) > 100 && frames > 30);
    assert!(world.daemon.runs(), "{}", world.daemon.log());
    // Nothing of a megabyte comes back in the log.
    assert!(world.daemon.log().len() < 100_000, "{} bytes of log", world.daemon.log().len());
    assert_eq!(world.daemon.stop().code(), Some(0));
}
