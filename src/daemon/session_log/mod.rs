//! The session log: when the camera ran, was watched, and who was shown; no content (`docs/session-log.md`).
//!
//! The main loop follows the state; a thread of its own writes, so that a slow disk keeps nobody waiting.

mod files;
mod follow;
mod line;
mod reader;
mod writer;

pub use files::Files;
pub use follow::Session;
pub use line::{Event, Line};
pub use reader::{Report, check};

use super::problems::Problems;
use crate::calendar;
use crate::config::Paths;
use follow::Follower;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};
use writer::Writer;

/// What could not be written is tried again this often.
const RETRY: Duration = Duration::from_secs(5);

/// Events on their way to the thread; more than wait at a disk that hangs are dropped.
const QUEUE: usize = 256;

/// How long the program's end waits for the last line; a disk that hangs must not keep it.
const PATIENCE: Duration = Duration::from_secs(1);

/// The running log; dropping it writes what is still to be told, and ends it.
pub struct SessionLog {
    follower: Follower,
    events: Option<SyncSender<(u64, Event)>>,
    /// Closed by the thread when it ends.
    ended: Receiver<()>,
}

impl SessionLog {
    /// Begins to log, where it is wanted. Only one program may do so at a time: the one that owns the D-Bus name.
    ///
    /// # Errors
    /// The system could not start a thread.
    pub fn start(wanted: bool, paths: Paths, problems: Arc<Problems>) -> std::io::Result<Self> {
        let (events, receiver) = sync_channel(QUEUE);
        let (ending, ended) = sync_channel(0);
        std::thread::Builder::new().name("session-log".into()).spawn(move || {
            let _ending: SyncSender<()> = ending;
            run(&receiver, paths, &problems);
        })?;
        let (follower, started) = Follower::new(wanted);
        let log = Self { follower, events: Some(events), ended };
        log.tell(started);
        Ok(log)
    }

    /// Logs what happened since the last call.
    pub fn follow(&mut self, session: &Session) {
        let events = self.follower.follow(session, Instant::now());
        self.tell(events);
    }

    fn tell(&self, events: impl IntoIterator<Item = Event>) {
        let Some(sender) = &self.events else { return };
        for event in events {
            if sender.try_send((calendar::now(), event)).is_err() {
                tracing::warn!("an event is missing in the session log: the disk does not answer");
            }
        }
    }
}

impl Drop for SessionLog {
    fn drop(&mut self) {
        let events = self.follower.end();
        self.tell(events);
        self.events = None;
        if self.ended.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
            tracing::warn!("the session log's last line was not written within 1 s; the program ends without it");
        }
    }
}

fn run(events: &Receiver<(u64, Event)>, paths: Paths, problems: &Problems) {
    let mut writer = Writer::new(paths);
    let mut failing = false;
    loop {
        let next = if failing {
            events.recv_timeout(RETRY)
        } else {
            events.recv().map_err(|_| RecvTimeoutError::Disconnected)
        };
        let over = matches!(next, Err(RecvTimeoutError::Disconnected));
        if let Ok((time, event)) = next {
            writer.push(time, event);
        }
        let told = writer.flush(calendar::now()).err().map(|e| {
            format!(
                "the session log cannot be written: {e:#}; free some space or make the folder writable, or set session_log = false"
            )
        });
        failing = told.is_some();
        problems.set("session log", told.into_iter().collect());
        if over {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Paths;
    use std::path::Path;

    const NOW: u64 = 1_795_594_734;

    fn paths(dir: &Path) -> Paths {
        Paths {
            data: Vec::new(),
            settings: dir.join("settings.toml"),
            config: dir.join("config"),
            models: dir.join("models"),
            state: dir.join("state"),
            own: dir.into(),
        }
    }

    /// A log of so many lines, by a writer that ended as it should.
    fn write(paths: &Paths, lines: u64) {
        let mut writer = Writer::new(paths.clone());
        for i in 0..lines {
            writer.push(NOW + i, Event::StreamStarted { avatar: format!("a{i}") });
            writer.flush(NOW + i).unwrap();
        }
    }

    fn faults(paths: &Paths) -> String {
        check(paths).unwrap().faults.join("; ")
    }

    fn numbers(paths: &Paths) -> Vec<u64> {
        check(paths).unwrap().lines.iter().map(|l| l.number).collect()
    }

    fn current(paths: &Paths) -> std::path::PathBuf {
        Files::of(paths).current
    }

    #[test]
    fn what_was_written_is_read_back_intact_over_several_starts() {
        let dir = tempfile::tempdir().unwrap();
        let paths = paths(dir.path());
        assert_eq!(check(&paths).unwrap(), Report::default(), "no log is an intact log, and reading makes none");
        assert!(!paths.state.exists());
        write(&paths, 3);
        write(&paths, 2);
        assert_eq!((faults(&paths), numbers(&paths)), (String::new(), vec![1, 2, 3, 4, 5]));
        let lines = check(&paths).unwrap().lines;
        assert_eq!((lines[1].time, &lines[1].event), (NOW + 1, &Event::StreamStarted { avatar: "a1".into() }));
        assert_eq!(std::fs::read_dir(&paths.state).unwrap().count(), 3, "the key, the log, its end");
    }

    #[test]
    fn every_changed_byte_is_found() {
        let dir = tempfile::tempdir().unwrap();
        let paths = paths(dir.path());
        write(&paths, 3);
        let file = current(&paths);
        let whole = std::fs::read(&file).unwrap();
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 1;
            std::fs::write(&file, &bytes).unwrap();
            assert_ne!(faults(&paths), "", "byte {at}");
            std::fs::write(&file, &whole[..at]).unwrap();
            assert_ne!(faults(&paths), "", "cut to {at} bytes");
        }
        std::fs::write(&file, &whole).unwrap();
        assert_eq!(faults(&paths), "");
    }

    #[test]
    fn lines_removed_moved_or_doubled_are_found() {
        let dir = tempfile::tempdir().unwrap();
        let paths = paths(dir.path());
        write(&paths, 5);
        let file = current(&paths);
        let text = std::fs::read_to_string(&file).unwrap();
        let lines: Vec<_> = text.split_inclusive('\n').collect();
        for (order, part) in [
            (&[1, 2, 3, 4][..], "beginning is missing"),
            (&[0, 1, 3, 4], "missing or were moved"),
            (&[0, 1, 2, 3], "1 are cut off"),
            (&[], "5 are cut off"),
            (&[0, 2, 1, 3, 4], "missing or were moved"),
            (&[0, 1, 2, 2, 3, 4], "missing or were moved"),
            (&[0, 1, 2, 3, 4, 4], "missing or were moved"),
        ] {
            std::fs::write(&file, order.iter().map(|i| lines[*i]).collect::<String>()).unwrap();
            assert!(faults(&paths).contains(part), "{order:?}: {}", faults(&paths));
        }
        std::fs::write(&file, text.replacen('\n', "\nhello\n", 1)).unwrap();
        assert!(faults(&paths).contains("line 2 is no line"), "{}", faults(&paths));
        std::fs::write(&file, &text).unwrap();
        let end = Files::of(&paths).end;
        std::fs::write(&end, "{}").unwrap();
        assert!(faults(&paths).contains("session.log.end was changed"), "{}", faults(&paths));
        std::fs::remove_file(&end).unwrap();
        assert!(faults(&paths).contains("session.log.end is missing"), "{}", faults(&paths));
    }

    #[test]
    fn another_key_does_not_pass_for_this_one() {
        let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (paths, other) = (paths(dir.path()), paths(other.path()));
        write(&paths, 2);
        write(&other, 2);
        std::fs::copy(current(&other), current(&paths)).unwrap();
        std::fs::copy(Files::of(&other).end, Files::of(&paths).end).unwrap();
        assert!(faults(&paths).contains("another key"), "{}", faults(&paths));
        std::fs::remove_file(paths.state.join("identity.key")).unwrap();
        assert!(faults(&paths).contains("key is missing"), "{}", faults(&paths));
    }

    #[test]
    fn a_torn_line_is_mended_told_and_the_rest_kept() {
        let dir = tempfile::tempdir().unwrap();
        let paths = paths(dir.path());
        write(&paths, 3);
        let file = current(&paths);
        let whole = std::fs::read(&file).unwrap();
        let third = whole.len() - 40;
        for (bytes, missing) in [
            // As a crash leaves it: the fourth line was begun, its end never noted.
            ([&whole[..], &whole[..100]].concat(), 0),
            // As nothing but a hand leaves it: the third line was whole once.
            (whole[..third].to_vec(), 1),
        ] {
            std::fs::write(&file, &bytes).unwrap();
            assert!(faults(&paths).contains("in the middle of a line"));
            write(&paths, 1);
            let report = check(&paths).unwrap();
            let mended = report.lines.iter().find_map(|l| match l.event {
                Event::LogMended { torn, missing, end_lost } => Some((l.number, torn, missing, end_lost)),
                _ => None,
            });
            let torn =
                if missing == 0 { 100 } else { bytes.len() - bytes.iter().rposition(|b| *b == b'\n').unwrap() - 1 };
            assert_eq!(mended, Some((4, torn as u64, missing, false)));
            assert_eq!(report.faults.is_empty(), missing == 0, "{:?}", report.faults);
            Files::of(&paths).clear().unwrap();
            std::fs::write(&file, &whole).unwrap();
            std::fs::write(Files::of(&paths).end, &{
                let key = crate::identity::Identity::open(&paths).unwrap();
                let last = check(&paths).unwrap().lines.pop().unwrap();
                line::End { number: 3, hash: last.hash }.spell(&key)
            })
            .unwrap();
            assert_eq!(faults(&paths), "");
        }
        // The very first line, torn.
        Files::of(&paths).clear().unwrap();
        std::fs::write(&file, &whole[..50]).unwrap();
        write(&paths, 1);
        assert_eq!((faults(&paths), numbers(&paths)), (String::new(), vec![1, 2]));
    }

    #[test]
    fn the_log_rotates_within_its_limit_and_the_chain_goes_on() {
        let dir = tempfile::tempdir().unwrap();
        let paths = paths(dir.path());
        write(&paths, 3000);
        let files = Files::of(&paths);
        let size = |path: &Path| std::fs::metadata(path).unwrap().len();
        assert!(size(&files.current) <= files::LIMIT && size(&files.previous) <= files::LIMIT);
        assert!(size(&files.current) + size(&files.previous) > files::LIMIT);
        assert_eq!(faults(&paths), "");
        let all = numbers(&paths);
        assert!(all[0] > 1 && *all.last().unwrap() == 3000, "{} to {}", all[0], all.last().unwrap());
        write(&paths, 1);
        assert_eq!((faults(&paths), numbers(&paths).last()), (String::new(), Some(&3001)));
        // Without what came after the full file, the numbers go on, and the loss is told for ever.
        let rotated = check(&paths).unwrap().lines.len() as u64;
        std::fs::remove_file(&files.current).unwrap();
        assert!(faults(&paths).contains("cut off"), "{}", faults(&paths));
        std::fs::remove_file(&files.end).unwrap();
        assert!(faults(&paths).contains("session.log.end is missing"), "{}", faults(&paths));
        write(&paths, 1);
        let kept = numbers(&paths);
        assert!((kept.len() as u64) < rotated && kept.windows(2).all(|w| w[1] == w[0] + 1));
        assert!(faults(&paths).contains("may have been cut off"), "{}", faults(&paths));
    }

    #[test]
    fn hostile_files_cost_neither_memory_nor_the_log() {
        let dir = tempfile::tempdir().unwrap();
        let paths = paths(dir.path());
        std::fs::create_dir_all(&paths.state).unwrap();
        let file = current(&paths);
        let mut writer = Writer::new(paths.clone());
        writer.push(NOW, Event::Stopped);
        std::fs::File::create(&file).unwrap().set_len(8 << 30).unwrap();
        assert!(faults(&paths).contains("none of ours"));
        let e = format!("{:#}", writer.flush(NOW).unwrap_err());
        assert!(e.contains("is no session log"), "{e}");
        std::fs::remove_file(&file).unwrap();
        std::os::unix::fs::symlink("/dev/zero", &file).unwrap();
        assert!(format!("{:#}", writer.flush(NOW).unwrap_err()).contains("no plain file"));
        assert!(format!("{:#}", check(&paths).unwrap_err()).contains("no plain file"));
        std::fs::remove_file(&file).unwrap();
        // Written by something else: what follows is numbered and chained all the same, and the fault stays visible.
        std::fs::write(&file, "hello\nworld\n").unwrap();
        writer.flush(NOW).unwrap();
        assert!(faults(&paths).contains("session.log line 1 is no line"), "{}", faults(&paths));
        assert_eq!(numbers(&paths), [1]);
    }

    #[test]
    fn what_could_not_be_written_is_told_once_and_written_later() {
        let dir = tempfile::tempdir().unwrap();
        let paths = paths(dir.path());
        // A file where the folder should be.
        std::fs::write(&paths.state, "").unwrap();
        let problems = Arc::new(Problems::default());
        let mut writer = Writer::new(paths.clone());
        for i in 0..300 {
            writer.push(NOW + i, Event::StreamStopped);
            assert!(writer.flush(NOW + i).is_err());
        }
        let mut log = SessionLog::start(true, paths.clone(), problems.clone()).unwrap();
        while problems.all().is_empty() {
            std::thread::sleep(Duration::from_millis(5));
        }
        let told = problems.all();
        assert!(told.len() == 1 && told[0].contains("session_log = false") && told[0].contains("state"), "{told:?}");
        std::fs::remove_file(&paths.state).unwrap();
        let watched = Session { wanted: true, watched: true, avatar: "anna".into(), camera_on: true };
        log.follow(&watched);
        drop(log);
        assert!(problems.all().is_empty());
        let report = check(&paths).unwrap();
        let all: Vec<_> = report.lines.iter().map(|l| l.event.clone()).collect();
        let avatar = || "anna".to_owned();
        let started = Event::Started { version: env!("CARGO_PKG_VERSION").into() };
        let wanted = [started, Event::StreamStarted { avatar: avatar() }, Event::StreamStopped, Event::Stopped];
        assert_eq!((report.faults, &all[..]), (Vec::new(), &wanted[..]));
        // Of very many that wait, the oldest are counted only.
        writer.flush(NOW + 400).unwrap();
        let lines = check(&paths).unwrap().lines;
        assert_eq!((lines.len(), &lines[4].event), (4 + 1 + 256, &Event::EventsLost { events: 44 }));
        assert_eq!((lines[5].time, faults(&paths)), (NOW + 44, String::new()));
    }

    #[test]
    fn a_log_that_is_cleared_while_it_is_kept_begins_anew() {
        let dir = tempfile::tempdir().unwrap();
        let paths = paths(dir.path());
        let mut writer = Writer::new(paths.clone());
        for _ in 0..3 {
            writer.push(NOW, Event::CameraOff);
            writer.flush(NOW).unwrap();
        }
        assert!(Files::of(&paths).clear().unwrap() && !Files::of(&paths).clear().unwrap());
        writer.push(NOW, Event::CameraOn);
        writer.flush(NOW).unwrap();
        assert_eq!((faults(&paths), numbers(&paths)), (String::new(), vec![1]));
    }
}
