//! What targets and sources have now.

use std::collections::BTreeSet;

use oci::{Digest, Tag, TagOrDigest};

use crate::endpoint::{EndpointError, Source, Target};
use crate::engine::ask::{ask, pause};
use crate::engine::backoff::Backoff;
use crate::engine::retry::{Asked, retry};
use crate::{Error, Operation, Side};

/// The listing of a repository.
#[derive(Debug, Default)]
pub(super) struct Listed {
    pub(super) tags: BTreeSet<Tag>,
    /// Listed names that are no tags.
    pub(super) invalid: BTreeSet<String>,
}

/// Lists all tags.
pub(super) async fn list(target: &dyn Target, retries: u32) -> Result<Listed, Error> {
    let (mut pages, mut all, tries) = (target.tags(), Listed::default(), &mut Backoff::new(retries));
    let error = |cause: EndpointError| {
        let (side, place, operation) = (Side::Target, target.name().to_owned(), Operation::ListTags);
        Error { side, place, operation, cause: cause.into() }
    };
    let mut step = Asked { tries, from: &mut *pages, ask: |pages| pages.next(), error, pause };
    while let Some(page) = retry(&mut step).await? {
        all.tags.extend(page.tags);
        all.invalid.extend(page.invalid);
    }
    Ok(all)
}

/// The present digest of a reference. If the target supports deletion, a denied request is an error: only what the
/// registry reports as missing counts as gone.
pub(super) async fn resolve(
    target: &dyn Target,
    retries: u32,
    name: &TagOrDigest,
) -> Result<Option<Digest>, Error> {
    let question = || match target.deletes() {
        Some(deletes) => deletes.resolve(name),
        None => target.resolve(name),
    };
    ask((Side::Target, target.name()), retries, Operation::Resolve(name.clone()), question).await
}

/// The present digest of a reference at a source.
pub(super) async fn resolve_at_source(
    source: &dyn Source,
    retries: u32,
    name: &TagOrDigest,
) -> Result<Option<Digest>, Error> {
    let operation = Operation::Resolve(name.clone());
    ask((Side::Source, source.name()), retries, operation, || source.resolve(name)).await
}
