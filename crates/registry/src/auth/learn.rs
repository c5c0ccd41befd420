//! Learns from a 401, and decides whether to send the request again.

use std::sync::atomic::Ordering;

use http::HeaderValue;

use super::authenticator::{Authenticator, Scheme, Server, is_bearer};
use super::challenge::{Challenge, bearer};
use super::scope::Scopes;

/// Whether a request that was answered with 401 is worth sending again.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Retry {
    /// It may succeed with another header.
    Worthwhile,
    /// Every available login was tried.
    Useless,
}

impl Authenticator {
    /// Learns the registry's scheme from the challenges of its answer to an anonymous request.
    pub(crate) fn note(&self, challenges: &[Challenge]) {
        match bearer(challenges) {
            Some(Challenge::Bearer { realm, service, .. }) => {
                self.set(Scheme::Bearer(Server { realm: realm.clone(), service: service.clone() }));
            }
            _ if challenges.contains(&Challenge::Basic) && !self.keeper.is_anonymous() => {
                self.set(Scheme::Basic);
            }
            _ => {}
        }
    }

    /// Learns from a 401 to a request that carried `sent`, and says whether to ask again.
    pub(crate) async fn learn(
        &self,
        challenges: &[Challenge],
        scopes: &Scopes,
        sent: Option<&HeaderValue>,
    ) -> Retry {
        let offered = bearer(challenges);
        if offered.is_some() || sent.is_none() {
            self.note(challenges);
        }
        match (offered, sent) {
            (None, Some(sent)) if is_bearer(sent) && scopes.is_catalog() && !self.keeper.is_anonymous() => {
                self.catalog_by_basic.store(true, Ordering::Relaxed);
                Retry::Worthwhile
            }
            // Harbor answers a refused token with a Basic challenge; the realm that we know still holds.
            (_, Some(sent)) if is_bearer(sent) => self.learn_from_token(offered, scopes, sent).await,
            (Some(_), _) => Retry::Worthwhile,
            (None, None) if challenges.contains(&Challenge::Basic) && !self.keeper.is_anonymous() => {
                // A source without credentials, or with a token instead of a password, makes no header. A source's
                // failure is reported when the next request asks for the header.
                let has_none = matches!(self.keeper.basic_header().await, Ok(None));
                if has_none { Retry::Useless } else { Retry::Worthwhile }
            }
            (None, None) => Retry::Useless,
            (None, Some(sent)) => {
                let has_another = self.keeper.replace_basic(sent).await;
                if has_another { Retry::Worthwhile } else { Retry::Useless }
            }
        }
    }

    /// Learns from a refused token: it expired, it lacks a right, or it should not have been shared.
    async fn learn_from_token(
        &self,
        offered: Option<&Challenge>,
        scopes: &Scopes,
        sent: &HeaderValue,
    ) -> Retry {
        if self.keeper.registry_token_header().is_some() {
            return Retry::Useless;
        }
        let (error, named) = match offered {
            Some(Challenge::Bearer { error, scope, .. }) => (error.as_deref(), scope.as_deref()),
            _ => (None, None),
        };
        let (need, page) = self.page(scopes);
        let slot = self.book().slot(page);
        let mut held = slot.lock().await;
        let Some(token) = held.token.as_ref().filter(|token| token.header == *sent) else {
            // Another task has dropped it already.
            return Retry::Worthwhile;
        };
        let wanted = need.union(&Scopes::parse(named.unwrap_or_default()));
        if !token.asked.covers(&wanted) && wanted.count() <= self.book().most_scopes() {
            self.book().widen(scopes, wanted);
            return Retry::Worthwhile;
        }
        let lacks_scope = error == Some("insufficient_scope");
        let may_be_the_company = lacks_scope || (token.is_opaque() && error != Some("invalid_token"));
        if token.asked != need && may_be_the_company {
            self.book().apart(&need);
            if lacks_scope {
                self.book().stop_sharing();
            }
            return Retry::Worthwhile;
        }
        if !token.is_worth_replacing(held.occasion, lacks_scope) {
            return Retry::Useless;
        }
        held.drop_refused();
        Retry::Worthwhile
    }
}
