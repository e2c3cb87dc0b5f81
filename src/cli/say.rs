//! `vasa say` and `vasa stop`.

use super::client::{SpeechProxy, connect, explain};
use super::compose::{self, Composing, Written};
use super::{Usage, terminal};
use crate::stream::next;
use anyhow::{Result, bail};
use std::collections::{BTreeSet, HashMap, VecDeque};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::Receiver;
use zbus::zvariant::Value;

/// Lines that the daemon has at once, so that one follows the other without a gap.
const AHEAD: usize = 4;

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
            return say_lines(&speech, &args).await;
        }
        let text = args.text.join(" ");
        if text.trim().is_empty() {
            return Err(Usage("the text is empty; write what is to be said".into()).into());
        }
        say(&speech, &text, &args).await
    })
}

/// Speaks line after line. While one is being written, the daemon knows; at a terminal the next one can be written while the
/// last one is spoken.
async fn say_lines(speech: &SpeechProxy<'_>, args: &Args) -> Result<()> {
    let terminal = terminal::remember();
    let mut lines = compose::lines()?;
    let mut composing = Composing::new(speech);
    let mut terminate = signal(SignalKind::terminate())?;
    let outcome = tokio::select! {
        outcome = follow(&mut lines, &mut composing, speech, args) => outcome,
        _ = tokio::signal::ctrl_c() => Ok(End::Interrupted),
        _ = terminate.recv() => Ok(End::Interrupted),
    };
    composing.set(false).await;
    drop(terminal);
    match outcome? {
        End::Spoken => Ok(()),
        End::Refused => bail!("not every line was spoken; see above"),
        // As a shell knows it: ended by an interrupt.
        End::Interrupted => std::process::exit(130),
    }
}

/// How the lines came to their end.
enum End {
    Spoken,
    Refused,
    Interrupted,
}

async fn follow(
    lines: &mut Receiver<Written>,
    composing: &mut Composing<'_>,
    speech: &SpeechProxy<'_>,
    args: &Args,
) -> Result<End> {
    // A line that cannot be spoken is told and costs the next ones nothing.
    let mut refused = false;
    let mut waiting: VecDeque<String> = VecDeque::new();
    let mut saying = BTreeSet::new();
    let mut finished = std::pin::pin!(speech.receive_utterance_finished().await.map_err(explain)?);
    let mut gone = std::pin::pin!(speech.inner().receive_owner_changed().await.map_err(explain)?);
    let mut open = true;
    while open || !saying.is_empty() || !waiting.is_empty() {
        if saying.len() < AHEAD
            && let Some(line) = waiting.pop_front()
        {
            match queue(speech, &line, args).await {
                Ok(id) if !args.no_wait => drop(saying.insert(id)),
                Ok(_) => {}
                Err(e) => {
                    eprintln!("vasa: {e:#}");
                    refused = true;
                }
            }
            continue;
        }
        tokio::select! {
            written = lines.recv(), if open && waiting.len() < AHEAD => match written {
                Some(Written::Composing(now)) => composing.set(now).await,
                Some(Written::Line(line)) => {
                    composing.set(false).await;
                    if !line.trim().is_empty() {
                        waiting.push_back(line);
                    }
                }
                Some(Written::Interrupted) => return Ok(End::Interrupted),
                None => open = false,
            },
            Some(end) = next(finished.as_mut()) => {
                let end = end.args().map_err(explain)?;
                if saying.remove(&end.id) && !end.completed {
                    eprintln!("vasa: an utterance was stopped before its end");
                    refused = true;
                }
            }
            _ = next(gone.as_mut()) => bail!("the daemon stopped before everything was spoken; see its log"),
        }
    }
    Ok(if refused { End::Refused } else { End::Spoken })
}

/// Queues a text; its id.
async fn queue(speech: &SpeechProxy<'_>, text: &str, args: &Args) -> Result<u64> {
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
    speech.say(text, options).await.map_err(explain)
}

async fn say(speech: &SpeechProxy<'_>, text: &str, args: &Args) -> Result<()> {
    // Subscribed before the call, so that even the shortest utterance's end is not missed.
    let mut finished = std::pin::pin!(speech.receive_utterance_finished().await.map_err(explain)?);
    let id = queue(speech, text, args).await?;
    if args.no_wait {
        return Ok(());
    }
    while let Some(signal) = next(finished.as_mut()).await {
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
