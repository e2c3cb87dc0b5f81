//! What the marks say, in the user's language.

/// The words of one language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Words {
    pub label: &'static str,
    pub notice: &'static str,
}

const ENGLISH: Words = Words { label: "AI avatar", notice: "This video shows an AI-generated avatar" };

/// By language, in the order of their tags: the official languages of the European Union and others whose letters the font has.
const LANGUAGES: [(&str, &str, &str); 43] = [
    ("af", "KI-avatar", "Hierdie video wys ’n KI-gegenereerde avatar"),
    ("be", "ШІ-аватар", "На відэа — аватар, створаны штучным інтэлектам"),
    ("bg", "ИИ аватар", "Това видео показва аватар, създаден от изкуствен интелект"),
    ("bs", "AI avatar", "Ovaj video prikazuje avatar napravljen umjetnom inteligencijom"),
    ("ca", "Avatar d’IA", "Aquest vídeo mostra un avatar generat per IA"),
    ("cs", "AI avatar", "Toto video ukazuje avatara vytvořeného umělou inteligencí"),
    ("da", "AI-avatar", "Denne video viser en AI-genereret avatar"),
    ("de", "KI-Avatar", "Dieses Video zeigt einen KI-generierten Avatar"),
    ("el", "Άβαταρ ΤΝ", "Το βίντεο δείχνει ένα άβαταρ τεχνητής νοημοσύνης"),
    ("es", "Avatar de IA", "Este vídeo muestra un avatar generado por IA"),
    ("et", "TI-avatar", "See video näitab tehisintellekti loodud avatari"),
    ("eu", "AA avatarra", "Bideo honek adimen artifizialak sortutako avatar bat erakusten du"),
    ("fi", "Tekoälyavatar", "Tällä videolla näkyy tekoälyn luoma avatar"),
    ("fr", "Avatar IA", "Cette vidéo montre un avatar généré par IA"),
    ("ga", "Abhatár IS", "Taispeánann an físeán seo abhatár a ghin intleacht shaorga"),
    ("gl", "Avatar de IA", "Este vídeo mostra un avatar xerado por IA"),
    ("hr", "AI avatar", "Ovaj videozapis prikazuje avatar stvoren umjetnom inteligencijom"),
    ("hu", "MI-avatár", "Ez a videó mesterséges intelligenciával készült avatárt mutat"),
    ("id", "Avatar AI", "Video ini menampilkan avatar buatan AI"),
    ("it", "Avatar IA", "Questo video mostra un avatar generato dall’IA"),
    ("lt", "DI avataras", "Čia rodomas dirbtinio intelekto sukurtas avataras"),
    ("lv", "MI avatārs", "Šajā video redzams mākslīgā intelekta radīts avatārs"),
    ("mk", "ВИ аватар", "Ова видео прикажува аватар создаден со вештачка интелигенција"),
    ("ms", "Avatar AI", "Video ini memaparkan avatar janaan AI"),
    ("mt", "Avatar tal-IA", "Dan il-vidjow juri avatar iġġenerat mill-IA"),
    ("nb", "KI-avatar", "Denne videoen viser en KI-generert avatar"),
    ("nl", "AI-avatar", "Deze video toont een door AI gegenereerde avatar"),
    ("nn", "KI-avatar", "Denne videoen viser ein KI-generert avatar"),
    ("no", "KI-avatar", "Denne videoen viser en KI-generert avatar"),
    ("pl", "Awatar AI", "To wideo pokazuje awatar wygenerowany przez AI"),
    ("pt", "Avatar de IA", "Este vídeo mostra um avatar gerado por IA"),
    ("ro", "Avatar IA", "Acest videoclip prezintă un avatar generat de IA"),
    ("ru", "ИИ-аватар", "На видео — аватар, созданный искусственным интеллектом"),
    ("sk", "AI avatar", "Toto video zobrazuje avatara vytvoreného umelou inteligenciou"),
    ("sl", "Avatar UI", "Ta videoposnetek prikazuje avatar, ustvarjen z umetno inteligenco"),
    ("sq", "Avatar IA", "Kjo video tregon një avatar të krijuar nga IA"),
    ("sr", "ВИ аватар", "Овај видео приказује аватар направљен вештачком интелигенцијом"),
    ("sr-latin", "AI avatar", "Ovaj video prikazuje avatar napravljen veštačkom inteligencijom"),
    ("sv", "AI-avatar", "Den här videon visar en AI-genererad avatar"),
    ("sw", "Avatar ya AI", "Video hii inaonyesha avatar iliyoundwa na AI"),
    ("tr", "Yapay zekâ avatarı", "Bu video yapay zekâ ile oluşturulmuş bir avatar gösteriyor"),
    ("uk", "ШІ-аватар", "На відео — аватар, створений штучним інтелектом"),
    ("vi", "Avatar AI", "Video này hiển thị một avatar do AI tạo ra"),
];

/// The words for a locale. Languages whose letters the font lacks, such as Chinese, are given English, as are those not listed.
pub(super) fn of(locale: &str) -> Words {
    let language = crate::config::language(locale);
    let latin = language == "sr" && locale.to_lowercase().contains("lat");
    let tag = if latin { "sr-latin" } else { &language };
    let found = LANGUAGES.binary_search_by_key(&tag, |l| l.0).ok().and_then(|i| LANGUAGES.get(i));
    found.map_or(ENGLISH, |(_, label, notice)| Words { label, notice })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::render::lettering::Lettering;

    /// A locale of each language, and some of none.
    pub fn locales() -> impl Iterator<Item = &'static str> {
        LANGUAGES.iter().map(|l| l.0).chain(["sr_RS@latin", "en_GB.UTF-8", "zh_CN.UTF-8", "C", "", "_._"])
    }

    #[test]
    fn every_language_is_found_and_its_letters_are_in_the_font() {
        assert!(LANGUAGES.is_sorted_by_key(|l| l.0));
        let letters = Lettering::new(false, 20.0).unwrap();
        for (tag, label, notice) in LANGUAGES {
            assert_eq!(of(tag), if tag == "sr-latin" { of("sr_RS@latin") } else { Words { label, notice } }, "{tag}");
            assert!(label.chars().chain(notice.chars()).all(|c| letters.has(c)), "{tag}: {label} {notice}");
        }
    }

    #[test]
    fn the_words_are_those_of_the_locale() {
        for (locale, label) in [
            ("de_AT.UTF-8", "KI-Avatar"),
            ("pt_BR.UTF-8", "Avatar de IA"),
            ("sr_RS.UTF-8@latin", "AI avatar"),
            ("sr-Latn-RS", "AI avatar"),
            ("sr_RS.UTF-8", "ВИ аватар"),
            ("zh_CN.UTF-8", "AI avatar"),
            ("ar_EG", "AI avatar"),
            ("C", "AI avatar"),
            ("", "AI avatar"),
            ("_._", "AI avatar"),
        ] {
            assert_eq!(of(locale).label, label, "{locale}");
        }
    }
}
