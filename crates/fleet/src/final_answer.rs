//! Answers of NATS that a retry does not change.

use std::error::Error as StdError;

use async_nats::jetstream::context::{PublishError, PublishErrorKind};
use async_nats::jetstream::{self, ErrorCode};

use crate::error::{Error, words};

/// NATS has no room. Other codes may pass, such as those of a server that starts or of a cluster that elects a leader.
const FULL: [ErrorCode; 6] = [
    ErrorCode::ACCOUNT_RESOURCES_EXCEEDED,
    ErrorCode::INSUFFICIENT_RESOURCES,
    ErrorCode::MEMORY_RESOURCES_EXCEEDED,
    ErrorCode::STORAGE_RESOURCES_EXCEEDED,
    ErrorCode::STREAM_MAX_STREAM_BYTES_EXCEEDED,
    ErrorCode::STREAM_SEALED,
];
const TOO_LARGE: [ErrorCode; 2] =
    [ErrorCode::STREAM_HEADER_EXCEEDS_MAXIMUM, ErrorCode::STREAM_MESSAGE_EXCEEDS_MAXIMUM];

/// The error that ends a request, if a retry cannot help: NATS has no room, or takes no message this large.
pub(crate) fn final_error(what: &str, error: &(dyn StdError + 'static)) -> Option<Error> {
    let (what, reason) = (what.to_owned(), words(error));
    match kind(error)? {
        Kind::Full => Some(Error::Refused { what, reason }),
        Kind::TooLarge => Some(Error::MessageTooLarge { what, reason }),
    }
}

/// Whether the queue refuses a job because it has the job's message already.
pub(crate) fn is_there_already(error: &(dyn StdError + 'static)) -> bool {
    answer(error).is_some_and(is_of_subject)
}

fn is_of_subject(answer: &jetstream::Error) -> bool {
    answer.error_code() == ErrorCode::STREAM_STORE_FAILED
        && answer.to_string().contains("per subject exceeded")
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Full,
    TooLarge,
}

fn kind(error: &(dyn StdError + 'static)) -> Option<Kind> {
    let is_too_large = causes(error)
        .filter_map(<dyn StdError>::downcast_ref::<PublishError>)
        .any(|error| error.kind() == PublishErrorKind::MaxPayloadExceeded);
    if is_too_large { Some(Kind::TooLarge) } else { kind_of_answer(answer(error)?) }
}

/// What the server has answered, if it has.
fn answer<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a jetstream::Error> {
    causes(error).find_map(<dyn StdError>::downcast_ref)
}

fn causes<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    // As a plain function: the method of the trait object would borrow the closure's argument.
    std::iter::successors(Some(error), |cause: &&'a (dyn StdError + 'static)| StdError::source(*cause))
}

fn kind_of_answer(answer: &jetstream::Error) -> Option<Kind> {
    let (code, text) = (answer.error_code(), answer.to_string());
    // A server that is being stopped has closed its store, and answers with the code of a full one.
    let is_store_full = || text.contains("exceeded") || text.contains("no space");
    match code {
        _ if is_of_subject(answer) => None,
        code if TOO_LARGE.contains(&code) => Some(Kind::TooLarge),
        code if FULL.contains(&code) => Some(Kind::Full),
        ErrorCode::STREAM_STORE_FAILED if is_store_full() => Some(Kind::Full),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer_of(code: u64, text: &str) -> jetstream::Error {
        let answer = serde_json::json!({"code": 400, "err_code": code, "description": text});
        serde_json::from_value(answer).unwrap()
    }

    #[test]
    fn a_full_store_and_a_large_message_are_final_and_a_server_that_stops_or_starts_is_not() {
        for (code, text, expected) in [
            (10047, "insufficient storage resources available", Some(Kind::Full)),
            (10077, "maximum bytes exceeded", Some(Kind::Full)),
            (10077, "write /data: no space left on device", Some(Kind::Full)),
            (10077, "store is closed", None),
            (10077, "maximum messages per subject exceeded", None),
            (10054, "message size exceeds maximum allowed", Some(Kind::TooLarge)),
            (10008, "JetStream system temporarily unavailable", None),
        ] {
            assert_eq!(kind(&answer_of(code, text)), expected, "{text}");
        }
        assert_eq!(kind(&PublishError::new(PublishErrorKind::MaxPayloadExceeded)), Some(Kind::TooLarge));
        assert_eq!(kind(&PublishError::new(PublishErrorKind::TimedOut)), None);
        assert!(is_there_already(&answer_of(10077, "maximum messages per subject exceeded")));
        assert!(!is_there_already(&answer_of(10077, "maximum bytes exceeded")));
    }
}
