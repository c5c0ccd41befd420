//! Logins at ACR with an access key: a temporary user and password, renewed before they expire.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::{FutureExt as _, TryFutureExt as _};
use jiff::Timestamp;
use oci::RegistryHost;
use registry::{CredentialError, CredentialSource, Credentials, Fresh, Kept, Prospect, renew_at};
use secrecy::SecretString;
use serde_json::Value;
use tokio::sync::OnceCell;
use tokio::time::Instant;

use super::access_key::AccessKeySource;
use super::endpoint::Endpoint;
use super::error::Error;
use super::http::Http;
use super::name::{InstanceId, Region};
use super::open_api::OpenApi;
use super::service::{Service, region_hint};

/// The name of this source in errors.
pub const SOURCE_NAME: &str = "Alibaba Cloud";
const ACTION: &str = "GetAuthorizationToken";

/// Gives the `service` of a registry's token challenge.
pub trait ServiceSource: Send + Sync {
    /// The text, such as `registry.aliyuncs.com:cn-shanghai:china:cri-xxx`.
    fn service(&self) -> BoxFuture<'_, Result<String, Error>>;
}

/// The settings of a login. Those that are `None` are learned from the registry.
pub struct AcrLoginSettings {
    /// The registry.
    pub host: RegistryHost,
    /// The Enterprise Edition instance.
    pub instance: Option<InstanceId>,
    /// The region whose API is used.
    pub region: Option<Region>,
    /// Another address of that API.
    pub endpoint: Option<Endpoint>,
    /// The source of access keys.
    pub keys: Arc<dyn AccessKeySource>,
    /// The source of the registry's challenge, if it is needed.
    pub service: Arc<dyn ServiceSource>,
}

/// A login that renews itself. Concurrent users share one request.
pub struct AcrLogin {
    settings: AcrLoginSettings,
    http: Http,
    place: OnceCell<Place>,
    held: Fresh<Credentials, CredentialError>,
}

/// A temporary user. Printing it shows no password.
#[derive(Debug)]
pub struct TemporaryLogin {
    /// User and password, with the moment of their renewal.
    pub credentials: Credentials,
    /// How long they are valid from now on.
    pub lifetime: Duration,
}

/// The API that gives logins, and the instance.
struct Place {
    api: OpenApi,
    instance: Option<InstanceId>,
}

impl AcrLogin {
    /// Sends no request before the login is needed.
    pub fn new(http: Http, settings: AcrLoginSettings) -> Self {
        Self { settings, http, place: OnceCell::new(), held: Fresh::default() }
    }

    /// The API that gives the login, for further calls with the same key.
    ///
    /// # Errors
    /// The registry is unreachable, or is not one of Alibaba's.
    pub async fn api(&self) -> Result<OpenApi, Error> {
        Ok(self.place().await?.api.clone())
    }

    /// The instance of the registry; `None` for the Personal Edition.
    ///
    /// # Errors
    /// The registry is unreachable, or is not one of Alibaba's.
    pub async fn instance(&self) -> Result<Option<InstanceId>, Error> {
        Ok(self.place().await?.instance.clone())
    }

    /// Fetches a new temporary user, even if there is a valid one.
    ///
    /// # Errors
    /// All of [`Error`].
    pub async fn fetch(&self) -> Result<TemporaryLogin, Error> {
        let place = self.place().await?;
        let asked = Instant::now();
        let (answer, names) = if let Some(instance) = &place.instance {
            let answer = place.api.rpc(ACTION, &[("InstanceId", instance.as_str())]).await?;
            (answer, ["TempUsername", "AuthorizationToken", "ExpireTime"])
        } else {
            let mut answer = place.api.roa(ACTION, "/tokens").await?;
            (answer["data"].take(), ["tempUserName", "authorizationToken", "expireDate"])
        };
        let host = place.api.endpoint().authority();
        temporary_login(&answer, names, asked, Timestamp::now())
            .ok_or_else(|| Error::answer(ACTION, &host, format!("it lacks one of {}", names.join(", "))))
    }

    async fn place(&self) -> Result<&Place, Error> {
        self.place.get_or_try_init(|| self.find_place()).await
    }

    async fn find_place(&self) -> Result<Place, Error> {
        let AcrLoginSettings { host, instance, region, endpoint, keys, service } = &self.settings;
        let known = endpoint.clone().or_else(|| region.as_ref().map(Endpoint::acr));
        let (endpoint, instance) = if let (Some(endpoint), Some(instance)) = (known.clone(), instance) {
            (endpoint, Some(instance.clone()))
        } else {
            let learned = learn(host, service.as_ref()).await;
            match (learned, instance, region_hint(host)) {
                (Ok(service), given, _) => {
                    let endpoint = known.unwrap_or_else(|| Endpoint::acr(service.region()));
                    (endpoint, given.clone().or_else(|| service.instance().cloned()))
                }
                (Err(_), Some(instance), Some(region)) => (Endpoint::acr(&region), Some(instance.clone())),
                (Err(error), ..) => return Err(error),
            }
        };
        Ok(Place { api: OpenApi::new(self.http.clone(), endpoint, Arc::clone(keys)), instance })
    }

    async fn ask(&self) -> Result<Kept<Credentials>, CredentialError> {
        let asked = Instant::now();
        let told = |error: Error| CredentialError {
            source_name: SOURCE_NAME.to_owned(),
            reason: oci::with_sources(&error),
            prospect: if error.is_retryable() { Prospect::Passing } else { Prospect::Lasting },
        };
        let login = self.fetch().await.map_err(told)?;
        Ok(Kept::for_lifetime(login.credentials, asked, login.lifetime))
    }
}

async fn learn(host: &RegistryHost, source: &dyn ServiceSource) -> Result<Service, Error> {
    let text = source.service().await?;
    Service::parse(&text).ok_or_else(|| Error::NotAlibaba {
        host: host.as_str().to_owned(),
        reason: format!("its token service is `{text}`, which is not Alibaba's"),
    })
}

impl CredentialSource for AcrLogin {
    fn credentials(&self) -> BoxFuture<'_, Result<Option<Credentials>, CredentialError>> {
        self.held.get(self.ask()).map_ok(Some).boxed()
    }

    fn refused<'a>(&'a self, credentials: &'a Credentials) -> BoxFuture<'a, ()> {
        // Another task may have fetched a new one meanwhile.
        self.held.forget(|known| known.is_same(credentials)).boxed()
    }
}

/// Reads user, password and end (in milliseconds since 1970) from the fields `names`.
fn temporary_login(
    answer: &Value,
    names: [&str; 3],
    asked: Instant,
    now: Timestamp,
) -> Option<TemporaryLogin> {
    let [user, password, end] = names.map(|name| &answer[name]);
    let password = SecretString::from(password.as_str().filter(|password| !password.is_empty())?);
    let end = end.as_i64().or_else(|| end.as_str()?.parse().ok())?;
    let left = end.saturating_sub(now.as_millisecond());
    let lifetime = u64::try_from(left).map_or(Duration::ZERO, Duration::from_millis);
    let credentials = Credentials::new(user.as_str()?, password).until(renew_at(asked, lifetime));
    Some(TemporaryLogin { credentials, lifetime })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_user_is_the_one_that_is_told() {
        let names = ["TempUsername", "AuthorizationToken", "ExpireTime"];
        let now = Timestamp::from_millisecond(1_571_242_083_000 - 3_600_000).unwrap();
        for end in [json!(1_571_242_083_000_u64), json!("1571242083000")] {
            let answer =
                json!({"TempUsername": "cr_temp_user", "AuthorizationToken": "hunter2", "ExpireTime": end});
            let login = temporary_login(&answer, names, Instant::now(), now).unwrap();
            assert_eq!(
                (login.credentials.user(), login.lifetime),
                ("cr_temp_user", Duration::from_secs(3600))
            );
            assert!(login.credentials.is_fresh() && !format!("{login:?}").contains("hunter2"));
        }
        // One of the two clocks is wrong: the registry decides.
        for end in [json!(1), json!(i64::MIN), json!(i64::MAX)] {
            let answer = json!({"TempUsername": "u", "AuthorizationToken": "p", "ExpireTime": end});
            let login = temporary_login(&answer, names, Instant::now(), now).unwrap();
            assert!(login.credentials.is_fresh(), "{end}");
        }
        assert!(temporary_login(&json!({"TempUsername": "u"}), names, Instant::now(), now).is_none());
    }
}
