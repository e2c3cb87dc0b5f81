//! Protobuf's wire format: reading a message's fields where they lie, and writing new ones.

use std::ops::Range;

/// A length-delimited field of a message.
#[derive(Clone, Debug)]
pub struct Field {
    pub number: u64,
    /// From its key to its end.
    pub whole: Range<usize>,
    /// Where its length stands.
    pub length: Range<usize>,
    pub content: Range<usize>,
}

/// The length-delimited fields of the message at `range`; it ends at the first byte that makes no sense.
pub fn fields(bytes: &[u8], range: Range<usize>) -> impl Iterator<Item = Field> + '_ {
    let mut at = range.start;
    std::iter::from_fn(move || {
        while at < range.end {
            let start = at;
            let key = read_varint(bytes, &mut at)?;
            match key & 7 {
                0 => drop(read_varint(bytes, &mut at)?),
                1 => at = at.checked_add(8)?,
                5 => at = at.checked_add(4)?,
                2 => {
                    let from = at;
                    let length = usize::try_from(read_varint(bytes, &mut at)?).ok()?;
                    let content = at..at.checked_add(length).filter(|end| *end <= range.end)?;
                    at = content.end;
                    return Some(Field { number: key >> 3, whole: start..at, length: from..content.start, content });
                }
                _ => return None,
            }
        }
        None
    })
}

fn read_varint(bytes: &[u8], at: &mut usize) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let byte = *bytes.get(*at)?;
        *at += 1;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

pub fn varint(mut value: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

/// A field that is a number. `number` is below 16, so that its key is one byte.
pub fn number(number: u8, value: usize) -> Vec<u8> {
    [vec![number << 3], varint(value)].concat()
}

/// A length-delimited field. `number` is below 16, so that its key is one byte.
pub fn field(number: u8, content: &[u8]) -> Vec<u8> {
    [vec![number << 3 | 2], varint(content.len()), content.to_vec()].concat()
}
