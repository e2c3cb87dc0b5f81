//! Looks a ggml file over before whisper.cpp does: its reader trusts sizes, and throws or aborts on some that are wrong.
//!
//! The format is that of whisper.cpp's `convert-pt-to-ggml.py` and `whisper_model_load`.

use anyhow::{Context, Result, bail, ensure};
use std::collections::HashSet;
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;

/// "ggml" as a little-endian number.
const MAGIC: i32 = 0x6767_6d6c;

/// Layers and width of the sizes that exist: tiny, base, small, medium, large (and turbo).
const SIZES: [(i32, i32); 5] = [(4, 384), (6, 512), (12, 768), (24, 1024), (32, 1280)];

/// Weights as whole numbers carry their packing's version in the thousands (`GGML_QNT_VERSION_FACTOR`).
const VERSION_FACTOR: i32 = 1000;

/// Tensor types that whisper's files use: number, values in a block, bytes of a block (`ggml.h`, `ggml-common.h`).
const TYPES: [(i32, u64, u64); 7] =
    [(0, 1, 4), (1, 1, 2), (2, 32, 18), (3, 32, 20), (6, 32, 22), (7, 32, 24), (8, 32, 34)];

/// The types of a whole file (`ggml_ftype`): f32, f16, q4_0, q4_1, q8_0, q5_0, q5_1.
const FILE_TYPES: [i32; 7] = [0, 1, 2, 3, 7, 8, 9];

/// Checks that the file is a whole whisper model.
///
/// # Errors
/// One sentence: the file is missing, is something else, or is cut off.
pub fn check(path: &Path) -> Result<()> {
    let shown = path.display();
    let file = match File::open(path) {
        Ok(file) => file,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            bail!(
                "the recogniser's model {shown} is missing; run `vasa models install whisper`, or name a ggml file in the settings"
            )
        }
        Err(e) => bail!("the recogniser's model {shown} cannot be read ({e}); check its permissions"),
    };
    let length = file.metadata().map(|m| if m.is_file() { m.len() } else { 0 }).unwrap_or(0);
    Reader { file: BufReader::new(file), at: 0, length }.model().map_err(|e| {
        anyhow::anyhow!("{shown} is no whisper model ({e:#}); name a whole ggml file of whisper.cpp in the settings")
    })
}

struct Reader {
    file: BufReader<File>,
    at: u64,
    length: u64,
}

impl Reader {
    fn model(mut self) -> Result<()> {
        ensure!(self.number()? == MAGIC, "it does not begin with \"ggml\"");
        let [vocabulary, audio_context, audio_state, audio_heads, audio_layers] = self.numbers()?;
        let [text_context, text_state, text_heads, text_layers, mels, file_type] = self.numbers()?;
        let known = SIZES.contains(&(audio_layers, audio_state))
            && (51_864..=51_866).contains(&vocabulary)
            && (audio_context, text_context) == (1500, 448)
            && text_state == audio_state
            && (audio_heads, text_heads) == (audio_state / 64, text_state / 64)
            && (1..=audio_layers).contains(&text_layers)
            && [80, 128].contains(&mels)
            && file_type >= 0
            && FILE_TYPES.contains(&(file_type % VERSION_FACTOR));
        ensure!(known, "its sizes are those of no whisper model");
        let [filters, bins] = self.numbers()?;
        ensure!((filters, bins) == (mels, 201), "it has {filters} x {bins} mel filters");
        self.skip(u64::from(filters.unsigned_abs()) * u64::from(bins.unsigned_abs()) * 4)?;
        let tokens = self.number()?;
        ensure!((1..=vocabulary).contains(&tokens), "it has {tokens} tokens");
        for _ in 0..tokens {
            let length = self.number()?;
            ensure!((0..=1024).contains(&length), "a token of {length} bytes");
            self.skip(u64::from(length.unsigned_abs()))?;
        }
        let mut names = HashSet::new();
        // Every layer of the encoder has 15 tensors, of the decoder 24; 4 and 7 more stand outside of them.
        let wanted = 11 + 15 * audio_layers + 24 * text_layers;
        while self.at < self.length {
            ensure!(names.insert(self.tensor()?), "a tensor is there twice");
        }
        ensure!(names.len() == usize::try_from(wanted)?, "it has {} of {wanted} tensors", names.len());
        Ok(())
    }

    /// Passes over a tensor; its name.
    fn tensor(&mut self) -> Result<Vec<u8>> {
        let [dimensions, name_length, kind] = self.numbers()?;
        ensure!((1..=3).contains(&dimensions), "a tensor of {dimensions} dimensions");
        ensure!((1..=64).contains(&name_length), "a tensor's name of {name_length} bytes");
        let (_, block, bytes) =
            TYPES.into_iter().find(|t| t.0 == kind).with_context(|| format!("a tensor of the unknown type {kind}"))?;
        let mut values = 1_u64;
        for _ in 0..dimensions {
            let size = self.number()?;
            ensure!((1..=1 << 20).contains(&size), "a tensor's side of {size}");
            values = values.saturating_mul(u64::from(size.unsigned_abs()));
        }
        let mut name = vec![0; usize::try_from(name_length)?];
        self.file.read_exact(&mut name).context("it is cut off")?;
        self.at += name.len() as u64;
        self.skip((values / block).saturating_mul(bytes))?;
        Ok(name)
    }

    fn number(&mut self) -> Result<i32> {
        let [number] = self.numbers()?;
        Ok(number)
    }

    fn numbers<const N: usize>(&mut self) -> Result<[i32; N]> {
        let mut numbers = [0; N];
        for number in &mut numbers {
            let mut bytes = [0; 4];
            self.file.read_exact(&mut bytes).context("it is cut off")?;
            *number = i32::from_le_bytes(bytes);
            self.at += 4;
        }
        Ok(numbers)
    }

    fn skip(&mut self, bytes: u64) -> Result<()> {
        self.at = self.at.saturating_add(bytes);
        ensure!(self.at <= self.length, "it is cut off");
        match i64::try_from(bytes) {
            Ok(forward) => self.file.seek_relative(forward).context("it is cut off"),
            Err(_) => self.file.seek(SeekFrom::Start(self.at)).map(drop).context("it is cut off"),
        }
    }
}
