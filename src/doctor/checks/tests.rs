//! Made-up machines.

use super::*;
use crate::assets::Kind;
use crate::doctor::machine::*;
use crate::doctor::{Distribution, works};

/// A machine on which all is well.
fn well() -> Machine {
    let device = |path: &str| Device { path: path.into(), usable: true };
    Machine {
        distribution: Some(Distribution::Debian),
        settings: Ok(Settings::default()),
        module: Ok(Module {
            kernel: "6.1.0-18-amd64".into(),
            loaded: Some(Loaded {
                version: "0.12.7".into(),
                devices: vec![("/dev/video10".into(), "VASA Camera".into())],
                exclusive_caps: vec![true, false],
            }),
            installed: true,
            options: vec!["options v4l2loopback card_label=\"VASA Camera\" exclusive_caps=1".into()],
            at_boot: true,
            ..Module::default()
        }),
        devices: Ok(Devices {
            groups: vec!["anna".into(), "video".into()],
            video: vec![device("/dev/video0"), device("/dev/video10")],
            render: vec![device("/dev/dri/renderD128")],
        }),
        pipewire: Ok(PipeWire {
            installed: true,
            server: Ok(Server { version: "1.0.5".into(), clients: vec!["WirePlumber".into()], camera: true }),
        }),
        bus: Ok(Bus {
            daemon: Name { owned: true, activatable: true },
            answer: Some(Ok(Daemon { version: "0.1.0".into(), state: "idle".into(), problems: Vec::new() })),
            portal: Name { owned: true, activatable: true },
            portal_camera: Some(Ok(1)),
            tray_host: true,
        }),
        microphones: Ok(vec!["Built-in Audio".into()]),
        cameras: Ok(vec!["Integrated Camera".into()]),
        adapters: Ok(vec![Adapter { name: "Intel Xe (integrated GPU)".into(), is_cpu: false }]),
        providers: Ok(Providers { has: vec!["CPU"], used: "CPU", problem: None }),
        models: Ok(vec![
            model("joe", Kind::Voice, FileState::Installed),
            model("whisper", Kind::Recogniser, FileState::Installed),
            model("vision", Kind::Network, FileState::Installed),
        ]),
        espeak: true,
        avatar: Ok("anna".into()),
        unit: Ok(Unit {
            load: "loaded".into(),
            file: "enabled".into(),
            active: "active".into(),
            result: "success".into(),
        }),
    }
}

fn model(name: &str, kind: Kind, state: FileState) -> ModelState {
    ModelState { name: name.into(), kind, optional: false, files: vec![(format!("/models/{name}.bin").into(), state)] }
}

/// The finding of a check, which must be there once.
fn the(machine: &Machine, name: &str) -> Finding {
    let mut found: Vec<_> = check(machine).into_iter().filter(|f| f.check == name).collect();
    assert_eq!(found.len(), 1, "{name}: {found:?}");
    found.remove(0)
}

/// Every finding that is not ok has a remedy for all four, and every one is a single line.
fn sound(machine: &Machine) -> Vec<Finding> {
    let all = check(machine);
    for finding in &all {
        assert!(!finding.sentence.is_empty() && !finding.sentence.contains('\n'), "{finding:?}");
        assert_eq!(finding.level == Level::Ok, finding.remedy.is_none(), "{finding:?}");
        if let Some(remedy) = &finding.remedy {
            assert!(Distribution::ALL.iter().all(|d| !remedy.on(*d).is_empty()), "{finding:?}");
        }
    }
    all
}

/// `change` makes the check `name` of this level, with these parts in its sentence and its remedy.
fn becomes(change: impl FnOnce(&mut Machine), name: &str, level: Level, sentence: &str, remedy: &str) -> Machine {
    let mut machine = well();
    change(&mut machine);
    sound(&machine);
    let finding = the(&machine, name);
    assert_eq!(finding.level, level, "{finding:?}");
    assert!(finding.sentence.contains(sentence), "{finding:?}");
    assert!(finding.remedy.as_ref().is_some_and(|r| r.debian.contains(remedy)), "{finding:?}");
    machine
}

fn no_pipewire(machine: &mut Machine) {
    machine.pipewire = Ok(PipeWire { installed: true, server: Err("Host is down".into()) });
}

fn module(change: impl FnOnce(&mut Module)) -> impl FnOnce(&mut Machine) {
    |machine| change(machine.module.as_mut().unwrap())
}

#[test]
fn where_all_is_well_nothing_is_asked_for() {
    let all = sound(&well());
    assert!(all.iter().all(|f| f.level == Level::Ok) && works(&all), "{all:#?}");
}

#[test]
fn without_pipewire_the_device_stands_in_and_without_both_there_is_no_camera() {
    let start = "systemctl --user enable --now pipewire.socket";
    let machine = becomes(no_pipewire, "pipewire", Level::Warning, "does not answer (Host is down)", start);
    assert!(works(&check(&machine)));
    let both = |m: &mut Machine| {
        no_pipewire(m);
        m.module.as_mut().unwrap().loaded = None;
    };
    let machine = becomes(both, "pipewire", Level::Error, "does not answer", start);
    assert!(!works(&check(&machine)));
    assert_eq!(the(&machine, "loopback").level, Level::Error);
    // It is not even installed.
    let missing = |m: &mut Machine| m.pipewire = Ok(PipeWire { installed: false, server: Err("gone".into()) });
    becomes(missing, "pipewire", Level::Warning, "is not installed", "sudo apt install pipewire wireplumber");
    // It hangs.
    let hangs = |m: &mut Machine| m.pipewire = Err("PipeWire did not answer within 5 s".into());
    becomes(hangs, "pipewire", Level::Warning, "within 5 s", "vasa doctor");
    let alone = |m: &mut Machine| m.pipewire.as_mut().unwrap().server.as_mut().unwrap().clients.clear();
    becomes(alone, "session-manager", Level::Warning, "no app gets", "wireplumber");
    let old = |m: &mut Machine| m.pipewire.as_mut().unwrap().server.as_mut().unwrap().version = "0.3.48".into();
    becomes(old, "pipewire", Level::Warning, "0.3.48", "backports");
}

#[test]
fn secure_boot_and_an_unsigned_module_are_told_with_the_key_to_enrol() {
    let unsigned = |m: &mut Module| (m.loaded, m.secure_boot) = (None, true);
    let machine =
        becomes(module(unsigned), "loopback", Level::Warning, "not signed", "mokutil --import /var/lib/dkms/mok.pub");
    let remedy = the(&machine, "loopback").remedy.unwrap();
    assert!(remedy.ubuntu.contains("update-secureboot-policy --enroll-key"), "{remedy:?}");
    assert!(remedy.fedora.contains("kmodgenca") && remedy.arch.contains("mokutil"), "{remedy:?}");
    let signed =
        |m: &mut Module| (m.loaded, m.secure_boot, m.signer) = (None, true, Some("DKMS module signing key".into()));
    becomes(module(signed), "loopback", Level::Warning, "DKMS module signing key", "sudo modprobe v4l2loopback");
}

#[test]
fn each_state_of_the_module_has_its_own_way_out() {
    let not_loaded = |m: &mut Module| m.loaded = None;
    becomes(module(not_loaded), "loopback", Level::Warning, "installed and not loaded", "exclusive_caps=1");
    let other_kernel = |m: &mut Module| (m.loaded, m.installed, m.source) = (None, false, true);
    becomes(module(other_kernel), "loopback", Level::Warning, "6.1.0-18-amd64", "linux-headers-$(uname -r)");
    let none = |m: &mut Module| (m.loaded, m.installed) = (None, false);
    let machine = becomes(module(none), "loopback", Level::Warning, "not installed", "apt install v4l2loopback-dkms");
    let remedy = the(&machine, "loopback").remedy.unwrap();
    assert!(remedy.fedora.contains("akmod-v4l2loopback") && remedy.fedora.contains("RPM Fusion"), "{remedy:?}");
    assert!(remedy.arch.contains("pacman -S v4l2loopback-dkms linux-headers"), "{remedy:?}");
    let label = |m: &mut Module| m.loaded.as_mut().unwrap().devices[0].1 = "Dummy video device (0x0000)".into();
    becomes(module(label), "loopback", Level::Warning, "Dummy video device", "modprobe -r v4l2loopback");
    let caps = |m: &mut Module| m.loaded.as_mut().unwrap().exclusive_caps = vec![false, false];
    becomes(module(caps), "module-options", Level::Warning, "exclusive_caps", "close all apps");
    becomes(module(|m| m.at_boot = false), "module-options", Level::Note, "restart", "modules-load.d");
    becomes(module(|m| m.options.clear()), "module-options", Level::Note, "restart", "modprobe.d");
}

#[test]
fn a_permission_that_is_missing_is_named_with_the_group() {
    let refuse = |m: &mut Machine| {
        let devices = m.devices.as_mut().unwrap();
        (devices.video[1].usable, devices.groups) = (false, vec!["anna".into()]);
    };
    becomes(refuse, "device-permissions", Level::Warning, "/dev/video10", "usermod -aG video");
    let alone = |m: &mut Machine| {
        refuse(m);
        no_pipewire(m);
    };
    assert!(!works(&check(&becomes(alone, "device-permissions", Level::Error, "no picture", "usermod"))));
    let other = |m: &mut Machine| m.devices.as_mut().unwrap().video[0].usable = false;
    becomes(other, "device-permissions", Level::Note, "does not need", "log out");
    let gpu = |m: &mut Machine| m.devices.as_mut().unwrap().render[0].usable = false;
    becomes(gpu, "device-permissions", Level::Warning, "renderD128", "usermod -aG render");
}

#[test]
fn a_missing_and_a_tampered_model_are_told_by_name_with_what_they_cost() {
    let missing = |m: &mut Machine| m.models = Ok(vec![model("joe", Kind::Voice, FileState::Missing)]);
    becomes(missing, "models", Level::Warning, "espeak-ng stands in", "vasa models install joe");
    let tampered = |m: &mut Machine| m.models = Ok(vec![model("whisper", Kind::Recogniser, FileState::Damaged)]);
    becomes(tampered, "models", Level::Warning, "tampered", "vasa models install whisper");
    let ours = |m: &mut Machine| m.models = Ok(vec![model("lips-small", Kind::Network, FileState::ProgramDamaged)]);
    becomes(ours, "models", Level::Warning, "came with the program", "install the program again");
    let unreadable =
        |m: &mut Machine| m.models = Ok(vec![model("joe", Kind::Voice, FileState::Unreadable("x".into()))]);
    becomes(unreadable, "models", Level::Warning, "cannot be read", "chmod");
    // Nobody asked for the one; half of the other was asked for.
    let mut machine = well();
    let mut optional = model("amy", Kind::Voice, FileState::Missing);
    optional.optional = true;
    machine.models = Ok(vec![optional.clone()]);
    assert_eq!(the(&machine, "models").level, Level::Ok);
    optional.files.push(("/models/amy.json".into(), FileState::Installed));
    machine.models = Ok(vec![optional]);
    assert_eq!(the(&machine, "models").level, Level::Warning);
}

#[test]
fn what_draws_and_computes_is_told() {
    becomes(|m| m.adapters = Ok(Vec::new()), "gpu", Level::Error, "no Vulkan adapter", "mesa-vulkan-drivers");
    let cpu = |m: &mut Machine| m.adapters = Ok(vec![Adapter { name: "llvmpipe (CPU)".into(), is_cpu: true }]);
    becomes(cpu, "gpu", Level::Note, "llvmpipe", "mesa-vulkan-drivers");
    becomes(|m| m.adapters = Err("the GPU driver did not answer".into()), "gpu", Level::Warning, "driver", "again");
    becomes(
        |m| m.providers = Err("it is missing".into()),
        "providers",
        Level::Warning,
        "missing",
        "vasa models install",
    );
    let cuda = |m: &mut Machine| m.providers.as_mut().unwrap().problem = Some("CUDA does not start".into());
    becomes(cuda, "providers", Level::Note, "CUDA does not start", "provider = \"cpu\"");
    becomes(|m| m.espeak = false, "espeak-ng", Level::Warning, "no text", "apt install espeak-ng");
    becomes(
        |m| m.avatar = Err("there is no avatar \"x\"".into()),
        "avatar",
        Level::Warning,
        "\"x\"",
        "vasa avatar list",
    );
}

#[test]
fn a_microphone_is_missed_where_it_drives_the_face() {
    let none = |m: &mut Machine| m.microphones = Ok(Vec::new());
    becomes(none, "microphone", Level::Note, "only typed text", "connect");
    let needed = |m: &mut Machine| {
        none(m);
        m.settings.as_mut().unwrap().input = Input::Microphone;
    };
    becomes(needed, "microphone", Level::Warning, "not heard", "connect");
    let named = |m: &mut Machine| m.settings.as_mut().unwrap().microphone = Some("Blue Yeti".into());
    becomes(named, "microphone", Level::Note, "\"Blue Yeti\"", "settings");
}

#[test]
fn a_camera_is_missed_where_the_mirror_is_on() {
    let none = |m: &mut Machine| m.cameras = Ok(Vec::new());
    becomes(none, "mirror", Level::Note, "no camera for the mirror", "connect");
    let needed = |m: &mut Machine| {
        none(m);
        m.settings.as_mut().unwrap().mirror.on = true;
    };
    becomes(needed, "mirror", Level::Warning, "no camera for the mirror", "connect");
    let blind = |m: &mut Machine| m.models.as_mut().unwrap().retain(|model| model.name != "vision");
    becomes(blind, "mirror", Level::Note, "sees no face", "vasa models install vision");
}

#[test]
fn what_ties_it_to_the_session_is_told() {
    let machine = becomes(
        |m| m.bus = Err("no such file".into()),
        "dbus",
        Level::Error,
        "no D-Bus session bus",
        "dbus-user-session",
    );
    assert!(!works(&check(&machine)));
    fn bus(m: &mut Machine) -> &mut Bus {
        m.bus.as_mut().unwrap()
    }
    let none = |m: &mut Machine| (bus(m).daemon, bus(m).answer) = (Name::default(), None);
    becomes(none, "dbus", Level::Note, "cannot start it", "vasa daemon");
    let hangs = |m: &mut Machine| bus(m).answer = Some(Err("the daemon did not answer within 3 s".into()));
    becomes(hangs, "dbus", Level::Warning, "within 3 s", "restart vasa-camera");
    let failed = |m: &mut Machine| {
        bus(m).answer =
            Some(Ok(Daemon { state: "failed".into(), problems: vec!["PipeWire is gone".into()], ..Daemon::default() }));
    };
    becomes(failed, "dbus", Level::Warning, "PipeWire is gone", "restart");
    becomes(|m| bus(m).tray_host = false, "tray", Level::Note, "no tray icons", "gnome-shell-extension-appindicator");
    let no_portal = |m: &mut Machine| (bus(m).portal, bus(m).portal_camera) = (Name::default(), None);
    becomes(no_portal, "portal", Level::Warning, "not installed", "xdg-desktop-portal-gtk");
    let no_camera = |m: &mut Machine| bus(m).portal_camera = Some(Err("no such interface".into()));
    becomes(no_camera, "portal", Level::Warning, "without a camera portal", "restart xdg-desktop-portal");
    let unit = |load: &str, file: &str, active: &str| {
        let unit = Unit { load: load.into(), file: file.into(), active: active.into(), result: "watchdog".into() };
        move |m: &mut Machine| m.unit = Ok(unit)
    };
    becomes(unit("not-found", "", "inactive"), "systemd", Level::Note, "not installed", "enable --now vasa-camera");
    becomes(unit("loaded", "disabled", "inactive"), "systemd", Level::Note, "does not start with", "enable --now");
    becomes(unit("loaded", "enabled", "failed"), "systemd", Level::Warning, "watchdog", "journalctl --user");
    becomes(unit("masked", "masked", "inactive"), "systemd", Level::Note, "masked", "unmask");
    becomes(unit("bad-setting", "enabled", "inactive"), "systemd", Level::Warning, "bad-setting", "status");
    becomes(
        |m| m.unit = Err("Failed to connect to bus".into()),
        "systemd",
        Level::Note,
        "connect to bus",
        "vasa daemon",
    );
}

#[test]
fn broken_settings_and_settings_that_leave_no_outlet_cost_the_camera() {
    let broken = |m: &mut Machine| m.settings = Err("line 3: what is this".into());
    assert!(!works(&check(&becomes(broken, "settings", Level::Error, "line 3", "settings.toml"))));
    let off = |m: &mut Machine| {
        let settings = m.settings.as_mut().unwrap();
        (settings.pipewire, settings.v4l2) = (false, false);
    };
    assert!(!works(&check(&becomes(off, "settings", Level::Error, "no app", "pipewire = true"))));
}

#[test]
fn a_machine_of_which_nothing_is_known_is_judged_all_the_same() {
    let mut machine = well();
    machine.distribution = None;
    machine.settings = Err("x".into());
    (machine.module, machine.devices, machine.pipewire) = (Err("x".into()), Err("x".into()), Err("x".into()));
    (machine.bus, machine.microphones, machine.adapters) = (Err("x".into()), Err("x".into()), Err("x".into()));
    machine.cameras = Err("x".into());
    (machine.providers, machine.models, machine.avatar) = (Err("x".into()), Err("x".into()), Err("x".into()));
    machine.unit = Err("x".into());
    assert!(!works(&sound(&machine)));
}
