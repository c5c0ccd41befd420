//! Logins that are shown to a registry which did not ask for one: some hide what strangers may not see behind 403, 404
//! or a 401 without a challenge.

use http::HeaderValue;
use tokio::sync::MutexGuard;

use super::authenticator::{Authenticator, Scheme};
use crate::client::LoginSent;

/// What became of the login that was shown unasked.
#[derive(Default)]
pub(super) enum Shown {
    #[default]
    NotYet,
    Refused,
}

/// Whether the login may be shown.
pub(crate) enum Unasked<'a> {
    Try(Trial<'a>),
    /// In the meantime it became known how the registry wants to be asked.
    Known,
    /// There is none, or it was refused before.
    Useless(LoginSent),
}

/// The one trial. Who also wants to try waits for its end.
pub(crate) struct Trial<'a> {
    pub(crate) header: HeaderValue,
    authenticator: &'a Authenticator,
    shown: MutexGuard<'a, Shown>,
}

impl Trial<'_> {
    /// The registry did not mind: it gets the login with every request from now on, so that this costs one request only.
    pub(crate) fn was_taken(self) {
        self.authenticator.set(Scheme::Basic);
    }

    /// The registry knows nobody of that name: it is asked as a stranger again.
    pub(crate) fn was_refused(mut self) {
        *self.shown = Shown::Refused;
    }
}

impl Authenticator {
    /// The login for a registry that did not ask for one.
    ///
    /// # Errors
    /// Whoever keeps the login does not give it.
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
