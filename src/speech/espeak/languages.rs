//! The languages that espeak-ng speaks.

use super::{command, is_there};
use std::process::Stdio;
use std::sync::OnceLock;

/// A language of espeak-ng's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Language {
    /// espeak-ng's name of it, such as "de" or "fr-fr".
    pub voice: String,
    /// As a BCP 47 tag, such as "fr-FR".
    pub tag: String,
}

/// What espeak-ng speaks on this machine, by name. Asked once; empty where it is not installed (yet).
pub fn languages() -> &'static [Language] {
    static KNOWN: OnceLock<Vec<Language>> = OnceLock::new();
    // Kept only where there is something to keep, so that it can be installed while the program runs.
    match KNOWN.get() {
        Some(known) => known,
        None if is_there() => KNOWN.get_or_init(|| parse(&list())),
        None => &[],
    }
}

fn list() -> String {
    let output = command().arg("--voices").stdin(Stdio::null()).output();
    output.map(|o| String::from_utf8_lossy(&o.stdout).into_owned()).unwrap_or_default()
}

/// Reads the table that `espeak-ng --voices` prints: priority, language, age and gender, name, file.
fn parse(table: &str) -> Vec<Language> {
    let mut all: Vec<Language> = Vec::new();
    for line in table.lines().skip(1) {
        let mut columns = line.split_whitespace().skip(1);
        let (Some(voice), Some(file)) = (columns.next(), columns.nth(2)) else { continue };
        // Voices of MBROLA, another program's; and a name in capitals, which espeak-ng lists but does not find.
        if file.starts_with("mb/") || voice.contains(char::is_uppercase) || all.iter().any(|l| l.voice == voice) {
            continue;
        }
        all.push(Language { voice: voice.to_owned(), tag: tag(voice) });
    }
    all.sort_by(|a, b| a.voice.cmp(&b.voice));
    all
}

/// "fr-fr" as a BCP 47 tag: "fr-FR"; a region is in capitals, a script has one.
fn tag(voice: &str) -> String {
    let mut all = String::new();
    let mut private = false;
    for (i, part) in voice.split('-').enumerate() {
        private |= part.len() == 1;
        if i > 0 {
            all.push('-');
        }
        match part.len() {
            2 if i > 0 && !private => all.push_str(&part.to_uppercase()),
            4 if i > 0 && !private => {
                let (first, rest) = part.split_at_checked(1).unwrap_or((part, ""));
                all.push_str(&(first.to_uppercase() + rest));
            }
            _ => all.push_str(part),
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_gives_each_language_once_and_none_of_another_program() {
        let table = "Pty Language       Age/Gender VoiceName          File                 Other Languages\n \
                     5  fr-fr           --/M      French_(France)    roa/fr               (fr 5)\n \
                     5  de              --/M      German             gmw/de               \n \
                     6  de              --/F      german-mbrola-1    mb/mb-de1            \n \
                     5  cmn-latn-pinyin --/M      Chinese            sit/cmn-Latn-pinyin  \n\nnonsense\n";
        let all: Vec<_> = parse(table).into_iter().map(|l| (l.voice, l.tag)).collect();
        let want = [("cmn-latn-pinyin", "cmn-Latn-pinyin"), ("de", "de"), ("fr-fr", "fr-FR")];
        assert_eq!(all, want.map(|(v, t)| (v.to_owned(), t.to_owned())));
        assert_eq!(tag("en-gb-x-rp"), "en-GB-x-rp");
    }
}
