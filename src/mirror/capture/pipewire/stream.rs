//! A node that is read: the end of it that the reader has.

use super::buffer::Raw;
use super::session;
use crate::mirror::capture::{CaptureError, Read, Taken};
use ::pipewire as pw;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// A camera that is asked to start does so within this.
const START: Duration = Duration::from_secs(5);

/// A node that is read by a thread of its own; dropping it ends that.
pub struct Stream {
    shared: Arc<Shared>,
    stop: pw::channel::Sender<()>,
    thread: Option<JoinHandle<()>>,
    /// The room of the last picture.
    spare: Vec<u8>,
}

/// What the thread and the reader have in common.
#[derive(Default)]
pub struct Shared {
    slot: Mutex<Slot>,
    news: Condvar,
}

#[derive(Default)]
struct Slot {
    newest: Option<Raw>,
    spare: Vec<u8>,
    started: bool,
    ended: Option<CaptureError>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Slot> {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The stream runs.
    pub fn start(&self) {
        self.lock().started = true;
        self.news.notify_all();
    }

    /// The stream is over; the first reason counts.
    pub fn end(&self, why: CaptureError) {
        self.lock().ended.get_or_insert(why);
        self.news.notify_all();
    }

    pub fn ended(&self) -> bool {
        self.lock().ended.is_some()
    }

    /// Room for a picture.
    pub fn room(&self) -> Vec<u8> {
        std::mem::take(&mut self.lock().spare)
    }

    /// Room that was not needed.
    pub fn give_back(&self, room: Vec<u8>) {
        self.lock().spare = room;
    }

    /// Makes a picture the newest.
    pub fn put(&self, raw: Raw) {
        let mut slot = self.lock();
        if let Some(older) = slot.newest.replace(raw) {
            slot.spare = older.bytes;
        }
        drop(slot);
        self.news.notify_all();
    }

    /// Waits until `enough` of the slot.
    fn wait(&self, timeout: Duration, enough: impl Fn(&Slot) -> bool) -> MutexGuard<'_, Slot> {
        let end = Instant::now() + timeout;
        let mut slot = self.lock();
        loop {
            let left = end.saturating_duration_since(Instant::now());
            if enough(&slot) || left.is_zero() {
                return slot;
            }
            slot = self.news.wait_timeout(slot, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Stream {
    /// Reads the node called `name`.
    ///
    /// # Errors
    /// It is our own, absent, used by another program, or does not start.
    pub fn open(name: &str) -> Result<Self, CaptureError> {
        let shared = Arc::new(Shared::default());
        let (stop, stopped) = pw::channel::channel();
        let (theirs, node) = (shared.clone(), name.to_owned());
        let thread = std::thread::Builder::new()
            .name("mirror-camera".into())
            .spawn(move || session::run(&theirs, &node, stopped))
            .map_err(|e| CaptureError::system(name, "start", e))?;
        let stream = Self { shared, stop, thread: Some(thread), spare: Vec::new() };
        let slot = stream.shared.wait(START, |slot| slot.started || slot.ended.is_some());
        match &slot.ended {
            Some(why) => Err(why.clone()),
            None if slot.started => Ok(()),
            None => Err(CaptureError::system(name, "start", format!("waited {} s for it", START.as_secs()))),
        }?;
        drop(slot);
        Ok(stream)
    }

    /// Waits for a picture and reads the newest one.
    ///
    /// # Errors
    /// The node, or PipeWire, went away.
    pub fn newest(&mut self, timeout: Duration, read: Read<'_>) -> Result<Option<Taken>, CaptureError> {
        let mut slot = self.shared.wait(timeout, |slot| slot.newest.is_some() || slot.ended.is_some());
        if let Some(why) = &slot.ended {
            return Err(why.clone());
        }
        let Some(raw) = slot.newest.take() else { return Ok(None) };
        slot.spare = std::mem::take(&mut self.spare);
        drop(slot);
        let picture = read(&raw.layout, &raw.bytes);
        self.spare = raw.bytes;
        Ok(Some((picture, raw.at)))
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        let _ = self.stop.send(());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread that reads the camera ended by a panic");
        }
    }
}
