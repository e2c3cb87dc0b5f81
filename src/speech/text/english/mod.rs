//! English as it is written to English as it is read, where espeak-ng would read the signs instead: money, dates, times, units,
//! abbreviations, telephone numbers, addresses of the net. What espeak-ng reads well (numbers, ordinals, most acronyms)
//! stays as it is.
//!
//! A sentence is taken word by word. Each rule looks at a word and those after it, and says how many it took.

mod abbreviations;
mod addresses;
mod dates;
mod money;
mod numbers;
mod units;
mod words;

use words::Word;

/// Which English.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// Month before day.
    American,
    /// Day before month.
    British,
}

/// What the rules see: the word to read, its neighbours, and which English it is.
struct Context<'w> {
    before: Option<&'w Word<'w>>,
    /// The word to read, and all that follow.
    words: &'w [Word<'w>],
    dialect: Dialect,
}

impl<'w> Context<'w> {
    /// The word to read.
    fn core(&self) -> &'w str {
        self.words.first().map_or("", |w| w.core)
    }

    /// The word after it, where nothing but a space stands between them.
    fn next(&self) -> Option<&'w str> {
        let [word, next, ..] = self.words else { return None };
        (word.after.is_empty() && next.before.is_empty()).then_some(next.core)
    }

    /// The word after it, whatever stands between them.
    fn following(&self) -> Option<&'w Word<'w>> {
        self.words.get(1)
    }
}

/// Words as they are read.
struct Reading {
    text: String,
    /// The written words that it stands for.
    words: usize,
    /// The full stop after them is theirs: it ends no sentence, unless nothing follows.
    owns_stop: bool,
}

impl Reading {
    fn new(text: impl Into<String>, words: usize) -> Self {
        Self { text: text.into(), words, owns_stop: false }
    }
}

/// The rules, in the order in which they are asked.
const RULES: [fn(&Context<'_>) -> Option<Reading>; 10] = [
    addresses::address,
    money::money,
    dates::date,
    dates::time,
    numbers::telephone,
    units::measure,
    numbers::range_or_fraction,
    dates::year,
    abbreviations::abbreviation,
    numbers::sign,
];

/// A sentence as it is read.
pub fn spell_out(sentence: &str, dialect: Dialect) -> String {
    let shouted = is_shouted(sentence).then(|| sentence.to_lowercase());
    let written = shouted.as_deref().unwrap_or(sentence);
    let words: Vec<Word<'_>> = written.split_whitespace().filter(|w| !words::is_emoticon(w)).map(Word::new).collect();
    let mut all = String::with_capacity(sentence.len());
    let (mut before, mut rest) = (None, words.as_slice());
    while let Some(word) = rest.first() {
        let context = Context { before, words: rest, dialect };
        let reading = RULES.iter().find_map(|rule| rule(&context)).unwrap_or_else(|| Reading::new(word.core, 1));
        let (taken, others) = rest.split_at(reading.words.clamp(1, rest.len()));
        let last = taken.last().unwrap_or(word);
        if !all.is_empty() {
            all.push(' ');
        }
        // A bracket that was opened and closed within what was read is read with it.
        let opened = taken.len() > 1 && word.after.contains(')');
        all.extend(word.before.chars().filter(|c| word.is_heard(*c) && !(opened && *c == '(')));
        all.push_str(&reading.text);
        let after = if reading.owns_stop && !others.is_empty() {
            last.after.strip_prefix('.').unwrap_or(last.after)
        } else {
            last.after
        };
        all.extend(after.chars().filter(|c| last.is_heard(*c)));
        (before, rest) = (Some(last), others);
    }
    all
}

/// Whether all of a sentence of several words is in capitals: then they are no acronyms.
fn is_shouted(sentence: &str) -> bool {
    let letters = |w: &str| w.chars().filter(|c| c.is_alphabetic()).count();
    sentence.split_whitespace().filter(|w| letters(w) > 1).count() > 2 && !sentence.chars().any(char::is_lowercase)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn reads(table: &[(&str, &str)]) {
        for (written, read) in table {
            assert_eq!(spell_out(written, Dialect::American), *read, "{written}");
        }
    }

    #[test]
    fn what_needs_no_help_stays_as_it_is() {
        for text in
            ["Good morning, everybody.", "He said: \"Really?\" (twice)", "1,000,000 and 3.14", "the 21st", "NASA", ""]
        {
            assert_eq!(spell_out(text, Dialect::American), text);
        }
    }

    #[test]
    fn money() {
        reads(&[
            ("I paid $5.20.", "I paid 5 dollars and 20 cents."),
            ("3 € or 3€", "3 euros or 3 euros"),
            ("$1, £1, ¥1", "1 dollar, 1 pound, 1 yen"),
            ("£2.01", "2 pounds and 1 penny"),
            ("$0.99", "99 cents"),
            ("$5.00", "5 dollars"),
            ("-$5", "minus 5 dollars"),
            ("$1.5 million", "1.5 million dollars"),
            ("$20k, $3M, €2bn", "20 thousand dollars, 3 million dollars, 2 billion euros"),
            ("$1,234.50!", "1,234 dollars and 50 cents!"),
            ("$10-20 or $10-$20", "10 to 20 dollars or 10 to 20 dollars"),
            ("$9/month", "9 dollars per month"),
            ("5 EUR", "5 euros"),
            ("a $ sign", "a $ sign"),
        ]);
    }

    #[test]
    fn dates() {
        reads(&[
            ("on 2026-11-23.", "on November 23rd, 20 26."),
            ("23/11/2026", "November 23rd, 20 26"),
            ("11/23/2026", "November 23rd, 20 26"),
            ("11/23", "November 23rd"),
            ("3/4/1999", "March 4th, 19 99"),
            ("1/2 and 3/4", "one half and three quarters"),
            ("2026-13-40", "2026-13-40"),
            ("in 1984, or 1905, or 1900", "in 19 84, or 19 oh 5, or 19 hundred"),
            ("1850 soldiers", "1850 soldiers"),
            ("in 2005 and 2026", "in 2005 and 20 26"),
            ("the 1990s, the '80s and the 2000s", "the 19 nineties, the eighties and the two thousands"),
            ("Jan. 5, Sept. 6", "January 5, September 6"),
        ]);
        assert_eq!(spell_out("3/4/1999", Dialect::British), "the 3rd of April, 19 99");
    }

    #[test]
    fn times() {
        reads(&[
            ("at 10:30", "at 10 30"),
            ("at 10:00", "at 10 o'clock"),
            ("at 10:05", "at 10 oh 5"),
            ("at 17:00", "at 17 hundred"),
            ("5pm", "5 PM"),
            ("5:15pm.", "5 15 PM."),
            ("10:00 am", "10 AM"),
            ("at 5 p.m. sharp", "at 5 PM sharp"),
            ("9 a.m.", "9 AM."),
            ("10:30:15", "10 30 and 15 seconds"),
            ("25:70", "25:70"),
            ("3:1", "3 to 1"),
        ]);
    }

    #[test]
    fn numbers() {
        reads(&[
            ("Call 555-123-4567.", "Call 5 5 5, 1 2 3, 4 5 6 7."),
            ("(555) 123-4567", "5 5 5, 1 2 3, 4 5 6 7"),
            ("+49 30 1234567 now", "plus 4 9, 3 0, 1 2 3 4 5 6 7 now"),
            ("020 7946 0958", "0 2 0, 7 9 4 6, 0 9 5 8"),
            ("555-0199", "5 5 5, 0 1 9 9"),
            ("10-20 people, 9–5", "10 to 20 people, 9 to 5"),
            ("24/7 and 50/50", "24 7 and 50 50"),
            ("2/3 of it", "two thirds of it"),
            ("No. 5 and #7", "number 5 and number 7"),
            ("No. I won't.", "No. I won't."),
            ("#winning", "hashtag winning"),
            ("~5, ±3, <2, >4", "about 5, plus or minus 3, less than 2, more than 4"),
            ("192.168.0.1", "192 dot 168 dot 0 dot 1"),
            ("12345678901234567890", "1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0"),
            ("00420", "0 0 4 2 0"),
            (".5", "0.5"),
            ("10²", "10 squared"),
        ]);
    }

    #[test]
    fn units() {
        reads(&[
            ("5 km, 1 km", "5 kilometers, 1 kilometer"),
            ("5km", "5 kilometers"),
            ("20% of 3 kg", "20% of 3 kilograms"),
            ("25 °C or 77°F", "25 degrees Celsius or 77 degrees Fahrenheit"),
            ("60 mph, 100 km/h", "60 miles per hour, 100 kilometers per hour"),
            ("20 m²", "20 square meters"),
            ("16 GB", "16 gigabytes"),
            ("10-20 km", "10 to 20 kilometers"),
            ("I am in 5", "I am in 5"),
            ("5 in the house", "5 in the house"),
        ]);
    }

    #[test]
    fn abbreviations() {
        reads(&[
            ("Dr. Smith, Mr. Jones and Mrs. Miller", "Doctor Smith, Mister Jones and Missus Miller"),
            ("Elm Dr. is near", "Elm Drive is near"),
            ("St. Paul, Main St.", "Saint Paul, Main Street."),
            ("fruit, e.g., apples", "fruit, for example, apples"),
            ("that is (i.e. this)", "that is (that is this)"),
            ("cats, dogs, etc.", "cats, dogs, etc."),
            ("cats etc. and dogs", "cats etc and dogs"),
            ("us vs. them", "us versus them"),
            ("the U.S. and the U.K.", "the US and the UK."),
            ("John F. Kennedy, J. R. R. Tolkien", "John F Kennedy, J R R Tolkien"),
            ("So am I. You too", "So am I. You too"),
            ("a Ph.D. student", "a PhD student"),
            ("w/ milk, w/o sugar", "with milk, without sugar"),
            ("the WHO says", "the W H O says"),
        ]);
    }

    #[test]
    fn addresses() {
        reads(&[
            ("see https://www.example.org/a-b?c=d.", "see example dot org slash a dash b question mark c equals d."),
            ("example.com", "example dot com"),
            ("write to bob_smith@mail.example.org!", "write to bob underscore smith at mail dot example dot org!"),
            ("http://example.org/0123456789012345678901234567890123456789", "example dot org, and so on"),
            ("the end.So what", "the end.So what"),
        ]);
    }

    #[test]
    fn signs_of_the_net_and_shouting() {
        reads(&[
            ("fine :-) thanks ;)", "fine thanks"),
            ("this is *very* _good_ `code`", "this is very good code"),
            ("STOP IT RIGHT NOW!", "stop it right now!"),
            ("STOP!", "STOP!"),
        ]);
    }
}
