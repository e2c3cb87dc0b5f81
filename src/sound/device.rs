//! The sound devices of the machine: PipeWire's where it runs, else ALSA's (which also reach PulseAudio).

use anyhow::{Context, Result, bail};
use cpal::traits::{DeviceTrait, HostTrait};
use cpal::{Device, Host, HostId, SupportedStreamConfig};

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

fn host() -> Result<Host> {
    cpal::host_from_id(HostId::PipeWire).or_else(|_| cpal::host_from_id(HostId::Alsa)).map_err(|e| {
        anyhow::anyhow!("no sound system answers ({e}); start PipeWire, or install libasound2 and its data")
    })
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
    let mut all: Vec<String> = host()?
        .devices()?
        // What PipeWire can both play and record is an output and its echo: no microphone.
        .filter(|d| direction.takes(d) && (direction == Direction::Output || !d.supports_output()))
        .map(|d| names(&d).0)
        .collect();
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
    let host = host()?;
    let Some(name) = name else {
        let device = match direction {
            Direction::Input => host.default_input_device(),
            Direction::Output => host.default_output_device(),
        };
        return device.with_context(|| format!("there is no {}; connect one", direction.noun()));
    };
    let is_wanted = |d: &Device| {
        let (label, id) = names(d);
        direction.takes(d) && (label.eq_ignore_ascii_case(name) || id.eq_ignore_ascii_case(name))
    };
    if let Some(device) = host.devices()?.find(is_wanted) {
        return Ok(device);
    }
    let existing = devices(direction)?;
    let existing = if existing.is_empty() {
        "there is none now".to_owned()
    } else {
        format!("choose one of: {}", existing.join(", "))
    };
    bail!("the {} \"{name}\" was not found; {existing}", direction.noun());
}

/// The device's own format.
pub(crate) fn default_config(direction: Direction, device: &Device) -> Result<SupportedStreamConfig> {
    match direction {
        Direction::Input => device.default_input_config(),
        Direction::Output => device.default_output_config(),
    }
    .with_context(|| format!("the {} cannot be opened; check the system's sound settings", direction.noun()))
}
