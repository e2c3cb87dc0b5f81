//! The outlets: PipeWire with its session manager and portal, and the loopback device.

use super::{unknown, unless, wanted};
use crate::camera::NAME as CAMERA;
use crate::doctor::machine::{Loaded, Machine, Module, Server};
use crate::doctor::remedy::Remedy;
use crate::doctor::{Finding, Level};
use std::path::PathBuf;

/// What the program was built for; older servers know less.
const OLDEST: (u32, u32, u32) = (0, 3, 64);

pub fn check(machine: &Machine) -> Vec<Finding> {
    [pipewire(machine), manager(machine), portal(machine), loopback(machine), options(machine), devices(machine)]
        .into_iter()
        .flatten()
        .collect()
}

fn server(machine: &Machine) -> Option<&Server> {
    machine.pipewire.as_ref().ok().and_then(|p| p.server.as_ref().ok())
}

/// The session manager among PipeWire's clients.
fn manager_of(server: &Server) -> Option<&str> {
    let known = |name: &&String| matches!(name.as_str(), "WirePlumber" | "pipewire-media-session");
    server.clients.iter().find(known).map(String::as_str)
}

/// Whether apps get the camera by PipeWire.
fn by_pipewire(machine: &Machine) -> bool {
    wanted(machine).pipewire && server(machine).is_some_and(|s| manager_of(s).is_some())
}

/// Whether apps get the camera as a device.
fn by_device(machine: &Machine) -> bool {
    let ours = machine.module.as_ref().ok().and_then(|m| m.loaded.as_ref()).and_then(Loaded::ours);
    let usable =
        |path: &PathBuf| machine.devices.as_ref().is_ok_and(|d| d.video.iter().any(|v| v.path == *path && v.usable));
    wanted(machine).v4l2 && ours.is_some_and(usable)
}

fn install_pipewire() -> Remedy {
    Remedy::install(
        "pipewire wireplumber pipewire-pulse",
        "pipewire wireplumber pipewire-pulseaudio",
        "pipewire wireplumber pipewire-pulse",
    )
}

const START: &str = "systemctl --user enable --now pipewire.socket pipewire.service wireplumber.service";

fn pipewire(machine: &Machine) -> Option<Finding> {
    const NAME: &str = "pipewire";
    if !wanted(machine).pipewire {
        let sentence = "the settings leave PipeWire out, so browsers that use the camera portal do not list the camera";
        return Some(Finding::note(
            NAME,
            sentence,
            Remedy::everywhere("set pipewire = true under [camera] in the settings"),
        ));
    }
    let state = match &machine.pipewire {
        Ok(state) => state,
        Err(why) => return Some(Finding { level: unless(by_device(machine)), ..unknown(NAME, why) }),
    };
    Some(match &state.server {
        Ok(server) if older(&server.version) => Finding::warning(
            NAME,
            format!(
                "PipeWire {} runs, older than {}.{}.{}: some apps may not get the picture",
                server.version, OLDEST.0, OLDEST.1, OLDEST.2
            ),
            install_pipewire().note("from a newer release, or from its backports"),
        ),
        Ok(server) => Finding::ok(
            NAME,
            format!(
                "PipeWire {} runs{}",
                server.version,
                if server.camera { format!(", and \"{CAMERA}\" is offered in it") } else { String::new() }
            ),
        ),
        Err(why) => Finding::bad(
            NAME,
            unless(by_device(machine)),
            format!(
                "PipeWire {} ({why}), so apps that find cameras through it do not see \"{CAMERA}\", and there is no \"{}\"",
                if state.installed { "does not answer" } else { "is not installed" },
                crate::microphone::NAME
            ),
            if state.installed { Remedy::everywhere(START) } else { install_pipewire().then(START) },
        ),
    })
}

/// Whether a version such as "0.3.65" is older than what we need; one that cannot be read is not.
fn older(version: &str) -> bool {
    let mut numbers = version.split(['.', '-']).map(str::parse::<u32>);
    let mut next = || numbers.next().and_then(Result::ok);
    match (next(), next(), next()) {
        (Some(a), Some(b), Some(c)) => (a, b, c) < OLDEST,
        _ => false,
    }
}

fn manager(machine: &Machine) -> Option<Finding> {
    const NAME: &str = "session-manager";
    let server = server(machine).filter(|_| wanted(machine).pipewire)?;
    Some(match manager_of(server) {
        Some(manager) => Finding::ok(NAME, format!("{manager} connects apps with the camera and the microphone")),
        None => Finding::bad(
            NAME,
            unless(by_device(machine)),
            "no session manager is connected to PipeWire, so no app gets the camera's picture",
            Remedy::install("wireplumber", "wireplumber", "wireplumber")
                .then("systemctl --user enable --now wireplumber.service"),
        ),
    })
}

fn portal(machine: &Machine) -> Option<Finding> {
    const NAME: &str = "portal";
    if !by_pipewire(machine) {
        return None;
    }
    let bus = machine.bus.as_ref().ok()?;
    let packages = "xdg-desktop-portal xdg-desktop-portal-gtk";
    let remedy = || {
        Remedy::install(packages, packages, packages).note(
            "on GNOME xdg-desktop-portal-gnome, on KDE xdg-desktop-portal-kde in place of -gtk; then log in again",
        )
    };
    Some(match (&bus.portal_camera, bus.portal.activatable) {
        (Some(Ok(version)), _) => {
            Finding::ok(NAME, format!("the camera portal answers (version {version}): browsers can ask for the camera"))
        }
        (Some(Err(why)), _) => Finding::warning(
            NAME,
            format!(
                "xdg-desktop-portal runs without a camera portal ({why}), so browsers see the camera only as a device"
            ),
            Remedy::everywhere("systemctl --user restart xdg-desktop-portal"),
        ),
        (None, true) => Finding::ok(NAME, "xdg-desktop-portal is started when a browser asks for a camera"),
        (None, false) => Finding::warning(
            NAME,
            "xdg-desktop-portal is not installed, so browsers see the camera only as a device",
            remedy(),
        ),
    })
}

/// What loads the module as the program needs it, now and at boot.
fn load() -> String {
    format!(
        "echo 'options v4l2loopback card_label=\"{CAMERA}\" exclusive_caps=1' | sudo tee /etc/modprobe.d/vasa-camera.conf && \
         echo v4l2loopback | sudo tee /etc/modules-load.d/vasa-camera.conf && sudo modprobe v4l2loopback"
    )
}

/// The same where it is loaded already.
fn reload() -> Remedy {
    Remedy::everywhere(format!("sudo modprobe -r v4l2loopback && {}", load()))
        .note("close all apps that use a camera first")
}

fn sign(module: &Module) -> Remedy {
    let enrol = |key: &str| format!("sudo mokutil --import {key}");
    let dkms = |key: &str| match module.signer {
        Some(_) => enrol(key),
        None => format!("sudo dkms autoinstall && {}", enrol(key)),
    };
    Remedy {
        debian: dkms("/var/lib/dkms/mok.pub"),
        ubuntu: "sudo update-secureboot-policy --enroll-key".into(),
        fedora: format!(
            "sudo kmodgenca -a && {} && sudo akmods --force",
            enrol("/etc/pki/akmods/certs/public_key.der")
        ),
        arch: dkms("/var/lib/dkms/mok.pub"),
    }
    .note("give a password, restart, choose \"Enroll MOK\" and give it again; then sudo modprobe v4l2loopback")
}

fn loopback(machine: &Machine) -> Option<Finding> {
    const NAME: &str = "loopback";
    let works = by_pipewire(machine);
    let without = format!("apps that know nothing of PipeWire do not see \"{CAMERA}\"");
    if !wanted(machine).v4l2 {
        return Some(Finding::note(
            NAME,
            format!("the settings leave the loopback device out, so {without}"),
            Remedy::everywhere("set v4l2 = true under [camera] in the settings"),
        ));
    }
    let module = match &machine.module {
        Ok(module) => module,
        Err(why) => return Some(Finding { level: unless(works), ..unknown(NAME, why) }),
    };
    if let Some(loaded) = &module.loaded {
        return Some(match loaded.ours() {
            Some(path) => Finding::ok(
                NAME,
                format!("v4l2loopback {} is loaded; \"{CAMERA}\" is {}", loaded.version, path.display()),
            ),
            None => Finding::bad(
                NAME,
                unless(works),
                format!("v4l2loopback is loaded, but {}, so {without}", labels(loaded)),
                reload(),
            ),
        });
    }
    let (sentence, remedy) = if module.installed && module.secure_boot && module.signer.is_none() {
        (
            format!("Secure Boot is on and v4l2loopback is not signed, so the kernel refuses it and {without}"),
            sign(module),
        )
    } else if module.installed && module.secure_boot {
        (
            format!(
                "v4l2loopback is not loaded, so {without}; Secure Boot is on, and the kernel takes the module only if the key of {} is \
                 enrolled",
                module.signer.as_deref().unwrap_or("its signer")
            ),
            Remedy::everywhere(load()).note(&format!(
                "where it says \"Key was rejected by service\": {}",
                machine.distribution.map_or("sudo mokutil --import /var/lib/dkms/mok.pub, and restart".into(), |d| {
                    sign(module).on(d).to_owned()
                })
            )),
        )
    } else if module.installed {
        (format!("v4l2loopback is installed and not loaded, so {without}"), Remedy::everywhere(load()))
    } else if module.source {
        (
            format!("v4l2loopback was not built for this kernel ({}), so {without}", module.kernel),
            Remedy {
                debian: "sudo apt install linux-headers-$(uname -r) && sudo dkms autoinstall".into(),
                ubuntu: "sudo apt install linux-headers-$(uname -r) && sudo dkms autoinstall".into(),
                fedora: "sudo dnf install kernel-devel-$(uname -r) && sudo akmods --force".into(),
                arch: "sudo pacman -S linux-headers && sudo dkms autoinstall".into(),
            }
            .then(&load()),
        )
    } else {
        (
            format!("v4l2loopback is not installed, so {without}"),
            Remedy {
                debian: "sudo apt install v4l2loopback-dkms linux-headers-$(uname -r)".into(),
                ubuntu: "sudo apt install v4l2loopback-dkms linux-headers-$(uname -r)".into(),
                fedora: "sudo dnf install akmod-v4l2loopback".into(),
                arch: "sudo pacman -S v4l2loopback-dkms linux-headers".into(),
            }
            .then(&load())
            .on_fedora("needs the repository RPM Fusion, free"),
        )
    };
    Some(Finding::bad(NAME, unless(works), sentence, remedy))
}

fn labels(loaded: &Loaded) -> String {
    let names: Vec<_> = loaded.devices.iter().map(|(_, name)| format!("\"{name}\"")).collect();
    match names.as_slice() {
        [] => "it has no device".into(),
        [one] => format!("its device is called {one}"),
        many => format!("its devices are called {}", many.join(", ")),
    }
}

/// How the loaded module is set, and whether it will be there after a restart.
fn options(machine: &Machine) -> Option<Finding> {
    const NAME: &str = "module-options";
    let module = machine.module.as_ref().ok().filter(|_| wanted(machine).v4l2)?;
    let loaded = module.loaded.as_ref()?;
    loaded.ours()?;
    let labelled = module.options.iter().any(|l| l.contains("card_label") && l.contains(CAMERA));
    let exclusive = loaded.exclusive_caps.iter().take(loaded.devices.len().max(1)).all(|on| *on);
    Some(if !exclusive {
        Finding::warning(
            NAME,
            "v4l2loopback was loaded without exclusive_caps=1, so Chrome and other browsers do not list the device as a camera",
            reload(),
        )
    } else if !labelled || !module.at_boot {
        Finding::note(
            NAME,
            "v4l2loopback is loaded as it should be now, and will not be so after a restart of the machine",
            Remedy::everywhere(load()),
        )
    } else {
        Finding::ok(NAME, "v4l2loopback is loaded at boot with its label and exclusive_caps=1")
    })
}

fn devices(machine: &Machine) -> Option<Finding> {
    const NAME: &str = "device-permissions";
    let devices = match &machine.devices {
        Ok(devices) => devices,
        Err(why) => return Some(unknown(NAME, why)),
    };
    let join = |all: Vec<String>| all.join(", ");
    let refused = |of: &[crate::doctor::machine::Device]| {
        join(of.iter().filter(|d| !d.usable).map(|d| d.path.display().to_string()).collect())
    };
    let (video, render) = (refused(&devices.video), refused(&devices.render));
    let member = |group: &str| devices.groups.iter().any(|g| g == group);
    let join_group = |group: &str| {
        if member(group) {
            Remedy::everywhere("log out and in again, so that the session has the group")
                .note(&format!("you are in the group {group} already; ls -l says whose the device is"))
        } else {
            Remedy::everywhere(format!("sudo usermod -aG {group} $USER")).note("then log out and in again")
        }
    };
    Some(if !video.is_empty() {
        let ours = machine.module.as_ref().ok().and_then(|m| m.loaded.as_ref()).and_then(Loaded::ours);
        let costs = ours.is_some_and(|o| devices.video.iter().any(|d| d.path == *o && !d.usable));
        let level = if costs { unless(by_pipewire(machine)) } else { Level::Note };
        Finding::bad(
            NAME,
            level,
            format!(
                "you may not use {video}{}",
                if costs {
                    format!(", so \"{CAMERA}\" gets no picture there")
                } else {
                    ", which the program does not need".into()
                }
            ),
            join_group("video"),
        )
    } else if !render.is_empty() {
        Finding::warning(
            NAME,
            format!("you may not use {render}, so the picture is drawn on the CPU"),
            join_group("render"),
        )
    } else {
        let all: Vec<_> = devices.video.iter().chain(&devices.render).map(|d| d.path.display().to_string()).collect();
        let sentence = if all.is_empty() {
            "there are no video devices and no GPU devices, and nothing that you may not use".to_owned()
        } else {
            format!("you may use {}", join(all))
        };
        Finding::ok(NAME, sentence)
    })
}
