//! What went wrong, for programs: one error with its parts, and errors that are alike.

use oci::ErrorKind;
use serde::Serialize;
use sync::{Cause, Error, Report};

use crate::diagnostic::{self, Failed};

/// So many images with the same failure are named.
const EXAMPLES: usize = 5;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Failure {
    kind: &'static str,
    side: String,
    host: String,
    operation: String,
    /// Of the answer, where there was one.
    status: Option<u16>,
    /// The registry's own.
    code: Option<String>,
    message: String,
    request_id: Option<String>,
    hint: String,
}

/// Failures for one reason.
#[derive(Serialize)]
pub(super) struct Alike {
    kind: &'static str,
    hint: String,
    count: usize,
    examples: Vec<String>,
}

pub(super) fn explain(error: &Error) -> Failure {
    let diagnosis = diagnostic::diagnose(error);
    let refusal = refusal(&error.cause);
    Failure {
        kind: kind(error),
        side: error.side.to_string(),
        host: error.place.split('/').next().unwrap_or_default().to_owned(),
        operation: error.operation.to_string(),
        status: refusal.map(|refusal| refusal.status.as_u16()),
        code: refusal.and_then(|refusal| refusal.errors.first()).map(|first| first.code.clone()),
        message: diagnosis.why,
        request_id: refusal.and_then(|refusal| refusal.request_id.clone()),
        hint: diagnosis.next,
    }
}

/// All failures of rules and images, grouped as the summary groups them, the most frequent first.
pub(super) fn alike(report: &Report) -> Vec<Alike> {
    let name = |failed: &Failed<'_>| match failed {
        Failed::Image(image) => image.target_name(),
        Failed::Rule(failure) => failure.source.to_string(),
    };
    let groups = diagnostic::alike(report).into_iter().map(|group| Alike {
        kind: kind(group.error),
        hint: diagnostic::diagnose(group.error).next,
        count: group.failed.len(),
        examples: group.failed.iter().take(EXAMPLES).map(name).collect(),
    });
    let mut groups: Vec<_> = groups.collect();
    groups.sort_by_key(|group| std::cmp::Reverse(group.count));
    groups
}

fn refusal(cause: &Cause) -> Option<&registry::Refusal> {
    match cause {
        Cause::Endpoint(error) => error.inner().and_then(of_registry),
        Cause::NoAnswer(silence) => refusal(&silence.last.cause),
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

fn kind(error: &Error) -> &'static str {
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
