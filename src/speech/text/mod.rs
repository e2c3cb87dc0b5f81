//! What may be spoken, and how a text becomes sentences that a voice can read.

mod english;
mod scripts;
mod sentences;

pub use scripts::by_script;
pub use sentences::{clauses, sentences};

use english::Dialect;

/// The longest text that is taken, in characters (the D-Bus contract's bound).
pub const MAX_CHARS: usize = 10_000;

/// Why a text cannot be spoken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TextError {
    Empty,
    /// It has this many characters.
    TooLong(usize),
    /// Only signs, such as emoji or punctuation; the first of them, for the message.
    NothingSpeakable(String),
}

impl std::fmt::Display for TextError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            TextError::Empty => f.write_str("the text is empty; give at least one word"),
            TextError::TooLong(n) => {
                write!(f, "the text has {n} characters; at most {MAX_CHARS} can be spoken at once, split it")
            }
            TextError::NothingSpeakable(signs) => {
                write!(
                    f,
                    "the text \"{signs}\" has no letter and no digit, so nothing in it can be spoken; give at least one word"
                )
            }
        }
    }
}

impl std::error::Error for TextError {}

/// Checks that a text can be spoken.
///
/// # Errors
/// It is empty, too long, or has neither letter nor digit.
pub fn check(text: &str) -> Result<(), TextError> {
    if text.trim().is_empty() {
        return Err(TextError::Empty);
    }
    let characters = text.chars().count();
    if characters > MAX_CHARS {
        return Err(TextError::TooLong(characters));
    }
    if !text.chars().any(char::is_alphanumeric) {
        return Err(TextError::NothingSpeakable(text.trim().chars().take(20).collect()));
    }
    Ok(())
}

/// A sentence as it is to be read in espeak-ng's language `voice`. English is spelled out where espeak-ng would read signs;
/// other languages have their own rules in espeak-ng.
pub fn spell_out(sentence: &str, voice: &str) -> String {
    match voice.split('-').collect::<Vec<_>>().as_slice() {
        ["en", "us", ..] | ["en"] => english::spell_out(sentence, Dialect::American),
        ["en", ..] => english::spell_out(sentence, Dialect::British),
        _ => sentence.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_spoken_is_refused_by_its_kind() {
        assert_eq!(check(""), Err(TextError::Empty));
        assert_eq!(check(" \n\t "), Err(TextError::Empty));
        assert_eq!(check(&"a".repeat(10_001)), Err(TextError::TooLong(10_001)));
        assert_eq!(check(&"ä".repeat(10_000)), Ok(()));
        assert_eq!(check("🙂🙂 👍🏽"), Err(TextError::NothingSpeakable("🙂🙂 👍🏽".into())));
        assert_eq!(check("?! …"), Err(TextError::NothingSpeakable("?! …".into())));
        assert_eq!(check("ok 👍"), Ok(()));
    }
}
