//! The languages that whisper knows, and the one of the desktop.

/// Let the recogniser find the language out by itself; it takes longer.
pub const AUTO: &str = "auto";

/// Spoken where nothing says otherwise.
const DEFAULT: &str = "en";

/// Checks a language: "auto", or a BCP 47 tag whose language whisper knows, such as "en" or "de-CH".
///
/// # Errors
/// One sentence with what is accepted.
pub fn check(tag: &str) -> Result<(), String> {
    if tag == AUTO || code(tag).is_some() {
        return Ok(());
    }
    let shown: String = tag.chars().take(20).collect();
    Err(format!(
        "the language \"{shown}\" is none that the recogniser knows; use \"auto\", or a tag such as \"en\" or \"de\""
    ))
}

/// Whisper's code of a tag's language: "en" of "en-US"; None where whisper does not know it.
pub(super) fn code(tag: &str) -> Option<&'static str> {
    let language = tag.split(['-', '_']).next().unwrap_or_default().to_ascii_lowercase();
    // Asked for an unknown one, whisper.cpp complains on standard error.
    (0..=whisper_rs::get_lang_max_id()).filter_map(whisper_rs::get_lang_str).find(|code| *code == language)
}

/// The language of the desktop's locale, such as "de"; "en" where there is none.
pub fn of_locale() -> String {
    of(&crate::config::locale())
}

/// The language of a locale's name, such as "de_DE.UTF-8".
fn of(locale: &str) -> String {
    let name = locale.split(['.', '@']).next().unwrap_or_default();
    code(name).unwrap_or(DEFAULT).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locales_become_languages_and_what_says_nothing_becomes_english() {
        for (locale, language) in [
            ("de_DE.UTF-8", "de"),
            ("pt_BR", "pt"),
            ("sr@latin", "sr"),
            ("C.UTF-8", "en"),
            ("POSIX", "en"),
            ("tlh_KX", "en"),
            ("", "en"),
        ] {
            assert_eq!(of(locale), language, "{locale:?}");
        }
    }

    #[test]
    fn tags_are_checked() {
        for good in ["auto", "en", "en-GB", "DE", "haw"] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        for bad in ["", "klingon", "german", "xx", "e\0n", "-", "日本", &"a".repeat(1000)] {
            let e = check(bad).unwrap_err();
            assert!(e.contains("\"auto\"") && e.len() < 200, "{e}");
        }
    }
}
