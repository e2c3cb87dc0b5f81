//! The eight emotions of the contract, as amounts: what a profile and the steering say of them.

/// An emotion, named by its place in [`Emotions::NAMES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Emotion {
    Neutral,
    Happy,
    Sad,
    Angry,
    Surprised,
    Afraid,
    Disgusted,
    Contempt,
}

/// How much of each emotion, -1..1; 0 is none.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Emotions(pub [f64; Emotions::COUNT]);

impl Emotions {
    pub const COUNT: usize = 8;

    /// As the contract spells them, in the order of [`Emotion`].
    pub const NAMES: [&str; Self::COUNT] =
        ["neutral", "happy", "sad", "angry", "surprised", "afraid", "disgusted", "contempt"];

    /// The emotions that are named; those that are not are 0.
    ///
    /// # Errors
    /// A name that does not exist or is given twice, a value that is no number of -1 to 1: one sentence that names it and what
    /// is accepted.
    pub fn of<N: AsRef<str>>(named: impl IntoIterator<Item = (N, f64)>) -> Result<Self, String> {
        let (mut all, mut seen) = (Self::default(), [false; Self::COUNT]);
        for (name, value) in named {
            let name = name.as_ref();
            let slot = Self::NAMES.iter().position(|n| *n == name);
            let slot = slot.and_then(|i| all.0.get_mut(i).zip(seen.get_mut(i))).ok_or_else(|| {
                let short: String = name.chars().take(60).collect();
                format!("there is no emotion \"{short}\"; use {}", Self::NAMES.join(", "))
            })?;
            if std::mem::replace(slot.1, true) {
                return Err(format!("the emotion {name} is given twice; give it once"));
            }
            if !(-1.0..=1.0).contains(&value) {
                return Err(format!("the emotion {name} is {value}; it must be -1 to 1"));
            }
            *slot.0 = value;
        }
        Ok(all)
    }

    /// Those that are not 0, by name.
    pub fn named(&self) -> impl Iterator<Item = (&'static str, f64)> {
        Self::NAMES.into_iter().zip(self.0).filter(|(_, value)| *value != 0.0)
    }
}

impl std::ops::Index<Emotion> for Emotions {
    type Output = f64;
    fn index(&self, emotion: Emotion) -> &f64 {
        &self.0[emotion as usize]
    }
}

impl std::ops::IndexMut<Emotion> for Emotions {
    fn index_mut(&mut self, emotion: Emotion) -> &mut f64 {
        &mut self.0[emotion as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn emotions_are_named_and_bounded_and_told_back_as_given() {
        let e = Emotions::of([("happy", 0.6), ("sad", -1.0), ("angry", 0.0)]).unwrap();
        assert_eq!((e[Emotion::Happy], e[Emotion::Contempt]), (0.6, 0.0));
        assert_eq!(e.named().collect::<Vec<_>>(), [("happy", 0.6), ("sad", -1.0)]);
        for (name, value, part) in
            [("glad", 0.1, "\"glad\""), ("happy", 1.1, "1.1"), ("happy", f64::NAN, "NaN"), ("Happy", 0.0, "\"Happy\"")]
        {
            let told = Emotions::of([(name, value)]).unwrap_err();
            assert!(told.contains(part), "{told}");
        }
        assert!(Emotions::of([("sad", 0.1), ("sad", 0.2)]).unwrap_err().contains("twice"));
    }
}
