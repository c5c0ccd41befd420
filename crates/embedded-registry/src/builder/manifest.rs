//! Knobs of manifests.

use super::Builder;

/// What registries commonly take at the most, in bytes.
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

/// What `HEAD` of a manifest tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ManifestHeads {
    /// As the specification has it.
    #[default]
    Whole,
    /// It is refused with this status, such as 404 or 405.
    Refused(u16),
    /// `Docker-Content-Digest` is missing.
    WithoutDigest,
    /// `Content-Length` is 0.
    ZeroLength,
}

/// Whether a tag can be moved, and in whose words not.
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

/// Whether an immutable tag can be put again where it points already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SameDigest {
    /// It can.
    #[default]
    Taken,
    /// It cannot; ECR: <https://github.com/aws/containers-roadmap/issues/2380>.
    Refused,
}

/// Whether attestations are taken: manifests with in-toto layers, and indexes that lead to them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Attestations {
    /// They are.
    #[default]
    Taken,
    /// Neither the manifests nor the indexes: 400 `MANIFEST_INVALID`.
    Refused,
    /// The manifests are, the indexes are not: 400 `MANIFEST_INVALID`.
    RefusedInIndexes,
    /// The manifests are not, the indexes are: 403 `DENIED`, `unknown manifest class for …`.
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
    /// It does, and otherwise there is no right to push it: 403 `DENIED`.
    Denied,
}

/// Whether `PUT` by digest takes `?tag=`, as distribution-spec 1.2 is going to have it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TagParameters {
    /// It does not look at them.
    #[default]
    Ignored,
    /// It tags, and answers with an `OCI-Tag` for each.
    Taken,
}

impl Builder {
    /// What `HEAD` of a manifest tells.
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

    /// Whether tags can be moved, and put again where they point already.
    #[must_use]
    pub fn immutable_tags(mut self, immutable: ImmutableTags, same: SameDigest) -> Self {
        self.settings.manifests.immutable_tags = immutable;
        self.settings.manifests.same_digest = same;
        self
    }

    /// Whether attestations are taken.
    #[must_use]
    pub fn attestations(mut self, attestations: Attestations) -> Self {
        self.settings.manifests.attestations = attestations;
        self
    }

    /// Refuses with 400 `MANIFEST_INVALID` what is, or has a config or a layer, of such a media or artifact type.
    #[must_use]
    pub fn refused_media_types(mut self, media_types: &[&str]) -> Self {
        self.settings.manifests.refused_media_types =
            media_types.iter().map(|media_type| (*media_type).to_owned()).collect();
        self
    }

    /// Denies with 403 `unknown manifest class for …` what has a config of such a media type.
    #[must_use]
    pub fn denied_classes(mut self, config_types: &[&str]) -> Self {
        self.settings.manifests.denied_classes =
            config_types.iter().map(|config_type| (*config_type).to_owned()).collect();
        self
    }

    /// Whether an index needs all its manifests.
    #[must_use]
    pub fn indexes(mut self, indexes: Indexes) -> Self {
        self.settings.manifests.indexes = indexes;
        self
    }

    /// Answers the first so many `PUT`s of manifests with `MANIFEST_BLOB_UNKNOWN`, though all blobs are there:
    /// what is written cannot be read at once.
    #[must_use]
    pub fn manifest_lag(mut self, puts: usize) -> Self {
        self.settings.manifests.lag = puts;
        self
    }

    /// Whether `?tag=` is taken.
    #[must_use]
    pub fn tag_parameters(mut self, parameters: TagParameters) -> Self {
        self.settings.manifests.tag_parameters = parameters;
        self
    }
}
