//! Settings for referrers.

use super::Builder;

#[derive(Default)]
pub(crate) struct ReferrerSettings {
    pub(crate) kind: Referrers,
    pub(crate) page_size: Option<usize>,
    pub(crate) filters: ReferrerFilters,
    pub(crate) subject_header: SubjectHeader,
}

/// Whether the registry lists the referrers of a manifest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Referrers {
    /// As specified by OCI 1.1.
    #[default]
    Api,
    /// The endpoint answers 404 and pushes are not answered with `OCI-Subject`: clients keep a tag instead.
    Absent,
    /// An empty list, always: <https://github.com/sigstore/sigstore-js/issues/1187>.
    Empty,
    /// 200 with the manifest itself, as GitLab did: <https://github.com/oras-project/oras/issues/2148>.
    Bogus,
    /// 303 to a web page, as GHCR: <https://github.com/artifacthub/hub/issues/4785>.
    Website,
    /// 200 with a web page.
    Html,
}

/// Whether `artifactType` filters the list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReferrerFilters {
    /// It does, and `OCI-Filters-Applied` says so.
    #[default]
    Applied,
    /// The parameter is ignored: clients filter.
    Ignored,
}

/// When the push of a manifest with a subject is answered with `OCI-Subject`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SubjectHeader {
    /// If the list of referrers is as specified by OCI 1.1.
    #[default]
    WithApi,
    /// Always; Docker Hub was seen to do so: <https://github.com/docker/hub-feedback/issues/2372>.
    Always,
    /// Never.
    Never,
}

impl Builder {
    /// Sets whether there is a list of referrers.
    #[must_use]
    pub fn referrers(mut self, referrers: Referrers) -> Self {
        self.settings.referrers.kind = referrers;
        self
    }

    /// The most referrers of a page.
    #[must_use]
    pub fn referrer_page_size(mut self, size: usize) -> Self {
        self.settings.referrers.page_size = Some(size);
        self
    }

    /// Sets whether `artifactType` filters the list.
    #[must_use]
    pub fn referrer_filters(mut self, filters: ReferrerFilters) -> Self {
        self.settings.referrers.filters = filters;
        self
    }

    /// Sets when pushes are answered with `OCI-Subject`.
    #[must_use]
    pub fn subject_header(mut self, header: SubjectHeader) -> Self {
        self.settings.referrers.subject_header = header;
        self
    }
}
