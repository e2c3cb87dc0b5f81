//! whisper.cpp, loaded: a stretch of speech in, text out.

use super::{AUTO, ggml, language};
use crate::assets::{Manifest, State, state};
use crate::config::Paths;
use crate::sound::RATE;
use anyhow::{Context, Result, bail};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use whisper_rs::{FullParams, SamplingStrategy, WhisperContext, WhisperContextParameters, WhisperState};

/// The encoder's positions: 30 s of sound, 50 a second.
const WHOLE_CONTEXT: usize = 1500;
const POSITIONS_A_SECOND: f64 = 50.0;

/// The personal words together, in tokens: whisper takes half of its 448 tokens of text as a prompt.
const PROMPT_TOKENS: usize = 200;

/// Threads of one recognition, at most. whisper.cpp's threads wait for each other by spinning: where they have to share the
/// cores with the picture, two are many times slower than one, so they take half of the cores.
const MOST_THREADS: usize = 4;

/// Below this mean log-probability the text is doubted.
const DOUBTED: f32 = -0.7;

/// So few tokens for so much sound are doubted too, a second: whisper has stopped in the middle.
const LEAST_TOKENS: f64 = 1.0;

/// How well to listen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Care {
    /// A quick look at what has been said so far; words may be wrong.
    Quick,
    /// As well as the model can.
    Whole,
}

impl Care {
    /// How many of the encoder's positions to use for so much sound. The time is nearly proportional to it; a context that
    /// ends right after the sound makes whisper say everything twice, or stop early.
    fn context(self, seconds: f64) -> usize {
        let margin = match self {
            Care::Quick => 128,
            Care::Whole => 320,
        };
        let positions = (seconds * POSITIONS_A_SECOND).ceil() as usize + margin;
        // In steps, so that few shapes of the network are ever built.
        positions.next_multiple_of(64).min(WHOLE_CONTEXT)
    }
}

/// What was recognised, and how sure whisper is of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Heard {
    pub text: String,
    /// The probability that nobody spoke, 0..1.
    pub no_speech: f32,
    /// The mean of the logarithms of the words' probabilities; 0 is certain, below -1 is guessed.
    pub log_probability: f32,
    /// Pieces of words in the text.
    pub tokens: usize,
    /// The language as whisper's code.
    pub language: &'static str,
}

/// A loaded model.
pub struct Whisper {
    context: WhisperContext,
    state: WhisperState,
    parameters: FullParams<'static, 'static>,
    /// The personal words.
    prompt: Vec<i32>,
    /// The first token that is no piece of text.
    end_of_text: i32,
    multilingual: bool,
}

impl Whisper {
    /// Loads a ggml file. `abort` ends a running recognition with an error when it becomes true.
    ///
    /// # Errors
    /// The file is missing, is no whisper model, or is not the pinned one although it lies in its place.
    pub fn load(paths: &Paths, path: &Path, abort: Arc<AtomicBool>) -> Result<Self> {
        if let Some((model, file)) = Manifest::shipped().pinned(paths, path)
            && let State::Damaged(found) = state(paths, file)?
        {
            bail!(
                "the model file {} has SHA-256 {found}, the manifest says {}; run `vasa models install {}`",
                path.display(),
                file.sha256,
                model.name
            );
        }
        ggml::check(path)?;
        // Its own messages go where ours go, or whisper.cpp writes to standard error. None of them has a word that was heard.
        whisper_rs::install_logging_hooks();
        let refused =
            || format!("the recogniser's model {} does not load; name another one in the settings", path.display());
        let mut options = WhisperContextParameters::default();
        options.use_gpu(false);
        let context = WhisperContext::new_with_params(path, options).with_context(refused)?;
        let state = context.create_state().with_context(refused)?;
        let mut parameters = FullParams::new(SamplingStrategy::Greedy { best_of: 1 });
        let cores = std::thread::available_parallelism().map_or(1, |n| n.get());
        parameters.set_n_threads((cores / 2).clamp(1, MOST_THREADS) as i32);
        parameters.set_no_context(true);
        // One window, one text: with time stamps whisper would go on where it believes the text ended, and invent the rest.
        parameters.set_no_timestamps(true);
        parameters.set_single_segment(true);
        parameters.set_suppress_blank(true);
        parameters.set_suppress_nst(true);
        parameters.set_print_special(false);
        parameters.set_print_progress(false);
        parameters.set_print_realtime(false);
        parameters.set_print_timestamps(false);
        parameters.set_abort_callback_safe::<_, Box<dyn FnMut() -> bool>>(Some(
            Box::new(move || abort.load(Relaxed)) as Box<dyn FnMut() -> bool>
        ));
        let (end_of_text, multilingual) = (context.token_eot(), context.is_multilingual());
        Ok(Self { context, state, parameters, prompt: Vec::new(), end_of_text, multilingual })
    }

    /// Sets the language (as [`super::check_language`] takes it) and the words that are likely to be said.
    pub fn expect(&mut self, tag: &str, words: &[String]) {
        let code = if tag == AUTO { AUTO } else { language::code(tag).unwrap_or("en") };
        // whisper-rs never frees the few bytes of this; languages are not changed often.
        self.parameters.set_language(Some(if self.multilingual { code } else { "en" }));
        self.prompt.clear();
        if words.is_empty() {
            return;
        }
        // Whisper takes the prompt for the text before; a list of terms makes it spell them so.
        self.tokenize("Glossary:");
        for (i, word) in words.iter().enumerate() {
            let before = self.prompt.len();
            self.tokenize(&format!("{} {word}", if i > 0 { "," } else { "" }));
            if self.prompt.len() > PROMPT_TOKENS {
                self.prompt.truncate(before);
                break;
            }
        }
        self.tokenize(".");
    }

    fn tokenize(&mut self, text: &str) {
        // whisper-rs reads beyond its buffer where there are more tokens than it was promised; there are never more than bytes.
        if let Ok(tokens) = self.context.tokenize(text, text.len() + 1) {
            self.prompt.extend(tokens);
        }
    }

    /// Recognises 16 kHz mono sound of at most 30 s. Where a careful look gives a doubtful text, it takes another one with the
    /// encoder's whole context: slower, and never fooled by where the sound ends.
    ///
    /// # Errors
    /// It was aborted, or whisper failed.
    pub fn hear(&mut self, samples: &[f32], care: Care) -> Result<Heard> {
        let seconds = samples.len() as f64 / f64::from(RATE);
        let context = care.context(seconds);
        let heard = self.hear_in(samples, context, care)?;
        if care == Care::Quick {
            return Ok(Heard { text: said_once(&heard.text).to_owned(), ..heard });
        }
        let complete = heard.tokens as f64 >= seconds * LEAST_TOKENS;
        if context == WHOLE_CONTEXT || (heard.log_probability >= DOUBTED && complete) {
            return Ok(heard);
        }
        let again = self.hear_in(samples, WHOLE_CONTEXT, care)?;
        Ok(if again.log_probability > heard.log_probability { again } else { heard })
    }

    fn hear_in(&mut self, samples: &[f32], context: usize, care: Care) -> Result<Heard> {
        let seconds = samples.len() as f64 / f64::from(RATE);
        let mut parameters: FullParams<'_, '_> = self.parameters.clone();
        parameters.set_audio_ctx(i32::try_from(context)?);
        // People say at most some eight tokens a second; a loop of the same word ends here.
        parameters.set_max_tokens((seconds * 10.0) as i32 + 16);
        // A text that whisper finds poor is tried once more, with chance; a quick look is not worth it.
        parameters.set_temperature_inc(if care == Care::Whole { 0.6 } else { 0.0 });
        parameters.set_tokens(&self.prompt);
        self.state.full(parameters, samples).context("the recogniser failed; the next sentence is tried again")?;
        let mut heard = Heard {
            language: whisper_rs::get_lang_str(self.state.full_lang_id_from_state()).unwrap_or_default(),
            ..Heard::default()
        };
        let mut sum = 0.0;
        for segment in self.state.as_iter() {
            heard.text.push_str(&segment.to_str_lossy().unwrap_or_default());
            heard.no_speech = heard.no_speech.max(segment.no_speech_probability());
            for token in (0..segment.n_tokens()).filter_map(|i| segment.get_token(i)) {
                if token.token_id() < self.end_of_text {
                    sum += token.token_probability().max(1e-9).ln();
                    heard.tokens += 1;
                }
            }
        }
        heard.text = heard.text.trim().to_owned();
        heard.log_probability = if heard.tokens > 0 { sum / heard.tokens as f32 } else { 0.0 };
        Ok(heard)
    }
}

/// A text without its repetition: with a short context whisper likes to say everything twice.
fn said_once(text: &str) -> &str {
    let middle = text.char_indices().map(|(i, _)| i).filter(|i| text.get(*i..).is_some_and(|t| t.starts_with(' ')));
    for i in middle {
        let (first, second) = text.split_at(i);
        let words = |t: &str| -> Vec<String> {
            t.split_whitespace().map(|w| w.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase()).collect()
        };
        let (a, b) = (words(first), words(second));
        if a.len() >= 3 && a == b {
            return first;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_heard_twice_is_said_once() {
        assert_eq!(said_once("Set blue in A1 again. set blue in A1 again."), "Set blue in A1 again.");
        for text in ["no, no", "Set blue in A1 again.", "", "good morning good evening", "é é é é"] {
            assert_eq!(said_once(text), text);
        }
    }

    #[test]
    fn the_context_grows_with_the_sound_up_to_the_whole() {
        assert_eq!(Care::Whole.context(4.0), 576);
        assert!(Care::Quick.context(4.0) < Care::Whole.context(4.0));
        assert_eq!(Care::Whole.context(25.0), WHOLE_CONTEXT);
    }
}
