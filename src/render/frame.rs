//! The picture that leaves the renderer.

use crate::clock::Moment;

/// Width and height in pixels; both even, because the camera's formats share colour between pairs of pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Size {
    pub width: u32,
    pub height: u32,
}

impl Size {
    /// The camera's default.
    pub const HD: Size = Size { width: 1280, height: 720 };
}

/// One picture: 8-bit sRGB, R G B A in memory order, rows from the top without padding.
#[derive(Clone, Debug)]
pub struct Frame {
    /// The moment that the picture shows.
    pub at: Moment,
    pub size: Size,
    /// `width * height * 4` bytes.
    pub rgba: Vec<u8>,
}

impl Frame {
    /// A black frame.
    pub fn new(size: Size) -> Self {
        Self { at: Moment(0), size, rgba: vec![0; size.width as usize * size.height as usize * 4] }
    }
}
