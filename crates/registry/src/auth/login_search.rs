//! Where a registry's login comes from, in words for people: so that a refusal can say which login was refused.

use std::sync::Arc;

/// Where the login of a registry was found, or where it was looked for: never the secret itself.
///
/// Whoever makes the [`Settings`](crate::Settings) knows; every refusal hands it back in
/// [`Answered`](crate::Answered).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoginSearch {
    /// Which login is used, and where it stands.
    Found(Arc<str>),
    /// Where no login was found.
    NotFound(Arc<str>),
}

impl LoginSearch {
    /// Which login is used; `None` where there is none.
    pub fn found(&self) -> Option<&str> {
        match self {
            Self::Found(login) => Some(login),
            Self::NotFound(_) => None,
        }
    }
}
