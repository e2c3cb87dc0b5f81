//! What a thousand openings and ten restarts of PipeWire leave behind, and how fast the camera is there: `make figures`.

mod common;

use common::world::{World, memory, ready, text};
use common::{LONG, Session, alone, example, vasa};
use std::time::{Duration, Instant};

/// What a process holds: descriptors, threads, proportional memory in KiB.
#[derive(Clone, Copy, Debug)]
struct Held {
    descriptors: usize,
    threads: usize,
    rss: u64,
    pss: u64,
}

fn held(pid: u32) -> Held {
    let entries = |what: &str| std::fs::read_dir(format!("/proc/{pid}/{what}")).unwrap().count();
    let (rss, pss) = memory(pid);
    Held { descriptors: entries("fd"), threads: entries("task"), rss, pss }
}

/// Waits until descriptors and threads are no more than they were: what closes takes its time.
fn settled(pid: u32, before: Held) -> Held {
    let end = Instant::now() + Duration::from_secs(10);
    loop {
        let now = held(pid);
        if (now.descriptors <= before.descriptors && now.threads <= before.threads) || Instant::now() > end {
            return now;
        }
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// Memory that comes and goes with what happens to be in use; a leak of a kilobyte an opening would be as much.
const ROOM_KIB: u64 = 8 * 1024;

fn assert_kept(before: Held, after: Held) {
    println!("before {before:?}, after {after:?}");
    assert!(after.descriptors <= before.descriptors && after.threads <= before.threads, "{before:?} {after:?}");
    assert!(after.pss <= before.pss + ROOM_KIB && after.rss <= before.rss + ROOM_KIB, "{before:?} {after:?}");
}

/// Opens and closes the camera so often; how long each first picture took, in milliseconds, sorted.
fn open(session: &Session, count: u32) -> Vec<f64> {
    let out = session.command(example("camera_reader")).arg(count.to_string()).output().unwrap();
    assert!(out.status.success(), "{}", text(&out.stderr));
    let mut took: Vec<f64> = text(&out.stdout).lines().filter_map(|l| l.strip_prefix("first ")?.parse().ok()).collect();
    assert_eq!(took.len(), count as usize);
    took.sort_by(f64::total_cmp);
    took
}

#[test]
fn a_thousand_openings_leave_nothing_behind() {
    if !ready() {
        return;
    }
    let _alone = alone();
    let world = World::offered();
    open(&world.session, 100);
    std::thread::sleep(Duration::from_secs(2));
    let pid = world.daemon.pid();
    let before = held(pid);
    let begin = Instant::now();
    // As many as two minutes hold; a thousand on any machine that is not busy otherwise.
    let mut opened = 0;
    while opened < 1000 && begin.elapsed() < Duration::from_secs(120) {
        open(&world.session, 100);
        opened += 100;
    }
    println!("{opened} openings in {:.0?}", begin.elapsed());
    assert!(opened >= 300, "{opened}");
    assert_kept(before, settled(pid, before));
    assert_eq!(world.status()["outlets"][0]["readers"], 0);
}

#[test]
fn ten_restarts_of_pipewire_leave_nothing_behind() {
    if !ready() {
        return;
    }
    let _alone = alone();
    let mut world = World::start();
    world.daemon.wait_line(0, "\"VASA Microphone\" is offered", LONG);
    world.daemon.wait_line(0, "drawing \"anna\"", LONG);
    let pid = world.daemon.pid();
    let restart = |world: &World| {
        let from = world.daemon.printed();
        world.session.stop_pipewire();
        world.daemon.wait_line(from, "the camera is not in PipeWire", LONG);
        world.session.start_pipewire();
        world.daemon.wait_line(from, "\"VASA Camera\" is offered in PipeWire", LONG);
        world.daemon.wait_line(from, "\"VASA Microphone\" is offered", LONG);
        open(&world.session, 1);
    };
    (0..3).for_each(|_| restart(&world));
    std::thread::sleep(Duration::from_secs(2));
    let before = held(pid);
    (0..10).for_each(|_| restart(&world));
    assert_kept(before, settled(pid, before));
    assert!(world.daemon.runs());
}

#[test]
fn fifty_avatars_in_turn_leave_nothing_behind() {
    if !ready() {
        return;
    }
    let _alone = alone();
    let world = World::start();
    world.daemon.wait_line(0, "drawing \"anna\"", LONG);
    let pid = world.daemon.pid();
    let round = || ["kofi", "mei", "anna"].iter().for_each(|name| drop(world.vasa(&["avatar", "use", name])));
    (0..4).for_each(|_| round());
    std::thread::sleep(Duration::from_secs(2));
    let before = held(pid);
    (0..17).for_each(|_| round());
    std::thread::sleep(Duration::from_secs(2));
    let after = settled(pid, before);
    println!("before {before:?}, after {after:?}");
    assert!(after.descriptors <= before.descriptors && after.threads <= before.threads, "{before:?} {after:?}");
    // Each avatar is some 30 MiB; the adapter keeps a few of its buffers.
    assert!(after.pss <= before.pss + 64 * 1024, "{before:?} {after:?}");
}

/// The figures of docs/measured.md.
#[test]
#[ignore = "measures; make figures runs it"]
fn figures_of_start_opening_and_rest() {
    assert!(ready());
    let _alone = alone();
    let session = Session::start();
    let mut offered = Vec::new();
    let mut daemon = None;
    for _ in 0..5 {
        drop(daemon.take());
        let begin = Instant::now();
        let started = session.spawn(vasa(), &["daemon"]);
        let at = |part: &str| started.wait_line(0, part, LONG).0.duration_since(begin).as_millis();
        offered.push((at("\"VASA Camera\" is offered in PipeWire"), at("ready"), at("drawing \"")));
        daemon = Some(started);
    }
    println!("start to (camera offered, ready, avatar drawn), ms: {offered:?}");
    let daemon = daemon.unwrap();
    let took = open(&session, 200);
    let part = |share: f64| took[((took.len() - 1) as f64 * share) as usize];
    println!(
        "first frame after an app opens it, ms: median {:.0}, 95 % {:.0}, most {:.0}",
        part(0.5),
        part(0.95),
        part(1.0)
    );
    std::thread::sleep(Duration::from_secs(8));
    // Nanoseconds on a processor, of all threads: schedstat's first number.
    let spent = || -> u64 {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", daemon.pid())).unwrap().flatten();
        let of = |t: std::fs::DirEntry| {
            let text = std::fs::read_to_string(t.path().join("schedstat")).ok()?;
            text.split(' ').next()?.parse::<u64>().ok()
        };
        tasks.filter_map(of).sum()
    };
    let (before, begin) = (spent(), Instant::now());
    std::thread::sleep(Duration::from_secs(30));
    let share = (spent() - before) as f64 / begin.elapsed().as_nanos() as f64;
    println!("idle: {:.2} % of a core over 30 s; {:?}", share * 100.0, held(daemon.pid()));
}
