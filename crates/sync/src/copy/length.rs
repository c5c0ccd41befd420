//! Blobs that have another length at the target than they should: a registry that has content under a digest may have
//! only a part of it (<https://github.com/goharbor/harbor/issues/20143>).

use std::sync::Arc;

use oci::Descriptor;

use crate::endpoint::FoundBlob;
use crate::engine::run::{ImageCopy, Run};
use crate::{Cause, Error, Operation};

/// The length of the found blob, if it differs from the descriptor's.
pub(super) fn other_length(blob: &Descriptor, found: FoundBlob) -> Option<u64> {
    found.length.filter(|length| blob.size.is_some_and(|size| size != *length))
}

/// Checks the length again after the blob was sent: some registries keep the content that they have under a digest,
/// whatever is sent (<https://github.com/distribution/distribution/blob/main/registry/storage/blobwriter.go>,
/// `moveBlob`).
pub(super) async fn check_mended(run: &Run, copy: &ImageCopy, blob: &Descriptor) -> Result<(), Arc<Error>> {
    let operation = || Operation::SendBlob(blob.digest.clone());
    let step = async || {
        let found = copy.target.find_blob(&blob.digest).await;
        found.map_err(|cause| copy.target_error(operation(), cause))
    };
    let found = run.retrying(copy, step).await?;
    // Length 0 does not count: proxies that do not know the length send it, too.
    match found.and_then(|found| other_length(blob, found)).filter(|length| *length > 0) {
        None => Ok(()),
        Some(actual) => {
            let (digest, expected) = (Box::new(blob.digest.clone()), blob.size.unwrap_or_default());
            let cause = Cause::KeepsOtherLength { digest, expected, actual };
            Err(Arc::new(copy.target_error(operation(), cause)))
        }
    }
}

#[cfg(test)]
mod tests {
    use oci::Digest;

    use super::*;

    #[test]
    fn e25_only_a_length_that_is_told_and_known_can_be_another() {
        for (size, length, other) in [
            (Some(10), Some(10), None),
            (Some(10), Some(7), Some(7)),
            (Some(10), Some(0), Some(0)),
            (Some(0), Some(0), None),
            (Some(10), None, None),
            (None, Some(7), None),
        ] {
            let blob = Descriptor::new(None, Digest::sha256(b"x"), size);
            assert_eq!(other_length(&blob, FoundBlob { length }), other, "{size:?} {length:?}");
        }
    }
}
