//! Checks whether a repository has everything that a manifest refers to.

use serde_json::Value;

use crate::answer::{Answer, Refusal};
use crate::builder::manifest::Indexes;
use crate::store::Repository;

/// The refusal if the repository lacks content that the manifest refers to.
pub(super) fn check(
    repository: Option<&Repository>,
    manifest: &Value,
    indexes: Indexes,
) -> Result<(), Answer> {
    let has_blob = |digest: &str| repository.is_some_and(|found| found.blobs.contains_key(digest));
    // As in distribution, which finds an index's children among manifests and blobs: BuildKit's caches rely on it.
    let has_child = |digest: &str| {
        repository.is_some_and(|found| found.manifests.contains_key(digest)) || has_blob(digest)
    };
    let config = manifest.get("config").into_iter();
    let blobs =
        config.chain(list(manifest, "layers")).chain(list(manifest, "blobs")).filter(|blob| is_ours(blob));
    if let Some(digest) = blobs.filter_map(digest).find(|digest| !has_blob(digest)) {
        return Err(Refusal::ManifestBlobUnknown.of(digest));
    }
    match list(manifest, "manifests").filter_map(digest).find(|digest| !has_child(digest)) {
        None => Ok(()),
        Some(digest) => match indexes {
            Indexes::Sparse => Ok(()),
            Indexes::Whole => Err(Refusal::ManifestBlobUnknown.of(digest)),
            Indexes::Invalid => Err(Refusal::ManifestInvalid.of(format!("{digest} is not there"))),
            Indexes::Denied => Err(Refusal::Denied.of("sparse indexes are not allowed")),
        },
    }
}

pub(super) fn list<'a>(manifest: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    manifest.get(name).and_then(Value::as_array).into_iter().flatten()
}

fn digest(descriptor: &Value) -> Option<&str> {
    descriptor.get("digest").and_then(Value::as_str)
}

/// Layers with addresses, or those that must not be distributed, may be elsewhere.
fn is_ours(blob: &Value) -> bool {
    let media_type = blob.get("mediaType").and_then(Value::as_str).unwrap_or_default();
    let has_urls = blob.get("urls").and_then(Value::as_array).is_some_and(|urls| !urls.is_empty());
    !has_urls && !media_type.contains(".foreign.") && !media_type.contains(".nondistributable.")
}
