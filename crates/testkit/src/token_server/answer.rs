//! The answers of the token server.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode, header};
use http_body_util::Full;
use serde_json::{Value, json};

use super::access::{TokenUser, UserList, access};
use super::{Habit, Signer};

/// Checks passwords and issues tokens.
pub(super) struct Office {
    pub(super) path: &'static str,
    pub(super) signer: Arc<Signer>,
    habit: Habit,
    pub(super) users: UserList,
    lifetime: Mutex<Duration>,
    issued_at: Mutex<Option<String>>,
    failures: Mutex<VecDeque<u16>>,
    log: Mutex<Vec<String>>,
}

/// The caller of a request.
enum Caller {
    Anonymous,
    User(TokenUser),
    Refused,
}

impl Office {
    pub(super) fn new(habit: Habit, path: &'static str, users: Vec<TokenUser>, signer: Signer) -> Self {
        Self {
            path,
            signer: Arc::new(signer),
            habit,
            users: UserList::new(users),
            lifetime: Mutex::new(Duration::from_secs(1800)),
            issued_at: Mutex::default(),
            failures: Mutex::default(),
            log: Mutex::default(),
        }
    }

    pub(super) fn set_lifetime(&self, lifetime: Duration) {
        *lock(&self.lifetime) = lifetime;
    }

    pub(super) fn set_issued_at(&self, time: &str) {
        *lock(&self.issued_at) = Some(time.to_owned());
    }

    pub(super) fn fail_next(&self, count: usize, status: u16) {
        lock(&self.failures).extend(std::iter::repeat_n(status, count));
    }

    pub(super) fn log(&self) -> MutexGuard<'_, Vec<String>> {
        lock(&self.log)
    }

    /// Answers one request. The log has user names, but no passwords.
    pub(super) fn answer<B>(&self, request: &Request<B>) -> Response<Full<Bytes>> {
        let caller = self.caller(request.headers());
        let failure = lock(&self.failures).pop_front().and_then(|status| StatusCode::from_u16(status).ok());
        let (status, body) = match failure {
            Some(status) => (status, error("UNAVAILABLE", "told to fail")),
            None if request.uri().path() != self.path => {
                (StatusCode::NOT_FOUND, error("NOT_FOUND", "no such path"))
            }
            None => self.decide(request.uri().query().unwrap_or_default(), &caller),
        };
        let name = if let Caller::User(user) = &caller { user.name.as_str() } else { "-" };
        self.log().push(format!("{name} {} {}", request.uri(), status.as_u16()));
        let mut response = Response::new(Full::new(Bytes::from(body.to_string())));
        *response.status_mut() = status;
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
        response
    }

    fn decide(&self, query: &str, caller: &Caller) -> (StatusCode, Value) {
        let (service, scopes) = parameters(query);
        if service.as_deref().is_some_and(|service| service != self.signer.service()) {
            return (StatusCode::BAD_REQUEST, error("BAD_REQUEST", "unknown service"));
        }
        let user = match caller {
            Caller::User(user) => Some(user),
            Caller::Anonymous if !scopes.is_empty() => None,
            _ => return (StatusCode::UNAUTHORIZED, error("UNAUTHORIZED", "authentication required")),
        };
        let lifetime = *lock(&self.lifetime);
        let subject = user.map_or("", |user| user.name.as_str());
        let token = self.signer.token(subject, lifetime, &access(self.habit, user, &scopes));
        let mut body = json!({"token": token, "expires_in": lifetime.as_secs()});
        if let Some(time) = &*lock(&self.issued_at) {
            body["issued_at"] = json!(time);
        }
        if self.habit == Habit::Acr {
            body["access_token"] = body["token"].clone();
        }
        (StatusCode::OK, body)
    }

    fn caller(&self, headers: &HeaderMap) -> Caller {
        let Some(authorization) = headers.get(header::AUTHORIZATION) else { return Caller::Anonymous };
        let known = authorization
            .to_str()
            .ok()
            .and_then(|value| value.strip_prefix("Basic "))
            .and_then(|value| BASE64_STANDARD.decode(value).ok())
            .and_then(|value| String::from_utf8(value).ok())
            .and_then(|value| {
                let (name, password) = value.split_once(':')?;
                self.users.find(name, password)
            });
        known.map_or(Caller::Refused, Caller::User)
    }
}

/// The service and all scopes, which may be repeated parameters or separated by spaces.
fn parameters(query: &str) -> (Option<String>, Vec<String>) {
    let (mut service, mut scopes) = (None, Vec::new());
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        match name.as_ref() {
            "service" => service = Some(value.into_owned()),
            "scope" => scopes.extend(value.split_whitespace().map(String::from)),
            _ => {}
        }
    }
    (service, scopes)
}

fn error(code: &str, message: &str) -> Value {
    json!({"errors": [{"code": code, "message": message}]})
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
