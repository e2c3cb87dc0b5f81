//! Questions at a terminal, answered by typing: nobody has to speak.

use crate::cli::print_line;
use anyhow::{Context, Result, bail};
use rustyline::DefaultEditor;
use rustyline::error::ReadlineError;

/// The terminal.
pub struct Terminal(DefaultEditor);

impl Terminal {
    /// # Errors
    /// The terminal cannot be used.
    pub fn open() -> Result<Self> {
        DefaultEditor::new().map(Self).context("error opening the line editor")
    }

    /// Asks until the answer is one: `take` gives what it means, or a sentence that says why it is none.
    ///
    /// # Errors
    /// The user gives up (Ctrl-C, Ctrl-D), or the terminal has gone.
    pub fn ask<T>(&mut self, question: &str, take: impl Fn(&str) -> Result<T, String>) -> Result<T> {
        print_line(question);
        loop {
            match self.0.readline("> ") {
                Ok(line) => match take(line.trim()) {
                    Ok(answer) => return Ok(answer),
                    Err(sentence) => print_line(&sentence),
                },
                Err(ReadlineError::Eof | ReadlineError::Interrupted) => {
                    bail!("nothing was recorded; run it again to answer")
                }
                Err(e) => return Err(e).context("error reading the terminal"),
            }
        }
    }
}

/// Yes or no, whole or by the first letter.
pub fn yes_or_no(line: &str) -> Result<bool, String> {
    match line.to_lowercase().as_str() {
        "y" | "yes" => Ok(true),
        "n" | "no" => Ok(false),
        _ => Err("Type yes or no.".into()),
    }
}
