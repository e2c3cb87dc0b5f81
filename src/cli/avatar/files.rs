//! `vasa avatar export`, `import` and `remove`.

use super::ask::{Terminal, yes_or_no};
use super::preview;
use crate::avatar::{self, package};
use crate::cli::client::{AvatarsProxy, connect, is_running};
use crate::cli::{Usage, print_line};
use crate::config::Paths;
use anyhow::{Context, Result, bail, ensure};
use std::io::IsTerminal;
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
pub struct Remove {
    /// As `vasa avatar list` shows it
    name: String,
    /// Remove it without asking
    #[arg(long)]
    yes: bool,
}

#[derive(Debug, clap::Args)]
pub struct Export {
    /// As `vasa avatar list` shows it
    name: String,
    /// The file to write, such as me.avatar
    file: PathBuf,
}

#[derive(Debug, clap::Args)]
pub struct Import {
    /// A file that `vasa avatar export` wrote
    file: PathBuf,
    /// What it shall be called here [default: its own name]
    #[arg(long)]
    name: Option<String>,
}

/// Removes an avatar of the user's own, and its preview.
///
/// # Errors
/// No such avatar, one that came with the program or is shown just now, or it cannot be removed.
pub fn remove(args: Remove, paths: &Paths) -> Result<()> {
    let folder = avatar::find(paths, &args.name)?;
    let own = avatar::own_folder(paths);
    let name = &args.name;
    if folder.parent() != Some(own.as_path()) || came_with_program(paths, name) {
        bail!("\"{name}\" came with the program and stays; only avatars of yours can be removed, in {}", own.display());
    }
    ensure!(shown_now().as_ref() != Some(name), "\"{name}\" is shown just now; `vasa avatar use` another one first");
    if !args.yes {
        if !std::io::stdin().is_terminal() {
            return Err(Usage(format!(
                "standard input is no terminal to ask at; confirm with --yes that \"{name}\" goes"
            ))
            .into());
        }
        let question = format!("Shall the avatar \"{name}\" be removed for good? (yes or no)");
        if !Terminal::open()?.ask(&question, yes_or_no)? {
            bail!("\"{name}\" stays");
        }
    }
    // At once out of sight, and only then file by file.
    let part = package::new_folder(&own)?;
    std::fs::rename(&folder, part.path().join(name)).with_context(|| format!("error removing {}", folder.display()))?;
    let sheet = preview::path(&folder);
    if sheet.exists() {
        std::fs::remove_file(&sheet).with_context(|| format!("error removing {}", sheet.display()))?;
    }
    part.close().with_context(|| format!("error removing {}", folder.display()))?;
    print_line(&format!("\"{name}\" is removed"));
    Ok(())
}

/// Writes an avatar to one file.
///
/// # Errors
/// As [`package::export`].
pub fn export(args: Export, paths: &Paths) -> Result<()> {
    package::export(&avatar::find(paths, &args.name)?, &args.file)?;
    print_line(&format!("\"{}\" is in {}", args.name, args.file.display()));
    Ok(())
}

/// Takes an avatar from one file.
///
/// # Errors
/// As [`package::import`].
pub fn import(args: Import, paths: &Paths) -> Result<()> {
    let part = package::import(&args.file, &avatar::own_folder(paths))?;
    let name = args.name.unwrap_or(part.name);
    let folder = free(paths, &name)?;
    package::keep(part.folder, &folder)?;
    print_line(&format!("\"{name}\" is here; `vasa avatar use {name}` shows it"));
    Ok(())
}

/// The folder of a new avatar called `name`.
///
/// # Errors
/// The name cannot be one, or somebody has it, be it one that came with the program.
pub fn free(paths: &Paths, name: &str) -> Result<PathBuf> {
    let folder = package::place(&avatar::own_folder(paths), name)?;
    ensure!(avatar::find(paths, name).is_err(), "there is an avatar \"{name}\" already; choose another name");
    Ok(folder)
}

/// In a checkout the built-in avatars may lie where the user's own do: those have a parameter file beside them.
fn came_with_program(paths: &Paths, name: &str) -> bool {
    avatar::own_folder(paths).join(format!("{name}.toml")).is_file()
}

/// Who is shown by a running daemon.
fn shown_now() -> Option<String> {
    let told = crate::cli::block_on(async {
        let connection = connect().await?;
        ensure!(is_running(&connection).await, "no daemon");
        Ok(AvatarsProxy::new(&connection).await?.active().await?)
    });
    told.ok()
}
