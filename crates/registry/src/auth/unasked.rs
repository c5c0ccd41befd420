//! Sends a login to a registry that did not ask for one: some registries answer anonymous requests with 403, 404
//! or a 401 without a challenge.

use http::HeaderValue;
use tokio::sync::MutexGuard;

use super::authenticator::{Authenticator, Scheme};
use crate::client::LoginSent;

/// The result of the login that was sent unasked.
#[derive(Default)]
pub(super) enum Shown {
    #[default]
    NotYet,
    Refused,
}

/// Whether the login may be sent.
pub(crate) enum Unasked<'a> {
    Try(Trial<'a>),
    /// Another request has learned the registry's scheme meanwhile.
    Known,
    /// There is no login, or the registry refused it before.
    Useless(LoginSent),
}

/// The only trial under way. Other requests that want to try wait for its end.
pub(crate) struct Trial<'a> {
    pub(crate) header: HeaderValue,
    authenticator: &'a Authenticator,
    shown: MutexGuard<'a, Shown>,
}

impl Trial<'_> {
    /// The registry took the login. From now on every request carries it, so that the trial costs one request only.
    pub(crate) fn was_taken(self) {
        self.authenticator.set(Scheme::Basic);
    }

    /// The registry does not know the login: further requests are anonymous again.
    pub(crate) fn was_refused(mut self) {
        *self.shown = Shown::Refused;
    }
}

impl Authenticator {
    /// The login for a registry that did not ask for one.
    ///
    /// # Errors
    /// The credential source fails.
    pub(crate) async fn unasked(&self) -> Result<Unasked<'_>, crate::Error> {
        let shown = self.shown_unasked.lock().await;
        if !self.is_open() {
            return Ok(Unasked::Known);
        }
        if matches!(*shown, Shown::Refused) {
            return Ok(Unasked::Useless(LoginSent::Yes));
        }
        Ok(match self.direct_header().await? {
            Some(header) => Unasked::Try(Trial { header, authenticator: self, shown }),
            None => Unasked::Useless(LoginSent::No),
        })
    }
}
