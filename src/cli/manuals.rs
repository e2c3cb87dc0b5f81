//! `vasa manuals`: man pages and shell completions from the very command line that is parsed. For packagers, and hidden.

use anyhow::{Context, Result};
use clap_complete::Shell;
use std::path::{Path, PathBuf};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The folder that gets man1/ and completions/
    #[arg(value_name = "FOLDER")]
    folder: PathBuf,
}

/// The shells, and the name that each one's completions have where it looks for them.
const SHELLS: [(Shell, &str); 3] = [(Shell::Bash, "vasa"), (Shell::Zsh, "_vasa"), (Shell::Fish, "vasa.fish")];

pub fn run(args: &Args, command: clap::Command) -> Result<()> {
    write(&args.folder, command)
        .with_context(|| format!("error writing to {}; name a folder that you may write to", args.folder.display()))
}

fn write(folder: &Path, mut command: clap::Command) -> std::io::Result<()> {
    let (pages, completions) = (folder.join("man1"), folder.join("completions"));
    std::fs::create_dir_all(&pages)?;
    std::fs::create_dir_all(&completions)?;
    clap_mangen::generate_to(without_help(command.clone()), pages)?;
    for (shell, name) in SHELLS {
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut command, "vasa", &mut script);
        std::fs::write(completions.join(name), script)?;
    }
    Ok(())
}

/// `vasa help profile` says what `vasa profile --help` and the page of `vasa profile` say: it needs no page of its own.
fn without_help(command: clap::Command) -> clap::Command {
    command.disable_help_subcommand(true).mut_subcommands(without_help)
}
