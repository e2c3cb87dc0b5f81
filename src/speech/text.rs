//! What may be spoken, and where a text is cut into sentences and clauses.

/// The longest text that is taken, in characters (the D-Bus contract's bound).
pub const MAX_CHARS: usize = 10_000;

/// The longest sentence that a voice gets in one piece, in characters: memory (some 20 MB a second of sound) and the wait
/// for it stay bounded.
const MAX_SENTENCE: usize = 120;

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

/// Signs that a voice would read out by their names ("grinning face"): pictographs, their joiners, control characters.
fn is_mute(c: char) -> bool {
    matches!(u32::from(c), 0x2190..=0x2BFF | 0x1F000..=0x1FAFF | 0xFE00..=0xFE0F | 0x200B..=0x200F | 0x20E3 | 0xE0000..=0xE007F)
        || (c.is_control() && c != '\n')
}

/// Words whose full stop ends no sentence.
const ABBREVIATIONS: [&str; 13] =
    ["mr", "mrs", "ms", "dr", "prof", "st", "vs", "e.g", "i.e", "no", "approx", "jr", "sr"];

/// Cuts a text into sentences of at most 120 characters; those without letter or digit are left out.
pub fn sentences(text: &str) -> Vec<String> {
    let mut all = Vec::new();
    let mut current = String::new();
    let clean: String = text.chars().map(|c| if is_mute(c) { ' ' } else { c }).collect();
    let mut rest = clean.chars().peekable();
    while let Some(c) = rest.next() {
        let is_break = match c {
            '\n' => true,
            '。' | '！' | '？' => true,
            '!' | '?' | '…' => rest.peek().is_none_or(|n| n.is_whitespace() || matches!(n, '"' | '”' | ')' | '\'')),
            '.' => {
                rest.peek().is_none_or(|n| n.is_whitespace() || matches!(n, '"' | '”' | ')'))
                    && !ends_in_abbreviation(&current)
            }
            _ => false,
        };
        if c != '\n' {
            current.push(c);
        }
        if is_break {
            while let Some(quote) = rest.next_if(|n| matches!(n, '"' | '”' | ')' | '\'')) {
                current.push(quote);
            }
            finish(&mut current, &mut all);
        } else if current.chars().count() >= MAX_SENTENCE {
            let at = current.rfind([',', ';', ':']).or_else(|| current.rfind(char::is_whitespace));
            // A cut after the sign; without one, in the middle of what is no word anyway.
            let at =
                at.and_then(|at| current.get(at..)?.chars().next().map(|c| at + c.len_utf8())).unwrap_or(current.len());
            let tail = current.split_off(at);
            finish(&mut current, &mut all);
            current = tail;
        }
    }
    finish(&mut current, &mut all);
    all
}

fn finish(current: &mut String, all: &mut Vec<String>) {
    let sentence: Vec<&str> = current.split_whitespace().collect();
    let sentence = sentence.join(" ");
    if sentence.chars().any(char::is_alphanumeric) {
        all.push(sentence);
    }
    current.clear();
}

fn ends_in_abbreviation(before: &str) -> bool {
    let word = before.rsplit(|c: char| c.is_whitespace() || c == '(').next().unwrap_or_default().to_lowercase();
    ABBREVIATIONS.contains(&word.as_str())
}

/// Cuts a sentence into clauses, each with the sign that ends it (one of `.,;:?!`).
pub fn clauses(sentence: &str) -> Vec<(String, char)> {
    let mut all = Vec::new();
    let mut current = String::new();
    let mut rest = sentence.chars().peekable();
    let mut push = |current: &mut String, sign: char| {
        let words = current.trim();
        if words.chars().any(char::is_alphanumeric) {
            all.push((words.to_owned(), sign));
        } else if let (Some(last), '?' | '!') = (all.last_mut(), sign) {
            last.1 = sign;
        }
        current.clear();
    };
    while let Some(c) = rest.next() {
        let sign = match c {
            '.' | ',' | ';' | ':' | '?' | '!' => Some(c),
            '…' | '。' => Some('.'),
            '！' => Some('!'),
            '？' => Some('?'),
            '—' | '–' => Some(','),
            _ => None,
        };
        match sign {
            // "3.14", "10:30" and "1,000" are one word.
            Some(_) if rest.peek().is_some_and(|n| n.is_alphanumeric()) && !matches!(c, '—' | '–') => {
                current.push(c)
            }
            Some(sign) => push(&mut current, sign),
            None => current.push(c),
        }
    }
    push(&mut current, '.');
    all
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

    #[test]
    fn sentences_end_where_people_end_them() {
        assert_eq!(
            sentences("Good morning! I paid 3.14 euros to Dr. Smith. \"Really?\" Yes...\nNew line 🙂🙂\n\n?!"),
            ["Good morning!", "I paid 3.14 euros to Dr. Smith.", "\"Really?\"", "Yes...", "New line"]
        );
        assert!(sentences("👍").is_empty());
    }

    #[test]
    fn a_text_without_a_full_stop_is_cut_and_loses_nothing() {
        for unit in ["word ", "ä", "one, two three "] {
            let text = unit.repeat(2000);
            let all = sentences(&text);
            assert!(all.iter().all(|s| s.chars().count() <= MAX_SENTENCE), "{unit}");
            let letters = |s: &str| s.chars().filter(|c| c.is_alphanumeric()).count();
            assert_eq!(all.iter().map(|s| letters(s)).sum::<usize>(), letters(&text), "{unit}");
        }
    }

    #[test]
    fn clauses_keep_their_sign_and_numbers_stay_whole() {
        let got = clauses("Well, at 10:30 it cost 1,000.50 — really?");
        let want = [("Well", ','), ("at 10:30 it cost 1,000.50", ','), ("really", '?')];
        assert_eq!(got, want.map(|(t, s)| (t.to_owned(), s)));
        assert_eq!(clauses("Stop!!"), [("Stop".to_owned(), '!')]);
        assert_eq!(clauses("No sign"), [("No sign".to_owned(), '.')]);
    }
}
