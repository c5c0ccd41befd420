//! The kinds of manifests that the registry accepts.

use serde_json::Value;

use super::completeness::list;
use crate::answer::{Answer, Refusal};
use crate::builder::manifest::{Attestations, ManifestSettings};

const IN_TOTO: &str = "application/vnd.in-toto+json";

/// The path of `BuildKit`'s annotation that marks attestations in an index.
const REFERENCE_TYPE: &str = "/annotations/vnd.docker.reference.type";

pub(super) fn without_parameters(media_type: &str) -> &str {
    media_type.split(';').next().unwrap_or_default().trim()
}

/// Refuses manifests that the registry does not accept.
pub(super) fn check(settings: &ManifestSettings, media_type: &str, manifest: &Value) -> Result<(), Answer> {
    let own = manifest.get("artifactType").and_then(Value::as_str);
    let config = manifest.pointer("/config/mediaType").and_then(Value::as_str);
    let mut all = own.into_iter().chain(config).chain(layer_types(manifest)).chain([media_type]);
    if let Some(refused) = all.find(|found| settings.refused_media_types.iter().any(|known| known == found)) {
        return Err(Refusal::ManifestInvalid.of(format!("{refused} is not supported")));
    }
    let is_attestation = layer_types(manifest).any(|found| found == IN_TOTO);
    let class = config.unwrap_or(media_type);
    let is_denied = settings.denied_classes.iter().any(|denied| denied == class)
        || (is_attestation && settings.attestations == Attestations::Denied);
    if is_denied {
        return Err(Refusal::Denied.in_words(&format!("unknown manifest class for {class}")));
    }
    let leads_to_one = list(manifest, "manifests").any(|child| child.pointer(REFERENCE_TYPE).is_some());
    let is_refused = match settings.attestations {
        Attestations::Taken | Attestations::Denied => false,
        Attestations::Refused => is_attestation || leads_to_one,
        Attestations::RefusedInIndexes => leads_to_one,
    };
    if is_refused { Err(Refusal::ManifestInvalid.of("attestations are not supported")) } else { Ok(()) }
}

fn layer_types(manifest: &Value) -> impl Iterator<Item = &str> {
    list(manifest, "layers").filter_map(|layer| layer.get("mediaType").and_then(Value::as_str))
}
