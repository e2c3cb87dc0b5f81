//! `vasa daemon`: the camera itself, in the foreground.

use crate::config::{Paths, Settings};
use anyhow::{Result, ensure};
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The settings file [default: settings.toml in the user's configuration folder]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

pub fn run(args: Args) -> Result<()> {
    let mut paths = Paths::find();
    if let Some(file) = args.config {
        ensure!(
            file.is_file(),
            "the settings file {} does not exist; name an existing file with --config",
            file.display()
        );
        paths.settings = file;
    }
    let settings = Settings::load(&paths.settings)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(crate::daemon::run(settings, paths))
}
