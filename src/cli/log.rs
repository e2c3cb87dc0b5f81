//! `vasa log`: the session log, read, checked, cleared.

use super::captions::printable;
use super::{Usage, print_line};
use crate::calendar::{self, Date};
use crate::config::Paths;
use crate::daemon::session_log::{Files, Report, check};
use anyhow::{Context, Result, bail};
use serde_json::json;
use std::io::{IsTerminal, Write};
use std::time::Duration;

/// Sentences that are printed at once.
const MOST_FAULTS: usize = 20;

#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Begin with this day, such as 2026-11-25 (UTC)
    #[arg(long, value_name = "DATE")]
    since: Option<String>,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Check whether lines were changed, removed or cut off; the exit status is 0 where it is intact, 1 where it is not
    Verify {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Remove the log
    Clear {
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

/// Runs the command.
///
/// # Errors
/// A log that cannot be read or removed; for `verify`, one that is not intact.
pub fn run(args: Args, paths: &Paths) -> Result<()> {
    match args.command {
        None => print(paths, args.since.as_deref(), args.json),
        Some(Command::Verify { json }) => verify(paths, json),
        Some(Command::Clear { yes }) => clear(paths, yes),
    }
}

fn print(paths: &Paths, since: Option<&str>, json: bool) -> Result<()> {
    let from = match since {
        None => 0,
        Some(day) => Date::parse(day)
            .map(Date::start)
            .ok_or_else(|| Usage(format!("--since was given \"{}\"; give a day such as 2026-11-25", printable(day))))?,
    };
    let report = check(paths)?;
    let lines = report.lines.iter().filter(|l| l.time >= from);
    if json {
        let all: Vec<_> = lines
            .map(|l| {
                let mut entry = json!({"n": l.number, "time": l.time, "utc": calendar::utc(l.time)});
                if let (Some(entry), Ok(serde_json::Value::Object(event))) =
                    (entry.as_object_mut(), serde_json::to_value(&l.event))
                {
                    entry.extend(event);
                }
                entry
            })
            .collect();
        print_line(&serde_json::to_string_pretty(&all)?);
    } else {
        lines.for_each(|l| print_line(&format!("{}  {}", calendar::utc(l.time), printable(&l.event.sentence()))));
    }
    if !report.faults.is_empty() {
        eprintln!("vasa: the log is not intact; `vasa log verify` says where");
    }
    Ok(())
}

fn verify(paths: &Paths, json: bool) -> Result<()> {
    let mut report = check(paths)?;
    if !report.faults.is_empty() {
        // The daemon may have been writing a line, or setting a file aside.
        std::thread::sleep(Duration::from_millis(300));
        report = check(paths)?;
    }
    let Report { lines, faults, signer } = &report;
    let (first, last) = (lines.first(), lines.last());
    if json {
        print_line(&serde_json::to_string_pretty(&json!({
            "intact": faults.is_empty(),
            "lines": lines.len(),
            "first": first.map(|l| l.number),
            "last": last.map(|l| l.number),
            "since": first.map(|l| calendar::utc(l.time)),
            "until": last.map(|l| calendar::utc(l.time)),
            "signed_by": signer.map(|s| s.to_string()),
            "faults": faults,
        }))?);
    } else {
        faults.iter().take(MOST_FAULTS).for_each(|f| print_line(f));
        if faults.len() > MOST_FAULTS {
            print_line(&format!("and {} more", faults.len() - MOST_FAULTS));
        }
    }
    if !faults.is_empty() {
        bail!(
            "the session log is not intact: {} found; `vasa log clear` begins a new one",
            count(faults.len(), "fault")
        );
    }
    if !json {
        match (first, last, signer) {
            (Some(first), Some(last), Some(signer)) => print_line(&format!(
                "intact: {}, numbers {} to {}, {} to {}, signed by this installation ({signer})",
                count(lines.len(), "line"),
                first.number,
                last.number,
                calendar::utc(first.time),
                calendar::utc(last.time)
            )),
            _ => print_line("intact: there is no log yet"),
        }
    }
    Ok(())
}

fn clear(paths: &Paths, yes: bool) -> Result<()> {
    if !yes {
        if !std::io::stdin().is_terminal() {
            return Err(Usage("standard input is no terminal to ask at; confirm with --yes".into()).into());
        }
        let mut out = std::io::stdout();
        let _ =
            write!(out, "Remove the session log? What it proves is then lost. (yes or no) ").and_then(|()| out.flush());
        let mut line = String::new();
        std::io::stdin().read_line(&mut line).context("error reading the terminal")?;
        if !matches!(line.trim().to_lowercase().as_str(), "y" | "yes") {
            bail!("nothing was removed; answer yes, or give --yes");
        }
    }
    print_line(if Files::of(paths).clear()? { "the session log was removed" } else { "there is no session log" });
    Ok(())
}

fn count(n: usize, thing: &str) -> String {
    format!("{n} {thing}{}", if n == 1 { "" } else { "s" })
}
