//! Cameras as PipeWire has them: those of libcamera, those that other programs offer, and those of the kernel once more.

mod buffer;
mod nodes;
mod params;
mod session;
mod stream;

pub(super) use nodes::list;
pub(super) use stream::Stream;
