//! When which phoneme sounds, from the frames that the network gives to each of its ids.

/// A phoneme in frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PhoneFrames {
    pub symbol: char,
    pub from: usize,
    pub to: usize,
}

/// What an id is to the ear.
enum Role {
    /// A sound of its own.
    Sound(char),
    /// Belongs to the sound before it: length, combining marks, and a word's end, which is no pause.
    Before,
    /// Belongs to the sound after it: stress.
    After,
    /// Silence: signs of pause, the beginning and the end.
    Pause,
    /// The network's filling between two others: half belongs to either.
    Filling,
}

/// The phonemes in their order, from those of the ids (None: a sign of the network's own) and the ids' frames.
pub fn phones(phonemes: &[Option<char>], frames: &[usize]) -> Vec<PhoneFrames> {
    let mut all: Vec<PhoneFrames> = Vec::new();
    // Where the sound began that a stress announces.
    let mut announced = None;
    for (role, from, to) in spans(phonemes, frames) {
        match role {
            Role::Sound(symbol) => all.push(PhoneFrames { symbol, from: announced.take().unwrap_or(from), to }),
            Role::Before => {
                if let Some(phone) = all.last_mut().filter(|p| p.to == from) {
                    phone.to = to;
                }
            }
            Role::After => announced = announced.or(Some(from)),
            Role::Pause | Role::Filling => announced = None,
        }
    }
    all
}

/// What is no filling, each with its frames; they follow each other without a gap.
fn spans(phonemes: &[Option<char>], frames: &[usize]) -> Vec<(Role, usize, usize)> {
    let last = phonemes.len().saturating_sub(1);
    let mut all: Vec<(Role, usize, usize)> = Vec::new();
    let (mut at, mut from) = (0, 0);
    for (i, (phoneme, frames)) in phonemes.iter().zip(frames).enumerate() {
        let end = at + frames;
        match role(*phoneme, i == 0 || i == last) {
            Role::Filling => {
                from = at + frames / 2;
                if let Some(before) = all.last_mut() {
                    before.2 = from;
                }
            }
            role => {
                all.push((role, from, end));
                from = end;
            }
        }
        at = end;
    }
    all
}

fn role(phoneme: Option<char>, at_the_edge: bool) -> Role {
    match phoneme {
        None if at_the_edge => Role::Pause,
        None => Role::Filling,
        Some('ˈ' | 'ˌ') => Role::After,
        Some('ː' | 'ˑ' | ' ' | '-' | '\'') => Role::Before,
        Some(c) if is_mark(c) => Role::Before,
        Some(c) if c.is_alphabetic() => Role::Sound(c),
        Some(_) => Role::Pause,
    }
}

/// Signs that change the one before them: combining marks and raised letters.
fn is_mark(c: char) -> bool {
    matches!(u32::from(c), 0x300..=0x36F | 0x2B0..=0x2FF | 0x1D2C..=0x1D6A)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The phonemes with their filling, and one frame count for all.
    fn spoken(phonemes: &str, frames: usize) -> Vec<(char, usize, usize)> {
        let mut ids = vec![None, None];
        ids.extend(phonemes.chars().flat_map(|c| [Some(c), None]));
        ids.push(None);
        let frames = vec![frames; ids.len()];
        phones(&ids, &frames).into_iter().map(|p| (p.symbol, p.from, p.to)).collect()
    }

    #[test]
    fn phonemes_follow_each_other_without_a_gap_and_pauses_are_gaps() {
        // Of each 2 frames: begin 0, filling 2, a 4, filling 6, b 8, filling 10, comma 12, filling 14, a 16, filling 18, end 20.
        assert_eq!(spoken("ab,a", 2), [('a', 3, 7), ('b', 7, 11), ('a', 15, 19)]);
    }

    #[test]
    fn stress_length_and_word_ends_belong_to_their_sounds() {
        // begin 0, filling 2, ˈ 4, filling 6, a 8, filling 10, ː 12, filling 14, space 16, filling 18, b 20, filling 22, end.
        assert_eq!(spoken("ˈaː b", 2), [('a', 3, 19), ('b', 19, 23)]);
        assert_eq!(spoken("", 2), []);
        assert_eq!(spoken(".", 2), []);
    }

    #[test]
    fn no_frames_are_no_phones() {
        assert_eq!(phones(&[None, Some('a'), None], &[]), []);
    }
}
