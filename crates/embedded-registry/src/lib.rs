//! An OCI 1.1 registry in a box: in memory, on a free port of this machine, over plain HTTP.
//!
//! For the demo, and for tests: it logs the requests, supports logins like Harbor's or ACR's,
//! and misbehaves on request. It shares no code with the client: it is the other side of the wire.

mod access;
mod annex;
mod answer;
mod answer_body;
mod body;
mod builder;
mod call;
mod connection;
mod deletion;
mod digest;
mod endpoint;
mod fault;
mod gate;
mod hang_up;
mod log;
mod misbehaviour;
mod name;
mod part;
mod place;
pub mod preset;
mod quota;
mod range;
mod request_log;
mod rounds;
pub mod sample;
mod server;
mod service;
mod storage;
mod store;
mod token;
mod upload;

pub use access::{
    Access, Action, Grant, RefusedBasic, ScopePolicy, TokenAccess, TokenAnswers, TokenForm, TokenMethods,
    User,
};
pub use builder::Builder;
pub use builder::blob::{BlobHeads, EntityTags, Ranges};
pub use builder::limit::NewRepositories;
pub use builder::listing::{Catalog, EmptyTags, Links};
pub use builder::manifest::{Attestations, ImmutableTags, Indexes, ManifestHeads, SameDigest, TagParameters};
pub use builder::mount::Mounts;
pub use builder::referrer::{ReferrerFilters, Referrers, SubjectHeader};
pub use builder::upload::{
    BrokenUploads, EarlyCreated, Locations, SinglePost, UploadAnnex, UploadRanges, UploadStatus, Uploads,
};
pub use deletion::{DeletionApi, DigestDeletion, IndexChildren, TagDeletion};
pub use fault::{Effect, Fault, Match, Times};
pub use request_log::{Authorization, LoggedRequest};
pub use rounds::Rounds;
pub use server::EmbeddedRegistry;
pub use service::LargeBodies;
pub use storage::Storage;
pub use store::{Store, StoredManifest};
pub use token::TokenRequest;
