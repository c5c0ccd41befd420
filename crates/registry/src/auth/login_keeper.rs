//! Keeps what a login's source said: asked when first needed, again when its time is over, and once more when
//! it was refused, for temporary passwords end early.

use super::credential::{Credentials, Login};
use crate::{Error, RegistryHost};
use http::HeaderValue;

/// One registry's login.
pub(super) struct LoginKeeper {
    host: RegistryHost,
    login: Login,
    /// Held while the source is asked, so that it is asked once however many wait.
    from_source: tokio::sync::Mutex<FromSource>,
}

/// What a login's source said, once it was asked.
#[derive(Default)]
enum FromSource {
    #[default]
    NotAsked,
    Nobody,
    User(Credentials),
    /// The source gave these again after they were refused.
    Refused(Credentials),
}

impl LoginKeeper {
    pub(super) fn new(host: RegistryHost, login: Login) -> Self {
        Self { host, login, from_source: tokio::sync::Mutex::default() }
    }

    pub(super) fn is_anonymous(&self) -> bool {
        matches!(self.login, Login::Anonymous)
    }

    /// A token that the user has for the registry itself.
    pub(super) fn registry_token_header(&self) -> Option<HeaderValue> {
        match &self.login {
            Login::User(credentials) => credentials.registry_token_header(),
            Login::Anonymous | Login::Source(_) => None,
        }
    }

    /// User and password as a header, if we have them.
    pub(super) async fn basic_header(&self) -> Result<Option<HeaderValue>, Error> {
        Ok(self.credentials().await?.and_then(|credentials| credentials.password_header()))
    }

    /// Who we are.
    pub(super) async fn credentials(&self) -> Result<Option<Credentials>, Error> {
        match &self.login {
            Login::User(credentials) => Ok(Some(credentials.clone())),
            Login::Anonymous => Ok(None),
            Login::Source(_) => self.ask(&mut *self.from_source.lock().await).await,
        }
    }

    async fn ask(&self, known: &mut FromSource) -> Result<Option<Credentials>, Error> {
        let Login::Source(source) = &self.login else { return Ok(None) };
        match known {
            FromSource::Nobody => return Ok(None),
            FromSource::User(credentials) | FromSource::Refused(credentials) if credentials.is_fresh() => {
                return Ok(Some(credentials.clone()));
            }
            _ => {}
        }
        let asked = source.credentials().await;
        let asked = asked.map_err(|source| Error::Login { host: self.host.clone(), source })?;
        *known = asked.clone().map_or(FromSource::Nobody, FromSource::User);
        Ok(asked)
    }

    /// Asks the source anew because `refused` were not accepted. Gives others, or nothing.
    pub(super) async fn replace(&self, refused: &Credentials) -> Result<Option<Credentials>, Error> {
        let Login::Source(source) = &self.login else { return Ok(None) };
        let mut known = self.from_source.lock().await;
        match &*known {
            FromSource::Refused(credentials) if credentials.is_same(refused) => return Ok(None),
            // Somebody else was faster.
            FromSource::User(credentials) if !credentials.is_same(refused) => {
                return Ok(Some(credentials.clone()));
            }
            _ => {}
        }
        source.refused(refused).await;
        *known = FromSource::NotAsked;
        let asked = self.ask(&mut known).await?;
        if asked.as_ref().is_some_and(|asked| asked.is_same(refused)) {
            *known = FromSource::Refused(refused.clone());
            return Ok(None);
        }
        Ok(asked)
    }

    /// The same for a Basic header; tells whether another one is worth a try.
    pub(super) async fn replace_basic(&self, sent: &HeaderValue) -> bool {
        let Ok(Some(credentials)) = self.credentials().await else { return false };
        match credentials.password_header() {
            Some(header) if header == *sent => matches!(self.replace(&credentials).await, Ok(Some(_))),
            other => other.is_some(),
        }
    }
}
