//! The sound devices of the machine, of PipeWire, PulseAudio or ALSA.

use anyhow::{Context, Result, bail, ensure};
use cpal::traits::{DeviceTrait, HostTrait};
use cpal::{BufferSize, Device, Host, HostId, SampleFormat, StreamConfig};

/// Which way the sound goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Microphones.
    Input,
    /// Speakers and headphones.
    Output,
}

impl Direction {
    fn noun(self) -> &'static str {
        match self {
            Direction::Input => "microphone",
            Direction::Output => "sound output",
        }
    }

    fn takes(self, device: &Device) -> bool {
        match self {
            Direction::Input => device.supports_input(),
            Direction::Output => device.supports_output(),
        }
    }
}

/// The sound systems that answer, the best first: PipeWire has the exacter clock, PulseAudio (most often PipeWire's own) the
/// virtual devices too, ALSA is always there.
fn hosts() -> Result<Vec<Host>> {
    let all = [HostId::PipeWire, HostId::PulseAudio, HostId::Alsa];
    let answering: Vec<_> = all.into_iter().filter_map(|id| cpal::host_from_id(id).ok()).collect();
    ensure!(!answering.is_empty(), "no sound system answers; start PipeWire, or install libasound2 and its data");
    Ok(answering)
}

/// The name that people see, and the one that the sound system uses. Both are accepted in the settings.
fn names(device: &Device) -> (String, String) {
    let id = device.id().map(|id| id.id().to_owned()).unwrap_or_default();
    let label = device.description().map(|d| d.name().to_owned()).unwrap_or_else(|_| id.clone());
    (label, id)
}

/// The devices that can be named in the settings.
///
/// # Errors
/// There is no sound system.
pub fn devices(direction: Direction) -> Result<Vec<String>> {
    let mut all: Vec<String> = Vec::new();
    for host in hosts()? {
        if host.id() == HostId::Alsa && !all.is_empty() {
            // The same devices under names that nobody knows.
            break;
        }
        let found = host.devices().into_iter().flatten();
        // What can both play and record is an output and its echo: no microphone.
        let found = found.filter(|d| direction.takes(d) && (direction == Direction::Output || !d.supports_output()));
        // PipeWire's default devices, its nodes without a name, and PulseAudio's echoes of outputs are no devices of their own.
        let is_own = |(label, id): &(String, String)| {
            !(label.starts_with("default_") || label == "unknown" || id.ends_with(".monitor"))
        };
        all.extend(found.map(|d| names(&d)).filter(is_own).map(|(label, _)| label));
    }
    all.sort();
    all.dedup();
    Ok(all)
}

/// Whether a device of this name is there.
///
/// # Errors
/// It is not: the message lists those that are.
pub fn check_device(direction: Direction, name: &str) -> Result<()> {
    find(direction, Some(name)).map(drop)
}

/// The named device, or the system's default one.
pub(crate) fn find(direction: Direction, name: Option<&str>) -> Result<Device> {
    let is_wanted = |d: &Device| {
        let (label, id) = names(d);
        name.is_some_and(|n| direction.takes(d) && (label.eq_ignore_ascii_case(n) || id.eq_ignore_ascii_case(n)))
    };
    for host in hosts()? {
        let found = match (name, direction) {
            (Some(_), _) => host.devices().ok().and_then(|mut all| all.find(is_wanted)),
            (None, Direction::Input) => host.default_input_device(),
            (None, Direction::Output) => host.default_output_device(),
        };
        if let Some(device) = found {
            return Ok(device);
        }
    }
    let noun = direction.noun();
    let Some(name) = name else { bail!("there is no {noun}; connect one") };
    let existing = devices(direction)?;
    if existing.is_empty() {
        bail!("the {noun} \"{name}\" was not found, nor any other; connect it");
    }
    bail!("the {noun} \"{name}\" was not found; choose one of: {}", existing.join(", "));
}

/// The device's own rate and channels, in a format that every device of its system has, with buffers that are not long.
pub(crate) fn default_config(direction: Direction, device: &Device) -> Result<(StreamConfig, SampleFormat)> {
    let config = match direction {
        Direction::Input => device.default_input_config(),
        Direction::Output => device.default_output_config(),
    }
    .with_context(|| format!("the {} cannot be opened; check the system's sound settings", direction.noun()))?;
    let mut stream = config.config();
    let host = device.id().map(|id| id.host());
    let serves = matches!(host, Ok(HostId::PulseAudio | HostId::PipeWire));
    if serves && direction == Direction::Input {
        // The sound server mixes: a microphone of one channel, led to a stream of two, would be in the left one only.
        stream.channels = 1;
    }
    if matches!(host, Ok(HostId::PulseAudio)) {
        // It converts, and would buffer two seconds if it were not asked for 20 ms.
        stream.buffer_size = BufferSize::Fixed(stream.sample_rate / 50);
        return Ok((stream, SampleFormat::F32));
    }
    Ok((stream, config.sample_format()))
}
