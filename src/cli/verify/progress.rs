//! How far it is, on a terminal, for files that take their time.

use super::tally::Tally;
use super::text::{clean, clock};
use std::io::{IsTerminal, Write};
use std::path::Path;
use std::time::{Duration, Instant};

/// Files that take less are done without a word.
const PATIENCE: Duration = Duration::from_secs(2);
const EVERY: Duration = Duration::from_millis(500);

pub struct Progress {
    name: String,
    terminal: bool,
    next: Instant,
    shown: bool,
}

impl Progress {
    pub fn new(path: &Path) -> Self {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let name = clean(&name.chars().take(40).collect::<String>());
        Self { name, terminal: std::io::stderr().is_terminal(), next: Instant::now() + PATIENCE, shown: false }
    }

    /// `seconds` of `of` are looked at.
    pub fn at(&mut self, seconds: f64, of: Option<f64>, tally: &Tally) {
        if !self.terminal || Instant::now() < self.next {
            return;
        }
        self.next = Instant::now() + EVERY;
        self.shown = true;
        let of = of.map(|of| format!(" of {}", clock(of))).unwrap_or_default();
        let (marked, looked) = (tally.marked(), tally.looked());
        let _ = write!(
            std::io::stderr(),
            "\r\x1b[K{}: {}{of}, {marked} of {looked} windows marked",
            self.name,
            clock(seconds)
        );
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.shown {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }
}
