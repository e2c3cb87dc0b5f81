//! A sentence's phonemes, as the neural voices want them: espeak-ng's, with the signs of pause and tone between its clauses.

use super::{espeak, text};
use anyhow::Result;

/// The phonemes of a sentence in espeak-ng's language `voice`. Words in a script that the language is not written in are read
/// in a language that is.
///
/// # Errors
/// espeak-ng is missing, or fails.
pub fn of(voice: &str, sentence: &str) -> Result<String> {
    let sentence = text::spell_out(sentence, voice);
    let mut runs: Vec<Run> = Vec::new();
    for (clause, sign) in text::clauses(&sentence) {
        for (language, text) in text::by_script(&clause, voice) {
            runs.push(Run { language: language.unwrap_or(voice), text, phonemes: String::new(), sign: None });
        }
        if let Some(last) = runs.last_mut() {
            last.sign = Some(sign);
        }
    }
    let mut languages: Vec<&str> = runs.iter().map(|r| r.language).collect();
    languages.sort_unstable();
    languages.dedup();
    for language in languages {
        let texts: Vec<&str> = runs.iter().filter(|r| r.language == language).map(|r| r.text.as_str()).collect();
        let read = espeak::ipa(language, &texts)?;
        let is_guest = language != voice;
        for (run, phonemes) in runs.iter_mut().filter(|r| r.language == language).zip(read) {
            // Tones and hints that another language's voice knows nothing of.
            run.phonemes =
                if is_guest { phonemes.replace(|c: char| c.is_ascii_digit() || c == '.', "") } else { phonemes };
        }
    }
    let mut all = String::new();
    for run in runs.iter().filter(|r| !r.phonemes.is_empty()) {
        if !all.is_empty() {
            all.push(' ');
        }
        all.push_str(&run.phonemes);
        all.extend(run.sign);
    }
    Ok(all)
}

/// A piece of a clause in one language.
struct Run<'v> {
    language: &'v str,
    text: String,
    phonemes: String,
    /// Where it ends a clause, how.
    sign: Option<char>,
}

/// Cuts phonemes into pieces of at most `most` characters, at the ends of words where there are any.
pub fn cut(phonemes: &str, most: usize) -> Vec<&str> {
    let mut all = Vec::new();
    let mut rest = phonemes.trim();
    while let Some((limit, _)) = rest.char_indices().nth(most) {
        let (head, _) = rest.split_at(limit);
        let at = head.rfind(' ').filter(|at| *at > 0).unwrap_or(limit);
        let (piece, tail) = rest.split_at(at);
        all.push(piece);
        rest = tail.trim_start();
    }
    if !rest.is_empty() {
        all.push(rest);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_phonemes_are_cut_between_words_and_lose_nothing() {
        assert_eq!(cut("", 10), [""; 0]);
        assert_eq!(cut("ab cd", 10), ["ab cd"]);
        assert_eq!(cut("ab cd ef", 5), ["ab", "cd ef"]);
        assert_eq!(cut(&"ə".repeat(25), 10), ["ə".repeat(10), "ə".repeat(10), "ə".repeat(5)]);
    }

    #[test]
    fn clauses_keep_their_signs_and_foreign_words_are_read_in_their_own_language() {
        assert_eq!(of("en-us", "Well, really?").unwrap(), "wˈɛl, ɹˈiəli?");
        assert_eq!(of("en-us", "Hello , world!").unwrap(), "həlˈoʊ, wˈɜːld!");
        assert_eq!(of("en-us", "Мир means peace.").unwrap(), "mʲˈir mˈiːnz pˈiːs.");
    }
}
