//! Errors for tests.

use std::time::Duration;

use registry::{RedactedUrl, Refusal, TransportFailure};

use super::{Error, Operation, Side};

fn error(cause: registry::Error) -> Error {
    let place = "r.io/a".to_owned();
    Error { side: Side::Source, place, operation: Operation::ListTags, cause: cause.into() }
}

fn url() -> RedactedUrl {
    (&url::Url::parse("https://r.io/").unwrap()).into()
}

pub(crate) fn broken() -> Error {
    let failure = TransportFailure::Broken;
    error(registry::Error::Transport { method: http::Method::GET, url: url(), failure, source: None })
}

pub(crate) fn refused(status: u16, retry_after: Option<u64>) -> Error {
    error(registry::Error::Refused(Box::new(Refusal {
        method: http::Method::GET,
        url: url(),
        status: http::StatusCode::from_u16(status).unwrap(),
        errors: Vec::new(),
        body: None,
        request_id: None,
        retry_after: retry_after.map(Duration::from_secs),
        answered: registry::Answered::default(),
    })))
}
