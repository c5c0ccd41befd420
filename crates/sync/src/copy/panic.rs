//! Turns a task's panic into an error of the image or rule that the task worked for.

use crate::{Cause, Error, Operation, Side};

/// A task's panic as the error of its image.
pub(crate) fn panicked(place: &str, error: tokio::task::JoinError) -> Error {
    let text = match error.try_into_panic() {
        Ok(panic) => match panic.downcast::<String>() {
            Ok(text) => *text,
            Err(panic) => (*panic.downcast::<&str>().unwrap_or(Box::new("no message"))).to_owned(),
        },
        Err(cancelled) => cancelled.to_string(),
    };
    let place = place.to_owned();
    Error { side: Side::Source, place, operation: Operation::Copy, cause: Cause::Panic(text) }
}
