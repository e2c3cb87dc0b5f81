//! Cameras as the kernel has them.
//!
//! Raw calls rather than `v4l`'s own stream, which panics when a device goes away.

mod device;
mod modes;
mod stream;

pub(super) use stream::Stream;

use super::ours::{card, is_our_card};
use super::{CaptureError, Device, Kind};
use std::path::{Path, PathBuf};

/// The cameras, by number, but our own: that one is not even opened, for whoever has it open is taken for somebody who watches.
pub(super) fn list() -> Vec<Device> {
    let Ok(entries) = std::fs::read_dir("/sys/class/video4linux") else { return Vec::new() };
    let number = |path: &Path| path.to_str().and_then(|p| p.strip_prefix("/dev/video")?.parse::<u32>().ok());
    let mut paths: Vec<(u32, PathBuf)> = entries
        .filter_map(|entry| {
            let path = Path::new("/dev").join(entry.ok()?.file_name());
            Some((number(&path)?, path))
        })
        .collect();
    paths.sort();
    let others = paths.into_iter().filter(|(_, path)| !card(path).is_some_and(|card| is_our_card(&card)));
    others.filter_map(|(_, path)| camera(&path)).collect()
}

/// The camera at `path`; None where it is something else or cannot be asked.
fn camera(path: &Path) -> Option<Device> {
    let told = device::open(path).and_then(|file| device::capability(&file)).ok()?;
    let ours = is_our_card(&told.card);
    (told.captures && !ours).then(|| Device { id: path.display().to_string(), name: told.card, kind: Kind::V4l2 })
}

/// The camera that a path means, which may be a link such as those of `/dev/v4l/by-id`.
pub(super) fn find(choice: &str) -> Result<Device, CaptureError> {
    let path = std::fs::canonicalize(choice).map_err(|_| CaptureError::absent(choice))?;
    let name = card(&path).ok_or_else(|| CaptureError::absent(choice))?;
    if is_our_card(&name) {
        return Err(CaptureError::ours(choice));
    }
    Ok(Device { id: path.display().to_string(), name, kind: Kind::V4l2 })
}
