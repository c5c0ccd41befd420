//! Alibaba Cloud Container Registry (ACR): temporary logins, and the lists and settings of its `OpenAPI`.
//!
//! A [`CredentialChain`] finds an access key, an [`OpenApi`] signs with it, [`AcrLogin`] trades it for a
//! registry login, and [`Acr`] reads and changes instances, namespaces, repositories and endpoints.

mod access_key;
mod acr;
mod credentials;
mod endpoint;
mod error;
mod http;
mod login;
mod name;
mod open_api;
mod policy;
mod rate_limit;
mod service;
mod signature;
mod signed_call;

use ::http::StatusCode;

pub use access_key::{AccessKey, AccessKeySource};
pub use acr::{
    AclEntry, Acr, AutoCreateRepository, ImmutableTags, Instance, InstanceEndpoint, InstanceUsage,
    LIST_PAGE_SIZE, ListedTag, Namespace, NamespaceSettings, Page, Quota, Repository, RepositoryType,
};
pub use credentials::{CredentialChain, CredentialOrigin, Endpoints, Lookup, NotApplied};
pub use endpoint::{Endpoint, EndpointError};
pub use error::{Error, ErrorKind, Refusal};
pub use http::Http;
pub use login::{AcrLogin, AcrLoginSettings, SOURCE_NAME, ServiceSource, TemporaryLogin};
pub use name::{InstanceId, NameError, Region};
pub use open_api::OpenApi;
pub use policy::{PolicyRights, PolicyScope, ram_policy};
pub use service::{Service, is_alibaba, region_hint};

/// Parses an answer as the API's, and as each kind of list. The signing secret must appear in no text.
pub(crate) fn read_anything(bytes: &[u8]) {
    let secret = "hunter2";
    for status in [StatusCode::OK, StatusCode::FORBIDDEN] {
        match signed_call::judge("Fuzz", "api.example", (status, bytes), &[secret]) {
            Ok(json) => acr::read_anything(&json),
            Err(Error::Refused(refusal)) => assert!(!refusal.message.contains(secret)),
            Err(_) => {}
        }
    }
}
