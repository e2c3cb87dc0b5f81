//! The user unit, as `systemctl --user show` has it.

use super::output;
use crate::doctor::machine::{Probed, Unit};

pub fn ask() -> Probed<Unit> {
    let shown = "--property=LoadState,UnitFileState,ActiveState,Result";
    output("systemctl", &["--user", "show", shown, "vasa-camera.service"]).map(|text| parse(&text))
}

fn parse(text: &str) -> Unit {
    let of = |key: &str| {
        let value = text.lines().find_map(|l| l.strip_prefix(key)?.strip_prefix('='));
        value.unwrap_or_default().trim().to_owned()
    };
    Unit { load: of("LoadState"), file: of("UnitFileState"), active: of("ActiveState"), result: of("Result") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_systemctl_prints_is_read() {
        let unit = parse("LoadState=loaded\nActiveState=failed\nUnitFileState=enabled\nResult=watchdog\n");
        assert_eq!(
            (&*unit.load, &*unit.file, &*unit.active, &*unit.result),
            ("loaded", "enabled", "failed", "watchdog")
        );
        assert_eq!(parse("").load, "");
    }
}
