//! What was found on a machine: plain facts, for the checks to judge and for tests to make up.

use super::remedy::Distribution;
use crate::assets::Kind;
use crate::config::Settings;
use std::path::PathBuf;

/// What a probe found, or the sentence that says why it found nothing.
pub type Probed<T> = Result<T, String>;

#[derive(Clone, Debug)]
pub struct Machine {
    /// None: none that we know.
    pub distribution: Option<Distribution>,
    pub settings: Probed<Settings>,
    pub module: Probed<Module>,
    pub devices: Probed<Devices>,
    pub pipewire: Probed<PipeWire>,
    /// Err: there is no session bus.
    pub bus: Probed<Bus>,
    pub microphones: Probed<Vec<String>>,
    /// Real cameras, by name.
    pub cameras: Probed<Vec<String>>,
    /// The best first.
    pub adapters: Probed<Vec<Adapter>>,
    pub providers: Probed<Providers>,
    pub models: Probed<Vec<ModelState>>,
    /// Whether espeak-ng is installed.
    pub espeak: bool,
    /// Whether the avatar of the settings can be drawn; Err says why not.
    pub avatar: Probed<String>,
    /// Err: there is no user manager to ask.
    pub unit: Probed<Unit>,
}

/// The kernel module v4l2loopback.
#[derive(Clone, Debug, Default)]
pub struct Module {
    /// As `uname -r` says.
    pub kernel: String,
    pub loaded: Option<Loaded>,
    /// For the running kernel.
    pub installed: bool,
    /// The source is there to be built by DKMS, whether or not it was built for the running kernel.
    pub source: bool,
    /// Who signed the installed file.
    pub signer: Option<String>,
    pub secure_boot: bool,
    /// The options in modprobe.d.
    pub options: Vec<String>,
    /// Loaded at boot, by modules-load.d.
    pub at_boot: bool,
}

#[derive(Clone, Debug, Default)]
pub struct Loaded {
    pub version: String,
    /// Of all loopback devices.
    pub devices: Vec<(PathBuf, String)>,
    /// For each device; empty where the kernel does not say.
    pub exclusive_caps: Vec<bool>,
}

impl Loaded {
    /// The device that the program would use.
    pub fn ours(&self) -> Option<&PathBuf> {
        self.devices.iter().find(|(_, name)| name == crate::camera::NAME).map(|(path, _)| path)
    }
}

/// The device files and who may use them.
#[derive(Clone, Debug, Default)]
pub struct Devices {
    pub groups: Vec<String>,
    pub video: Vec<Device>,
    pub render: Vec<Device>,
}

#[derive(Clone, Debug)]
pub struct Device {
    pub path: PathBuf,
    /// Whether this user may read and write it.
    pub usable: bool,
}

#[derive(Clone, Debug)]
pub struct PipeWire {
    /// Whether its program is on this machine.
    pub installed: bool,
    /// Err: it does not answer, and why.
    pub server: Result<Server, String>,
}

#[derive(Clone, Debug, Default)]
pub struct Server {
    pub version: String,
    /// The names of its clients.
    pub clients: Vec<String>,
    /// Whether "VASA Camera" is among its nodes.
    pub camera: bool,
}

/// The names on the session bus that matter.
#[derive(Clone, Debug, Default)]
pub struct Bus {
    pub daemon: Name,
    /// What the running daemon says; Err: it does not answer.
    pub answer: Option<Probed<Daemon>>,
    pub portal: Name,
    /// The version of the portal's camera interface, where it runs.
    pub portal_camera: Option<Probed<u32>>,
    pub tray_host: bool,
}

#[derive(Clone, Copy, Debug, Default)]
pub struct Name {
    pub owned: bool,
    pub activatable: bool,
}

#[derive(Clone, Debug, Default)]
pub struct Daemon {
    pub version: String,
    pub state: String,
    pub problems: Vec<String>,
}

#[derive(Clone, Debug)]
pub struct Adapter {
    pub name: String,
    pub is_cpu: bool,
}

/// Where networks can run.
#[derive(Clone, Debug, Default)]
pub struct Providers {
    /// What the installed library has, the best first.
    pub has: Vec<&'static str>,
    /// What the settings lead to.
    pub used: &'static str,
    /// Why that is not what was asked for.
    pub problem: Option<String>,
}

#[derive(Clone, Debug)]
pub struct ModelState {
    pub name: String,
    pub kind: Kind,
    pub optional: bool,
    pub files: Vec<(PathBuf, FileState)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileState {
    Installed,
    Missing,
    /// Other bytes than the manifest pins.
    Damaged,
    /// The file came with the program, and is missing or has other bytes.
    ProgramDamaged,
    /// It cannot be read, and why.
    Unreadable(String),
}

/// The user unit, as systemd has it.
#[derive(Clone, Debug, Default)]
pub struct Unit {
    /// "loaded", "not-found", "masked", "bad-setting", "error".
    pub load: String,
    /// "enabled", "disabled", "static", …; empty where it is not installed.
    pub file: String,
    /// "active", "activating", "inactive", "failed".
    pub active: String,
    /// "success", "exit-code", "watchdog", …
    pub result: String,
}
