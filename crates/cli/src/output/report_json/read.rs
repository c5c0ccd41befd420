//! Reads a report image by image: it may have millions.

use std::fmt;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use super::facts::{Facts, SCHEMA};
use crate::output::record::ImageRecord;

/// Why a file is not a report, or where it becomes invalid.
#[derive(Debug)]
pub(crate) struct Unreadable {
    pub(crate) problem: String,
    pub(crate) line: Option<usize>,
}

impl From<String> for Unreadable {
    fn from(problem: String) -> Self {
        Self { problem, line: None }
    }
}

/// The callback for each image.
type Each<'a> = dyn FnMut(ImageRecord) -> std::io::Result<()> + 'a;

/// Reads a file; `-` is stdin. Calls `each` for each image.
///
/// # Errors
/// The file cannot be read, or is not a report of a schema that this release knows.
pub(crate) fn read(path: &Path, each: &mut Each<'_>) -> Result<Facts, Unreadable> {
    if path.as_os_str() == "-" {
        return read_from(std::io::stdin().lock(), each);
    }
    read_from(File::open(path).map_err(|error| format!("it cannot be read: {error}"))?, each)
}

pub(super) fn read_from(text: impl Read, each: &mut Each<'_>) -> Result<Facts, Unreadable> {
    let mut reader = serde_json::Deserializer::from_reader(BufReader::new(text));
    let report = reader.deserialize_map(Report(each)).and_then(|report| reader.end().map(|()| report));
    report.map_err(|error| {
        if !error.is_data() {
            return format!("it is no whole JSON document: {error}").into();
        }
        // As in all other messages, the place comes first.
        let told = error.to_string();
        let problem = told.rsplit_once(" at line ").map_or(&*told, |(problem, _)| problem).to_owned();
        Unreadable { problem, line: Some(error.line()).filter(|line| *line > 0) }
    })
}

struct Report<'a, 'b>(&'a mut Each<'b>);

impl<'de> Visitor<'de> for Report<'_, '_> {
    type Value = Facts;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a report")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Facts, A::Error> {
        let (mut facts, mut schema, mut images) = (Facts::default(), None, None);
        let Facts { head, tail } = &mut facts;
        while let Some(key) = entries.next_key::<String>()? {
            match key.as_str() {
                "schema" => schema = Some(check_schema(&entries.next_value()?).map_err(A::Error::custom)?),
                "images" => images = Some(entries.next_value_seed(Images(&mut *self.0))?),
                "version" => head.version = entries.next_value()?,
                "run" => head.run = entries.next_value()?,
                "command" => head.command = entries.next_value()?,
                "config" => head.config = entries.next_value()?,
                "startedAt" => head.started_at = entries.next_value()?,
                "finishedAt" => head.finished_at = entries.next_value()?,
                "exitCode" => head.exit_code = entries.next_value()?,
                "stopped" => head.stopped = entries.next_value()?,
                "shard" => head.shard = entries.next_value()?,
                "totals" => head.totals = entries.next_value()?,
                "rules" => head.rules = entries.next_value()?,
                "leftOut" => tail.left_out = entries.next_value()?,
                "leftOutMore" => tail.left_out_more = entries.next_value()?,
                "failedRules" => tail.failed_rules = entries.next_value()?,
                "unlistedRules" => tail.unlisted_rules = entries.next_value()?,
                "refusedRules" => tail.refused_rules = entries.next_value()?,
                "registries" => tail.registries = entries.next_value()?,
                "failures" => tail.failures = entries.next_value()?,
                "timeline" => tail.timeline = entries.next_value()?,
                "workers" => tail.workers = entries.next_value()?,
                "parts" => tail.parts = entries.next_value()?,
                _ => _ = entries.next_value::<IgnoredAny>()?,
            }
        }
        let without = |key: &str| {
            A::Error::custom(format!("it has no `{key}`: no report of image-syncer is like that"))
        };
        schema.ok_or_else(|| without("schema"))?;
        images.ok_or_else(|| without("images"))?;
        // Older releases list failures and refusals without a count.
        head.totals.failed_rules = head.totals.failed_rules.max(tail.failed_rules.len() as _);
        head.totals.refused = head.totals.refused.max(tail.refused_rules.len() as _);
        Ok(facts)
    }
}

fn check_schema(schema: &Value) -> Result<(), String> {
    match schema.as_str() {
        Some(SCHEMA) => Ok(()),
        Some(found) if found.starts_with("image-syncer/verify/") => Err(format!(
            "its schema is {found}: what `verify` found is in a form of its own, for programs such as jq; a report's is {SCHEMA}: `--report FILE` of sync, copy and apply writes one"
        )),
        other => Err(format!(
            "its schema is {}, but a report's is {SCHEMA}: `--report FILE` of a run writes one",
            other.unwrap_or("no text")
        )),
    }
}

struct Images<'a, 'b>(&'a mut Each<'b>);

impl<'de> DeserializeSeed<'de> for Images<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Images<'_, '_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list of images")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut images: A) -> Result<(), A::Error> {
        while let Some(image) = images.next_element()? {
            (self.0)(image).map_err(A::Error::custom)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources(text: &str) -> Result<Vec<String>, Unreadable> {
        let mut sources = Vec::new();
        let mut keep = |image: ImageRecord| {
            sources.push(image.source);
            Ok(())
        };
        read_from(text.as_bytes(), &mut keep)?;
        Ok(sources)
    }

    #[test]
    fn lists_that_failed_are_counted_where_an_older_release_did_not() {
        let entry = r#"{"rule": null, "source": "q.io/a", "error": {}}"#;
        for (totals, failed) in [("{}", 2), (r#"{"failedRules": 2}"#, 2)] {
            let report = format!(
                r#"{{"schema": "{SCHEMA}", "images": [], "failedRules": [{entry}, {entry}], "totals": {totals}}}"#
            );
            let facts = read_from(report.as_bytes(), &mut |_| Ok(())).unwrap();
            assert_eq!(facts.head.totals.failed_rules, failed);
        }
    }

    #[test]
    fn what_an_older_release_refused_is_counted() {
        for (totals, refused) in [("{}", 2), (r#"{"refused": 5}"#, 5)] {
            let report = format!(
                r#"{{"schema": "{SCHEMA}", "images": [], "refusedRules": ["a", "b"], "totals": {totals}}}"#
            );
            let facts = read_from(report.as_bytes(), &mut |_| Ok(())).unwrap();
            assert_eq!(facts.head.totals.refused, refused);
        }
    }

    #[test]
    fn a_report_is_read_image_by_image_and_nothing_else_is_one() {
        let image =
            |name: &str| format!(r#"{{"source": "{name}", "target": "t", "outcome": "copied", "new": 1}}"#);
        let report =
            format!(r#"{{"schema": "{SCHEMA}", "more": {{}}, "images": [{}, {}]}}"#, image("a"), image("b"));
        assert_eq!(
            sources(&report).unwrap(),
            ["a", "b"],
            "what later releases add is no reason to refuse it"
        );
        for (text, told, line) in [
            ("", "no whole JSON document", None),
            ("[]", "a report", Some(1)),
            ("{}", "it has no `schema`", Some(1)),
            (
                r#"{"images": [], "schema": "image-syncer/plan/1"}"#,
                "its schema is image-syncer/plan/1",
                Some(1),
            ),
            (
                r#"{"schema": "image-syncer/verify/1"}"#,
                "what `verify` found is in a form of its own",
                Some(1),
            ),
            (r#"{"schema": 1}"#, "its schema is no text", Some(1)),
            (r#"{"schema": "image-syncer/report/1"}"#, "it has no `images`", Some(1)),
            (
                "{\"schema\": \"image-syncer/report/1\",\n\"images\": [{\"source\": \"a\"}]}",
                "`target`",
                Some(2),
            ),
            (&report.replace("copied", "lost"), "unknown variant `lost`", Some(1)),
            (&report.replace('}', ""), "no whole JSON document", None),
        ] {
            let error = sources(text).unwrap_err();
            assert!(error.problem.contains(told) && error.line == line, "{text}: {error:?}");
        }
    }

    #[test]
    fn whoever_cannot_keep_an_image_ends_it() {
        let report = r#"{"schema": "image-syncer/report/1", "images": [{"source": "a", "target": "b", "outcome": "copied"}]}"#;
        let error = read_from(report.as_bytes(), &mut |_| Err(std::io::Error::other("no room"))).err();
        assert!(error.is_some_and(|error| error.problem.contains("no room")));
    }
}
