//! The images for the page's script: in short form, and without characters that could end its block.

use std::collections::{BTreeMap, HashMap};
use std::io::Error;

use oci::foreign_text::clean_to;
use serde_json::{Value, json};

use crate::output::failure::Failure;
use crate::output::record::{Ended, ImageRecord};
use crate::output::records::Records;
use crate::output::{foreign, replaced};

/// A page with more rows is slow to open. Failures come first.
const MOST: usize = 20_000;
/// Each cause gets up to `OF_EACH_CAUSE` rows even beyond `MOST`, together at most `OF_RARE_CAUSES` of these.
const OF_EACH_CAUSE: u64 = 20;
const OF_RARE_CAUSES: usize = 2000;
/// The most bytes of one text.
const LONGEST: usize = 4096;

/// All rows, and the numbers that are computed from them.
#[derive(Default)]
pub(super) struct Rows {
    texts: Texts,
    /// Images that did not reach their target.
    failed: Vec<String>,
    others: Vec<String>,
    all: u64,
    /// For each registry, the total time of images with it on one side.
    seconds: BTreeMap<String, f64>,
    causes: HashMap<String, u64>,
}

/// A table of texts that are shared by many rows.
#[derive(Default)]
struct Texts {
    known: HashMap<String, usize>,
    list: Vec<String>,
}

impl Texts {
    fn number(&mut self, text: &str) -> usize {
        let text = shown(text);
        if let Some(number) = self.known.get(&text) {
            return *number;
        }
        self.list.push(text.clone());
        self.known.insert(text, self.list.len() - 1);
        self.list.len() - 1
    }

    fn number_or_null(&mut self, text: Option<&str>) -> Value {
        text.map_or(Value::Null, |text| self.number(text).into())
    }
}

fn shown(text: &str) -> String {
    clean_to(text, LONGEST).into_owned()
}

impl Rows {
    pub(super) fn of(records: &Records) -> Result<Self, Error> {
        let mut rows = Self::default();
        for record in records.read()? {
            rows.add(&record?.1);
        }
        Ok(rows)
    }

    fn add(&mut self, image: &ImageRecord) {
        self.all += 1;
        let mut hosts =
            [&image.source, &image.target].map(|name| name.split('/').next().unwrap_or_default()).to_vec();
        hosts.dedup();
        for host in hosts {
            *self.seconds.entry(host.to_owned()).or_default() += image.seconds;
        }
        if self.has_room(image) {
            if let Some(error) = &image.error {
                *self.causes.entry(error.cause.clone()).or_default() += 1;
            }
            let row = self.row(image).to_string();
            match image.outcome {
                Ended::Failed | Ended::NotDone => self.failed.push(row),
                _ => self.others.push(row),
            }
        }
    }

    fn has_room(&self, image: &ImageRecord) -> bool {
        match (image.outcome, &image.error) {
            (Ended::Failed | Ended::NotDone, _) if self.failed.len() < MOST => true,
            (Ended::Failed | Ended::NotDone, Some(error)) => {
                self.with_cause(&error.cause) < OF_EACH_CAUSE && self.failed.len() < MOST + OF_RARE_CAUSES
            }
            (Ended::Failed | Ended::NotDone, None) => false,
            _ => self.others.len() < MOST,
        }
    }

    /// In the order that the script expects.
    fn row(&mut self, image: &ImageRecord) -> Value {
        let digest = |digest: &Option<String>| digest.as_deref().map(shown);
        let other_digest = image.source_digest.as_ref().filter(|other| Some(*other) != image.digest.as_ref());
        let before = image.replaced_digest.as_ref().map(replaced::words);
        let notes: Vec<_> = image.note.as_deref().into_iter().chain(before.as_deref()).collect();
        let note = (!notes.is_empty()).then(|| notes.join("; "));
        let texts = &mut self.texts;
        json!([
            outcome(image.outcome),
            shown(&image.target),
            shown(&image.source),
            digest(&image.digest),
            other_digest.map(|other| shown(other)),
            image.bytes_moved,
            image.bytes_mounted,
            image.bytes_present,
            (image.seconds * 1000.0).round() / 1000.0,
            image.attempts,
            texts.number_or_null(image.rule.as_deref()),
            texts.number_or_null(note.as_deref()),
            texts.number_or_null(image.worker.as_deref()),
            image.error.as_ref().map(|error| failure(error, texts)),
        ])
    }

    /// The number of rows with this cause.
    pub(super) fn with_cause(&self, cause: &str) -> u64 {
        self.causes.get(cause).copied().unwrap_or_default()
    }

    /// The total time of images at a registry.
    pub(super) fn seconds_at(&self, host: &str) -> f64 {
        self.seconds.get(host).copied().unwrap_or_default()
    }

    /// The number of rows, and of all images.
    pub(super) fn counts(&self) -> (u64, u64) {
        (self.list().count() as u64, self.all)
    }

    fn list(&self) -> impl Iterator<Item = &String> {
        self.failed.iter().chain(&self.others).take(MOST.max(self.failed.len()))
    }

    /// A JSON document that may be embedded in a `<script>`.
    pub(super) fn json(&self) -> String {
        let rows = self.list().map(String::as_str).collect::<Vec<_>>().join(",\n");
        let texts = Value::from(self.texts.list.clone());
        embedded(&format!("{{\"texts\":{texts},\n\"rows\":[{rows}]}}"))
    }
}

fn failure(error: &Failure, texts: &mut Texts) -> Value {
    let own = |text: &Option<String>| text.as_deref().map(shown);
    json!([
        texts.number(&error.kind),
        texts.number(&error.side),
        texts.number(&error.host),
        shown(&error.operation),
        error.status,
        own(&error.code),
        own(&error.request_id),
        shown(&error.message),
        texts.number(&error.hint),
        texts.number(&error.cause),
    ])
}

/// The index of the result's word in the script.
fn outcome(outcome: Ended) -> u8 {
    match outcome {
        Ended::Failed => 0,
        Ended::NotDone => 1,
        Ended::Skipped => 2,
        Ended::WouldCopy => 3,
        Ended::Copied => 4,
        Ended::Unchanged => 5,
    }
}

/// The document with HTML's special characters escaped: in JSON, they can only be inside texts.
fn embedded(document: &str) -> String {
    let plain = foreign::json(document);
    plain.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_cause_that_comes_late_has_rows_and_is_counted_by_them() {
        let mut rows = Rows::default();
        for number in 0..MOST + 500 {
            let cause = if number < MOST + 100 { "first" } else { "second" };
            let image = json!({"source": "q.io/a:v1", "target": "r.io/a:v1", "outcome": "failed",
                "error": {"kind": "denied", "message": "no", "cause": cause}});
            rows.add(&serde_json::from_value(image).unwrap());
        }
        assert_eq!((rows.with_cause("first"), rows.with_cause("second")), (MOST as u64, OF_EACH_CAUSE));
        let shown: Value = serde_json::from_str(&rows.json()).unwrap();
        let second = shown["texts"].as_array().unwrap().iter().position(|text| text == "second").unwrap();
        let of_second = shown["rows"].as_array().unwrap().iter().filter(|row| row[13][9] == second);
        assert_eq!(of_second.count() as u64, OF_EACH_CAUSE, "the page's script finds them");
        assert_eq!(rows.counts(), (MOST as u64 + OF_EACH_CAUSE, MOST as u64 + 500));
    }

    proptest! {
        #[test]
        fn nothing_ends_the_block_and_nothing_is_lost(text in any::<String>()) {
            let value = json!([text, "</script>", "<!--<script>", "]]>", "&lt;", "\u{2028}"]);
            let embedded = embedded(&value.to_string());
            let ends = embedded.contains(['<', '>', '&', '\u{2028}']);
            prop_assert!(!ends, "{}", embedded);
            prop_assert_eq!(serde_json::from_str::<Value>(&embedded).unwrap(), value);
        }
    }
}
