//! The user's own camera: a real one, by V4L2 or through PipeWire, never the one that this program offers. It is open, and its light
//! on, from [`Capture::open`] until the [`Capture`] is dropped; nothing of what it shows is kept.

mod choose;
mod error;
mod jpeg;
mod ours;
mod pipewire;
mod pixels;
mod v4l2;

pub use error::CaptureError;

use crate::clock::Moment;
use image::RgbImage;
use pixels::{Layout, Reader};
use std::time::{Duration, Instant};

/// A camera that sends nothing but broken pictures this long is broken.
const BROKEN: Duration = Duration::from_secs(2);

/// A time of capture that lies further back than this is one of another clock.
const MAX_AGE: Duration = Duration::from_millis(500);

/// How a camera is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    V4l2,
    Pipewire,
}

impl Kind {
    /// As the camera's outlets have it.
    pub fn name(self) -> &'static str {
        match self {
            Kind::V4l2 => "v4l2",
            Kind::Pipewire => "pipewire",
        }
    }
}

/// A camera that can be chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// The device's path, or the name of PipeWire's node.
    pub id: String,
    /// The name that people see.
    pub name: String,
    pub kind: Kind,
}

/// A picture of the user.
#[derive(Clone, Debug)]
pub struct Picture {
    /// Its longer side is at most 1024.
    pub rgb: RgbImage,
    /// When it was captured.
    pub at: Moment,
}

/// The cameras of this machine but our own: those of V4L2, by number, then those that only PipeWire has.
pub fn list() -> Vec<Device> {
    let mut all = v4l2::list();
    // PipeWire passes the devices of V4L2 on: those are here already.
    let known = |path: &std::path::Path| all.iter().any(|d| path.as_os_str() == d.id.as_str());
    let more: Vec<_> =
        pipewire::list().into_iter().filter(|n| !n.ours && !n.v4l2_path.as_deref().is_some_and(known)).collect();
    all.extend(more.into_iter().map(|n| Device { id: n.name, name: n.label, kind: Kind::Pipewire }));
    all
}

/// Whether a camera can be chosen by this id or name; it is not opened.
///
/// # Errors
/// It is our own, or absent.
pub fn check(choice: &str) -> Result<(), CaptureError> {
    find(choice).map(drop)
}

/// An open camera; dropping it closes it at once.
pub struct Capture {
    device: Device,
    source: Source,
    reader: Reader,
    /// Since when there are only broken pictures.
    broken: Option<Instant>,
}

enum Source {
    V4l2(v4l2::Stream),
    Pipewire(pipewire::Stream),
}

impl Capture {
    /// Opens a camera by its id or its name; without one the first there is, of V4L2 rather than of PipeWire.
    ///
    /// # Errors
    /// It is our own, absent, used by another program, forbidden, or has no format that can be read; there is none.
    pub fn open(choice: Option<&str>) -> Result<Self, CaptureError> {
        let device = match choice {
            Some(choice) => find(choice)?,
            None => list().into_iter().next().ok_or_else(CaptureError::none)?,
        };
        let source = match device.kind {
            Kind::V4l2 => Source::V4l2(v4l2::Stream::open(&device.id)?),
            Kind::Pipewire => Source::Pipewire(pipewire::Stream::open(&device.id)?),
        };
        Ok(Self { device, source, reader: Reader::default(), broken: None })
    }

    /// The camera that is open.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// The newest picture that was not given yet; older ones are dropped. None where none came within `timeout`.
    ///
    /// # Errors
    /// The camera went away, or has sent nothing but broken pictures for two seconds. It is not to be asked again then.
    pub fn next(&mut self, timeout: Duration) -> Result<Option<Picture>, CaptureError> {
        let end = Instant::now() + timeout;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let reader = &mut self.reader;
            let mut read = |layout: &Layout, bytes: &[u8]| reader.read(layout, bytes);
            let taken = match &mut self.source {
                Source::V4l2(stream) => stream.newest(left, &mut read)?,
                Source::Pipewire(stream) => stream.newest(left, &mut read)?,
            };
            match taken {
                Some((Ok(rgb), at)) => {
                    self.broken = None;
                    return Ok(Some(Picture { rgb, at: Moment::now().min(at.unwrap_or_else(Moment::now)) }));
                }
                Some((Err(why), _)) => {
                    let since = *self.broken.get_or_insert_with(Instant::now);
                    tracing::debug!("a broken picture: {why:#}");
                    if since.elapsed() >= BROKEN {
                        return Err(CaptureError::broken(&self.device.id, &format!("{why:#}")));
                    }
                }
                None => return Ok(None),
            }
        }
    }

    /// Takes a picture's room back for the next one.
    pub fn give_back(&mut self, picture: Picture) {
        self.reader.give_back(picture.rgb);
    }
}

/// One picture as RGB, or why it is broken; and when it was captured, where that is known.
type Taken = (anyhow::Result<RgbImage>, Option<Moment>);

/// What turns the bytes of a picture into RGB.
type Read<'r> = &'r mut dyn FnMut(&Layout, &[u8]) -> anyhow::Result<RgbImage>;

/// A time of capture in nanoseconds of the system's monotonic clock; None where it cannot be one.
fn captured(nanos: i64) -> Option<Moment> {
    let (at, now) = (Moment::of_monotonic(nanos), Moment::now());
    (nanos > 0 && (now - MAX_AGE..=now).contains(&at)).then_some(at)
}

/// The camera that is meant by an id or a name.
fn find(choice: &str) -> Result<Device, CaptureError> {
    if choice.starts_with('/') {
        return v4l2::find(choice);
    }
    let ours = |name: &str| name.eq_ignore_ascii_case(crate::camera::NAME) || name == crate::camera::NODE;
    if ours(choice) || ours::is_our_card(choice) {
        return Err(CaptureError::ours(choice));
    }
    if let Some(device) = v4l2::list().into_iter().find(|d| d.name.eq_ignore_ascii_case(choice)) {
        return Ok(device);
    }
    let nodes = pipewire::list();
    let by_id = nodes.iter().find(|n| n.name == choice);
    match by_id.or_else(|| nodes.iter().find(|n| n.label.eq_ignore_ascii_case(choice))) {
        Some(node) if node.ours => Err(CaptureError::ours(choice)),
        Some(node) => Ok(Device { id: node.name.clone(), name: node.label.clone(), kind: Kind::Pipewire }),
        None => Err(CaptureError::absent(choice)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_is_refused_by_its_names_before_anything_is_opened() {
        for name in ["vasa_camera", "VASA Camera", "VASA Camera (V4L2)"] {
            assert!(matches!(Capture::open(Some(name)), Err(CaptureError::Ours(_))), "{name}");
        }
    }

    #[test]
    fn an_open_camera_can_be_handed_to_another_thread() {
        fn movable<T: Send>() {}
        movable::<Capture>();
    }

    #[test]
    fn what_is_not_there_is_said_to_be_absent() {
        for id in ["/dev/video9999", "/nonexistent", "/dev/null", "no such node"] {
            let e = Capture::open(Some(id)).err().unwrap();
            assert!(matches!(e, CaptureError::Absent(_)) && e.to_string().contains(id), "{id}: {e:?}");
        }
    }

    #[test]
    fn a_time_of_another_clock_is_none() {
        let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: `now` is valid for the call.
        unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut now) };
        let now = now.tv_sec * 1_000_000_000 + now.tv_nsec;
        assert!(captured(now - 30_000_000).is_some());
        for other in [0, -5, 1, now + 1_000_000_000, now - 3_000_000_000, i64::MAX, i64::MIN] {
            assert!(captured(other).is_none(), "{other}");
        }
    }
}
