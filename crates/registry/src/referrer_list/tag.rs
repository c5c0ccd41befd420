//! The tags under which clients keep what refers to a manifest. Spec: distribution-spec, "Referrers Tag Schema".

use super::lock::lock;
use crate::error::Problem;
use crate::{Descriptor, Digest, Error, ErrorKind, MediaType, Repository, Tag, TagOrDigest};
use oci::RawManifest;

/// The longest algorithm in a tag.
const LONGEST_ALGORITHM: usize = 32;
/// The most hexadecimal digits in a tag.
const MOST_DIGITS: usize = 64;

/// What became of the list under the tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReferrersTag {
    /// The referrer is in it now.
    Updated,
    /// It was in it before.
    Unchanged,
}

/// The tag with the list of what refers to `subject`, where the registry keeps none.
pub fn referrers_tag(subject: &Digest) -> Tag {
    let (algorithm, hex) = (subject.algorithm().name(), subject.hex());
    let algorithm = &algorithm[..algorithm.len().min(LONGEST_ALGORITHM)];
    let tag = format!("{algorithm}-{}", &hex[..hex.len().min(MOST_DIGITS)]);
    tag.parse().expect("letters, digits and a hyphen are a tag")
}

/// Where cosign keeps signature, attestations and SBOM of a manifest. None for sha512, whose tags would be too
/// long. <https://github.com/sigstore/cosign/blob/main/specs/SIGNATURE_SPEC.md>
pub fn cosign_tags(subject: &Digest) -> Vec<Tag> {
    let tag = |suffix: &&str| format!("{}-{}.{suffix}", subject.algorithm(), subject.hex()).parse().ok();
    ["sig", "att", "sbom"].iter().filter_map(tag).collect()
}

impl Repository {
    /// Adds a referrer to the list under the subject's tag: for registries that keep no list themselves
    /// ([`SubjectIndexed::NotByRegistry`](crate::SubjectIndexed::NotByRegistry)).
    ///
    /// One writer at a time in this process; writers elsewhere may lose their entry, the protocol has no way to
    /// exclude them. A tag that is used for something else is left alone, which is an error.
    pub async fn add_referrer(&self, subject: &Digest, referrer: &Descriptor) -> Result<ReferrersTag, Error> {
        let _turn = lock(self.registry().host(), self.name(), subject).await;
        let tag = referrers_tag(subject);
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
}

/// The list with one more referrer; `None` if it is in it.
fn with(index: &RawManifest, referrer: &Descriptor) -> Result<Option<RawManifest>, Error> {
    let unusable = |source| Error::Manifest { digest: index.digest().clone(), source };
    let listed = index.links().map_err(unusable)?.manifests;
    if listed.iter().any(|entry| entry.digest == referrer.digest) {
        return Ok(None);
    }
    index.with_child(referrer).map(Some).map_err(unusable)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Algorithm;

    #[test]
    fn c56_the_tag_has_at_most_64_digits() {
        for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
            let subject = algorithm.digest(b"x");
            let tag = referrers_tag(&subject).to_string();
            assert_eq!(tag, format!("{algorithm}-{}", &subject.hex()[..64]));
            assert_eq!(tag.parse::<Tag>().unwrap().to_string(), tag);
        }
    }

    #[test]
    fn c61_cosigns_tags_are_named() {
        let subject = Digest::sha256(b"x");
        let tags: Vec<_> = cosign_tags(&subject).iter().map(Tag::to_string).collect();
        assert_eq!(tags, ["sig", "att", "sbom"].map(|end| format!("sha256-{}.{end}", subject.hex())));
        assert_eq!(cosign_tags(&Algorithm::Sha512.digest(b"x")), []);
    }
}
