//! Reading the encoder's tensors back from the file that whisper.cpp reads (its layout: [`super`]).

use anyhow::{Context, Result, ensure};
use std::collections::HashMap;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

/// More than such a file has; what a damaged file claims beyond this is not believed.
const LONGEST_NAME: usize = 256;
const MOST_SIDES: usize = 4;
const MOST_BYTES: usize = 256 << 20;

/// A tensor as it lies in the file.
pub struct Tensor {
    /// The slowest side first.
    pub shape: Vec<usize>,
    /// Half precision; else single.
    pub is_half: bool,
    pub bytes: Vec<u8>,
}

/// The tensors whose names begin with `prefix`, by the rest of their names.
///
/// # Errors
/// The file cannot be read, is none of whisper.cpp's, or is cut off.
pub fn read(path: &Path, prefix: &str) -> Result<HashMap<String, Tensor>> {
    let mut file = Reader(BufReader::with_capacity(1 << 20, File::open(path)?));
    ensure!(file.size()? == super::MAGIC as usize, "it is no ggml file");
    for _ in 0..11 {
        file.size()?;
    }
    let filters = file.size()?.saturating_mul(file.size()?);
    file.skip(filters.saturating_mul(4))?;
    for _ in 0..file.size()? {
        let length = file.size()?;
        file.skip(length)?;
    }
    let mut tensors = HashMap::new();
    while let Some(sides) = file.next()? {
        let (length, kind) = (file.size()?, file.size()?);
        ensure!(sides <= MOST_SIDES && length <= LONGEST_NAME && kind <= 1, "it is damaged");
        let mut shape = (0..sides).map(|_| file.size()).collect::<Result<Vec<_>>>()?;
        shape.reverse();
        let name = String::from_utf8(file.bytes(length)?).context("a name in it is no text")?;
        let values = shape.iter().try_fold(1_usize, |n, side| n.checked_mul(*side));
        let size = values.and_then(|n| n.checked_mul(if kind == 1 { 2 } else { 4 })).filter(|n| *n <= MOST_BYTES);
        let size = size.with_context(|| format!("\"{name}\" in it is too large"))?;
        match name.strip_prefix(prefix) {
            Some(rest) => {
                let bytes = file.bytes(size)?;
                tensors.insert(rest.to_owned(), Tensor { shape, is_half: kind == 1, bytes });
            }
            None => file.skip(size)?,
        }
    }
    Ok(tensors)
}

struct Reader(BufReader<File>);

impl Reader {
    /// The next number; None at the end of the file.
    fn next(&mut self) -> Result<Option<usize>> {
        let mut bytes = [0; 4];
        let (first, rest) = bytes.split_at_mut(1);
        if self.0.read(first)? == 0 {
            return Ok(None);
        }
        self.0.read_exact(rest).context("it is cut off")?;
        Ok(Some(u32::from_le_bytes(bytes) as usize))
    }

    fn size(&mut self) -> Result<usize> {
        self.next()?.context("it is cut off")
    }

    fn bytes(&mut self, length: usize) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.0.by_ref().take(length as u64).read_to_end(&mut bytes)?;
        ensure!(bytes.len() == length, "it is cut off");
        Ok(bytes)
    }

    fn skip(&mut self, length: usize) -> Result<()> {
        let skipped = std::io::copy(&mut self.0.by_ref().take(length as u64), &mut std::io::sink())?;
        ensure!(skipped == length as u64, "it is cut off");
        Ok(())
    }
}
