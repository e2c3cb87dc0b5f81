//! The checks: each a pure function of what was gathered.

mod camera;
mod engine;
mod mirror;
mod session;

use super::machine::Machine;
use super::remedy::Remedy;
use super::{Finding, Level};
use crate::config::{Input, Settings};

/// Judges the machine; the findings that matter most come first within each kind, the camera before all.
pub fn check(machine: &Machine) -> Vec<Finding> {
    let mut all = vec![settings(machine)];
    all.extend(camera::check(machine));
    all.extend(engine::check(machine));
    all.extend(mirror::check(machine));
    all.extend(session::check(machine));
    all
}

/// The settings, as the daemon would have them where the file cannot be read.
fn wanted(machine: &Machine) -> Settings {
    machine.settings.clone().unwrap_or_default()
}

fn settings(machine: &Machine) -> Finding {
    const NAME: &str = "settings";
    match &machine.settings {
        Ok(s) if !s.pipewire && !s.v4l2 => Finding::error(
            NAME,
            "the settings switch off both ways to offer the camera, so no app can see it",
            Remedy::everywhere("set pipewire = true under [camera] in ~/.config/vasa-camera/settings.toml"),
        ),
        Ok(s) => Finding::ok(NAME, format!("the settings are well-formed; the face is driven by {}", driven(s.input))),
        Err(e) => Finding::error(
            NAME,
            format!("the daemon does not start with these settings: {e}"),
            Remedy::everywhere("mend the line in ~/.config/vasa-camera/settings.toml, or move the file away"),
        ),
    }
}

fn driven(input: Input) -> &'static str {
    match input {
        Input::Text => "typed text",
        Input::Microphone => "the microphone",
        Input::Revoice => "the microphone, whose words the synthetic voice speaks",
    }
}

/// For a probe that found nothing out.
fn unknown(check: &'static str, why: &str) -> Finding {
    Finding::warning(
        check,
        format!("this could not be checked: {why}"),
        Remedy::everywhere("run vasa doctor again; if it stays so, restart the session"),
    )
}

/// A warning, or an error where nothing else offers the camera.
fn unless(works: bool) -> Level {
    if works { Level::Warning } else { Level::Error }
}

#[cfg(test)]
mod tests;
