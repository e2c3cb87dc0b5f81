//! What our manifests say.

use super::Made;
use anyhow::{Context as _, Result};
use c2pa::{Builder, Context};
use serde_json::{Value, json};

/// What the picture is, in the vocabulary of the IPTC (`digitalsourcetype`).
///
/// "Created algorithmically using an AI model trained on captured content": the face is moved by networks trained on filmed
/// speech, the voice is one, and no camera recorded the person. `algorithmicMedia` would deny the trained networks, and
/// `compositeSynthetic` says that parts were captured. It is the term by which platforms recognise generated people.
pub(super) const SOURCE_TYPE: &str = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia";

/// Our own assertions: which avatar is shown, and what the frames carry.
pub(super) const AVATAR: &str = "org.vasacamera.avatar";
pub(super) const MARK: &str = "org.vasacamera.mark";

/// The settings under which manifests are made: no network, nothing that depends on the hour or on chance.
pub(super) fn context() -> Result<Context> {
    let settings = json!({
        "core": { "allowed_network_hosts": [], "backing_store_memory_threshold_in_mb": super::IN_MEMORY >> 20,
                  "decode_identity_assertions": false },
        // Nobody's trust list counts while signing; the signature itself is checked when it is made.
        "verify": { "verify_after_sign": false, "verify_trust": false, "verify_timestamp_trust": false,
                    "ocsp_fetch": false, "remote_manifest_fetch": false },
        "builder": { "thumbnail": { "enabled": false } },
    });
    Context::new().with_settings(settings).context("the settings of the content credentials do not hold")
}

/// A manifest about one file, named by `id`.
pub(super) fn builder(made: &Made, id: [u8; 16]) -> Result<Builder> {
    let id = uuid(id);
    let agent = json!({ "name": "vasa-camera", "version": env!("CARGO_PKG_VERSION") });
    let mut created = json!({
        "action": "c2pa.created",
        "digitalSourceType": SOURCE_TYPE,
        "softwareAgent": agent,
        "description": "The picture of an avatar, drawn by VASA Camera. No camera recorded this person.",
    });
    let mut marked = json!({
        // A mark whose payload names the installation, not this manifest (C2PA 2.2, table of actions).
        "action": "c2pa.watermarked.unbound",
        "softwareAgent": agent,
    });
    if let Some(when) = &made.when {
        created["when"] = json!(when);
        marked["when"] = json!(when);
    }
    let mut actions = vec![created];
    let mut assertions = vec![assertion(AVATAR, json!({ "name": made.avatar }))];
    if let Some(key) = made.mark {
        actions.push(marked);
        // Not `c2pa.soft-binding`: that is for algorithms on the C2PA's list whose value leads back to the manifest.
        assertions.push(assertion(MARK, json!({ "alg": "org.vasacamera.mark.1", "keyId": key.to_string() })));
    }
    assertions.insert(0, assertion("c2pa.actions.v2", json!({ "actions": actions, "allActionsIncluded": true })));
    let definition = json!({
        "claim_generator_info": [agent],
        "instance_id": format!("xmp:iid:{id}"),
        "label": format!("urn:c2pa:{id}"),
        "assertions": assertions,
    });
    Builder::from_context(context()?).with_definition(definition).context("the manifest's definition does not hold")
}

/// One that the signer answers for.
fn assertion(label: &str, data: Value) -> Value {
    json!({ "label": label, "data": data, "created": true })
}

/// A UUID of version 4 (RFC 9562), which manifests must have, from given bytes.
fn uuid(mut bytes: [u8; 16]) -> String {
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex = crate::hex::encode(&bytes);
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_are_uuids_of_version_4() {
        assert_eq!(uuid([0xff; 16]), "ffffffff-ffff-4fff-bfff-ffffffffffff");
        assert_eq!(uuid([0; 16]), "00000000-0000-4000-8000-000000000000");
    }
}
