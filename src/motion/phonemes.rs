//! What the lips do for each sound of speech, in the network's channels (0 is the least that a speaker does, 1 the most).
//!
//! The signs are those of the International Phonetic Alphabet as espeak-ng writes them. Which sounds close, touch and round is
//! textbook phonetics (Ladefoged and Johnson, A Course in Phonetics); how far was chosen by eye on the avatar that ships.

/// What a sound asks of the lips. What it does not ask for is the network's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Gesture {
    /// The lips meet. The share of the sound after which they part: an aspirated p sounds on with open lips.
    Seal { parts_at: f32 },
    /// The lower lip touches the upper teeth.
    Bite,
    /// The lips are rounded or spread.
    Shape(Target),
}

/// A shape of the mouth, and how much it weighs against the network's 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Target {
    /// The lips open at least so far where `opens`, about so far where not.
    pub aperture: f32,
    pub aperture_weight: f32,
    pub opens: bool,
    pub width: f32,
    pub protrude: f32,
    /// For width and protrusion.
    pub round_weight: f32,
}

/// Opens the lips at least by `aperture` and leaves their shape to the network.
const fn open(aperture: f32, weight: f32) -> Gesture {
    let target =
        Target { aperture, aperture_weight: weight, opens: true, width: 0.0, protrude: 0.0, round_weight: 0.0 };
    Gesture::Shape(target)
}

const fn shape(aperture: f32, aperture_weight: f32, opens: bool, width: f32, protrude: f32, weight: f32) -> Gesture {
    Gesture::Shape(Target { aperture, aperture_weight, opens, width, protrude, round_weight: weight })
}

/// The gesture of a sound; none for what is no sound: marks, pauses, signs of tone.
pub fn gesture(symbol: char) -> Option<Gesture> {
    Some(match symbol {
        'b' | 'm' | 'ɓ' | 'ʙ' => Gesture::Seal { parts_at: 1.0 },
        'p' => Gesture::Seal { parts_at: 0.0 },
        'f' | 'v' | 'ɱ' | 'ʋ' => Gesture::Bite,
        'w' | 'ʍ' | 'u' | 'ʊ' | 'y' | 'ʏ' | 'ɥ' | 'ʉ' | 'ɸ' | 'β' => shape(0.22, 1.2, false, -0.35, 1.3, 2.5),
        'o' | 'ɔ' | 'ɵ' | 'ø' | 'œ' | 'ɞ' | 'ɤ' => shape(0.50, 1.0, true, -0.15, 1.1, 1.8),
        'ɒ' => shape(0.60, 1.0, true, 0.05, 0.8, 1.2),
        'ʃ' | 'ʒ' | 'ʂ' | 'ʐ' | 'ɕ' | 'ʑ' => shape(0.30, 0.8, true, 0.0, 1.1, 1.6),
        'ɹ' | 'ɻ' | 'ɚ' | 'ɝ' => shape(0.28, 0.8, true, 0.0, 0.9, 1.8),
        'i' | 'ɪ' | 'e' | 'ɨ' | 'ᵻ' | 'j' => shape(0.35, 0.8, true, 0.85, 0.25, 0.8),
        's' | 'z' => shape(0.24, 1.0, true, 0.62, 0.30, 0.6),
        'a' | 'ɑ' | 'æ' | 'ä' => open(0.80, 1.3),
        'ʌ' | 'ɛ' | 'ɜ' => open(0.60, 1.2),
        'ə' | 'ɐ' => open(0.40, 1.0),
        // Other consonants are made by the tongue: the lips only have to let it be heard.
        't' | 'd' | 'n' | 'k' | 'ɡ' | 'g' | 'ŋ' | 'l' | 'ɫ' | 'r' | 'ɾ' | 'θ' | 'ð' | 'h' | 'x' | 'χ' | 'ʁ' | 'ʀ'
        | 'ɣ' | 'ç' | 'ɲ' | 'ʎ' | 'ɟ' | 'c' | 'ʝ' | 'q' | 'ɖ' | 'ʈ' | 'ɳ' | 'ɭ' | 'ɽ' | 'ɴ' | 'ħ' | 'ɦ' | 'ɬ' | 'ɯ'
        | 'ɰ' => open(0.22, 1.2),
        _ => return None,
    })
}

/// Whether a sign makes the sound before it longer or colours it.
pub fn prolongs(symbol: char) -> bool {
    matches!(symbol, 'ː' | 'ˑ' | ':' | '\u{300}'..='\u{36f}' | 'ʰ' | 'ʲ' | 'ʷ' | 'ˤ' | '˞')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sound_of_english_has_a_gesture_and_no_mark_has_one() {
        // The phonemes that espeak-ng's en-us writes.
        for c in "pbtdkɡfvθðszʃʒhmnŋlɹjwiɪeɛæɑɔoʊuʌəɚɜɐᵻaɾ".chars() {
            assert!(gesture(c).is_some(), "{c}");
        }
        for c in " _^$ˈˌː.,?!-()\u{303}\u{329}".chars() {
            assert_eq!(gesture(c), None, "{c:?}");
        }
        assert!(prolongs('ː') && prolongs('\u{303}') && !prolongs('ˈ') && !prolongs('_'));
    }
}
