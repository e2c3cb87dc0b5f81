//! Reading of FlatBuffers: tables, vectors and strings where they lie. Every offset is checked, so that a file of any bytes gives a
//! sentence and no panic. The layout is that of FlatBuffers' `docs/source/internals.md`; a field is known by its number in the
//! schema.

use anyhow::{Context, Result, ensure};

/// The bytes of a file.
#[derive(Clone, Copy)]
pub struct Buffer<'b>(pub &'b [u8]);

/// A table: where it begins, and where the places of its fields are listed.
#[derive(Clone, Copy)]
pub struct Table<'b> {
    buffer: Buffer<'b>,
    at: usize,
    fields: usize,
    /// Bytes of that list.
    length: usize,
}

/// A vector of offsets to tables.
#[derive(Clone, Copy)]
pub struct Tables<'b> {
    buffer: Buffer<'b>,
    at: usize,
    length: usize,
}

impl<'b> Buffer<'b> {
    fn bytes<const N: usize>(self, at: usize) -> Result<[u8; N]> {
        let end = at.checked_add(N).context("it has an offset beyond its end")?;
        let bytes = self.0.get(at..end).and_then(|b| b.try_into().ok());
        bytes.with_context(|| format!("it is cut off: it has no byte {at}"))
    }

    fn u16(self, at: usize) -> Result<usize> {
        Ok(u16::from_le_bytes(self.bytes(at)?).into())
    }

    fn u32(self, at: usize) -> Result<usize> {
        Ok(u32::from_le_bytes(self.bytes(at)?) as usize)
    }

    /// Where the offset that stands at `at` leads.
    fn follow(self, at: usize) -> Result<usize> {
        at.checked_add(self.u32(at)?).filter(|to| *to < self.0.len()).context("it has an offset beyond its end")
    }

    /// The table that the file is.
    pub fn root(self) -> Result<Table<'b>> {
        self.table(self.follow(0)?)
    }

    fn table(self, at: usize) -> Result<Table<'b>> {
        let back = i64::from(i32::from_le_bytes(self.bytes(at)?));
        let fields = usize::try_from(at as i64 - back).context("it has an offset before its beginning")?;
        let length = self.u16(fields)?;
        ensure!(length >= 4, "it has a table without a list of fields");
        Ok(Table { buffer: self, at, fields, length })
    }

    /// The bytes of the vector that the offset at `at` leads to, of elements of `size` bytes.
    fn vector(self, at: usize, size: usize) -> Result<&'b [u8]> {
        let at = self.follow(at)?;
        let bytes = self.u32(at)?.checked_mul(size).context("it has a vector beyond its end")?;
        let from = at + 4;
        let end = from.checked_add(bytes).context("it has a vector beyond its end")?;
        self.0.get(from..end).context("it has a vector beyond its end")
    }
}

impl<'b> Table<'b> {
    /// Where a field lies; None: it has its default.
    fn place(&self, field: usize) -> Result<Option<usize>> {
        let slot = 4 + 2 * field;
        if slot + 2 > self.length {
            return Ok(None);
        }
        Ok(match self.buffer.u16(self.fields + slot)? {
            0 => None,
            offset => Some(self.at + offset),
        })
    }

    pub fn byte(&self, field: usize) -> Result<u8> {
        Ok(match self.place(field)? {
            Some(at) => self.buffer.bytes::<1>(at)?[0],
            None => 0,
        })
    }

    /// A whole number of four bytes that is not negative.
    pub fn number(&self, field: usize, default: usize) -> Result<usize> {
        let Some(at) = self.place(field)? else { return Ok(default) };
        let number = i32::from_le_bytes(self.buffer.bytes(at)?);
        usize::try_from(number).with_context(|| format!("it has the number {number} where none below zero can be"))
    }

    pub fn table(&self, field: usize) -> Result<Option<Table<'b>>> {
        self.place(field)?.map(|at| self.buffer.table(self.buffer.follow(at)?)).transpose()
    }

    /// A vector of bytes; empty where there is none.
    pub fn data(&self, field: usize) -> Result<&'b [u8]> {
        Ok(self.place(field)?.map(|at| self.buffer.vector(at, 1)).transpose()?.unwrap_or_default())
    }

    pub fn text(&self, field: usize) -> Result<&'b str> {
        std::str::from_utf8(self.data(field)?).context("it has a name that is no text")
    }

    /// A vector of whole numbers of four bytes; empty where there is none.
    pub fn numbers(&self, field: usize) -> Result<Vec<i32>> {
        let bytes = self.place(field)?.map(|at| self.buffer.vector(at, 4)).transpose()?.unwrap_or_default();
        Ok(bytes.as_chunks::<4>().0.iter().map(|b| i32::from_le_bytes(*b)).collect())
    }

    /// A vector of tables; empty where there is none.
    pub fn tables(&self, field: usize) -> Result<Tables<'b>> {
        let Some(at) = self.place(field)? else { return Ok(Tables { buffer: self.buffer, at: 0, length: 0 }) };
        let length = self.buffer.vector(at, 4)?.len() / 4;
        Ok(Tables { buffer: self.buffer, at: self.buffer.follow(at)? + 4, length })
    }
}

impl<'b> Tables<'b> {
    pub fn len(&self) -> usize {
        self.length
    }

    pub fn get(&self, index: usize) -> Result<Table<'b>> {
        ensure!(index < self.length, "it has no part {index}, only {}", self.length);
        self.buffer.table(self.buffer.follow(self.at + 4 * index)?)
    }
}
