//! The language of the desktop.

/// The user's locale for texts (`LC_ALL`, `LC_MESSAGES`, `LANG`, in this order), such as "de_DE.UTF-8"; empty where none is set.
pub fn locale() -> String {
    let set = |key: &&str| std::env::var(key).ok().filter(|v| !v.is_empty());
    ["LC_ALL", "LC_MESSAGES", "LANG"].iter().find_map(set).unwrap_or_default()
}

/// The language of a locale, in small letters: "de" of "de_DE.UTF-8"; empty where it names none.
pub fn language(locale: &str) -> String {
    locale.split(['_', '-', '.', '@']).next().unwrap_or_default().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_is_what_stands_before_the_country() {
        for (locale, tongue) in [("de_DE.UTF-8", "de"), ("pt-BR", "pt"), ("EN", "en"), ("C.UTF-8", "c"), ("", "")] {
            assert_eq!(language(locale), tongue);
        }
    }
}
