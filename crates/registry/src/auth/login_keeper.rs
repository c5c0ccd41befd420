//! Keeps the answer of a login's source: the source is asked on first need, again after the answer expired, and once more
//! after a refusal, because temporary passwords may end early.

use std::time::Duration;

use http::HeaderValue;
use oci::RegistryHost;
use tokio::time::Instant;

use super::credential::{CredentialError, CredentialSource, Credentials, Login};
use super::login_search::LoginSearch;
use crate::Error;
use crate::fresh::{Fresh, Kept};
use crate::settings::Settings;

/// How long "no login" counts: the user may log in while a program runs for days.
const NOBODY: Duration = Duration::from_secs(5 * 60);

/// One registry's login.
pub(super) struct LoginKeeper {
    host: RegistryHost,
    login: Login,
    search: Option<LoginSearch>,
    from_source: Fresh<Answer, CredentialError>,
}

/// The answer of a login's source.
#[derive(Clone)]
struct Answer {
    /// `None` for no login.
    credentials: Option<Credentials>,
    /// The source gave these again after they were refused.
    is_refused: bool,
}

impl LoginKeeper {
    pub(super) fn new(settings: &Settings) -> Self {
        let Settings { host, login, login_search, .. } = settings.clone();
        Self { host, login, search: login_search, from_source: Fresh::default() }
    }

    pub(super) fn is_anonymous(&self) -> bool {
        matches!(self.login, Login::Anonymous)
    }

    /// The header of a token that the registry takes as it is.
    pub(super) fn registry_token_header(&self) -> Option<HeaderValue> {
        match &self.login {
            Login::User(credentials) => credentials.registry_token_header(),
            Login::Anonymous | Login::Source(_) => None,
        }
    }

    /// User and password as a header, if there are any.
    pub(super) async fn basic_header(&self) -> Result<Option<HeaderValue>, Error> {
        Ok(self.credentials().await?.and_then(|credentials| credentials.password_header()))
    }

    /// The current credentials.
    pub(super) async fn credentials(&self) -> Result<Option<Credentials>, Error> {
        match &self.login {
            Login::User(credentials) => Ok(Some(credentials.clone())),
            Login::Anonymous => Ok(None),
            Login::Source(source) => {
                let asked = self.from_source.get(ask(&**source, None)).await;
                asked.map(|answer| answer.credentials).map_err(|source| self.failed(source))
            }
        }
    }

    /// Asks the source again because the registry refused `refused`. Returns different credentials, or `None`.
    pub(super) async fn replace(&self, refused: &Credentials) -> Result<Option<Credentials>, Error> {
        let Login::Source(source) = &self.login else { return Ok(None) };
        let is_same =
            |answer: &Answer| answer.credentials.as_ref().is_some_and(|known| known.is_same(refused));
        // Another task may have replaced them already.
        let is_useless = |answer: &Answer| is_same(answer) && !answer.is_refused;
        let asked = self.from_source.get_other(is_useless, ask(&**source, Some(refused))).await;
        let answer = asked.map_err(|source| self.failed(source))?;
        Ok(if is_same(&answer) { None } else { answer.credentials })
    }

    fn failed(&self, source: CredentialError) -> Error {
        Error::Login { host: self.host.clone(), search: self.search.clone(), source }
    }

    /// The same for a Basic header; returns whether a retry with another header is worthwhile.
    pub(super) async fn replace_basic(&self, sent: &HeaderValue) -> bool {
        let Ok(Some(credentials)) = self.credentials().await else { return false };
        match credentials.password_header() {
            Some(header) if header == *sent => matches!(self.replace(&credentials).await, Ok(Some(_))),
            other => other.is_some(),
        }
    }
}

/// Asks a source, after telling it which credentials were refused.
async fn ask(
    source: &dyn CredentialSource,
    refused: Option<&Credentials>,
) -> Result<Kept<Answer>, CredentialError> {
    if let Some(refused) = refused {
        source.refused(refused).await;
    }
    let credentials = source.credentials().await?;
    let until = match &credentials {
        Some(credentials) => credentials.expires(),
        None => Some(Instant::now() + NOBODY),
    };
    let is_given_again = |refused| credentials.as_ref().is_some_and(|given| given.is_same(refused));
    let is_refused = refused.is_some_and(is_given_again);
    Ok(Kept::until(Answer { credentials, is_refused }, until))
}
