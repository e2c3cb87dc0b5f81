//! A certificate and key from the files that the settings name, checked before anything is rendered.

use super::signer::Seal;
use crate::config::{CertificateFiles, SignatureAlgorithm};
use anyhow::{Context, Result, bail, ensure};
use c2pa::crypto::cose::{CertificateTrustPolicy, check_end_entity_certificate_profile};
use c2pa::crypto::raw_signature::validator_for_signing_alg;
use c2pa::status_tracker::StatusTracker;
use c2pa::{Signer, SigningAlg};
use std::io::Read;
use std::path::Path;
use std::time::SystemTime;
use x509_cert::Certificate;
use x509_cert::der::{DecodePem, Encode};

/// Bytes of a file of certificates or of a key; real ones have some thousands.
const LONGEST: u64 = 1 << 20;

/// # Errors
/// One sentence: a file that cannot be read, holds something else, or does not go with the other.
pub(super) fn load(named: &CertificateFiles) -> Result<Seal> {
    let (certificate, key) = (&named.certificate, &named.key);
    let chain_pem = text(certificate, "credentials.certificate")?;
    let key_pem = text(key, "credentials.key")?;
    let chain = certificates(&chain_pem).with_context(|| {
        format!(
            "{} is no chain of certificates in PEM, the one that signs first; name another credentials.certificate",
            certificate.display()
        )
    })?;
    let Some(first) = chain.first() else { bail!("{} has no certificate", certificate.display()) };
    check_dates(first, certificate)?;

    let der: Vec<Vec<u8>> =
        chain.iter().map(|c| c.to_der().context("error encoding a certificate")).collect::<Result<_>>()?;
    let algorithm = algorithm(named.algorithm);
    let seal = Seal::named(algorithm, &key_pem, &chain_pem, der.clone()).with_context(|| {
        format!(
            "{} is no private key for {} in PKCS #8 PEM; name another credentials.key or credentials.algorithm, or convert it with openssl pkcs8 -topk8 -nocrypt",
            key.display(),
            named.algorithm.name()
        )
    })?;
    check_fit(first, &seal, algorithm).with_context(|| {
        format!(
            "the key {} does not belong to the first certificate of {}; name two that belong together",
            key.display(),
            certificate.display()
        )
    })?;
    let profile = check_end_entity_certificate_profile(
        &der[0],
        &CertificateTrustPolicy::default(),
        &mut StatusTracker::default(),
        None,
    );
    profile.map_err(|e| {
        anyhow::anyhow!(
            "the certificate {} does not suit content credentials ({e}); it needs the key usage digitalSignature and the extended key usage of claim signing, document signing or e-mail protection",
            certificate.display()
        )
    })?;
    Ok(seal)
}

fn text(path: &Path, setting: &str) -> Result<String> {
    let mut text = String::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(LONGEST).read_to_string(&mut text))
        .with_context(|| format!("error reading {}, which {setting} names", path.display()))?;
    Ok(text)
}

/// The certificates between their marks; what stands around them is for people.
fn certificates(pem: &str) -> Result<Vec<Certificate>> {
    const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
    const END: &str = "-----END CERTIFICATE-----";
    let mut all = Vec::new();
    for block in pem.split(BEGIN).skip(1) {
        let (body, _) = block.split_once(END).context("a certificate does not end")?;
        all.push(Certificate::from_pem(format!("{BEGIN}{body}{END}\n"))?);
    }
    ensure!(!all.is_empty(), "it has no certificate");
    Ok(all)
}

fn check_dates(certificate: &Certificate, path: &Path) -> Result<()> {
    let validity = &certificate.tbs_certificate.validity;
    let now = SystemTime::now();
    if validity.not_after.to_system_time() < now {
        bail!(
            "the certificate {} expired at {}; have it renewed, or remove [credentials] to sign with the installation's own",
            path.display(),
            validity.not_after
        );
    }
    if validity.not_before.to_system_time() > now {
        bail!(
            "the certificate {} is valid from {} only; correct the clock or wait",
            path.display(),
            validity.not_before
        );
    }
    Ok(())
}

/// Signs something and has the certificate's key check it.
fn check_fit(certificate: &Certificate, seal: &Seal, algorithm: SigningAlg) -> Result<()> {
    let sample = b"vasa-camera";
    let key = certificate.tbs_certificate.subject_public_key_info.to_der()?;
    let validator = validator_for_signing_alg(algorithm).context("nothing checks this algorithm")?;
    Ok(validator.validate(&seal.sign(sample)?, sample, &key)?)
}

fn algorithm(named: SignatureAlgorithm) -> SigningAlg {
    match named {
        SignatureAlgorithm::Es256 => SigningAlg::Es256,
        SignatureAlgorithm::Es384 => SigningAlg::Es384,
        SignatureAlgorithm::Es512 => SigningAlg::Es512,
        SignatureAlgorithm::Ps256 => SigningAlg::Ps256,
        SignatureAlgorithm::Ps384 => SigningAlg::Ps384,
        SignatureAlgorithm::Ps512 => SigningAlg::Ps512,
        SignatureAlgorithm::Ed25519 => SigningAlg::Ed25519,
    }
}
