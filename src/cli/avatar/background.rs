//! `vasa avatar background`: what is behind the avatar.

use super::super::captions::printable;
use super::super::client::{AvatarsProxy, connect, explain};
use super::super::{Usage, block_on, print_line};
use crate::config::{Background, Paths};
use anyhow::{Context, Result};

/// Shows the background, or sets it.
///
/// # Errors
/// A value that is no background, a picture that cannot be read, no daemon to show it.
pub fn run(value: Option<String>, paths: &Paths) -> Result<()> {
    let Some(value) = value else {
        let looks = super::shown(paths).context("the settings cannot be read; `vasa doctor` says why")?;
        print_line(&printable(&looks.background.to_string()));
        return Ok(());
    };
    let background = Background::parse(&value).map_err(Usage)?;
    // The daemon may stand in another folder.
    let folder = std::env::current_dir().context("the folder that this runs in is gone; change into another one")?;
    let background = background.relative_to(&folder).to_string();
    block_on(async {
        let avatars = AvatarsProxy::new(&connect().await?).await.map_err(explain)?;
        avatars.set_background(&background).await.map_err(|e| explain(e.into()))
    })
}
