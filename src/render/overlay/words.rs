//! The few words that the picture itself says, in the user's language.

/// "typing" in the language of the desktop.
pub(super) fn typing() -> &'static str {
    typing_in(&crate::config::locale())
}

/// Languages whose letters the font lacks, such as Chinese, are given English, as are those not listed.
fn typing_in(locale: &str) -> &'static str {
    let lower = locale.to_lowercase();
    match lower.split(['_', '-', '.', '@']).next().unwrap_or_default() {
        "es" => "escribiendo",
        "fr" => "en train d’écrire",
        "it" => "sta scrivendo",
        "de" => "schreibt",
        "pt" if lower.starts_with("pt_br") || lower.starts_with("pt-br") => "digitando",
        "pt" => "a escrever",
        "ru" => "печатает",
        "uk" => "пише",
        "pl" => "pisze",
        "cs" => "píše",
        "nl" => "aan het typen",
        "sv" | "da" | "nb" | "nn" | "no" => "skriver",
        "fi" => "kirjoittaa",
        "tr" => "yazıyor",
        "el" => "γράφει",
        _ => "typing",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::lettering::Lettering;

    #[test]
    fn the_word_is_that_of_the_locale_and_can_be_written() {
        let letters = Lettering::new(false, 20.0).unwrap();
        for (locale, word) in [
            ("en_GB.UTF-8", "typing"),
            ("de_AT.UTF-8", "schreibt"),
            ("fr", "en train d’écrire"),
            ("pt_BR.UTF-8", "digitando"),
            ("pt_PT.UTF-8", "a escrever"),
            ("ru_RU.UTF-8", "печатает"),
            ("zh_CN.UTF-8", "typing"),
            ("el", "γράφει"),
            ("C", "typing"),
            ("", "typing"),
            ("_._", "typing"),
        ] {
            assert_eq!(typing_in(locale), word, "{locale}");
            assert!(word.chars().all(|c| letters.has(c)), "{word}");
        }
    }
}
