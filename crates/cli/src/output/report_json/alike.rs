//! Groups of failures, for programs.

use serde::Serialize;

use super::facts::FailureGroup;
use crate::diagnostic::{self, Failed, Failures, Reasons};
use crate::output::failure::{explain, kind};

/// Failures with one reason, as in a plan.
#[derive(Serialize)]
pub(crate) struct Alike {
    kind: &'static str,
    hint: String,
    count: usize,
    examples: Vec<String>,
}

/// The text in place of a hint if the group has several reasons.
pub(super) const MANY: &str = "there are more reasons than are told apart here: see the error of each image";

/// All failures of lists and images, grouped as in the summary.
pub(crate) fn alike(failures: &Failures) -> Vec<Alike> {
    let of = |group: &diagnostic::Alike| Alike {
        kind: kind(&group.error),
        hint: hint(group),
        count: group.count,
        examples: examples(group),
    };
    failures.alike().iter().map(of).collect()
}

/// The same groups, with the registry's words for the first failure.
pub(super) fn failure_groups(failures: &Failures) -> Vec<FailureGroup> {
    let of = |group: &diagnostic::Alike| {
        let first = explain(&group.error);
        FailureGroup {
            kind: first.kind.into_owned(),
            hint: hint(group),
            count: group.count as u64,
            examples: examples(group),
            cause: (group.reasons == Reasons::One).then_some(first.cause),
            side: first.side,
            host: first.host,
            message: first.message,
        }
    };
    failures.alike().iter().map(of).collect()
}

fn hint(group: &diagnostic::Alike) -> String {
    match group.reasons {
        Reasons::One => diagnostic::diagnose(&group.error).next,
        Reasons::Many => MANY.to_owned(),
    }
}

fn examples(group: &diagnostic::Alike) -> Vec<String> {
    let name = |failed: &Failed| match failed {
        Failed::Image(image) => image.target_name(),
        Failed::Rule(failure) => failure.source.to_string(),
    };
    group.examples.all().map(name).collect()
}
