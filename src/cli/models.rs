//! `vasa models`: what is installed, from where, under what licence; installing and verifying.

use super::print_line;
use crate::assets::{Installer, Manifest, Model, State, state};
use crate::config::Paths;
use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use serde::Serialize;
use std::path::PathBuf;

/// Lists, installs and verifies the models (voices, networks and the runtime that executes them).
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
    /// network.
    Install {
        /// Names as `vasa models list` shows them.
        #[arg(value_name = "NAME")]
        names: Vec<String>,
        /// Takes the files from this folder instead of the network.
        #[arg(long, value_name = "DIR")]
        from: Option<PathBuf>,
    },
    /// Compares every installed file with its SHA-256.
    Verify,
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
        Command::Install { names, from } => {
            Installer::new(paths, manifest).from_folder(from).install(&names, &mut print_line)?;
            crate::speech::prepare_voices(paths, &mut print_line);
            Ok(())
        }
        Command::Verify => verify(paths, manifest),
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

fn verify(paths: &Paths, manifest: &Manifest) -> Result<()> {
    let mut wrong = 0;
    for model in manifest.iter() {
        for file in model.files() {
            let place = file.place(paths);
            match state(paths, file)? {
                State::Installed => print_line(&format!("{}: as the manifest says", place.display())),
                State::Missing => print_line(&format!("{}: not installed", place.display())),
                State::Damaged(found) => {
                    wrong += 1;
                    print_line(&format!("{}: SHA-256 is {found}, the manifest says {}", place.display(), file.sha256));
                }
            }
        }
    }
    if wrong > 0 {
        bail!(
            "{wrong} model {} not what the manifest says; run vasa models install",
            if wrong == 1 { "file is" } else { "files are" }
        );
    }
    Ok(())
}
