//! Speaks the OCI distribution protocol to one registry: references, digests, manifests, blobs, tags, and
//! the login that goes with them.
//!
//! Nothing here prints, reads the environment or retries: whoever calls decides what an error means,
//! and asks it ([`Error::kind`], [`Error::is_retryable`]). Bytes of manifests and blobs are verbatim
//! and checked against their digests as they come.
//!
//! ```no_run
//! use registry::{Access, Registry, Settings, Transport};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let transport = Transport::new("example/1.0", &[])?;
//! let settings = Settings::new("quay.io".parse()?);
//! let repository = Registry::new(settings, transport).repository(&"coreos/etcd".parse()?, Access::Pull);
//! let mut pages = repository.tags();
//! while let Some(page) = pages.next().await? {
//!     println!("{:?}", page.tags);
//! }
//! # Ok(())
//! # }
//! ```

mod auth;
mod blob;
mod catalog;
mod client;
mod connect;
mod descriptor;
mod digest;
mod error;
#[doc(hidden)]
pub mod fuzzing;
mod http;
mod learned;
mod lenient;
mod manifest;
mod manifest_api;
mod media_type;
mod pages;
mod platform;
mod probe;
mod profile;
mod reference;
mod referrer_list;
mod settings;
mod tag_list;

pub use auth::credential::{CredentialError, CredentialSource, Credentials, Login};
pub use auth::credential_helper::CredentialHelper;
pub use auth::login_files::{FoundLogin, LoginFileError, LoginFiles};
pub use auth::scope::Access;
pub use auth::trusted_realm::{TrustedRealm, TrustedRealmError};
pub use blob::{
    BlobBody, BlobHistory, BlobReader, BrokenOff, Recovery, Standing, Start, UploadSession, Withdrawn,
};
pub use catalog::{Catalog, CatalogPage, CatalogPages};
pub use client::{ReferrersKept, Registry, Repository};
pub use descriptor::{DataError, Descriptor};
pub use digest::{Algorithm, Digest, DigestError, Hasher, Mismatch, Verifier};
pub use error::{CertificateFault, Error, ErrorKind, Problem, Refusal, RegistryMessage, TransportFailure};
pub use http::body::read_to_limit;
pub use http::host_certificates::{HostCertificates, HostCertificatesError};
pub use http::limit::{HostLimit, RequestKind};
pub use http::notice::Quota;
pub use http::proxy::{Proxies, ProxyError};
pub use http::redact::RedactedUrl;
pub use http::stall::Patience;
pub use http::transport::Transport;
pub use manifest::{Links, ManifestError, RawManifest};
pub use manifest_api::{Pushed, SubjectIndexed};
pub use media_type::MediaType;
pub use platform::Platform;
pub use probe::{BlobPlace, Face, Grant, Ping, PushTrial, WantsLogin};
pub use profile::{MountSources, Profile, ReferrersApi, UploadShape};
pub use reference::{Reference, ReferenceError, RegistryHost, RepositoryName, Tag, TagOrDigest};
pub use referrer_list::{FoundReferrer, ReferrerFilter, ReferrersTag, cosign_tags, referrers_tag};
pub use settings::{CertificateCheck, HttpVersion, Scheme, Security, Settings};
pub use tag_list::{TagPage, TagPages};
