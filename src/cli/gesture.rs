//! `vasa gesture NAME`.

use super::client::{ProfilesProxy, connect, explain};
use anyhow::Result;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// nod, shake, wink, laugh, raise-brows or think
    #[arg(value_name = "NAME")]
    name: String,
}

pub fn run(args: Args) -> Result<()> {
    super::block_on(async {
        let connection = connect().await?;
        let profiles = ProfilesProxy::new(&connection).await.map_err(explain)?;
        profiles.gesture(&args.name).await.map_err(explain)
    })
}
