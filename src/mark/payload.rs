//! What the invisible mark says, and how it is written as bits.

use crate::avatar::AvatarHash;
use crate::identity::{Identity, KeyId};
use serde::Serialize;

/// Bits of a payload, its check included.
pub const BITS: usize = FIELDS + CHECK;

/// Bits of the fields: version 4, installation 32, avatar 16, minute 26, authentication 32.
const FIELDS: usize = 110;

/// Bits of the check (CRC-24).
const CHECK: usize = 24;

/// The format that this program writes.
pub const VERSION: u8 = 1;

/// What a frame says of its origin.
///
/// Everybody can read it. Whether it is genuine only the installation itself can tell, by its secret key: a mark that somebody
/// else has made up carries a wrong `tag`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Payload {
    /// Of the format, 0..16.
    pub version: u8,
    /// The installation that made the frame.
    #[serde(serialize_with = "as_text")]
    pub key: KeyId,
    /// The first 16 bits of the avatar's hash; 0 where no avatar is shown.
    pub avatar: u16,
    /// When it was made, in minutes since 1970 (good until 2097); 0: not told.
    pub minute: u32,
    /// The first 32 bits of HMAC-SHA-256 over the other fields.
    pub tag: u32,
}

fn as_text<S: serde::Serializer>(key: &KeyId, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(key)
}

impl Payload {
    /// The payload of this installation for an avatar, at `minute` (0: not told; larger than 26 bits: not told).
    pub fn new(identity: &Identity, avatar: AvatarHash, minute: u32) -> Self {
        let avatar = avatar.0.first_chunk().copied().map_or(0, u16::from_be_bytes);
        let minute = if minute < 1 << 26 { minute } else { 0 };
        let bare = Self { version: VERSION, key: identity.id(), avatar, minute, tag: 0 };
        Self { tag: bare.tag_by(identity), ..bare }
    }

    /// Whether this very installation made it.
    pub fn is_by(&self, identity: &Identity) -> bool {
        self.key == identity.id() && self.tag == self.tag_by(identity)
    }

    fn tag_by(&self, identity: &Identity) -> u32 {
        let [a, b] = self.avatar.to_be_bytes();
        let message = [&[self.version][..], &self.key.0, &[a, b], &self.minute.to_be_bytes()].concat();
        identity.authenticate("mark", &message).first_chunk().copied().map_or(0, u32::from_be_bytes)
    }

    /// As bits, the check at the end.
    pub fn bits(&self) -> [bool; BITS] {
        let mut bits = [false; BITS];
        let fields = [
            (u64::from(self.version), 4),
            (u64::from(u32::from_be_bytes(self.key.0)), 32),
            (u64::from(self.avatar), 16),
            (u64::from(self.minute), 26),
            (u64::from(self.tag), 32),
        ];
        let written = fields.into_iter().flat_map(|(value, width)| (0..width).rev().map(move |i| value >> i & 1 == 1));
        bits.iter_mut().zip(written).for_each(|(bit, w)| *bit = w);
        let check = crc24(bits.get(..FIELDS).unwrap_or_default());
        bits.iter_mut().skip(FIELDS).enumerate().for_each(|(i, bit)| *bit = check >> (CHECK - 1 - i) & 1 == 1);
        bits
    }

    /// From bits; None where the check does not hold: they are no payload, or damaged.
    pub fn from_bits(bits: &[bool; BITS]) -> Option<Self> {
        let (fields, check) = bits.split_at_checked(FIELDS)?;
        let number = |bits: &[bool]| bits.iter().fold(0u64, |n, bit| n << 1 | u64::from(*bit));
        if u64::from(crc24(fields)) != number(check) {
            return None;
        }
        let field = |from: usize, width: usize| fields.get(from..from + width).map_or(0, number) as u32;
        Some(Self {
            version: field(0, 4) as u8,
            key: KeyId(field(4, 32).to_be_bytes()),
            avatar: field(36, 16) as u16,
            minute: field(52, 26),
            tag: field(78, 32),
        })
    }
}

/// The check of OpenPGP (RFC 4880, 6.1). It begins with ones, so that no bits at all are no payload.
fn crc24(bits: &[bool]) -> u32 {
    bits.iter().fold(0x00B7_04CE, |crc: u32, bit| {
        let out = (crc >> 23 & 1 == 1) != *bit;
        (crc << 1 & 0x00FF_FFFF) ^ if out { 0x0086_4CFB } else { 0 }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> (Identity, Payload) {
        let identity = Identity::from_secret(&[3; 32]);
        let mut hash = [0; 32];
        hash[..2].copy_from_slice(&[0xab, 0xcd]);
        let payload = Payload::new(&identity, AvatarHash(hash), 29_000_000);
        (identity, payload)
    }

    #[test]
    fn bits_and_back() {
        let (identity, payload) = example();
        assert_eq!((payload.avatar, payload.minute), (0xabcd, 29_000_000));
        assert_eq!(Payload::from_bits(&payload.bits()), Some(payload));
        assert!(payload.is_by(&identity));
        assert_eq!(Payload::new(&identity, AvatarHash([0; 32]), u32::MAX).minute, 0);
    }

    #[test]
    fn nobody_else_can_make_it_and_no_field_can_be_changed() {
        let (identity, payload) = example();
        let other = Identity::from_secret(&[4; 32]);
        assert!(!payload.is_by(&other));
        // Somebody who knows the format, and not the key, claims another time, face or installation.
        assert!(!Payload { minute: payload.minute + 1, ..payload }.is_by(&identity));
        assert!(!Payload { avatar: 1, ..payload }.is_by(&identity));
        assert!(!Payload { version: 2, ..payload }.is_by(&identity));
        let forged = Payload { key: identity.id(), ..Payload::new(&other, AvatarHash([1; 32]), 5) };
        assert!(!forged.is_by(&identity) && !forged.is_by(&other));
    }

    #[test]
    fn up_to_three_wrong_bits_and_every_burst_are_found() {
        let (_, payload) = example();
        let good = payload.bits();
        assert_eq!(Payload::from_bits(&[false; BITS]), None);
        assert_eq!(Payload::from_bits(&[true; BITS]), None);
        for i in 0..BITS {
            let mut bad = good;
            bad[i] ^= true;
            assert_eq!(Payload::from_bits(&bad), None, "bit {i}");
            for j in i + 1..BITS {
                let mut bad = bad;
                bad[j] ^= true;
                assert_eq!(Payload::from_bits(&bad), None, "bits {i} and {j}");
            }
        }
    }
}
