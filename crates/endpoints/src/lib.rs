//! Implements the engine's traits for registries: a registry behind [`sync::Source`] and [`sync::Target`], and
//! registries' APIs beside the protocol behind [`sync::listing`].
//!
//! Every failure is mapped by [`judged`]; the registry client's own error stays inside
//! ([`EndpointError::inner`](sync::endpoint::EndpointError::inner)).

mod judge;
mod read;
mod registry_api;
mod registry_endpoint;
mod upload;

pub use judge::judged;
pub use registry_api::{AcrAccess, AcrSettings, RegistryApi, RegistryListing, Shown, Trouble};
pub use registry_endpoint::RegistryEndpoint;
