//! The camera as a v4l2loopback device: what programs read that know nothing of PipeWire.
use super::CameraSettings;
use super::board::Shared;
use super::wait::Bell;
pub(super) fn run(_: &Shared, _: &Bell, _: CameraSettings) {}
