//! Lines as they are being written, from a terminal or a pipe; and the daemon told that somebody writes.

use super::client::SpeechProxy;
use anyhow::{Context, Result};
use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::DefaultHistory;
use rustyline::validate::Validator;
use rustyline::{Editor, Helper};
use std::io::IsTerminal;
use std::time::{Duration, Instant};
use tokio::io::AsyncReadExt;
use tokio::sync::mpsc;

/// Lines that can wait to be spoken; then reading waits.
const LINES: usize = 16;

/// The longest line that is read: more than the longest text that is spoken, in bytes.
const LONGEST: usize = 64 << 10;

/// How long a begun line of a pipe must stand before somebody counts as typing it: a program writes whole lines, though they
/// may arrive in pieces.
const TYPED: Duration = Duration::from_millis(150);

/// The daemon stops believing in somebody who types after 60 s without a word.
const REMIND: Duration = Duration::from_secs(20);

/// What happens at the keyboard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Written {
    /// The line being written is no longer empty (true), or is again.
    Composing(bool),
    Line(String),
    /// Ctrl-C.
    Interrupted,
}

/// Starts to read lines from standard input. The channel ends with the input.
///
/// # Errors
/// The terminal cannot be used.
pub fn lines() -> Result<mpsc::Receiver<Written>> {
    let (to, written) = mpsc::channel(LINES);
    if std::io::stdin().is_terminal() {
        let watcher = Watcher { to: to.clone(), told: std::cell::Cell::new(None) };
        let mut editor: Editor<Watcher, DefaultHistory> = Editor::new().context("error opening the line editor")?;
        editor.set_helper(Some(watcher));
        std::thread::Builder::new()
            .name("editor".into())
            .spawn(move || edit(editor, &to))
            .context("error starting the line editor")?;
    } else {
        tokio::spawn(async move {
            if let Err(e) = read(&to).await {
                eprintln!("vasa: standard input cannot be read ({e})");
            }
        });
    }
    Ok(written)
}

/// Reads a terminal until its end.
fn edit(mut editor: Editor<Watcher, DefaultHistory>, to: &mpsc::Sender<Written>) {
    loop {
        let written = match editor.readline("> ") {
            Ok(line) => {
                // History is a nicety; a line that it does not take is spoken all the same.
                let _ = editor.add_history_entry(line.as_str());
                Written::Line(line)
            }
            Err(ReadlineError::Interrupted) => Written::Interrupted,
            Err(_) => return,
        };
        if let Some(watcher) = editor.helper() {
            watcher.told.set(None);
        }
        let ends = written == Written::Interrupted;
        if to.blocking_send(written).is_err() || ends {
            return;
        }
    }
}

/// Reads a pipe until its end.
async fn read(to: &mpsc::Sender<Written>) -> std::io::Result<()> {
    let mut input = tokio::io::stdin();
    let (mut line, mut piece, mut composing) = (Vec::new(), vec![0; 4096], false);
    loop {
        let begun = !line.is_empty() && !composing;
        let wait = if begun { TYPED } else { Duration::from_secs(3600) };
        let Ok(read) = tokio::time::timeout(wait, input.read(&mut piece)).await else {
            if begun {
                composing = true;
                let _ = to.send(Written::Composing(true)).await;
            }
            continue;
        };
        let read = read?;
        for byte in piece.get(..read).unwrap_or_default() {
            if *byte == b'\n' {
                composing = false;
                send_line(&mut line, to).await;
            } else if line.len() < LONGEST {
                line.push(*byte);
            }
        }
        if read == 0 {
            send_line(&mut line, to).await;
            return Ok(());
        }
    }
}

async fn send_line(line: &mut Vec<u8>, to: &mpsc::Sender<Written>) {
    let text = String::from_utf8_lossy(line).trim_end_matches('\r').to_owned();
    line.clear();
    let _ = to.send(Written::Line(text)).await;
}

/// Is shown the line at every key.
struct Watcher {
    to: mpsc::Sender<Written>,
    /// What was told last, and when.
    told: std::cell::Cell<Option<(bool, Instant)>>,
}

impl Hinter for Watcher {
    type Hint = String;

    fn hint(&self, line: &str, _: usize, _: &rustyline::Context<'_>) -> Option<String> {
        let composing = !line.trim().is_empty();
        let news = match self.told.get() {
            None => composing,
            Some((told, at)) => told != composing || (composing && at.elapsed() > REMIND),
        };
        // A full queue means that many lines wait: those who watch see that anyway.
        if news && self.to.try_send(Written::Composing(composing)).is_ok() {
            self.told.set(Some((composing, Instant::now())));
        }
        None
    }
}

impl Completer for Watcher {
    type Candidate = String;
}
impl Highlighter for Watcher {}
impl Validator for Watcher {}
impl Helper for Watcher {}

/// Tells the daemon whether somebody is typing, and takes it back in the end.
pub struct Composing<'p> {
    speech: &'p SpeechProxy<'p>,
    told: bool,
}

impl<'p> Composing<'p> {
    pub fn new(speech: &'p SpeechProxy<'p>) -> Self {
        Self { speech, told: false }
    }

    /// A daemon that does not answer will be told of when the line is spoken.
    pub async fn set(&mut self, composing: bool) {
        if composing || self.told {
            self.told = composing;
            let _ = self.speech.set_composing(composing).await;
        }
    }
}
