//! `vasa mute|unmute|camera|intensity|quit`: what the tray's menu has, from a terminal or a key of the desktop's.

use super::captions::Switch;
use super::client::{CameraProxy, ProfilesProxy, connect, explain};
use super::print_line;
use anyhow::Result;

#[derive(Debug, clap::Args)]
pub struct Camera {
    /// "off" shows a card, and apps keep their stream; left out, the present state is printed
    switch: Option<Switch>,
}

#[derive(Debug, clap::Args)]
pub struct Intensity {
    /// 0 neutral, 1 as the profile is written, up to 2; left out, the present one is printed
    #[arg(value_name = "X", allow_negative_numbers = true)]
    intensity: Option<f64>,
}

/// Closes the microphone, or opens it again.
///
/// # Errors
/// No daemon, or its refusal; of the others the same.
pub fn mute(muted: bool) -> Result<()> {
    super::block_on(async {
        let connection = connect().await?;
        let camera = CameraProxy::new(&connection).await.map_err(explain)?;
        camera.set_muted(muted).await.map_err(|e| explain(e.into()))
    })
}

pub fn camera(args: Camera) -> Result<()> {
    super::block_on(async {
        let connection = connect().await?;
        let camera = CameraProxy::new(&connection).await.map_err(explain)?;
        match args.switch {
            Some(switch) => camera.set_camera_on(switch == Switch::On).await.map_err(|e| explain(e.into())),
            None => {
                print_line(if camera.camera_on().await.map_err(explain)? { "on" } else { "off" });
                Ok(())
            }
        }
    })
}

pub fn intensity(args: Intensity) -> Result<()> {
    super::block_on(async {
        let connection = connect().await?;
        let profiles = ProfilesProxy::new(&connection).await.map_err(explain)?;
        match args.intensity {
            Some(x) => profiles.set_intensity(x).await.map_err(|e| explain(e.into())),
            None => {
                print_line(&profiles.intensity().await.map_err(explain)?.to_string());
                Ok(())
            }
        }
    })
}

/// Ends the daemon; one that does not run is not started for it.
pub fn quit() -> Result<()> {
    super::block_on(async {
        let connection = connect().await?;
        let camera = CameraProxy::new(&connection).await.map_err(explain)?;
        camera.quit().await.map_err(explain)
    })
}
