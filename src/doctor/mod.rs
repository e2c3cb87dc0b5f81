//! `vasa doctor`: what on this machine keeps the camera from working, or from working well, and what to do about it.
//!
//! [`gather`] looks at the machine, each probe with a time limit; [`check`] judges what was gathered and looks at nothing itself.

mod checks;
mod gather;
mod machine;
mod remedy;

pub use checks::check;
pub use gather::gather;
pub use machine::Machine;
pub use remedy::{Distribution, Remedy};

use serde::Serialize;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    Ok,
    /// Something is not there, and few would miss it.
    Note,
    /// Some apps, or some part of the program, do without something.
    Warning,
    /// The camera cannot work.
    Error,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    /// A word for the thing, the same in every release.
    pub check: &'static str,
    pub level: Level,
    /// What is, and what follows.
    pub sentence: String,
    /// Where it is not ok.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<Remedy>,
}

impl Finding {
    fn ok(check: &'static str, sentence: impl Into<String>) -> Self {
        Self { check, level: Level::Ok, sentence: sentence.into(), remedy: None }
    }

    fn bad(check: &'static str, level: Level, sentence: impl Into<String>, remedy: Remedy) -> Self {
        Self { check, level, sentence: sentence.into(), remedy: Some(remedy) }
    }

    fn note(check: &'static str, sentence: impl Into<String>, remedy: Remedy) -> Self {
        Self::bad(check, Level::Note, sentence, remedy)
    }

    fn warning(check: &'static str, sentence: impl Into<String>, remedy: Remedy) -> Self {
        Self::bad(check, Level::Warning, sentence, remedy)
    }

    fn error(check: &'static str, sentence: impl Into<String>, remedy: Remedy) -> Self {
        Self::bad(check, Level::Error, sentence, remedy)
    }
}

/// Whether the camera can work by some outlet: nothing that was found is an error.
pub fn works(findings: &[Finding]) -> bool {
    findings.iter().all(|f| f.level != Level::Error)
}
