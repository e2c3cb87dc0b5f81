//! espeak-ng's phonemes as the signs that Kokoro was trained with: one for each diphthong and affricate, fewer shades of vowels.

/// Of English, from the longer to the shorter.
const ENGLISH: [(&str, &str); 27] = [
    ("ʔn̩", "tᵊn"),
    ("ɜːɹ", "ɜɹ"),
    ("aɪ", "I"),
    ("aʊ", "W"),
    ("dʒ", "ʤ"),
    ("eɪ", "A"),
    ("tʃ", "ʧ"),
    ("ɔɪ", "Y"),
    ("oʊ", "O"),
    ("əʊ", "O"),
    ("əl", "ᵊl"),
    ("n̩", "ᵊn"),
    ("l̩", "ᵊl"),
    ("ɜː", "ɜɹ"),
    ("ɪə", "iə"),
    ("ɚ", "əɹ"),
    ("ɐ", "ə"),
    ("ɾ", "T"),
    ("ʔ", "t"),
    ("ɬ", "l"),
    ("ç", "k"),
    ("x", "k"),
    ("r", "ɹ"),
    ("e", "A"),
    ("o", "ɔ"),
    ("ʲ", ""),
    ("ː", ""),
];

/// Of Japanese.
const JAPANESE: [(&str, &str); 8] =
    [("tɕ", "ʨ"), ("dʑ", "ʥ"), ("ts", "ʦ"), ("dz", "ʣ"), ("ä", "a"), ("g", "ɡ"), ("ˈ", ""), ("ˌ", "")];

/// The signs for phonemes of espeak-ng's language `voice`.
pub fn of(phonemes: &str, voice: &str) -> String {
    let table: &[(&str, &str)] = match voice {
        "en-us" | "en-gb" => &ENGLISH,
        "ja" => &JAPANESE,
        _ => &[],
    };
    let mut all = String::with_capacity(phonemes.len());
    let mut rest = phonemes;
    // One pass: what was put in is not looked at again.
    while let Some(c) = rest.chars().next() {
        let found = table.iter().find_map(|(from, to)| Some((rest.strip_prefix(from)?, *to)));
        match found {
            Some((after, to)) => {
                all.push_str(to);
                rest = after;
            }
            None => {
                all.push(c);
                rest = rest.get(c.len_utf8()..).unwrap_or_default();
            }
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn diphthongs_and_affricates_are_one_sign() {
        assert_eq!(of("aɪ wʊd lˈaɪk ɐ lˈɑːɹdʒ ʃˈʊɡɚ", "en-us"), "I wʊd lˈIk ə lˈɑɹʤ ʃˈʊɡəɹ");
        assert_eq!(of("bˈʌʔn̩ bˈɜːd", "en-us"), "bˈʌtᵊn bˈɜɹd");
        assert_eq!(of("kˌo̞nnitɕˈihä", "ja"), "ko̞nniʨiha");
        assert_eq!(of("bɔ̃ʒˈuʁ", "fr-fr"), "bɔ̃ʒˈuʁ");
    }
}
