//! What every voice is: a sentence in, first what will be heard when, then the sound, piece by piece as it is made.

use crate::clock::Moment;
use anyhow::{Result, ensure};
use std::ops::ControlFlow;

/// A phoneme and when it sounds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Phone {
    /// A sign of the International Phonetic Alphabet, as espeak-ng writes it; one without its marks of stress and length.
    pub symbol: char,
    /// In an [`Outline`] counted from the sentence's first sample, on the timeline the moment at which it is heard.
    pub from: Moment,
    pub to: Moment,
}

/// What is known of a sentence before its sound is made.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outline {
    /// Samples a second.
    pub rate: u32,
    /// Samples in the whole sentence, exactly.
    pub samples: usize,
    /// The phonemes in their order; empty where the voice does not tell.
    pub phones: Vec<Phone>,
}

impl Outline {
    /// Leaves out the first samples.
    pub(super) fn skip(&mut self, samples: usize) {
        let samples = samples.min(self.samples);
        self.samples -= samples;
        let by = Moment::of_sample(samples as u64, self.rate).0;
        for phone in &mut self.phones {
            (phone.from, phone.to) = (Moment((phone.from.0 - by).max(0)), Moment((phone.to.0 - by).max(0)));
        }
        self.phones.retain(|p| p.to > p.from);
    }
}

/// What a voice gives of a sentence: one outline, then sound until it is complete.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Piece<'a> {
    Outline(&'a Outline),
    /// The next samples; mono, -1..1.
    Sound(&'a [f32]),
}

/// Takes the pieces of a sentence as they are made. `Break` ends the sentence: nobody wants to hear the rest.
pub type Ear<'e> = dyn FnMut(Piece<'_>) -> ControlFlow<()> + 'e;

/// Something that speaks.
pub trait Voice: Send {
    /// Speaks one sentence `rate` times as fast as is natural for the voice (0.5..2): gives `ear` the outline, then the sound.
    ///
    /// # Errors
    /// The voice failed; what was given before that stays true.
    fn speak(&mut self, sentence: &str, rate: f64, ear: &mut Ear<'_>) -> Result<()>;
}

/// A voice's sound, whole.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Speech {
    /// Mono, -1..1.
    pub samples: Vec<f32>,
    /// Samples a second.
    pub rate: u32,
    /// When which phoneme is heard, from the first sample on; empty where the voice does not tell.
    pub phones: Vec<Phone>,
}

impl Speech {
    /// Length in seconds.
    pub fn seconds(&self) -> f64 {
        self.samples.len() as f64 / f64::from(self.rate.max(1))
    }

    /// Appends a sentence, after `pause` seconds of silence where something stands before it.
    ///
    /// # Errors
    /// The voice failed, or changed its sample rate.
    pub(super) fn append(&mut self, voice: &mut dyn Voice, sentence: &str, rate: f64, pause: f64) -> Result<()> {
        let mut outline = Outline::default();
        let mut sound = Vec::new();
        voice.speak(sentence, rate, &mut |piece| {
            match piece {
                Piece::Outline(o) => outline = o.clone(),
                Piece::Sound(s) => sound.extend_from_slice(s),
            }
            ControlFlow::Continue(())
        })?;
        if self.rate == 0 {
            self.rate = outline.rate;
        } else {
            self.samples.resize(self.samples.len() + (pause * f64::from(self.rate)) as usize, 0.0);
        }
        ensure!(outline.rate == self.rate, "the voice changed its sample rate; choose another voice");
        let start = Moment::of_sample(self.samples.len() as u64, self.rate);
        let shifted = |p: &Phone| Phone { from: Moment(p.from.0 + start.0), to: Moment(p.to.0 + start.0), ..*p };
        self.phones.extend(outline.phones.iter().map(shifted));
        self.samples.extend(sound);
        Ok(())
    }
}

/// Gives a sentence whose sound is there already.
pub(super) fn give_whole(samples: &[f32], rate: u32, ear: &mut Ear<'_>) {
    let outline = Outline { rate, samples: samples.len(), phones: Vec::new() };
    if ear(Piece::Outline(&outline)).is_continue() {
        let _ = ear(Piece::Sound(samples));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_of_a_sentence_is_left_out_of_its_phonemes_too() {
        let phone = |symbol, from, to| Phone { symbol, from: Moment(from), to: Moment(to) };
        let mut outline =
            Outline { rate: 1000, samples: 100, phones: vec![phone('a', 0, 10_000), phone('b', 10_000, 60_000)] };
        outline.skip(20);
        assert_eq!(outline, Outline { rate: 1000, samples: 80, phones: vec![phone('b', 0, 40_000)] });
    }
}
