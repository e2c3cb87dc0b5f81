//! Notices when files of the user are made, changed, replaced or removed: profiles and avatars. A folder may come later, go, and
//! come again.

use super::problems::Problems;
use crate::avatar;
use crate::config::Paths;
use crate::stream::next;
use anyhow::{Context, Result};
use inotify::{EventMask, EventStream, Inotify, WatchDescriptor, WatchMask};
use std::collections::HashMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

/// A change is told when nothing else has changed for this long: an editor does several things to a file that it saves.
const QUIET: Duration = Duration::from_millis(100);

/// And at the latest after this.
const MOST: Duration = Duration::from_millis(500);

/// Where the kernel does not tell of changes, the files are looked at this often.
const LOOK: Duration = Duration::from_secs(5);

/// What ends the writing of a file, or changes a folder.
fn changes() -> WatchMask {
    WatchMask::CLOSE_WRITE
        | WatchMask::CREATE
        | WatchMask::DELETE
        | WatchMask::MOVE
        | WatchMask::ATTRIB
        | WatchMask::DELETE_SELF
        | WatchMask::MOVE_SELF
        | WatchMask::ONLYDIR
}

/// The running watch; dropping it ends it.
pub struct Watch {
    task: JoinHandle<()>,
}

impl Watch {
    /// The second value gets a note after each change, and one at the start. Must be called on tokio.
    pub fn start(paths: Paths, problems: Arc<Problems>) -> (Self, mpsc::Receiver<()>) {
        let (changed, receiver) = mpsc::channel(1);
        (Self { task: tokio::spawn(follow(paths, problems, changed)) }, receiver)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn follow(paths: Paths, problems: Arc<Problems>, changed: mpsc::Sender<()>) {
    loop {
        let mut folders = paths.profiles();
        folders.extend(avatar::folders(&paths));
        // The new watches stand before the files are read: what changes from now on is told again.
        let watches = Watches::new(&folders);
        if changed.send(()).await.is_err() {
            return;
        }
        match watches {
            Ok(mut watches) => {
                problems.set("watch", Vec::new());
                if !watches.change().await {
                    sleep(LOOK).await;
                }
                let end = Instant::now() + MOST;
                while Instant::now() < end && timeout(QUIET, watches.change()).await == Ok(true) {}
            }
            Err(e) => {
                problems.set(
                    "watch",
                    vec![format!(
                        "changed profiles take up to {} s to be noticed ({e:#}); raise fs.inotify.max_user_watches and \
                         fs.inotify.max_user_instances with sysctl",
                        LOOK.as_secs()
                    )],
                );
                sleep(LOOK).await;
            }
        }
    }
}

/// What matters in a watched folder.
#[derive(PartialEq)]
enum Interest {
    Everything,
    /// The way to a folder that is not there, or may go.
    Entry(OsString),
}

struct Watches {
    events: EventStream<[u8; 4096]>,
    interests: HashMap<WatchDescriptor, Vec<Interest>>,
}

impl Watches {
    fn new(folders: &[PathBuf]) -> Result<Self> {
        let inotify = Inotify::init().context("error asking the kernel for changes")?;
        let mut interests: HashMap<WatchDescriptor, Vec<Interest>> = HashMap::new();
        let mut add = |folder: &Path, interest: Interest| -> Result<bool> {
            match inotify.watches().add(folder, changes()) {
                Ok(watch) => {
                    let all = interests.entry(watch).or_default();
                    if !all.contains(&interest) {
                        all.push(interest);
                    }
                    Ok(true)
                }
                Err(e) if e.raw_os_error() == Some(libc::ENOSPC) => Err(e).context("no more watches are to be had"),
                // Not there, no folder, or not ours to see.
                Err(_) => Ok(false),
            }
        };
        for folder in folders {
            add(folder, Interest::Everything)?;
            // The nearest folder above it that exists tells when it is made, or goes.
            for below in folder.ancestors() {
                let (Some(above), Some(name)) = (below.parent(), below.file_name()) else { break };
                if add(above, Interest::Entry(name.into()))? {
                    break;
                }
            }
        }
        let events = inotify.into_event_stream([0; 4096]).context("error listening to the kernel")?;
        Ok(Self { events, interests })
    }

    /// Waits for a change. False: the kernel tells no more.
    async fn change(&mut self) -> bool {
        loop {
            let event = next(Pin::new(&mut self.events)).await;
            let Some(Ok(event)) = event else { return false };
            let Some(name) = &event.name else { return true };
            let interests = self.interests.get(&event.wd).map_or(&[][..], Vec::as_slice);
            let wanted = |i: &Interest| *i == Interest::Everything || *i == Interest::Entry(name.clone());
            if event.mask.contains(EventMask::Q_OVERFLOW) || interests.iter().any(wanted) {
                return true;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The notes within a moment that is long enough for one.
    async fn told(notes: &mut mpsc::Receiver<()>) -> bool {
        timeout(Duration::from_secs(3), notes.recv()).await == Ok(Some(()))
    }

    #[tokio::test]
    async fn a_folder_may_come_late_go_and_come_again_and_its_files_with_it() {
        let dir = tempfile::tempdir().unwrap();
        let paths = Paths { data: Vec::new(), config: dir.path().join("a/b"), ..Paths::find() };
        let profiles = dir.path().join("a/b/profiles");
        let (_watch, mut notes) = Watch::start(paths, Arc::default());
        assert!(told(&mut notes).await, "the note of the start");
        std::fs::create_dir(dir.path().join("a")).unwrap();
        assert!(told(&mut notes).await);
        std::fs::create_dir_all(&profiles).unwrap();
        assert!(told(&mut notes).await);
        for _ in 0..2 {
            std::fs::write(profiles.join("x.toml"), "label = \"X\"").unwrap();
            assert!(told(&mut notes).await);
            // As editors save.
            std::fs::write(profiles.join("x.new"), "label = \"Y\"").unwrap();
            std::fs::rename(profiles.join("x.new"), profiles.join("x.toml")).unwrap();
            assert!(told(&mut notes).await);
            std::fs::rename(dir.path().join("a/b"), dir.path().join("gone")).unwrap();
            assert!(told(&mut notes).await);
            std::fs::rename(dir.path().join("gone"), dir.path().join("a/b")).unwrap();
            assert!(told(&mut notes).await);
        }
        // What lies beside it is nobody's business.
        std::fs::write(dir.path().join("a/other.txt"), "x").unwrap();
        assert!(timeout(Duration::from_millis(800), notes.recv()).await.is_err());
    }
}
