//! What endpoints answer.

use futures_util::future::BoxFuture;

use super::error::EndpointError;

/// What an endpoint answers, some time.
pub type Answer<'a, T> = BoxFuture<'a, Result<T, EndpointError>>;
