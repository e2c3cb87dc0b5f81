//! The files that make the program a service of the user's session and the module a camera.

mod common;

use common::{installed, root};
use std::process::Command;

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join("systemd").join(path)).unwrap_or_else(|e| panic!("systemd/{path}: {e}"))
}

fn value<'a>(text: &'a str, key: &str) -> &'a str {
    let line = text.lines().find_map(|l| l.strip_prefix(key)?.strip_prefix('='));
    line.unwrap_or_else(|| panic!("no {key} in\n{text}"))
}

#[test]
fn systemd_accepts_the_user_unit() {
    if !installed(&["systemd-analyze"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    // The program is not installed where the tests run, and systemd looks whether it is there.
    let unit = read("vasa-camera.service").replace("/usr/bin/vasa", common::vasa());
    let path = folder.path().join("vasa-camera.service");
    std::fs::write(&path, unit).unwrap();
    let mut command = Command::new("systemd-analyze");
    let output = command.args(["verify", "--user"]).arg(&path).env("XDG_RUNTIME_DIR", folder.path()).output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    // It warns of what it does not know, and succeeds all the same.
    assert!(!told.contains("vasa-camera.service"), "{told}");
}

#[test]
fn dbus_starts_the_very_unit_that_owns_the_name() {
    let (unit, activation) = (read("vasa-camera.service"), read("org.vasacamera.VasaCamera1.service"));
    assert_eq!(value(&unit, "BusName"), value(&activation, "Name"));
    assert_eq!(value(&unit, "ExecStart"), value(&activation, "Exec"));
    assert_eq!(value(&activation, "SystemdService"), "vasa-camera.service");
}

#[test]
fn the_service_has_no_network_and_keeps_its_devices() {
    let unit = read("vasa-camera.service");
    assert_eq!(value(&unit, "PrivateNetwork"), "true");
    assert_eq!(value(&unit, "RestrictAddressFamilies"), "AF_UNIX");
    for hides in ["PrivateDevices=", "ProtectClock=", "DeviceAllow="] {
        assert!(!unit.lines().any(|l| l.starts_with(hides)), "{hides} hides the camera or the GPU");
    }
}

#[test]
fn the_module_is_loaded_with_the_label_that_the_program_looks_for() {
    let options = read("modprobe.d/vasa-camera.conf");
    assert!(options.contains(&format!("card_label=\"{}\"", vasa_camera::camera::NAME)));
    assert!(options.contains("exclusive_caps=1"));
    assert!(read("modules-load.d/vasa-camera.conf").lines().any(|l| l == "v4l2loopback"));
}
