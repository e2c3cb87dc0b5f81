//! Sound in a private desktop session: a real PipeWire, a microphone that plays a file, an output whose sound is recorded.
//!
//! The tests named `inside_…` run in the session, as programs that the others start.

mod common;

use common::{LONG, Process, Session, installed, root};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};
use vasa_camera::assets::{Installer, Manifest};
use vasa_camera::clock::Moment;
use vasa_camera::config::Paths;
use vasa_camera::sound::{self, BLOCK, Block, Capture, Direction, RATE, resample, write_wav};
use vasa_camera::speech::{self, Event, SayOptions, Speaker};

const TEXT: &str = "Good morning, everybody. It is nice to see you here.";

fn models() -> Paths {
    let paths = Paths::find();
    Installer::new(&paths, Manifest::shipped()).install(&[], &mut |line| eprintln!("{line}")).unwrap();
    paths
}

fn ready() -> bool {
    installed(&Session::NEEDS) && installed(&["pactl", "pw-play", "pw-link"])
}

/// Starts one of the `inside_…` tests in the session.
fn inside(session: &Session, test: &str, environment: &[(&str, &str)]) -> Process {
    let mut command = session.command(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--ignored", "--nocapture"]).envs(environment.iter().copied());
    for name in ["VASA_MODELS_DIR", "RUST_BACKTRACE", "PATH"] {
        command.envs(std::env::var_os(name).map(|v| (name, v)));
    }
    Process::start(command)
}

fn succeeds(process: &mut Process) {
    let status = process.wait(LONG * 2);
    assert!(status.success(), "{}", process.log());
    println!("{}", process.log());
}

fn microphone(session: &Session, what: &str) -> Command {
    let mut command = session.command(root().join("tests/kit/microphone.sh"));
    command.arg(what);
    command
}

/// The best normalised correlation of `b` with a stretch of `a`, and where that stretch begins.
fn find_in(a: &[f32], b: &[f32]) -> (f64, usize) {
    let energy = |x: &[f32]| x.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>().max(1e-9);
    let eb = energy(b);
    let at = |shift: usize| {
        let Some(part) = a.get(shift..shift + b.len()) else { return (0.0, shift) };
        let product: f64 = part.iter().zip(b).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum();
        (product / (energy(part) * eb).sqrt(), shift)
    };
    (0..a.len().saturating_sub(b.len())).map(at).max_by(|x, y| x.0.total_cmp(&y.0)).unwrap_or((0.0, 0))
}

/// A stretch of speech that occurs once: half a second from its loudest part on.
fn landmark(samples: &[f32]) -> (usize, &[f32]) {
    let length = RATE as usize / 2;
    let level = |at: usize| samples[at..at + length].iter().map(|x| x * x).sum::<f32>();
    let at = (0..samples.len() - length).step_by(160).max_by(|a, b| level(*a).total_cmp(&level(*b))).unwrap();
    (at, &samples[at..at + length])
}

#[test]
fn the_microphone_is_heard_goes_away_and_comes_back() {
    if !ready() {
        return;
    }
    let paths = models();
    let folder = tempfile::tempdir().unwrap();
    let (spoken, recorded) = (folder.path().join("spoken.wav"), folder.path().join("recorded.wav"));
    let speech = speech::synthesize(&paths, None, TEXT, 1.0).unwrap();
    write_wav(&spoken, &speech.samples, speech.rate).unwrap();
    let session = Session::start();
    let mut listener =
        inside(&session, "inside_a_microphone_is_recorded", &[("RECORDED", &recorded.to_string_lossy())]);
    listener.wait_line(0, "MISSING the microphone \"Test_Microphone\" was not found", LONG);
    assert!(microphone(&session, "silence").status().unwrap().success());
    listener.wait_line(0, "HEARING", LONG);
    assert!(microphone(&session, &spoken.to_string_lossy()).status().unwrap().success());
    // Taken away, and given back.
    assert!(session.command("pactl").args(["unload-module", "module-null-sink"]).status().unwrap().success());
    let (_, line) = listener.wait_line(0, "GONE", LONG);
    assert!(microphone(&session, "silence").status().unwrap().success());
    listener.wait_line(line, "HEARING", LONG);
    succeeds(&mut listener);
    let heard = sound::read(&recorded).unwrap();
    assert_eq!(heard.rate, RATE);
    let said = resample(&speech.samples, speech.rate, RATE).unwrap();
    let (_, mark) = landmark(&said);
    let (alike, _) = find_in(&heard.samples, mark);
    println!("likeness of the recorded and the played speech: {alike:.4}");
    assert!(alike > 0.95, "{alike}");
}

#[test]
#[ignore = "runs in the session that the_microphone_is_heard_goes_away_and_comes_back starts"]
fn inside_a_microphone_is_recorded() {
    let mut capture = Capture::start(Some("Test_Microphone".into()));
    let wait_problem = |capture: &Capture| {
        while capture.problems().is_empty() {
            std::thread::sleep(Duration::from_millis(20));
        }
        capture.problems().join(" ")
    };
    println!("MISSING {}", wait_problem(&capture));
    let mut heard = Vec::new();
    let mut last: Option<Block> = None;
    while last.is_none() || capture.problems().is_empty() {
        let Some(block) = capture.next(Duration::from_millis(200)) else { continue };
        match last {
            None => println!("HEARING"),
            Some(before) => assert!(block.at > before.at, "{:?} after {:?}", block.at, before.at),
        }
        let age = Moment::now().seconds_since(block.at);
        assert!((0.0..5.0).contains(&age), "captured {age} s ago");
        heard.extend(block.samples);
        last = Some(block);
    }
    println!("GONE {}", capture.problems().join(" "));
    while capture.next(Duration::from_millis(200)).is_none() {}
    println!("HEARING");
    write_wav(Path::new(&std::env::var("RECORDED").unwrap()), &heard, RATE).unwrap();
}

#[test]
fn an_unknown_device_is_named_with_those_that_exist() {
    if !ready() {
        return;
    }
    let session = Session::start();
    assert!(microphone(&session, "silence").status().unwrap().success());
    succeeds(&mut inside(&session, "inside_an_unknown_device_is_asked_for", &[]));
}

#[test]
#[ignore = "runs in the session that an_unknown_device_is_named_with_those_that_exist starts"]
fn inside_an_unknown_device_is_asked_for() {
    assert!(sound::devices(Direction::Input).unwrap().contains(&"Test_Microphone".to_owned()));
    let e = sound::check_device(Direction::Input, "Nobody").unwrap_err().to_string();
    assert!(e.contains("\"Nobody\"") && e.contains("Test_Microphone"), "{e}");
    sound::check_device(Direction::Input, "test_mic").unwrap();
    sound::check_device(Direction::Input, "Test_Microphone").unwrap();
    assert!(sound::check_device(Direction::Output, "Test_Microphone").is_err());
}

#[test]
fn what_is_heard_from_the_output_is_what_the_face_hears_at_the_same_moment_and_stop_ends_it() {
    if !ready() {
        return;
    }
    models();
    let session = Session::start();
    let sink = ["load-module", "module-null-sink", "sink_name=ear", "sink_properties=device.description=Ear"];
    assert!(session.command("pactl").args(sink).status().unwrap().success());
    assert!(session.command("pactl").args(["set-default-sink", "ear"]).status().unwrap().success());
    succeeds(&mut inside(&session, "inside_the_voice_is_heard", &[]));
}

/// Everything that comes from the output, and when.
struct Ear {
    capture: Capture,
    blocks: Vec<Block>,
}

impl Ear {
    fn listen_until(&mut self, mut over: impl FnMut(&mut Vec<Block>) -> bool) {
        let patience = Instant::now() + LONG;
        while !over(&mut self.blocks) {
            assert!(Instant::now() < patience, "it never ended: {:?}", self.capture.problems());
            if let Some(block) = self.capture.next(Duration::from_millis(20)) {
                self.blocks.push(block);
            }
        }
    }
}

fn is_loud(block: &Block) -> bool {
    block.samples.iter().any(|s| s.abs() > 0.003)
}

#[test]
#[ignore = "runs in the session that what_is_heard_from_the_output_… starts"]
fn inside_the_voice_is_heard() {
    // What PipeWire plays to an output can be recorded under the output's name.
    let mut ear = Ear { capture: Capture::start(Some("ear".into())), blocks: Vec::new() };
    ear.listen_until(|blocks| blocks.len() > 20);
    let (speaker, mut events) = Speaker::start(models(), None).unwrap();
    let id = speaker.say(TEXT, SayOptions::default()).unwrap();
    // The face hears 130 ms ahead, as the motion thread does.
    let (mut face, mut at, mut over) = (Vec::new(), Moment::now() + Duration::from_millis(130), false);
    ear.listen_until(|_| {
        while at.wait() <= Duration::from_millis(130) {
            let mut block = Block::silent(at);
            speaker.block_at(at, &mut block);
            face.push(block);
            at = at + Duration::from_millis(20);
        }
        match events.try_recv() {
            Ok(Event::Finished { id: ended, completed }) => over = ended == id && completed,
            Ok(event) => assert_eq!(event, Event::Started { id, profile: None }),
            Err(_) => {}
        }
        over
    });
    assert_eq!(speaker.problems(), Vec::<String>::new());
    let seen: Vec<f32> = face.iter().flat_map(|b| b.samples).collect();
    let heard: Vec<f32> = ear.blocks.iter().flat_map(|b| b.samples).collect();
    // For whoever wants to look when it fails.
    for (name, samples) in [("face.wav", &seen), ("ear.wav", &heard)] {
        write_wav(&Path::new(env!("CARGO_TARGET_TMPDIR")).join(name), samples, RATE).unwrap();
    }
    let (in_seen, mark) = landmark(&seen);
    let (alike, in_heard) = find_in(&heard, mark);
    let moment = |blocks: &[Block], sample: usize| {
        blocks[sample / BLOCK].at.0 + (sample % BLOCK) as i64 * 1_000_000 / i64::from(RATE)
    };
    let skew = (moment(&ear.blocks, in_heard) - moment(&face, in_seen)) as f64 / 1000.0;
    println!("likeness of the played sound and the face's: {alike:.4}; heard {skew:+.1} ms after its moment");
    assert!(alike > 0.95, "{alike}");
    assert!(skew.abs() < 60.0, "{skew} ms");

    // Stop: the sound ends within 100 ms, for good.
    ear.blocks.clear();
    let id = speaker.say(&format!("{TEXT} ").repeat(10), SayOptions::default()).unwrap();
    ear.listen_until(|blocks| blocks.iter().filter(|b| is_loud(b)).count() > 20);
    speaker.stop();
    let stopped = Moment::now();
    ear.listen_until(|blocks| blocks.last().is_some_and(|b| b.at.seconds_since(stopped) > 2.0));
    assert_eq!(events.blocking_recv(), Some(Event::Started { id, profile: None }));
    assert_eq!(events.blocking_recv(), Some(Event::Finished { id, completed: false }));
    let last = ear.blocks.iter().rev().find(|b| is_loud(b)).unwrap().at + Duration::from_millis(20);
    println!("silent {:+.0} ms after stop", last.seconds_since(stopped) * 1000.0);
    assert!(last.seconds_since(stopped) < 0.1, "silent after {} s", last.seconds_since(stopped));
}
