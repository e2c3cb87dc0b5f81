//! Lips, head and blinks against real film: `../shared/eval/score.py` on the development clips, which training has not seen.

mod common;

use common::{root, vasa};
use std::path::{Path, PathBuf};
use std::process::Command;

#[test]
fn the_small_network_follows_filmed_speech_and_the_head_moves_as_filmed_ones_do() {
    let Some(report) = scored("small") else { return };
    report.at_least([("r_lag", 0.50), ("clo_auc", 0.76), ("r_det", 0.52), ("r_w", 0.45)]);
    report.at_most([("contr", 0.12), ("mot", 0.5), ("emdw", 4.0)]);
}

#[test]
fn the_large_network_follows_filmed_speech_better() {
    let Some(report) = scored("large") else { return };
    report.at_least([("r_lag", 0.60), ("clo_auc", 0.85), ("r_det", 0.62)]);
    report.at_most([("contr", 0.12), ("mot", 0.5), ("emdw", 4.0)]);
}

/// What the evaluation prints.
struct Report(String);

impl Report {
    fn figure(&self, name: &str) -> f64 {
        let found = self.0.split_whitespace().find_map(|w| w.strip_prefix(&format!("{name}=")));
        found.and_then(|v| v.parse().ok()).unwrap_or_else(|| panic!("no {name} in {}", self.0))
    }

    fn at_least<const N: usize>(&self, asked: [(&str, f64); N]) {
        for (name, least) in asked {
            assert!(self.figure(name) >= least, "{name} is {}, {least} is asked", self.figure(name));
        }
    }

    /// In size: a contrast may err either way.
    fn at_most<const N: usize>(&self, asked: [(&str, f64); N]) {
        for (name, most) in asked {
            assert!(self.figure(name).abs() <= most, "{name} is {}, {most} is asked", self.figure(name));
        }
    }
}

/// The scores of the program's curves with a network; none where the evaluation is not here.
fn scored(network: &str) -> Option<Report> {
    let shared = std::env::var_os("VASA_SHARED").map_or_else(|| root().join("../shared"), PathBuf::from).join("eval");
    if !shared.is_dir() {
        eprintln!("SKIPPED: {} is not here; lips were NOT scored against film", shared.display());
        return None;
    }
    let out = tempfile::tempdir().unwrap();
    for (seed, clip) in (1..).zip(std::fs::read_to_string(shared.join("dev.txt")).unwrap().split_whitespace()) {
        // Each clip has a chance of its own, as its speaker has: one for all moves twelve heads alike.
        let done = Command::new(vasa())
            .args(["render", "--network", network, "--seed", &i32::to_string(&seed), "--audio"])
            .arg(shared.join(format!("tracks/{clip}.wav")))
            .arg("--curves-out")
            .arg(out.path().join(format!("{clip}.csv")))
            .output()
            .unwrap();
        assert!(done.status.success(), "{clip}: {}", String::from_utf8_lossy(&done.stderr));
    }
    // The system's Python has the system's numpy and scipy; another one may come first in the path.
    let python = if Path::new("/usr/bin/python3").exists() { "/usr/bin/python3" } else { "python3" };
    let scored = Command::new(python)
        .arg(shared.join("score.py"))
        .args([shared.join("tracks"), out.path().into()])
        .arg("--list")
        .arg(shared.join("dev.txt"))
        .arg("--offsets")
        .arg(shared.join("offsets.json"))
        .output()
        .expect("python3 starts");
    let report = String::from_utf8_lossy(&scored.stdout).into_owned();
    assert!(scored.status.success(), "{report}{}", String::from_utf8_lossy(&scored.stderr));
    println!("{network}: {report}");
    Some(Report(report))
}
