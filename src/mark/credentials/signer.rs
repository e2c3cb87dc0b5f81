//! Who signs: the installation's key with its own certificates, or a certificate that the settings name.

use super::pss::Pss;
use super::{authority, manifest};
use crate::identity::Identity;
use anyhow::{Context, Result};
use c2pa::{BoxedSigner, Signer, SigningAlg};
use ed25519_dalek::SigningKey;

/// Bytes around the certificates in the signature box: headers, and a signature of RSA with up to 4096 bits.
const ROOM: usize = 1024;

/// A key and the certificates that go with it.
pub(super) struct Seal {
    key: Key,
    /// DER, the end entity first.
    chain: Vec<Vec<u8>>,
    algorithm: SigningAlg,
}

enum Key {
    Own(Box<SigningKey>),
    Named(BoxedSigner),
    Rsa(Box<Pss>),
}

impl Seal {
    /// The installation's own.
    pub(super) fn own(identity: &Identity) -> Result<Self> {
        let key = Key::Own(Box::new(SigningKey::from_bytes(&identity.signing_seed())));
        Ok(Self { key, chain: authority::chain(identity)?, algorithm: SigningAlg::Ed25519 })
    }

    /// A key in PKCS #8 PEM and the certificates that go with it; `pem` has them too.
    ///
    /// # Errors
    /// The key is none for this algorithm.
    pub(super) fn named(algorithm: SigningAlg, key: &str, pem: &str, chain: Vec<Vec<u8>>) -> Result<Self> {
        let key = match algorithm {
            SigningAlg::Ps256 | SigningAlg::Ps384 | SigningAlg::Ps512 => {
                Key::Rsa(Box::new(Pss::from_pem(key, algorithm)?))
            }
            _ => Key::Named(c2pa::create_signer::from_keys(pem.as_bytes(), key.as_bytes(), algorithm, None)?),
        };
        Ok(Self { key, chain, algorithm })
    }

    /// The content of the signature box for a claim. The crate checks certificate and signature while it makes it.
    pub(super) fn claim(&self, claim: &[u8]) -> Result<Vec<u8>> {
        let context = manifest::context()?;
        c2pa::cose_sign::sign_claim(claim, self, self.reserve_size(), context.settings())
            .context("error signing the content credentials")
    }
}

impl Signer for Seal {
    fn sign(&self, data: &[u8]) -> c2pa::Result<Vec<u8>> {
        match &self.key {
            Key::Own(key) => Ok(ed25519_dalek::Signer::sign(&**key, data).to_bytes().to_vec()),
            Key::Named(signer) => signer.sign(data),
            Key::Rsa(key) => Ok(key.sign(data)),
        }
    }

    fn alg(&self) -> SigningAlg {
        self.algorithm
    }

    fn certs(&self) -> c2pa::Result<Vec<Vec<u8>>> {
        Ok(self.chain.clone())
    }

    fn reserve_size(&self) -> usize {
        ROOM + self.chain.iter().map(Vec::len).sum::<usize>()
    }
}

/// Keeps the place of a signature that is made later.
pub(super) struct Placeholder<'a>(pub(super) &'a Seal);

impl Signer for Placeholder<'_> {
    fn sign(&self, _claim: &[u8]) -> c2pa::Result<Vec<u8>> {
        Ok(vec![0; self.reserve_size()])
    }

    fn alg(&self) -> SigningAlg {
        self.0.alg()
    }

    fn certs(&self) -> c2pa::Result<Vec<Vec<u8>>> {
        self.0.certs()
    }

    fn reserve_size(&self) -> usize {
        self.0.reserve_size()
    }

    fn direct_cose_handling(&self) -> bool {
        true
    }
}
