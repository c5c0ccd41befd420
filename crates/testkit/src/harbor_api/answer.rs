//! Answers in Harbor's format.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue, WWW_AUTHENTICATE};
use http::{Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full};
use serde_json::{Value, json};

use super::state::CannedAnswer;

/// A body in memory, or a stream from the registry.
pub(super) type Body = UnsyncBoxBody<Bytes, Box<dyn std::error::Error + Send + Sync>>;
pub(super) type Answer = Response<Body>;

pub(super) fn text(status: StatusCode, media_type: &'static str, text: impl Into<Bytes>) -> Answer {
    let body = Full::new(text.into()).map_err(|never| match never {}).boxed_unsync();
    let mut answer = Response::new(body);
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    answer
}

pub(super) fn data(status: StatusCode, value: &Value) -> Answer {
    text(status, "application/json; charset=utf-8", value.to_string())
}

pub(super) fn error(status: StatusCode, code: &str, message: &str) -> Answer {
    data(status, &json!({"errors": [{"code": code, "message": message}]}))
}

/// A 401 of the registry protocol. Harbor sends the challenge's header even if it is empty.
pub(super) fn challenge(challenge: &str, message: &str) -> Answer {
    let answer = error(StatusCode::UNAUTHORIZED, "UNAUTHORIZED", message);
    let answer = with_header(answer, WWW_AUTHENTICATE, challenge);
    with_header(answer, HeaderName::from_static("docker-distribution-api-version"), "registry/2.0")
}

/// The portal's answer, for paths that no other handler answers.
pub(super) fn portal() -> Answer {
    text(StatusCode::OK, "text/html", "<!doctype html><html><title>Harbor</title></html>")
}

pub(super) fn not_found(what: &str) -> Answer {
    error(StatusCode::NOT_FOUND, "NOT_FOUND", &format!("{what} not found"))
}

pub(super) fn canned(ordered: &CannedAnswer) -> Answer {
    let status = StatusCode::from_u16(ordered.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut answer = text(status, "application/json", ordered.body.clone());
    for (name, value) in &ordered.headers {
        if let Ok(name) = name.parse() {
            answer = with_header(answer, name, value);
        }
    }
    answer
}

/// Leaves out a value that is no valid header: such values come only from tests' own texts.
pub(super) fn with_header(mut answer: Answer, name: HeaderName, value: &str) -> Answer {
    if let Ok(value) = HeaderValue::from_str(value) {
        answer.headers_mut().insert(name, value);
    }
    answer
}
