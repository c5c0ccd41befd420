//! Logins at ACR with an access key: a temporary user and password, renewed before they end.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use registry::{CredentialError, CredentialSource, Credentials, Prospect, RegistryHost};
use reqwest::header::{HeaderMap, WWW_AUTHENTICATE};
use secrecy::SecretString;
use serde_json::Value;
use tokio::sync::{Mutex, OnceCell};

use super::access_key::AccessKeySource;
use super::endpoint::Endpoint;
use super::error::{Error, ErrorKind};
use super::http::{Http, network};
use super::name::{InstanceId, Region};
use super::open_api::OpenApi;
use super::service::{Service, region_hint};

/// The longest time before its end at which a password is renewed.
const EARLY: Duration = Duration::from_secs(300);
/// The name by which errors call this source.
pub const SOURCE_NAME: &str = "Alibaba Cloud";
const ACTION: &str = "GetAuthorizationToken";

/// Gives the `service` of a registry's token challenge.
pub trait ServiceSource: Send + Sync {
    /// The text, such as `registry.aliyuncs.com:cn-shanghai:china:cri-xxx`.
    fn service(&self) -> BoxFuture<'_, Result<String, Error>>;
}

/// Asks a registry for its challenge: a GET of `/v2/` without a login.
pub struct AskRegistry {
    http: Http,
    registry: Endpoint,
}

/// What a login needs to know. What is `None` is learned from the registry.
pub struct AcrLoginSettings {
    /// The registry.
    pub host: RegistryHost,
    /// Which Enterprise Edition instance.
    pub instance: Option<InstanceId>,
    /// Where its API is asked.
    pub region: Option<Region>,
    /// Another place for that API.
    pub endpoint: Option<Endpoint>,
    /// Who asks.
    pub keys: Arc<dyn AccessKeySource>,
    /// Who knows the registry's challenge, if it must be known.
    pub service: Arc<dyn ServiceSource>,
}

/// A login that renews itself. All who share one ask once.
pub struct AcrLogin {
    settings: AcrLoginSettings,
    http: Http,
    place: OnceCell<Place>,
    held: Mutex<Held>,
}

/// What the last question for a login brought.
#[derive(Default)]
enum Held {
    #[default]
    Nothing,
    Login(Credentials),
    /// A refusal that asking again does not change; its words.
    Refused(String),
}

/// A temporary user. Printing it shows no password.
#[derive(Debug)]
pub struct TemporaryLogin {
    /// User and password, with the moment of their renewal.
    pub credentials: Credentials,
    /// How long they are valid from now on.
    pub lifetime: Duration,
}

/// Which API gives logins, and for what.
struct Place {
    api: OpenApi,
    instance: Option<InstanceId>,
}

impl AskRegistry {
    /// Asks `registry`: a host means https, `http://host:port` is taken as it is.
    pub fn new(http: Http, registry: Endpoint) -> Self {
        Self { http, registry }
    }

    async fn ask(&self) -> Result<String, Error> {
        let host = self.registry.authority();
        let request = self.http.services.get(self.registry.url("/v2/"));
        let response = request.send().await.map_err(|error| network(error, "GET /v2/", &host))?;
        service_of(response.headers()).ok_or_else(|| Error::NotAlibaba {
            host,
            reason: format!("it answers {} without naming a token service", response.status()),
        })
    }
}

impl ServiceSource for AskRegistry {
    fn service(&self) -> BoxFuture<'_, Result<String, Error>> {
        self.ask().boxed()
    }
}

/// The `service` of a Bearer challenge.
fn service_of(headers: &HeaderMap) -> Option<String> {
    let values = headers.get_all(WWW_AUTHENTICATE).into_iter().filter_map(|value| value.to_str().ok());
    let bearer = values.filter(|value| value.to_ascii_lowercase().starts_with("bearer "));
    let mut found = bearer.filter_map(|value| {
        let (_, rest) = value.split_once("service=\"")?;
        rest.split_once('"').map(|(service, _)| service.to_owned())
    });
    found.find(|service| !service.is_empty())
}

impl AcrLogin {
    /// Nothing is asked before the login is needed.
    pub fn new(http: Http, settings: AcrLoginSettings) -> Self {
        Self { settings, http, place: OnceCell::new(), held: Mutex::default() }
    }

    /// The API that gives the login, for more questions of the same key.
    ///
    /// # Errors
    /// The registry cannot be asked, or is not one of Alibaba's.
    pub async fn api(&self) -> Result<OpenApi, Error> {
        Ok(self.place().await?.api.clone())
    }

    /// Which instance the registry belongs to; `None` for the Personal Edition.
    ///
    /// # Errors
    /// The registry cannot be asked, or is not one of Alibaba's.
    pub async fn instance(&self) -> Result<Option<InstanceId>, Error> {
        Ok(self.place().await?.instance.clone())
    }

    /// Gets a new temporary user, whatever is held.
    ///
    /// # Errors
    /// All of [`Error`].
    pub async fn fetch(&self) -> Result<TemporaryLogin, Error> {
        let place = self.place().await?;
        let (answer, names) = if let Some(instance) = &place.instance {
            let answer = place.api.rpc(ACTION, &[("InstanceId", instance.as_str())]).await?;
            (answer, ["TempUsername", "AuthorizationToken", "ExpireTime"])
        } else {
            let mut answer = place.api.roa(ACTION, "/tokens").await?;
            (answer["data"].take(), ["tempUserName", "authorizationToken", "expireDate"])
        };
        let host = place.api.endpoint().authority();
        temporary_login(&answer, names, Timestamp::now())
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

    /// A login that is valid for a while, or why there is none. What is refused for good is asked once: thousands of
    /// images may wait for it.
    async fn fresh(&self) -> Result<Credentials, (String, Prospect)> {
        let mut held = self.held.lock().await;
        match &*held {
            Held::Login(credentials) if credentials.is_fresh() => return Ok(credentials.clone()),
            Held::Refused(reason) => return Err((reason.clone(), Prospect::Lasting)),
            Held::Login(_) | Held::Nothing => {}
        }
        match self.fetch().await {
            Ok(login) => {
                *held = Held::Login(login.credentials.clone());
                Ok(login.credentials)
            }
            Err(error) => {
                let reason = with_causes(&error);
                if is_final(error.kind()) {
                    *held = Held::Refused(reason.clone());
                }
                let prospect = if error.is_retryable() { Prospect::Passing } else { Prospect::Lasting };
                Err((reason, prospect))
            }
        }
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
        let told =
            |(reason, prospect)| CredentialError { source_name: SOURCE_NAME.to_owned(), reason, prospect };
        self.fresh().map(move |found| found.map(Some).map_err(told)).boxed()
    }

    fn refused<'a>(&'a self, credentials: &'a Credentials) -> BoxFuture<'a, ()> {
        async {
            let mut held = self.held.lock().await;
            // Another one may have been got meanwhile.
            if matches!(&*held, Held::Login(known) if known.is_same(credentials)) {
                *held = Held::Nothing;
            }
        }
        .boxed()
    }
}

/// Whether a refusal stays one for as long as nobody changes keys, clocks or rights.
fn is_final(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::InvalidKey
            | ErrorKind::WrongSecret
            | ErrorKind::NoPermission
            | ErrorKind::ClockSkew
            | ErrorKind::NoKey
            | ErrorKind::NotFound
    )
}

/// An error and its causes, in one line.
fn with_causes(error: &Error) -> String {
    let causes = std::iter::successors(std::error::Error::source(error), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

/// Reads user, password and end (in milliseconds since 1970) from the fields `names`.
fn temporary_login(answer: &Value, names: [&str; 3], now: Timestamp) -> Option<TemporaryLogin> {
    let [user, password, end] = names.map(|name| &answer[name]);
    let password = SecretString::from(password.as_str().filter(|password| !password.is_empty())?);
    let end = end.as_i64().or_else(|| end.as_str()?.parse().ok())?;
    let lifetime = u64::try_from(end - now.as_millisecond()).map_or(Duration::ZERO, Duration::from_millis);
    let credentials = Credentials::new(user.as_str()?, password).until(Instant::now() + renewal(lifetime));
    Some(TemporaryLogin { credentials, lifetime })
}

/// When a login with so much life is renewed: after 80 % of it, or five minutes before its end if that is earlier.
fn renewal(lifetime: Duration) -> Duration {
    (lifetime / 5 * 4).min(lifetime.saturating_sub(EARLY))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn renewal_at_four_fifths_or_five_minutes_before_the_end() {
        let minutes = |minutes: u64| Duration::from_secs(minutes * 60);
        assert_eq!(renewal(minutes(60)), minutes(48));
        assert_eq!(renewal(minutes(20)), minutes(15));
        assert_eq!(renewal(minutes(3)), Duration::ZERO);
        assert_eq!(renewal(Duration::ZERO), Duration::ZERO);
    }

    #[test]
    fn the_user_is_the_one_that_is_told() {
        let names = ["TempUsername", "AuthorizationToken", "ExpireTime"];
        let now = Timestamp::from_millisecond(1_571_242_083_000 - 3_600_000).unwrap();
        for end in [json!(1_571_242_083_000_u64), json!("1571242083000")] {
            let answer =
                json!({"TempUsername": "cr_temp_user", "AuthorizationToken": "hunter2", "ExpireTime": end});
            let login = temporary_login(&answer, names, now).unwrap();
            assert_eq!(
                (login.credentials.user(), login.lifetime),
                ("cr_temp_user", Duration::from_secs(3600))
            );
            assert!(login.credentials.is_fresh() && !format!("{login:?}").contains("hunter2"));
        }
        let old = json!({"TempUsername": "u", "AuthorizationToken": "p", "ExpireTime": 1});
        assert!(!temporary_login(&old, names, now).unwrap().credentials.is_fresh());
        assert!(temporary_login(&json!({"TempUsername": "u"}), names, now).is_none());
    }

    #[test]
    fn the_service_of_a_challenge() {
        let service = |text: &'static str| {
            service_of(&HeaderMap::from_iter([(WWW_AUTHENTICATE, text.parse().unwrap())]))
        };
        let acr = r#"Bearer realm="https://dockerauth.cn-hangzhou.aliyuncs.com/auth",service="registry.aliyuncs.com:cn-hangzhou:26842""#;
        assert_eq!(service(acr).unwrap(), "registry.aliyuncs.com:cn-hangzhou:26842");
        assert_eq!(service(r#"Basic realm="harbor""#), None);
        assert_eq!(service(r#"Bearer realm="x""#), None);
    }
}
