//! NumPy's archive of arrays: a ZIP file, here always one that stores its files as they are.
//!
//! What is read of the format (PKWARE's APPNOTE): the end record in the last 22 bytes, the directory that it points to, and of
//! each entry's own header only its length.

use anyhow::{Context, Result, ensure};
use std::fs;
use std::path::Path;

/// The largest archive that is read: fifty voices are 26 MB.
const MAX_BYTES: u64 = 256 << 20;

const END: usize = 22;
const ENTRY: usize = 46;

pub struct Npz {
    bytes: Vec<u8>,
    /// Names without ".npy", and where each entry begins.
    entries: Vec<(String, usize, usize)>,
}

impl Npz {
    /// Reads an archive.
    ///
    /// # Errors
    /// It cannot be read, is too large, or is no such archive.
    pub fn open(path: &Path) -> Result<Self> {
        let size = fs::metadata(path).with_context(|| format!("error reading {}", path.display()))?.len();
        ensure!(size <= MAX_BYTES, "{} has {size} bytes, at most {MAX_BYTES} are read; check the file", path.display());
        Self::read(fs::read(path).with_context(|| format!("error reading {}", path.display()))?)
    }

    /// Reads the bytes of an archive.
    ///
    /// # Errors
    /// They are no such archive.
    pub fn read(bytes: Vec<u8>) -> Result<Self> {
        let entries = entries(&bytes).context("it is no archive of arrays that are stored as they are")?;
        Ok(Self { bytes, entries })
    }

    pub fn names(&self) -> Vec<String> {
        self.entries.iter().map(|(name, ..)| name.clone()).collect()
    }

    /// The numbers of an array, row by row, whatever its shape.
    ///
    /// # Errors
    /// There is none of the name, or it holds no 32-bit floats.
    pub fn floats(&self, name: &str) -> Result<Vec<f32>> {
        let (_, at, size) =
            self.entries.iter().find(|(n, ..)| n == name).with_context(|| format!("it has no array {name}"))?;
        let array = array(&self.bytes, *at, *size);
        let (header, data) = array.with_context(|| format!("its array {name} is damaged"))?;
        ensure!(
            header.contains("'<f4'") && header.contains("'fortran_order': False"),
            "its array {name} holds no 32-bit floats in rows"
        );
        Ok(data.chunks_exact(4).filter_map(|b| Some(f32::from_le_bytes(b.try_into().ok()?))).collect())
    }
}

fn entries(bytes: &[u8]) -> Option<Vec<(String, usize, usize)>> {
    let end = bytes.len().checked_sub(END)?;
    if bytes.get(end..end + 4)? != b"PK\x05\x06" {
        return None;
    }
    let mut at = long(bytes, end + 16)?;
    let mut all = Vec::new();
    for _ in 0..short(bytes, end + 10)? {
        let is_stored = short(bytes, at + 10)? == 0;
        if bytes.get(at..at + 4)? != b"PK\x01\x02" || !is_stored {
            return None;
        }
        let length = short(bytes, at + 28)?;
        let name = std::str::from_utf8(bytes.get(at + ENTRY..at + ENTRY + length)?).ok()?;
        let name = name.strip_suffix(".npy").unwrap_or(name).to_owned();
        all.push((name, long(bytes, at + 42)?, long(bytes, at + 24)?));
        at += ENTRY + length + short(bytes, at + 30)? + short(bytes, at + 32)?;
    }
    Some(all)
}

/// An array's description and its numbers.
fn array(bytes: &[u8], at: usize, size: usize) -> Option<(&str, &[u8])> {
    let start = at.checked_add(30)? + short(bytes, at.checked_add(26)?)? + short(bytes, at + 28)?;
    let file = bytes.get(start..start.checked_add(size)?)?;
    // Version 1 of the format: two bytes of length.
    if file.get(..7)? != b"\x93NUMPY\x01" {
        return None;
    }
    let data = 10 + short(file, 8)?;
    Some((std::str::from_utf8(file.get(10..data)?).ok()?, file.get(data..)?))
}

fn short(bytes: &[u8], at: usize) -> Option<usize> {
    Some(u16::from_le_bytes(bytes.get(at..at.checked_add(2)?)?.try_into().ok()?).into())
}

fn long(bytes: &[u8], at: usize) -> Option<usize> {
    usize::try_from(u32::from_le_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An archive of one array, as NumPy writes it.
    fn archive(name: &str, kind: &str, numbers: &[f32]) -> Vec<u8> {
        let header = format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': ({}, 1), }}\n", numbers.len());
        let mut file = b"\x93NUMPY\x01\x00".to_vec();
        file.extend((header.len() as u16).to_le_bytes());
        file.extend(header.bytes());
        file.extend(numbers.iter().flat_map(|x| x.to_le_bytes()));
        let name = format!("{name}.npy");
        let (size, length) = ((file.len() as u32).to_le_bytes(), (name.len() as u16).to_le_bytes());
        let mut all = b"PK\x03\x04".to_vec();
        all.extend([0; 22]);
        all.extend(length);
        all.extend([0; 2]);
        all.extend(name.bytes());
        all.extend(&file);
        let directory = all.len() as u32;
        all.extend(b"PK\x01\x02");
        all.extend([0; 16]);
        all.extend(size);
        all.extend(size);
        all.extend(length);
        all.extend([0; 16]);
        all.extend(name.bytes());
        all.extend(b"PK\x05\x06");
        all.extend([0; 4]);
        all.extend([1, 0, 1, 0, 0, 0, 0, 0]);
        all.extend(directory.to_le_bytes());
        all.extend([0; 2]);
        all
    }

    #[test]
    fn arrays_come_out_as_they_went_in() {
        let npz = Npz::read(archive("jf_alpha", "<f4", &[1.0, -2.5])).unwrap();
        assert_eq!(npz.names(), ["jf_alpha"]);
        assert_eq!(npz.floats("jf_alpha").unwrap(), [1.0, -2.5]);
        assert!(npz.floats("nobody").unwrap_err().to_string().contains("nobody"));
        assert!(Npz::read(archive("a", "<f8", &[1.0])).unwrap().floats("a").is_err());
    }

    #[test]
    fn nonsense_is_no_archive_and_no_panic() {
        let good = archive("a", "<f4", &[1.0; 8]);
        let mut rng = fastrand::Rng::with_seed(5);
        for _ in 0..2000 {
            let mut bytes = good.clone();
            for _ in 0..rng.usize(1..6) {
                let at = rng.usize(..bytes.len());
                bytes[at] = rng.u8(..);
            }
            bytes.truncate(rng.usize(..=bytes.len()));
            if let Ok(npz) = Npz::read(bytes) {
                npz.floats("a").ok();
            }
        }
    }
}
