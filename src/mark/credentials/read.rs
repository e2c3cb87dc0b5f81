//! What a file's credentials say, and whether they hold.

use super::authority::ED25519;
use super::bounds::{self, Kind};
use super::manifest::{AVATAR, MARK};
use crate::hex;
use crate::identity::KeyId;
use anyhow::{Context as _, Result};
use c2pa::validation_results::ValidationState;
use c2pa::{Context, Error, Reader};
use serde::Serialize;
use serde_json::{Value, json};
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use x509_cert::Certificate;
use x509_cert::der::DecodePem;

/// Bytes of a manifest store beside a file; ours have some thousands.
const LARGEST_STORE: u64 = 16 << 20;

/// The credentials of one file.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Report {
    /// Where they lie when not in the file itself.
    pub beside: Option<PathBuf>,
    /// Whether the file is what was signed: every hash fits and the signature is the certificate's. Says nothing about who that is.
    pub intact: bool,
    /// The program that claims to have made them, "NAME VERSION". Anybody can write this.
    pub claim_generator: Option<String>,
    /// A term of the IPTC's vocabulary, as a URL.
    pub source_type: Option<String>,
    pub actions: Vec<String>,
    /// What our own manifests say: the avatar, and the key of the installation that marks the frames.
    pub avatar: Option<String>,
    pub mark: Option<String>,
    pub signer: Option<SignedBy>,
    /// What is wrong, a sentence each.
    pub problems: Vec<String>,
}

/// The certificate that signed.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct SignedBy {
    pub name: Option<String>,
    pub organisation: Option<String>,
    pub algorithm: Option<String>,
    /// Always false here: this program has no trust list, so any certificate is an unknown one.
    pub trusted: bool,
    /// The installation that has the key, where it is an Ed25519 key as installations have.
    pub installation: Option<String>,
    /// The key itself, in hexadecimal.
    pub public_key: Option<String>,
}

impl Report {
    /// Whether the credentials hold and were signed with this key ([`crate::identity::Identity::public`]).
    pub fn signed_by(&self, public: &[u8; 32]) -> bool {
        let key = self.signer.as_ref().and_then(|s| s.public_key.as_ref());
        self.intact && key.is_some_and(|key| *key == hex::encode(public))
    }
}

/// Where the credentials of a file lie whose format cannot carry them: `NAME.c2pa` beside it.
pub fn sidecar_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".c2pa");
    name.into()
}

/// Reads and checks the credentials of a PNG, a JPEG or an MP4, or those that lie beside any file; None where there are none.
/// Memory is bounded and nothing is fetched.
///
/// # Errors
/// The file cannot be read, or its structure is broken or made to exhaust.
pub fn read(path: &Path) -> Result<Option<Report>> {
    let named = || format!("{} cannot be searched for content credentials", path.display());
    let mut file = File::open(path).with_context(named)?;
    let kind = bounds::look(&mut file).with_context(named)?;
    let inside = match kind {
        Kind::Other => None,
        _ => match c2pa::jumbf_io::load_jumbf_from_stream(kind.mime(), &mut file) {
            Ok(store) => Some(store),
            Err(Error::JumbfNotFound) => None,
            Err(e) => return Err(anyhow::anyhow!("{e}")).with_context(named),
        },
    };
    let (store, beside) = match inside {
        Some(store) => (store, None),
        None => match beside(path)? {
            Some((store, place)) => (store, Some(place)),
            None => return Ok(None),
        },
    };
    let mut report = check(&store, kind, &mut file)?;
    report.beside = beside;
    Ok(Some(report))
}

/// A store in a file beside `path`: after its whole name, as we write it, or in place of its ending, as others do.
fn beside(path: &Path) -> Result<Option<(Vec<u8>, PathBuf)>> {
    for place in [sidecar_of(path), path.with_extension("c2pa")] {
        let file = match File::open(&place) {
            Ok(file) if place != path => file,
            Ok(_) => continue,
            Err(e) if e.kind() == ErrorKind::NotFound => continue,
            Err(e) => return Err(e).with_context(|| format!("error opening the credentials {}", place.display())),
        };
        let mut store = Vec::new();
        file.take(LARGEST_STORE)
            .read_to_end(&mut store)
            .with_context(|| format!("error reading the credentials {}", place.display()))?;
        return Ok(Some((store, place)));
    }
    Ok(None)
}

fn context() -> Result<Context> {
    let settings = json!({
        "core": { "allowed_network_hosts": [], "decode_identity_assertions": false },
        "verify": { "ocsp_fetch": false, "remote_manifest_fetch": false },
    });
    Context::new().with_settings(settings).context("the settings for reading content credentials do not hold")
}

/// Checks a store against its file.
fn check(store: &[u8], kind: Kind, file: &mut File) -> Result<Report> {
    let reader = Reader::from_context(context()?).with_manifest_data_and_stream(store, kind.mime(), file);
    let reader = match reader {
        Ok(reader) => reader,
        Err(e) => {
            return Ok(Report { problems: vec![format!("the credentials cannot be read: {e}")], ..Report::default() });
        }
    };
    let problems = problems(&reader);
    let Some(manifest) = reader.active_manifest() else {
        return Ok(Report { problems: vec!["the credentials hold no manifest".into()], ..Report::default() });
    };
    let assertion = |label: &str| manifest.find_assertion::<Value>(label).unwrap_or_default();
    // Finds any version of the label.
    let actions = assertion("c2pa.actions");
    let actions = actions["actions"].as_array().map_or(&[][..], Vec::as_slice);
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let generator = manifest.claim_generator_info.as_ref().and_then(|all| all.first());
    let generator = generator
        .map(|g| [Some(g.name.as_str()), g.version.as_deref()].into_iter().flatten().collect::<Vec<_>>().join(" "));
    Ok(Report {
        beside: None,
        intact: reader.validation_state() != ValidationState::Invalid && problems.is_empty(),
        claim_generator: generator.or_else(|| manifest.claim_generator().map(str::to_owned)),
        source_type: actions.iter().find_map(|a| text(&a["digitalSourceType"])),
        actions: actions.iter().filter_map(|a| text(&a["action"])).collect(),
        avatar: text(&assertion(AVATAR)["name"]),
        mark: text(&assertion(MARK)["keyId"]),
        signer: manifest.signature_info().map(|info| {
            let key = first_ed25519_key(info.cert_chain());
            SignedBy {
                name: info.common_name.clone(),
                organisation: info.issuer.clone(),
                algorithm: info.alg.map(|a| a.to_string()),
                trusted: false,
                installation: key.as_ref().map(|key| KeyId::of(key).to_string()),
                public_key: key.as_ref().map(|key| hex::encode(key)),
            }
        }),
        problems,
    })
}

/// Everything that does not hold; that nobody vouches for the signer is no fault of the file.
fn problems(reader: &Reader) -> Vec<String> {
    let Some(results) = reader.validation_results() else { return Vec::new() };
    let all = results.active_manifest().into_iter().flat_map(|m| m.failure());
    let deltas = results.ingredient_deltas().into_iter().flatten().flat_map(|d| d.validation_deltas().failure());
    let mut sentences: Vec<String> = all
        .chain(deltas)
        .filter(|s| s.code() != "signingCredential.untrusted")
        .map(|s| sentence(s.code(), s.explanation()))
        .collect();
    sentences.dedup();
    sentences
}

/// A status code (C2PA 2.x, "Status codes") in words.
fn sentence(code: &str, explanation: Option<&str>) -> String {
    match code {
        "assertion.dataHash.mismatch" | "assertion.bmffHash.mismatch" | "assertion.boxesHash.mismatch" => {
            "the file was changed after it was signed".into()
        }
        "assertion.hashedURI.mismatch" => "a statement in the credentials was changed after it was signed".into(),
        "assertion.missing" => "a statement that was signed is missing from the credentials".into(),
        "claimSignature.mismatch" => "the signature does not fit what it signs".into(),
        "claimSignature.missing" => "the credentials have no signature".into(),
        "signingCredential.expired" => "the certificate that signed has expired, or is not valid yet".into(),
        "signingCredential.invalid" => "the certificate that signed may not sign such a file".into(),
        "signingCredential.revoked" => "the certificate that signed was revoked".into(),
        _ => format!("{} ({code})", explanation.unwrap_or("the credentials do not hold")),
    }
}

/// The key of the certificate that signed, where it is an Ed25519 key.
fn first_ed25519_key(pem: &str) -> Option<[u8; 32]> {
    let end = "-----END CERTIFICATE-----";
    let first = pem.find(end).and_then(|at| pem.get(..at + end.len()))?;
    let key = Certificate::from_pem(first.trim_start()).ok()?.tbs_certificate.subject_public_key_info;
    (key.algorithm.oid == ED25519).then(|| key.subject_public_key.raw_bytes().try_into().ok())?
}
