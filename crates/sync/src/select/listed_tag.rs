//! What is known of a listed tag.

use std::time::SystemTime;

use oci::Tag;

/// A tag of a listing, which contains each tag once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedTag {
    /// The tag.
    pub tag: Tag,
    /// When the registry received the tag's image, if it reports that.
    pub date: Option<SystemTime>,
    /// When this or an earlier run first saw the tag's image, if the state has it.
    pub first_seen: Option<SystemTime>,
}
