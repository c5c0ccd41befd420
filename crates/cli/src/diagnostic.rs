//! Describes an error: where and why it happened, in the registry's own words, and what to do next.

mod alike;
mod choose;
mod examples;
mod hint;
mod login;
#[cfg(test)]
mod tests;
mod why;

use oci::foreign_text::{Cleaned, clean_to};
use sync::Error;

pub(crate) use alike::{Alike, Failed, Failures, Reasons, cause};
pub(crate) use choose::{leaves_tls_hint, no_login_hint, transport_hint};
pub(crate) use examples::{Examples, Offered, Place};
use why::LONGEST;
pub(crate) use why::{registry_words, why};

/// An error for people, in parts also for programs: each text is one line.
#[derive(Clone, Debug)]
pub(crate) struct Diagnosis {
    /// The cause, in the other side's words if it has any.
    pub(crate) why: String,
    /// The advice.
    pub(crate) next: String,
}

/// The full description.
pub(crate) fn diagnose(error: &Error) -> Diagnosis {
    let next = match error.told() {
        Some(told) => told.next.clone(),
        None => choose::advice(error).text(),
    };
    let next = clean_to(&next, LONGEST).into_owned();
    Diagnosis { why: why(&error.cause), next }
}

/// The description on one line.
pub(crate) fn short(error: &Error) -> String {
    format!("{} {}: {}: {}", error.side, Cleaned(&error.place), error.operation, why(&error.cause))
}

/// An error and its sources, on one line.
pub(crate) fn with_sources(error: &dyn std::error::Error) -> String {
    clean_to(&oci::with_sources(error), LONGEST).into_owned()
}
