//! An error for programs, in its parts.

use std::borrow::Cow;

use oci::ErrorKind;
use serde::{Deserialize, Serialize};
use sync::{Cause, Error};

use crate::diagnostic;

#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Failure {
    pub(crate) kind: Cow<'static, str>,
    pub(crate) side: String,
    pub(crate) host: String,
    pub(crate) operation: String,
    /// The HTTP status, if there was an answer.
    pub(crate) status: Option<u16>,
    /// The registry's error code.
    pub(crate) code: Option<String>,
    pub(crate) message: String,
    pub(crate) request_id: Option<String>,
    pub(crate) hint: String,
    /// The same for all failures with one reason.
    pub(crate) cause: String,
}

pub(super) fn explain(error: &Error) -> Failure {
    let diagnosis = diagnostic::diagnose(error);
    let refusal = refusal(&error.cause);
    Failure {
        kind: kind(error).into(),
        side: error.side.to_string(),
        host: error.place.split('/').next().unwrap_or_default().to_owned(),
        operation: error.operation.to_string(),
        status: refusal.map(|refusal| refusal.status.as_u16()),
        code: refusal.and_then(|refusal| refusal.errors.first()).map(|first| first.code.clone()),
        message: diagnosis.why,
        request_id: refusal.and_then(|refusal| refusal.request_id.clone()),
        hint: diagnosis.next,
        cause: diagnostic::cause(error),
    }
}

/// The refusing registry's id of the request.
pub(super) fn request_id(error: &Error) -> Option<&str> {
    refusal(&error.cause)?.request_id.as_deref()
}

fn refusal(cause: &Cause) -> Option<&registry::Refusal> {
    match cause {
        Cause::Endpoint(error) => error.inner().and_then(of_registry),
        Cause::NoAnswer(silence) => refusal(&silence.last.cause),
        Cause::Undivided(error) => refusal(&error.cause),
        _ => None,
    }
}

fn of_registry(error: &registry::Error) -> Option<&registry::Refusal> {
    match error {
        registry::Error::Refused(refusal) => Some(refusal),
        registry::Error::Token { source, .. } => of_registry(source),
        _ => None,
    }
}

/// The kind of failure, in a word.
pub(super) fn kind(error: &Error) -> &'static str {
    match error.kind() {
        Some(ErrorKind::Unauthorized) => "unauthorized",
        Some(ErrorKind::Denied) => "denied",
        Some(ErrorKind::NotFound) => "notFound",
        Some(ErrorKind::RateLimited) => "rateLimited",
        Some(ErrorKind::Unavailable) => "unavailable",
        Some(ErrorKind::Network) => "network",
        Some(ErrorKind::Tls) => "tls",
        Some(ErrorKind::Stalled) => "stalled",
        Some(ErrorKind::Mismatch) => "mismatch",
        Some(ErrorKind::TooLarge) => "tooLarge",
        Some(ErrorKind::Rejected) => "rejected",
        Some(ErrorKind::Protocol) => "protocol",
        _ => "other",
    }
}
