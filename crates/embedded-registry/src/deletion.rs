//! What a registry does where it is asked to delete a tag, or a manifest by its digest.

#[derive(Default)]
pub(crate) struct DeletionSettings {
    pub(crate) by_tag: TagDeletion,
    pub(crate) by_digest: DigestDeletion,
    pub(crate) children: IndexChildren,
    pub(crate) api: DeletionApi,
}

/// What DELETE of a tag does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TagDeletion {
    /// The tag goes, its manifest stays: distribution 3, Quay, GitLab.
    #[default]
    Untags,
    /// The tag goes, and with the last one its manifest: ECR.
    UntagsToTheLast,
    /// The manifest goes with all its tags, as if its digest had been named: no known registry, but the specification does
    /// not say that there is none.
    DeletesManifest,
    /// 400 `DIGEST_INVALID`: distribution 2.8 takes it for a digest.
    DigestInvalid,
    /// 400 `UNSUPPORTED`: Harbor.
    Unsupported,
    /// 405 `UNSUPPORTED`: DELETE is off, as by distribution's default.
    Off,
}

/// What DELETE of a manifest by its digest does. All its tags go with it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DigestDeletion {
    /// It goes, and nothing else.
    #[default]
    Alone,
    /// So do its accessories, and children that nothing else needs: Harbor.
    WithFamily,
    /// Its tags go; what has none is unknown: Quay.
    OnlyTagged,
    /// 405 `UNSUPPORTED`: DELETE is off.
    Off,
}

/// What becomes of a manifest that an index names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IndexChildren {
    /// It can be deleted like any other: the index is broken then, and still served.
    #[default]
    Unguarded,
    /// 412 `VIOLATE_FOREIGN_KEY_CONSTRAINT`: Harbor.
    GuardedByHarbor,
    /// 400 `ImageReferencedByManifestList`: ECR, in the words of its own API.
    GuardedByEcr,
}

/// What the registry offers for deletion beside the protocol.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DeletionApi {
    /// Nothing.
    #[default]
    None,
    /// Harbor's API v2.0, as far as deletion and finding out that it is a Harbor need it.
    Harbor,
    /// Azure's `/acr/v1/NAME/_tags/TAG`.
    Azure,
}
