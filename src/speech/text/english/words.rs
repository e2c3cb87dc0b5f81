//! A written word: what is read, and the signs around it.

#[derive(Clone, Copy, Debug)]
pub struct Word<'t> {
    /// Brackets and quotes before it.
    pub before: &'t str,
    pub core: &'t str,
    /// Signs of pause, brackets and quotes after it.
    pub after: &'t str,
}

/// Marks of emphasis that people type, and no voice should read.
const MARKUP: [char; 3] = ['*', '_', '`'];

impl<'t> Word<'t> {
    pub fn new(written: &'t str) -> Self {
        let core = written.trim_start_matches(|c| matches!(c, '(' | '[' | '{' | '"' | '\'') || MARKUP.contains(&c));
        let (before, _) = written.split_at(written.len() - core.len());
        let end = core
            .trim_end_matches(|c| {
                matches!(c, '.' | ',' | ';' | ':' | '!' | '?' | ')' | ']' | '}' | '"' | '\'' | '…')
                    || MARKUP.contains(&c)
            })
            .len();
        let (core, after) = core.split_at(end);
        Self { before, core, after }
    }

    /// Whether a sign around the word means anything to a voice.
    pub fn is_heard(&self, sign: char) -> bool {
        !(MARKUP.contains(&sign) || sign == '\'' && self.core.starts_with(|c: char| c.is_ascii_digit()))
    }

    pub fn is_capitalised(&self) -> bool {
        self.core.starts_with(char::is_uppercase)
    }
}

/// Faces made of signs.
pub fn is_emoticon(written: &str) -> bool {
    let mut signs = written.trim_end_matches(['.', ',', '!']).chars();
    let eyes = signs.next().is_some_and(|c| matches!(c, ':' | ';' | '=' | '<'));
    let mut rest = signs.as_str();
    rest = rest.strip_prefix(['-', '\'', '^']).unwrap_or(rest);
    eyes && matches!(
        rest,
        ")" | "))" | ")))" | "(" | "((" | "D" | "P" | "p" | "/" | "\\" | "|" | "*" | "o" | "O" | "3" | "]" | "["
    )
}
