//! Lips, head and blinks against real film: `../shared/eval/score.py` on the development clips, which training has not seen.

mod common;

use common::{root, vasa};
use std::path::{Path, PathBuf};
use std::process::Command;

#[test]
fn lips_follow_filmed_speech_and_head_and_blinks_move_as_filmed_ones_do() {
    let shared = std::env::var_os("VASA_SHARED").map_or_else(|| root().join("../shared"), PathBuf::from).join("eval");
    if !shared.is_dir() {
        eprintln!("SKIPPED: {} is not here; lips, head and blinks were NOT scored against film", shared.display());
        return;
    }
    let out = tempfile::tempdir().unwrap();
    for clip in std::fs::read_to_string(shared.join("dev.txt")).unwrap().split_whitespace() {
        let sound = shared.join(format!("tracks/{clip}.wav"));
        let curves = out.path().join(format!("{clip}.csv"));
        let done = Command::new(vasa())
            .args(["render", "--audio"])
            .arg(sound)
            .arg("--curves-out")
            .arg(curves)
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
    println!("{report}");
    let figure = |name: &str| -> f64 {
        let found = report.split_whitespace().find_map(|w| w.strip_prefix(&format!("{name}=")));
        found.and_then(|v| v.parse().ok()).unwrap_or_else(|| panic!("no {name} in {report}"))
    };
    assert!(figure("r_lag") >= 0.40, "r_lag is {}", figure("r_lag"));
    assert!(figure("clo_auc") >= 0.66, "clo_auc is {}", figure("clo_auc"));
    // The same film against itself, speaker by speaker, has a mot of 0.14 to 0.30.
    assert!(figure("mot") <= 0.5, "mot is {}", figure("mot"));
    assert!(figure("emdw") <= 4.0, "emdw is {} degrees a second", figure("emdw"));
}
