//! A sentence's phonemes, as the neural voices want them: espeak-ng's, with the signs of pause and tone between its clauses.

use super::espeak::Reader;
use super::text;
use anyhow::Result;

/// Reads sentences in one of espeak-ng's languages.
pub struct Phonemes {
    reader: Reader,
}

impl Phonemes {
    /// `voice` is espeak-ng's name of the language.
    pub fn new(voice: &str) -> Self {
        Self { reader: Reader::new(voice) }
    }

    /// Makes the next reading sooner.
    pub fn prepare(&mut self) {
        self.reader.prepare();
    }

    /// The phonemes of a sentence. Words in a script that the language is not written in are read in one that is.
    ///
    /// # Errors
    /// espeak-ng is missing, or fails.
    pub fn of(&mut self, sentence: &str) -> Result<String> {
        let mut runs = runs(sentence, self.reader.voice());
        let mut guests: Vec<_> = runs.iter().filter_map(|r| r.guest).collect();
        guests.sort_unstable();
        guests.dedup();
        for language in std::iter::once(None).chain(guests.into_iter().map(Some)) {
            let own: Vec<&mut Run> = runs.iter_mut().filter(|r| r.guest == language).collect();
            let texts: Vec<&str> = own.iter().map(|r| r.text.as_str()).collect();
            let read = match language {
                _ if texts.is_empty() => continue,
                None => self.reader.ipa(&texts)?,
                // Tones and hints that another language's voice knows nothing of.
                Some(guest) => Reader::new(guest).ipa(&texts)?.iter().map(|p| plain(p)).collect(),
            };
            for (run, phonemes) in own.into_iter().zip(read) {
                run.phonemes = phonemes;
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
}

fn plain(phonemes: &str) -> String {
    phonemes.replace(|c: char| c.is_ascii_digit() || c == '.', "")
}

/// The pieces of a sentence that are read one by one.
fn runs(sentence: &str, voice: &str) -> Vec<Run> {
    let sentence = text::spell_out(sentence, voice);
    let mut runs: Vec<Run> = Vec::new();
    for (clause, sign) in text::clauses(&sentence) {
        let pieces = text::by_script(&clause, voice).into_iter();
        runs.extend(pieces.map(|(guest, text)| Run { guest, text, phonemes: String::new(), sign: None }));
        if let Some(last) = runs.last_mut() {
            last.sign = Some(sign);
        }
    }
    runs
}

/// A piece of a clause in one language.
struct Run {
    /// The language that reads it, where that is not the voice's own.
    guest: Option<&'static str>,
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
        let of = |text: &str| Phonemes::new("en-us").of(text).unwrap();
        assert_eq!(of("Well, really?"), "wˈɛl, ɹˈiəli?");
        assert_eq!(of("Hello , world!"), "həlˈoʊ, wˈɜːld!");
        assert_eq!(of("Мир means peace."), "mʲˈir mˈiːnz pˈiːs.");
    }
}
