//! Logins at Google's registries with a service account's key.
//!
//! Sources: RFC 7523 (JWT bearer grant) and Google's "Using `OAuth` 2.0 for Server to Server Applications".

use std::time::{Duration, SystemTime};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use futures_util::future::BoxFuture;
use futures_util::{FutureExt as _, TryFutureExt as _};
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, StatusCode};
use oci::RegistryHost;
use registry::{
    CredentialError, CredentialSource, Credentials, Fresh, HostClient, HostRequest, Kept, Prospect,
    Transport, renew_at,
};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::Instant;
use url::Url;

/// The user name that marks the password in a config as a service account's key, in Base64.
pub const SERVICE_ACCOUNT_USER: &str = "_oauth2_";
/// The user name for an access token at Google's registries.
const TOKEN_USER: &str = "oauth2accesstoken";
/// The scope to read and write images.
const SCOPE: &str = "https://www.googleapis.com/auth/devstorage.read_write";
/// How long the signed request is valid.
const ASSERTION_LIFETIME: Duration = Duration::from_secs(600);
/// The most bytes of an answer: tokens have a few kilobytes.
const LONGEST_ANSWER: u64 = 1 << 20;

/// A service account that trades its key for access tokens.
pub struct ServiceAccount {
    email: String,
    private_key: SecretString,
    token_uri: String,
    token_server: Url,
    client: HostClient,
    held: Fresh<Credentials, CredentialError>,
}

#[derive(Deserialize)]
struct KeyFile {
    client_email: String,
    private_key: SecretString,
    #[serde(default = "google_token_uri")]
    token_uri: String,
}

#[derive(Deserialize)]
struct TokenAnswer {
    access_token: SecretString,
    /// A number; some servers send it as a text.
    #[serde(default)]
    expires_in: Value,
}

fn google_token_uri() -> String {
    "https://oauth2.googleapis.com/token".to_owned()
}

/// Whether a registry is one of Google's.
pub fn is_google(host: &RegistryHost) -> bool {
    let name = host.host_name();
    name == "gcr.io" || name.ends_with(".gcr.io") || name.ends_with(".pkg.dev")
}

impl ServiceAccount {
    /// Parses a service account's JSON key in Base64, as in the config. `transport` sends the requests to its token server.
    ///
    /// # Errors
    /// The text is not such a key; the error does not repeat it.
    pub fn from_base64(key: &SecretString, transport: &Transport) -> Result<Self, CredentialError> {
        let compact: String = key.expose_secret().split_whitespace().collect();
        let json = STANDARD.decode(compact).map_err(|_| failed("the password is not Base64"))?;
        let key: KeyFile = serde_json::from_slice(&json)
            .map_err(|_| failed("the password is not a service account's JSON key in Base64"))?;
        let client = transport.host_client().map_err(|_| failed("TLS cannot be set up"))?;
        let KeyFile { client_email: email, private_key, token_uri } = key;
        let token_server = token_uri.parse().map_err(|_| failed("its token_uri is no URL"))?;
        Ok(Self { email, private_key, token_uri, token_server, client, held: Fresh::default() })
    }

    async fn fetch(&self) -> Result<Kept<Credentials>, CredentialError> {
        let asked = Instant::now();
        let answer: TokenAnswer = serde_json::from_slice(&self.ask().await?)
            .map_err(|_| failed("the token server's answer has no access_token"))?;
        let lifetime = answer.lifetime();
        let credentials = Credentials::new(TOKEN_USER, answer.access_token).until(renew_at(asked, lifetime));
        Ok(Kept::for_lifetime(credentials, asked, lifetime))
    }

    async fn ask(&self) -> Result<bytes::Bytes, CredentialError> {
        let assertion = self.assertion(SystemTime::now())?;
        let form = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer")
            .append_pair("assertion", &assertion)
            .finish();
        let request = HostRequest::new(Method::POST, self.token_server.clone())
            .header(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"))
            .body(form)
            .up_to(LONGEST_ANSWER);
        let answer = self.client.ask(&request).await.map_err(|error| unanswered(&error))?;
        let status = answer.status;
        if status.is_success() {
            return Ok(answer.body);
        }
        let said: String = String::from_utf8_lossy(&answer.body).chars().take(200).collect();
        let reason = format!("the token server answers {status}: {said}");
        let may_pass = status.is_server_error()
            || [StatusCode::TOO_MANY_REQUESTS, StatusCode::REQUEST_TIMEOUT].contains(&status);
        Err(if may_pass { passing(&reason) } else { failed(&reason) })
    }

    /// The signed assertion that proves our identity to the token server.
    fn assertion(&self, now: SystemTime) -> Result<String, CredentialError> {
        let seconds = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
        let claims = json!({
            "iss": self.email,
            "scope": SCOPE,
            "aud": self.token_uri,
            "iat": seconds,
            "exp": seconds + ASSERTION_LIFETIME.as_secs(),
        });
        let part = |value: &serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(&json!({"alg": "RS256", "typ": "JWT"})), part(&claims));
        let key = self.key_pair()?;
        let mut signature = vec![0; key.public_modulus_len()];
        key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature)
            .map_err(|_| failed("the private key cannot sign"))?;
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }

    fn key_pair(&self) -> Result<RsaKeyPair, CredentialError> {
        let unusable = || failed("its private_key is not an RSA key in PEM");
        let pem = self.private_key.expose_secret();
        let body: String = pem.lines().filter(|line| !line.starts_with("-----")).map(str::trim).collect();
        let der = STANDARD.decode(body).map_err(|_| unusable())?;
        RsaKeyPair::from_pkcs8(&der).map_err(|_| unusable())
    }
}

impl CredentialSource for ServiceAccount {
    fn credentials(&self) -> BoxFuture<'_, Result<Option<Credentials>, CredentialError>> {
        self.held.get(self.fetch()).map_ok(Some).boxed()
    }

    fn refused<'a>(&'a self, credentials: &'a Credentials) -> BoxFuture<'a, ()> {
        self.held.forget(|known| known.is_same(credentials)).boxed()
    }
}

impl TokenAnswer {
    /// Zero if the answer states no valid lifetime.
    fn lifetime(&self) -> Duration {
        let seconds = match &self.expires_in {
            Value::Number(number) => number.as_f64(),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        };
        let seconds = seconds.filter(|seconds: &f64| *seconds > 0.0).unwrap_or_default();
        Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
    }
}

/// Why no usable answer came, without the address, which the key names.
fn unanswered(error: &registry::Error) -> CredentialError {
    match error {
        registry::Error::Transport { failure, .. } => {
            passing(&format!("the token server cannot be reached: {failure}"))
        }
        registry::Error::Protocol { problem, .. } => failed(&format!("the token server: {problem}")),
        _ => passing("the token server cannot be reached"),
    }
}

/// An error that a retry may solve.
fn passing(reason: &str) -> CredentialError {
    CredentialError { prospect: Prospect::Passing, ..failed(reason) }
}

fn failed(reason: &str) -> CredentialError {
    CredentialError {
        source_name: "Google's service account".to_owned(),
        reason: reason.to_owned(),
        prospect: Prospect::Lasting,
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
    use aws_lc_rs::rsa::{KeyPair, KeySize};
    use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
    use embedded_registry::{Effect, EmbeddedRegistry, Fault, Match, Times};
    use registry::Proxies;

    use super::*;

    /// A key file and the public key to check signatures with.
    fn key(token_uri: &str) -> (SecretString, Vec<u8>) {
        let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
        let der: Pkcs8V1Der<'_> = pair.as_der().unwrap();
        let pem = format!(
            "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
            STANDARD.encode(der.as_ref())
        );
        let file = json!({"client_email": "robot@project", "private_key": pem, "token_uri": token_uri});
        (STANDARD.encode(file.to_string()).into(), pair.public_key().as_ref().to_vec())
    }

    #[test]
    fn the_assertion_is_signed_and_says_who_asks_for_what() {
        let (file, public) = key("https://oauth2.example/token");
        let account = account(&file, &Proxies::none()).unwrap();
        let assertion = account.assertion(SystemTime::UNIX_EPOCH + Duration::from_secs(1000)).unwrap();
        let (signed, signature) = assertion.rsplit_once('.').unwrap();
        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
        UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, public)
            .verify(signed.as_bytes(), &signature)
            .unwrap();
        let claims = URL_SAFE_NO_PAD.decode(signed.split_once('.').unwrap().1).unwrap();
        let claims: serde_json::Value = serde_json::from_slice(&claims).unwrap();
        let expected = json!({"iss": "robot@project", "scope": SCOPE, "aud": "https://oauth2.example/token", "iat": 1000, "exp": 1600});
        assert_eq!(claims, expected);
    }

    fn account(file: &SecretString, proxies: &Proxies) -> Result<ServiceAccount, CredentialError> {
        ServiceAccount::from_base64(file, &Transport::new("image-syncer/test", &[]).unwrap().through(proxies))
    }

    fn answer(code: u16, body: &str, times: Times) -> Fault {
        let (body, headers) = (body.to_owned(), Vec::new());
        let effect = Effect::Status { code, body, headers };
        Fault { when: Match::new(http::Method::POST, "/token"), times, effect }
    }

    async fn token_server(fault: Fault) -> (EmbeddedRegistry, ServiceAccount) {
        let server = EmbeddedRegistry::builder().start().await.unwrap();
        server.misbehave(fault);
        let (file, _) = key(&format!("http://{}/token", server.host()));
        (server, account(&file, &Proxies::none()).unwrap())
    }

    #[tokio::test]
    async fn the_key_is_traded_for_a_token_and_refusals_are_told() {
        let token = answer(200, r#"{"access_token":"ya29.secret","expires_in":3600}"#, Times::First(1));
        let (server, account) = token_server(token).await;
        let credentials = account.credentials().await.unwrap().unwrap();
        assert_eq!(credentials.user(), TOKEN_USER);
        assert!(credentials.is_fresh() && !format!("{credentials:?}").contains("ya29"));
        server.behave();
        server.misbehave(answer(400, r#"{"error":"invalid_grant"}"#, Times::Always));
        account.refused(&credentials).await;
        let before = server.requests().len();
        for _ in 0..3 {
            let error = account.credentials().await.unwrap_err();
            assert_eq!(error.prospect, Prospect::Lasting);
            let error = error.to_string();
            assert!(error.contains("400") && error.contains("invalid_grant"), "{error}");
        }
        assert_eq!(
            server.requests().len() - before,
            1,
            "what is refused for good is not asked again by each image"
        );
    }

    #[tokio::test]
    async fn p22_a_token_server_that_is_busy_may_be_asked_again() {
        for status in [429, 500, 503] {
            let (server, account) = token_server(answer(status, "busy", Times::First(1))).await;
            assert_eq!(account.credentials().await.unwrap_err().prospect, Prospect::Passing, "{status}");
            server.misbehave(answer(200, r#"{"access_token":"t","expires_in":"3599"}"#, Times::Always));
            assert!(account.credentials().await.unwrap().is_some(), "{status}");
        }
    }

    #[tokio::test]
    async fn p22_every_lifetime_is_used() {
        for lifetime in ["300", "10", "0", "-5", "null", "\"60\"", "1e300", "18446744073709551615"] {
            let body = format!(r#"{{"access_token":"t","expires_in":{lifetime}}}"#);
            let (server, account) = token_server(answer(200, &body, Times::Always)).await;
            for _ in 0..6 {
                assert!(account.credentials().await.unwrap().unwrap().is_fresh(), "{lifetime}");
            }
            assert_eq!(server.requests().len(), 1, "{lifetime}");
        }
    }

    #[tokio::test]
    async fn p22_no_proxy_is_asked_for_this_machine() {
        let token = answer(200, r#"{"access_token":"t"}"#, Times::Always);
        let (server, _) = token_server(token).await;
        let (file, _) = key(&format!("http://{}/token", server.host()));
        // No server listens there.
        let lookup = |name: &str| (name == "HTTP_PROXY").then(|| "http://127.0.0.1:9".to_owned());
        let account = account(&file, &Proxies::from_environment(&lookup).unwrap()).unwrap();
        assert!(account.credentials().await.unwrap().is_some());
        let seen = &server.requests()[0];
        assert_eq!(seen.headers.get("user-agent").unwrap(), "image-syncer/test");
    }

    #[test]
    fn a_token_server_without_an_address_is_told_before_it_is_asked() {
        let (file, _) = key("oauth2.example/token");
        let error = account(&file, &Proxies::none()).err().unwrap();
        assert_eq!(error.prospect, Prospect::Lasting);
        assert!(error.to_string().contains("token_uri"), "{error}");
    }

    #[test]
    fn what_is_no_key_is_told_without_its_text() {
        for text in ["hunter2!", "e30=", "bm90IGpzb24="] {
            let error = account(&SecretString::from(text), &Proxies::none()).err().unwrap().to_string();
            assert!(!error.contains(text), "{error}");
        }
    }

    #[test]
    fn googles_registries() {
        let google = |host: &str| is_google(&host.parse().unwrap());
        assert!(google("gcr.io") && google("eu.gcr.io") && google("europe-docker.pkg.dev"));
        assert!(!google("notgcr.io") && !google("gcr.io.evil.com") && !google("pkg.dev.io"));
    }
}
