//! Which other images the failure of a transfer concerns.

use std::sync::Arc;

use oci::{Digest, Links, TagOrDigest};

use crate::endpoint::{Source, StoreId};
use crate::{Error, Operation, Side};

/// Why content could not be brought to a repository in this run.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub(crate) why: Why,
    /// The source.
    store: StoreId,
    place: String,
}

#[derive(Clone, Debug)]
pub(crate) enum Why {
    Failed(Arc<Error>),
    /// Registries need not keep it, and no address has it.
    LeftOut,
}

impl Failure {
    pub(crate) fn new(error: Arc<Error>, source: &dyn Source) -> Self {
        Self { why: Why::Failed(error), store: source.store().clone(), place: source.name().to_owned() }
    }

    pub(crate) fn left_out(source: &dyn Source) -> Self {
        Self { why: Why::LeftOut, store: source.store().clone(), place: source.name().to_owned() }
    }

    /// Whether a copy of the same content from `source` would meet the same failure. A failure of the source concerns
    /// all copies that read there; a failure of the target concerns all copies to the same repository.
    pub(super) fn concerns(&self, source: &dyn Source, is_same_repository: bool) -> bool {
        match &self.why {
            Why::Failed(error) if error.side == Side::Target => is_same_repository,
            Why::Failed(_) | Why::LeftOut => self.store == *source.store() && self.place == source.name(),
        }
    }
}

/// Whether the error of a copy is about this manifest or its content, and not about another part of the copy.
pub(crate) fn is_of_manifest(error: &Error, manifest: &Digest, links: &Links) -> bool {
    if error.is_stopped() {
        return false;
    }
    let (Operation::ReadBlob(of)
    | Operation::StartBlob(of)
    | Operation::SendBlob(of)
    | Operation::ReadManifest(TagOrDigest::Digest(of))
    | Operation::PushManifest(TagOrDigest::Digest(of))) = &error.operation
    else {
        return false;
    };
    of == manifest || links.blobs.iter().chain(&links.manifests).any(|part| part.digest == *of)
}

#[cfg(test)]
mod tests {
    use oci::Descriptor;

    use super::*;
    use crate::error::fixtures::broken;

    #[test]
    fn e1_a_copy_that_failed_with_another_blob_says_nothing_of_a_manifest() {
        let [manifest, blob, other] =
            [b"manifest", b"the blob", b"another "].map(|text| Digest::sha256(text));
        let links = Links { blobs: vec![Descriptor::new(None, blob.clone(), None)], ..Links::default() };
        let is_of = |operation| is_of_manifest(&Error { operation, ..broken() }, &manifest, &links);
        assert!(is_of(Operation::ReadBlob(blob.clone())));
        assert!(is_of(Operation::ReadManifest(TagOrDigest::Digest(manifest.clone()))));
        assert!(!is_of(Operation::SendBlob(other)));
        assert!(!is_of(Operation::Resolve(TagOrDigest::Digest(manifest.clone()))));
        let stopped = Error { operation: Operation::ReadBlob(blob), ..broken() }.stopped();
        assert!(!is_of_manifest(&stopped, &manifest, &links), "that copy's end");
    }
}
