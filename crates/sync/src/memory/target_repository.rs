//! What is known of one target repository in this run: asked with as few requests as possible.
//!
//! The first tag is asked for by HEAD. Only when a tag is missing is the list of tags read, once: it says
//! which tags need no question at all, and whether the repository is empty. Where digests of all tags can be had at
//! once, no tag is asked for by itself. Whatever the registry says to the wish for its list, it is asked for that once.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use oci::{Digest, Tag, TagOrDigest};
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use crate::endpoint::listing::BulkListing;
use crate::endpoint::{EndpointError, Target};
use crate::lock::lock;

/// So long a target that others could not wait for reads by itself.
const LAGS: Duration = Duration::from_secs(60);

/// How long an image waits for what another asks, as it may need no question then. Asking costs little.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// One target repository.
pub(crate) struct TargetRepository {
    target: Arc<dyn Target>,
    /// Held while the first question is under way, so that it is asked once.
    tags: Mutex<Tags>,
    /// Whether the last question got no answer, while nothing is known yet.
    is_silent: AtomicBool,
    was_empty: AtomicBool,
    /// Until when it is taken to be too slow to share a read with other targets.
    lags_until: std::sync::Mutex<Option<Instant>>,
}

enum Tags {
    /// Nothing was asked yet.
    Unknown,
    /// Tags are there; each has to be asked for.
    Some,
    /// One was missing: the list is worth reading, and not read yet.
    OneMissing,
    /// The registry did not list them, whatever the reason: each has to be asked for.
    Unlisted(EndpointError),
    /// All tags that were there.
    Listed(Arc<HashSet<Tag>>),
    /// All tags that were there, with what they point at.
    Known(Arc<BulkListing>),
}

/// All tags of a repository.
pub(crate) enum AllTags {
    /// Their names.
    Listed(Arc<HashSet<Tag>>),
    /// With what they point at.
    Known(Arc<BulkListing>),
}

impl AllTags {
    pub(crate) fn tags(&self) -> Box<dyn Iterator<Item = &Tag> + Send + '_> {
        match self {
            Self::Listed(listed) => Box::new(listed.iter()),
            Self::Known(known) => Box::new(known.digests.keys()),
        }
    }

    /// What a tag points at, where the list told.
    pub(crate) fn digest(&self, tag: &Tag) -> Option<&Digest> {
        match self {
            Self::Listed(_) => None,
            Self::Known(known) => known.digests.get(tag),
        }
    }
}

/// How an image came into a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// A rule names it.
    Named,
    /// The source lists it, most likely among many.
    Listed,
    /// Another rule of this run has brought it to the source: what was listed before says nothing of it.
    Promised,
    /// Another rule is to bring it to the source, and it is known which digest that will be.
    Foreseen,
    /// Another rule is to bring it to the source, and only the run itself can know what that will be.
    Unforeseen,
}

impl TargetRepository {
    pub(crate) fn new(target: Arc<dyn Target>) -> Self {
        let (is_silent, was_empty) = (AtomicBool::new(false), AtomicBool::new(false));
        let lags_until = std::sync::Mutex::default();
        Self { target, tags: Mutex::new(Tags::Unknown), is_silent, was_empty, lags_until }
    }

    /// What a tag or digest points at here; `None` if it is not there.
    pub(crate) async fn resolve(
        &self,
        reference: &TagOrDigest,
        found: Found,
    ) -> Result<Option<Digest>, EndpointError> {
        let TagOrDigest::Tag(tag) = reference else { return self.target.resolve(reference).await };
        let Ok(mut tags) = timeout(LONGEST_WAIT, self.tags.lock()).await else {
            return self.target.resolve(reference).await;
        };
        if matches!(*tags, Tags::Unknown) && self.is_silent.load(Ordering::Relaxed) {
            // A registry that swallows questions is not to be asked by one image after the other.
            drop(tags);
            let found = self.target.resolve(reference).await?;
            self.is_silent.store(false, Ordering::Relaxed);
            return Ok(found);
        }
        if matches!(*tags, Tags::OneMissing) {
            *tags = self.list().await;
        }
        if matches!(*tags, Tags::Unknown)
            && found == Found::Listed
            && let Some(known) = self.target.bulk_tags().await
        {
            self.was_empty.store(known.digests.is_empty(), Ordering::Relaxed);
            *tags = Tags::Known(known);
        }
        match &*tags {
            Tags::Known(known) => match known.digests.get(tag) {
                Some(digest) => return Ok(Some(digest.clone())),
                None if !may_be_hidden(tag) => return Ok(None),
                None => drop(tags),
            },
            Tags::Listed(listed) if !listed.contains(tag) => return Ok(None),
            Tags::Listed(_) | Tags::Some | Tags::OneMissing | Tags::Unlisted(_) => drop(tags),
            Tags::Unknown => {
                let found = self.target.resolve(reference).await.inspect_err(|_| {
                    self.is_silent.store(true, Ordering::Relaxed);
                })?;
                *tags = if found.is_some() { Tags::Some } else { Tags::OneMissing };
                return Ok(found);
            }
        }
        let found = self.target.resolve(reference).await?;
        // Whoever holds it reads the list; this image has its answer.
        if found.is_none()
            && let Ok(mut tags) = self.tags.try_lock()
            && matches!(*tags, Tags::Some)
        {
            *tags = Tags::OneMissing;
        }
        Ok(found)
    }

    /// Reads the list of tags where it is worth it since one was missing: while the image's manifest is read, and before
    /// anything is asked about its blobs.
    pub(crate) async fn list_if_one_is_missing(&self) {
        if let Ok(mut tags) = timeout(LONGEST_WAIT, self.tags.lock()).await
            && matches!(*tags, Tags::OneMissing)
        {
            *tags = self.list().await;
        }
    }

    /// All tags that are here, as they are listed once in the run.
    ///
    /// # Errors
    /// It does not list them.
    pub(crate) async fn all_tags(&self) -> Result<AllTags, EndpointError> {
        let mut tags = self.tags.lock().await;
        if matches!(*tags, Tags::Unknown | Tags::Some | Tags::OneMissing) {
            *tags = match self.target.bulk_tags().await {
                Some(known) => Tags::Known(known),
                None => self.list().await,
            };
        }
        match &*tags {
            Tags::Known(known) => Ok(AllTags::Known(known.clone())),
            Tags::Listed(listed) => Ok(AllTags::Listed(listed.clone())),
            Tags::Unlisted(error) => Err(error.clone()),
            Tags::Unknown | Tags::Some | Tags::OneMissing => Ok(AllTags::Listed(Arc::default())),
        }
    }

    /// Whether the repository had no tags, so that looking for blobs in it is idle.
    pub(crate) fn was_empty(&self) -> bool {
        self.was_empty.load(Ordering::Relaxed)
    }

    /// Others could not wait for it.
    pub(crate) fn note_lag(&self) {
        *lock(&self.lags_until) = Some(Instant::now() + LAGS);
    }

    /// Whether it was too slow for others not long ago.
    pub(crate) fn lags(&self) -> bool {
        lock(&self.lags_until).is_some_and(|until| Instant::now() < until)
    }

    /// The registry turned out to be in another state than it said.
    pub(crate) fn distrust(&self) {
        self.was_empty.store(false, Ordering::Relaxed);
    }

    /// A registry that refuses the list, swallows the question or breaks off is asked tag by tag, and for its list no more.
    async fn list(&self) -> Tags {
        let mut listed = HashSet::new();
        let mut pages = self.target.tags();
        loop {
            match pages.next().await {
                Ok(Some(page)) => listed.extend(page.tags),
                Ok(None) => break,
                Err(error) => return Tags::Unlisted(error),
            }
        }
        self.was_empty.store(listed.is_empty(), Ordering::Relaxed);
        Tags::Listed(Arc::new(listed))
    }
}

/// Whether a registry may keep a tag out of its lists of artifacts: Harbor shows signatures by their subject alone
/// (<https://github.com/goharbor/harbor/blob/main/src/pkg/accessory/model/cosign/cosign.go>).
fn may_be_hidden(tag: &Tag) -> bool {
    tag.as_str().starts_with("sha256-") || tag.as_str().starts_with("sha512-")
}
