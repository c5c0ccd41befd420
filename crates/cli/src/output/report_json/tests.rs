use std::sync::Arc;
use std::time::{Duration, SystemTime};

use proptest::prelude::*;
use sync::{
    Amounts, Cause, Error, Event, Image, ImageReport, LeftOut, Observer, Operation, Outcome, Report, RunId,
    Side, SkipReason, Stamp,
};

use super::write;
use crate::diagnostic::Failures;
use crate::done::{Done, RunFacts};
use crate::output::{Paint, Recorder, Tally, table};

fn outcome(kind: u8) -> Outcome {
    let digest = oci::Digest::sha256(b"image");
    let error = || Error {
        side: Side::Source,
        place: "q.io/a".to_owned(),
        operation: Operation::Copy,
        cause: Cause::Missing,
    };
    match kind {
        0 => Outcome::Copied { at_source: digest.clone(), digest, left_out: LeftOut::default() },
        1 => Outcome::WouldCopy(sync::Action::Create),
        2 => Outcome::Skipped(SkipReason::Unchanged(digest)),
        3 => {
            let at_source = oci::Digest::sha256(b"the same, printed otherwise");
            Outcome::Skipped(SkipReason::SameContent { at_target: digest, at_source })
        }
        4 => Outcome::Skipped(SkipReason::NoPlatform),
        5 => Outcome::Failed(Arc::new(error())),
        _ => Outcome::NotDone,
    }
}

fn image(number: usize, kind: u8, amounts: [u64; 5]) -> ImageReport {
    let [moved_bytes, mounted_bytes, present_bytes, referrers, referrers_left] = amounts;
    let reference = oci::TagOrDigest::Tag(format!("v{number}").parse().unwrap());
    let image = Image {
        source: "q.io/a".into(),
        source_reference: reference.clone(),
        target: "r.io/a".into(),
        target_reference: reference,
    };
    ImageReport {
        image: Arc::new(image),
        rule: 0,
        outcome: outcome(kind),
        amounts: Amounts { moved_bytes, mounted_bytes, present_bytes, referrers, referrers_left },
        took: Duration::from_secs(1),
    }
}

fn done(images: Vec<ImageReport>, unwanted_referrers: u64) -> Done {
    let (id, tally) = (RunId::new("r"), Arc::<Tally>::default());
    let (failures, recorder) = (Arc::<Failures>::default(), Recorder::new(&[], tally.clone(), None));
    let stamp = Stamp { run: id.clone(), at: SystemTime::now() };
    let mut report = Report { unwanted_referrers, ..Report::empty(id.clone()) };
    for ended in images {
        report.totals.add(&ended);
        let event = Event::ImageFinished(Arc::new(ended));
        recorder.event(&stamp, &event);
        failures.event(&stamp, &event);
    }
    let run = RunFacts { id, command: "sync", started: jiff::Timestamp::UNIX_EPOCH, tally };
    let records = recorder.finish();
    let (plan, verified, rules, refused, registries) = Default::default();
    Done { run, report, shard: None, failures, records, plan, verified, rules, refused, registries, kept: 0 }
}

fn written(done: &Done, exit_code: u8) -> serde_json::Value {
    let mut text = Vec::new();
    write(done, exit_code, &mut text).unwrap();
    assert!(text.ends_with(b"}\n"));
    serde_json::from_slice(&text).unwrap()
}

#[test]
fn c7_failures_are_grouped_as_in_the_summary() {
    let failed = |number: usize, place: &str| {
        let error = Error {
            side: Side::Source,
            place: place.to_owned(),
            operation: Operation::Copy,
            cause: Cause::Missing,
        };
        ImageReport { outcome: Outcome::Failed(Arc::new(error)), ..image(number, 5, [0; 5]) }
    };
    let done = done((0..9).map(|number| failed(number, ["q.io/a", "s.io/a"][number / 7])).collect(), 0);
    let report = written(&done, 3);
    let groups = report["failures"].as_array().unwrap();
    let counts: Vec<_> = groups.iter().map(|group| group["count"].as_u64().unwrap()).collect();
    assert_eq!(counts, [7, 2], "what has another registry is another reason: {report}");
    assert_eq!(groups[1]["examples"], serde_json::json!(["r.io/a:v7", "r.io/a:v8"]));
}

/// The number in the summary's line with this label; 0 where there is none.
fn shown(table: &str, label: &str) -> usize {
    let number = |line: &str| line.trim().strip_prefix(label)?.split_whitespace().next()?.parse().ok();
    table.lines().find_map(number).unwrap_or(0)
}

proptest! {
    #[test]
    fn c12_totals_of_report_and_summary_are_the_sums_of_the_images(
        images in prop::collection::vec((0..7_u8, [0..1_u64 << 40, 0..1 << 40, 0..1 << 40, 0..9, 0..9]), 0..30),
        unwanted in 0..9_u64,
    ) {
        let images = images.into_iter().enumerate();
        let done = done(images.map(|(number, (kind, amounts))| image(number, kind, amounts)).collect(), unwanted);
        let report = written(&done, 0);
        let (images, totals) = (report["images"].as_array().unwrap(), &report["totals"]);
        for key in ["bytesMoved", "bytesMounted", "bytesPresent", "referrers", "referrersLeft"] {
            let sum: u64 = images.iter().map(|image| image[key].as_u64().unwrap()).sum();
            let more = if key == "referrersLeft" { unwanted } else { 0 };
            prop_assert_eq!(totals[key].as_u64(), Some(sum + more), "{}", key);
        }
        let table = table(&done, Paint::for_stderr());
        let mut ended = 0;
        let labels = ["copied", "would copy", "unchanged", "left out", "failed", "not done"];
        let keys = ["copied", "wouldCopy", "unchanged", "skipped", "failed", "notDone"];
        for (key, label) in keys.into_iter().zip(labels) {
            let counted = images.iter().filter(|image| image["outcome"] == key).count();
            prop_assert_eq!(totals[key].as_u64(), Some(counted as u64), "{}", key);
            prop_assert_eq!(shown(&table, label), counted, "{} in {}", label, table);
            ended += counted;
        }
        prop_assert_eq!(ended, images.len(), "each image ended in one way");
        prop_assert_eq!(shown(&table, "along") as u64, totals["referrers"].as_u64().unwrap());
    }
}
