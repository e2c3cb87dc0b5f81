//! `vasa captions`: what the recogniser hears.

use super::client::{CameraProxy, ListeningProxy, SpeechProxy, connect, explain};
use super::print_line;
use crate::stream::next;
use anyhow::{Result, bail};
use serde_json::json;
use std::io::{IsTerminal, Write};

/// On or off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Switch {
    On,
    Off,
}

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Switches recognition on or off; left out (with --subtitles too), the captions are shown until Ctrl-C
    switch: Option<Switch>,
    /// Whether what is said is written into the picture
    #[arg(long, value_name = "on|off")]
    subtitles: Option<Switch>,
    /// Print each caption as a line of JSON
    #[arg(long, conflicts_with_all = ["switch", "subtitles"])]
    json: bool,
}

pub fn run(args: Args) -> Result<()> {
    super::block_on(async {
        let connection = connect().await?;
        let listening = ListeningProxy::new(&connection).await.map_err(explain)?;
        if let Some(subtitles) = args.subtitles {
            listening.set_subtitles(subtitles == Switch::On).await.map_err(|e| explain(e.into()))?;
        }
        if let Some(switch) = args.switch {
            listening.set_captions(switch == Switch::On).await.map_err(|e| explain(e.into()))?;
        }
        if args.switch.is_some() || args.subtitles.is_some() {
            return Ok(());
        }
        let revoice =
            CameraProxy::new(&connection).await.map_err(explain)?.input().await.map_err(explain)? == "revoice";
        if !revoice && !listening.captions().await.map_err(explain)? {
            eprintln!("vasa: captions are off; switch them on with `vasa captions on`");
        }
        let speech = SpeechProxy::new(&connection).await.map_err(explain)?;
        follow(&speech, args.json).await
    })
}

/// Prints captions until the daemon goes away.
async fn follow(speech: &SpeechProxy<'_>, json: bool) -> Result<()> {
    let mut captions = std::pin::pin!(speech.receive_caption().await.map_err(explain)?);
    let mut gone = std::pin::pin!(speech.inner().receive_owner_changed().await.map_err(explain)?);
    let terminal = std::io::stdout().is_terminal();
    loop {
        let signal = tokio::select! {
            signal = next(captions.as_mut()) => signal,
            _ = next(gone.as_mut()) => None,
        };
        let Some(signal) = signal else { bail!("the daemon stopped; start it again with `vasa daemon`") };
        let caption = signal.args().map_err(explain)?;
        let (text, is_final) = (printable(caption.text), caption.is_final);
        if json {
            print_line(&json!({"text": caption.text, "final": is_final}).to_string());
        } else if terminal {
            // What may still change is written over.
            let end = if is_final && !text.is_empty() { "\n" } else { "" };
            let mut out = std::io::stdout();
            let _ = write!(out, "\r\x1b[K{}{end}", if is_final { text } else { last_line(&text) })
                .and_then(|()| out.flush());
        } else if is_final && !text.is_empty() {
            print_line(&text);
        }
    }
}

/// Without what a terminal would obey.
pub fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).collect()
}

/// The end of a text that would not fit on a line: a line that wraps cannot be written over.
fn last_line(text: &str) -> String {
    const WIDTH: usize = 76;
    let length = text.chars().count();
    if length <= WIDTH {
        return text.to_owned();
    }
    format!("…{}", text.chars().skip(length - WIDTH).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_obeys_no_caption_and_no_caption_wraps() {
        assert_eq!(printable("a\x1b[2Jb\r\n"), "a[2Jb");
        assert_eq!(last_line("short"), "short");
        let long = last_line(&"é ".repeat(200));
        assert!(long.starts_with('…') && long.chars().count() == 77, "{long}");
    }
}
