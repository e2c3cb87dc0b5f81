//! What ties the program to the desktop: the session bus, the user unit, the tray.

use super::unknown;
use crate::doctor::Finding;
use crate::doctor::machine::{Bus, Machine};
use crate::doctor::remedy::Remedy;

pub fn check(machine: &Machine) -> Vec<Finding> {
    let bus = match &machine.bus {
        Ok(bus) => bus,
        Err(why) => {
            let sentence = format!("there is no D-Bus session bus ({why}), so the daemon does not start");
            let remedy = Remedy::install("dbus-user-session", "dbus-daemon", "dbus").note("then log out and in again");
            return vec![Finding::error("dbus", sentence, remedy)];
        }
    };
    vec![daemon(bus), unit(machine, bus), tray(bus)]
}

const RESTART: &str = "systemctl --user restart vasa-camera";

fn daemon(bus: &Bus) -> Finding {
    const NAME: &str = "dbus";
    match &bus.answer {
        Some(Ok(daemon)) if daemon.state == "failed" => Finding::warning(
            NAME,
            format!(
                "the daemon runs (version {}) and offers no camera: {}",
                daemon.version,
                daemon.problems.join("; ")
            ),
            Remedy::everywhere(RESTART).note("once what it says is mended"),
        ),
        Some(Ok(daemon)) if !daemon.problems.is_empty() => Finding::note(
            NAME,
            format!("the daemon runs (version {}) and says: {}", daemon.version, daemon.problems.join("; ")),
            Remedy::everywhere("as each sentence says; vasa status shows them too"),
        ),
        Some(Ok(daemon)) => {
            Finding::ok(NAME, format!("the daemon runs, version {}, and is {}", daemon.version, daemon.state))
        }
        Some(Err(why)) => Finding::warning(
            NAME,
            format!("something owns the daemon's name on the session bus and does not answer as it should ({why})"),
            Remedy::everywhere(RESTART),
        ),
        None if bus.daemon.activatable => {
            Finding::ok(NAME, "the daemon does not run; D-Bus starts it when something asks for it")
        }
        None => Finding::note(
            NAME,
            "the daemon does not run, and D-Bus cannot start it",
            Remedy::everywhere("vasa daemon").note("or install the package, which starts it with the session"),
        ),
    }
}

fn unit(machine: &Machine, bus: &Bus) -> Finding {
    const NAME: &str = "systemd";
    const ENABLE: &str = "systemctl --user enable --now vasa-camera";
    let unit = match &machine.unit {
        Ok(unit) => unit,
        Err(why) => {
            let sentence = format!(
                "there is no systemd of this user to ask ({why}), so nothing starts the daemon with the session"
            );
            return Finding::note(NAME, sentence, Remedy::everywhere("vasa daemon").note("in the desktop's autostart"));
        }
    };
    match (unit.load.as_str(), unit.active.as_str()) {
        ("loaded", "failed") => Finding::warning(
            NAME,
            format!("the unit vasa-camera has failed ({})", unit.result),
            Remedy::everywhere("journalctl --user -u vasa-camera -n 50").note(&format!("says why; then {RESTART}")),
        ),
        ("loaded", active) if unit.file == "enabled" => {
            Finding::ok(NAME, format!("the unit vasa-camera starts with the session; now it is {active}"))
        }
        ("loaded", active) => Finding::note(
            NAME,
            format!("the unit vasa-camera is installed and does not start with the session; now it is {active}"),
            Remedy::everywhere(ENABLE),
        ),
        ("masked", _) => Finding::note(
            NAME,
            "the unit vasa-camera is masked, so it never starts",
            Remedy::everywhere("systemctl --user unmask vasa-camera").then(ENABLE),
        ),
        ("not-found", _) => Finding::note(
            NAME,
            format!(
                "the unit vasa-camera is not installed, so {}",
                if bus.daemon.owned { "a crash ends the camera" } else { "the camera does not start with the session" }
            ),
            Remedy::everywhere("install the package, or run make install in the checkout").then(ENABLE),
        ),
        ("", _) => unknown(NAME, "systemctl said nothing"),
        (load, _) => Finding::warning(
            NAME,
            format!(
                "systemd does not take the unit vasa-camera ({load}), so the camera does not start with the session"
            ),
            Remedy::everywhere("systemctl --user status vasa-camera")
                .note("says why; then systemctl --user daemon-reload"),
        ),
    }
}

fn tray(bus: &Bus) -> Finding {
    const NAME: &str = "tray";
    if bus.tray_host {
        return Finding::ok(NAME, "the desktop shows tray icons: vasa tray");
    }
    let package = "gnome-shell-extension-appindicator";
    let mut remedy = Remedy::install(package, package, package)
        .then("gnome-extensions enable appindicatorsupport@rgcjonas.gmail.com");
    remedy.ubuntu = format!("sudo apt install {package} && gnome-extensions enable ubuntu-appindicators@ubuntu.com");
    Finding::note(
        NAME,
        "the desktop shows no tray icons; everything in the tray is a command too (vasa --help)",
        remedy.note("on GNOME, then log in again; other desktops have it in their panel's settings"),
    )
}
