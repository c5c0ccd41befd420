//! The annotations of an image's maker. Pure.

use std::collections::BTreeMap;

use super::graph::{Found, Node};

/// <https://github.com/opencontainers/image-spec/blob/main/annotations.md>
const CREATED: &str = "org.opencontainers.image.created";

/// The build date in an image's annotations, or in those of an index's images.
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
