//! What tests of several files need.

use std::sync::Arc;

use oci::TagOrDigest;
use sync::Image;

/// An image.
pub(crate) fn image() -> Arc<Image> {
    let reference = TagOrDigest::Tag("v1".parse().unwrap());
    Arc::new(Image {
        source: "a.io/x".into(),
        source_reference: reference.clone(),
        target: "b.io/x".into(),
        target_reference: reference,
    })
}
