//! The types of the OCI specifications: digests, descriptors, references, media types, platforms and manifests, the
//! version in a tag, and the cleaner for foreign texts. Everything here is a value: nothing does I/O.
//!
//! Manifests are kept as the original bytes ([`RawManifest`]), because their digest is that of the bytes.
//! [`RawManifest::links`] reads what a copy needs.

mod deletion;
mod descriptor;
mod digest;
mod error_kind;
mod error_text;
pub mod foreign_text;
mod hash_trail;
pub mod lenient;
pub mod manifest;
pub mod media_type;
mod platform;
mod reference;
mod referrers_tag;
mod tag_version;
mod upload;
mod verifier;

pub use deletion::WhyKept;
pub use descriptor::Descriptor;
pub use digest::{Algorithm, Digest, DigestError};
pub use error_kind::ErrorKind;
pub use error_text::with_sources;
pub use hash_trail::HashTrail;
pub use manifest::{Links, ManifestError, RawManifest};
pub use media_type::MediaType;
pub use platform::Platform;
pub use reference::{Reference, ReferenceError, RegistryHost, RepositoryName, Tag, TagOrDigest, as_place};
pub use referrers_tag::{cosign_tags, is_referrers_tag, referrers_tag};
pub use tag_version::{Numbers, Prerelease, Stage, TagVersion};
pub use upload::{BrokenOff, Recovery, UploadStatus};
pub use verifier::{HashState, Hasher, Mismatch, Verifier};
