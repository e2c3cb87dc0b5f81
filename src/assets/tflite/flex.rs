//! Reading of FlexBuffers, in which the settings of an operator that is not TensorFlow's own are kept: a map of names to whole
//! numbers, numbers and vectors of whole numbers. The layout is that of FlatBuffers' `docs/source/flatbuffers/internals.md`.

use anyhow::{Context, Result, bail, ensure};

/// A map from names to values.
pub struct Map<'b> {
    bytes: &'b [u8],
    /// Where its values begin, how many bytes each has, how many they are.
    values: usize,
    width: usize,
    length: usize,
    /// Where the names' offsets begin, and how many bytes each has.
    names: usize,
    names_width: usize,
}

/// Kinds of values: the upper six bits of their type.
const INT: u8 = 1;
const UINT: u8 = 2;
const FLOAT: u8 = 3;
const MAP: u8 = 9;
const INTS: u8 = 11;
const UINTS: u8 = 12;

impl<'b> Map<'b> {
    /// Reads the map that `bytes` are.
    pub fn read(bytes: &'b [u8]) -> Result<Self> {
        let [.., kind, width] = *bytes else { bail!("it has settings that are cut off") };
        ensure!(kind >> 2 == MAP, "it has settings that are no map");
        let root = bytes.len().checked_sub(2 + usize::from(width)).context("it has settings that are cut off")?;
        let values = back(bytes, root, usize::from(width))?;
        let width = 1 << (kind & 3);
        // Before the values: the offset of the names, their width, how many they are.
        let before = |n: usize| values.checked_sub(n * width).context("it has settings that are cut off");
        let length = whole(bytes, before(1)?, width)?;
        let names_width = whole(bytes, before(2)?, width)?;
        let names = back(bytes, before(3)?, width)?;
        ensure!(length <= bytes.len(), "it has more settings than bytes");
        Ok(Self { bytes, values, width, length, names, names_width })
    }

    /// Where the value of that name lies, and its type.
    fn find(&self, name: &str) -> Result<(usize, u8)> {
        for i in 0..self.length {
            let at = back(self.bytes, self.names + i * self.names_width, self.names_width)?;
            let found = self.bytes.get(at..).and_then(|rest| rest.split(|b| *b == 0).next());
            if found == Some(name.as_bytes()) {
                let kind = self.bytes.get(self.values + self.length * self.width + i);
                return Ok((self.values + i * self.width, *kind.context("it has settings that are cut off")?));
            }
        }
        bail!("it has no setting \"{name}\"")
    }

    pub fn number(&self, name: &str) -> Result<f32> {
        let (at, kind) = self.find(name)?;
        match (kind >> 2, self.width) {
            (INT | UINT, width) => Ok(whole(self.bytes, at, width)? as f32),
            (FLOAT, 4) => Ok(f32::from_le_bytes(chunk(self.bytes, at)?)),
            _ => bail!("its setting \"{name}\" is no number"),
        }
    }

    pub fn whole(&self, name: &str) -> Result<usize> {
        let (at, kind) = self.find(name)?;
        ensure!(matches!(kind >> 2, INT | UINT), "its setting \"{name}\" is no whole number");
        whole(self.bytes, at, self.width)
    }

    pub fn wholes(&self, name: &str) -> Result<Vec<usize>> {
        let (at, kind) = self.find(name)?;
        ensure!(matches!(kind >> 2, INTS | UINTS), "its setting \"{name}\" is no vector of whole numbers");
        let (from, width) = (back(self.bytes, at, self.width)?, 1 << (kind & 3));
        let length = from.checked_sub(width).context("it has settings that are cut off")?;
        let length = whole(self.bytes, length, width)?;
        ensure!(length <= self.bytes.len(), "its setting \"{name}\" is cut off");
        (0..length).map(|i| whole(self.bytes, from + i * width, width)).collect()
    }
}

fn chunk<const N: usize>(bytes: &[u8], at: usize) -> Result<[u8; N]> {
    let end = at.checked_add(N).context("it has settings that are cut off")?;
    bytes.get(at..end).and_then(|b| b.try_into().ok()).context("it has settings that are cut off")
}

/// A whole number that is not negative.
fn whole(bytes: &[u8], at: usize, width: usize) -> Result<usize> {
    Ok(match width {
        1 => chunk::<1>(bytes, at)?[0].into(),
        2 => u16::from_le_bytes(chunk(bytes, at)?).into(),
        4 => u32::from_le_bytes(chunk(bytes, at)?) as usize,
        _ => bail!("it has a setting of {width} bytes"),
    })
}

/// Where the offset at `at`, which leads backwards, ends.
fn back(bytes: &[u8], at: usize, width: usize) -> Result<usize> {
    at.checked_sub(whole(bytes, at, width)?).context("it has settings with an offset before their beginning")
}
