//! Who tells what, and when: several runs tell one observer.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use embedded_registry::{Effect, Fault, Match, Times};
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
