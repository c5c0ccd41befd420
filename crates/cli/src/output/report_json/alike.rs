//! Failures that are alike, for programs.

use serde::Serialize;

use crate::diagnostic::{self, Failed, Failures, Reasons};
use crate::output::failure::kind;

/// Failures for one reason.
#[derive(Serialize)]
pub(crate) struct Alike {
    kind: &'static str,
    hint: String,
    count: usize,
    examples: Vec<String>,
}

/// All failures of rules and images, grouped as the summary groups them, the most frequent first.
pub(crate) fn alike(failures: &Failures) -> Vec<Alike> {
    let name = |failed: &Failed| match failed {
        Failed::Image(image) => image.target_name(),
        Failed::Rule(failure) => failure.source.to_string(),
    };
    let groups = failures.alike().into_iter().map(|group| Alike {
        kind: kind(&group.error),
        hint: match group.reasons {
            Reasons::One => diagnostic::diagnose(&group.error).next,
            Reasons::Many => MANY.to_owned(),
        },
        count: group.count,
        examples: group.examples.iter().map(name).collect(),
    });
    let mut groups: Vec<_> = groups.collect();
    groups.sort_by_key(|group| std::cmp::Reverse(group.count));
    groups
}

const MANY: &str = "there are more reasons than are told apart here: see the error of each image";
