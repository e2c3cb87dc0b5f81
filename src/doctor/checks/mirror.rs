//! The mirror: a real camera, and the networks that look at its pictures.

use super::{unknown, wanted};
use crate::doctor::machine::{FileState, Machine};
use crate::doctor::remedy::Remedy;
use crate::doctor::{Finding, Level};

pub fn check(machine: &Machine) -> Vec<Finding> {
    const NAME: &str = "mirror";
    // Who never switches it on misses nothing.
    let level = if wanted(machine).mirror.on { Level::Warning } else { Level::Note };
    let networks = machine.models.as_ref().is_ok_and(|models| {
        models.iter().any(|m| m.name == "vision" && m.files.iter().all(|(_, state)| *state == FileState::Installed))
    });
    vec![match &machine.cameras {
        Err(why) => Finding { level, ..unknown(NAME, why) },
        Ok(cameras) if cameras.is_empty() => Finding::bad(
            NAME,
            level,
            "there is no camera for the mirror, so your own expression cannot move the avatar's face",
            Remedy::everywhere("connect a camera"),
        ),
        Ok(_) if !networks => Finding::bad(
            NAME,
            level,
            "the networks that look at pictures are not installed, so the mirror sees no face",
            Remedy::everywhere("vasa models install vision"),
        ),
        Ok(cameras) => Finding::ok(NAME, format!("the mirror can watch by {}", cameras.join(", "))),
    }]
}
