//! What an image's maker noted about it. Pure.

use std::collections::BTreeMap;

use super::graph::{Found, Node};

/// <https://github.com/opencontainers/image-spec/blob/main/annotations.md>
const CREATED: &str = "org.opencontainers.image.created";

/// When an image was built, as its annotations say, or those of the images of an index.
pub(super) fn noted_date(node: &Node) -> Option<String> {
    let below = || {
        let children = node.children.iter().filter(|child| !child.descriptor.is_attestation());
        let mut there = children.filter_map(|child| match &child.found {
            Found::There(node) => noted(node).remove(CREATED),
            Found::Missing | Found::Unread => None,
        });
        there.next()
    };
    noted(node).remove(CREATED).or_else(below)
}

pub(super) fn noted(node: &Node) -> BTreeMap<String, String> {
    node.manifest.annotations().unwrap_or_default()
}
