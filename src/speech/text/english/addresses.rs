//! E-mail addresses and places on the net, read as people spell them out.

use super::{Context, Reading};

/// Ends of names that make a word a place on the net though it has no scheme.
const DOMAINS: [&str; 26] = [
    "com", "org", "net", "edu", "gov", "int", "io", "dev", "app", "info", "eu", "uk", "de", "fr", "ch", "at", "nl",
    "se", "us", "ca", "au", "tv", "me", "ai", "co", "jp",
];

/// More of a path than this nobody could follow.
const LONGEST_PATH: usize = 30;

pub fn address(context: &Context<'_>) -> Option<Reading> {
    let word = context.core();
    if let Some((name, host)) = word.split_once('@').filter(|(n, h)| !n.is_empty() && is_host(h)) {
        let name = name.strip_prefix("mailto:").unwrap_or(name);
        return Some(Reading::new(format!("{} at {}", signs(name), signs(host)), 1));
    }
    let bare = ["https://", "http://"].iter().find_map(|scheme| word.strip_prefix(scheme));
    let place = bare.unwrap_or(word);
    let place = place.strip_prefix("www.").unwrap_or(place).trim_end_matches('/');
    let host = place.split(['/', '?', '#', ':']).next().unwrap_or_default();
    let is_known = host.rsplit('.').next().is_some_and(|end| DOMAINS.contains(&end));
    if bare.is_none() && !(is_host(host) && is_known) || host.is_empty() {
        return None;
    }
    let path = place.get(host.len()..).unwrap_or_default();
    if path.len() > LONGEST_PATH {
        return Some(Reading::new(format!("{}, and so on", signs(host)), 1));
    }
    Some(Reading::new(signs(place), 1))
}

/// Names with dots between them.
fn is_host(text: &str) -> bool {
    let is_name = |n: &str| !n.is_empty() && n.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    text.contains('.')
        && text.split('.').all(is_name)
        && text.rsplit('.').next().is_some_and(|end| end.chars().all(|c| c.is_ascii_alphabetic()))
}

/// A text with its signs by their names.
fn signs(text: &str) -> String {
    let mut all = String::new();
    for c in text.chars() {
        let name = match c {
            '.' => "dot",
            '/' => "slash",
            '-' => "dash",
            '_' => "underscore",
            '?' => "question mark",
            '=' => "equals",
            '&' => "and",
            '#' => "hash",
            ':' => "colon",
            '+' => "plus",
            '%' => "percent",
            '~' => "tilde",
            '@' => "at",
            c => {
                all.push(c);
                continue;
            }
        };
        all.push(' ');
        all.push_str(name);
        all.push(' ');
    }
    all.split_whitespace().collect::<Vec<_>>().join(" ")
}
