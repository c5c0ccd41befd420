//! The documents about images, compared with the schema.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use oci::Digest;
use serde_json::Value;
use sync::{
    Against, Amounts, Cause, Depth, Error, Image, ImageReport, Mended, Operation, Outcome, Problem,
    ProblemKind, ProblemState, Repair, Report, RunId, Side, Standing, Verdict,
};

use super::*;
use crate::done::{Done, Ended, RunFacts};
use crate::output::Records;

fn how(against: Against) -> Verification {
    Verification { against, depth: Depth::Length, repair: Repair::Never, sample: "5%".parse().ok() }
}

fn error() -> Arc<Error> {
    let operation = Operation::ReadBlob(Digest::sha256(b"x"));
    Arc::new(Error { side: Side::Target, place: "r.io/b".to_owned(), operation, cause: Cause::Missing })
}

fn ended(tag: &str, outcome: Outcome) -> ImageReport {
    let reference: oci::TagOrDigest = oci::TagOrDigest::Tag(tag.parse().unwrap());
    let (source, target) = ("q.io/a".into(), "r.io/b".into());
    let image = Image { source, source_reference: reference.clone(), target, target_reference: reference };
    let (amounts, took) = (Amounts::default(), Duration::ZERO);
    ImageReport { image: Arc::new(image), rule: 0, outcome, amounts, took }
}

fn verdict(standing: Standing, problems: Vec<Problem>, mended: Mended) -> Outcome {
    Outcome::Verified(Arc::new(Verdict { standing, digest: Some(Digest::sha256(b"v")), problems, mended }))
}

fn problem(kind: ProblemKind, state: ProblemState, why: Option<Arc<Error>>) -> Problem {
    Problem { digest: Some(Digest::sha256(b"x")), kind, state, why, instead: None }
}

fn images() -> Vec<ImageReport> {
    let lost = vec![
        problem(ProblemKind::Blob, ProblemState::Missing, None),
        problem(ProblemKind::Referrer, ProblemState::Unreadable, Some(error())),
    ];
    vec![
        ended("whole", verdict(Standing::Whole, vec![], Mended::Nothing)),
        ended("mended", verdict(Standing::Whole, vec![], Mended::All)),
        ended("lost", verdict(Standing::Incomplete, lost, Mended::NotAll(Some(error())))),
        ended("dead", Outcome::Failed(error())),
        ended("left", Outcome::NotDone),
    ]
}

fn verified(against: Against) -> (Verified, Done) {
    let recorder = VerifiedRecorder::new(how(against), &[], None);
    let stamp = Stamp { run: RunId::new("r"), at: SystemTime::UNIX_EPOCH, worker: None };
    let mut report = Report::empty(RunId::new("r"));
    for ended in images() {
        report.totals.add(&ended);
        recorder.event(&stamp, &Event::ImageFinished(Arc::new(ended)));
    }
    let (plan, verified, rules, refused, registries, elsewhere) = Default::default();
    let (run, failures) = (RunFacts::of("verify"), Arc::default());
    let records = Records::none();
    let done = Done {
        ended: Ended::ByItself,
        stopped: None,
        run,
        report,
        config: None,
        shard: None,
        goes_on: "the same command goes on",
        divided: None,
        failures,
        records,
        plan,
        verified,
        rules,
        refused,
        registries,
        elsewhere,
        kept: 0,
        left_open: 0,
    };
    (recorder.finish(), done)
}

fn document(against: Against) -> Value {
    let ((verified, done), mut text) = (verified(against), Vec::new());
    write(&verified, &done, 1, &mut text).unwrap();
    serde_json::from_slice(&text).unwrap()
}

#[test]
fn people_read_what_is_wrong_and_what_was_mended() {
    let (verified, _) = verified(Against::Source);
    let mut text = Vec::new();
    verified.print(&mut text).unwrap();
    let digest = Digest::sha256(b"x");
    let expected = format!(
        "unreadable r.io/b:dead\n  unreadable tag\n  why: it is not there\nincomplete r.io/b:lost\n  missing    blob {digest}\n  unreadable referrer {digest}: it is not there\n  why: it is not there\nrepaired   r.io/b:mended\n"
    );
    assert_eq!(String::from_utf8(text).unwrap(), expected);
}

#[test]
fn a_name_that_points_elsewhere_is_told_with_both_digests() {
    let instead = Some(Digest::sha256(b"v"));
    let moved = Problem { instead, ..problem(ProblemKind::Tag, ProblemState::Wrong, None) };
    let ended = ended("v1", verdict(Standing::Different, vec![moved], Mended::Nothing));
    let record = VerifiedRecord::new(&ended, None, Against::Source, SystemTime::UNIX_EPOCH).unwrap();
    let (there, wanted) = (Digest::sha256(b"v"), Digest::sha256(b"x"));
    let why = format!("the target has {there}, and should have {wanted}");
    let json = serde_json::to_value(&record).unwrap();
    assert_eq!(json["problems"][0]["digest"], wanted.to_string());
    assert_eq!(json["problems"][0]["why"], why);
    assert_eq!(record.lines(), ["different  r.io/b:v1".to_owned(), format!("  wrong      tag v1: {why}")]);
}

#[test]
fn the_document_names_all_that_was_looked_at_and_its_sums_agree() {
    let document = document(Against::Source);
    let images = document["images"].as_array().unwrap();
    let names: Vec<_> = images.iter().map(|image| image["target"].as_str().unwrap()).collect();
    assert_eq!(names, ["r.io/b:dead", "r.io/b:lost", "r.io/b:mended", "r.io/b:whole"]);
    let totals = &document["totals"];
    assert_eq!((&totals["whole"], &totals["different"]), (&2.into(), &2.into()));
    assert_eq!((&totals["repaired"], &totals["notDone"]), (&1.into(), &1.into()));
    assert_eq!((&document["outcome"], &document["sample"]), (&"different".into(), &"5%".into()));
    assert_eq!(images[0]["problems"][0]["state"], "unreadable");
    assert_eq!(self::document(Against::Itself)["images"][0]["source"], Value::Null);
}

/// Fails unless a document has exactly the keys of a schema, with values of its types.
fn agrees(schema: &Value, value: &Value, place: &str) {
    if let Some(words) = schema["enum"].as_array() {
        assert!(words.contains(value), "{place}: {value}");
    }
    if let Some(properties) = schema["properties"].as_object() {
        let map = value.as_object().unwrap_or_else(|| panic!("{place}: {value}"));
        let keys = |map: &serde_json::Map<String, Value>| {
            map.keys().cloned().collect::<std::collections::BTreeSet<_>>()
        };
        assert_eq!(keys(map), keys(properties), "{place}");
        assert_eq!(schema["required"].as_array().unwrap().len(), properties.len(), "{place}");
        map.iter().for_each(|(key, value)| agrees(&properties[key], value, key));
    }
    for item in value.as_array().into_iter().flatten() {
        agrees(&schema["items"], item, place);
    }
    let types: Vec<_> = match &schema["type"] {
        Value::Array(types) => types.iter().filter_map(Value::as_str).collect(),
        one => one.as_str().into_iter().collect(),
    };
    let own = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    assert!(types.is_empty() || types.contains(&own), "{place}: {value}");
}

#[test]
fn the_document_is_what_its_schema_says() {
    for against in [Against::Source, Against::Itself] {
        agrees(&schema(), &document(against), "the document");
    }
}
