//! The `Authorization` header of one registry: the scheme is learned from its challenges; tokens are kept until
//! shortly before they expire, and each is fetched once however many requests wait for it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Instant;

use http::HeaderValue;
use url::Url;

use super::basic_trial::{BasicTrial, Entry, FirstUse};
use super::credential::Credentials;
use super::login_keeper::LoginKeeper;
use super::realm::{self, NamedBy, Place};
use super::scope::Scopes;
use super::token::Token;
use super::token_book::TokenBook;
use super::token_request::Question;
use super::token_server::TokenServers;
use super::unasked::Shown;
use crate::Error;
use crate::client::{Answered, LoginSent, Party};
use crate::concern::Endpoint;
use crate::http::network::Network;
use crate::http::traffic::TrafficMeter;
use crate::http::transport::Transport;
use crate::profile::Profile;
use crate::proven::Proven;
use crate::settings::Settings;

/// One registry's login.
pub(crate) struct Authenticator {
    settings: Settings,
    pub(super) keeper: LoginKeeper,
    transport: Transport,
    meter: TrafficMeter,
    scheme: RwLock<Scheme>,
    book: Mutex<TokenBook>,
    servers: TokenServers,
    /// Locked while a login is tried at a registry that did not ask for one.
    pub(super) shown_unasked: tokio::sync::Mutex<Shown>,
    /// Whether the newest token was fetched without a login.
    is_stranger: AtomicBool,
    basic_trial: BasicTrial,
    /// Harbor takes no token for the list of all repositories, only user and password.
    pub(super) catalog_by_basic: AtomicBool,
}

/// The scheme that the registry asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Scheme {
    /// The registry has asked for nothing so far.
    Open,
    Basic,
    Bearer(Server),
}

/// The token server that a challenge named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Server {
    pub(super) realm: String,
    pub(super) service: Option<String>,
}

/// The registry's address, and the client for its host.
#[derive(Clone, Copy)]
pub(crate) struct Base<'a> {
    pub(crate) url: &'a Url,
    /// The client for the registry's own host.
    pub(crate) client: &'a reqwest::Client,
    /// The registry's network. A token server whose certificate is not checked may not be closer to this machine.
    pub(crate) network: Network,
}

/// How well a page's token serves a need.
enum Lease {
    Serves(HeaderValue),
    /// It lacks something, but was requested for this need alone: there is no better one.
    Best(HeaderValue),
    /// The token, or the failed attempt to get it, lacks something that a token for the need alone may have.
    Lacks,
}

impl Lease {
    fn of(token: &Token, need: &Scopes) -> Self {
        if token.serves(need) {
            Self::Serves(token.header.clone())
        } else if token.asked == *need {
            Self::Best(token.header.clone())
        } else {
            Self::Lacks
        }
    }
}

impl Authenticator {
    /// For the registry of `settings`, through `transport`. Requests to its token servers count in `meter`.
    pub(crate) fn new(settings: &Settings, transport: Transport, meter: TrafficMeter) -> Self {
        let keeper = LoginKeeper::new(settings);
        let book = Mutex::new(TokenBook::new(Profile::of_host(&settings.host).scopes_per_token));
        let (servers, shown_unasked, is_stranger, basic_trial, catalog_by_basic) = Default::default();
        let (settings, scheme) = (settings.clone(), RwLock::new(Scheme::Open));
        Self {
            settings,
            keeper,
            transport,
            meter,
            scheme,
            book,
            servers,
            shown_unasked,
            is_stranger,
            basic_trial,
            catalog_by_basic,
        }
    }

    /// Announces a need, so that one token can serve it together with other needs.
    pub(crate) fn announce(&self, scopes: &Scopes) {
        self.book().page(scopes);
    }

    /// Limits the repositories in one token to `most` from now on.
    pub(crate) fn limit_scopes(&self, most: usize) {
        self.book().limit(most);
    }

    /// The current credentials, refreshed if they expired.
    pub(crate) async fn credentials(&self) -> Result<Option<Credentials>, Error> {
        self.keeper.credentials().await
    }

    /// The token server's name for the registry.
    pub(crate) fn service(&self) -> Option<String> {
        match &*self.scheme.read().unwrap_or_else(PoisonError::into_inner) {
            Scheme::Bearer(server) => server.service.clone(),
            Scheme::Open | Scheme::Basic => None,
        }
    }

    /// The header for a request that touches `scopes`; `None` for an open registry.
    pub(crate) async fn header(&self, base: Base<'_>, scopes: &Scopes) -> Result<Option<HeaderValue>, Error> {
        let scheme = self.scheme.read().unwrap_or_else(PoisonError::into_inner).clone();
        match scheme {
            Scheme::Open => Ok(None),
            Scheme::Bearer(_) if scopes.is_catalog() && self.catalog_by_basic.load(Ordering::Relaxed) => {
                self.keeper.basic_header().await
            }
            Scheme::Basic => self.direct_header().await,
            Scheme::Bearer(server) => match self.keeper.registry_token_header() {
                Some(header) => Ok(Some(header)),
                None => self.token(base, &server, scopes).await.map(Some),
            },
        }
    }

    /// The same for a request that goes out now. The first request with a user and password makes the others wait until its result is
    /// known.
    ///
    /// # Errors
    /// As those of [`header`](Self::header); or if the registry has refused this user and password.
    pub(crate) async fn login(
        &self,
        base: Base<'_>,
        scopes: &Scopes,
    ) -> Result<(Option<HeaderValue>, Option<FirstUse<'_>>), Error> {
        let header = self.header(base, scopes).await?;
        let Some(shown) = header.as_ref().filter(|header| !is_bearer(header)) else {
            return Ok((header, None));
        };
        match self.basic_trial.enter(shown).await {
            Entry::Known => Ok((header, None)),
            Entry::First(first) => Ok((header, Some(first))),
            Entry::Refused(refusal) => Err(Error::Refused(Box::new(refusal))),
        }
    }

    /// The login in the form that the registry itself takes, without a token server.
    pub(super) async fn direct_header(&self) -> Result<Option<HeaderValue>, Error> {
        match self.keeper.registry_token_header() {
            Some(header) => Ok(Some(header)),
            None => self.keeper.basic_header().await,
        }
    }

    /// Whether the registry has not asked for a login so far.
    pub(crate) fn is_open(&self) -> bool {
        *self.scheme.read().unwrap_or_else(PoisonError::into_inner) == Scheme::Open
    }

    /// Whether a sent header carried a login.
    pub(crate) fn login_sent(&self, sent: Option<&HeaderValue>) -> LoginSent {
        match sent {
            None => LoginSent::No,
            Some(sent) if is_bearer(sent) && self.is_stranger.load(Ordering::Relaxed) => LoginSent::No,
            Some(_) => LoginSent::Yes,
        }
    }

    async fn token(&self, base: Base<'_>, server: &Server, scopes: &Scopes) -> Result<HeaderValue, Error> {
        let (need, mut page) = self.page(scopes);
        let mut is_apart = false;
        loop {
            match self.lease(base, server, page, &need).await? {
                Lease::Serves(header) => {
                    if is_apart {
                        // Alone, the token has what it lacked when it was shared.
                        self.book().stop_sharing();
                    }
                    return Ok(header);
                }
                Lease::Best(header) => return Ok(header),
                // This does not loop: the need's own page requests exactly the need, so its token is the best one.
                Lease::Lacks => (page, is_apart) = (self.book().apart(&need), true),
            }
        }
    }

    /// The widened need, and the page that serves it.
    pub(super) fn page(&self, scopes: &Scopes) -> (Scopes, usize) {
        let mut book = self.book();
        let need = book.need(scopes);
        let page = book.page(&need);
        (need, page)
    }

    /// A page's token. Fetches it if there is none, or if the page has grown since.
    async fn lease(
        &self,
        base: Base<'_>,
        server: &Server,
        page: usize,
        need: &Scopes,
    ) -> Result<Lease, Error> {
        let arrival = Instant::now();
        let slot = self.book().slot(page);
        let mut held = slot.lock().await;
        let known = held.token.as_ref().filter(|token| token.is_fresh() && token.asked.covers(need));
        if let Some(token) = known {
            return Ok(Lease::of(token, need));
        }
        let (asked, fetched) = if let Some((asked, error)) = held.failure(need, arrival) {
            (asked, Err(error))
        } else {
            // Read only now: other tasks may have added needs while the lock was held.
            let asked = self.book().scopes(page);
            let fetched = self.fetch(base, server, &asked).await;
            (asked.clone(), fetched.inspect_err(|error| held.fail(&asked, error)))
        };
        match fetched {
            Ok(token) => Ok(Lease::of(held.put(token), need)),
            Err(error) if asked != *need && is_refusal(&error) => {
                self.book().stop_sharing();
                Ok(Lease::Lacks)
            }
            Err(error) => Err(error),
        }
    }

    async fn fetch(&self, base: Base<'_>, server: &Server, scopes: &Scopes) -> Result<Token, Error> {
        let Settings { host, trusted_realm, .. } = &self.settings;
        let realm = realm::judge(host, base.url, &server.realm, trusted_realm.as_ref())?;
        let client = match realm.place {
            Place::RegistryHost => base.client.clone(),
            Place::OtherHost => {
                let sent_from = (realm.named_by == NamedBy::Registry).then_some(base.network);
                self.transport.token_client(&self.settings, sent_from, &realm.url)?
            }
        };
        let service = server.service.as_deref();
        let (meter, patience) = (&self.meter, self.settings.patience.answer);
        let question = Question { client: &client, meter, patience, realm: &realm, service, scopes };
        let credentials = self.keeper.credentials().await?;
        self.is_stranger.store(credentials.is_none(), Ordering::Relaxed);
        let mut fetched = self.servers.fetch(question, credentials.as_ref()).await;
        if let (Err(error), Some(refused)) = (&fetched, &credentials)
            && error.status() == Some(http::StatusCode::UNAUTHORIZED)
            && let Some(other) = self.keeper.replace(refused).await?
        {
            self.servers.forget_refresh_tokens();
            fetched = self.servers.fetch(question, Some(&other)).await;
        }
        fetched.map_err(|mut source| {
            if let Error::Refused(refusal) = &mut source {
                refusal.answered = self.asked_for_token(credentials.is_some());
            }
            Error::Token { host: host.clone(), realm: (&realm.url).into(), source: Arc::new(source) }
        })
    }

    /// The context of a token server's refusal, which counts as the registry's: the registry has named the server.
    fn asked_for_token(&self, with_login: bool) -> Answered {
        let login = if with_login { LoginSent::Yes } else { LoginSent::No };
        let (by, search) = (Party::Registry, self.settings.login_search.clone());
        Answered { endpoint: Endpoint::Token, by, login, search, proven: Proven::AsRegistry }
    }

    pub(super) fn set(&self, scheme: Scheme) {
        *self.scheme.write().unwrap_or_else(PoisonError::into_inner) = scheme;
    }

    pub(super) fn book(&self) -> MutexGuard<'_, TokenBook> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) fn is_bearer(header: &HeaderValue) -> bool {
    header.as_bytes().starts_with(b"Bearer ")
}

/// Whether a token server refused for good. The reason may be one scope among several.
fn is_refusal(error: &Error) -> bool {
    error.status().is_some_and(|status| status.is_client_error()) && !error.is_retryable()
}
