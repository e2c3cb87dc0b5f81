//! What the invisible mark stands and what it costs, and how often it is seen where it is not.
//!
//! `make marks` attacks clips of the real renderer and the real marker with real encoders and prints a table; `make marks-false`
//! looks at pictures of many kinds that carry no mark. Neither passes or fails: they give figures. What they make lies in
//! `target/marks/`.

mod attacks;
mod clips;
mod cost;
mod desktop;
mod jobs;
mod look;
mod plot;
mod scores;
mod unmarked;

use anyhow::{Result, bail};
use std::path::PathBuf;

fn main() -> Result<()> {
    let mut words = std::env::args().skip(1).filter(|a| !a.starts_with("--"));
    let work = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/marks");
    std::fs::create_dir_all(&work)?;
    match words.next().as_deref() {
        // The second word, where there is one: only the attacks whose names hold it.
        Some("attacks") => attacks::run(&work, words.next().as_deref().unwrap_or_default()),
        Some("false") => unmarked::run(&work),
        Some("plot") => plot::draw(&work),
        other => bail!("say `attacks`, `false` or `plot`, not {other:?}"),
    }
}
