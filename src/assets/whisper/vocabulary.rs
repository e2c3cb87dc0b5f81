//! Whisper's pieces of text, from Hugging Face's `tokenizer.json`.

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use std::collections::HashMap;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

/// More than any such file has.
const MOST_BYTES: u64 = 32 << 20;

#[derive(Deserialize)]
struct Tokenizer {
    model: Model,
}

#[derive(Deserialize)]
struct Model {
    vocab: HashMap<String, usize>,
}

/// The bytes of every piece, in order. Whisper's marks, such as "<|endoftext|>", are left out: whisper.cpp adds them itself.
pub fn read(path: &Path) -> Result<Vec<Vec<u8>>> {
    let file = BufReader::new(File::open(path)?.take(MOST_BYTES));
    let mut pieces: Vec<(String, usize)> =
        serde_json::from_reader::<_, Tokenizer>(file)?.model.vocab.into_iter().collect();
    pieces.retain(|(piece, _)| !(piece.starts_with("<|") && piece.ends_with("|>")));
    pieces.sort_by_key(|(_, number)| *number);
    let signs = signs();
    let mut tokens = Vec::with_capacity(pieces.len());
    for (expected, (piece, number)) in pieces.iter().enumerate() {
        ensure!(*number == expected, "its piece number {expected} is missing");
        let bytes = piece.chars().map(|c| signs.get(&c).copied().with_context(|| format!("it has the sign {c:?}")));
        tokens.push(bytes.collect::<Result<Vec<u8>>>()?);
    }
    Ok(tokens)
}

/// GPT-2 writes bytes as printable signs: those that are none get signs from 256 on (`bytes_to_unicode` in its encoder.py).
fn signs() -> HashMap<char, u8> {
    let printable = |b: &u8| matches!(b, b'!'..=b'~' | 0xA1..=0xAC | 0xAE..=0xFF);
    let itself = (0..=u8::MAX).filter(printable).map(|b| (char::from(b), b));
    let others = (0..=u8::MAX).filter(|b| !printable(b)).zip(256_u32..);
    itself.chain(others.filter_map(|(b, sign)| Some((char::from_u32(sign)?, b)))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(json: &str) -> Result<Vec<Vec<u8>>> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), json).unwrap();
        read(file.path())
    }

    #[test]
    fn pieces_become_bytes_in_their_order_without_the_marks() {
        let tokens = of(r#"{"model":{"vocab":{"Ġthe":1,"!":0,"Ã©":2,"<|endoftext|>":3,"":4}}}"#);
        assert!(tokens.is_err(), "a mark in the middle would shift what follows");
        let tokens = of(r#"{"model":{"vocab":{"Ġthe":1,"!":0,"Ã©":2,"":3,"<|endoftext|>":4}}}"#).unwrap();
        assert_eq!(tokens, [b"!".to_vec(), b" the".to_vec(), "é".as_bytes().to_vec(), Vec::new()]);
    }

    #[test]
    fn what_is_no_vocabulary_is_refused() {
        for bad in ["", "[]", r#"{"model":{"vocab":{"a":5}}}"#, r#"{"model":{"vocab":{"日":0}}}"#] {
            assert!(of(bad).is_err(), "{bad}");
        }
    }
}
