//! `vasa revoice`: the recognised sentences that wait, and what becomes of them.

use super::captions::printable;
use super::client::{ListeningProxy, connect, explain};
use super::print_line;
use super::terminal::{Key, Keys};
use crate::stream::next;
use anyhow::{Context, Result, bail};
use rustyline::error::ReadlineError;
use std::io::{IsTerminal, Write};

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List the sentences that wait
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Speak a sentence
    Accept {
        /// Which one [default: the oldest]
        id: Option<u64>,
        /// Speak this in its place
        #[arg(long, value_name = "TEXT", default_value = "")]
        text: String,
    },
    /// Drop a sentence
    Reject {
        /// Which one [default: the oldest]
        id: Option<u64>,
    },
    /// Whether sentences wait to be accepted, or are spoken at once
    Mode {
        /// "confirm" or "immediate"
        mode: String,
    },
}

pub fn run(args: Args) -> Result<()> {
    super::block_on(async {
        let connection = connect().await?;
        let listening = ListeningProxy::new(&connection).await.map_err(explain)?;
        match args.command {
            None => ask(&listening).await,
            Some(Command::List { json }) => list(&listening, json).await,
            Some(Command::Accept { id, text }) => {
                listening.accept(which(&listening, id).await?, &text).await.map_err(explain)
            }
            Some(Command::Reject { id }) => listening.reject(which(&listening, id).await?).await.map_err(explain),
            Some(Command::Mode { mode }) => listening.set_revoice_mode(&mode).await.map_err(|e| explain(e.into())),
        }
    })
}

async fn list(listening: &ListeningProxy<'_>, json: bool) -> Result<()> {
    let pending = listening.pending().await.map_err(explain)?;
    if json {
        let all: Vec<_> = pending.iter().map(|(id, text)| serde_json::json!({"id": id, "text": text})).collect();
        print_line(&serde_json::to_string_pretty(&all)?);
    } else {
        pending.iter().for_each(|(id, text)| print_line(&format!("{id}  {}", printable(text))));
    }
    Ok(())
}

async fn which(listening: &ListeningProxy<'_>, id: Option<u64>) -> Result<u64> {
    match id {
        Some(id) => Ok(id),
        None => oldest(listening).await?.map(|(id, _)| id).context("no sentence is waiting; say one first"),
    }
}

async fn oldest(listening: &ListeningProxy<'_>) -> Result<Option<(u64, String)>> {
    Ok(listening.pending().await.map_err(explain)?.into_iter().next())
}

/// Shows each sentence on the terminal and does as the keys say, until Ctrl-D or Ctrl-C.
async fn ask(listening: &ListeningProxy<'_>) -> Result<()> {
    if !std::io::stdin().is_terminal() {
        bail!("standard input is no terminal; use `vasa revoice list`, `accept` and `reject`");
    }
    print_line("Enter speaks a sentence, e changes it first, Esc drops it; Ctrl-D ends.");
    let mut changes = std::pin::pin!(listening.receive_pending_changed().await);
    let mut gone = std::pin::pin!(listening.inner().receive_owner_changed().await.map_err(explain)?);
    let mut keys = Keys::open()?;
    let mut shown = None;
    loop {
        let sentence = oldest(listening).await?;
        if sentence != shown {
            show(sentence.as_ref());
            shown = sentence.clone();
        }
        let key = tokio::select! {
            key = keys.next() => key?,
            Some(_) = next(changes.as_mut()) => continue,
            _ = next(gone.as_mut()) => bail!("the daemon stopped; start it again with `vasa daemon`"),
        };
        if key == Key::End {
            return Ok(());
        }
        let Some((id, text)) = sentence else { continue };
        let done = match key {
            Key::Enter => listening.accept(id, "").await,
            Key::Escape | Key::Delete | Key::Letter('r') => listening.reject(id).await,
            Key::Letter('e') => {
                // The line editor sets the terminal itself.
                drop(keys);
                let edited = edit(&text);
                keys = Keys::open()?;
                shown = None;
                match edited? {
                    Some(text) => listening.accept(id, &text).await,
                    None => continue,
                }
            }
            _ => continue,
        };
        // Somebody else may have decided in the meantime.
        if let Err(e) = done {
            eprintln!("\nvasa: {:#}", explain(e));
        }
    }
}

fn show(sentence: Option<&(u64, String)>) {
    let text = sentence.map_or_else(|| "…".to_owned(), |(_, text)| printable(text));
    let mut out = std::io::stdout();
    let _ = write!(out, "\r\x1b[K{text}{}", if sentence.is_some() { "\n" } else { "" }).and_then(|()| out.flush());
}

/// Lets the user change a text; None: they would rather not.
fn edit(text: &str) -> Result<Option<String>> {
    let mut editor = rustyline::DefaultEditor::new().context("error opening the line editor")?;
    match editor.readline_with_initial("> ", (text, "")) {
        Ok(line) if line.trim().is_empty() => Ok(None),
        Ok(line) => Ok(Some(line)),
        Err(ReadlineError::Eof | ReadlineError::Interrupted) => Ok(None),
        Err(e) => Err(e).context("error reading the terminal"),
    }
}
