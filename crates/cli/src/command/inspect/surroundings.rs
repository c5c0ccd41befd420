//! Reads what the manifests do not tell: config, referrers, tags. All requests run side by side.

use ::sync::endpoint::Kept;
use ::sync::{Error, Operation, Source};
use futures_util::future::join_all;
use oci::{Digest, Reference, Tag, TagOrDigest, cosign_tags};
use serde_json::Value;

use super::config;
use super::graph::Node;
use crate::command::look::Look;
use crate::output::inspect::Referrer;
use crate::output::warn;

/// The findings beside the manifests.
#[derive(Default)]
pub(super) struct Surroundings {
    /// The config of the image, or of the first image of an index.
    pub(super) config: Option<Value>,
    /// `None` if the request failed.
    pub(super) referrers: Option<Vec<Referrer>>,
    pub(super) tags: Option<Vec<String>>,
}

/// The findings, and the errors of parts that could not be read.
pub(super) async fn surroundings(
    look: &Look,
    repository: &dyn Source,
    place: &Reference,
    node: &Node,
    tags: bool,
) -> (Surroundings, Vec<Error>) {
    let digest = node.manifest.digest();
    let config = async {
        match config::wanted(node) {
            Some(wanted) => config::read(look, repository, wanted).await,
            None => Ok(None),
        }
    };
    let tags = async { if tags { same(look, repository, place, digest).await } else { Ok(None) } };
    let (config, listed, tagged, tags) =
        tokio::join!(config, listed(look, repository, digest), tagged(look, repository, digest), tags);
    let mut problems = Vec::new();
    let mut referrers = kept(listed, &mut problems);
    for tagged in tagged {
        if let Some(tagged) = kept(tagged, &mut problems).flatten()
            && let Some(referrers) = &mut referrers
        {
            referrers.push(tagged);
        }
    }
    let config = kept(config, &mut problems).flatten();
    let tags = kept(tags, &mut problems).flatten();
    (Surroundings { config, referrers, tags }, problems)
}

fn kept<T>(found: Result<T, Error>, problems: &mut Vec<Error>) -> Option<T> {
    found.map_err(|problem| problems.push(problem)).ok()
}

/// The referrers, from the registry's API or from the referrers tag.
async fn listed(look: &Look, repository: &dyn Source, digest: &Digest) -> Result<Vec<Referrer>, Error> {
    let ask = || repository.referrers(digest, Kept::Anywhere);
    let found = look.ask(repository.name(), Operation::ListReferrers(digest.clone()), ask).await?;
    Ok(found.into_iter().map(Referrer::of).collect())
}

/// cosign's tags for this image: signature, attestations, SBOM. Three questions are cheaper than a list of all tags.
async fn tagged(
    look: &Look,
    repository: &dyn Source,
    digest: &Digest,
) -> Vec<Result<Option<Referrer>, Error>> {
    join_all(cosign_tags(digest).into_iter().map(|tag| under(look, repository, tag))).await
}

async fn under(look: &Look, repository: &dyn Source, tag: Tag) -> Result<Option<Referrer>, Error> {
    let by = TagOrDigest::Tag(tag.clone());
    let found =
        look.ask(repository.name(), Operation::Resolve(by.clone()), || repository.resolve(&by)).await?;
    let (artifact_type, size, annotations) = Default::default();
    Ok(found.map(|digest| Referrer { digest, artifact_type, size, tag: Some(tag.to_string()), annotations }))
}

/// The tags with the same digest, if the registry lists the digests of all tags.
async fn same(
    look: &Look,
    repository: &dyn Source,
    place: &Reference,
    digest: &Digest,
) -> Result<Option<Vec<String>>, Error> {
    let known = look.registries.lock().known(&place.registry, &place.repository);
    let ask = || known.registry_api.bulk_listing(&place.repository);
    let Some(listing) = look.ask(repository.name(), Operation::ListTags, ask).await? else {
        warn(&format!("{} does not list what its tags point at", place.registry));
        return Ok(None);
    };
    let same = listing.digests.into_iter().filter(|(_, of)| of == digest).map(|(tag, _)| tag.to_string());
    let mut same: Vec<_> = same.collect();
    same.sort();
    Ok(Some(same))
}
