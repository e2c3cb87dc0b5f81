//! README.md and docs/: every command in them is one, every file and link leads somewhere.

mod common;

use clap::CommandFactory;
use clap::error::ErrorKind;
use common::root;
use std::path::{Path, PathBuf};
use vasa_camera::cli::Cli;

/// One page, and what is code in it.
struct Page {
    path: PathBuf,
    text: String,
}

impl Page {
    fn name(&self) -> String {
        self.path.strip_prefix(root()).unwrap().display().to_string()
    }

    /// Lines of fenced blocks without a language (or of the shell) and of indented ones.
    fn block_lines(&self) -> Vec<&str> {
        let (mut lines, mut fence) = (Vec::new(), None::<&str>);
        for line in self.text.lines() {
            match (fence, line.trim_start().strip_prefix("```")) {
                (None, Some(language)) => fence = Some(language),
                (Some(_), Some(_)) => fence = None,
                (Some("" | "sh" | "bash"), None) => lines.push(line),
                (None, None) if line.starts_with("    ") => lines.push(line.trim_start()),
                _ => {}
            }
        }
        lines
    }

    /// The blocks of a language.
    fn blocks(&self, language: &str) -> Vec<String> {
        let (mut blocks, mut inside) = (Vec::new(), false);
        for line in self.text.lines() {
            match line.trim_start().strip_prefix("```") {
                Some(_) if inside => inside = false,
                Some(found) if found == language => {
                    inside = true;
                    blocks.push(String::new());
                }
                _ if inside => *blocks.last_mut().unwrap() += &format!("{line}\n"),
                _ => {}
            }
        }
        blocks
    }

    /// What stands between single backticks, outside of blocks.
    fn inline(&self) -> Vec<&str> {
        let mut fenced = false;
        let prose = self.text.lines().filter(|line| {
            let fence = line.trim_start().starts_with("```");
            fenced ^= fence;
            !fence && !fenced && !line.starts_with("    ")
        });
        prose.flat_map(|line| line.split('`').skip(1).step_by(2)).collect()
    }
}

fn pages() -> Vec<Page> {
    let mut paths = vec![root().join("README.md")];
    let docs = std::fs::read_dir(root().join("docs")).unwrap().map(|e| e.unwrap().path());
    paths.extend(docs.filter(|p| p.extension().is_some_and(|e| e == "md")));
    paths.sort();
    paths.into_iter().map(|path| Page { text: std::fs::read_to_string(&path).unwrap(), path }).collect()
}

/// Splits a line into commands, each without its comment.
fn commands(line: &str) -> Vec<Vec<String>> {
    let (mut all, mut words, mut word, mut quote, mut begun) = (Vec::new(), Vec::new(), String::new(), None, false);
    let mut characters = line.chars().peekable();
    while let Some(c) = characters.next() {
        match (quote, c) {
            (Some(q), c) if c == q => quote = None,
            (Some(_), c) => word.push(c),
            (None, '"' | '\'') => (quote, begun) = (Some(c), true),
            (None, '#') if word.is_empty() && !begun => break,
            (None, ' ' | ';' | '|' | '·') => {
                if begun || !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                    begun = false;
                }
                // `[--json|--plain]` and `a|b` are choices; a pipe stands alone.
                if c != ' ' {
                    all.push(std::mem::take(&mut words));
                }
            }
            (None, '&') if characters.peek() == Some(&'&') => {
                characters.next();
                all.push(std::mem::take(&mut words));
            }
            (None, c) => word.push(c),
        }
    }
    if begun || !word.is_empty() {
        words.push(word);
    }
    all.push(words);
    all.retain(|words| !words.is_empty());
    all
}

/// The arguments of `vasa`, if the words are a call of it.
fn arguments(words: &[String]) -> Option<Vec<String>> {
    let words = if words.first().is_some_and(|w| w == "sudo") { words.get(1..)? } else { words };
    let program = words.first()?;
    (program == "vasa" || program.ends_with("/bin/vasa") || program == "target/release/vasa")
        .then(|| words[1..].to_vec())
}

/// A call with what a reader puts in the place of NAME, X, FILE…; what is in brackets is there too.
fn filled_in(arguments: &[String]) -> Vec<String> {
    let mut call = vec!["vasa".to_owned()];
    for argument in arguments {
        let bare = argument.trim_start_matches('[').trim_end_matches(']').trim_end_matches('…').trim_end_matches(',');
        let value = match bare {
            "" => continue,
            "X" | "N" => "1",
            "MS" => "100",
            "DATE" => "2026-01-31",
            other => other,
        };
        call.push(value.to_owned());
    }
    call
}

/// Why the call would be refused, if it would. `mention`: a command is only named, so it may lack what it needs.
fn refusal(arguments: &[String], mention: bool) -> Option<String> {
    let call = filled_in(arguments);
    let error = Cli::command().try_get_matches_from(&call).err()?;
    let excused = match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => true,
        ErrorKind::MissingRequiredArgument
        | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
        | ErrorKind::MissingSubcommand => mention,
        ErrorKind::InvalidValue => mention && error.to_string().contains("a value is required"),
        _ => false,
    };
    (!excused).then(|| format!("{call:?}: {}", error.to_string().lines().next().unwrap_or_default()))
}

#[test]
fn every_vasa_command_is_one_that_the_program_takes() {
    let (mut faults, mut count) = (Vec::new(), 0);
    for page in pages() {
        let inline = page.inline().into_iter().map(|code| (code, true));
        let blocks = page.block_lines().into_iter().map(|code| (code, false));
        for (code, mention) in inline.chain(blocks) {
            for words in commands(code) {
                let Some(arguments) = arguments(&words) else { continue };
                count += 1;
                // "vasa render …" names the command; what follows is for its own page.
                let cut = arguments.iter().position(|a| a == "…" || a == "...");
                let mention = mention || cut.is_some();
                if let Some(fault) = refusal(&arguments[..cut.unwrap_or(arguments.len())], mention) {
                    faults.push(format!("{}: {fault}", page.name()));
                }
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(count > 60, "only {count} commands were found");
    println!("{count} commands");
}

#[test]
fn a_wrong_command_would_be_found() {
    let refused = |line: &str| refusal(&arguments(&commands(line)[0]).unwrap(), false).is_some();
    assert!(refused("vasa profle list") && refused("vasa profile list --nosuch") && refused("vasa profile set"));
    assert!(!refused("vasa profile set NAME [--intensity X] [--over MS]   # comment"));
    assert!(!refused("vasa say \"Good morning; everybody # all\""));
}

/// Whether the Makefile has the target.
fn target(makefile: &str, name: &str) -> bool {
    makefile.lines().any(|l| l.strip_prefix(name).is_some_and(|rest| rest.starts_with(':')))
}

#[test]
fn every_make_target_and_cargo_target_exists() {
    let makefile = |folder: &str| std::fs::read_to_string(root().join(folder).join("Makefile")).unwrap_or_default();
    let mut faults = Vec::new();
    for page in pages() {
        for code in page.inline().into_iter().chain(page.block_lines()) {
            for words in commands(code) {
                let words: Vec<&str> = words.iter().map(String::as_str).filter(|w| *w != "sudo").collect();
                match words.as_slice() {
                    ["make", rest @ ..] => {
                        let (folder, rest) = match rest {
                            ["-C", folder, rest @ ..] => (*folder, rest),
                            _ => ("", rest),
                        };
                        let makefile = makefile(folder);
                        for name in rest.iter().filter(|w| !w.contains('=') && !w.starts_with('-')) {
                            // "run `make marks` twice" is prose; in code all words are targets.
                            if !target(&makefile, name) {
                                faults.push(format!("{}: make {name}", page.name()));
                            }
                        }
                    }
                    ["cargo", rest @ ..] => {
                        for pair in rest.windows(2) {
                            let folder = match pair[0] {
                                "--test" => "tests",
                                "--bench" => "benches",
                                "--example" => "examples",
                                _ => continue,
                            };
                            let base = root().join(folder).join(pair[1]);
                            if !base.with_extension("rs").exists() && !base.join("main.rs").exists() {
                                faults.push(format!("{}: {} {}", page.name(), pair[0], pair[1]));
                            }
                        }
                    }
                    _ => {}
                }
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// The anchor that a heading gets.
fn anchor(heading: &str) -> String {
    let kept = heading.trim_start_matches('#').trim().to_lowercase();
    kept.chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
        .map(|c| if c == ' ' { '-' } else { c })
        .collect()
}

#[test]
fn every_link_leads_to_a_file_and_a_heading() {
    let mut faults = Vec::new();
    for page in pages() {
        for link in page.text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if link.contains("://") || link.starts_with("mailto:") {
                continue;
            }
            let (file, heading) = link.split_once('#').map_or((link, None), |(f, h)| (f, Some(h)));
            let path = if file.is_empty() { page.path.clone() } else { page.path.parent().unwrap().join(file) };
            if !path.exists() {
                faults.push(format!("{}: {link}", page.name()));
            } else if let Some(heading) = heading {
                let text = std::fs::read_to_string(&path).unwrap();
                if !text.lines().filter(|l| l.starts_with('#')).any(|l| anchor(l) == heading) {
                    faults.push(format!("{}: {link} has no such heading", page.name()));
                }
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Whether something in the checkout is called that; `*` stands for anything in the last part.
fn in_checkout(path: &str) -> bool {
    let path = path.trim_end_matches(['.', ',', ':']);
    match path.split_once('*') {
        None => root().join(path).exists(),
        Some((before, after)) => {
            let folder = root().join(before).parent().map_or_else(|| root().to_path_buf(), Path::to_path_buf);
            let start = before.rsplit('/').next().unwrap_or_default();
            let entries = std::fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
            entries
                .map(|e| e.file_name().to_string_lossy().into_owned())
                .any(|n| n.starts_with(start) && n.ends_with(after))
        }
    }
}

#[test]
fn every_file_of_the_checkout_that_is_named_exists() {
    const ROOMS: [&str; 9] =
        ["src/", "tests/", "docs/", "models/", "scripts/", "profiles/", "systemd/", "packaging/", "benches/"];
    let (mut faults, mut count) = (Vec::new(), 0);
    for page in pages() {
        for code in page.inline().into_iter().chain(page.block_lines()) {
            for word in code.split([' ', '"', '\'', '(', ')']).filter(|w| ROOMS.iter().any(|r| w.starts_with(r))) {
                count += 1;
                if !in_checkout(word) {
                    faults.push(format!("{}: {word}", page.name()));
                }
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(count > 30, "only {count} paths were found");
}

#[test]
fn every_d_bus_call_names_members_of_the_contract() {
    let contract = std::fs::read_to_string(root().join("docs/dbus.xml")).unwrap();
    let mut count = 0;
    for page in pages() {
        for line in page.block_lines().into_iter().filter(|l| l.starts_with("busctl ")) {
            let words = &commands(line)[0];
            let at = |i: usize| words.get(i).map_or("", String::as_str);
            let verb = words.iter().position(|w| ["call", "get-property", "set-property"].contains(&w.as_str()));
            let Some(verb) = verb else { continue };
            let interface =
                contract.split("<interface ").find(|i| i.starts_with(&format!("name=\"{}\"", at(verb + 3))));
            let interface = interface.unwrap_or_else(|| panic!("{}: no interface {}", page.name(), at(verb + 3)));
            let kind = if at(verb) == "call" { "method" } else { "property" };
            let member = format!("<{kind} name=\"{}\"", at(verb + 4));
            assert!(interface.contains(&member), "{}: {line}", page.name());
            assert_eq!((at(verb + 1), at(verb + 2)), ("org.vasacamera.VasaCamera1", "/org/vasacamera/VasaCamera1"));
            count += 1;
        }
    }
    assert!(count >= 5, "only {count} calls were found");
}

#[test]
fn every_toml_and_json_block_can_be_read() {
    for page in pages() {
        for block in page.blocks("toml") {
            let read = toml::from_str::<toml::Table>(&block);
            assert!(read.is_ok(), "{}: {}\n{block}", page.name(), read.unwrap_err());
        }
        for block in page.blocks("json") {
            let read = serde_json::from_str::<serde_json::Value>(&block);
            assert!(read.is_ok(), "{}: {}\n{block}", page.name(), read.unwrap_err());
        }
    }
}
