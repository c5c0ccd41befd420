//! Turns an error into words: where it happened and why, in the registry's own words, and what to do next.

mod alike;
mod choose;
mod hint;
mod login;
#[cfg(test)]
mod tests;

use std::error::Error as _;

use oci::foreign_text::{Cleaned, clean_to};
use registry::TransportFailure;
use sync::{Cause, Error};

pub(crate) use alike::{Alike, Failed, Failures, Reasons, cause};
pub(crate) use choose::{leaves_tls_hint, transport_hint};

/// The most bytes of one part of an error: several foreign texts may stand in it, each cut for itself.
const LONGEST: usize = 4096;

/// An error for people and, taken apart, for programs: each text is one line.
#[derive(Clone, Debug)]
pub(crate) struct Diagnosis {
    /// What stopped it, in the other side's words where it has any.
    pub(crate) why: String,
    /// What to do.
    pub(crate) next: String,
}

/// Everything that helps.
pub(crate) fn diagnose(error: &Error) -> Diagnosis {
    let next = match error.told() {
        Some(told) => told.next.clone(),
        None => choose::advice(error).text(),
    };
    let next = clean_to(&next, LONGEST).into_owned();
    Diagnosis { why: why(&error.cause), next }
}

/// One line.
pub(crate) fn short(error: &Error) -> String {
    format!("{} {}: {}: {}", error.side, Cleaned(&error.place), error.operation, why(&error.cause))
}

/// Why something failed, on one line.
pub(crate) fn why(cause: &Cause) -> String {
    let text = match cause {
        Cause::Endpoint(error) => error.inner().map_or_else(|| error.to_string(), registry_words),
        Cause::Manifest { source, .. } => format!("{cause}: {source}"),
        Cause::NoAnswer(silence) => format!("{silence}; last: {}", why(&silence.last.cause)),
        other => other.to_string(),
    };
    clean_to(&text, LONGEST).into_owned()
}

/// An error and all that lies behind it, in one line.
pub(crate) fn with_sources(error: &dyn std::error::Error) -> String {
    clean_to(&oci::with_sources(error), LONGEST).into_owned()
}

/// The error and its root: the links between are the HTTP library's layers.
pub(crate) fn registry_words(error: &registry::Error) -> String {
    let text = match error {
        registry::Error::Refused(refusal) => match &refusal.request_id {
            Some(id) => format!("{refusal}, request id {id}"),
            None => refusal.to_string(),
        },
        registry::Error::Token { source, .. } => format!("{error}: {}", registry_words(source)),
        // All is said: the root is the TLS library's name for bytes that are no TLS.
        registry::Error::Transport { failure: TransportFailure::PlainHttp, .. } => error.to_string(),
        other => {
            let mut root = None;
            let mut link = other.source();
            while let Some(deeper) = link {
                root = Some(deeper);
                link = deeper.source();
            }
            root.map_or_else(|| other.to_string(), |root| format!("{other}: {root}"))
        }
    };
    clean_to(&text, LONGEST).into_owned()
}
