//! The effect of deleting a tag, or a manifest by its digest.

#[derive(Default)]
pub(crate) struct DeletionSettings {
    pub(crate) by_tag: TagDeletion,
    pub(crate) by_digest: DigestDeletion,
    pub(crate) children: IndexChildren,
    pub(crate) api: DeletionApi,
}

/// The effect of DELETE of a tag.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TagDeletion {
    /// The tag is deleted, its manifest stays: distribution 3, Quay, GitLab.
    #[default]
    Untags,
    /// The tag is deleted, and with the last one its manifest: ECR.
    UntagsToTheLast,
    /// The manifest is deleted with all its tags, as by its digest: no known registry does this, but the specification does
    /// not forbid it.
    DeletesManifest,
    /// 400 `DIGEST_INVALID`: distribution 2.8 takes it for a digest.
    DigestInvalid,
    /// 400 `UNSUPPORTED`: Harbor.
    Unsupported,
    /// 405 `UNSUPPORTED`: DELETE is off, as by distribution's default.
    Off,
}

/// The effect of DELETE of a manifest by its digest. All its tags are deleted with it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DigestDeletion {
    /// Only the manifest is deleted.
    #[default]
    Alone,
    /// Its accessories are deleted, too, and children that no tag and no other index refers to: Harbor.
    WithFamily,
    /// Its tags are deleted; a manifest without tags is unknown: Quay.
    OnlyTagged,
    /// 405 `UNSUPPORTED`: DELETE is off.
    Off,
}

/// How deletion of a manifest that an index refers to is handled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IndexChildren {
    /// It is deleted like any other: the index is broken then, and still served.
    #[default]
    Unguarded,
    /// 412 `VIOLATE_FOREIGN_KEY_CONSTRAINT`: Harbor.
    GuardedByHarbor,
    /// 400 `ImageReferencedByManifestList`: ECR, with the message of its own API.
    GuardedByEcr,
}

/// The registry's API for deletion beside the protocol.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DeletionApi {
    /// None.
    #[default]
    None,
    /// Harbor's API v2.0, the part that deletion and the detection of Harbor need.
    Harbor,
    /// Azure's `/acr/v1/NAME/_tags/TAG`.
    Azure,
}
