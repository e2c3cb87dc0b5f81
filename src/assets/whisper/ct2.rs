//! Reading CTranslate2's `model.bin`, version 6 (`src/models/model.cc`, `Model::load`).

use anyhow::{Context, Result, bail, ensure};
use half::f16;
use std::collections::HashMap;
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom, Write};
use std::path::Path;

const VERSION: u32 = 6;
const SPECIFICATION: &str = "WhisperSpec";

/// More than the largest model has; what a damaged file claims beyond this is not believed.
const MOST_VARIABLES: u32 = 10_000;
const MOST_SIDES: usize = 4;

/// Values that pass through memory at once.
const PIECE: usize = 1 << 16;

/// The numbers in a file.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Number {
    Single,
    Half,
}

impl Number {
    const fn bytes(self) -> u64 {
        match self {
            Number::Single => 4,
            Number::Half => 2,
        }
    }
}

struct Variable {
    shape: Vec<usize>,
    /// None: whole numbers, which only settings of the model are.
    number: Option<Number>,
    at: u64,
}

/// One of several equal parts of a tensor, along its first side.
#[derive(Clone, Copy)]
pub struct Rows {
    pub part: usize,
    pub of: usize,
}

impl Rows {
    pub const ALL: Rows = Rows { part: 0, of: 1 };
}

/// An open file of weights.
pub struct Weights {
    file: BufReader<File>,
    variables: HashMap<String, Variable>,
}

impl Weights {
    /// Reads where everything lies.
    ///
    /// # Errors
    /// The file cannot be read, is of another kind or version, or is cut off.
    pub fn open(path: &Path) -> Result<Self> {
        let file = File::open(path)?;
        let length = file.metadata()?.len();
        let mut reader = Self { file: BufReader::new(file), variables: HashMap::new() };
        let version = reader.u32()?;
        ensure!(version == VERSION, "its version is {version}, not {VERSION}");
        let specification = reader.string()?;
        ensure!(specification == SPECIFICATION, "it is a \"{specification}\", not a {SPECIFICATION}");
        let _revision = reader.u32()?;
        let count = reader.u32()?;
        ensure!(count <= MOST_VARIABLES, "it claims {count} tensors");
        for _ in 0..count {
            let (name, variable) = reader.variable(length)?;
            reader.variables.insert(name, variable);
        }
        Ok(reader)
    }

    fn variable(&mut self, length: u64) -> Result<(String, Variable)> {
        let name = self.string()?;
        let sides = usize::from(self.u8()?);
        ensure!(sides <= MOST_SIDES, "\"{name}\" has {sides} dimensions");
        let shape = (0..sides).map(|_| Ok(self.u32()? as usize)).collect::<Result<Vec<_>>>()?;
        // `DataType` in include/ctranslate2/types.h.
        let number = match self.u8()? {
            0 => Some(Number::Single),
            4 => Some(Number::Half),
            _ => None,
        };
        let bytes = u64::from(self.u32()?);
        let at = self.file.stream_position()?;
        ensure!(at.saturating_add(bytes) <= length, "it is cut off in \"{name}\"");
        if let Some(number) = number {
            let values = shape.iter().try_fold(1_u64, |n, side| n.checked_mul(*side as u64));
            let wanted = values.and_then(|n| n.checked_mul(number.bytes()));
            ensure!(wanted == Some(bytes), "\"{name}\" has {bytes} bytes, its shape wants another number");
        }
        self.file.seek_relative(i64::try_from(bytes)?)?;
        Ok((name, Variable { shape, number, at }))
    }

    fn find(&self, name: &str) -> Result<&Variable> {
        self.variables.get(name).with_context(|| format!("it has no \"{name}\""))
    }

    /// The shape of a tensor that must have `N` sides.
    pub fn shape<const N: usize>(&self, name: &str) -> Result<[usize; N]> {
        let shape = &self.find(name)?.shape;
        <[usize; N]>::try_from(shape.as_slice()).map_err(|_| anyhow::anyhow!("\"{name}\" has the shape {shape:?}"))
    }

    /// How many layers the encoder or the decoder has.
    pub fn layers(&self, side: &str) -> usize {
        (0..).take_while(|i| self.variables.contains_key(&format!("{side}/layer_{i}/ffn/linear_0/weight"))).count()
    }

    /// The shape of a part of a tensor.
    pub fn rows(&self, name: &str, rows: Rows) -> Result<Vec<usize>> {
        let mut shape = self.find(name)?.shape.clone();
        let first = shape.first_mut().with_context(|| format!("\"{name}\" is a single number"))?;
        ensure!(first.is_multiple_of(rows.of), "\"{name}\" cannot be cut into {} parts", rows.of);
        *first /= rows.of;
        Ok(shape)
    }

    /// Writes a part of a tensor, in half or single precision.
    pub fn copy(&mut self, name: &str, rows: Rows, half: bool, to: &mut impl Write) -> Result<()> {
        let values = self.rows(name, rows)?.iter().product::<usize>();
        let variable = self.find(name)?;
        let Some(number) = variable.number else { bail!("\"{name}\" is in whole numbers; half precision is needed") };
        let at = variable.at + (rows.part * values) as u64 * number.bytes();
        self.file.seek(SeekFrom::Start(at))?;
        let mut bytes = vec![0; PIECE * 4];
        let mut left = values;
        while left > 0 {
            let now = left.min(PIECE);
            let piece = bytes.get_mut(..now * number.bytes() as usize).unwrap_or_default();
            self.file.read_exact(piece).with_context(|| format!("it is cut off in \"{name}\""))?;
            match (number, half) {
                (Number::Half, true) | (Number::Single, false) => to.write_all(piece)?,
                (Number::Half, false) => {
                    for value in piece.as_chunks::<2>().0 {
                        to.write_all(&f16::from_le_bytes(*value).to_f32().to_le_bytes())?;
                    }
                }
                (Number::Single, true) => {
                    for value in piece.as_chunks::<4>().0 {
                        to.write_all(&f16::from_f32(f32::from_le_bytes(*value)).to_le_bytes())?;
                    }
                }
            }
            left -= now;
        }
        Ok(())
    }

    fn bytes<const N: usize>(&mut self) -> Result<[u8; N]> {
        let mut bytes = [0; N];
        self.file.read_exact(&mut bytes).context("it is cut off")?;
        Ok(bytes)
    }

    fn u8(&mut self) -> Result<u8> {
        Ok(u8::from_le_bytes(self.bytes()?))
    }

    fn u32(&mut self) -> Result<u32> {
        Ok(u32::from_le_bytes(self.bytes()?))
    }

    /// A length, the text, a zero that the length counts.
    fn string(&mut self) -> Result<String> {
        let length = u16::from_le_bytes(self.bytes()?);
        let mut text = vec![0; usize::from(length)];
        self.file.read_exact(&mut text).context("it is cut off")?;
        text.pop();
        String::from_utf8(text).context("a name in it is no text")
    }
}
