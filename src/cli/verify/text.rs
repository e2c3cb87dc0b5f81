//! Words for people: numbers, times, and what other programs and file names hold.

/// The most characters that are said of something that comes from a file.
const LONGEST: usize = 300;

/// One line without control characters, of bounded length: file names and other programs' complaints may hold anything,
/// also what a terminal would obey.
pub fn clean(text: &str) -> String {
    let mut out = String::new();
    for (n, c) in text.trim().chars().enumerate() {
        if n == LONGEST {
            out.push('…');
            break;
        }
        // Marks that turn the direction of writing can make a name look like another one.
        let odd =
            c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        out.push(if odd { '\u{fffd}' } else { c });
    }
    out
}

/// "2026-11-25 08:18 UTC" of minutes since 1970; None for 0, which says "not told".
pub fn minute(minutes: u32) -> Option<String> {
    if minutes == 0 {
        return None;
    }
    let (days, rest) = (minutes / 1440, minutes % 1440);
    // Days to a date, in 400-year eras that begin in March: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms".
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + u32::from(month <= 2);
    Some(format!("{year:04}-{month:02}-{day:02} {:02}:{:02} UTC", rest / 60, rest % 60))
}

/// "0:07.5", "1:02:03.0".
pub fn clock(seconds: f64) -> String {
    let tenths = (seconds.max(0.0) * 10.0).round().min(1e15) as u64;
    let (hours, minutes, rest) = (tenths / 36_000, tenths / 600 % 60, tenths % 600);
    let tail = format!("{:02}.{}", rest / 10, rest % 10);
    if hours > 0 { format!("{hours}:{minutes:02}:{tail}") } else { format!("{minutes}:{tail}") }
}

/// "1 frame", "300 frames".
pub fn count(n: u64, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minutes_are_read_as_a_date() {
        assert_eq!(minute(0), None);
        assert_eq!(minute(1).unwrap(), "1970-01-01 00:01 UTC");
        // `date -u -d @1772323140`, the last minute of a February.
        assert_eq!(minute(1_772_323_140 / 60).unwrap(), "2026-02-28 23:59 UTC");
        assert_eq!(minute(1_709_164_800 / 60).unwrap(), "2024-02-29 00:00 UTC");
        assert_eq!(minute(u32::MAX).unwrap().len(), "10136-02-16 04:15 UTC".len());
    }

    #[test]
    fn times_are_read_as_on_a_clock() {
        assert_eq!(clock(7.46), "0:07.5");
        assert_eq!(clock(59.96), "1:00.0");
        assert_eq!(clock(3723.0), "1:02:03.0");
        assert_eq!(clock(f64::NAN), "0:00.0");
    }

    #[test]
    fn what_a_terminal_would_obey_is_taken_out() {
        assert_eq!(clean(" a\x1b[31mb\nc\u{202e} "), "a\u{fffd}[31mb\u{fffd}c\u{fffd}");
        assert_eq!(clean(&"é".repeat(1000)).chars().count(), LONGEST + 1);
    }
}
