//! Reports what a target repository lacks compared with its source.

use std::collections::HashSet;

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::digest_of;
use crate::seed::Pusher;

/// Every difference as a sentence; empty when the target has all that the source has.
///
/// Each tag must have the same digest, with every child manifest and blob below it, whose bytes are read and hashed.
/// Tags that only the target has are allowed.
pub async fn repositories(
    source: &Pusher,
    source_repository: &str,
    target: &Pusher,
    target_repository: &str,
) -> Result<Vec<String>> {
    let mut differences = Vec::new();
    for tag in source.tags(source_repository).await? {
        let wanted = source.digest(source_repository, &tag).await?;
        let wanted = wanted.with_context(|| format!("the source lists {tag}, but does not have it"))?;
        match target.digest(target_repository, &tag).await? {
            None => differences.push(format!("tag {tag} is missing")),
            Some(found) if found != wanted => differences.push(format!("tag {tag} is {found}, not {wanted}")),
            Some(_) => {
                let missing = missing_content(target, target_repository, &tag).await?;
                differences.extend(missing.into_iter().map(|what| format!("tag {tag}: {what}")));
            }
        }
    }
    Ok(differences)
}

/// What is missing or damaged below a tag or digest; empty when the image is complete.
pub async fn missing_content(registry: &Pusher, repository: &str, reference: &str) -> Result<Vec<String>> {
    let mut missing = Vec::new();
    let mut seen = HashSet::new();
    let mut open = vec![reference.to_owned()];
    while let Some(reference) = open.pop() {
        let Some((_, manifest)) = registry.manifest(repository, &reference).await? else {
            missing.push(format!("manifest {reference} is missing"));
            continue;
        };
        if reference.contains(':') && digest_of(&manifest) != reference {
            missing.push(format!("manifest {reference} is damaged"));
        }
        let manifest: Value = serde_json::from_slice(&manifest)?;
        open.extend(children(&manifest).filter(|digest| seen.insert(digest.clone())));
        for digest in blobs(&manifest).filter(|digest| seen.insert(digest.clone())) {
            missing.extend(blob_fault(registry, repository, &digest).await?);
        }
    }
    Ok(missing)
}

async fn blob_fault(registry: &Pusher, repository: &str, digest: &str) -> Result<Option<String>> {
    Ok(match registry.blob(repository, digest).await? {
        None => Some(format!("blob {digest} is missing")),
        Some(bytes) if digest_of(&bytes) != digest => Some(format!("blob {digest} is damaged")),
        Some(_) => None,
    })
}

fn children(manifest: &Value) -> impl Iterator<Item = String> {
    descriptors(&manifest["manifests"]).filter_map(digest)
}

/// Layers with `urls` need not be in the registry.
fn blobs(manifest: &Value) -> impl Iterator<Item = String> {
    let layers = descriptors(&manifest["layers"]).chain(descriptors(&manifest["blobs"]));
    let config = Some(&manifest["config"]).filter(|config| config.is_object());
    config.into_iter().chain(layers).filter(|layer| layer["urls"].is_null()).filter_map(digest)
}

fn descriptors(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

fn digest(descriptor: &Value) -> Option<String> {
    descriptor["digest"].as_str().map(String::from)
}
