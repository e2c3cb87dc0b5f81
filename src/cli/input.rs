//! `vasa input`: what drives the face.

use super::client::{CameraProxy, connect, explain};
use super::print_line;
use anyhow::Result;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// "text" (typed text is spoken), "microphone" (your own voice), "revoice" (your voice is recognised and spoken by the
    /// synthetic one); left out, the present one is printed
    #[arg(value_name = "INPUT")]
    input: Option<String>,
}

pub fn run(args: Args) -> Result<()> {
    super::block_on(async {
        let connection = connect().await?;
        let camera = CameraProxy::new(&connection).await.map_err(explain)?;
        match args.input {
            Some(input) => camera.set_input(&input).await.map_err(|e| explain(e.into())),
            None => {
                print_line(&camera.input().await.map_err(explain)?);
                Ok(())
            }
        }
    })
}
