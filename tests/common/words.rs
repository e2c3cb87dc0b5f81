//! How alike two texts are to a listener.

/// The words as they sound: lower case, no punctuation, numbers in words.
pub fn normalise(text: &str) -> Vec<String> {
    const DIGITS: [&str; 10] = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];
    let mut spaced = String::new();
    for c in text.chars().flat_map(char::to_lowercase) {
        match c {
            '0'..='9' => spaced.push_str(&format!(" {} ", DIGITS[c as usize - '0' as usize])),
            '\'' | '’' => {}
            c if c.is_alphanumeric() => spaced.push(c),
            _ => spaced.push(' '),
        }
    }
    spaced.split_whitespace().map(str::to_owned).collect()
}

/// Words wrong, missing or too many (the least number of edits), and words that were to be heard.
pub fn errors(said: &str, heard: &str) -> (usize, usize) {
    let (said, heard) = (normalise(said), normalise(heard));
    let mut row: Vec<usize> = (0..=heard.len()).collect();
    for (i, a) in said.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (k, b) in heard.iter().enumerate() {
            let above = row[k + 1];
            row[k + 1] = (diagonal + usize::from(a != b)).min(above + 1).min(row[k] + 1);
            diagonal = above;
        }
    }
    (row[heard.len()], said.len())
}

/// The word error rate over several pairs of (said, heard).
pub fn error_rate<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> f64 {
    let (wrong, all) = pairs.into_iter().map(|(s, h)| errors(s, h)).fold((0, 0), |a, b| (a.0 + b.0, a.1 + b.1));
    wrong as f64 / all.max(1) as f64
}

#[test]
fn words_are_counted_as_they_sound() {
    assert_eq!(errors("Bin blue at F two now.", "bin blue at F2 now"), (0, 6));
    assert_eq!(errors("It's over.", "Its over"), (0, 2));
    assert_eq!(errors("one two three", "one three four"), (2, 3));
    assert_eq!(errors("one", ""), (1, 1));
    assert!((error_rate([("a b", "a b"), ("c d", "c x")]) - 0.25).abs() < 1e-9);
}
