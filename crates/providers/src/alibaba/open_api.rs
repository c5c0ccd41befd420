//! ACR's `OpenAPI`: calls that are signed, rate-limited, and retried if that helps.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::access_key::AccessKeySource;
use super::endpoint::Endpoint;
use super::error::{Error, ErrorKind};
use super::http::Http;
use super::rate_limit::RateLimit;
use super::signed_call::{Call, Caller, Style};

/// The Enterprise Edition's API.
const ENTERPRISE_VERSION: &str = "2018-12-01";
/// The Personal Edition's API.
const PERSONAL_VERSION: &str = "2016-06-07";
/// The most attempts of a call.
const TRIES: u32 = 5;
/// The longest first wait; it doubles with each retry.
const FIRST_WAIT: Duration = Duration::from_millis(400);
/// The least wait while a load balancer is being changed.
const LOAD_BALANCER_WAIT: Duration = Duration::from_secs(3);

/// The API of one region. Clones share the limit of 15 calls a second.
#[derive(Clone)]
pub struct OpenApi {
    http: Http,
    endpoint: Endpoint,
    keys: Arc<dyn AccessKeySource>,
    limit: Arc<RateLimit>,
}

impl OpenApi {
    /// The API at `endpoint`, see [`Endpoint::acr`], with the keys of `keys`.
    pub fn new(http: Http, endpoint: Endpoint, keys: Arc<dyn AccessKeySource>) -> Self {
        Self { http, endpoint, keys, limit: Arc::new(RateLimit::new()) }
    }

    /// The API's address.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// An RPC call of the Enterprise Edition (2018-12-01).
    ///
    /// # Errors
    /// All of [`Error`]; after up to five attempts if a retry may help.
    pub async fn rpc(&self, action: &str, parameters: &[(&str, &str)]) -> Result<Value, Error> {
        self.call(&Call { action, version: ENTERPRISE_VERSION, style: Style::Rpc(parameters.to_vec()) }).await
    }

    /// A ROA call of the Personal Edition (2016-06-07): a GET of `path`.
    ///
    /// # Errors
    /// As for [`rpc`](Self::rpc).
    pub async fn roa(&self, action: &str, path: &str) -> Result<Value, Error> {
        self.call(&Call { action, version: PERSONAL_VERSION, style: Style::Roa(path) }).await
    }

    async fn call(&self, call: &Call<'_>) -> Result<Value, Error> {
        let mut tries = 0;
        loop {
            let key = self.keys.access_key().await?;
            self.limit.turn(self.http.sharers()).await;
            let caller = Caller { http: &self.http, endpoint: &self.endpoint, key: &key };
            let error = match caller.send(call).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            tries += 1;
            let Some(longest) = longest_wait(&error, tries) else { return Err(error) };
            tokio::time::sleep(jitter(longest, &error)).await;
        }
    }
}

/// The longest wait after `tries` attempts; `None` to give up.
fn longest_wait(error: &Error, tries: u32) -> Option<Duration> {
    let allowed = match error.kind() {
        ErrorKind::Throttled | ErrorKind::Unavailable => TRIES,
        // Each attempt may take its whole time-out.
        ErrorKind::Network => 2,
        _ => 1,
    };
    (tries < allowed).then(|| FIRST_WAIT * 2_u32.pow(tries - 1))
}

/// Full jitter, on top of the load balancer's least wait.
fn jitter(longest: Duration, error: &Error) -> Duration {
    let least = if error.code() == Some("SLB_SERVICE_ERROR") { LOAD_BALANCER_WAIT } else { Duration::ZERO };
    least + longest.mul_f64(fastrand::f64())
}

#[cfg(test)]
mod tests {
    use super::super::error::Refusal;
    use super::*;

    fn refused(status: u16, code: &str) -> Error {
        let (action, host, message) = (String::new(), String::new(), String::new());
        Error::Refused(Box::new(Refusal {
            action,
            host,
            status,
            code: code.to_owned(),
            message,
            request_id: None,
        }))
    }

    #[test]
    fn tries_are_bounded_and_waits_grow() {
        let waits = |error: &Error| (1..).map_while(|tries| longest_wait(error, tries)).collect::<Vec<_>>();
        let expected = [400, 800, 1600, 3200].map(Duration::from_millis);
        assert_eq!(waits(&refused(400, "Throttling.User")), expected);
        assert_eq!(waits(&refused(500, "SystemError")), expected);
        assert_eq!(waits(&refused(403, "NoPermission")), []);
        assert_eq!(waits(&refused(400, "SignatureDoesNotMatch")), []);
    }

    #[test]
    fn load_balancers_get_their_seconds() {
        let longest = Duration::from_millis(400);
        for _ in 0..20 {
            assert!(jitter(longest, &refused(400, "SLB_SERVICE_ERROR")) >= LOAD_BALANCER_WAIT);
            assert!(jitter(longest, &refused(503, "")) <= longest);
        }
    }
}
