//! `vasa profile list|set`.

use super::client::{ProfilesProxy, connect, explain};
use super::print_line;
use anyhow::Result;

#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// List the profiles; the active one is marked
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Cross-fade to a profile
    Set {
        name: String,
        /// How strongly the profile colours the face: 0 neutral, 1 as written, up to 2 [default: as it is]
        #[arg(long, value_name = "X")]
        intensity: Option<f64>,
        /// How long the cross-fade takes, in milliseconds, up to 10000
        #[arg(long, value_name = "MS", default_value_t = 400)]
        over: u32,
    },
}

pub fn run(command: Command) -> Result<()> {
    super::block_on(async {
        let connection = connect().await?;
        let profiles = ProfilesProxy::new(&connection).await.map_err(explain)?;
        match command {
            Command::Set { name, intensity, over } => {
                let intensity = match intensity {
                    Some(x) => x,
                    None => profiles.intensity().await.map_err(explain)?,
                };
                profiles.activate(&name, intensity, over).await.map_err(explain)
            }
            Command::List { json } => {
                let available = profiles.available().await.map_err(explain)?;
                let active = profiles.active().await.map_err(explain)?;
                if json {
                    let list: Vec<_> = available
                        .iter()
                        .map(|(name, label, icon)| {
                            serde_json::json!({"name": name, "label": label, "icon": icon, "active": *name == active})
                        })
                        .collect();
                    print_line(&serde_json::to_string_pretty(&list)?);
                } else {
                    let width = available.iter().map(|(n, ..)| n.chars().count()).max().unwrap_or(0);
                    for (name, label, _) in &available {
                        print_line(&format!("{} {name:width$}  {label}", if *name == active { "*" } else { " " }));
                    }
                }
                Ok(())
            }
        }
    })
}
