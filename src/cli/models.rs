//! `vasa models`: what is installed, from where, under what licence; installing, verifying and removing.

use super::{Usage, print_line};
use crate::assets::{Installer, Manifest, Model, Progress, State, removable, remove, state};
use crate::config::Paths;
use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;
use serde_json::json;
use std::cell::RefCell;
use std::io::{IsTerminal, Write};
use std::path::PathBuf;

/// Lists, installs, verifies and removes the models (voices, networks and the runtime that executes them).
#[derive(Debug, Args)]
pub struct Models {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Lists every model with its state, licence, sources and SHA-256.
    List {
        /// Prints JSON.
        #[arg(long)]
        json: bool,
    },
    /// Installs the named models, or all that are not optional, and verifies each file. The only command that uses the
    /// network; one that was interrupted goes on where it stopped.
    Install {
        /// Names as `vasa models list` shows them.
        #[arg(value_name = "NAME")]
        names: Vec<String>,
        /// Takes the files from this folder instead of the network.
        #[arg(long, value_name = "DIR")]
        from: Option<PathBuf>,
        /// Prints the models as JSON once they are installed; what is done is told on standard error.
        #[arg(long)]
        json: bool,
    },
    /// Compares every installed file with its SHA-256; the exit status is 1 where one differs.
    Verify {
        /// Prints JSON.
        #[arg(long)]
        json: bool,
    },
    /// Removes the files of models.
    Remove {
        /// Names as `vasa models list` shows them.
        #[arg(value_name = "NAME", required = true)]
        names: Vec<String>,
        /// Do not ask.
        #[arg(long)]
        yes: bool,
        /// Prints what was removed as JSON.
        #[arg(long)]
        json: bool,
    },
}

/// One model as `list --json` prints it.
#[derive(Serialize)]
struct Listed<'a> {
    name: &'a str,
    kind: crate::assets::Kind,
    label: &'a str,
    licence: &'a str,
    attribution: &'a str,
    installed: bool,
    /// Installed only when it is named.
    optional: bool,
    files: Vec<ListedFile<'a>>,
}

#[derive(Serialize)]
struct ListedFile<'a> {
    path: String,
    /// "installed", "missing" or "damaged".
    state: &'static str,
    bytes: u64,
    sha256: &'a str,
    sources: Vec<String>,
}

/// Runs the command.
///
/// # Errors
/// An unknown name, a source that cannot be had, a file that is not what the manifest says.
pub fn run(models: Models, paths: &Paths) -> Result<()> {
    let manifest = Manifest::shipped();
    match models.command {
        Command::List { json } => list(paths, manifest, json),
        Command::Install { names, from, json } => install(paths, manifest, &names, from, json),
        Command::Verify { json } => verify(paths, manifest, json),
        Command::Remove { names, yes, json } => take_away(paths, manifest, &names, yes, json),
    }
}

fn install(paths: &Paths, manifest: &Manifest, names: &[String], from: Option<PathBuf>, json: bool) -> Result<()> {
    let bar = Bar::default();
    let mut say = |line: &str| if json { eprintln!("{line}") } else { print_line(line) };
    let progress = |p: Progress<'_>| bar.follow(p);
    Installer::new(paths, manifest).from_folder(from).watched(&progress).install(names, &mut say)?;
    crate::speech::prepare_voices(paths, &mut say);
    if json {
        let asked = manifest.iter().filter(|m| names.is_empty() && !m.optional || names.contains(&m.name));
        let all = asked.map(|m| listed(paths, m)).collect::<Result<Vec<_>>>()?;
        print_line(&serde_json::to_string_pretty(&all)?);
    }
    Ok(())
}

/// A bar on the terminal while a file comes; elsewhere nothing but the lines.
#[derive(Default)]
struct Bar(RefCell<Option<ProgressBar>>);

impl Bar {
    fn follow(&self, progress: Progress<'_>) {
        // Templates are checked by a test; without one the library's own is used.
        const TEMPLATE: &str = "{msg} [{bar:24}] {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left";
        let mut bar = self.0.borrow_mut();
        match progress {
            Progress::Begin(label, bytes) if std::io::stderr().is_terminal() => {
                let new = ProgressBar::with_draw_target(Some(bytes), ProgressDrawTarget::stderr());
                new.set_style(ProgressStyle::with_template(TEMPLATE).unwrap_or_else(|_| ProgressStyle::default_bar()));
                new.set_message(label.to_owned());
                *bar = Some(new);
            }
            Progress::Begin(..) => {}
            // A package may be larger than the file in it.
            Progress::At(bytes) => {
                if let Some(bar) = &*bar {
                    bar.set_position(bytes.min(bar.length().unwrap_or(bytes)));
                }
            }
            Progress::End => {
                if let Some(bar) = bar.take() {
                    bar.finish_and_clear();
                }
            }
        }
    }
}

fn listed<'a>(paths: &Paths, model: &'a Model) -> Result<Listed<'a>> {
    let mut files = Vec::new();
    for file in model.files() {
        files.push(ListedFile {
            path: file.place(paths).display().to_string(),
            state: match state(paths, file)? {
                State::Installed => "installed",
                State::Missing => "missing",
                State::Damaged(_) => "damaged",
            },
            bytes: file.size,
            sha256: &file.sha256,
            sources: if file.shipped {
                vec!["this program".into()]
            } else {
                file.sources.iter().map(ToString::to_string).collect()
            },
        });
    }
    Ok(Listed {
        name: &model.name,
        kind: model.kind,
        label: &model.label,
        licence: &model.licence,
        attribution: &model.attribution,
        installed: !files.is_empty() && files.iter().all(|f| f.state == "installed"),
        optional: model.optional,
        files,
    })
}

fn list(paths: &Paths, manifest: &Manifest, json: bool) -> Result<()> {
    let all = manifest.iter().map(|m| listed(paths, m)).collect::<Result<Vec<_>>>()?;
    if json {
        print_line(&serde_json::to_string_pretty(&all)?);
        return Ok(());
    }
    for model in &all {
        let state = match (model.installed, model.optional) {
            (true, _) => "installed".to_owned(),
            (false, false) => "not installed".to_owned(),
            (false, true) => format!("optional: vasa models install {}", model.name),
        };
        print_line(&format!("{} ({state})", model.name));
        print_line(&format!("  {}", model.label));
        print_line(&format!("  licence {}: {}", model.licence, model.attribution));
        for file in &model.files {
            print_line(&format!("  {} ({}, {:.1} MB)", file.path, file.state, file.bytes as f64 / 1e6));
            print_line(&format!("    sha256 {}", file.sha256));
            print_line(&format!("    from {}", file.sources.join(", or ")));
        }
    }
    Ok(())
}

fn verify(paths: &Paths, manifest: &Manifest, json: bool) -> Result<()> {
    let (mut files, mut names, mut program) = (Vec::new(), Vec::new(), false);
    for model in manifest.iter() {
        for file in model.files() {
            let place = file.place(paths);
            let (word, found) = match state(paths, file)? {
                State::Installed => ("installed", None),
                State::Missing if file.shipped => ("damaged", None),
                State::Missing => ("missing", None),
                State::Damaged(found) => ("damaged", Some(found)),
            };
            if !json {
                print_line(&match (word, &found) {
                    ("installed", _) => format!("{}: as the manifest says", place.display()),
                    ("missing", _) => format!("{}: not installed", place.display()),
                    (_, Some(found)) => {
                        format!("{}: SHA-256 is {found}, the manifest says {}", place.display(), file.sha256)
                    }
                    (_, None) => format!("{}: came with the program and is gone", place.display()),
                });
            }
            if word == "damaged" && file.shipped {
                program = true;
            } else if word == "damaged" && !names.contains(&model.name) {
                names.push(model.name.clone());
            }
            files.push(json!({
                "model": model.name, "path": place.display().to_string(), "state": word, "sha256": file.sha256, "found": found,
            }));
        }
    }
    let wrong = files.iter().filter(|f| f["state"] == "damaged").count();
    if json {
        print_line(&serde_json::to_string_pretty(&json!({"intact": wrong == 0, "files": files}))?);
    }
    if wrong == 0 {
        return Ok(());
    }
    let mut remedies = Vec::new();
    if !names.is_empty() {
        remedies.push(format!("run vasa models install {}", names.join(" ")));
    }
    if program {
        remedies.push("install the program again, whose own file was changed".into());
    }
    let files = if wrong == 1 { "file is" } else { "files are" };
    bail!("{wrong} model {files} not what the manifest says; {}", remedies.join(", and "));
}

fn take_away(paths: &Paths, manifest: &Manifest, names: &[String], yes: bool, json: bool) -> Result<()> {
    let mut files = Vec::new();
    for name in names {
        let of_model = removable(paths, manifest, manifest.model(name)?);
        if of_model.is_empty() {
            eprintln!("vasa: of the model \"{name}\" nothing is installed that can be removed");
        }
        files.extend(of_model);
    }
    files.sort();
    files.dedup();
    let bytes: u64 = files.iter().map(|(_, bytes)| bytes).sum();
    if !files.is_empty() {
        if !yes {
            files.iter().for_each(|(path, _)| eprintln!("{}", path.display()));
            confirm(&format!("Remove {} ({:.1} MB)? (yes or no) ", count(files.len()), bytes as f64 / 1e6))?;
        }
        remove(paths, &files)?;
    }
    let shown = files.iter().map(|(path, _)| path.display().to_string());
    if json {
        let removed: Vec<_> = shown.collect();
        print_line(&serde_json::to_string_pretty(&json!({"removed": removed, "bytes": bytes}))?);
    } else {
        shown.for_each(|path| print_line(&format!("{path}: removed")));
    }
    Ok(())
}

fn count(files: usize) -> String {
    format!("{files} file{}", if files == 1 { "" } else { "s" })
}

fn confirm(question: &str) -> Result<()> {
    if !std::io::stdin().is_terminal() {
        return Err(Usage("standard input is no terminal to ask at; confirm with --yes".into()).into());
    }
    let mut out = std::io::stderr();
    let _ = write!(out, "{question}").and_then(|()| out.flush());
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).context("error reading the terminal")?;
    if matches!(line.trim().to_lowercase().as_str(), "y" | "yes") {
        return Ok(());
    }
    bail!("nothing was removed; answer yes, or give --yes");
}
