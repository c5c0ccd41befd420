//! What this run knows of one target repository, with as few requests as possible.
//!
//! The first tag is looked up by HEAD. The tags are listed only after a tag was missing, and only once: the list
//! tells which tags need no request at all, and whether the repository is empty. If the digests of all tags are
//! available at once, no tag is looked up alone. If the list fails, it is not requested again.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use oci::{Digest, Tag, TagOrDigest};
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use crate::endpoint::listing::BulkListing;
use crate::endpoint::{EndpointError, FoundManifest, Meaning, Target};
use crate::lock::lock;

/// How long a target that was too slow for the others reads by itself.
const LAGS: Duration = Duration::from_secs(60);

/// How long an image waits for another image's request, which may save its own. A request costs little.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// One target repository.
pub(crate) struct TargetRepository {
    target: Arc<dyn Target>,
    /// Locked during the first request, so that it is sent once.
    tags: Mutex<Tags>,
    /// Whether the last request got no answer, while nothing is known yet.
    is_silent: AtomicBool,
    was_empty: AtomicBool,
    /// Until when the target counts as too slow to share a read with others.
    lags_until: std::sync::Mutex<Option<Instant>>,
}

enum Tags {
    /// No request was sent yet.
    Unknown,
    /// The repository has tags; each has to be looked up.
    Some,
    /// A tag was missing: listing the tags makes sense, but was not done yet.
    OneMissing,
    /// Listing the tags failed: each has to be looked up.
    Unlisted(EndpointError),
    /// All tags.
    Listed(Arc<HashSet<Tag>>),
    /// All tags with their digests.
    Known(Arc<BulkListing>),
}

/// All tags of a repository.
pub(crate) enum AllTags {
    /// Their names.
    Listed(Arc<HashSet<Tag>>),
    /// With their digests.
    Known(Arc<BulkListing>),
}

impl AllTags {
    pub(crate) fn tags(&self) -> Box<dyn Iterator<Item = &Tag> + Send + '_> {
        match self {
            Self::Listed(listed) => Box::new(listed.iter()),
            Self::Known(known) => Box::new(known.digests.keys()),
        }
    }

    /// The digest of a tag, if the list has it.
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
    /// The source lists it, probably among many.
    Listed,
    /// Another rule of this run has copied it to the source: earlier listings do not have it.
    Promised,
    /// Another rule will copy it to the source, with a known digest.
    Foreseen,
    /// Another rule will copy it to the source, with a digest that only the run itself can determine.
    Unforeseen,
}

impl TargetRepository {
    pub(crate) fn new(target: Arc<dyn Target>) -> Self {
        let (is_silent, was_empty) = (AtomicBool::new(false), AtomicBool::new(false));
        let lags_until = std::sync::Mutex::default();
        Self { target, tags: Mutex::new(Tags::Unknown), is_silent, was_empty, lags_until }
    }

    /// The manifest under a tag or digest in this repository; `None` if it does not exist.
    pub(crate) async fn find(
        &self,
        reference: &TagOrDigest,
        found: Found,
    ) -> Result<Option<FoundManifest>, EndpointError> {
        let TagOrDigest::Tag(tag) = reference else { return self.target.find_manifest(reference).await };
        let Ok(mut tags) = timeout(LONGEST_WAIT, self.tags.lock()).await else {
            return self.target.find_manifest(reference).await;
        };
        if matches!(*tags, Tags::Unknown) && self.is_silent.load(Ordering::Relaxed) {
            // If the registry does not answer, images must not wait for each other's requests.
            drop(tags);
            let found = self.target.find_manifest(reference).await?;
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
                Some(digest) => return Ok(Some(FoundManifest::of(digest.clone()))),
                None if !may_be_hidden(tag) => return Ok(None),
                None => drop(tags),
            },
            Tags::Listed(listed) if !listed.contains(tag) => return Ok(None),
            Tags::Listed(_) | Tags::Some | Tags::OneMissing | Tags::Unlisted(_) => drop(tags),
            Tags::Unknown => {
                let found = self.target.find_manifest(reference).await;
                match &found {
                    Ok(Some(_)) => *tags = Tags::Some,
                    told if shows_none(told) => *tags = Tags::OneMissing,
                    _ => self.is_silent.store(true, Ordering::Relaxed),
                }
                return found;
            }
        }
        let found = self.target.find_manifest(reference).await;
        // If the lock is held, another image is listing the tags; this one has its answer.
        if shows_none(&found)
            && let Ok(mut tags) = self.tags.try_lock()
            && matches!(*tags, Tags::Some)
        {
            *tags = Tags::OneMissing;
        }
        found
    }

    /// Lists the tags after one was missing: while the image's manifest is read, and before any request for its blobs.
    pub(crate) async fn list_if_one_is_missing(&self) {
        if let Ok(mut tags) = timeout(LONGEST_WAIT, self.tags.lock()).await
            && matches!(*tags, Tags::OneMissing)
        {
            *tags = self.list().await;
        }
    }

    /// All tags, listed once in the run.
    ///
    /// # Errors
    /// The registry does not list them.
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

    /// Whether the repository had no tags, so that looking for blobs in it is useless.
    pub(crate) fn was_empty(&self) -> bool {
        self.was_empty.load(Ordering::Relaxed)
    }

    /// Notes that the other targets could not wait for this one.
    pub(crate) fn note_lag(&self) {
        *lock(&self.lags_until) = Some(Instant::now() + LAGS);
    }

    /// Whether it was recently too slow for the others.
    pub(crate) fn lags(&self) -> bool {
        lock(&self.lags_until).is_some_and(|until| Instant::now() < until)
    }

    /// The registry's state turned out to differ from its answers.
    pub(crate) fn distrust(&self) {
        self.was_empty.store(false, Ordering::Relaxed);
    }

    /// Lists the tags. After an error the tags are looked up one by one, and the list is not requested again.
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

/// Whether the tag was missing, or was not shown: some registries deny even reads of a repository that a push would
/// create, and their list tells more.
fn shows_none<T>(found: &Result<Option<T>, EndpointError>) -> bool {
    match found {
        Ok(found) => found.is_none(),
        Err(error) => error.meaning == Meaning::Hidden,
    }
}

/// Whether a registry may omit a tag from its listings of artifacts: Harbor shows signatures only with their subject
/// (<https://github.com/goharbor/harbor/blob/main/src/pkg/accessory/model/cosign/cosign.go>).
fn may_be_hidden(tag: &Tag) -> bool {
    tag.as_str().starts_with("sha256-") || tag.as_str().starts_with("sha512-")
}
