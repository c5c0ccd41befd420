//! Speaks the OCI distribution protocol to one registry: references, digests, manifests, blobs, tags, and
//! the login that goes with them.
//!
//! Nothing here prints, reads the environment or retries: the caller decides how to handle an error,
//! with [`Error::kind`] and [`Error::is_retryable`]. Bytes of manifests and blobs are verbatim
//! and checked against their digests as they come. What the protocol requires of a client, and which test shows
//! that it is done: [`checklist`].
//!
//! # A copy
//!
//! One image, from one registry to another: its blobs, then its manifest under the tag.
//!
//! ```
//! use futures_util::stream::try_unfold;
//! use oci::{BrokenOff, RegistryHost, TagOrDigest};
//! use registry::{Access, Registry, Settings, Transport};
//!
//! # use embedded_registry::{EmbeddedRegistry, sample};
//! # use registry::Security;
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let (from, to) = (EmbeddedRegistry::builder().start().await?, EmbeddedRegistry::builder().start().await?);
//! # let layers = [sample::layer(1, 100_000), sample::layer(2, 0)];
//! # sample::image(from.store(), "library/app", Some("v1"), sample::Flavour::Oci, &layers, "amd64");
//! # let (source_host, target_host): (RegistryHost, RegistryHost) = (from.host().parse()?, to.host().parse()?);
//! let transport = Transport::new("example/1.0", &[])?;
//! let settings = |host| Settings::new(host);
//! # let settings = |host| Settings { security: Security::INSECURE, ..settings(host) };
//! let registry = |host: RegistryHost| Registry::new(settings(host), transport.clone());
//! let source = registry(source_host).repository(&"library/app".parse()?, Access::Pull);
//! let target = registry(target_host).repository(&"mirror/app".parse()?, Access::PullPush);
//!
//! let tag = TagOrDigest::Tag("v1".parse()?);
//! let manifest = source.pull_manifest(&tag).await?;
//! for blob in manifest.links()?.blobs {
//!     let mut session = target.start_upload().await?;
//!     let reader = source.pull_blob(&blob.digest, blob.size).await?;
//!     let body = try_unfold(reader, async |mut reader| {
//!         let piece = reader.next().await.map_err(|_| BrokenOff)?;
//!         Ok(piece.map(|piece| (piece, reader)))
//!     });
//!     session.send(&blob.digest, blob.size, Box::pin(body)).await?;
//! }
//! target.push_manifest(&tag, &manifest).await?;
//! # let stored = |server: &EmbeddedRegistry, name| server.store().manifest(name, "v1").map(|stored| stored.bytes);
//! # assert_eq!(stored(&to, "mirror/app").unwrap(), stored(&from, "library/app").unwrap());
//! # assert_eq!(to.store().blob_count("mirror/app"), 3);
//! # Ok(())
//! # }
//! ```
//!
//! An index has [`Links::manifests`](oci::Links::manifests), which are copied before it in the same way. A blob that another repository of
//! the
//! target has can be mounted by [`Repository::mount_or_start_upload`].
//!
//! # Errors
//!
//! One [`Error`] for everything, with the request that it belongs to; the registry's own text is in
//! [`Refusal`]. [`Error::kind`] classifies it, [`Error::is_retryable`] tells whether the same request may succeed
//! later, [`Error::retry_after`] when, [`Error::concern`] what else fails for the same reason. None of them contains secrets or signatures
//! of URLs.
//!
//! # Recovery
//!
//! After a broken read, [`BlobReader::resume`] continues where it stopped. After a failed
//! [`UploadSession::send`], [`UploadSession::recovery`] returns whether to continue at once, later or never, and
//! [`UploadSession::resume`] from which byte: meanwhile the session learns which sizes and shapes the
//! registry takes. Some registries lose a session when its connection breaks; then the blob is sent again from the beginning.
//!
//! # Limits
//!
//! Each host, and each kind of request there, has a window of requests that grows while all goes well and
//! is halved when the host is overloaded: [`Registry::limits`]. `Retry-After` pauses all requests to the host. How long
//! a transfer may stand still: [`Patience`]. There is no limit on how long a blob may take.
//!
//! # Profiles
//!
//! [`Profile::KNOWN`] avoids requests that are known to fail with certain registries. Everything else
//! is found out when it matters and kept as long as the [`Registry`], so keep
//! clones of one instead of making it anew.
//!
//! # Login
//!
//! [`Settings::login`] is a user, a token, or a [`CredentialSource`] such as a [`CredentialHelper`];
//! [`LoginFiles`] reads those of docker and podman. Tokens are fetched when a registry asks for
//! them, shared by all clones, and renewed before they expire. The login goes to the registry and to a token server
//! that may have it ([`TrustedRealm`]), and is not sent along redirects.

mod auth;
mod blob;
mod catalog;
pub mod checklist;
mod client;
mod concern;
mod connect;
mod error;
mod face;
mod failed_connect;
mod fresh;
#[doc(hidden)]
pub mod fuzzing;
mod http;
mod learned;
mod list_scanner;
mod manifest_api;
mod name_page;
mod optional;
mod pages;
mod probe;
mod profile;
mod proven;
mod referrer_list;
mod settings;
mod tag_list;

pub use auth::credential::{CredentialError, CredentialSource, Credentials, Login, Prospect};
pub use auth::credential_helper::CredentialHelper;
pub use auth::login_file::{LoginFileError, LoginLack, LoginPlace};
pub use auth::login_files::{FoundLogin, LoginFiles};
pub use auth::login_search::LoginSearch;
pub use auth::scope::Access;
pub use auth::trusted_realm::{TrustedRealm, TrustedRealmError};
pub use blob::{
    BlobBody, BlobHistory, BlobReader, FoundBlob, MOST_IN_MEMORY, SavedUpload, Start, UploadSession,
    UploadWatch, Withdrawn,
};
pub use catalog::{Catalog, CatalogPage, CatalogPages};
pub use client::{Answered, LoginSent, Party, Registry, Repository};
pub use concern::{Concern, Endpoint};
pub use error::{CertificateFault, Error, NotFollowed, Problem, Refusal, RegistryMessage, TransportFailure};
pub use face::Face;
pub use fresh::{Failure, Fresh, Kept, renew_at};
pub use http::exchange::{Exchange, Purpose, RequestObserver};
pub use http::host_certificates::{HostCertificates, HostCertificatesError};
pub use http::host_client::{Follow, HostAnswer, HostClient, HostRequest};
pub use http::limit::{HostLimit, HostPause, RequestKind};
pub use http::notice::Quota;
pub use http::pause::PauseObserver;
pub use http::proxy::{Proxies, ProxyError};
pub use http::redact::RedactedUrl;
pub use http::stall::Patience;
pub use http::tls::offered_tls;
pub use http::traffic::Traffic;
pub use http::transport::Transport;
pub use http::unanswered::HostSilence;
pub use manifest_api::{Deletion, FoundManifest, Pushed, SubjectIndexed};
pub use optional::{Offer, OptionalEndpoint};
pub use probe::{BlobPlace, Grant, Ping, PushTrial, WantsLogin};
pub use profile::{MountSources, Profile, ReferrersApi, TagDeletion, UploadShape};
pub use proven::Proven;
pub use referrer_list::{ReferrerFilter, ReferrersTag};
pub use settings::{CertificateCheck, HttpVersion, Scheme, Security, Settings};
pub use tag_list::{TagPage, TagPages};
