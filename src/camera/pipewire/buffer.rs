//! A buffer that PipeWire lends for one frame. The crate's own `Buffer` can read the header that carries the time stamp
//! but not write it, so this stands on the C interface.

use ::pipewire::spa::buffer::Data;
use ::pipewire::spa::sys as spa_sys;
use ::pipewire::stream::Stream;
use ::pipewire::sys as pw_sys;
use std::ptr::NonNull;

/// A buffer taken from the stream; dropping it sends it.
pub struct Lent<'s> {
    raw: NonNull<pw_sys::pw_buffer>,
    stream: &'s Stream,
}

impl<'s> Lent<'s> {
    /// None where the apps still hold all of them.
    pub fn take(stream: &'s Stream) -> Option<Self> {
        // SAFETY: the pointer is checked for null, and is given back exactly once, in `drop`.
        let raw = NonNull::new(unsafe { stream.dequeue_raw_buffer() })?;
        Some(Self { raw, stream })
    }

    /// Sets the presentation time (now, on the monotonic clock, nanoseconds) and the frame's number, where the app asked
    /// for a header.
    pub fn stamp(&mut self, number: u64) {
        // SAFETY: PipeWire's buffer is ours until it is queued; the header is looked up by its size, so it is whole.
        unsafe {
            let buffer = self.raw.as_ref().buffer;
            if buffer.is_null() {
                return;
            }
            let size = size_of::<spa_sys::spa_meta_header>();
            let header = spa_sys::spa_buffer_find_meta_data(buffer, spa_sys::SPA_META_Header, size);
            if let Some(header) = header.cast::<spa_sys::spa_meta_header>().as_mut() {
                header.flags = 0;
                header.offset = 0;
                header.pts = monotonic_nanos();
                header.dts_offset = 0;
                header.seq = number;
            }
        }
    }

    /// Lets `fill` write the picture and tell how many bytes it has; `stride` is the bytes of a row.
    pub fn write(&mut self, stride: usize, fill: impl FnOnce(&mut [u8]) -> usize) {
        // SAFETY: PipeWire's buffer is ours until it is queued; `Data` is a transparent wrapper of `spa_data`, and the
        // pointers are checked before use.
        unsafe {
            let Some(buffer) = self.raw.as_ref().buffer.as_ref() else { return };
            if buffer.n_datas == 0 {
                return;
            }
            let Some(plane) = buffer.datas.cast::<Data>().as_mut() else { return };
            if plane.as_raw().chunk.is_null() {
                return;
            }
            let written = plane.data().map_or(0, fill);
            let chunk = plane.chunk_mut();
            *chunk.offset_mut() = 0;
            *chunk.stride_mut() = stride as i32;
            *chunk.size_mut() = written as u32;
        }
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        // SAFETY: taken from this very stream, and given back only here.
        unsafe { self.stream.queue_raw_buffer(self.raw.as_ptr()) }
    }
}

/// The clock that PipeWire stamps with: CLOCK_MONOTONIC.
fn monotonic_nanos() -> i64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `now` is a valid place to write to; this clock exists on every Linux.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut now) };
    now.tv_sec * 1_000_000_000 + now.tv_nsec
}
