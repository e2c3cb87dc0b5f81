//! The installation's own certificates: an authority that nobody knows, and the end entity that it vouches for.
//!
//! Two levels, because the C2PA certificate profile (2.x, "X.509 Certificates") does not let an end entity vouch for itself. Both
//! keys come from the installation's key and every field is fixed, so the same installation always has the same certificates.

use crate::identity::Identity;
use anyhow::{Context, Result};
use ed25519_dalek::{Signer, SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};
use std::str::FromStr;
use x509_cert::der::asn1::{BitString, GeneralizedTime, OctetString, UtcTime};
use x509_cert::der::oid::ObjectIdentifier;
use x509_cert::der::{DateTime, Encode};
use x509_cert::ext::pkix::{
    AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, KeyUsage, KeyUsages, SubjectKeyIdentifier,
};
use x509_cert::ext::{AsExtension, Extension};
use x509_cert::name::Name;
use x509_cert::serial_number::SerialNumber;
use x509_cert::spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};
use x509_cert::time::{Time, Validity};
use x509_cert::{Certificate, TbsCertificate, Version};

/// id-Ed25519 (RFC 8410).
pub(super) const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
/// c2pa-kp-claimSigning (C2PA 2.x), and id-kp-emailProtection (RFC 5280), the only use that readers without a list of their own
/// take for signing: they call a certificate without it invalid.
const USES: [ObjectIdentifier; 2] =
    [ObjectIdentifier::new_unwrap("1.3.6.1.4.1.62558.2.1"), ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.4")];

/// The certificates of an installation in DER, the end entity first. Its key is the installation's.
pub(super) fn chain(identity: &Identity) -> Result<Vec<Vec<u8>>> {
    let end = SigningKey::from_bytes(&identity.signing_seed()).verifying_key();
    let authority = SigningKey::from_bytes(&identity.authenticate("credentials authority", &[]));
    let id = identity.id();
    let issuer = name(&format!("VASA Camera authority {id}"))?;
    let subject = name(&format!("VASA Camera installation {id}"))?;
    let end = certificate(&authority, &issuer, &subject, &end, false);
    let root = certificate(&authority, &issuer, &issuer, &authority.verifying_key(), true);
    [end, root].into_iter().map(|c| c?.to_der().context("error encoding the installation's certificate")).collect()
}

fn name(common: &str) -> Result<Name> {
    // The organisation is what readers show as the issuer: it promises nothing.
    Name::from_str(&format!("CN={common},O=VASA Camera (self-signed)")).context("error naming the certificate")
}

fn certificate(
    issuer_key: &SigningKey,
    issuer: &Name,
    subject: &Name,
    key: &VerifyingKey,
    authority: bool,
) -> Result<Certificate> {
    let algorithm = AlgorithmIdentifierOwned { oid: ED25519, parameters: None };
    let usage =
        if authority { KeyUsages::KeyCertSign | KeyUsages::CRLSign } else { KeyUsages::DigitalSignature.into() };
    let constraints = BasicConstraints { ca: authority, path_len_constraint: authority.then_some(0) };
    let issuer_id = AuthorityKeyIdentifier {
        key_identifier: Some(key_identifier(&issuer_key.verifying_key())?),
        ..Default::default()
    };
    let mut extensions = vec![
        extension(&constraints, subject)?,
        extension(&KeyUsage(usage), subject)?,
        extension(&SubjectKeyIdentifier(key_identifier(key)?), subject)?,
        extension(&issuer_id, subject)?,
    ];
    if !authority {
        extensions.push(extension(&ExtendedKeyUsage(USES.to_vec()), subject)?);
    }
    let tbs = TbsCertificate {
        version: Version::V3,
        serial_number: serial(key, authority)?,
        signature: algorithm.clone(),
        issuer: issuer.clone(),
        validity: validity()?,
        subject: subject.clone(),
        subject_public_key_info: SubjectPublicKeyInfoOwned {
            algorithm: algorithm.clone(),
            subject_public_key: BitString::from_bytes(key.as_bytes())?,
        },
        issuer_unique_id: None,
        subject_unique_id: None,
        extensions: Some(extensions),
    };
    let signature = issuer_key.sign(&tbs.to_der()?).to_bytes();
    Ok(Certificate {
        tbs_certificate: tbs,
        signature_algorithm: algorithm,
        signature: BitString::from_bytes(&signature)?,
    })
}

fn extension(of: &impl AsExtension, subject: &Name) -> Result<Extension> {
    of.to_extension(subject, &[]).context("error encoding an extension of the certificate")
}

/// RFC 7093, section 2, method 1: the leftmost 160 bits of SHA-256 over the key.
fn key_identifier(key: &VerifyingKey) -> Result<OctetString> {
    Ok(OctetString::new(&Sha256::digest(key.as_bytes())[..20])?)
}

/// Positive, unique for the key (RFC 5280, section 4.1.2.2).
fn serial(key: &VerifyingKey, authority: bool) -> Result<SerialNumber> {
    let hash = Sha256::new().chain_update(key.as_bytes()).chain_update([u8::from(authority)]).finalize();
    let mut bytes: [u8; 16] = hash.first_chunk().copied().unwrap_or_default();
    bytes[0] = bytes[0] & 0x7f | 0x40;
    Ok(SerialNumber::new(&bytes)?)
}

/// From a day before the first release, so that a clock that is a little behind does no harm, to the date that means "no
/// well-defined expiration date" (RFC 5280, section 4.1.2.5): nobody could renew it.
fn validity() -> Result<Validity> {
    let from = DateTime::new(2020, 1, 1, 0, 0, 0)?;
    let to = DateTime::new(9999, 12, 31, 23, 59, 59)?;
    Ok(Validity {
        not_before: Time::UtcTime(UtcTime::from_date_time(from)?),
        not_after: Time::GeneralTime(GeneralizedTime::from_date_time(to)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use x509_cert::der::Decode;

    #[test]
    fn an_installation_always_has_the_same_certificates_and_another_one_others() {
        let of = |secret| chain(&Identity::from_secret(&[secret; 32])).unwrap();
        assert_eq!(of(7), of(7));
        assert_ne!(of(7), of(8));
        assert_eq!(of(7).len(), 2);
    }

    #[test]
    fn the_end_entity_has_the_installations_key_and_the_authority_vouches_for_it() {
        let identity = Identity::from_secret(&[7; 32]);
        let chain: Vec<_> = chain(&identity).unwrap().iter().map(|c| Certificate::from_der(c).unwrap()).collect();
        let key = |c: &Certificate| c.tbs_certificate.subject_public_key_info.subject_public_key.raw_bytes().to_vec();
        assert_eq!(key(&chain[0]), identity.public());
        let authority = VerifyingKey::try_from(key(&chain[1]).as_slice()).unwrap();
        for certificate in &chain {
            let tbs = certificate.tbs_certificate.to_der().unwrap();
            let signature = ed25519_dalek::Signature::from_slice(certificate.signature.raw_bytes()).unwrap();
            authority.verify_strict(&tbs, &signature).unwrap();
        }
        assert_ne!(key(&chain[1]), identity.public());
    }
}
