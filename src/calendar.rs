//! Days and times as people write them, in UTC (ISO 8601, RFC 3339).

use std::time::{SystemTime, UNIX_EPOCH};

const DAY: u64 = 24 * 60 * 60;

/// The end of what four digits of a year can say: 10000-01-01, in seconds.
const END: u64 = 253_402_300_800;

/// A day of the calendar, 1970 to 9999.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date {
    year: u64,
    month: u64,
    day: u64,
}

impl Date {
    /// The day in which a second since 1970 lies.
    ///
    /// By Howard Hinnant, "chrono-compatible low-level date algorithms", `civil_from_days`.
    pub fn of(seconds: u64) -> Self {
        let days = seconds.min(END - 1) / DAY + 719_468;
        let (era, day_of_era) = (days / 146_097, days % 146_097);
        let year = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year + year / 4 - year / 100);
        let shifted = (5 * day_of_year + 2) / 153;
        let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
        Self { year: year + era * 400 + u64::from(month <= 2), month, day: day_of_year - (153 * shifted + 2) / 5 + 1 }
    }

    /// Reads "2026-11-25"; None where that is no day.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit()).then(|| s.parse().ok()).flatten();
        let &[year, month, day] = text.split('-').collect::<Vec<_>>().as_slice() else { return None };
        if (year.len(), month.len(), day.len()) != (4, 2, 2) {
            return None;
        }
        let date = Self { year: digits(year)?, month: digits(month)?, day: digits(day)? };
        // What the calendar does not have comes back as another day.
        let there = (1..=12).contains(&date.month) && (1..=31).contains(&date.day) && date.year >= 1970;
        (there && Self::of(date.start()) == date).then_some(date)
    }

    /// The first second of the day (`days_from_civil` of the same source).
    pub fn start(self) -> u64 {
        let year = self.year - u64::from(self.month <= 2);
        let (era, year_of_era) = (year / 400, year % 400);
        let shifted = if self.month > 2 { self.month - 3 } else { self.month + 9 };
        let day_of_year = (153 * shifted + 2) / 5 + self.day - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        (era * 146_097 + day_of_era - 719_468) * DAY
    }
}

impl std::fmt::Display for Date {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

/// Seconds since 1970 now.
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs().min(END - 1))
}

/// "2026-11-25T08:18:54Z".
pub fn utc(seconds: u64) -> String {
    let seconds = seconds.min(END - 1);
    let rest = seconds % DAY;
    format!("{}T{:02}:{:02}:{:02}Z", Date::of(seconds), rest / 3600, rest / 60 % 60, rest % 60)
}

/// Reads what [`utc`] writes, and nothing else.
pub fn parse_utc(text: &str) -> Option<u64> {
    let (date, time) = text.split_once('T')?;
    let mut seconds = Date::parse(date)?.start();
    let &[hours, minutes, rest] = time.strip_suffix('Z')?.split(':').collect::<Vec<_>>().as_slice() else {
        return None;
    };
    for (part, worth) in [(hours, 3600), (minutes, 60), (rest, 1)] {
        seconds += part.parse::<u64>().ok()? * worth;
    }
    (utc(seconds) == text).then_some(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_become_days_and_times_and_back() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_709_164_800, "2024-02-29T00:00:00Z"),
            (1_795_594_734, "2026-11-25T08:18:54Z"),
            (END - 1, "9999-12-31T23:59:59Z"),
        ] {
            assert_eq!(utc(seconds), text);
            assert_eq!(parse_utc(text), Some(seconds));
        }
        for day in 0..40_000 {
            let date = Date::of(day * DAY + 5);
            assert_eq!((date.start(), Date::parse(&date.to_string())), (day * DAY, Some(date)));
        }
    }

    #[test]
    fn what_is_no_day_and_no_time_is_refused() {
        for bad in [
            "",
            "2026",
            "2026-11",
            "2026-13-01",
            "2026-00-10",
            "2025-02-29",
            "2026-04-31",
            "2026-1-1",
            "1969-12-31",
            "+026-01-01",
            "2026-11-25 ",
            "25-11-2026",
            "２０２６-11-25",
            "2026-11-00",
        ] {
            assert_eq!(Date::parse(bad), None, "{bad}");
        }
        for bad in [
            "2026-11-25T24:00:00Z",
            "2026-11-25T08:60:00Z",
            "2026-11-25T08:18:54",
            "2026-11-25 08:18:54Z",
            "2026-11-25T8:18:54Z",
            "2026-11-25T99999999999999999999:00:00Z",
        ] {
            assert_eq!(parse_utc(bad), None, "{bad}");
        }
    }
}
