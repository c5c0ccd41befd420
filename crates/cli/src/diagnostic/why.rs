//! Why something failed, in the registry's own words if it has any.

use std::error::Error as _;

use oci::foreign_text::clean_to;
use registry::TransportFailure;
use sync::Cause;

/// The most bytes of one part of an error: it may quote several foreign texts, each limited by itself.
pub(super) const LONGEST: usize = 4096;

/// The cause on one line.
pub(crate) fn why(cause: &Cause) -> String {
    let text = match cause {
        Cause::Endpoint(error) => error.inner().map_or_else(|| error.to_string(), registry_words),
        Cause::Manifest { source, .. } => format!("{cause}: {source}"),
        Cause::NoAnswer(silence) => format!("{silence}; last: {}", why(&silence.last.cause)),
        Cause::Undivided(error) => format!("{}; {cause}", why(&error.cause)),
        other => other.to_string(),
    };
    clean_to(&text, LONGEST).into_owned()
}

/// The error and its root. The errors between are the HTTP library's layers.
pub(crate) fn registry_words(error: &registry::Error) -> String {
    let text = match error {
        registry::Error::Refused(refusal) => match &refusal.request_id {
            Some(id) => format!("{refusal}, request id {id}"),
            None => refusal.to_string(),
        },
        registry::Error::Token { source, .. } => format!("{error}: {}", registry_words(source)),
        // The root adds nothing: it is the TLS library's name for bytes that are not TLS.
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
