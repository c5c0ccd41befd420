//! One bad image, one sick store and one slow target do not delay the others. The tests compare the order of events,
//! never durations: a healthy pair has ended before the sick one has failed for the second time.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use oci::Digest;
use sync::endpoint::StoreId;
use sync::{Engine, Event, Observer, Options, Outcome, Rule, Stamp, State, Sync};
use tokio_util::sync::CancellationToken;

use crate::fake::{Fake, Sickness, rule, rule_to};
use crate::whole_report::{RunWhole, WholeReport};

/// The events, in their order.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Happened {
    /// An image was copied to this store.
    Stands(String),
    /// An image to this store failed, or a step of it.
    Failed(String),
}

#[derive(Clone, Default)]
struct Diary(Arc<Mutex<Vec<Happened>>>);

impl Observer for Diary {
    fn event(&self, _: &Stamp, event: &Event) {
        let store = |target: &str| target.split('/').next().unwrap().to_owned();
        let happened = match event {
            Event::ImageFinished(ended) => match &ended.outcome {
                Outcome::Copied { .. } => Happened::Stands(store(&ended.image.target)),
                Outcome::Failed(_) => Happened::Failed(store(&ended.image.target)),
                _ => return,
            },
            Event::Retrying { image, .. } => Happened::Failed(store(&image.target)),
            _ => return,
        };
        self.0.lock().unwrap().push(happened);
    }
}

impl Diary {
    fn happened(&self) -> Vec<Happened> {
        self.0.lock().unwrap().clone()
    }

    /// How many of `well`'s images were copied before `sick` had failed this often.
    fn stood_before(&self, well: &str, sick: &str, failures: usize) -> usize {
        let (mut failed, mut stood) = (0, 0);
        for happened in self.happened() {
            match happened {
                Happened::Failed(store) if store == sick => failed += 1,
                Happened::Stands(store) if store == well => stood += 1,
                _ => {}
            }
            if failed == failures {
                break;
            }
        }
        stood
    }
}

/// This many images, each with its own layer, and one layer that they share.
fn images(fake: &Fake, number: usize, shared: &[u8]) -> Digest {
    let shared_layer = fake.put_blob("a/app", shared);
    for index in 0..number {
        let own = format!("layer {index}");
        let layer = fake.put_blob("a/app", own.as_bytes());
        let body = format!(
            r#"{{"layers":[{{"digest":"{layer}","size":{}}},{{"digest":"{shared_layer}","size":{}}}]}}"#,
            own.len(),
            shared.len()
        );
        fake.put_manifest("a/app", Some(&format!("v{index}")), &body);
    }
    shared_layer
}

async fn run(rules: Vec<Rule>, blobs_at_once: usize, retries: u32) -> (WholeReport, Diary) {
    run_watched(rules, (blobs_at_once, retries), &[]).await
}

/// The same, with a permanent check: images to each of these targets hold no more slots than they have steps running
/// at their source and target. So an image that waits for anything but a place holds no slot.
async fn run_watched(
    rules: Vec<Rule>,
    (blobs_at_once, retries): (usize, u32),
    pairs: &[(&str, [&Fake; 2])],
) -> (WholeReport, Diary) {
    let diary = Diary::default();
    let options = Options::new(blobs_at_once, retries);
    let engine = Engine::new(blobs_at_once, None);
    let sync = Sync::new(rules, options, Arc::new(diary.clone())).on(&engine);
    let mut waited = 0;
    let watch = async {
        if pairs.is_empty() {
            std::future::pending::<()>().await;
        }
        loop {
            tokio::time::sleep(Duration::from_millis(97)).await;
            for _ in 0..1000 {
                // Lets all tasks proceed that can at this moment.
                tokio::task::yield_now().await;
            }
            waited = waited.max(assert_no_waiter_has_a_slot(&engine, pairs));
        }
    };
    let report = tokio::select! {
        report = sync.run_whole(CancellationToken::new()) => report,
        () = watch => unreachable!("it never ends"),
    };
    assert!(pairs.is_empty() || waited > 0, "nobody has waited");
    (report, diary)
}

/// Returns how many images wait.
fn assert_no_waiter_has_a_slot(engine: &Engine, pairs: &[(&str, [&Fake; 2])]) -> usize {
    let mut waiting = 0;
    for pair in engine.pairs() {
        let Some((_, stores)) = pairs.iter().find(|(host, _)| StoreId::new(host) == pair.target) else {
            continue;
        };
        let busy: usize = stores.iter().map(|store| store.busy()).sum();
        assert!(pair.working <= busy, "a slot is held by who waits: {busy} steps under way, {pair:?}");
        waiting += pair.waiting;
    }
    waiting
}

fn hangs(seconds: u64, asks_for: Option<u64>) -> Sickness {
    Sickness { hangs: Duration::from_secs(seconds), asks_for: asks_for.map(Duration::from_secs) }
}

#[tokio::test(start_paused = true)]
async fn e2_images_that_wait_for_a_hung_layer_keep_no_other_pair_waiting() {
    let (sick, well) = (Fake::default(), Fake::default());
    let (to_sick, to_well) = (Fake::default(), Fake::default());
    let layer = images(&sick, 200, b"hangs");
    images(&well, 200, b"shared");
    sick.state().sick_blobs.insert(layer, hangs(30, None));
    // Other steps take some time, so that the hanging layer is reached long before the others are done.
    well.state().step_takes = Duration::from_millis(5);
    let rules = vec![
        rule((&sick, "a.io"), &[(&to_sick, "sick.io")]),
        rule((&well, "c.io"), &[(&to_well, "well.io")]),
    ];
    let pairs = [("sick.io", [&sick, &to_sick]), ("well.io", [&well, &to_well])];
    let (report, diary) = run_watched(rules, (4, 1), &pairs).await;
    assert_eq!((report.copied(), report.failed()), (200, 200));
    assert_eq!(diary.stood_before("well.io", "sick.io", 2), 200);
}

#[tokio::test(start_paused = true)]
async fn e3_a_target_that_dies_keeps_no_other_pair_waiting() {
    let (source, other) = (Fake::default(), Fake::default());
    let (dies, well) = (Fake::default(), Fake::default());
    images(&source, 100, b"shared");
    images(&other, 100, b"shared");
    let dying = dies.clone();
    tokio::spawn(async move {
        while dying.steps() < 12 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        dying.state().is_dead = true;
    });
    dies.state().step_takes = Duration::from_millis(2);
    other.state().step_takes = Duration::from_millis(5);
    let rules =
        vec![rule((&source, "a.io"), &[(&dies, "dies.io")]), rule((&other, "c.io"), &[(&well, "well.io")])];
    let (report, diary) = run_watched(rules, (4, 2), &[("dies.io", [&source, &dies])]).await;
    assert_eq!(report.copied(), 100 + 100 - report.failed());
    // How many steps fail before the breaker opens is random, because back-off is. If the healthy pair waited for the
    // breaker, all these failures would come before its last image.
    let happened = diary.happened();
    let last_well = happened.iter().rposition(|happened| *happened == Happened::Stands("well.io".to_owned()));
    let is_failure = |happened: &&Happened| **happened == Happened::Failed("dies.io".to_owned());
    let failed_before = happened[..last_well.unwrap()].iter().filter(is_failure).count();
    let failed = happened.iter().filter(is_failure).count();
    assert!(failed_before < failed, "the healthy pair waited for the breaker: {failed_before} of {failed}");
}

#[tokio::test(start_paused = true)]
async fn e4_a_pause_that_a_source_asks_for_is_waited_out_without_a_place() {
    let (sick, well) = (Fake::default(), Fake::default());
    let (to_sick, to_well) = (Fake::default(), Fake::default());
    for (fake, number) in [(&sick, 5), (&well, 20)] {
        for index in 0..number {
            let layer = fake.put_blob("a/app", format!("layer {index}").as_bytes());
            // Without a size, the layer counts as large.
            let body = format!(r#"{{"layers":[{{"digest":"{layer}"}}]}}"#);
            fake.put_manifest("a/app", Some(&format!("v{index}")), &body);
        }
    }
    let layers: Vec<_> = sick.state().blobs.keys().map(|(_, layer)| layer.clone()).collect();
    sick.state().sick_blobs.extend(layers.into_iter().map(|layer| (layer, hangs(1, Some(25)))));
    well.state().step_takes = Duration::from_millis(300);
    let rules = vec![
        rule((&sick, "a.io"), &[(&to_sick, "sick.io")]),
        rule((&well, "c.io"), &[(&to_well, "well.io")]),
    ];
    let pairs = [("sick.io", [&sick, &to_sick])];
    let (report, diary) = run_watched(rules, (5, 2), &pairs).await;
    assert_eq!((report.copied(), report.failed()), (20, 5));
    // Each of the five fails once before; no retry follows before the end of its pause.
    assert_eq!(diary.stood_before("well.io", "sick.io", 6), 20);
}

/// An image of one layer whose bytes are all the same.
fn image_of_sevens(fake: &Fake, bytes: usize) -> Digest {
    let layer = fake.put_blob("a/app", &vec![7; bytes]);
    fake.put_manifest(
        "a/app",
        Some("v0"),
        &format!(r#"{{"layers":[{{"digest":"{layer}","size":{bytes}}}]}}"#),
    );
    layer
}

#[tokio::test(start_paused = true)]
async fn e4_an_upload_that_an_earlier_run_left_holds_no_place_while_its_source_is_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let (sick, well) = (Fake::default(), Fake::default());
    let (to_sick, to_well) = (Fake::default(), Fake::default());
    let layer = image_of_sevens(&sick, 600);
    image_of_sevens(&well, 60);
    to_sick.state().keeps_of_uploads = Some(300);
    let rules =
        || [rule((&sick, "a.io"), &[(&to_sick, "sick.io")]), rule((&well, "c.io"), &[(&to_well, "well.io")])];
    let run = async |rules: Vec<Rule>, stops_after: Duration| {
        let (diary, cancel) = (Diary::default(), CancellationToken::new());
        let (state, _) = State::open(&folder.path().join("state")).unwrap();
        let sync = Sync::new(rules, Options::new(1, 1), Arc::new(diary.clone())).remembering(state.clone());
        let stop = async {
            tokio::time::sleep(stops_after).await;
            cancel.cancel();
        };
        let (report, ()) = tokio::join!(sync.run_whole(cancel.clone()), stop);
        state.close().unwrap();
        (report, diary)
    };
    to_sick.state().takes_a_second = Some(1);
    let [first, _] = rules();
    let (report, _) = run(vec![first], Duration::from_secs(60)).await;
    assert_eq!(report.not_done(), 1);
    // The healthy one begins while the other holds the only place, which is free while that one waits for its retry.
    sick.state().sick_blobs.insert(layer, hangs(5, Some(25)));
    well.state().step_takes = Duration::from_secs(1);
    let (report, diary) = run(rules().into(), Duration::from_secs(3600)).await;
    assert_eq!((report.copied(), report.failed()), (1, 1), "{:?}", report.errors().collect::<Vec<_>>());
    assert_eq!(diary.stood_before("well.io", "sick.io", 2), 1);
}

/// Copies the images of a source to three targets.
async fn to_three(source: &Fake, targets: &[Fake; 3], retries: u32) -> (WholeReport, Diary) {
    let [one, two, three] = targets;
    let targets = [(one, "one.io"), (two, "two.io"), (three, "three.io")];
    run(vec![rule((source, "a.io"), &targets)], 4, retries).await
}

#[tokio::test(start_paused = true)]
async fn targets_that_share_a_read_share_its_tries() {
    let (source, targets) = (Fake::default(), <[Fake; 3]>::default());
    let layer = image_of_sevens(&source, 60);
    source.state().sick_blobs.insert(layer.clone(), hangs(1, None));
    let (report, _) = to_three(&source, &targets, 2).await;
    assert_eq!(report.failed(), 3);
    assert_eq!(source.state().asked[&layer], 3, "once, and as often again as the retries say");
    assert!(targets.iter().all(|target| target.state().open_uploads == 0));
}

#[tokio::test(start_paused = true)]
async fn a_target_that_is_slow_to_cancel_keeps_no_other_from_hearing_that_a_read_was_refused() {
    let (source, targets) = (Fake::default(), <[Fake; 3]>::default());
    let layer = image_of_sevens(&source, 60);
    source.state().sick_blobs.insert(layer, hangs(1, None));
    targets[0].state().cancel_takes = Duration::from_secs(3600);
    // It joins first.
    for target in &targets[1..] {
        target.state().step_takes = Duration::from_millis(20);
    }
    let (report, diary) = to_three(&source, &targets, 0).await;
    assert_eq!(report.failed(), 3);
    let last = Happened::Failed("one.io".to_owned());
    assert_eq!(diary.happened().iter().position(|happened| *happened == last), Some(2));
}

#[tokio::test(start_paused = true)]
async fn e5_a_slow_target_of_another_rule_takes_no_more_than_its_share() {
    let (slow_source, source) = (Fake::default(), Fake::default());
    let (slow, fast) = (Fake::default(), Fake::default());
    images(&slow_source, 200, b"shared");
    images(&source, 200, b"shared");
    slow.state().step_takes = Duration::from_millis(700);
    fast.state().step_takes = Duration::from_millis(1);
    let rules = vec![
        rule((&slow_source, "a.io"), &[(&slow, "slow.io")]),
        rule((&source, "c.io"), &[(&fast, "fast.io")]),
    ];
    let (report, diary) = run(rules, 4, 0).await;
    assert_eq!(report.copied(), 400);
    let happened = diary.happened();
    let last_fast =
        happened.iter().rposition(|happened| *happened == Happened::Stands("fast.io".to_owned())).unwrap();
    let slow_before =
        happened[..last_fast].iter().filter(|happened| **happened == Happened::Stands("slow.io".to_owned()));
    assert_eq!(slow_before.count(), 0, "an image takes the slow target more than two seconds");
}

#[tokio::test(start_paused = true)]
async fn e7_each_target_of_a_rule_ends_for_itself() {
    for takes in [Duration::from_secs(1), Duration::from_secs(40)] {
        let (source, slow, fast) = (Fake::default(), Fake::default(), Fake::default());
        images(&source, 30, b"shared");
        slow.state().step_takes = takes;
        let (report, diary) =
            run(vec![rule((&source, "a.io"), &[(&slow, "slow.io"), (&fast, "fast.io")])], 4, 0).await;
        assert_eq!(report.copied(), 60);
        let fast_first = diary
            .happened()
            .iter()
            .take_while(|happened| **happened == Happened::Stands("fast.io".to_owned()))
            .count();
        assert_eq!(fast_first, 30, "{takes:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn e7_a_target_that_takes_few_bytes_a_second_leaves_the_other_its_speed() {
    let (source, slow, fast) = (Fake::default(), Fake::default(), Fake::default());
    images(&source, 3, &vec![7; 6000]);
    slow.state().takes_a_second = Some(1);
    let (report, diary) =
        run(vec![rule((&source, "a.io"), &[(&slow, "slow.io"), (&fast, "fast.io")])], 4, 0).await;
    assert_eq!(report.copied(), 6);
    let order: Vec<_> = diary.happened();
    assert!(
        order[..3].iter().all(|happened| *happened == Happened::Stands("fast.io".to_owned())),
        "{order:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn targets_that_are_as_fast_as_each_other_share_every_read() {
    let (source, one, two, three) = (Fake::default(), Fake::default(), Fake::default(), Fake::default());
    images(&source, 20, b"shared");
    for fake in [&one, &two, &three] {
        fake.state().step_takes = Duration::from_millis(10);
    }
    let targets = [(&one, "one.io"), (&two, "two.io"), (&three, "three.io")];
    let (report, _) = run(vec![rule((&source, "a.io"), &targets)], 4, 0).await;
    assert_eq!(report.copied(), 60);
    let read = source.state().read.clone();
    assert!(read.values().all(|times| *times == 1), "{read:?}");
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_dropped_leaves_nothing_in_the_queues_of_its_engine() {
    let (source, target) = (Fake::default(), Fake::default());
    images(&source, 20, b"shared");
    source.state().step_takes = Duration::from_secs(3600);
    let engine = Engine::new(1, None);
    let run = |to: &str| {
        let rule = rule_to(to, (&source, "a.io"), &[(&target, "target.io")]);
        Sync::new([rule], Options::new(1, 0), Arc::new(Diary::default()))
            .on(&engine)
            .run(CancellationToken::new())
    };
    let stays = run("b/stays");
    let dropped = tokio::time::timeout(Duration::from_secs(2 * 3600), run("b/dropped"));
    let queued = async {
        tokio::time::sleep(Duration::from_secs(2 * 3600 - 1)).await;
        let before = engine.pairs()[0].queued;
        tokio::time::sleep(Duration::from_secs(2)).await;
        (before, engine.pairs()[0].queued)
    };
    tokio::select! {
        _ = stays => panic!("it ended"),
        (ended, queued) = async { tokio::join!(dropped, queued) } => {
            assert!(ended.is_err());
            assert_eq!(queued, (32, 12), "of 40 images eight have a slot");
        }
    }
}

/// Stops a run after this time.
async fn stopped_after(rule: Rule, time: Duration) -> WholeReport {
    let cancel = CancellationToken::new();
    let sync = Sync::new([rule], Options::new(4, 0), Arc::new(Diary::default()));
    let (report, ()) = tokio::join!(sync.run_whole(cancel.clone()), async {
        tokio::time::sleep(time).await;
        cancel.cancel();
    });
    report
}

#[tokio::test(start_paused = true)]
async fn a_shared_read_ends_with_those_who_wait_for_it() {
    let (source, one, two) = (Fake::default(), Fake::default(), Fake::default());
    images(&source, 1, &vec![7; 6000]);
    for fake in [&one, &two] {
        fake.state().takes_a_second = Some(1);
    }
    let rule = rule((&source, "a.io"), &[(&one, "one.io"), (&two, "two.io")]);
    let report = stopped_after(rule, Duration::from_secs(60)).await;
    assert_eq!((report.copied(), report.not_done()), (0, 2));
    let (steps, open) = (source.steps(), [&one, &two].map(|fake| fake.state().open_uploads));
    assert_eq!(open, [0, 0], "uploads are left open");
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!(source.steps(), steps, "it is read for nobody");
}
