//! `vasa words`: names and terms that the recogniser shall know.

use super::client::{ListeningProxy, connect, explain};
use super::print_line;
use anyhow::Result;

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Add words; quote a name of several
    Add {
        #[arg(required = true, value_name = "WORD")]
        words: Vec<String>,
    },
    /// Remove words
    Remove {
        #[arg(required = true, value_name = "WORD")]
        words: Vec<String>,
    },
}

pub fn run(args: Args) -> Result<()> {
    super::block_on(async {
        let connection = connect().await?;
        let listening = ListeningProxy::new(&connection).await.map_err(explain)?;
        let mut all = listening.words().await.map_err(explain)?;
        match args.command {
            None => {
                all.iter().for_each(|word| print_line(word));
                return Ok(());
            }
            Some(Command::Add { words }) => {
                for word in words {
                    if !all.contains(&word) {
                        all.push(word);
                    }
                }
            }
            Some(Command::Remove { words }) => {
                if let Some(unknown) = words.iter().find(|w| !all.contains(w)) {
                    anyhow::bail!("\"{unknown}\" is none of the personal words; `vasa words` lists them");
                }
                all.retain(|word| !words.contains(word));
            }
        }
        let all: Vec<&str> = all.iter().map(String::as_str).collect();
        listening.set_words(&all).await.map_err(|e| explain(e.into()))
    })
}
