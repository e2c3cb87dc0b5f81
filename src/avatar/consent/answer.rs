//! What was answered when it was asked whose face it is.

use crate::calendar::Date;

/// The longest name or title, and the longest statement, in characters.
const LONGEST_NAME: usize = 100;
const LONGEST_STATEMENT: usize = 1000;

/// Somewhere on earth it is already so much later than in UTC; seconds.
const EASTERNMOST: u64 = 14 * 60 * 60;

/// Whose face it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whose {
    /// That of the user.
    Own,
    /// Somebody else's, who agreed on that day.
    Person { name: String, agreed: Date },
    /// A drawing, a painting, a made-up person.
    Artwork { title: Option<String>, author: Option<String> },
}

/// Whose face it is, and the sentence that the user wrote about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub whose: Whose,
    pub statement: String,
}

impl Whose {
    /// What "face" is in the file.
    pub fn name(&self) -> &'static str {
        match self {
            Whose::Own => "self",
            Whose::Person { .. } => "person",
            Whose::Artwork { .. } => "artwork",
        }
    }

    /// A statement that says no more than the answer does.
    pub fn plain_statement(&self) -> String {
        match self {
            Whose::Own => "This is my own face.".into(),
            Whose::Person { name, agreed } => format!("{name} agreed on {agreed} that I show this face."),
            Whose::Artwork { .. } => "This is an artwork, and I may show it.".into(),
        }
    }

    /// Whether names and dates are usable at the time `now`, in seconds since 1970.
    ///
    /// # Errors
    /// One sentence: which is empty, too long, has control characters, or lies in the future.
    pub fn check(&self, now: u64) -> Result<(), String> {
        match self {
            Whose::Own => Ok(()),
            Whose::Person { name, agreed } => {
                check_text("name", name, LONGEST_NAME)?;
                if *agreed > Date::of(now.saturating_add(EASTERNMOST)) {
                    return Err(format!(
                        "the date of consent is {agreed}, which lies in the future; give the day they agreed"
                    ));
                }
                Ok(())
            }
            Whose::Artwork { title, author } => {
                title.as_ref().map_or(Ok(()), |t| check_text("title", t, LONGEST_NAME))?;
                author.as_ref().map_or(Ok(()), |a| check_text("author", a, LONGEST_NAME))
            }
        }
    }
}

impl Answer {
    /// Whether the answer is usable at the time `now`, in seconds since 1970.
    ///
    /// # Errors
    /// As [`Whose::check`], and the same of the statement.
    pub fn check(&self, now: u64) -> Result<(), String> {
        self.whose.check(now)?;
        check_text("statement", &self.statement, LONGEST_STATEMENT)
    }

    /// The answer as people read it.
    pub fn lines(&self) -> Vec<(&'static str, String)> {
        let mut lines = match &self.whose {
            Whose::Own => vec![("face", "the user's own".into())],
            Whose::Person { name, agreed } => vec![("face", format!("{name}, who agreed on {agreed}"))],
            Whose::Artwork { title, author } => vec![(
                "face",
                match (title, author) {
                    (None, None) => "an artwork".into(),
                    (Some(title), None) => format!("an artwork, \"{title}\""),
                    (None, Some(author)) => format!("an artwork by {author}"),
                    (Some(title), Some(author)) => format!("an artwork, \"{title}\" by {author}"),
                },
            )],
        };
        lines.push(("statement", self.statement.clone()));
        lines
    }
}

/// Letters on one line that show what they are: no control characters, nothing that turns the direction of writing.
fn check_text(what: &str, text: &str, longest: usize) -> Result<(), String> {
    if text.trim().is_empty() {
        return Err(format!("the {what} is empty; write one"));
    }
    let length = text.chars().count();
    if length > longest {
        return Err(format!("the {what} has {length} characters; use at most {longest}"));
    }
    // The bidirectional controls (Unicode Standard Annex 9) and the separators of lines, beside what is called control.
    let hidden = |c: char| {
        c.is_control()
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{61c}' | '\u{feff}')
    };
    match text.chars().find(|c| hidden(*c)) {
        Some(c) => {
            Err(format!("the {what} has the control character U+{:04X}; use letters, digits and signs", c as u32))
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-25, 08:18:54 UTC.
    const NOW: u64 = 1_795_594_734;

    #[test]
    fn what_is_empty_too_long_hidden_or_to_come_is_refused() {
        let person = |name: &str, day: &str| Whose::Person { name: name.into(), agreed: Date::parse(day).unwrap() };
        for (whose, part) in [
            (person("", "2026-11-20"), "name is empty"),
            (person("  ", "2026-11-20"), "name is empty"),
            (person(&"é".repeat(101), "2026-11-20"), "101 characters"),
            (person("a\nb", "2026-11-20"), "U+000A"),
            (person("a\u{1b}[2J", "2026-11-20"), "U+001B"),
            (person("a\u{202e}b", "2026-11-20"), "U+202E"),
            (person("Jo", "2026-11-26"), "future"),
            (Whose::Artwork { title: Some(String::new()), author: None }, "title is empty"),
            (Whose::Artwork { title: None, author: Some("\0".into()) }, "author"),
        ] {
            let e = whose.check(NOW).unwrap_err();
            assert!(e.contains(part), "{e}");
        }
        // In the Pacific the day is another one by now.
        assert_eq!(person("Jo", "2026-11-26").check(NOW + 2 * 3600), Ok(()));
        assert_eq!(person(&"é".repeat(100), "1970-01-01").check(NOW), Ok(()));
        let answer = |statement: String| Answer { whose: Whose::Own, statement };
        assert!(answer("x".repeat(1001)).check(NOW).unwrap_err().contains("statement has 1001"));
        assert_eq!(answer("نعم، هذا وجهي".into()).check(NOW), Ok(()));
        assert_eq!(answer(person(&"é".repeat(100), "2026-11-20").plain_statement()).check(NOW), Ok(()));
    }
}
