//! Words in another script than the language's own: a voice would spell their letters, so another language reads them.

/// A script, as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Script {
    Cyrillic,
    Greek,
    Hebrew,
    Arabic,
    Devanagari,
    Hangul,
    Kana,
    Han,
    /// Latin, and all that every language uses or that only its own readers read.
    Other,
}

fn script(c: char) -> Script {
    match u32::from(c) {
        0x0370..=0x03FF | 0x1F00..=0x1FFF => Script::Greek,
        0x0400..=0x052F => Script::Cyrillic,
        0x0590..=0x05FF => Script::Hebrew,
        0x0600..=0x06FF | 0x0750..=0x077F => Script::Arabic,
        0x0900..=0x097F => Script::Devanagari,
        0x3040..=0x30FF => Script::Kana,
        0x3400..=0x4DBF | 0x4E00..=0x9FFF => Script::Han,
        0x1100..=0x11FF | 0xAC00..=0xD7AF => Script::Hangul,
        _ => Script::Other,
    }
}

/// espeak-ng's language for a script.
fn reader(script: Script) -> Option<&'static str> {
    match script {
        Script::Cyrillic => Some("ru"),
        Script::Greek => Some("el"),
        Script::Hebrew => Some("he"),
        Script::Arabic => Some("ar"),
        Script::Devanagari => Some("hi"),
        Script::Hangul => Some("ko"),
        Script::Kana => Some("ja"),
        Script::Han => Some("cmn"),
        Script::Other => None,
    }
}

/// Whether espeak-ng's language `voice` is written in the script.
fn is_own(script: Script, voice: &str) -> bool {
    let language = voice.split('-').next().unwrap_or_default();
    let languages: &[&str] = match script {
        Script::Cyrillic => &["ru", "uk", "bg", "be", "mk", "sr", "kk", "ky", "tt", "ba", "cv", "nog"],
        Script::Greek => &["el", "grc"],
        Script::Hebrew => &["he"],
        Script::Arabic => &["ar", "fa", "ur", "ug", "sd", "ku"],
        Script::Devanagari => &["hi", "mr", "ne", "kok"],
        Script::Hangul => &["ko"],
        Script::Kana => &["ja"],
        Script::Han => &["ja", "cmn", "yue", "hak"],
        Script::Other => return true,
    };
    languages.contains(&language)
}

/// Cuts a text where the script changes to one that espeak-ng's language `voice` is not written in, and back. Each piece with
/// the language that reads it; None: `voice` itself. A single letter is a sign (π, Ω), which every language knows.
pub fn by_script(text: &str, voice: &str) -> Vec<(Option<&'static str>, String)> {
    let mut all: Vec<(Option<&'static str>, String)> = Vec::new();
    for word in text.split_whitespace() {
        let letters = word.chars().filter(|c| c.is_alphabetic()).count();
        let foreign = word.chars().map(script).find(|s| !is_own(*s, voice)).filter(|_| letters > 1);
        let language = foreign.and_then(reader);
        match all.last_mut() {
            Some((last, piece)) if *last == language => {
                piece.push(' ');
                piece.push_str(word);
            }
            _ => all.push((language, word.to_owned())),
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_script_goes_to_a_language_that_reads_it() {
        let cut = |text: &str, voice: &str| -> Vec<String> {
            by_script(text, voice).into_iter().map(|(l, t)| format!("{}:{t}", l.unwrap_or("-"))).collect()
        };
        for (text, voice, want) in [
            ("plain words", "en-us", vec!["-:plain words"]),
            ("I said Привет, мир to you", "en-us", vec!["-:I said", "ru:Привет, мир", "-:to you"]),
            ("你好 means hello", "en-us", vec!["cmn:你好", "-:means hello"]),
            ("π is a letter", "en-us", vec!["-:π is a letter"]),
            ("Привет, world", "uk", vec!["-:Привет, world"]),
            ("東京 です", "ja", vec!["-:東京 です"]),
            ("", "de", vec![]),
        ] {
            assert_eq!(cut(text, voice), want, "{text}");
        }
    }
}
