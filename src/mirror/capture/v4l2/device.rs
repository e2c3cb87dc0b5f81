//! What is asked of a device, call by call, and the memory that it shares.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::ptr::NonNull;
use v4l::v4l_sys::*;
use v4l::v4l2::vidioc;

pub(super) const CAPTURE: u32 = v4l2_buf_type_V4L2_BUF_TYPE_VIDEO_CAPTURE;
pub(super) const MMAP: u32 = v4l2_memory_V4L2_MEMORY_MMAP;

/// The structures of V4L2 are plain numbers, for which all zeros is a value.
macro_rules! zeroed {
    ($structure:ty) => {{
        // SAFETY: a C structure of integers and unions of integers.
        unsafe { std::mem::zeroed::<$structure>() }
    }};
}
pub(super) use zeroed;

/// Calls the device and passes on what the kernel said.
pub(super) fn call<T>(file: &File, request: vidioc::_IOC_TYPE, argument: &mut T) -> io::Result<()> {
    // SAFETY: each request of this room is called with the structure that `linux/videodev2.h` names for it, which the kernel reads and
    // writes within its size, and which outlives the call.
    unsafe { v4l::v4l2::ioctl(file.as_raw_fd(), request, std::ptr::from_mut(argument).cast()) }
}

/// Opens the device; its calls will not wait.
pub(super) fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).custom_flags(libc::O_NONBLOCK | libc::O_CLOEXEC).open(path)
}

/// What a device says that it is.
pub(super) struct Capability {
    pub card: String,
    /// It gives pictures, one plane each, by shared memory.
    pub captures: bool,
}

/// Asks the device what it is.
pub(super) fn capability(file: &File) -> io::Result<Capability> {
    let mut told = zeroed!(v4l2_capability);
    call(file, vidioc::VIDIOC_QUERYCAP, &mut told)?;
    let whole = told.capabilities & V4L2_CAP_DEVICE_CAPS == 0;
    // A device of several nodes tells in `capabilities` what they can do together: the one of metadata takes no pictures.
    let caps = if whole { told.capabilities } else { told.device_caps };
    let needed = V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_STREAMING;
    let card: Vec<u8> = told.card.into_iter().take_while(|b| *b != 0).collect();
    Ok(Capability { card: String::from_utf8_lossy(&card).into_owned(), captures: caps & needed == needed })
}

/// A buffer as the kernel is asked for it.
pub(super) fn buffer(index: u32) -> v4l2_buffer {
    let mut buffer = zeroed!(v4l2_buffer);
    (buffer.index, buffer.type_, buffer.memory) = (index, CAPTURE, MMAP);
    buffer
}

/// One buffer that the device and we both see.
#[derive(Debug)]
pub(super) struct Mapped {
    start: NonNull<u8>,
    length: usize,
}

// SAFETY: memory that belongs to this value alone until it is unmapped.
unsafe impl Send for Mapped {}

impl Mapped {
    /// Maps buffer `index`.
    ///
    /// # Errors
    /// The kernel does not show it.
    pub fn new(file: &File, index: u32) -> io::Result<Self> {
        let mut told = buffer(index);
        call(file, vidioc::VIDIOC_QUERYBUF, &mut told)?;
        let length = told.length as usize;
        // SAFETY: a fresh mapping of the length that the kernel named, at the offset that it named for this buffer; `m` holds an offset
        // for memory-mapped buffers.
        let start = unsafe {
            let offset = libc::off_t::from(told.m.offset);
            libc::mmap(std::ptr::null_mut(), length, libc::PROT_READ, libc::MAP_SHARED, file.as_raw_fd(), offset)
        };
        let start = if start == libc::MAP_FAILED { None } else { NonNull::new(start.cast()) };
        Ok(Self { start: start.ok_or_else(io::Error::last_os_error)?, length })
    }

    /// The first `used` bytes, or all where there are fewer. Only for a buffer that the device has handed over.
    pub fn bytes(&self, used: usize) -> &[u8] {
        // SAFETY: mapped with this length. The device does not write to a buffer that it has handed over.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), used.min(self.length)) }
    }
}

impl Drop for Mapped {
    fn drop(&mut self) {
        // SAFETY: mapped by `new` with this length, and nothing borrows it any more.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.length) };
    }
}
