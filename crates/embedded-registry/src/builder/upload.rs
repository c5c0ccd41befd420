//! Settings for uploads.

use super::Builder;
use crate::service::{BodyLimit, LargeBodies};

#[derive(Default)]
pub(crate) struct UploadSettings {
    pub(crate) kind: Uploads,
    pub(crate) locations: Locations,
    pub(crate) location_origin: Option<String>,
    pub(crate) smallest_chunk: Option<usize>,
    pub(crate) largest_chunk: Option<usize>,
    pub(crate) early_created: EarlyCreated,
    pub(crate) ranges: UploadRanges,
    pub(crate) status: UploadStatus,
    pub(crate) broken: BrokenUploads,
    pub(crate) single_post: SinglePost,
    pub(crate) patch_status: Option<u16>,
    pub(crate) put_status: Option<u16>,
    pub(crate) redirect: Option<String>,
    pub(crate) annex: UploadAnnex,
}

/// The form of upload locations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Locations {
    /// An absolute URL.
    #[default]
    Absolute,
    /// A path with a query.
    Relative,
    /// A path relative to the request's, such as `session-1?_state=…`.
    PathRelative,
    /// An absolute URL without a query: `?digest=` is the first parameter.
    WithoutQuery,
}

/// The kinds of uploads that the registry accepts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Uploads {
    /// Also in chunks, and resumed.
    #[default]
    Resumable,
    /// Only in one `PUT`; a `PATCH` is refused.
    MonolithicOnly,
    /// A second `PATCH` silently overwrites the bytes of the first one; as GHCR is said to do.
    SingleStream,
    /// A `PUT` with a larger body is refused with 413; a `PATCH` is not.
    ChunksOnly(usize),
}

/// Whether a `PATCH` may end an upload with 201, so that a `PUT` afterwards finds no session; as ECR does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum EarlyCreated {
    /// Only a `PUT` ends an upload.
    #[default]
    Never,
    /// The bytes of the first `PATCH` are the blob.
    EveryPatch,
    /// As soon as the bytes so far have one of these digests (sha256).
    Digests(Vec<String>),
}

/// The value of a session's `Range`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UploadRanges {
    /// `0-<end>`, inclusive: all received bytes.
    #[default]
    Whole,
    /// Only the range of the last chunk, such as `5-9`; Alibaba: <https://github.com/regclient/regclient/issues/627>.
    LastChunk,
    /// Always the range of the first chunk; ECR: <https://github.com/aws/containers-roadmap/issues/2831>.
    Stuck,
    /// The header is missing.
    Missing,
}

/// Whether a session's status can be requested.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UploadStatus {
    /// As specified.
    #[default]
    Told,
    /// `GET` of a session is a 404.
    NotFound,
    /// `GET` of a session is a 405.
    NotAllowed,
}

/// The state of a session after a request whose body broke off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BrokenUploads {
    /// The received bytes are kept.
    #[default]
    KeepBytes,
    /// The state before the request.
    LoseBytes,
    /// The session is unknown; Azure: <https://github.com/Azure/azure-sdk-for-net/issues/35322>.
    LoseSession,
}

/// Whether a blob can be uploaded by one `POST ?digest=`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SinglePost {
    /// The answer is a session, as with most registries.
    #[default]
    Declined,
    /// The answer is 201.
    Accepted,
}

/// Whether uploads are redirected by 307 to a second port of the registry, which asks for no login.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UploadAnnex {
    /// There is one port.
    #[default]
    Absent,
    /// `PATCH` and `PUT` of sessions go to the second port.
    Present,
}

impl Builder {
    /// Sets which uploads are accepted.
    #[must_use]
    pub fn uploads(mut self, uploads: Uploads) -> Self {
        self.settings.uploads.kind = uploads;
        self
    }

    /// Sets the form of upload locations.
    #[must_use]
    pub fn locations(mut self, locations: Locations) -> Self {
        self.settings.uploads.locations = locations;
        self
    }

    /// Answers uploads with a path instead of a whole URL in `Location`.
    #[must_use]
    pub fn relative_locations(self) -> Self {
        self.locations(Locations::Relative)
    }

    /// Absolute locations begin with this, such as `https://registry.example:8443`: the name by which a registry behind a proxy
    /// knows itself.
    #[must_use]
    pub fn location_origin(mut self, origin: &str) -> Self {
        self.settings.uploads.location_origin = Some(origin.trim_end_matches('/').to_owned());
        self
    }

    /// States `OCI-Chunk-Min-Length`, in bytes. The request after a smaller chunk is refused with 400 `SIZE_INVALID`: only
    /// then is it known that the chunk was not the last.
    #[must_use]
    pub fn smallest_chunk(mut self, bytes: usize) -> Self {
        self.settings.uploads.smallest_chunk = Some(bytes);
        self
    }

    /// Refuses a `PATCH` with `Content-Range` and more than this many bytes with 416, as GHCR does above 4 MiB:
    /// <https://github.com/oras-project/rust-oci-client/issues/35>.
    #[must_use]
    pub fn largest_chunk(mut self, bytes: usize) -> Self {
        self.settings.uploads.largest_chunk = Some(bytes);
        self
    }

    /// Refuses requests with a larger body, like a proxy in front of the registry: with nginx's page,
    /// at once if `Content-Length` is too large, else in mid-body. The registry never gets them.
    #[must_use]
    pub fn largest_body(mut self, bytes: usize, refusal: LargeBodies) -> Self {
        self.settings.body_limit = Some(BodyLimit { largest: bytes, refusal });
        self
    }

    /// Sets whether a `PATCH` may end an upload.
    #[must_use]
    pub fn early_created(mut self, early: EarlyCreated) -> Self {
        self.settings.uploads.early_created = early;
        self
    }

    /// Sets the value of a session's `Range`.
    #[must_use]
    pub fn upload_ranges(mut self, ranges: UploadRanges) -> Self {
        self.settings.uploads.ranges = ranges;
        self
    }

    /// Sets whether a session's status can be requested.
    #[must_use]
    pub fn upload_status(mut self, status: UploadStatus) -> Self {
        self.settings.uploads.status = status;
        self
    }

    /// Sets the state of a session after a broken request.
    #[must_use]
    pub fn broken_uploads(mut self, broken: BrokenUploads) -> Self {
        self.settings.uploads.broken = broken;
        self
    }

    /// Sets whether a blob can be uploaded by one `POST`.
    #[must_use]
    pub fn single_post(mut self, single_post: SinglePost) -> Self {
        self.settings.uploads.single_post = single_post;
        self
    }

    /// The status of an accepted `PATCH` in place of 202, such as 204 or 200.
    #[must_use]
    pub fn patch_status(mut self, status: u16) -> Self {
        self.settings.uploads.patch_status = Some(status);
        self
    }

    /// The status of a `PUT` that ends an upload in place of 201, such as 204 or 200.
    #[must_use]
    pub fn put_status(mut self, status: u16) -> Self {
        self.settings.uploads.put_status = Some(status);
        self
    }

    /// Redirects `PATCH` and `PUT` of sessions by 307 to the same path at another origin, such as
    /// `http://127.0.0.1:9`.
    #[must_use]
    pub fn upload_redirect(mut self, origin: &str) -> Self {
        self.settings.uploads.redirect = Some(origin.trim_end_matches('/').to_owned());
        self
    }

    /// Sets whether uploads are redirected to a second port of the registry: `EmbeddedRegistry::annex`.
    #[must_use]
    pub fn upload_annex(mut self, annex: UploadAnnex) -> Self {
        self.settings.uploads.annex = annex;
        self
    }
}
