//! Takes the chance out of a manifest store.
//!
//! The crate salts each assertion with random bytes (against guessing what was redacted) and offers no other source for them, so
//! no two stores are alike. Here each salt is replaced by a given one, the hashes of the claim follow, and the claim is signed.
//! Nothing changes its length. Boxes: ISO 19566-5 (JUMBF); what they hold: C2PA 2.x, "C2PA Box details".

use anyhow::{Context, Result, bail, ensure};
use sha2::{Digest, Sha256};
use std::ops::Range;

/// One box within the store; ranges count from the store's beginning.
struct Box {
    kind: [u8; 4],
    body: Range<usize>,
}

/// The boxes that fill `range`.
fn boxes(store: &[u8], range: Range<usize>) -> Result<Vec<Box>> {
    let mut all = Vec::new();
    let mut at = range.start;
    while at < range.end {
        let head = store.get(at..at + 8).context("a box of the manifest is cut off")?;
        let length = u32::from_be_bytes([head[0], head[1], head[2], head[3]]) as usize;
        let kind = [head[4], head[5], head[6], head[7]];
        // Lengths of 0 (to the end) and 1 (64 bits follow) are not written by the crate.
        ensure!(length >= 8 && length <= range.end - at, "a box of the manifest has the length {length}");
        all.push(Box { kind, body: at + 8..at + length });
        at += length;
    }
    Ok(all)
}

/// A superbox: its label, where its salt lies, and its content boxes.
struct Super {
    label: String,
    salt: Option<Range<usize>>,
    content: Vec<Box>,
}

fn superbox(store: &[u8], of: &Box) -> Result<Super> {
    ensure!(&of.kind == b"jumb", "the manifest has a box {:?} in place of a superbox", of.kind);
    let mut content = boxes(store, of.body.clone())?;
    ensure!(content.first().is_some_and(|b| &b.kind == b"jumd"), "a superbox of the manifest has no description");
    let description = content.remove(0);
    // 16 bytes of type, one of toggles, the label and its zero; the private box last. The crate writes no other field.
    let label = description.body.start + 17..description.body.end;
    let toggles = store[description.body.clone()].get(16).copied().unwrap_or_default();
    ensure!(toggles & !0x10 == 0x03, "a description of the manifest has the toggles {toggles:#x}");
    let zero = store[label.clone()].iter().position(|b| *b == 0).context("a label of the manifest does not end")?;
    let rest = label.start + zero + 1..label.end;
    let salt = boxes(store, rest)?.into_iter().find(|b| &b.kind == b"c2sh").map(|b| b.body);
    let label = String::from_utf8_lossy(&store[label.start..label.start + zero]).into_owned();
    Ok(Super { label, salt, content })
}

/// Replaces salts and signature of a store with one manifest: `salt` gives the bytes for an assertion's label, `sign` the content
/// of the signature box for a claim.
///
/// # Errors
/// The store is not built as the crate builds it, or signing fails.
pub(super) fn settle(
    store: &mut [u8],
    salt: impl Fn(&str) -> [u8; 16],
    sign: impl FnOnce(&[u8]) -> Result<Vec<u8>>,
) -> Result<()> {
    let outer = boxes(store, 0..store.len())?;
    let [root] = outer.as_slice() else { bail!("the manifest store is not one box") };
    let root = superbox(store, root)?;
    let [manifest] = root.content.as_slice() else { bail!("the manifest store does not hold one manifest") };
    let manifest = superbox(store, manifest)?;
    let parts: Vec<Super> = manifest.content.iter().map(|part| superbox(store, part)).collect::<Result<_>>()?;
    let part = |label: &str| {
        let found = parts.iter().find(|p| p.label == label);
        found.with_context(|| format!("the manifest has no {label}"))
    };
    let content = |label: &str| match part(label)?.content.as_slice() {
        [one] => Ok(one.body.clone()),
        _ => bail!("{label} of the manifest is not one box"),
    };
    let claim = content("c2pa.claim.v2")?;
    let signature = content("c2pa.signature")?;
    for assertion in &part("c2pa.assertions")?.content {
        let inner = superbox(store, assertion)?;
        let before = Sha256::digest(&store[assertion.body.clone()]);
        let bytes = salt(&inner.label);
        let place = inner.salt.with_context(|| format!("{} has no salt", inner.label))?;
        ensure!(place.len() == bytes.len(), "{} has a salt of {} bytes", inner.label, place.len());
        store[place].copy_from_slice(&bytes);
        let after = Sha256::digest(&store[assertion.body.clone()]);
        // A hash stands in the claim once; 32 random bytes are found nowhere else by chance.
        let text = &store[claim.clone()];
        let at = text.windows(before.len()).position(|w| w == before.as_slice());
        let at = claim.start + at.with_context(|| format!("the claim has no hash of {}", inner.label))?;
        store[at..at + after.len()].copy_from_slice(&after);
    }
    let signed = sign(&store[claim])?;
    ensure!(signed.len() == signature.len(), "the signature takes {} bytes of {}", signed.len(), signature.len());
    store[signature].copy_from_slice(&signed);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_store_is_refused() {
        for bad in
            [&b""[..], b"abc", b"\0\0\0\x08jumb", b"\xff\xff\xff\xffjumb", b"\0\0\0\x10jumb\0\0\0\x08jumd", &[0; 64]]
        {
            assert!(settle(&mut bad.to_vec(), |_| [0; 16], |_| Ok(Vec::new())).is_err(), "{bad:?}");
        }
    }
}
