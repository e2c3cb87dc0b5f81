//! Abbreviations: with a full stop that ends no sentence, and a few without.

use super::{Context, Reading};

/// As written (without the last full stop), as read.
const WITH_STOP: [(&str, &str); 52] = [
    ("mr", "Mister"),
    ("mrs", "Missus"),
    ("ms", "Miz"),
    ("prof", "Professor"),
    ("rev", "Reverend"),
    ("gen", "General"),
    ("capt", "Captain"),
    ("sgt", "Sergeant"),
    ("lt", "Lieutenant"),
    ("gov", "Governor"),
    ("sen", "Senator"),
    ("jr", "Junior"),
    ("sr", "Senior"),
    ("mt", "Mount"),
    ("ave", "Avenue"),
    ("blvd", "Boulevard"),
    ("rd", "Road"),
    ("apt", "Apartment"),
    ("dept", "department"),
    ("inc", "Incorporated"),
    ("ltd", "Limited"),
    ("corp", "Corporation"),
    ("co", "Company"),
    ("bros", "Brothers"),
    ("est", "established"),
    ("approx", "approximately"),
    ("e.g", "for example"),
    ("i.e", "that is"),
    ("etc", "etc"),
    ("vs", "versus"),
    ("ca", "circa"),
    ("cf", "compare"),
    ("ph.d", "PhD"),
    ("a.m", "AM"),
    ("p.m", "PM"),
    ("jan", "January"),
    ("feb", "February"),
    ("apr", "April"),
    ("aug", "August"),
    ("sept", "September"),
    ("sep", "September"),
    ("oct", "October"),
    ("nov", "November"),
    ("dec", "December"),
    ("tel", "telephone"),
    ("min", "minutes"),
    ("max", "maximum"),
    ("incl", "including"),
    ("ext", "extension"),
    ("vol", "volume"),
    ("hr", "hour"),
    ("hrs", "hours"),
];

/// Those that are words, too: only before a number, or only before a name.
const BEFORE_NUMBER: [(&str, &str); 6] =
    [("no", "number"), ("nos", "numbers"), ("p", "page"), ("pp", "pages"), ("fig", "figure"), ("ch", "chapter")];

/// Read so wherever they stand.
const WITHOUT_STOP: [(&str, &str); 7] = [
    ("w/", "with"),
    ("w/o", "without"),
    ("Mr", "Mister"),
    ("Mrs", "Missus"),
    ("Ms", "Miz"),
    ("vs", "versus"),
    ("WHO", "W H O"),
];

pub fn abbreviation(context: &Context<'_>) -> Option<Reading> {
    let word = context.words.first()?;
    let find =
        |table: &[(&str, &'static str)], name: &str| table.iter().find(|(w, _)| *w == name).map(|(_, read)| *read);
    if !word.after.starts_with('.') {
        return find(&WITHOUT_STOP, word.core).map(|read| Reading::new(read, 1));
    }
    let owning = |text: &str| Some(Reading { text: text.into(), words: 1, owns_stop: true });
    let lower = word.core.to_lowercase();
    let following = context.following();
    let before_name = following.is_some_and(|w| w.is_capitalised());
    match lower.as_str() {
        "dr" if before_name && !(context.before.is_some_and(|w| w.is_capitalised()) && following.is_none()) => {
            return owning("Doctor");
        }
        "dr" if word.is_capitalised() => return owning("Drive"),
        "st" if before_name => return owning("Saint"),
        "st" => return owning("Street"),
        _ => {}
    }
    if following.is_some_and(|w| w.core.starts_with(|c: char| c.is_ascii_digit()))
        && let Some(read) = find(&BEFORE_NUMBER, &lower)
    {
        return owning(read);
    }
    if let Some(read) = find(&WITH_STOP, &lower).filter(|_| is_short_for_something(context, &lower)) {
        return owning(read);
    }
    // "U.S.", "J.R.R."
    let mut letters = word.core.split('.');
    let is_letter = |l: &str| l.chars().count() == 1 && l.chars().all(char::is_uppercase);
    if word.core.contains('.') && letters.all(is_letter) {
        return owning(&word.core.replace('.', ""));
    }
    // "John F. Kennedy"
    let is_initial = is_letter(word.core) && word.core != "I" && before_name;
    if is_initial { owning(word.core) } else { None }
}

/// Some abbreviations are the last word of many sentences ("the company Co.", "in Dec."), others are words as well ("est",
/// "max", "min"): those must be followed by something.
fn is_short_for_something(context: &Context<'_>, lower: &str) -> bool {
    let is_a_word_too = matches!(
        lower,
        "co" | "est" | "max" | "min" | "gen" | "gov" | "rev" | "sen" | "ca" | "ext" | "tel" | "cf" | "corp"
    );
    !is_a_word_too || context.following().is_some()
}
