//! Compares the demo's target with its source in the registries' storage, not through the protocol.

use http::Method;
use oci::{Descriptor, Links, MediaType, RawManifest};

use super::registries::{NAMESPACE, Registries};

/// The counts of what is the same on both sides.
#[derive(Default)]
pub(super) struct Arrived {
    pub(super) tags: usize,
    pub(super) manifests: usize,
    pub(super) blobs: usize,
}

/// Compares every tag and everything below it.
pub(super) fn arrived(registries: &Registries) -> Result<Arrived, String> {
    let mut arrived = Arrived::default();
    let source = registries.source.store();
    for repository in source.repositories() {
        let name = repository.split_once('/').map_or(repository.as_str(), |(_, name)| name);
        let comparison =
            Comparison { registries, source: &repository, target: format!("{NAMESPACE}/{name}") };
        for tag in source.tags(&repository) {
            comparison.manifest(&tag, &mut arrived)?;
            arrived.tags += 1;
        }
    }
    Ok(arrived)
}

struct Comparison<'a> {
    registries: &'a Registries,
    source: &'a str,
    target: String,
}

impl Comparison<'_> {
    fn manifest(&self, reference: &str, arrived: &mut Arrived) -> Result<(), String> {
        let here = self.registries.source.store().manifest(self.source, reference);
        let there = self.registries.target.store().manifest(&self.target, reference);
        let Some(manifest) = here.filter(|here| Some(here) == there.as_ref()) else {
            return Err(format!("{}:{reference} is not the same at the target", self.source));
        };
        arrived.manifests += 1;
        let links = RawManifest::from_answer(&MediaType::new(&manifest.media_type), manifest.bytes, None)
            .and_then(|manifest| manifest.links())
            .map_err(|error| error.to_string())?;
        let Links { manifests, blobs, .. } = links;
        manifests.iter().try_for_each(|child| self.manifest(&child.digest.to_string(), arrived))?;
        blobs.iter().try_for_each(|blob| self.blob(blob, arrived))
    }

    fn blob(&self, blob: &Descriptor, arrived: &mut Arrived) -> Result<(), String> {
        let digest = blob.digest.to_string();
        let here = self.registries.source.store().blob(self.source, &digest);
        let there = self.registries.target.store().blob(&self.target, &digest);
        if here.is_none() || here != there {
            return Err(format!("blob {digest} of {} is not the same at the target", self.source));
        }
        arrived.blobs += 1;
        Ok(())
    }
}

/// Checks that the last run moved nothing; returns the number of requests to the target.
pub(super) fn nothing_sent(registries: &Registries) -> Result<usize, String> {
    let (source, target) = (registries.source.requests(), registries.target.requests());
    let writes =
        target.iter().filter(|request| request.method != Method::HEAD && request.method != Method::GET);
    let reads =
        source.iter().filter(|request| request.is_manifest(&Method::GET) || request.is_blob(&Method::GET));
    match writes.chain(reads).next() {
        Some(request) => Err(format!("the second run did more than look: {}", request.line())),
        None => Ok(target.len()),
    }
}
