//! Values for the tests of several files.

use std::sync::Arc;

use oci::{Digest, TagOrDigest};
use sync::Image;

use crate::message::release::Release;
use crate::message::run::RunEntry;

/// An open run of two jobs, of this config.
pub(crate) fn run(config: &[u8]) -> RunEntry {
    let (release, config) = (Release::ours(), Digest::sha256(config));
    let (run, selection) = ("r".to_owned(), config.clone());
    RunEntry { release, run, config, selection, jobs: 2, began: None }
}

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
