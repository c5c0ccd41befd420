//! The run and time of events: several runs share one observer.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use embedded_registry::sample::{self, Flavour};
use embedded_registry::{BrokenUploads, Effect, EmbeddedRegistry, Fault, Match, Times};
use sync::{Engine, Event, Observer, Options, RunId, Selection, Stamp, Sync};
use tokio_util::sync::CancellationToken;

use crate::engine::Bench;

#[derive(Default)]
struct Diary(Mutex<Vec<(Stamp, Event)>>);

impl Observer for Diary {
    fn event(&self, stamp: &Stamp, event: &Event) {
        self.0.lock().unwrap().push((stamp.clone(), event.clone()));
    }
}

#[tokio::test]
async fn each_event_says_which_run_tells_it_and_when() {
    let bench = Bench::start().await;
    bench.image("a/app", "v1", &[1]);
    bench.image("a/app", "v2", &[2]);
    let (engine, diary, begun) = (Engine::new(4, None), Arc::new(Diary::default()), SystemTime::now());
    let run = |to: &str| {
        let rule = bench.rule("a/app", Selection::All, &[to]);
        Sync::new(vec![rule], Options::new(4, 0), diary.clone()).on(&engine)
    };
    let cancel = CancellationToken::new;
    let (named, one, other) = tokio::join!(
        run("b/one").called(RunId::new("nightly")).run(cancel()),
        run("b/two").run(cancel()),
        run("b/three").run(cancel())
    );
    assert_eq!(named.run.as_str(), "nightly");
    assert!(one.run != other.run, "an engine calls no two runs the same");
    let mut ended: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (stamp, event) in &*diary.0.lock().unwrap() {
        assert!((begun..=SystemTime::now()).contains(&stamp.at));
        if let Event::ImageFinished(image) = event {
            let target = image.image.target.rsplit('/').next().unwrap().to_owned();
            ended.entry(stamp.run.to_string()).or_default().push(target);
        }
    }
    for (report, target) in [(named, "one"), (one, "two"), (other, "three")] {
        assert_eq!(ended[report.run.as_str()], [target, target], "each run tells its own images");
        assert_eq!((report.copied(), report.totals.images()), (2, 2));
    }
}

#[tokio::test(start_paused = true)]
async fn a_step_that_is_tried_again_names_its_registry() {
    let bench = Bench::start().await;
    bench.image("a/app", "v1", &[1]);
    let when = Match::put("/manifests/");
    bench.target.misbehave(Fault { when, times: Times::First(1), effect: Effect::refuse(503, "X", "busy") });
    let diary = Arc::new(Diary::default());
    let rule = bench.rule("a/app", Selection::All, &["b/app"]);
    Sync::new(vec![rule], Options::new(4, 1), diary.clone()).run(CancellationToken::new()).await;
    let events = diary.0.lock().unwrap();
    let places: Vec<_> = events
        .iter()
        .filter_map(|(_, event)| match event {
            Event::Retrying { place, .. } => Some(place.to_string()),
            _ => None,
        })
        .collect();
    assert_eq!(places, [format!("{}/b/app", bench.target.host())]);
}

/// An observer that counts bytes learns how many have to be sent again.
#[tokio::test]
async fn c2_an_upload_that_goes_on_from_a_lower_offset_says_so() {
    const SIZE: u64 = 20 << 20;
    for (broken, kept) in [(BrokenUploads::LoseBytes, 0), (BrokenUploads::KeepBytes, 15 << 20)] {
        let target = EmbeddedRegistry::builder().broken_uploads(broken).start().await.unwrap();
        let bench = Bench { target, ..Bench::start().await };
        let layer = sample::layer(9, 20 << 20);
        sample::image(bench.source.store(), "a/app", Some("v1"), Flavour::Oci, &[layer], "amd64");
        let effect = Effect::CutRequestAfter(15 << 20);
        bench.target.misbehave(Fault { when: Match::patch("/uploads/"), times: Times::First(1), effect });
        let diary = Arc::new(Diary::default());
        let rule = bench.rule("a/app", Selection::All, &["b/app"]);
        let report =
            Sync::new(vec![rule], Options::new(4, 3), diary.clone()).run(CancellationToken::new()).await;
        assert_eq!((report.copied(), bench.same("v1")), (1, true));
        let (mut before, mut behind, mut left) = (0, 0, None);
        for (_, event) in &*diary.0.lock().unwrap() {
            match event {
                Event::BlobResumed { left: told, .. } => {
                    assert!(left.is_none(), "it broke once");
                    left = *told;
                }
                Event::BytesMoved { bytes, .. } if left.is_some() => behind += bytes,
                Event::BytesMoved { bytes, .. } => before += bytes,
                _ => {}
            }
        }
        let left = left.expect("it is told");
        assert!(before >= 15 << 20, "{before}");
        assert!(left <= SIZE - kept && (kept > 0 || left == SIZE), "{left}");
        assert!(behind >= left && behind < left + (1 << 20), "{behind} were sent of {left}");
    }
}
