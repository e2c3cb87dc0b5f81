//! Days, years and times of the day.

use super::numbers::is_digits;
use super::{Context, Dialect, Reading};

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// What follows a fraction, and never a day.
const MEASURES: [&str; 7] = ["of", "inch", "inches", "cup", "cups", "mile", "miles"];

/// "2026-11-23", "23/11/2026", "11/23/2026", "11/23" (where only one order makes a day).
pub fn date(context: &Context<'_>) -> Option<Reading> {
    let word = context.core();
    let sign = if word.contains('/') { '/' } else { '-' };
    let mut parts = word.split(sign).map(|p| is_digits(p).then(|| p.parse::<u32>().ok()).flatten());
    let (a, b, c) = (parts.next()??, parts.next()??, parts.next());
    if parts.next().is_some() {
        return None;
    }
    let is_day = |m: u32, d: u32| (1..=12).contains(&m) && (1..=31).contains(&d);
    match (sign, c) {
        ('-', Some(Some(day))) if a > 999 && is_day(b, day) => day_name(context, b, day, Some(a)),
        ('/', Some(Some(year))) if !(100..=999).contains(&year) => {
            let (month, day) = match (is_day(a, b), is_day(b, a), context.dialect) {
                (true, false, _) | (true, true, Dialect::American) => (a, b),
                (_, true, _) => (b, a),
                (false, false, _) => return None,
            };
            day_name(context, month, day, Some(if year < 100 { 2000 + year } else { year }))
        }
        // Always, around the clock.
        ('/', None) if (a, b) == (24, 7) => None,
        ('/', None) if !context.next().is_some_and(|n| MEASURES.contains(&n)) => match (a, b) {
            (month, day) if is_day(month, day) && day > 12 => day_name(context, month, day, None),
            (day, month) if is_day(month, day) && day > 12 => day_name(context, month, day, None),
            _ => None,
        },
        _ => None,
    }
}

fn day_name(context: &Context<'_>, month: u32, day: u32, year: Option<u32>) -> Option<Reading> {
    let month = MONTHS.get(month.checked_sub(1)? as usize)?;
    let day = match (day % 10, day / 10) {
        (1, tens) if tens != 1 => format!("{day}st"),
        (2, tens) if tens != 1 => format!("{day}nd"),
        (3, tens) if tens != 1 => format!("{day}rd"),
        _ => format!("{day}th"),
    };
    let read = match context.dialect {
        Dialect::American => format!("{month} {day}"),
        Dialect::British => format!("the {day} of {month}"),
    };
    Some(Reading::new(read + &year.map_or(String::new(), |y| format!(", {}", year_name(y))), 1))
}

/// A year in two halves, as people say it.
fn year_name(year: u32) -> String {
    match (year / 100, year % 100) {
        (11..=19, 0) => format!("{} hundred", year / 100),
        (11..=19, rest @ 1..=9) => format!("{} oh {rest}", year / 100),
        (11..=19, rest) | (20, rest @ 10..) => format!("{} {rest}", year / 100),
        _ => year.to_string(),
    }
}

/// "1984", "1990s", "80s": four digits that stand for themselves are a year, unless something is counted by them.
pub fn year(context: &Context<'_>) -> Option<Reading> {
    let word = context.core();
    if let Some(decade) = word.strip_suffix('s').filter(|d| is_digits(d)) {
        return decade_name(decade).map(|name| Reading::new(name, 1));
    }
    if word.len() != 4 || !is_digits(word) {
        return None;
    }
    let counts = |n: &str| {
        n.starts_with(char::is_lowercase)
            && (n.ends_with('s') || matches!(n, "people" | "men" | "women" | "children"))
            && !matches!(n, "is" | "was" | "has")
    };
    let number: u32 = word.parse().ok()?;
    let is_year = matches!(number, 1800..=1999 | 2010..=2099) && !context.next().is_some_and(counts);
    is_year.then(|| Reading::new(year_name(number), 1))
}

fn decade_name(decade: &str) -> Option<String> {
    let (century, tens) = decade.split_at_checked(decade.len().checked_sub(2)?)?;
    let name = match tens {
        "00" if century == "20" => return Some("two thousands".into()),
        "00" => return (!century.is_empty()).then(|| format!("{century} hundreds")),
        "10" => "tens",
        "20" => "twenties",
        "30" => "thirties",
        "40" => "forties",
        "50" => "fifties",
        "60" => "sixties",
        "70" => "seventies",
        "80" => "eighties",
        "90" => "nineties",
        _ => return None,
    };
    Some(if century.is_empty() { name.to_owned() } else { format!("{century} {name}") })
}

/// "10:30", "5pm", "10:05 a.m.", "17:00", "10:30:15".
pub fn time(context: &Context<'_>) -> Option<Reading> {
    let word = context.core();
    let (clock, attached) = match half(word) {
        Some((clock, half)) => (clock, Some(half)),
        None => (word, None),
    };
    let apart = if attached.is_none() { context.next().and_then(half).filter(|(c, _)| c.is_empty()) } else { None };
    let half_of_day = attached.or(apart.map(|(_, h)| h));
    let mut parts = clock.split(':').map(|p| (is_digits(p) && p.len() <= 2).then_some(p));
    let (hour, minute, second) = (parts.next()??, parts.next(), parts.next());
    if parts.next().is_some() || hour.parse::<u32>().ok()? > 24 {
        return None;
    }
    let hour = hour.strip_prefix('0').filter(|h| !h.is_empty()).unwrap_or(hour);
    let is_minute = |m: &str| m.len() == 2 && m < "60";
    let on_the_hour = match (half_of_day, hour.parse::<u32>().ok()?) {
        (Some(_), _) => "",
        (None, 1..=12) => " o'clock",
        (None, _) => " hundred",
    };
    let mut read = match minute {
        None => {
            half_of_day?;
            hour.to_owned()
        }
        Some(minute) => match minute.filter(|m| is_minute(m))? {
            "00" => format!("{hour}{on_the_hour}"),
            minute => match minute.strip_prefix('0') {
                Some(digit) => format!("{hour} oh {digit}"),
                None => format!("{hour} {minute}"),
            },
        },
    };
    if let Some(second) = second {
        let second = second.filter(|s| is_minute(s))?;
        read.push_str(&format!(" and {} seconds", second.strip_prefix('0').unwrap_or(second)));
    }
    if let Some(half) = half_of_day {
        read.push(' ');
        read.push_str(half);
    }
    let words = if apart.is_some() { 2 } else { 1 };
    let owns_stop = context.words.get(words - 1).is_some_and(|w| w.core.ends_with(".m"));
    Some(Reading { text: read, words, owns_stop })
}

/// Cuts "am" or "pm", however it is written, from the end of a word.
fn half(word: &str) -> Option<(&str, &'static str)> {
    [("am", "AM"), ("AM", "AM"), ("a.m", "AM"), ("pm", "PM"), ("PM", "PM"), ("p.m", "PM")]
        .iter()
        .find_map(|(end, name)| Some((word.strip_suffix(end)?, *name)))
}
