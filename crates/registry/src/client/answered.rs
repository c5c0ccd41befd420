//! Who gave an answer, and who asked for it: what an answer does not tell by itself.

use url::Url;

use crate::auth::login_search::LoginSearch;
use crate::concern::Endpoint;
use crate::http::origin::is_same_origin;

/// Who gives an answer, or names an address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Party {
    /// The registry's own origin.
    #[default]
    Registry,
    /// Another server that the registry sent us to. It gets no login, and what it says of logins, limits and abilities
    /// is no word of the registry, not even where it leads back there.
    Another,
}

impl Party {
    /// Whose word an address, or an answer from there, is if this one named it: the registry's only at its own origin,
    /// which is that of `home`.
    pub(crate) fn at(self, home: &Url, url: &Url) -> Self {
        if is_same_origin(home, url) { self } else { Self::Another }
    }
}

/// Whether a login went along with a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LoginSent {
    /// The user's login, or a token that it was traded for.
    Yes,
    /// Nothing, or a token that anybody gets.
    No,
    /// The request was not one of the protocol's.
    #[default]
    Unknown,
}

/// The circumstances of an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answered {
    /// What was asked.
    pub endpoint: Endpoint,
    /// Who answered.
    pub by: Party,
    /// As whom it was asked.
    pub login: LoginSent,
    /// Where the registry's login comes from, or was looked for.
    pub search: Option<LoginSearch>,
}

impl Answered {
    /// What was noted of an answer when it came.
    pub(crate) fn of(response: &reqwest::Response) -> Self {
        response.extensions().get().cloned().unwrap_or_default()
    }

    /// Whether what the answer shows holds for the registry.
    pub(crate) fn is_of_registry(&self) -> bool {
        self.by == Party::Registry
    }
}
