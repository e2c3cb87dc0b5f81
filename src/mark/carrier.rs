//! The form of the invisible mark: a square tile of faint grain that repeats over the picture.
//!
//! The tile is [`TILE`] lines long, of a picture whose smaller side has [`LINES`] lines; it grows and shrinks with the picture. Its
//! spectrum holds waves of [`SHORTEST`] to [`LONGEST`] lines: finer ones do not survive a video call, coarser ones are seen. Each
//! wave (a pair of frequencies in the half plane) carries two signs, in its cosine and in its sine. Two waves in five carry signs
//! that never change, by which the mark is found wherever it lies in a picture; the others carry the coded payload, each coded bit
//! two or three times.
//!
//! All signs are drawn from SHA-256 in counter mode: anyone can find and read the mark, and no picture is like it by chance
//! (`detect/odds.rs`).

use super::code::CODED;
use sha2::{Digest, Sha256};

/// Lines of the smaller side of the picture that the other lengths are counted in.
pub const LINES: f32 = 720.0;

/// Lines of a tile, and samples of it in one direction.
pub const TILE: usize = 256;

/// The shortest and the longest wave, in lines.
pub const SHORTEST: f32 = 9.0;
pub const LONGEST: f32 = 36.0;

/// What the signs are drawn from; another word, another mark.
const SEED: &[u8] = b"vasa-camera invisible mark v1";

/// Two of five waves carry the fixed signs.
const FIXED: (usize, usize) = (2, 5);

/// One wave.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Wave {
    /// Whole turns in a tile to the right and downwards; down is never negative.
    pub right: i32,
    pub down: i32,
    pub signs: Signs,
}

/// What the cosine and the sine of a wave carry.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Signs {
    /// Two signs, 1 or -1, that are always the same.
    Fixed([f32; 2]),
    /// For each: which coded bit, and the sign that stands for a one.
    Coded([(usize, f32); 2]),
}

impl Wave {
    /// The signs of cosine and sine, where `coded` are the bits; None where they depend on bits that are not given.
    pub fn signs(&self, coded: Option<&[bool; CODED]>) -> Option<[f32; 2]> {
        match (self.signs, coded) {
            (Signs::Fixed(signs), _) => Some(signs),
            (Signs::Coded(two), Some(coded)) => {
                Some(two.map(|(bit, sign)| if coded.get(bit) == Some(&true) { sign } else { -sign }))
            }
            (Signs::Coded(_), None) => None,
        }
    }
}

/// Random bytes that are the same everywhere.
struct Drawn {
    block: [u8; 32],
    next: usize,
    counter: u64,
}

impl Drawn {
    fn number(&mut self) -> u32 {
        if self.next >= self.block.len() {
            self.block = Sha256::new().chain_update(SEED).chain_update(self.counter.to_be_bytes()).finalize().into();
            self.counter += 1;
            self.next = 0;
        }
        let four = self.block.get(self.next..).and_then(|b| b.first_chunk()).copied().unwrap_or_default();
        self.next += 4;
        u32::from_be_bytes(four)
    }

    fn sign(&mut self) -> f32 {
        if self.number() & 1 == 1 { 1.0 } else { -1.0 }
    }

    /// In an order of chance (Fisher-Yates).
    fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, (u64::from(self.number()) * (last as u64 + 1) >> 32) as usize);
        }
    }
}

/// All waves, in an order of their own that is the same everywhere.
pub fn waves() -> Vec<Wave> {
    let most = (TILE as f32 / SHORTEST) as i32;
    let (low, high) = (TILE as f32 / LONGEST, TILE as f32 / SHORTEST);
    let mut places: Vec<(i32, i32)> = (0..=most)
        .flat_map(|down| (-most..=most).map(move |right| (right, down)))
        // Of each wave and its twin on the other side of the origin, one.
        .filter(|(right, down)| *down > 0 || *right > 0)
        .filter(|(right, down)| (low..=high).contains(&(*right as f32).hypot(*down as f32)))
        .collect();
    let mut drawn = Drawn { block: [0; 32], next: 32, counter: 0 };
    drawn.shuffle(&mut places);
    let fixed = places.len() * FIXED.0 / FIXED.1;
    let mut bits: Vec<usize> = (0..CODED).collect();
    drawn.shuffle(&mut bits);
    let mut bits = bits.into_iter().cycle();
    let mut waves = Vec::with_capacity(places.len());
    for (i, (right, down)) in places.into_iter().enumerate() {
        let signs = [drawn.sign(), drawn.sign()];
        let signs = if i < fixed {
            Signs::Fixed(signs)
        } else {
            Signs::Coded(signs.map(|sign| (bits.next().unwrap_or_default(), sign)))
        };
        waves.push(Wave { right, down, signs });
    }
    waves
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_waves_enough_and_each_stands_once() {
        let waves = waves();
        let coded: Vec<usize> = waves
            .iter()
            .filter_map(|w| if let Signs::Coded(c) = w.signs { Some([c[0].0, c[1].0]) } else { None })
            .flatten()
            .collect();
        assert!(waves.len() > 1000, "{}", waves.len());
        let times = |bit| coded.iter().filter(|c| **c == bit).count();
        assert!((0..CODED).all(|bit| times(bit) >= 2), "every coded bit is there twice");
        let mut places: Vec<_> = waves.iter().map(|w| (w.right, w.down)).collect();
        places.sort_unstable();
        places.dedup();
        assert_eq!(places.len(), waves.len());
        assert!(waves.iter().all(|w| !places.contains(&(-w.right, -w.down)) || (w.right, w.down) == (0, 0)));
    }

    #[test]
    fn the_signs_are_those_of_version_1() {
        // Another order or another sign would be another mark, which no installed program would find.
        let text: String = waves()
            .iter()
            .map(|w| match w.signs {
                Signs::Fixed(s) => format!("{} {} {s:?};", w.right, w.down),
                Signs::Coded(c) => format!("{} {} {c:?};", w.right, w.down),
            })
            .collect();
        let hash = Sha256::digest(text.as_bytes());
        assert_eq!(hash[..4], [0x63, 0xa5, 0x5f, 0x8f], "{hash:02x?}");
    }
}
