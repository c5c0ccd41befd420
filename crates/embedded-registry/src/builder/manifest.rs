//! Settings for manifests.

use super::Builder;

/// The largest manifest that registries commonly take, in bytes.
const LARGEST: usize = 4 << 20;

pub(crate) struct ManifestSettings {
    pub(crate) heads: ManifestHeads,
    pub(crate) largest: usize,
    pub(crate) immutable_tags: ImmutableTags,
    pub(crate) same_digest: SameDigest,
    pub(crate) attestations: Attestations,
    pub(crate) refused_media_types: Vec<String>,
    pub(crate) denied_classes: Vec<String>,
    pub(crate) indexes: Indexes,
    pub(crate) lag: usize,
    pub(crate) tag_parameters: TagParameters,
}

impl Default for ManifestSettings {
    fn default() -> Self {
        Self {
            heads: ManifestHeads::default(),
            largest: LARGEST,
            immutable_tags: ImmutableTags::default(),
            same_digest: SameDigest::default(),
            attestations: Attestations::default(),
            refused_media_types: Vec::new(),
            denied_classes: Vec::new(),
            indexes: Indexes::default(),
            lag: 0,
            tag_parameters: TagParameters::default(),
        }
    }
}

/// How `HEAD` of a manifest is answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ManifestHeads {
    /// As specified.
    #[default]
    Whole,
    /// It is refused with this status, such as 404 or 405.
    Refused(u16),
    /// `Docker-Content-Digest` is missing.
    WithoutDigest,
    /// `Content-Length` is 0.
    ZeroLength,
}

/// Whether a tag can be moved, and the refusal if not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ImmutableTags {
    /// It can be moved.
    #[default]
    None,
    /// 412 `PRECONDITION`.
    Harbor,
    /// 400 `TAG_INVALID`.
    Ecr,
}

/// Whether an immutable tag can be pushed again with the same manifest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SameDigest {
    /// It can.
    #[default]
    Taken,
    /// It cannot; ECR: <https://github.com/aws/containers-roadmap/issues/2380>.
    Refused,
}

/// Whether attestations are accepted: manifests with in-toto layers, and indexes that refer to them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Attestations {
    /// They are.
    #[default]
    Taken,
    /// Neither the manifests nor the indexes: 400 `MANIFEST_INVALID`.
    Refused,
    /// The manifests are accepted, the indexes are not: 400 `MANIFEST_INVALID`.
    RefusedInIndexes,
    /// The manifests are not accepted, the indexes are: 403 `DENIED`, `unknown manifest class for …`.
    Denied,
}

/// Whether an index needs all its manifests in the repository.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Indexes {
    /// It does.
    #[default]
    Whole,
    /// It does not.
    Sparse,
    /// It does; Quay: 400 `MANIFEST_INVALID`.
    Invalid,
    /// It does; without them, there is no right to push it: 403 `DENIED`.
    Denied,
}

/// Whether `PUT` by digest supports `?tag=`, as distribution-spec 1.2 will define it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TagParameters {
    /// It ignores them.
    #[default]
    Ignored,
    /// It sets the tags, and answers with an `OCI-Tag` for each.
    Taken,
}

impl Builder {
    /// Sets how `HEAD` of a manifest is answered.
    #[must_use]
    pub fn manifest_heads(mut self, heads: ManifestHeads) -> Self {
        self.settings.manifests.heads = heads;
        self
    }

    /// Refuses larger manifests with 413, in bytes.
    #[must_use]
    pub fn largest_manifest(mut self, bytes: usize) -> Self {
        self.settings.manifests.largest = bytes;
        self
    }

    /// Sets whether tags can be moved, and pushed again with the same manifest.
    #[must_use]
    pub fn immutable_tags(mut self, immutable: ImmutableTags, same: SameDigest) -> Self {
        self.settings.manifests.immutable_tags = immutable;
        self.settings.manifests.same_digest = same;
        self
    }

    /// Sets whether attestations are accepted.
    #[must_use]
    pub fn attestations(mut self, attestations: Attestations) -> Self {
        self.settings.manifests.attestations = attestations;
        self
    }

    /// Refuses with 400 `MANIFEST_INVALID` each manifest of such a media or artifact type, or with such a config or layer.
    #[must_use]
    pub fn refused_media_types(mut self, media_types: &[&str]) -> Self {
        self.settings.manifests.refused_media_types =
            media_types.iter().map(|media_type| (*media_type).to_owned()).collect();
        self
    }

    /// Denies with 403 `unknown manifest class for …` each manifest with a config of such a media type.
    #[must_use]
    pub fn denied_classes(mut self, config_types: &[&str]) -> Self {
        self.settings.manifests.denied_classes =
            config_types.iter().map(|config_type| (*config_type).to_owned()).collect();
        self
    }

    /// Sets whether an index needs all its manifests.
    #[must_use]
    pub fn indexes(mut self, indexes: Indexes) -> Self {
        self.settings.manifests.indexes = indexes;
        self
    }

    /// Answers this many first `PUT`s of manifests with `MANIFEST_BLOB_UNKNOWN`, though all blobs are there:
    /// as if written content could not be read at once.
    #[must_use]
    pub fn manifest_lag(mut self, puts: usize) -> Self {
        self.settings.manifests.lag = puts;
        self
    }

    /// Sets whether `?tag=` is supported.
    #[must_use]
    pub fn tag_parameters(mut self, parameters: TagParameters) -> Self {
        self.settings.manifests.tag_parameters = parameters;
        self
    }
}
