//! `vasa say` and `vasa stop`.

use super::Usage;
use super::client::{SpeechProxy, connect, explain};
use anyhow::{Result, bail};
use std::collections::HashMap;
use tokio::io::AsyncBufReadExt;
use zbus::export::futures_core::Stream;
use zbus::zvariant::Value;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The text; "-" reads lines from standard input and speaks each
    #[arg(required = true, value_name = "TEXT")]
    text: Vec<String>,
    /// The voice, by its name
    #[arg(long, value_name = "NAME")]
    voice: Option<String>,
    /// How fast, 0.5 to 2
    #[arg(long, value_name = "X")]
    rate: Option<f64>,
    /// A profile for this utterance only
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
    /// Stop what is being said and say this at once
    #[arg(long)]
    interrupt: bool,
    /// Return at once instead of when the text has been spoken
    #[arg(long)]
    no_wait: bool,
}

pub fn run(args: Args) -> Result<()> {
    super::block_on(async {
        let connection = connect().await?;
        let speech = SpeechProxy::new(&connection).await.map_err(explain)?;
        if args.text == ["-"] {
            let mut lines = tokio::io::BufReader::new(tokio::io::stdin()).lines();
            // A line that cannot be spoken is told and costs the next ones nothing.
            let mut refused = false;
            while let Some(line) = lines.next_line().await? {
                if line.trim().is_empty() {
                    continue;
                }
                if let Err(e) = say(&speech, &line, &args).await {
                    eprintln!("vasa: {e:#}");
                    refused = true;
                }
            }
            if refused {
                bail!("not every line was spoken; see above");
            }
            return Ok(());
        }
        let text = args.text.join(" ");
        if text.trim().is_empty() {
            return Err(Usage("the text is empty; write what is to be said".into()).into());
        }
        say(&speech, &text, &args).await
    })
}

async fn say(speech: &SpeechProxy<'_>, text: &str, args: &Args) -> Result<()> {
    let mut options: HashMap<&str, Value<'_>> = HashMap::new();
    if let Some(voice) = &args.voice {
        options.insert("voice", Value::from(voice.as_str()));
    }
    if let Some(rate) = args.rate {
        options.insert("rate", Value::from(rate));
    }
    if let Some(profile) = &args.profile {
        options.insert("profile", Value::from(profile.as_str()));
    }
    if args.interrupt {
        options.insert("interrupt", Value::from(true));
    }
    // Subscribed before the call, so that even the shortest utterance's end is not missed.
    let mut finished = std::pin::pin!(speech.receive_utterance_finished().await.map_err(explain)?);
    let id = speech.say(text, options).await.map_err(explain)?;
    if args.no_wait {
        return Ok(());
    }
    while let Some(signal) = std::future::poll_fn(|cx| finished.as_mut().poll_next(cx)).await {
        let end = signal.args().map_err(explain)?;
        if end.id == id {
            if !end.completed {
                bail!("the utterance was stopped before its end");
            }
            return Ok(());
        }
    }
    bail!("the daemon stopped before the end of the utterance; see its log")
}

/// `vasa stop`.
pub fn stop() -> Result<()> {
    super::block_on(async {
        let connection = connect().await?;
        SpeechProxy::new(&connection).await.map_err(explain)?.stop().await.map_err(explain)
    })
}
