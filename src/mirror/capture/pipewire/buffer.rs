//! One picture as PipeWire lends it.

use crate::clock::Moment;
use crate::mirror::capture::captured;
use crate::mirror::capture::pixels::{Format, Layout};
use ::pipewire::buffer::Buffer;
use ::pipewire::spa::buffer::ChunkFlags;
use ::pipewire::spa::buffer::meta::{MetaHeader, MetaHeaderFlags};

/// More bytes than a picture of a camera has.
const MOST: usize = 1 << 28;

/// A picture on its way from PipeWire's thread to that of the reader.
#[derive(Debug)]
pub struct Raw {
    pub layout: Layout,
    pub at: Option<Moment>,
    pub bytes: Vec<u8>,
}

impl Raw {
    /// Copies a buffer of `layout` into `room`. None where there is no whole picture in it; then `room` is given back.
    pub fn copy(buffer: &mut Buffer<'_>, layout: Layout, mut room: Vec<u8>) -> Result<Self, Vec<u8>> {
        let header = buffer.find_meta::<MetaHeader>();
        let damaged = header.is_some_and(|h| h.flags().contains(MetaHeaderFlags::CORRUPTED));
        let at = header.and_then(|h| captured(h.pts()));
        let mut layout = layout;
        room.clear();
        for (plane, data) in buffer.datas_mut().iter_mut().enumerate() {
            if damaged || data.as_raw().chunk.is_null() || data.chunk().flags().contains(ChunkFlags::CORRUPTED) {
                return Err(room);
            }
            let chunk = data.chunk();
            let (offset, size, stride) = (chunk.offset() as usize, chunk.size() as usize, chunk.stride());
            if plane == 0 && layout.format != Format::Mjpeg {
                // Rows from the bottom up, a negative stride, are none that a camera has.
                let Ok(stride) = stride.try_into() else { return Err(room) };
                layout.stride = stride;
            }
            let bytes = data.data().and_then(|all| all.get(offset..)).unwrap_or_default();
            let bytes = bytes.get(..size).unwrap_or(bytes);
            if room.len() + bytes.len() > MOST {
                return Err(room);
            }
            room.extend_from_slice(bytes);
        }
        if room.is_empty() { Err(room) } else { Ok(Self { layout, at, bytes: room }) }
    }
}
