//! The state of the services, and the dispatch of requests to them.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderValue, Response, StatusCode, header};
use http_body_util::Full;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::call::{ApiRequest, Call};
use super::instance::AcrInstance;
use super::metadata::{self, MetadataVersion};
use super::signature::{self, Keys};
use super::{container_registry, security_token};
use crate::content::Content;
use crate::token_server::UserList;

/// An error that a service answers with.
pub(super) struct Refused {
    pub(super) status: u16,
    pub(super) code: String,
    pub(super) message: String,
}

/// An error that a test has requested.
pub(super) struct Order {
    pub(super) action: String,
    pub(super) left: usize,
    pub(super) status: u16,
    pub(super) code: String,
}

/// The state of all services.
pub(super) struct State {
    pub(super) keys: Keys,
    pub(super) nonces: HashSet<String>,
    pub(super) instances: Vec<AcrInstance>,
    /// The contents of the instances' registries, by instance id.
    pub(super) contents: HashMap<String, Content>,
    pub(super) roles: Vec<String>,
    pub(super) oidc_token: Option<String>,
    pub(super) ecs_role: Option<(String, MetadataVersion)>,
    pub(super) service: Option<String>,
    pub(super) users: Option<(UserList, Vec<&'static str>)>,
    pub(super) login_lifetime: Duration,
    pub(super) key_lifetime: Duration,
    pub(super) clock_ahead: i64,
    pub(super) refuses_acs3: bool,
    pub(super) orders: Vec<Order>,
    pub(super) log: Vec<ApiRequest>,
    pub(super) secrets: Vec<String>,
}

/// The services behind one lock, which is never held for long.
#[derive(Default)]
pub(super) struct Office(Mutex<State>);

/// An answer before it is converted to HTTP.
pub(super) enum Reply {
    Json(Value),
    Text(String),
    Status(u16),
    Challenge(String),
}

impl Refused {
    pub(super) fn new(status: u16, code: &str, message: impl Into<String>) -> Self {
        Self { status, code: code.to_owned(), message: message.into() }
    }
}

impl Default for State {
    fn default() -> Self {
        let hour = Duration::from_secs(3600);
        Self {
            keys: Keys::default(),
            nonces: HashSet::new(),
            instances: Vec::new(),
            contents: HashMap::new(),
            roles: Vec::new(),
            oidc_token: None,
            ecs_role: None,
            service: None,
            users: None,
            login_lifetime: hour,
            key_lifetime: hour,
            clock_ahead: 0,
            refuses_acs3: false,
            orders: Vec::new(),
            log: Vec::new(),
            secrets: Vec::new(),
        }
    }
}

impl State {
    pub(super) fn now(&self) -> Timestamp {
        Timestamp::now() + SignedDuration::from_secs(self.clock_ahead)
    }

    /// A new, unique secret.
    pub(super) fn secret(&mut self, kind: &str) -> String {
        // Contains characters that wrong encodings damage.
        let secret = format!("{kind}/{}+secret==", self.secrets.len() + 1);
        self.secrets.push(secret.clone());
        secret
    }

    /// Adds a temporary key, and returns it in the four fields.
    pub(super) fn temporary_key(&mut self) -> Value {
        let id = format!("STS.{}", self.secrets.len() + 1);
        let (secret, token) = (self.secret("key"), self.secret("token"));
        let end = self.now() + SignedDuration::try_from(self.key_lifetime).unwrap_or(SignedDuration::MAX);
        self.keys.add(&id, &secret, Some((token.clone(), end)));
        let end = end.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        json!({"AccessKeyId": id, "AccessKeySecret": secret, "SecurityToken": token, "Expiration": end})
    }

    fn ordered(&mut self, action: &str) -> Option<Refused> {
        let order = self
            .orders
            .iter_mut()
            .find(|order| order.left > 0 && (order.action == "*" || order.action == action))?;
        order.left -= 1;
        Some(Refused::new(order.status, &order.code, "told to fail"))
    }

    fn decide(&mut self, call: &Call<'_>, signer: &mut String) -> Result<Reply, Refused> {
        let path = call.path();
        if path == "/v2/" {
            return Ok(self.service.clone().map_or(Reply::Status(404), Reply::Challenge));
        }
        if let Some(refused) = self.ordered(call.action()) {
            return Err(refused);
        }
        if path.starts_with("/latest/") || path == metadata::CREDENTIALS_PATH {
            return Ok(metadata::answer(self, call));
        }
        if call.action() == "AssumeRoleWithOIDC" {
            return security_token::assume_role_with_oidc(self, call).map(Reply::Json);
        }
        *signer = signature::check(self, call)?;
        match call.action() {
            "AssumeRole" => security_token::assume_role(self, call).map(Reply::Json),
            _ => container_registry::answer(self, call).map(Reply::Json),
        }
    }
}

impl Office {
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn now(&self) -> Timestamp {
        self.state().now()
    }

    pub(super) fn answer(&self, head: &Parts, body: &[u8]) -> Response<Full<Bytes>> {
        let call = Call::new(head, body);
        let mut state = self.state();
        let request_id = format!("REQUEST-{}", state.log.len() + 1);
        let mut access_key_id = String::new();
        let decided = state.decide(&call, &mut access_key_id);
        let response = http_response(decided, call.path(), &request_id);
        state.log.push(ApiRequest {
            method: head.method.to_string(),
            path: call.path().to_owned(),
            action: call.action().to_owned(),
            query: call.query.clone(),
            access_key_id,
            status: response.status().as_u16(),
        });
        response
    }
}

fn http_response(decided: Result<Reply, Refused>, path: &str, request_id: &str) -> Response<Full<Bytes>> {
    let (status, body) = match decided {
        Ok(Reply::Json(mut json)) => {
            // The two kinds of API spell the field differently.
            json[if path == "/" { "RequestId" } else { "requestId" }] = json!(request_id);
            (200, json.to_string())
        }
        Ok(Reply::Text(text)) => (200, text),
        Ok(Reply::Status(status)) => (status, String::new()),
        Ok(Reply::Challenge(service)) => {
            let mut response = Response::new(Full::new(Bytes::new()));
            *response.status_mut() = StatusCode::UNAUTHORIZED;
            let challenge = format!(
                r#"Bearer realm="https://dockerauth.cn-hangzhou.aliyuncs.com/auth",service="{service}""#
            );
            if let Ok(value) = HeaderValue::from_str(&challenge) {
                response.headers_mut().insert(header::WWW_AUTHENTICATE, value);
            }
            return response;
        }
        Err(Refused { status, code, message }) if path == "/" => {
            // Some refusals have status 200, and only the body tells.
            let json = json!({"Code": code, "Message": message, "RequestId": request_id, "IsSuccess": false});
            (status, json.to_string())
        }
        Err(Refused { status, code, message }) => {
            (status, json!({"code": code, "message": message, "requestId": request_id}).to_string())
        }
    };
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response
}
