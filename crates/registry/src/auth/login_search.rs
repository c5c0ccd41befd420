//! The origin of a registry's login, in words for people: so that a refusal can say which login was refused.

use std::sync::Arc;

/// Where the login of a registry was found, or which places were searched: never the secret itself.
///
/// The caller that makes the [`Settings`](crate::Settings) sets it; every refusal returns it in
/// [`Answered`](crate::Answered).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoginSearch {
    /// The login that is used, and the place where it is stored.
    Found(Arc<str>),
    /// The places without a login.
    NotFound(Arc<str>),
}

impl LoginSearch {
    /// The login that is used; `None` if there is none.
    pub fn found(&self) -> Option<&str> {
        match self {
            Self::Found(login) => Some(login),
            Self::NotFound(_) => None,
        }
    }
}
