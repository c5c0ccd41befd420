use std::sync::Arc;
use std::time::{Duration, SystemTime};

use proptest::prelude::*;
use sync::{
    Amounts, Cause, Error, Event, Image, ImageReport, LeftOut, Observer, Operation, Outcome, Report, RunId,
    Side, SkipReason, Stamp,
};

use super::{Merger, facts, write};
use crate::diagnostic::Failures;
use crate::done::{Done, Ended, RunFacts};
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
        0 => Outcome::Copied {
            at_source: digest.clone(),
            digest,
            replaced: None,
            left_out: LeftOut::default(),
        },
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
    let stamp = Stamp { run: id.clone(), at: SystemTime::now(), worker: None };
    let mut report = Report { unwanted_referrers, ..Report::empty(id.clone()) };
    for ended in images {
        report.totals.add(&ended);
        let event = Event::ImageFinished(Arc::new(ended));
        recorder.event(&stamp, &event);
        failures.event(&stamp, &event);
    }
    let run = RunFacts { id, command: "sync", started: jiff::Timestamp::UNIX_EPOCH, tally };
    let records = recorder.finish();
    let (plan, verified, rules, refused, registries, elsewhere) = Default::default();
    Done {
        run,
        report,
        ended: Ended::ByItself,
        stopped: None,
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
    }
}

fn written(done: &Done, exit_code: u8) -> serde_json::Value {
    let mut text = Vec::new();
    write(&facts(done, exit_code), &done.records, &mut text).unwrap();
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

/// The number in the summary's line with this label; 0 without such a line.
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

/// A report of these images, as a file.
fn file(
    folder: &std::path::Path,
    name: usize,
    images: &[(usize, u8, [u64; 5])],
    code: u8,
) -> std::path::PathBuf {
    let done =
        done(images.iter().map(|(number, kind, amounts)| image(*number, *kind, *amounts)).collect(), 1);
    let path = folder.join(format!("{name}.json"));
    let mut text = Vec::new();
    write(&facts(&done, code), &done.records, &mut text).unwrap();
    std::fs::write(&path, text).unwrap();
    path
}

fn merged(files: &[std::path::PathBuf]) -> serde_json::Value {
    let mut merger = Merger::new(None);
    for file in files {
        merger.add(file).unwrap();
    }
    let (facts, records) = merger.finish().unwrap();
    let mut text = Vec::new();
    write(&facts, &records, &mut text).unwrap();
    serde_json::from_slice(&text).unwrap()
}

fn status_of(images: &[(usize, u8, [u64; 5])]) -> u8 {
    crate::exit_code::of(&done(
        images.iter().map(|(number, kind, amounts)| image(*number, *kind, *amounts)).collect(),
        0,
    ))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn c1_parts_of_a_run_merge_to_the_run_however_it_is_split(
        images in prop::collection::vec((0..7_u8, [0..1_u64 << 40, 0..1 << 40, 0..1 << 40, 0..9, 0..9], 0..4_usize), 0..30),
        order in Just(vec![0_usize, 1, 2, 3]).prop_shuffle(),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let numbered = images.iter().enumerate().map(|(number, (kind, amounts, part))| ((number, *kind, *amounts), *part));
        let all: Vec<_> = numbered.clone().map(|(image, _)| image).collect();
        let parts = (0..4).map(|part| {
            let own: Vec<_> = numbered.clone().filter(|(_, of)| *of == part).map(|(image, _)| image).collect();
            file(folder.path(), part, &own, status_of(&own))
        });
        let parts: Vec<_> = parts.collect();
        let whole = merged(&[file(folder.path(), 9, &all, status_of(&all))]);
        let together = merged(&parts);
        let mut totals = together["totals"].clone();
        // Each of the four reports, and the whole one, has one left-over referrer without an image.
        totals["referrersLeft"] = (totals["referrersLeft"].as_u64().unwrap() - 3).into();
        prop_assert_eq!(&totals, &whole["totals"]);
        for key in ["images", "failures", "exitCode"] {
            prop_assert_eq!(&together[key], &whole[key], "{}", key);
        }
        prop_assert_eq!(together["parts"].as_array().unwrap().len(), 4);
        let shuffled: Vec<_> = order.iter().map(|part| parts[*part].clone()).collect();
        prop_assert_eq!(merged(&shuffled), together.clone(), "in any order");
        // Merged reports can be merged again.
        let half = folder.path().join("half.json");
        std::fs::write(&half, merged(&parts[..2]).to_string()).unwrap();
        let again = merged(&[parts[3].clone(), half, parts[2].clone()]);
        for key in ["totals", "images", "failures", "exitCode", "parts", "startedAt", "finishedAt", "run"] {
            prop_assert_eq!(&again[key], &together[key], "{}", key);
        }
    }
}

/// A report of refusals only, with this count.
fn refusing(folder: &std::path::Path, name: usize, words: &[&str], count: u64) -> std::path::PathBuf {
    let path = file(folder, name, &[], 1);
    let mut report: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    report["refusedRules"] = words.into();
    report["totals"]["refused"] = count.into();
    std::fs::write(&path, report.to_string()).unwrap();
    path
}

#[test]
fn refusals_in_the_same_words_are_as_many_as_one_run_had() {
    let folder = tempfile::tempdir().unwrap();
    let of = |name, words: &[&str], count| refusing(folder.path(), name, words, count);
    let (twice, once) = (of(0, &["a", "b", "a"], 3), of(1, &["a", "c"], 2));
    let (lacks, again) = (of(2, &["the plan lacks it"], 7), of(3, &["the plan lacks it"], 7));
    for (files, words, count) in [
        (vec![&twice], vec!["a", "a", "b"], 3),
        (vec![&twice, &once], vec!["a", "a", "b", "c"], 4),
        (vec![&once, &once, &twice], vec!["a", "a", "b", "c"], 4),
        (vec![&lacks], vec!["the plan lacks it"], 7),
        (vec![&lacks, &again], vec!["the plan lacks it"], 7),
        (vec![&lacks, &twice], vec!["a", "a", "b", "the plan lacks it"], 10),
    ] {
        let report = merged(&files.into_iter().cloned().collect::<Vec<_>>());
        assert_eq!(report["refusedRules"], serde_json::json!(words));
        assert_eq!(report["totals"]["refused"], count, "{words:?}");
        assert_eq!(report["exitCode"], 3, "nothing else was there");
    }
}

#[test]
fn c1_the_better_end_of_an_image_counts_and_what_was_done_for_it_is_summed_up() {
    let folder = tempfile::tempdir().unwrap();
    // In the order of `outcome`: from the best to the worst.
    for (better, worse) in [(0, 2), (2, 1), (2, 4), (1, 4), (4, 5), (5, 6), (0, 6)] {
        let kinds = [(better, 5), (worse, 7)];
        let files =
            kinds.map(|(kind, moved)| file(folder.path(), kind.into(), &[(1, kind, [moved, 0, 0, 0, 2])], 1));
        for files in [files.to_vec(), files.iter().rev().cloned().collect()] {
            let report = merged(&files);
            let [image] = report["images"].as_array().unwrap().as_slice() else { panic!("{report}") };
            let alone = &merged(&[file(folder.path(), 8, &[(1, better, [5, 0, 0, 0, 2])], 1)])["images"][0];
            assert_eq!(image["outcome"], alone["outcome"], "{better} {worse}");
            assert_eq!((&image["digest"], &image["error"]), (&alone["digest"], &alone["error"]));
            assert_eq!(image["bytesMoved"], 12);
            assert_eq!(image["seconds"], 2.0);
            assert_eq!(image["referrersLeft"], 2, "they stay behind once");
        }
    }
}

#[test]
fn c1_what_one_run_was_stopped_in_and_another_did_is_done() {
    let folder = tempfile::tempdir().unwrap();
    let (stopped, rest) = (
        file(folder.path(), 0, &[(1, 0, [0; 5]), (2, 6, [0; 5])], 130),
        file(folder.path(), 1, &[(2, 0, [0; 5])], 0),
    );
    assert_eq!(merged(&[stopped.clone(), rest])["exitCode"], 0);
    assert_eq!(merged(&[stopped])["exitCode"], 130);
    let nothing = file(folder.path(), 2, &[], 1);
    assert_eq!(merged(&[nothing])["exitCode"], 1, "a copy that matched nothing");
    let plan = file(folder.path(), 3, &[(1, 1, [0; 5])], 10);
    assert_eq!(merged(&[plan])["exitCode"], 10);
}
