//! Where the renderer leaves a frame and the outlets find it: the newest one only, without allocation.

use crate::render::Frame;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A poisoned lock guards plain values here, which are whole at every step; going on beats taking the camera down.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A frame and its number, from 1.
#[derive(Clone, Debug)]
pub(super) struct Numbered {
    pub number: u64,
    pub frame: Frame,
}

/// Holds the newest frame. One writer, as many readers as [`Slot::READERS`].
///
/// The lock on `newest` is held for the exchange of one pointer and never while a picture is copied.
#[derive(Debug)]
pub(super) struct Slot {
    newest: Mutex<Arc<Numbered>>,
    /// Frames to write into next, some still held by a reader.
    spare: Mutex<Vec<Arc<Numbered>>>,
}

impl Slot {
    /// Readers that may each hold one frame while the writer still finds a free one.
    const READERS: usize = 2;

    pub fn new(first: Frame) -> Self {
        let numbered = Numbered { number: 1, frame: first };
        let spare = (0..=Self::READERS).map(|_| Arc::new(numbered.clone())).collect();
        Self { newest: Mutex::new(Arc::new(numbered)), spare: Mutex::new(spare) }
    }

    pub fn newest(&self) -> Arc<Numbered> {
        lock(&self.newest).clone()
    }

    /// Copies `frame` in as the newest. False where it has another size than the slot's frames, or where readers hold
    /// on to all of them.
    pub fn put(&self, frame: &Frame) -> bool {
        let mut spare = lock(&self.spare);
        let Some(index) = spare.iter_mut().position(|s| Arc::get_mut(s).is_some()) else { return false };
        let mut next = spare.swap_remove(index);
        let Some(room) = Arc::get_mut(&mut next).filter(|r| r.frame.rgba.len() == frame.rgba.len()) else {
            spare.push(next);
            return false;
        };
        room.frame.at = frame.at;
        room.frame.rgba.copy_from_slice(&frame.rgba);
        let mut newest = lock(&self.newest);
        room.number = newest.number + 1;
        std::mem::swap(&mut *newest, &mut next);
        drop(newest);
        spare.push(next);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::Size;

    const SIZE: Size = Size { width: 4, height: 2 };

    fn grey(level: u8) -> Frame {
        let mut f = Frame::new(SIZE);
        f.rgba.fill(level);
        f
    }

    #[test]
    fn a_reader_gets_the_newest_and_keeps_it_whole_while_more_arrive() {
        let slot = Slot::new(grey(0));
        slot.put(&grey(1));
        let (held, also) = (slot.newest(), slot.newest());
        for level in 2..50 {
            assert!(slot.put(&grey(level)), "frame {level} found no room");
        }
        let late = slot.newest();
        assert!(slot.put(&grey(50)) && slot.put(&grey(51)));
        assert!(held.frame.rgba.iter().all(|b| *b == 1) && also.number == 2);
        assert!(late.frame.rgba.iter().all(|b| *b == 49));
        assert_eq!((slot.newest().number, slot.newest().frame.rgba[0]), (52, 51));
    }

    #[test]
    fn a_frame_of_another_size_is_refused() {
        let slot = Slot::new(grey(7));
        assert!(!slot.put(&Frame::new(Size { width: 2, height: 2 })));
        assert_eq!(slot.newest().number, 1);
        assert!(slot.put(&grey(8)));
    }
}
