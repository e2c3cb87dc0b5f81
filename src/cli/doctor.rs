//! `vasa doctor`: what keeps the camera from working, and what to do about it.

use super::captions::printable;
use super::print_line;
use crate::config::Paths;
use crate::doctor::{Distribution, Finding, Level, check, gather, works};
use serde_json::json;
use std::io::IsTerminal;
use std::process::ExitCode;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Print JSON, with the remedies for Debian, Ubuntu, Fedora and Arch
    #[arg(long)]
    json: bool,
}

/// The exit status is 0 where the camera can work, 1 where it cannot.
pub fn run(args: &Args, paths: &Paths) -> ExitCode {
    let machine = gather(paths);
    let (findings, on) = (check(&machine), machine.distribution);
    let works = works(&findings);
    if args.json {
        let distribution = on.map(Distribution::name);
        let report = json!({"works": works, "distribution": distribution, "findings": findings});
        print_line(&serde_json::to_string_pretty(&report).unwrap_or_default());
    } else {
        let coloured = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty());
        findings.iter().flat_map(|f| lines(f, on, coloured)).for_each(|line| print_line(&line));
        print_line("");
        print_line(summary(&findings));
    }
    ExitCode::from(u8::from(!works))
}

fn summary(findings: &[Finding]) -> &'static str {
    match findings.iter().map(|f| f.level).max() {
        Some(Level::Error) => "The camera cannot work on this machine as it is: the errors say why.",
        Some(Level::Warning) => "The camera works; the warnings say what does not.",
        _ => "The camera works.",
    }
}

/// A finding as it is printed: what is, and the way out.
fn lines(finding: &Finding, on: Option<Distribution>, coloured: bool) -> Vec<String> {
    let (word, colour) = match finding.level {
        Level::Ok => ("ok", "32"),
        Level::Note => ("note", "36"),
        Level::Warning => ("warning", "33"),
        Level::Error => ("error", "1;31"),
    };
    let paint = |text: String| if coloured { format!("\x1b[{colour}m{text}\x1b[0m") } else { text };
    let mut out = vec![format!("{} {:18} {}", paint(format!("{word:8}")), finding.check, printable(&finding.sentence))];
    let Some(remedy) = &finding.remedy else { return out };
    let shown: Vec<(String, &str)> = match on {
        Some(distribution) => vec![(String::new(), remedy.on(distribution))],
        None if remedy.is_everywhere() => vec![(String::new(), &remedy.debian)],
        // A distribution that we do not know: the reader may.
        None => Distribution::ALL.map(|d| (format!("{}: ", d.name()), remedy.on(d))).into(),
    };
    // One command a line, to be copied.
    for (head, text) in &shown {
        for (i, command) in printable(text).split(" && ").enumerate() {
            let (arrow, head) = if i == 0 { ("->", head.as_str()) } else { ("  ", "") };
            out.push(format!("{:28}{arrow} {head:width$}{command}", "", width = if shown.len() > 1 { 8 } else { 0 }));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Remedy;

    #[test]
    fn a_remedy_is_printed_for_this_machine_and_for_all_where_it_is_not_known() {
        let remedy = Remedy::install("a", "b", "c");
        let finding = Finding { check: "gpu", level: Level::Error, sentence: "x\x1b[2J".into(), remedy: Some(remedy) };
        let told = lines(&finding, Some(Distribution::Fedora), false);
        assert!(told.len() == 2 && told[1].ends_with("-> sudo dnf install b"), "{told:?}");
        assert!(!told[0].contains('\x1b') && lines(&finding, None, true)[0].starts_with("\x1b[1;31merror"));
        let all = lines(&finding, None, false);
        assert!(all.len() == 5 && all[4].ends_with("Arch:   sudo pacman -S c"), "{all:?}");
        let two = Finding { remedy: Some(Remedy::everywhere("a && b")), ..finding };
        let told = lines(&two, None, false);
        assert!(told[1].ends_with("-> a") && told[2].ends_with("   b"), "{told:?}");
    }
}
