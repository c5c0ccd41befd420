//! The JSON document of `check --json`, and its schema.

use serde::Serialize;
use serde_json::Value;

use super::finding::{Finding, Level, Step};
use super::show::CheckResult;
use crate::output::json_schema::{described, document, list, number, object, text, with_optional, word};

/// All findings, in the order of the text output.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Document<'a> {
    schema: &'static str,
    version: &'static str,
    ok: usize,
    warnings: usize,
    problems: usize,
    findings: &'a [Finding],
    not_checked: &'a [String],
}

impl<'a> Document<'a> {
    pub(super) fn of(result: &'a CheckResult) -> Self {
        Self {
            schema: "image-syncer/check/1",
            version: env!("CARGO_PKG_VERSION"),
            ok: result.count(Level::Ok),
            warnings: result.count(Level::Warning),
            problems: result.count(Level::Problem),
            findings: &result.findings,
            not_checked: &result.not_checked,
        }
    }
}

/// Its schema.
pub(crate) fn schema() -> Value {
    let steps: Vec<_> = Step::ALL.iter().map(|step| step.as_str()).collect();
    let finding = object(
        "One thing that was looked at",
        &[
            ("level", word(&["ok", "warning", "problem"])),
            ("place", described(text(), "A registry, a repository in it, or the step where it is at none")),
            ("step", word(&steps)),
            ("what", text()),
        ],
    );
    let optional = [
        ("rule", "The name of the rule that goes there, where it has one"),
        ("why", "The other side's own words"),
        ("do", "What to do about it"),
    ];
    let finding = optional.into_iter().fold(finding, |finding, (key, description)| {
        with_optional(finding, key, described(text(), description))
    });
    let unseen = described(list(&text()), "Repositories whose registry has a problem already");
    let properties = [
        ("ok", number()),
        ("warnings", number()),
        ("problems", number()),
        ("findings", list(&finding)),
        ("notChecked", unseen),
    ];
    document("check", "What `check --json` prints", &properties)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_steps_are_in_the_schema_as_they_are_written() {
        let schema = schema();
        let written = schema["properties"]["findings"]["items"]["properties"]["step"]["enum"].clone();
        assert_eq!(written, serde_json::to_value(Step::ALL).unwrap());
    }
}
