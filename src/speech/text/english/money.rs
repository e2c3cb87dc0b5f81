//! Amounts of money: "$5.20" is five dollars and twenty cents.

use super::numbers::{is_digits, is_number};
use super::{Context, Reading};

struct Currency {
    sign: &'static str,
    code: &'static str,
    one: &'static str,
    many: &'static str,
    /// The hundredth part; empty where nobody counts it.
    cent: &'static str,
    cents: &'static str,
}

const CURRENCIES: [Currency; 5] = [
    Currency { sign: "$", code: "USD", one: "dollar", many: "dollars", cent: "cent", cents: "cents" },
    Currency { sign: "£", code: "GBP", one: "pound", many: "pounds", cent: "penny", cents: "pence" },
    Currency { sign: "€", code: "EUR", one: "euro", many: "euros", cent: "cent", cents: "cents" },
    Currency { sign: "¥", code: "JPY", one: "yen", many: "yen", cent: "", cents: "" },
    Currency { sign: "₹", code: "INR", one: "rupee", many: "rupees", cent: "paisa", cents: "paise" },
];

const MULTIPLES: [(&str, &str); 7] = [
    ("k", "thousand"),
    ("K", "thousand"),
    ("m", "million"),
    ("M", "million"),
    ("bn", "billion"),
    ("b", "billion"),
    ("B", "billion"),
];

const MULTIPLE_WORDS: [&str; 5] = ["hundred", "thousand", "million", "billion", "trillion"];

pub fn money(context: &Context<'_>) -> Option<Reading> {
    let word = context.core();
    let (minus, word) = word.strip_prefix('-').map_or(("", word), |w| ("minus ", w));
    let (amount, per) = match word.split_once('/') {
        Some((amount, unit)) if unit.chars().all(char::is_alphabetic) => (amount, format!(" per {unit}")),
        Some(_) => return None,
        None => (word, String::new()),
    };
    for currency in &CURRENCIES {
        let signed = amount.strip_prefix(currency.sign).or_else(|| amount.strip_suffix(currency.sign));
        let signed = signed.or_else(|| amount.strip_prefix("US$").filter(|_| currency.sign == "$"));
        if let Some(number) = signed.filter(|n| !n.is_empty()) {
            let next = context.next().filter(|n| MULTIPLE_WORDS.contains(n) && per.is_empty());
            let (read, words) = read(number, next, currency)?;
            return Some(Reading::new(format!("{minus}{read}{per}"), words));
        }
        if is_number(amount) && context.next().is_some_and(|n| n == currency.sign || n == currency.code) {
            let (read, _) = read(amount, None, currency)?;
            return Some(Reading::new(format!("{minus}{read}{per}"), 2));
        }
    }
    None
}

/// An amount as it is read, and how many words it was written in.
fn read(number: &str, multiple: Option<&str>, currency: &Currency) -> Option<(String, usize)> {
    let Currency { one, many, cent, cents, .. } = currency;
    if let Some(multiple) = multiple {
        return is_number(number).then(|| (format!("{number} {multiple} {many}"), 2));
    }
    if let Some((from, to)) = number.split_once(['-', '–']) {
        let to = to.strip_prefix(currency.sign).unwrap_or(to);
        return (is_number(from) && is_number(to)).then(|| (format!("{from} to {to} {many}"), 1));
    }
    for (sign, name) in MULTIPLES {
        if let Some(number) = number.strip_suffix(sign).filter(|n| is_number(n)) {
            return Some((format!("{number} {name} {many}"), 1));
        }
    }
    if !is_number(number) {
        return None;
    }
    let name = |n: &str| if n == "1" { *one } else { *many };
    let small = |n: &str| if n == "1" { *cent } else { *cents };
    let read = match number.split_once('.') {
        Some((whole, part)) if part.len() == 2 && is_digits(part) && !cent.is_empty() => {
            let part = part.strip_prefix('0').unwrap_or(part);
            match (whole, part) {
                (whole, "0") => format!("{whole} {}", name(whole)),
                ("0", part) => format!("{part} {}", small(part)),
                (whole, part) => format!("{whole} {} and {part} {}", name(whole), small(part)),
            }
        }
        _ => format!("{number} {}", name(number)),
    };
    Some((read, 1))
}
