//! Reads a report, image by image: it may have millions.

use std::fmt;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

const SCHEMA: &str = "image-syncer/report/1";

/// What a report says of one image.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Entry {
    pub(super) rule: Option<String>,
    pub(super) source: String,
    pub(super) target: String,
    pub(super) outcome: String,
    pub(super) note: Option<String>,
    pub(super) digest: Option<String>,
    pub(super) source_digest: Option<String>,
    pub(super) bytes_moved: u64,
    pub(super) bytes_mounted: u64,
    pub(super) bytes_present: u64,
    pub(super) referrers: u64,
    pub(super) seconds: f64,
    pub(super) attempts: u64,
    pub(super) worker: Option<String>,
    pub(super) error: Option<Failure>,
}

/// Why something failed.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Failure {
    pub(super) side: String,
    pub(super) host: String,
    pub(super) operation: String,
    pub(super) message: String,
    pub(super) hint: String,
}

/// What a report says of the run.
#[derive(Debug, Default)]
pub(super) struct RunTold {
    pub(super) command: String,
    pub(super) started_at: String,
    pub(super) failed_rules: Vec<FailedRule>,
    pub(super) registries: Vec<RegistryTold>,
    left_out: Vec<LeftOutTag>,
    /// How many more were left out; none where the release that wrote it kept none of them.
    left_out_more: Option<u64>,
}

/// A tag that a rule left out for what its name does not tell.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct LeftOutTag {
    source: String,
    tag: String,
    reason: String,
}

/// What a report knows of a tag that its rule wants by its name.
pub(super) enum Told<'a> {
    /// It was left out for this.
    LeftOut(&'a str),
    /// It was not left out, as far as it was there.
    NotListed,
    /// Nothing.
    Unknown,
}

impl RunTold {
    /// What became of a tag of `source`, registry and repository.
    pub(super) fn told_of(&self, source: &str, tag: &str) -> Told<'_> {
        let found = self.left_out.iter().find(|left_out| left_out.source == source && left_out.tag == tag);
        match (found, self.left_out_more) {
            (Some(left_out), _) => Told::LeftOut(&left_out.reason),
            (None, Some(0)) => Told::NotListed,
            (None, _) => Told::Unknown,
        }
    }
}

/// A rule that gave no images.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct FailedRule {
    pub(super) rule: Option<String>,
    pub(super) source: String,
    pub(super) error: Failure,
}

/// What a registry was asked in the whole run.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RegistryTold {
    pub(super) host: String,
    pub(super) requests: u64,
}

/// Reads a file, `-` is stdin; shows each image to `each`.
///
/// # Errors
/// It cannot be read, or is no report that this release knows.
pub(super) fn read(path: &Path, each: &mut dyn FnMut(Entry)) -> Result<RunTold, String> {
    if path.as_os_str() == "-" {
        return read_from(std::io::stdin().lock(), each);
    }
    read_from(File::open(path).map_err(|error| format!("it cannot be read: {error}"))?, each)
}

fn read_from(text: impl Read, each: &mut dyn FnMut(Entry)) -> Result<RunTold, String> {
    let mut reader = serde_json::Deserializer::from_reader(BufReader::new(text));
    let report = reader.deserialize_map(Report(each)).and_then(|report| reader.end().map(|()| report));
    report.map_err(|error| {
        if error.is_data() {
            // The place where it was noticed says nothing of what is wrong.
            return error.to_string().split(" at line ").next().unwrap_or_default().to_owned();
        }
        format!("it is no whole JSON document: {error}")
    })
}

struct Report<'a>(&'a mut dyn FnMut(Entry));

impl<'de> Visitor<'de> for Report<'_> {
    type Value = RunTold;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a report")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<RunTold, A::Error> {
        let (mut run, mut schema) = (RunTold::default(), None);
        while let Some(key) = entries.next_key::<String>()? {
            match key.as_str() {
                "schema" => schema = Some(check_schema(&entries.next_value()?).map_err(A::Error::custom)?),
                "command" => run.command = entries.next_value()?,
                "startedAt" => run.started_at = entries.next_value()?,
                "failedRules" => run.failed_rules = entries.next_value()?,
                "leftOut" => run.left_out = entries.next_value()?,
                "leftOutMore" => run.left_out_more = entries.next_value()?,
                "registries" => run.registries = entries.next_value()?,
                // The schema stands first in every report: what has none is not read any further.
                "images" if schema.is_some() => entries.next_value_seed(Images(&mut *self.0))?,
                _ => _ = entries.next_value::<IgnoredAny>()?,
            }
        }
        let without = || A::Error::custom(format!("it has no `schema`: {SCHEMA} begins a report"));
        schema.ok_or_else(without).map(|()| run)
    }
}

fn check_schema(schema: &Value) -> Result<(), String> {
    match schema.as_str() {
        Some(SCHEMA) => Ok(()),
        other => Err(format!(
            "its schema is {}, but a report's is {SCHEMA}: `--report FILE` of a run writes one",
            other.unwrap_or("no text")
        )),
    }
}

struct Images<'a>(&'a mut dyn FnMut(Entry));

impl<'de> DeserializeSeed<'de> for Images<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Images<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list of images")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut images: A) -> Result<(), A::Error> {
        while let Some(image) = images.next_element()? {
            (self.0)(image);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources(text: &str) -> Result<Vec<String>, String> {
        let mut sources = Vec::new();
        read_from(text.as_bytes(), &mut |entry| sources.push(entry.source))?;
        Ok(sources)
    }

    #[test]
    fn a_report_is_read_image_by_image_and_nothing_else_is_one() {
        let report = r#"{"schema": "image-syncer/report/1", "more": {}, "images": [{"source": "a", "new": 1}, {"source": "b"}]}"#;
        assert_eq!(sources(report).unwrap(), ["a", "b"]);
        for (text, told) in [
            ("", "no whole JSON document"),
            ("[]", "a report"),
            ("{}", "it has no `schema`"),
            (r#"{"images": [], "schema": "image-syncer/plan/1"}"#, "its schema is image-syncer/plan/1"),
            (r#"{"schema": 1}"#, "its schema is no text"),
        ] {
            let error = sources(text).unwrap_err();
            assert!(error.contains(told), "{text}: {error}");
        }
    }
}
