//! `[credentials]` of the settings: a certificate that somebody else issued, in place of the installation's own.

use anyhow::{Result, bail};
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// How a key signs, as COSE (RFC 9053, RFC 8230) names it; the ones that C2PA knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignatureAlgorithm {
    Es256,
    Es384,
    Es512,
    Ps256,
    Ps384,
    Ps512,
    Ed25519,
}

impl SignatureAlgorithm {
    pub const ALL: [SignatureAlgorithm; 7] =
        [Self::Es256, Self::Es384, Self::Es512, Self::Ps256, Self::Ps384, Self::Ps512, Self::Ed25519];

    /// The name in the settings file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Es256 => "es256",
            Self::Es384 => "es384",
            Self::Es512 => "es512",
            Self::Ps256 => "ps256",
            Self::Ps384 => "ps384",
            Self::Ps512 => "ps512",
            Self::Ed25519 => "ed25519",
        }
    }
}

/// Where the certificate and its private key lie. They are read when something is rendered, and nowhere else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateFiles {
    /// PEM, the certificate that signs first, then those that vouch for it.
    pub certificate: PathBuf,
    /// PKCS #8 in PEM, without a passphrase.
    pub key: PathBuf,
    pub algorithm: SignatureAlgorithm,
}

impl CertificateFiles {
    /// Names without a folder are meant beside the settings file.
    pub(super) fn relative_to(&mut self, folder: &Path) {
        self.certificate = folder.join(&self.certificate);
        self.key = folder.join(&self.key);
    }
}

/// The table as written.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct WrittenCertificate {
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
    algorithm: Option<String>,
}

impl WrittenCertificate {
    /// # Errors
    /// Some keys are there and others are not; an algorithm that is not known.
    pub(super) fn check(self) -> Result<Option<CertificateFiles>> {
        let (certificate, key, algorithm) = match (self.certificate, self.key, self.algorithm) {
            (None, None, None) => return Ok(None),
            (Some(certificate), Some(key), Some(algorithm)) => (certificate, key, algorithm),
            (certificate, key, _) => {
                let missing = match (certificate, key) {
                    (None, _) => "certificate",
                    (_, None) => "key",
                    _ => "algorithm",
                };
                bail!("credentials.{missing} is missing; give certificate, key and algorithm together, or none of them")
            }
        };
        let Some(algorithm) = SignatureAlgorithm::ALL.into_iter().find(|a| a.name() == algorithm) else {
            let known = SignatureAlgorithm::ALL.map(SignatureAlgorithm::name).join(", ");
            bail!("credentials.algorithm is \"{algorithm}\"; it must be one of {known}");
        };
        Ok(Some(CertificateFiles { certificate, key, algorithm }))
    }
}
