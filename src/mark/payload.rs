//! What a mark says.

use crate::identity::{Identity, KeyId};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Payload {
    pub version: u8,
    pub key: KeyId,
    /// The first two bytes of the avatar's hash.
    pub avatar: u16,
    /// Minutes since 1970, UTC; 0: not told.
    pub minute: u32,
    pub tag: u32,
}

impl Payload {
    /// Whether this installation made the mark.
    pub fn is_by(&self, _identity: &Identity) -> bool {
        false
    }
}
