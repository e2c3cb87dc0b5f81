//! Numbers that are no amounts: ranges, fractions, telephone numbers, codes, and signs before numbers.

use super::{Context, Reading};

/// A plain number: "5", "-5", "1,234.5".
pub fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, part) = digits.split_once('.').unwrap_or((digits, "0"));
    is_digits(&whole.replace(',', "")) && whole.starts_with(|c: char| c.is_ascii_digit()) && is_digits(part)
}

pub fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

/// A number, or two with a dash between them, as it is read.
pub fn quantity(text: &str) -> Option<String> {
    if is_number(text) {
        return Some(text.replacen('-', "minus ", 1));
    }
    let (from, to) = text.split_once(['-', '–'])?;
    (is_number(from) && is_number(to)).then(|| format!("{from} to {to}"))
}

/// "12-15", "3:1", "3/4", "24/7".
pub fn range_or_fraction(context: &Context<'_>) -> Option<Reading> {
    let word = context.core();
    let (number, percent) = word.strip_suffix('%').map_or((word, ""), |n| (n, "%"));
    if !is_number(number)
        && let Some(range) = quantity(number)
    {
        return Some(Reading::new(format!("{range}{percent}"), 1));
    }
    if let Some((a, b)) = word.split_once(':').filter(|(a, b)| is_digits(a) && is_digits(b) && b.len() == 1) {
        return Some(Reading::new(format!("{a} to {b}"), 1));
    }
    let (above, below) = word.split_once('/').filter(|(a, b)| is_digits(a) && is_digits(b))?;
    let (n, d): (u32, u32) = (above.parse().ok()?, below.parse().ok()?);
    let name = ["half", "third", "quarter", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth"];
    let name = d.checked_sub(2).and_then(|i| name.get(i as usize));
    Some(Reading::new(
        match (n, name) {
            (1, Some(name)) => format!("one {name}"),
            (n, Some(name)) if n < d => format!("{} {name}s", small(n)),
            _ => format!("{above} {below}"),
        },
        1,
    ))
}

fn small(n: u32) -> String {
    let names = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];
    names.get(n as usize).map_or_else(|| n.to_string(), |name| (*name).to_owned())
}

/// Digits one by one.
fn spelled(digits: &str) -> String {
    digits.chars().map(String::from).collect::<Vec<_>>().join(" ")
}

/// A telephone number, over as many words as it is written in: digit by digit, a pause between its groups.
pub fn telephone(context: &Context<'_>) -> Option<Reading> {
    let mut groups: Vec<&str> = Vec::new();
    let mut words = 0;
    let first = context.words.first()?;
    for word in context.words {
        let core = if words == 0 { word.core.strip_prefix('+').unwrap_or(word.core) } else { word.core };
        let parts: Vec<&str> = core.split(['-', '.', '(', ')']).filter(|g| !g.is_empty()).collect();
        if parts.is_empty() || !parts.iter().all(|g| is_digits(g)) {
            break;
        }
        groups.extend(parts);
        words += 1;
        if !matches!(word.after, "" | ")") {
            break;
        }
    }
    let lengths: Vec<usize> = groups.iter().map(|g| g.len()).collect();
    let digits: usize = lengths.iter().sum();
    let is_international = first.core.starts_with('+') && digits >= 7;
    let has_area_in_brackets = first.before.ends_with('(') && first.after.starts_with(')') && digits >= 7;
    let is_local = groups.len() > 1 && first.core.starts_with('0') && digits >= 9;
    let is_dashed = words == 1 && first.core.contains('-') && matches!(*lengths, [3, 4] | [3, 3, 4] | [1, 3, 3, 4]);
    if digits > 15 || !(is_international || has_area_in_brackets || is_local || is_dashed) {
        return None;
    }
    let plus = if first.core.starts_with('+') { "plus " } else { "" };
    let groups: Vec<String> = groups.into_iter().map(spelled).collect();
    Some(Reading::new(format!("{plus}{}", groups.join(", ")), words))
}

/// Signs before and after numbers, codes, and numbers that are none.
pub fn sign(context: &Context<'_>) -> Option<Reading> {
    let word = context.core();
    let one = |text: String| Some(Reading::new(text, 1));
    for (sign, name) in [
        ("~", "about"),
        ("≈", "about"),
        ("±", "plus or minus"),
        ("<", "less than"),
        (">", "more than"),
        ("≤", "at most"),
        ("≥", "at least"),
        ("#", "number"),
    ] {
        if let Some(number) = word.strip_prefix(sign).filter(|n| is_number(n)) {
            return one(format!("{name} {number}"));
        }
    }
    if let Some(tag) = word.strip_prefix('#').filter(|t| t.starts_with(char::is_alphabetic)) {
        return one(format!("hashtag {tag}"));
    }
    for (sign, name) in [('²', "squared"), ('³', "cubed")] {
        if let Some(base) = word.strip_suffix(sign).filter(|b| !b.is_empty()) {
            return one(format!("{base} {name}"));
        }
    }
    if word.strip_prefix('.').is_some_and(is_digits) {
        return one(format!("0{word}"));
    }
    if word.matches('.').count() > 2 && word.split('.').all(is_digits) {
        return one(word.replace('.', " dot "));
    }
    let is_code = is_digits(word) && (word.len() > 12 || word.len() > 3 && word.starts_with('0'));
    if is_code { one(spelled(word)) } else { None }
}
