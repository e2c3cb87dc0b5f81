//! What the picture shows beside the face: the words that are being said, and that the user is typing.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// How long a finished caption stays.
const STAYS: Duration = Duration::from_secs(5);

/// A caption that nothing has replaced for this long is stale: the microphone has gone.
const STALE: Duration = Duration::from_secs(10);

/// Somebody who has not typed for this long is doing something else.
pub const COMPOSING: Duration = Duration::from_secs(60);

/// The longest subtitle, in characters: some four lines of the picture.
const LONGEST: usize = 240;

/// The words of the moment. All times are given by the caller.
#[derive(Default)]
pub struct Overlay {
    /// The texts of utterances that are being said or wait; the voice ends every one of them.
    texts: BTreeMap<u64, String>,
    saying: Option<u64>,
    /// What the recogniser heard, and until when it is shown.
    caption: Option<(String, Instant)>,
    /// Until when the user counts as typing.
    composing: Option<Instant>,
}

impl Overlay {
    /// An utterance was queued.
    pub fn queued(&mut self, id: u64, text: &str) {
        self.texts.insert(id, shorten(text));
        // What was typed is on its way.
        self.composing = None;
    }

    pub fn started(&mut self, id: u64) {
        self.saying = Some(id);
    }

    pub fn finished(&mut self, id: u64) {
        self.texts.remove(&id);
        self.saying.take_if(|saying| *saying == id);
    }

    /// The recogniser heard something; an empty text takes it back.
    pub fn heard(&mut self, text: &str, is_final: bool, now: Instant) {
        let until = now + if is_final { STAYS } else { STALE };
        self.caption = (!text.is_empty()).then(|| (shorten(text), until));
    }

    pub fn forget_caption(&mut self) {
        self.caption = None;
    }

    pub fn compose(&mut self, composing: bool, now: Instant) {
        self.composing = composing.then(|| now + COMPOSING);
    }

    pub fn composing(&self, now: Instant) -> bool {
        self.composing.is_some_and(|until| now < until)
    }

    /// What is being said now: the synthetic voice's words, else the user's own.
    pub fn subtitle(&self, now: Instant) -> Option<String> {
        let said = self.saying.and_then(|id| self.texts.get(&id));
        let heard = self.caption.as_ref().filter(|(_, until)| now < *until).map(|(text, _)| text);
        said.or(heard).cloned()
    }
}

/// The beginning of a text, cut between words.
fn shorten(text: &str) -> String {
    let text = text.trim();
    let Some((end, _)) = text.char_indices().nth(LONGEST) else { return text.to_owned() };
    let head = text.get(..end).unwrap_or_default();
    let head = head.rsplit_once(char::is_whitespace).map_or(head, |(words, _)| words);
    format!("{}…", head.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_voice_comes_before_the_caption_and_both_end() {
        let (mut overlay, now) = (Overlay::default(), Instant::now());
        overlay.heard("hello", false, now);
        overlay.queued(7, "Good morning.");
        assert_eq!(overlay.subtitle(now).as_deref(), Some("hello"));
        overlay.started(7);
        assert_eq!(overlay.subtitle(now).as_deref(), Some("Good morning."));
        overlay.finished(7);
        overlay.heard("hello there", true, now);
        assert_eq!(overlay.subtitle(now + STAYS - Duration::from_secs(1)).as_deref(), Some("hello there"));
        assert_eq!(overlay.subtitle(now + STAYS), None);
        overlay.heard("", true, now);
        assert_eq!(overlay.subtitle(now), None);
        assert!(overlay.texts.is_empty());
    }

    #[test]
    fn composing_ends_by_itself_and_when_something_is_said() {
        let (mut overlay, now) = (Overlay::default(), Instant::now());
        overlay.compose(true, now);
        assert!(overlay.composing(now) && !overlay.composing(now + COMPOSING));
        overlay.queued(1, "Hello.");
        assert!(!overlay.composing(now));
        overlay.compose(true, now);
        overlay.compose(false, now);
        assert!(!overlay.composing(now));
    }

    #[test]
    fn a_long_text_is_cut_between_words() {
        let text = "many words and ".repeat(700);
        let short = shorten(&text);
        assert!(short.chars().count() <= LONGEST + 1 && short.ends_with('…'), "{short}");
        assert_eq!(shorten(&"é".repeat(10_000)).chars().count(), LONGEST + 1);
    }
}
