//! The loopback device as the kernel has it: V4L2's streaming output by memory map.
//!
//! Raw calls rather than `v4l`'s own stream, which panics when a device goes away. And streaming rather than `write()`:
//! with v4l2loopback 0.12.7 a program that wrote leaves a device behind that nobody can read until the module is
//! reloaded, while one that streamed may even be killed (`tests/camera_v4l2.rs`).

use crate::render::Size;
use anyhow::{Context, Result, bail, ensure};
use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use v4l::v4l_sys::*;
use v4l::v4l2::vidioc;

/// `V4L2_EVENT_PRI_CLIENT_USAGE` of v4l2loopback 0.13 and later (`v4l2loopback.c`).
const CLIENT_USAGE: u32 = 0x0800_0000 + 0x08E0_0000 + 1;
/// `V4L2_EVENT_SUB_FL_SEND_INITIAL` (`linux/videodev2.h`).
const SEND_INITIAL: u32 = 1;

/// `VIDIOC_DQEVENT` and `VIDIOC_SUBSCRIBE_EVENT`, which the crate has no names for: `_IOR('V', 89, …)`, `_IOW('V', 90, …)`.
const DQEVENT: vidioc::_IOC_TYPE = request(2, 89, size_of::<v4l2_event>());
const SUBSCRIBE_EVENT: vidioc::_IOC_TYPE = request(1, 90, size_of::<v4l2_event_subscription>());

/// A request's number after `asm-generic/ioctl.h`; `direction` is 1 where we write, 2 where we read.
const fn request(direction: u32, number: u32, size: usize) -> vidioc::_IOC_TYPE {
    ((direction << 30) | ((size as u32) << 16) | ((b'V' as u32) << 8) | number) as vidioc::_IOC_TYPE
}

const OUTPUT: u32 = v4l2_buf_type_V4L2_BUF_TYPE_VIDEO_OUTPUT;
const MMAP: u32 = v4l2_memory_V4L2_MEMORY_MMAP;
/// `YUYV` as a FourCC.
const YUYV: u32 = u32::from_le_bytes(*b"YUYV");

/// The device whose card is called `card`, whatever its number. Other devices are not opened: that would wake a real
/// webcam.
pub fn find(card: &str) -> Option<PathBuf> {
    let mut names: Vec<_> = std::fs::read_dir("/sys/class/video4linux")
        .ok()?
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let name = std::fs::read_to_string(entry.path().join("name")).ok()?;
            (name.trim_end() == card).then(|| Path::new("/dev").join(entry.file_name()))
        })
        .collect();
    names.sort();
    names.into_iter().next()
}

/// Calls the device and passes on what the kernel said.
fn call<T>(file: &File, request: vidioc::_IOC_TYPE, argument: &mut T) -> io::Result<()> {
    // SAFETY: each request of this module is called with the structure that `linux/videodev2.h` names for it, which the
    // kernel reads and writes within its size, and which outlives the call.
    unsafe { v4l::v4l2::ioctl(file.as_raw_fd(), request, std::ptr::from_mut(argument).cast()) }
}

/// The structures of V4L2 are plain numbers, for which all zeros is a value.
macro_rules! zeroed {
    ($structure:ty) => {{
        // SAFETY: a C structure of integers and unions of integers.
        unsafe { std::mem::zeroed::<$structure>() }
    }};
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).custom_flags(libc::O_NONBLOCK | libc::O_CLOEXEC).open(path)
}

/// One buffer that the device and we both see.
#[derive(Debug)]
struct Mapped {
    start: std::ptr::NonNull<u8>,
    length: usize,
    /// The frame in it.
    holds: Option<u64>,
}

impl Drop for Mapped {
    fn drop(&mut self) {
        // SAFETY: mapped by `Device::map` with this length, and nothing borrows it any more.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.length) };
    }
}

/// The device, set to our format and streaming.
#[derive(Debug)]
pub struct Device {
    path: PathBuf,
    buffers: Vec<Mapped>,
    bytes: u32,
    last: Option<usize>,
    /// Whether the module tells when somebody reads.
    tells: bool,
    /// Behind the buffers: they are unmapped first.
    file: File,
}

impl Device {
    /// Opens the device at `path`, which must be the card `card`, and begins to stream YUYV of `size`.
    ///
    /// # Errors
    /// A sentence with the remedy: no permission, another program feeds it, an app holds it at another size.
    pub fn start(path: PathBuf, card: &str, size: Size, fps: u32) -> Result<Self> {
        let name = path.display();
        let file = open(&path).map_err(|e| match e.raw_os_error() {
            Some(libc::EACCES | libc::EPERM) => anyhow::anyhow!(
                "{name} cannot be opened ({e}); join the group that may with `sudo usermod -aG video $USER` and log in again"
            ),
            Some(libc::EBUSY) => anyhow::anyhow!("{name} has as many users as it takes; close one of them"),
            _ => anyhow::anyhow!("{name} cannot be opened ({e}); reload it with `sudo modprobe -r v4l2loopback && sudo modprobe v4l2loopback`"),
        })?;
        let mut capability = zeroed!(v4l2_capability);
        call(&file, vidioc::VIDIOC_QUERYCAP, &mut capability)
            .with_context(|| format!("{name} does not say what it is"))?;
        let told = capability.card.iter().take_while(|b| **b != 0).copied().collect::<Vec<_>>();
        ensure!(told == card.as_bytes(), "{name} is \"{}\", not \"{card}\"", String::from_utf8_lossy(&told));

        let mut device = Self { path: path.clone(), buffers: Vec::new(), bytes: 0, last: None, tells: false, file };
        device.tells = subscribe(&device.file).is_ok();
        device.set_format(size, fps)?;
        // The old module counts on two: an app that asks for fewer buffers than we have makes it show the wrong one.
        device.map(if device.tells { 4 } else { 2 })?;
        Ok(device)
    }

    fn set_format(&mut self, size: Size, fps: u32) -> Result<()> {
        let name = self.path.display();
        let mut format = zeroed!(v4l2_format);
        format.type_ = OUTPUT;
        format.fmt.pix = v4l2_pix_format {
            width: size.width,
            height: size.height,
            pixelformat: YUYV,
            field: v4l2_field_V4L2_FIELD_NONE,
            bytesperline: size.width * 2,
            sizeimage: size.width * size.height * 2,
            colorspace: v4l2_colorspace_V4L2_COLORSPACE_SRGB,
            ..zeroed!(v4l2_pix_format)
        };
        if let Err(e) = call(&self.file, vidioc::VIDIOC_S_FMT, &mut format) {
            if e.raw_os_error() == Some(libc::EBUSY) {
                bail!("{name} is fed by another program; close that program");
            }
            bail!(
                "{name} does not take {}x{} YUYV ({e}); load v4l2loopback without max_width and max_height",
                size.width,
                size.height
            );
        }
        // SAFETY: for a buffer type of single pictures the kernel fills `pix`.
        let got = unsafe { format.fmt.pix };
        if (got.width, got.height, got.pixelformat) != (size.width, size.height, YUYV) {
            bail!(
                "{name} is held at {}x{} by another program; close the apps that use \"{}\" and whatever feeds it",
                got.width,
                got.height,
                super::super::NAME
            );
        }
        // The device answers with whole pages; what we fill is less.
        self.bytes = size.width * size.height * 2;
        let mut rate = zeroed!(v4l2_streamparm);
        rate.type_ = OUTPUT;
        rate.parm.output.timeperframe = v4l2_fract { numerator: 1, denominator: fps };
        if let Err(e) = call(&self.file, vidioc::VIDIOC_S_PARM, &mut rate) {
            tracing::debug!("{name} does not note {fps} frames a second: {e}");
        }
        Ok(())
    }

    fn map(&mut self, count: u32) -> Result<()> {
        let name = self.path.display();
        let mut wanted = zeroed!(v4l2_requestbuffers);
        (wanted.count, wanted.type_, wanted.memory) = (count, OUTPUT, MMAP);
        call(&self.file, vidioc::VIDIOC_REQBUFS, &mut wanted).map_err(|e| match e.raw_os_error() {
            Some(libc::EBUSY) => anyhow::anyhow!("{name} is fed by another program; close that program"),
            _ => anyhow::anyhow!("{name} lends no buffers ({e}); reload the module v4l2loopback"),
        })?;
        for index in 0..wanted.count.min(count) {
            let mut buffer = self.describe(index);
            call(&self.file, vidioc::VIDIOC_QUERYBUF, &mut buffer)
                .with_context(|| format!("{name} hides buffer {index}"))?;
            let length = buffer.length as usize;
            ensure!(length >= self.bytes as usize, "{name} lends buffers of {length} bytes; {} are needed", self.bytes);
            // SAFETY: a fresh mapping of the length that the kernel named, at the offset that it named for this buffer;
            // `m` holds an offset for memory-mapped buffers.
            let start = unsafe {
                libc::mmap(
                    std::ptr::null_mut(),
                    length,
                    libc::PROT_READ | libc::PROT_WRITE,
                    libc::MAP_SHARED,
                    self.file.as_raw_fd(),
                    libc::off_t::from(buffer.m.offset),
                )
            };
            let start = if start == libc::MAP_FAILED { None } else { std::ptr::NonNull::new(start.cast()) };
            let start = start.with_context(|| format!("{name}: {}", io::Error::last_os_error()))?;
            self.buffers.push(Mapped { start, length, holds: None });
        }
        ensure!(!self.buffers.is_empty(), "{name} lends no buffers; reload the module v4l2loopback");
        Ok(())
    }

    fn describe(&self, index: u32) -> v4l2_buffer {
        let mut buffer = zeroed!(v4l2_buffer);
        (buffer.index, buffer.type_, buffer.memory) = (index, OUTPUT, MMAP);
        (buffer.bytesused, buffer.field) = (self.bytes, v4l2_field_V4L2_FIELD_NONE);
        buffer
    }

    /// Shows frame `number`: `fill` writes it to a buffer of the picture's size, and is not called for a buffer that
    /// holds it already.
    ///
    /// # Errors
    /// The device went away, or refuses.
    pub fn show(&mut self, number: u64, mut fill: impl FnMut(&mut [u8]) -> Result<()>) -> Result<()> {
        let count = self.buffers.len();
        let first = self.last.is_none();
        // Before the stream starts the device owns no buffer: each gets the picture.
        let indices = if first { 0..count } else { self.free()?.map_or(0..0, |i| i..i + 1) };
        for index in indices {
            if let Some(mapped) = self.buffers.get_mut(index).filter(|m| m.holds != Some(number)) {
                // SAFETY: `length >= bytes` was checked when it was mapped; only this program writes to it, and only here.
                let bytes = unsafe { std::slice::from_raw_parts_mut(mapped.start.as_ptr(), self.bytes as usize) };
                fill(bytes)?;
                mapped.holds = Some(number);
            }
            let mut buffer = self.describe(index as u32);
            call(&self.file, vidioc::VIDIOC_QBUF, &mut buffer).context("error showing a picture")?;
            self.last = Some(index);
        }
        if first {
            let mut kind = OUTPUT;
            call(&self.file, vidioc::VIDIOC_STREAMON, &mut kind).map_err(|e| match e.raw_os_error() {
                Some(libc::EBUSY) => {
                    anyhow::anyhow!("{} is fed by another program; close that program", self.path.display())
                }
                _ => anyhow::anyhow!("{} does not start ({e}); reload the module v4l2loopback", self.path.display()),
            })?;
        }
        Ok(())
    }

    /// A buffer to write to; none while the device holds them all.
    fn free(&self) -> Result<Option<usize>> {
        let mut buffer = self.describe(0);
        match call(&self.file, vidioc::VIDIOC_DQBUF, &mut buffer) {
            Ok(()) => {
                let (index, count) = (buffer.index as usize, self.buffers.len());
                // 0.12.7 hands back the buffer that was shown last, which an app may be reading: take the next one.
                Ok(Some(if self.last == Some(index) { (index + 1) % count } else { index }))
            }
            Err(e) if e.raw_os_error() == Some(libc::EAGAIN) => Ok(None),
            Err(e) => Err(e).context("error getting a buffer back"),
        }
    }

    /// Whether the module tells when somebody reads.
    pub fn tells(&self) -> bool {
        self.tells
    }

    /// What the device told since the last call: whether somebody reads.
    pub fn news(&self) -> Option<bool> {
        if self.tells { last_event(&self.file) } else { None }
    }

    /// Whether somebody reads, asked anew: the news of a long-lived descriptor have been seen to miss a change.
    pub fn ask(&self) -> Option<bool> {
        if !self.tells {
            return None;
        }
        let fresh = open(&self.path).ok()?;
        subscribe(&fresh).ok()?;
        last_event(&fresh)
    }

    /// What keeps browsers from using the device: they refuse one that says it is an output.
    pub fn advice(&self) -> Option<String> {
        let fresh = open(&self.path).ok()?;
        let mut capability = zeroed!(v4l2_capability);
        call(&fresh, vidioc::VIDIOC_QUERYCAP, &mut capability).ok()?;
        (capability.device_caps & V4L2_CAP_VIDEO_OUTPUT != 0).then(|| {
            format!(
                "{} was made without exclusive_caps, so browsers do not list it; copy vasa-camera.conf to /etc/modprobe.d, \
                 close the apps that use it and reload the module v4l2loopback",
                self.path.display()
            )
        })
    }
}

impl AsFd for Device {
    /// Has priority news (`POLLPRI`) when an app starts or stops to read.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

fn subscribe(file: &File) -> io::Result<()> {
    let mut wanted = zeroed!(v4l2_event_subscription);
    (wanted.type_, wanted.flags) = (CLIENT_USAGE, SEND_INITIAL);
    call(file, SUBSCRIBE_EVENT, &mut wanted)
}

/// Takes what is queued and returns the last: whether somebody reads.
fn last_event(file: &File) -> Option<bool> {
    let mut last = None;
    loop {
        let mut event = zeroed!(v4l2_event);
        if call(file, DQEVENT, &mut event).is_err() {
            return last;
        }
        if event.type_ == CLIENT_USAGE {
            // SAFETY: every member of the union is plain bytes. The event's payload begins with the count.
            let data = unsafe { event.u.data };
            last = Some(data.first_chunk().is_some_and(|count| u32::from_ne_bytes(*count) > 0));
        }
    }
}

/// How many descriptors are open on all loopback devices of this machine: the module cannot be taken away under any of
/// them. None where the kernel does not count.
pub fn users() -> Option<u32> {
    std::fs::read_to_string("/sys/module/v4l2loopback/refcnt").ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_requests_have_the_numbers_of_the_kernel_header() {
        assert_eq!(DQEVENT, 0x8088_5659, "VIDIOC_DQEVENT");
        assert_eq!(SUBSCRIBE_EVENT, 0x4020_565A, "VIDIOC_SUBSCRIBE_EVENT");
        assert_eq!(YUYV, 0x5659_5559);
    }
}
