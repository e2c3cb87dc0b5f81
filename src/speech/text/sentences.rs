//! Where a text is cut into sentences, and sentences into clauses.

/// The longest sentence that a voice gets in one piece, in characters: memory and the wait for it stay bounded.
const MAX_SENTENCE: usize = 200;

/// A character as it is read. Signs that a voice would read out by their names ("grinning face") are mute: pictographs, their
/// joiners, control characters.
fn heard(c: char) -> char {
    match c {
        '\n' => c,
        '‘' | '’' | 'ʼ' => '\'',
        '“' | '”' | '„' | '‟' => '"',
        '\u{a0}' | '\u{202f}' => ' ',
        c if c.is_control() || is_pictograph(c) => ' ',
        c => c,
    }
}

fn is_pictograph(c: char) -> bool {
    matches!(u32::from(c), 0x2190..=0x2BFF | 0x1F000..=0x1FAFF | 0xFE00..=0xFE0F | 0x200B..=0x200F | 0x20E3 | 0xE0000..=0xE007F)
        // Signs of arithmetic are read.
        && !matches!(c, '≈' | '≤' | '≥' | '≠' | '−' | '∞' | '√')
}

/// Words whose full stop ends no sentence, whatever follows.
const TITLES: [&str; 14] =
    ["mr", "mrs", "ms", "dr", "prof", "st", "vs", "e.g", "i.e", "approx", "z.b", "d.h", "mme", "fr"];

/// Words whose full stop ends no sentence where a number follows.
const BEFORE_NUMBERS: [&str; 7] = ["no", "nr", "nos", "fig", "p", "pp", "ch"];

/// Words up to this length may be abbreviations in any language: a small letter after their full stop shows it.
const SHORT: usize = 4;

/// Cuts a text into sentences of at most 200 characters; those without letter or digit are left out.
pub fn sentences(text: &str) -> Vec<String> {
    let mut all = Vec::new();
    let mut current = String::new();
    let clean: String = text.chars().map(heard).collect();
    let mut rest = clean.chars().peekable();
    while let Some(c) = rest.next() {
        let before_space = rest.peek().is_none_or(|n| n.is_whitespace() || is_closing(*n));
        let is_break = match c {
            '\n' | '。' | '！' | '？' => true,
            '!' | '?' | '…' => before_space,
            '.' => before_space && !is_abbreviation(&current, rest.clone()),
            _ => false,
        };
        if c != '\n' {
            current.push(c);
        }
        if is_break {
            while let Some(quote) = rest.next_if(|n| is_closing(*n)) {
                current.push(quote);
            }
            finish(&mut current, &mut all);
        } else if current.chars().count() >= MAX_SENTENCE {
            let tail = current.split_off(best_cut(&current));
            finish(&mut current, &mut all);
            current = tail;
        }
    }
    finish(&mut current, &mut all);
    all
}

fn is_closing(c: char) -> bool {
    matches!(c, '"' | ')' | '\'' | '»')
}

/// Where to cut what is too long: after the last sign of pause, after the last word; else where it ends, in the middle of what
/// is no word anyway.
fn best_cut(text: &str) -> usize {
    let is_pause = |at: usize, c: char| {
        matches!(c, '、' | '，')
            || c.is_whitespace() && text.get(..at).is_some_and(|t| t.ends_with([',', ';', ':', '–', '—']))
    };
    let pause = text.char_indices().rfind(|(at, c)| is_pause(*at, *c));
    let word = || text.char_indices().rfind(|(_, c)| c.is_whitespace());
    pause.or_else(word).map_or(text.len(), |(at, c)| at + c.len_utf8())
}

fn finish(current: &mut String, all: &mut Vec<String>) {
    let sentence: Vec<&str> = current.split_whitespace().collect();
    let sentence = sentence.join(" ");
    if sentence.chars().any(char::is_alphanumeric) {
        all.push(sentence);
    }
    current.clear();
}

/// Whether the full stop after `before` belongs to an abbreviation, as `after` it goes on.
fn is_abbreviation(before: &str, after: impl Iterator<Item = char>) -> bool {
    let mut words = before.rsplit(|c: char| c.is_whitespace() || c == '(');
    let word = words.next().unwrap_or_default();
    let next = after.into_iter().find(|c| !c.is_whitespace());
    let is_next = |is: fn(char) -> bool| next.is_some_and(is);
    let lower = word.to_lowercase();
    let length = word.chars().count();
    // "John F. Kennedy"
    let is_initial = length == 1
        && word.chars().all(char::is_uppercase)
        && word != "I"
        && words.next().is_none_or(|w| w.starts_with(char::is_uppercase))
        && is_next(char::is_uppercase);
    TITLES.contains(&lower.as_str()) && next.is_some()
        || BEFORE_NUMBERS.contains(&lower.as_str()) && is_next(|c| c.is_ascii_digit())
        || (length <= SHORT || word.contains('.'))
            && word.chars().any(char::is_alphabetic)
            && is_next(char::is_lowercase)
        || is_initial
}

/// Cuts a sentence into clauses, each with the sign that ends it (one of `.,;:?!`).
pub fn clauses(sentence: &str) -> Vec<(String, char)> {
    let mut all: Vec<(String, char)> = Vec::new();
    let mut current = String::new();
    let mut rest = sentence.chars().peekable();
    while let Some(c) = rest.next() {
        let next = rest.peek().copied();
        let is_in_word = next.is_some_and(char::is_alphanumeric);
        let before_space = next.is_none_or(char::is_whitespace);
        let after_space = current.is_empty() || current.ends_with(char::is_whitespace);
        let sign = match c {
            // "3.14", "10:30" and "1,000" are one word.
            '.' | ',' | ':' | ';' | '?' | '!' if is_in_word => None,
            '.' if is_abbreviation(&current, rest.clone()) => None,
            '.' | ',' | ';' | ':' | '?' | '!' => Some(c),
            '…' | '。' => Some('.'),
            '！' => Some('!'),
            '？' => Some('?'),
            '、' | '，' | '—' => Some(','),
            // Not in "9–5".
            '–' if !is_in_word || after_space => Some(','),
            '-' if before_space && after_space => Some(','),
            '(' if after_space => Some(','),
            ')' if !is_in_word && current.contains(' ') => Some(','),
            _ => None,
        };
        match sign {
            Some(sign) => end_clause(&mut current, sign, &mut all),
            None => current.push(c),
        }
    }
    end_clause(&mut current, '.', &mut all);
    all
}

/// Where there is nothing to end, a strong sign goes to the clause before ("Really?!" is a question, "Stop!!" a call).
fn end_clause(current: &mut String, sign: char, all: &mut Vec<(String, char)>) {
    let words = current.trim();
    if words.chars().any(char::is_alphanumeric) {
        all.push((words.to_owned(), sign));
    } else if let Some(last) = all.last_mut() {
        match (last.1, sign) {
            ('?', _) => {}
            (_, '?' | '!') | (',', '.') => last.1 = sign,
            _ => {}
        }
    }
    current.clear();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_end_where_people_end_them() {
        assert_eq!(
            sentences("Good morning! I paid 3.14 euros to Dr. Smith. \"Really?\" Yes...\nNew line 🙂🙂\n\n?!"),
            ["Good morning!", "I paid 3.14 euros to Dr. Smith.", "\"Really?\"", "Yes...", "New line"]
        );
        assert!(sentences("👍").is_empty());
        for (text, want) in [
            ("No. I won't.", vec!["No.", "I won't."]),
            ("See No. 5, Fig. 3.", vec!["See No. 5, Fig. 3."]),
            ("Meet at 5 p.m. Bring cake.", vec!["Meet at 5 p.m.", "Bring cake."]),
            ("Meet at 5 p.m. or later.", vec!["Meet at 5 p.m. or later."]),
            ("J. R. R. Tolkien wrote. So did I. You?", vec!["J. R. R. Tolkien wrote.", "So did I.", "You?"]),
            ("Das ist z.B. gut. Nein!", vec!["Das ist z.B. gut.", "Nein!"]),
            ("Wow!!! Really?! Yes…", vec!["Wow!!!", "Really?!", "Yes…"]),
            ("It’s “fine”.", vec!["It's \"fine\"."]),
            ("Good 👍🏽 job ❤️ all", vec!["Good job all"]),
            ("今日は。 元気？", vec!["今日は。", "元気？"]),
        ] {
            assert_eq!(sentences(text), want);
        }
    }

    #[test]
    fn a_text_without_a_full_stop_is_cut_and_loses_nothing() {
        for unit in ["word ", "ä", "one, two three ", "1,000,000,"] {
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
        assert_eq!(clauses("Really?!"), [("Really".to_owned(), '?')]);
        assert_eq!(
            clauses("\"Yes...\" (he said) - well"),
            [("\"Yes".to_owned(), '.'), ("he said".to_owned(), ','), ("well".to_owned(), '.'),]
        );
        assert_eq!(clauses("Dr. Müller, 9–5"), [("Dr. Müller".to_owned(), ','), ("9–5".to_owned(), '.')]);
        assert_eq!(clauses("?!"), []);
        assert_eq!(clauses("No sign"), [("No sign".to_owned(), '.')]);
    }
}
