//! Whether to believe the recogniser. Whisper was trained on films: where nobody speaks it hears "Thank you." or "Bye.".

use super::Heard;

/// Above this, whisper says itself that nobody spoke.
const NOBODY: f32 = 0.6;

/// Below this mean log-probability (a geometric mean of 0.37) the words are guessed; short texts need more.
const GUESSED: f32 = -1.0;
const GUESSED_SHORT: f32 = -0.7;
const SHORT_WORDS: usize = 2;

/// Less voice than this, in seconds, for each word is too little: nobody speaks eight words a second.
const VOICE_A_WORD: f64 = 0.1;

/// The text, tidied, or None where it is not to be believed. `voiced` is how many seconds of the sound were a voice.
pub fn believe(heard: &Heard, voiced: f64) -> Option<String> {
    let text = tidy(&heard.text);
    let words = text.split_whitespace().count();
    if !text.chars().any(char::is_alphanumeric) {
        return None;
    }
    let least = if words <= SHORT_WORDS { GUESSED_SHORT } else { GUESSED };
    let sure = heard.log_probability >= least && heard.no_speech <= NOBODY;
    // Languages without spaces have one long "word".
    let plausible = voiced >= VOICE_A_WORD * words as f64;
    (sure && plausible && !loops(&text)).then_some(text)
}

/// Without whisper's descriptions of sounds, "[BLANK_AUDIO]" or "(music)" or "♪", and with single spaces.
fn tidy(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut depth = 0_u32;
    for c in text.chars() {
        match c {
            '[' | '(' | '{' => depth += 1,
            ']' | ')' | '}' => depth = depth.saturating_sub(1),
            '♪' | '♫' | '*' => {}
            c if c.is_control() => out.push(' '),
            c if depth == 0 => out.push(c),
            _ => {}
        }
    }
    out.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Whether the same few words come again and again: the decoder was caught in a loop.
fn loops(text: &str) -> bool {
    let words: Vec<String> = text.split_whitespace().map(str::to_lowercase).collect();
    (1..=4).any(|length| {
        let mut repeats = 0;
        words.chunks(length).zip(words.chunks(length).skip(1)).any(|(a, b)| {
            repeats = if a == b { repeats + 1 } else { 0 };
            repeats >= 5
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(text: &str, no_speech: f32, log_probability: f32) -> Heard {
        Heard { text: text.into(), no_speech, log_probability, tokens: 0, language: "en" }
    }

    #[test]
    fn clear_speech_is_believed_and_guesses_are_not() {
        let say = |text: &str, no_speech, log, voiced| believe(&heard(text, no_speech, log), voiced);
        assert_eq!(say("Good  morning,\n everybody.", 0.02, -0.2, 1.2).as_deref(), Some("Good morning, everybody."));
        assert_eq!(say("Yes.", 0.1, -0.4, 0.3).as_deref(), Some("Yes."));
        assert_eq!(say("Thank you.", 0.8, -0.3, 0.5), None, "nobody spoke");
        assert_eq!(say("you", 0.3, -0.9, 0.3), None, "a guess");
        assert_eq!(say("this is what I heard you say to me", 0.1, -0.2, 0.2), None, "nine words in a blink");
        assert_eq!(say("", 0.0, 0.0, 1.0), None);
    }

    #[test]
    fn descriptions_of_sounds_and_loops_are_no_text() {
        let say = |text: &str| believe(&heard(text, 0.1, -0.2), 9.0);
        for noise in [
            "[BLANK_AUDIO]",
            "(upbeat music)",
            "♪ ♪",
            "...",
            "[",
            "no no no no no no no no",
            "I am. I am. I am. I am. I am. I am. I am.",
        ] {
            assert_eq!(say(noise), None, "{noise}");
        }
        assert_eq!(say("(coughs) I said no, no, no.").as_deref(), Some("I said no, no, no."));
    }
}
