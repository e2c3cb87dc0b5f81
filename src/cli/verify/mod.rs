//! `vasa verify`: was this picture or video made by this program?
//!
//! It needs no daemon, no key, no model and no setting. Files are looked at one after the other and said as they are done;
//! memory does not grow with their number or length. What it says, and its limits: `docs/verify.md`.

mod animation;
pub mod ffmpeg;
mod key;
mod lines;
mod open;
pub mod probe;
mod progress;
mod report;
mod still;
mod tally;
mod text;
mod video;

use crate::config::Paths;
use crate::mark::credentials;
use anyhow::Result;
use key::Key;
use open::Kind;
use progress::Progress;
use report::{Report, Verdict};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use tally::Tally;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Pictures and videos; write ./-name for a name that begins with "-"
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Print one JSON array with an object for each file
    #[arg(long)]
    json: bool,
    /// Look at one stretch of two seconds in ten only
    #[arg(long)]
    quick: bool,
}

/// Looks at every file. The exit status: 0 all are marked throughout, 1 some are not, 2 some could not be read.
pub fn run(args: &Args, paths: &Paths) -> ExitCode {
    let key = Key::find(paths);
    let mut worst = 0;
    let mut before = if args.json { "[\n" } else { "" };
    for path in &args.files {
        let report = look(path, args.quick, &key);
        worst = worst.max(match report.verdict {
            Verdict::Marked => 0,
            Verdict::Partly | Verdict::NotMarked => 1,
            Verdict::Unreadable => 2,
        });
        let said = if args.json {
            // A report holds only what JSON can say.
            serde_json::to_string_pretty(&report).unwrap_or_default()
        } else {
            lines::paragraph(&report) + "\n"
        };
        // Where nobody reads on (`| head`), the status still tells.
        let mut out = std::io::stdout().lock();
        let _ = write!(out, "{before}{said}").and_then(|()| out.flush());
        before = if args.json { ",\n" } else { "\n" };
    }
    if args.json {
        let _ = writeln!(std::io::stdout(), "\n]");
    }
    ExitCode::from(worst)
}

/// One file. Nothing that it holds is an error of ours: what cannot be read is said in its report.
fn look(path: &Path, quick: bool, key: &Key) -> Report {
    let mut report = Report::new(path);
    if let Err(e) = read(path, quick, key, &mut report) {
        report.unreadable(text::clean(&format!("{e:#}")));
    }
    report
}

fn read(path: &Path, quick: bool, key: &Key, report: &mut Report) -> Result<()> {
    let opened = open::open(path)?;
    report.bytes = Some(opened.bytes);
    let mut tally = Tally::new(quick);
    let mut progress = Progress::new(path);
    match opened.kind {
        Kind::Still(format) => still::read(opened, format, &mut tally, report)?,
        Kind::Animation => animation::read(opened, &mut tally, &mut progress, report)?,
        Kind::Other => video::read(&opened, &mut tally, &mut progress, report)?,
    }
    report.conclude(&mut tally, key);
    let credentials = credentials::read(path).and_then(|found| Ok(found.map(serde_json::to_value).transpose()?));
    match credentials {
        Ok(found) => report.content_credentials = found,
        Err(e) => report.remark(text::clean(&format!("its content credentials cannot be read: {e:#}"))),
    }
    Ok(())
}
