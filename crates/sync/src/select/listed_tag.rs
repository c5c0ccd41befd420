//! What is known of a tag that is listed.

use std::time::SystemTime;

use oci::Tag;

/// A tag of a listing. Each tag stands in it once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedTag {
    /// The tag.
    pub tag: Tag,
    /// When the registry got what it points at, where it tells.
    pub date: Option<SystemTime>,
    /// When an earlier run, or this one, first saw what it points at, where that is remembered.
    pub first_seen: Option<SystemTime>,
}
