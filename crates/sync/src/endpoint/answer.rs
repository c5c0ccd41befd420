//! The type of an endpoint's answers.

use futures_util::future::BoxFuture;

use super::error::EndpointError;

/// The future answer of an endpoint.
pub type Answer<'a, T> = BoxFuture<'a, Result<T, EndpointError>>;
