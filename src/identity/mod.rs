//! Who made it: the key of this installation.
//!
//! One secret of 32 bytes, made on first use and never sent anywhere. From it come, by HMAC-SHA-256 with a name each: the key that
//! signs (Ed25519, RFC 8032) consents, content credentials and the session log, and the key that authenticates the marks of
//! frames. The public half, and its hash, name the installation.

mod file;

use crate::config::Paths;
use anyhow::Result;
use ed25519_dalek::{Signer, SigningKey, Verifier, VerifyingKey};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

/// Bytes of the secret.
pub const SECRET: usize = 32;

/// The name of an installation where 64 bytes are too many: the first four bytes of SHA-256 over its public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct KeyId(pub [u8; 4]);

impl KeyId {
    /// Of a public key as [`Identity::public`] gives it.
    pub fn of(public: &[u8; 32]) -> Self {
        let hash = Sha256::digest(public);
        Self(hash.first_chunk().copied().unwrap_or_default())
    }
}

impl std::fmt::Display for KeyId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&crate::hex::encode(&self.0))
    }
}

/// The keys of this installation.
#[derive(Clone)]
pub struct Identity {
    secret: [u8; SECRET],
    signing: SigningKey,
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The secret never reaches a log.
        write!(f, "Identity({})", self.id())
    }
}

impl Identity {
    /// The installation's key; made where there is none yet. Programs that start together get the same one.
    ///
    /// # Errors
    /// The file `identity.key` of the state folder cannot be read, is not a key, or cannot be made.
    pub fn open(paths: &Paths) -> Result<Self> {
        file::open(&paths.state.join("identity.key")).map(|secret| Self::from_secret(&secret))
    }

    /// As [`Identity::open`], but None where there is no key yet, and none is made.
    ///
    /// # Errors
    /// There is a file, and it cannot be read or is not a key.
    pub fn existing(paths: &Paths) -> Result<Option<Self>> {
        let secret = file::read(&paths.state.join("identity.key"))?;
        Ok(secret.map(|secret| Self::from_secret(&secret)))
    }

    /// A key for this run alone, for where none can be kept: what it marks is marked, but nobody's.
    ///
    /// # Errors
    /// The system gives no random numbers.
    pub fn ephemeral() -> Result<Self> {
        file::random().map(|secret| Self::from_secret(&secret))
    }

    /// The same secret gives the same keys.
    pub fn from_secret(secret: &[u8; SECRET]) -> Self {
        let seed = hmac(secret, &[b"vasa-camera signing v1"]);
        Self { secret: *secret, signing: SigningKey::from_bytes(&seed) }
    }

    pub fn id(&self) -> KeyId {
        KeyId::of(&self.public())
    }

    /// The Ed25519 public key.
    pub fn public(&self) -> [u8; 32] {
        self.signing.verifying_key().to_bytes()
    }

    /// An Ed25519 signature; the same message gives the same one. `purpose` keeps a signature made for one thing from being
    /// shown as one for another.
    pub fn sign(&self, purpose: &str, message: &[u8]) -> [u8; 64] {
        self.signing.sign(&framed(purpose, message)).to_bytes()
    }

    /// HMAC-SHA-256 over `message` under a key of its own for each `purpose`.
    pub fn authenticate(&self, purpose: &str, message: &[u8]) -> [u8; 32] {
        hmac(&hmac(&self.secret, &[b"vasa-camera authentication v1 ", purpose.as_bytes()]), &[message])
    }

    /// The key pair as PKCS #8 knows it, for programs that sign by themselves (content credentials): the 32-byte seed.
    pub fn signing_seed(&self) -> [u8; 32] {
        self.signing.to_bytes()
    }
}

/// Whether `signature` was made by the owner of `public` with [`Identity::sign`].
pub fn verify(public: &[u8; 32], purpose: &str, message: &[u8], signature: &[u8; 64]) -> bool {
    VerifyingKey::from_bytes(public).is_ok_and(|key| {
        key.verify(&framed(purpose, message), &ed25519_dalek::Signature::from_bytes(signature)).is_ok()
    })
}

/// Purpose and message, so that no other pair gives the same bytes.
fn framed(purpose: &str, message: &[u8]) -> Vec<u8> {
    [b"vasa-camera ", purpose.as_bytes(), b"\0", message].concat()
}

fn hmac(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    // HMAC takes a key of any length (RFC 2104), so this cannot fail.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return [0; 32] };
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_always_gives_the_same_keys_and_another_one_others() {
        let (a, b) = (Identity::from_secret(&[7; 32]), Identity::from_secret(&[8; 32]));
        assert_eq!(a.public(), Identity::from_secret(&[7; 32]).public());
        assert!(a.public() != b.public() && a.id() != b.id());
        assert_eq!(a.id().to_string().len(), 8);
        assert!(!format!("{a:?}").contains("secret"));
    }

    #[test]
    fn a_signature_holds_for_its_message_and_purpose_only() {
        let a = Identity::from_secret(&[7; 32]);
        let signature = a.sign("consent", b"yes");
        assert!(verify(&a.public(), "consent", b"yes", &signature));
        assert!(!verify(&a.public(), "consent", b"yet", &signature));
        assert!(!verify(&a.public(), "log", b"yes", &signature));
        assert!(!verify(&Identity::from_secret(&[8; 32]).public(), "consent", b"yes", &signature));
        assert!(!verify(&[255; 32], "consent", b"yes", &signature));
    }

    #[test]
    fn authentication_depends_on_the_secret_the_purpose_and_the_message() {
        let a = Identity::from_secret(&[7; 32]);
        let tag = a.authenticate("mark", b"m");
        assert_eq!(tag, Identity::from_secret(&[7; 32]).authenticate("mark", b"m"));
        for other in [
            a.authenticate("mark", b"n"),
            a.authenticate("mask", b"m"),
            Identity::from_secret(&[9; 32]).authenticate("mark", b"m"),
        ] {
            assert_ne!(tag, other);
        }
        // RFC 4231, test case 2.
        let known = hmac(b"Jefe", &[b"what do ya want ", b"for nothing?"]);
        assert_eq!(known[..6], [0x5b, 0xdc, 0xc1, 0x46, 0xbf, 0x60]);
    }
}
