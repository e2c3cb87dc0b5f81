//! What a sound says, and how alike two texts are to a listener.

use super::models;
use std::sync::Arc;
use vasa_camera::listen::{Care, Segmenter, Whisper};
use vasa_camera::sound::{BLOCK, RATE, resample};

/// What the installed recogniser hears in an English sound of `rate` samples a second.
pub fn read_back(samples: &[f32], rate: u32) -> String {
    let paths = models();
    let mut whisper = Whisper::load(paths, &paths.models.join("whisper/ggml-base.bin"), Arc::default()).unwrap();
    whisper.expect("en", &[]);
    let sound = resample(samples, rate, RATE).unwrap();
    let mut segmenter = Segmenter::default();
    let mut segments: Vec<_> = sound.chunks_exact(BLOCK).filter_map(|c| segmenter.push(c)).collect();
    segments.extend(segmenter.finish());
    let texts: Vec<_> = segments.iter().map(|s| whisper.hear(&s.samples, Care::Whole).unwrap().text).collect();
    texts.join(" ")
}

/// The words as they sound: lower case, no punctuation, numbers in words (digit by digit above twelve).
pub fn normalise(text: &str) -> Vec<String> {
    const NUMBERS: [&str; 13] =
        ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"];
    let mut words: Vec<String> = Vec::new();
    // Digits and letters that stand together are different words: "F2".
    let mut kind = ' ';
    for c in text.chars().flat_map(char::to_lowercase).filter(|c| !matches!(c, '\'' | '’')) {
        let now = if c.is_ascii_digit() {
            '0'
        } else if c.is_alphanumeric() {
            'a'
        } else {
            ' '
        };
        if now != ' ' {
            match words.last_mut() {
                Some(word) if kind == now => word.push(c),
                _ => words.push(c.into()),
            }
        }
        kind = now;
    }
    let spelt = |word: String| match word.parse::<usize>() {
        Ok(n) if n < NUMBERS.len() => vec![NUMBERS[n].to_owned()],
        Ok(_) => word.bytes().map(|d| NUMBERS[usize::from(d - b'0')].to_owned()).collect(),
        Err(_) => vec![word],
    };
    words.into_iter().flat_map(spelt).collect()
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
    assert_eq!(errors("ten in two zero one two", "10 in 2012"), (0, 6));
    assert_eq!(errors("one two three", "one three four"), (2, 3));
    assert_eq!(errors("one", ""), (1, 1));
    assert!((error_rate([("a b", "a b"), ("c d", "c x")]) - 0.25).abs() < 1e-9);
}
