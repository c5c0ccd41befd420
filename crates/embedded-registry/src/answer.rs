//! Answers and error documents as the distribution specification has them.

use std::convert::Infallible;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full};

/// The body of an answer; an error in it drops the connection.
pub(crate) type Body = UnsyncBoxBody<Bytes, std::io::Error>;

/// An answer before it is sent: faults may still change it.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: Vec<(HeaderName, String)>,
    pub(crate) body: Bytes,
    /// Told as `Content-Length` where the body is not sent, as for HEAD.
    pub(crate) length: Option<usize>,
}

impl Answer {
    pub(crate) fn new(status: StatusCode) -> Self {
        Self { status, headers: Vec::new(), body: Bytes::new(), length: None }
    }

    pub(crate) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((HeaderName::from_static(name), value.into()));
        self
    }

    pub(crate) fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    pub(crate) fn json(value: &serde_json::Value) -> Self {
        Self::new(StatusCode::OK).header("content-type", "application/json").body(value.to_string())
    }

    /// The specification's error document.
    pub(crate) fn error(status: StatusCode, code: &str, message: &str) -> Self {
        let document = serde_json::json!({"errors": [{"code": code, "message": message, "detail": null}]});
        Self { status, ..Self::json(&document) }
    }

    pub(crate) fn into_response(self) -> Response<Body> {
        let length = self.length.unwrap_or(self.body.len());
        let body = Full::new(self.body).map_err(|never: Infallible| match never {}).boxed_unsync();
        let mut response = Response::new(body);
        *response.status_mut() = self.status;
        for (name, value) in self.headers {
            if let Ok(value) = HeaderValue::from_str(&value) {
                response.headers_mut().append(name, value);
            }
        }
        if self.status != StatusCode::NO_CONTENT {
            response.headers_mut().insert(http::header::CONTENT_LENGTH, HeaderValue::from(length));
        }
        response
    }
}
