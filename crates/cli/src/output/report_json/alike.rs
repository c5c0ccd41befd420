//! Failures that are alike, for programs.

use serde::Serialize;

use super::facts::FailureGroup;
use crate::diagnostic::{self, Failed, Failures, Reasons};
use crate::output::failure::{explain, kind};

/// Failures for one reason, as a plan tells them.
#[derive(Serialize)]
pub(crate) struct Alike {
    kind: &'static str,
    hint: String,
    count: usize,
    examples: Vec<String>,
}

/// What is said in place of a hint where several would be needed.
pub(super) const MANY: &str = "there are more reasons than are told apart here: see the error of each image";

/// All failures of rules and images, grouped as the summary groups them, the most frequent first.
pub(crate) fn alike(failures: &Failures) -> Vec<Alike> {
    let of = |group: &diagnostic::Alike| Alike {
        kind: kind(&group.error),
        hint: hint(group),
        count: group.count,
        examples: examples(group),
    };
    groups(failures).iter().map(of).collect()
}

/// The same, with what the first one's registry said.
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
    groups(failures).iter().map(of).collect()
}

fn groups(failures: &Failures) -> Vec<diagnostic::Alike> {
    let mut groups = failures.alike();
    // Those of rules stay in front of as many images, and of each the one whose first example comes first.
    groups.sort_by_cached_key(|group| {
        let is_of_images = matches!(group.examples.first(), Some(Failed::Image(_)));
        (std::cmp::Reverse(group.count), is_of_images, group.examples.first().map(ToString::to_string))
    });
    groups
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
    group.examples.iter().map(name).collect()
}
