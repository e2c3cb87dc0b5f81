//! Lips in seven languages, whispered and sung: they move, part no more than a mouth does, and tell an m from an n by its sound.

mod common;

use common::{installed, root, vasa};
use std::path::Path;
use std::process::Command;

/// What espeak-ng says in each: `tests/kit/languages.sh`. True: it has a pair of words, too. A whispered m sounds as an n
/// to the small network.
const ALL: [(&str, bool); 9] = [
    ("English", true),
    ("Spanish", true),
    ("French", true),
    ("Italian", true),
    ("German", true),
    ("Russian", true),
    ("Mandarin", true),
    ("Whisper", false),
    ("Song", false),
];

/// How far the lips are apart in each row, as `shapes::gap` has it.
fn gaps(folder: &Path, name: &str, network: &str) -> Option<Vec<f64>> {
    let out = folder.join("curves.csv");
    let mut command = Command::new(vasa());
    command.args(["render", "--network", network, "--fps", "50", "--audio"]).arg(folder.join(format!("{name}.wav")));
    let done = command.arg("--curves-out").arg(&out).output().unwrap();
    let told = String::from_utf8_lossy(&done.stderr);
    if told.contains("vasa models install") {
        eprintln!("SKIPPED: {told}");
        return None;
    }
    assert!(done.status.success(), "{name}: {told}");
    let mut rows = csv::Reader::from_path(out).unwrap();
    let names = rows.headers().unwrap().clone();
    let column = |name: &str| names.iter().position(|n| n == name).unwrap();
    let parts = [
        ("jawOpen", 1.0),
        ("mouthClose", -1.0),
        ("mouthLowerDownLeft", 0.15),
        ("mouthLowerDownRight", 0.15),
        ("mouthUpperUpLeft", 0.1),
        ("mouthUpperUpRight", 0.1),
    ]
    .map(|(name, share)| (column(name), share));
    let gap = |row: csv::StringRecord| parts.iter().map(|(i, share)| share * row[*i].parse::<f64>().unwrap()).sum();
    Some(rows.records().map(|row| gap(row.unwrap())).collect())
}

fn percentile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[((sorted.len() - 1) as f64 * share) as usize]
}

fn follows(network: &str, apart: f64) {
    if !installed(&["espeak-ng"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let made = Command::new(root().join("tests/kit/languages.sh")).arg(folder.path()).status().unwrap();
    assert!(made.success());
    for (name, has_pair) in ALL {
        let Some(said) = gaps(folder.path(), name, network) else { return };
        let [low, wide, most] = [0.1, 0.9, 1.0].map(|share| percentile(&said, share));
        println!("{network}, {name}: gap {low:.2} to {wide:.2}, at most {most:.2}");
        assert!(low < 0.1 && wide > 0.1 && wide - low > 0.1 && most < 0.7, "{name}: {low}, {wide}, {most}");
        if !has_pair {
            continue;
        }
        // How far the lips come together between the vowels, in parts of how far they open in them.
        let [m, n] = ["-m", "-n"].map(|word| {
            let gaps = gaps(folder.path(), &format!("{name}{word}"), network).unwrap();
            // Without the pauses at both ends.
            let spoken = &gaps[15..gaps.len() - 25];
            percentile(spoken, 0.1) / percentile(spoken, 0.9)
        });
        println!("{network}, {name}: lips come to {m:.2} in mama, to {n:.2} in nana");
        assert!(m + apart < n, "{name}: an m is not closed: {m} and {n}");
    }
}

#[test]
fn the_small_network_moves_plausible_lips_in_every_language() {
    follows("small", 0.1);
}

#[test]
fn the_large_network_moves_plausible_lips_in_every_language() {
    // Mandarin's pair is the weakest: .24 and .27.
    follows("large", 0.0);
}
