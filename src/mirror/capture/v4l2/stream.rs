//! The pictures of a device, through memory that it shares.

use super::device::{CAPTURE, MMAP, Mapped, buffer, call, capability, open, zeroed};
use super::modes::{format, formats, letters, modes};
use crate::clock::Moment;
use crate::mirror::capture::choose::{Mode, choose};
use crate::mirror::capture::ours::is_our_card;
use crate::mirror::capture::pixels::{Format, Layout};
use crate::mirror::capture::{CaptureError, Read, Taken, captured};
use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::path::Path;
use std::time::Duration;
use v4l::v4l_sys::*;
use v4l::v4l2::vidioc;

/// Buffers that are shared: one that we read, one that is filled, and two for delays.
const BUFFERS: u32 = 4;

/// A device that streams.
pub struct Stream {
    id: String,
    layout: Layout,
    buffers: Vec<Mapped>,
    /// Behind the buffers: they are unmapped first. Closing it ends the stream.
    file: File,
}

/// A buffer that the device has handed over.
struct Filled {
    index: u32,
    bytes: usize,
    broken: bool,
    at: Option<Moment>,
}

impl Stream {
    /// Opens the device at the path `id` and starts its stream.
    ///
    /// # Errors
    /// It is our own, absent, busy, forbidden, has no format that can be read, or fails.
    pub fn open(id: &str) -> Result<Self, CaptureError> {
        let file = open(Path::new(id)).map_err(|e| refused(id, "open", &e))?;
        let told = capability(&file).map_err(|_| CaptureError::absent(id))?;
        if is_our_card(&told.card) {
            return Err(CaptureError::ours(id));
        }
        if !told.captures {
            return Err(CaptureError::format(id, "no pictures to give"));
        }
        let codes = formats(&file);
        let modes = modes(&file, &codes);
        let best = choose(&modes.iter().map(|(_, mode)| *mode).collect::<Vec<_>>());
        let Some((code, mode)) = best.and_then(|best| modes.into_iter().find(|(_, mode)| *mode == best)) else {
            let names: Vec<_> = codes.into_iter().map(letters).collect();
            let offered = if names.is_empty() { "none at all".into() } else { names.join(", ") };
            return Err(CaptureError::format(id, &offered));
        };
        let layout = set_format(&file, id, code, mode)?;
        set_rate(&file, id, mode);
        let mut stream = Self { id: id.into(), layout, buffers: Vec::new(), file };
        stream.start().map_err(|e| refused(id, "start", &e))?;
        tracing::debug!("{id} ({}) sends {layout:?}, {:.1} a second", told.card, mode.rate());
        Ok(stream)
    }

    fn start(&mut self) -> io::Result<()> {
        let mut wanted = zeroed!(v4l2_requestbuffers);
        (wanted.count, wanted.type_, wanted.memory) = (BUFFERS, CAPTURE, MMAP);
        call(&self.file, vidioc::VIDIOC_REQBUFS, &mut wanted)?;
        for index in 0..wanted.count.min(BUFFERS * 8) {
            self.buffers.push(Mapped::new(&self.file, index)?);
            call(&self.file, vidioc::VIDIOC_QBUF, &mut buffer(index))?;
        }
        let mut kind = CAPTURE;
        call(&self.file, vidioc::VIDIOC_STREAMON, &mut kind)
    }

    /// Waits for a picture and reads the newest one.
    ///
    /// # Errors
    /// The device went away.
    pub fn newest(&mut self, timeout: Duration, read: Read<'_>) -> Result<Option<Taken>, CaptureError> {
        let gone = |_| CaptureError::gone(&self.id);
        if !self.wait(timeout).map_err(gone)? {
            return Ok(None);
        }
        let mut newest: Option<Filled> = None;
        // No more than there are buffers: a device that is faster than we must not keep us.
        for _ in 0..self.buffers.len() {
            let Some(filled) = self.take().map_err(gone)? else { break };
            if let Some(older) = newest.replace(filled) {
                call(&self.file, vidioc::VIDIOC_QBUF, &mut buffer(older.index)).map_err(gone)?;
            }
        }
        let Some(newest) = newest else { return Ok(None) };
        let picture = match self.buffers.get(newest.index as usize) {
            Some(_) if newest.broken => Err(anyhow::anyhow!("the device says that it is damaged")),
            Some(mapped) => read(&self.layout, mapped.bytes(newest.bytes)),
            None => Err(anyhow::anyhow!("buffer {} was never shared", newest.index)),
        };
        call(&self.file, vidioc::VIDIOC_QBUF, &mut buffer(newest.index)).map_err(gone)?;
        Ok(Some((picture, newest.at)))
    }

    /// Whether there is a picture within `timeout`.
    fn wait(&self, timeout: Duration) -> io::Result<bool> {
        let mut poll = libc::pollfd { fd: self.file.as_raw_fd(), events: libc::POLLIN, revents: 0 };
        // Rounded up: a wait of no time would be asked for again and again.
        let millis = timeout.as_micros().div_ceil(1000).min(60_000) as libc::c_int;
        // SAFETY: one valid structure for the call, its descriptor open.
        let ready = unsafe { libc::poll(&mut poll, 1, millis) };
        match ready {
            0 => Ok(false),
            -1 if io::Error::last_os_error().kind() == io::ErrorKind::Interrupted => Ok(false),
            -1 => Err(io::Error::last_os_error()),
            _ if poll.revents & (libc::POLLERR | libc::POLLHUP | libc::POLLNVAL) != 0 => {
                Err(io::Error::from_raw_os_error(libc::ENODEV))
            }
            _ => Ok(true),
        }
    }

    /// The next buffer that is filled; None where there is none yet.
    fn take(&self) -> io::Result<Option<Filled>> {
        let mut told = buffer(0);
        match call(&self.file, vidioc::VIDIOC_DQBUF, &mut told) {
            Ok(()) => {
                let monotonic = told.flags & V4L2_BUF_FLAG_TIMESTAMP_MASK == V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC;
                let (seconds, micros) = (told.timestamp.tv_sec, told.timestamp.tv_usec);
                let nanos = seconds.saturating_mul(1_000_000_000).saturating_add(micros.saturating_mul(1000));
                Ok(Some(Filled {
                    index: told.index,
                    bytes: told.bytesused as usize,
                    broken: told.flags & V4L2_BUF_FLAG_ERROR != 0,
                    at: if monotonic { captured(nanos) } else { None },
                }))
            }
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(e) => Err(e),
        }
    }
}

/// Sets what was chosen and returns what the device made of it.
fn set_format(file: &File, id: &str, code: u32, mode: Mode) -> Result<Layout, CaptureError> {
    let mut wanted = zeroed!(v4l2_format);
    wanted.type_ = CAPTURE;
    wanted.fmt.pix = v4l2_pix_format {
        width: mode.width,
        height: mode.height,
        pixelformat: code,
        field: v4l2_field_V4L2_FIELD_ANY,
        ..zeroed!(v4l2_pix_format)
    };
    call(file, vidioc::VIDIOC_S_FMT, &mut wanted).map_err(|e| refused(id, "take a format", &e))?;
    // SAFETY: for a buffer type of single planes the kernel fills `pix`.
    let got = unsafe { wanted.fmt.pix };
    let Some(format) = format(got.pixelformat) else {
        return Err(CaptureError::format(id, &letters(got.pixelformat)));
    };
    // Of YUV the limited range is what is meant where nothing else is said.
    let full = got.quantization == v4l2_quantization_V4L2_QUANTIZATION_FULL_RANGE
        || (got.quantization == 0 && got.colorspace == v4l2_colorspace_V4L2_COLORSPACE_JPEG);
    // SAFETY: both members of the union are the same number, under two names.
    let encoding = unsafe { got.__bindgen_anon_1.ycbcr_enc };
    let bt709 = encoding == v4l2_ycbcr_encoding_V4L2_YCBCR_ENC_709
        || (encoding == 0 && got.colorspace == v4l2_colorspace_V4L2_COLORSPACE_REC709);
    let stride = if format == Format::Mjpeg { 0 } else { got.bytesperline };
    Ok(Layout { format, width: got.width, height: got.height, stride, full, bt709 })
}

/// Asks for the rate that was chosen. Not every device can be asked.
fn set_rate(file: &File, id: &str, mode: Mode) {
    let mut rate = zeroed!(v4l2_streamparm);
    rate.type_ = CAPTURE;
    rate.parm.capture.timeperframe = v4l2_fract { numerator: mode.interval.0, denominator: mode.interval.1 };
    if let Err(e) = call(file, vidioc::VIDIOC_S_PARM, &mut rate) {
        tracing::debug!("{id} does not take {:.1} frames a second: {e}", mode.rate());
    }
}

/// What a failed call means for the user.
fn refused(id: &str, what: &str, e: &io::Error) -> CaptureError {
    match e.raw_os_error() {
        Some(libc::EBUSY) => CaptureError::busy(id),
        Some(libc::EACCES | libc::EPERM) => CaptureError::Refused(format!(
            "the camera {id} cannot be opened ({e}); join the group that may with `sudo usermod -aG video $USER` and log in again"
        )),
        Some(libc::ENOENT | libc::ENODEV | libc::ENXIO) => CaptureError::absent(id),
        _ => CaptureError::system(id, what, e),
    }
}
