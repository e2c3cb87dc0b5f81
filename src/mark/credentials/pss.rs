//! RSASSA-PSS (RFC 8017, section 8.1) whose salt repeats: the crate `c2pa` salts with chance, and the same file must be signed alike.

use anyhow::{Context, Result, bail};
use c2pa::SigningAlg;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use rsa::RsaPrivateKey;
use rsa::pkcs8::DecodePrivateKey;
use rsa::pss::SigningKey;
use rsa::sha2::{Digest, Sha256, Sha384, Sha512};
use rsa::signature::{RandomizedSigner, SignatureEncoding};
use rsa::traits::PrivateKeyParts;

/// An RSA key and the hash that it signs with.
pub(super) enum Pss {
    Sha256(RsaPrivateKey),
    Sha384(RsaPrivateKey),
    Sha512(RsaPrivateKey),
}

impl Pss {
    /// # Errors
    /// The text is no RSA key in PKCS #8 PEM, or the algorithm is none of RSA.
    pub(super) fn from_pem(pem: &str, algorithm: SigningAlg) -> Result<Self> {
        let key = RsaPrivateKey::from_pkcs8_pem(pem).context("it is no RSA key")?;
        Ok(match algorithm {
            SigningAlg::Ps256 => Self::Sha256(key),
            SigningAlg::Ps384 => Self::Sha384(key),
            SigningAlg::Ps512 => Self::Sha512(key),
            other => bail!("{other} is no algorithm of RSA"),
        })
    }

    /// The same data give the same signature.
    pub(super) fn sign(&self, data: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha256(key) => {
                SigningKey::<Sha256>::new(key.clone()).sign_with_rng(&mut chance(key, data), data).to_vec()
            }
            Self::Sha384(key) => {
                SigningKey::<Sha384>::new(key.clone()).sign_with_rng(&mut chance(key, data), data).to_vec()
            }
            Self::Sha512(key) => {
                SigningKey::<Sha512>::new(key.clone()).sign_with_rng(&mut chance(key, data), data).to_vec()
            }
        }
    }
}

/// From the private exponent, so that nobody else can tell the numbers that blind the key while it is used; the salt itself may
/// be known: whoever checks the signature sees it.
fn chance(key: &RsaPrivateKey, data: &[u8]) -> ChaCha20Rng {
    let seed = Sha256::new().chain_update(b"vasa-camera pss v1").chain_update(key.d().to_bytes_be()).chain_update(data);
    ChaCha20Rng::from_seed(seed.finalize().into())
}
