//! The tags under which clients keep the referrers of a manifest. Spec: distribution-spec, "Referrers Tag Schema".

use oci::{Descriptor, Digest, ErrorKind, MediaType, RawManifest, Tag, TagOrDigest, referrers_tag};

use super::lock::lock;
use crate::error::Problem;
use crate::{Error, Repository};

/// The result of adding to the list under the tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReferrersTag {
    /// The referrer is in it now.
    Updated,
    /// The referrer was in it already.
    Unchanged,
}

impl Repository {
    /// Adds a referrer to the list under the subject's tag: for registries that keep no list themselves
    /// ([`SubjectIndexed::NotByRegistry`](crate::SubjectIndexed::NotByRegistry)).
    ///
    /// One writer at a time in this process; entries of writers in other processes may get lost, because the protocol has no
    /// lock. A tag that holds something else is not changed, which is an error.
    pub async fn add_referrer(&self, subject: &Digest, referrer: &Descriptor) -> Result<ReferrersTag, Error> {
        let tag = referrers_tag(subject);
        let _turn = lock(self.registry().host(), self.name(), &tag).await;
        let reference = TagOrDigest::Tag(tag.clone());
        let index = match self.pull_manifest(&reference).await {
            Ok(index) if *index.media_type() == MediaType::OCI_INDEX => with(&index, referrer)?,
            Ok(_) => {
                let call = self.call(http::Method::PUT, &format!("manifests/{tag}")).await?;
                return Err(call.protocol(Problem::ReferrersTag(tag)));
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {
                Some(RawManifest::index_of(std::slice::from_ref(referrer)))
            }
            Err(error) => return Err(error),
        };
        let Some(index) = index else { return Ok(ReferrersTag::Unchanged) };
        self.push_manifest(&reference, &index).await?;
        Ok(ReferrersTag::Updated)
    }

    /// Stores a list of referrers under its tag, and replaces the existing list. It takes the same lock as
    /// `add_referrer`.
    pub async fn push_referrers_tag(&self, tag: &Tag, list: &RawManifest) -> Result<(), Error> {
        let _turn = lock(self.registry().host(), self.name(), tag).await;
        self.push_manifest(&TagOrDigest::Tag(tag.clone()), list).await.map(drop)
    }
}

/// The list with one more referrer; `None` if it is in it already.
fn with(index: &RawManifest, referrer: &Descriptor) -> Result<Option<RawManifest>, Error> {
    let unusable = |source| Error::Manifest { digest: index.digest().clone(), source };
    let listed = index.links().map_err(unusable)?.manifests;
    if listed.iter().any(|entry| entry.digest == referrer.digest) {
        return Ok(None);
    }
    index.with_child(referrer).map(Some).map_err(unusable)
}
