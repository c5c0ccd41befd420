//! Parses a path of the distribution API.

/// An endpoint of the API, with the names in its path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place<'a> {
    Root,
    Catalog,
    Manifest { repository: &'a str, reference: &'a str },
    Blob { repository: &'a str, digest: &'a str },
    Uploads { repository: &'a str },
    Upload { repository: &'a str, id: &'a str },
    Tags { repository: &'a str },
    Referrers { repository: &'a str, digest: &'a str },
    Elsewhere,
}

impl<'a> Place<'a> {
    /// Parsed from the end: a repository itself may be called `blobs` or `tags`.
    pub(crate) fn of(path: &'a str) -> Self {
        if path == "/v2" {
            return Self::Root;
        }
        let Some(rest) = path.strip_prefix("/v2/") else { return Self::Elsewhere };
        if rest.is_empty() {
            Self::Root
        } else if rest == "_catalog" {
            Self::Catalog
        } else if let Some(repository) = rest.strip_suffix("/tags/list") {
            Self::Tags { repository }
        } else if let Some(repository) = rest.strip_suffix("/blobs/uploads") {
            Self::Uploads { repository }
        } else {
            Self::named(rest)
        }
    }

    fn named(rest: &'a str) -> Self {
        let Some((parent, last)) = rest.rsplit_once('/') else { return Self::Elsewhere };
        if let Some(repository) = parent.strip_suffix("/blobs/uploads") {
            if last.is_empty() { Self::Uploads { repository } } else { Self::Upload { repository, id: last } }
        } else if let Some(repository) = parent.strip_suffix("/manifests") {
            Self::Manifest { repository, reference: last }
        } else if let Some(repository) = parent.strip_suffix("/blobs") {
            Self::Blob { repository, digest: last }
        } else if let Some(repository) = parent.strip_suffix("/referrers") {
            Self::Referrers { repository, digest: last }
        } else {
            Self::Elsewhere
        }
    }

    pub(crate) fn repository(self) -> Option<&'a str> {
        match self {
            Self::Manifest { repository, .. }
            | Self::Blob { repository, .. }
            | Self::Uploads { repository }
            | Self::Upload { repository, .. }
            | Self::Tags { repository }
            | Self::Referrers { repository, .. } => Some(repository),
            Self::Root | Self::Catalog | Self::Elsewhere => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Place::{self, *};

    #[test]
    fn paths_are_read_from_their_end() {
        assert_eq!(Place::of("/v2/"), Root);
        assert_eq!(Place::of("/v2/_catalog"), Catalog);
        assert_eq!(Place::of("/v2/a/b/tags/list"), Tags { repository: "a/b" });
        let manifest = Manifest { repository: "a/manifests/b", reference: "v1" };
        assert_eq!(Place::of("/v2/a/manifests/b/manifests/v1"), manifest);
        assert_eq!(Place::of("/v2/a/blobs/sha256:1"), Blob { repository: "a", digest: "sha256:1" });
        assert_eq!(Place::of("/v2/a/blobs/uploads/"), Uploads { repository: "a" });
        assert_eq!(Place::of("/v2/a/blobs/uploads/7"), Upload { repository: "a", id: "7" });
        assert_eq!(Place::of("/v2/a/referrers/x"), Referrers { repository: "a", digest: "x" });
        assert_eq!(Place::of("/service/token"), Elsewhere);
    }
}
