//! What the tray shows of the daemon, and in which words.

use std::fmt::Write;

/// The daemon as it was read last.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct View {
    /// The daemon as `State` has it: "idle", "streaming", "degraded", "failed".
    pub state: String,
    pub muted: bool,
    pub camera_on: bool,
    /// How many apps read the camera, at least.
    pub readers: u32,
    pub microphone_in_use: bool,
    pub problems: Vec<String>,
    /// (name, label), in the order to show.
    pub profiles: Vec<(String, String)>,
    pub profile: String,
    pub intensity: f64,
    pub speaking: bool,
    /// None: this daemon has none to choose from over D-Bus.
    pub avatars: Option<Avatars>,
    /// None: this daemon has no mirror.
    pub mirror: Option<Mirror>,
}

/// The user's own expression.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Mirror {
    pub on: bool,
    /// The user's camera is open.
    pub open: bool,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Avatars {
    /// (name, label), in the order to show.
    pub available: Vec<(String, String)>,
    pub active: String,
    /// What is behind them, as the daemon has it; None: an older daemon.
    pub background: Option<String>,
}

/// What the icon says at a glance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Glance {
    /// The daemon runs, and its camera is not switched off.
    pub on: bool,
    pub watched: bool,
    pub speaking: bool,
    pub muted: bool,
    pub problem: bool,
}

impl Glance {
    /// None: the daemon does not run.
    pub fn of(view: Option<&View>) -> Self {
        let Some(view) = view else { return Self::default() };
        Self {
            on: view.camera_on,
            watched: view.readers > 0 || view.state == "streaming",
            speaking: view.speaking,
            muted: view.muted,
            problem: view.state == "failed" || !view.problems.is_empty(),
        }
    }
}

/// One line: how things stand.
pub fn headline(view: Option<&View>) -> String {
    let Some(view) = view else { return "The camera does not run".into() };
    let watched = match view.readers {
        0 if view.state == "streaming" => "An app watches".to_owned(),
        0 => "Nobody watches".to_owned(),
        1 => "One app watches".to_owned(),
        n => format!("{n} apps watch"),
    };
    let mut line = if view.state == "failed" { "No camera could be offered".to_owned() } else { watched };
    for (is, words) in [(!view.camera_on, "camera off"), (view.speaking, "speaking"), (view.muted, "muted")] {
        if is {
            let _ = write!(line, ", {words}");
        }
    }
    line
}

/// What the tooltip adds.
pub fn details(view: Option<&View>) -> String {
    let Some(view) = view else { return "Start it from the menu.".into() };
    let label = |all: &[(String, String)], name: &str| {
        all.iter().find(|(n, _)| n == name).map_or_else(|| name.to_owned(), |(_, label)| label.clone())
    };
    let percent = (view.intensity * 100.0).round();
    let mut lines = vec![format!("Profile: {} at {percent} %", label(&view.profiles, &view.profile))];
    if let Some(avatars) = &view.avatars {
        lines.push(format!("Avatar: {}", label(&avatars.available, &avatars.active)));
    }
    lines.push(format!("Microphone: {}", if view.microphone_in_use { "open" } else { "closed" }));
    if let Some(mirror) = view.mirror.filter(|m| m.on || m.open) {
        lines.push(format!("Your own camera: {}", if mirror.open { "open" } else { "closed" }));
    }
    lines.extend(view.problems.iter().map(|p| format!("Problem: {p}")));
    lines.join("\n")
}

/// A sentence in lines that fit into a menu.
pub fn wrapped(sentence: &str) -> Vec<String> {
    const WIDTH: usize = 64;
    let mut lines: Vec<String> = Vec::new();
    for word in sentence.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= WIDTH => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view() -> View {
        View { state: "idle".into(), camera_on: true, intensity: 1.0, profile: "calm".into(), ..View::default() }
    }

    #[test]
    fn a_glance_tells_the_states_apart() {
        let idle = Glance::of(Some(&view()));
        assert_eq!(idle, Glance { on: true, ..Glance::default() });
        assert_eq!(Glance::of(None), Glance::default());
        assert!(Glance::of(Some(&View { readers: 1, ..view() })).watched);
        // A fallback does not hide that somebody watches.
        let degraded = View { state: "degraded".into(), readers: 2, problems: vec!["x".into()], ..view() };
        assert!(Glance::of(Some(&degraded)).watched && Glance::of(Some(&degraded)).problem);
        assert!(Glance::of(Some(&View { state: "failed".into(), ..view() })).problem);
        assert!(Glance::of(Some(&View { muted: true, ..view() })).muted);
        assert!(!Glance::of(Some(&View { camera_on: false, ..view() })).on);
    }

    #[test]
    fn the_headline_says_how_things_stand() {
        for (view, want) in [
            (None, "The camera does not run"),
            (Some(view()), "Nobody watches"),
            (Some(View { readers: 1, speaking: true, ..view() }), "One app watches, speaking"),
            (Some(View { readers: 3, muted: true, ..view() }), "3 apps watch, muted"),
            (Some(View { camera_on: false, ..view() }), "Nobody watches, camera off"),
            (Some(View { state: "failed".into(), ..view() }), "No camera could be offered"),
        ] {
            assert_eq!(headline(view.as_ref()), want);
        }
        let told = details(Some(&View { profiles: vec![("calm".into(), "Calm".into())], intensity: 1.5, ..view() }));
        assert!(told.starts_with("Profile: Calm at 150 %"), "{told}");
    }

    #[test]
    fn a_long_sentence_is_cut_between_words() {
        let sentence = "PipeWire cannot be reached, so apps that find cameras through it do not list \"VASA Camera\"";
        let lines = wrapped(sentence);
        assert!(lines.len() == 2 && lines.iter().all(|l| l.chars().count() <= 64), "{lines:?}");
        assert_eq!(lines.join(" "), sentence);
        assert!(wrapped("").is_empty() && wrapped(&"x".repeat(200)).len() == 1);
    }
}
