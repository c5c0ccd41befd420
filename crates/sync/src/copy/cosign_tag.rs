//! Copies referrers that have tags of their own, which are made from their subject's digest: older cosign signatures.

use std::collections::HashSet;
use std::sync::Arc;

use oci::{Digest, Tag, TagOrDigest, cosign_tags};

use super::conflict::{LastLook, stays_free};
use super::walk::Walk;
use crate::{Cause, Error, Event, OnConflict};

impl Walk {
    /// Copies older cosign signatures, which have tags that are made from their subject's digest.
    pub(super) async fn bring_cosign_tags(&self, subject: &Digest) {
        for reference in self.wanted_cosign_tags(subject).await {
            let Some(Some(digest)) = self.or_fail(self.resolve(&reference).await) else { continue };
            self.bring_tag(&reference, &digest).await;
        }
    }

    /// The possible cosign tags that the rule wants. Counts the unwanted ones that the source has.
    pub(super) async fn wanted_cosign_tags(&self, subject: &Digest) -> Vec<TagOrDigest> {
        let is_wanted = |tag: &Tag| self.policy().referrers.takes_tag(tag);
        let tags = self.possible_cosign_tags(subject).into_iter();
        let (wanted, unwanted): (Vec<_>, Vec<_>) = tags.partition(is_wanted);
        self.copy.amounts.referrers_left(self.number_there(unwanted).await);
        wanted.into_iter().map(TagOrDigest::Tag).collect()
    }

    /// The cosign tags of a subject, without those that the source's tag listing lacks.
    pub(super) fn possible_cosign_tags(&self, subject: &Digest) -> Vec<Tag> {
        let mut tags = cosign_tags(subject);
        tags.retain(|tag| !self.source_lacks(tag));
        tags
    }

    /// Whether a listing of this run shows that the source lacks the tag. As with all tags, later pushes are left to
    /// the next run.
    pub(super) fn source_lacks(&self, tag: &Tag) -> bool {
        self.run.referrer_tags.lacks(self.source.name(), tag)
    }

    /// How many of these tags the source has. The number is only reported.
    pub(super) async fn number_there(&self, tags: Vec<Tag>) -> u64 {
        let mut there = 0;
        for tag in tags {
            there += u64::from(matches!(self.source.resolve(&TagOrDigest::Tag(tag)).await, Ok(Some(_))));
        }
        there
    }

    /// Whether the target has the digest under a reference. An error counts as no: the push will report it.
    async fn has_as(&self, reference: &TagOrDigest, digest: &Digest) -> bool {
        let is_broken = self.copy.ledger.is_broken(self.copy.target.repository(), digest);
        !is_broken && matches!(self.copy.target.resolve(reference).await, Ok(Some(there)) if there == *digest)
    }

    /// Whether a referrer's tag has to be set at the target.
    ///
    /// # Errors
    /// The tag has other content, which the rule keeps.
    async fn lacks_tag(&self, reference: &TagOrDigest, digest: &Digest) -> Result<bool, Arc<Error>> {
        if !self.keeps_others() {
            return Ok(!self.has_as(reference, digest).await);
        }
        let there = self.run.retrying(&self.copy, || stays_free(self, reference, digest)).await?;
        Ok(there.is_none() || self.copy.ledger.is_broken(self.copy.target.repository(), digest))
    }

    /// The same, but a tag that the rule keeps counts as not to be set. It is reported; if the rule says so, the image
    /// fails.
    pub(super) async fn wants_tag(
        &self,
        reference: &TagOrDigest,
        digest: &Digest,
    ) -> Result<bool, Arc<Error>> {
        match self.lacks_tag(reference, digest).await {
            Ok(lacks) => Ok(lacks),
            Err(error) => self.keep_tag(reference, error).map(|()| false),
        }
    }

    /// Counts and reports a referrer's tag that has other content at the target and stays.
    fn keep_tag(&self, reference: &TagOrDigest, error: Arc<Error>) -> Result<(), Arc<Error>> {
        let Cause::Conflict { there, wanted } = &error.cause else { return Err(error) };
        if self.policy().on_conflict == OnConflict::Fail {
            return Err(error);
        }
        self.copy.amounts.referrers_left(1);
        let text = format!("it has {there} as {reference}, not {wanted} as the source: that stays");
        self.run.tell(&Event::Note { place: self.copy.target.name().into(), text });
        Ok(())
    }

    /// Copies a referrer that has a tag of its own.
    pub(super) async fn bring_tag(&self, reference: &TagOrDigest, digest: &Digest) {
        if self.copy.has_failed() {
            return;
        }
        if self.or_fail(self.wants_tag(reference, digest).await) == Some(true) {
            let brought = self.set_tag(reference, digest).await;
            self.or_fail(brought.or_else(|error| self.keep_tag(reference, error)));
        }
    }

    async fn set_tag(&self, reference: &TagOrDigest, digest: &Digest) -> Result<(), Arc<Error>> {
        let copy = &self.copy;
        let mut read = copy.image_read(&self.run).await;
        let manifest = self.read_manifest(&TagOrDigest::Digest(digest.clone())).await?;
        read.came(&manifest);
        if self.copy_links(&manifest).await && !copy.has_failed() {
            self.put(&manifest, reference, &HashSet::new(), LastLook::of_tag(self, reference)).await?;
            copy.amounts.referrer();
        }
        Ok(())
    }
}
