//! Bytes as lower-case hexadecimal digits, and back.

/// Two digits a byte.
pub fn encode(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// Exactly `N` bytes; None for another length, and for anything but lower-case digits, so that a value has one spelling.
pub fn decode<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    if text.len() != 2 * N || !text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)) {
        return None;
    }
    for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_has_one_spelling() {
        assert_eq!(encode(&[0, 0xaf, 9]), "00af09");
        assert_eq!(decode("00af09"), Some([0, 0xaf, 9]));
        for bad in ["00AF09", "00af0", "00af0g", "00af0900", "+0af09", "é0af0"] {
            assert_eq!(decode::<3>(bad), None, "{bad}");
        }
    }
}
