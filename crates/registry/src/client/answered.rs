//! The context of an answer: which server gave it, and whether a login was sent.

use url::Url;

use crate::auth::login_search::LoginSearch;
use crate::concern::Endpoint;
use crate::http::origin::is_same_origin;
use crate::proven::Proven;

/// The server that gives an answer, or names an address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Party {
    /// The registry's own origin.
    #[default]
    Registry,
    /// Another server to which the registry redirected us. It gets no login, and its answers about logins, limits and abilities
    /// do not count as the registry's, not even if it redirects back.
    Another,
}

impl Party {
    /// The party behind an address, or an answer from there, if this party named it. It is the registry only at the registry's own
    /// origin, which is that of `home`.
    pub(crate) fn at(self, home: &Url, url: &Url) -> Self {
        if is_same_origin(home, url) { self } else { Self::Another }
    }
}

/// Whether a request carried a login.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LoginSent {
    /// The user's login, or a token that it was traded for.
    Yes,
    /// No login, or an anonymous token.
    No,
    /// The request was not one of the protocol's.
    #[default]
    Unknown,
}

/// The circumstances of an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answered {
    /// The endpoint of the request.
    pub endpoint: Endpoint,
    /// The server that answered.
    pub by: Party,
    /// Whether the request carried a login.
    pub login: LoginSent,
    /// Where the registry's login was found, or which places were searched.
    pub search: Option<LoginSearch>,
    /// Whether the registry's host had answered as a registry before.
    pub proven: Proven,
}

impl Answered {
    /// The context that was attached to an answer when it came.
    pub(crate) fn of(response: &reqwest::Response) -> Self {
        response.extensions().get().cloned().unwrap_or_default()
    }

    /// Whether the answer comes from the registry itself.
    pub(crate) fn is_of_registry(&self) -> bool {
        self.by == Party::Registry
    }
}
