//! How platforms are found out that an index does not name.

use std::sync::Arc;
use std::time::Duration;

use embedded_registry::sample::{self, Flavour, Sample};
use embedded_registry::{Effect, Fault, Match, Times};
use http::Method;
use sync::{IndexPolicy, Options, PlatformFilter, Selection, Silent, Sync};
use tokio_util::sync::CancellationToken;

use crate::engine::{Bench, count};
use crate::fake::with_policy;
use crate::whole_report::{RunWhole, WholeReport};

/// An index of `many` children whose entries have no platform; every second one is for arm64.
fn untold(bench: &Bench, many: u64) -> Vec<Sample> {
    let child = |number: u64| {
        let architecture = if number.is_multiple_of(2) { "amd64" } else { "arm64" };
        let layers = [sample::layer(number, 300)];
        let mut child =
            sample::image(bench.source.store(), "a/app", None, Flavour::Oci, &layers, architecture);
        child.descriptor.as_object_mut().unwrap().remove("platform");
        child
    };
    let children: Vec<_> = (0..many).map(child).collect();
    sample::index(bench.source.store(), "a/app", Some("v1"), Flavour::Oci, &children);
    children
}

async fn only_arm64(bench: &Bench, retries: u32) -> WholeReport {
    let platforms = PlatformFilter::new(&[], &["arm64".to_owned()]);
    let rule = with_policy(bench.rule("a/app", Selection::All, &["b/app"]), |policy| {
        (policy.platforms, policy.index) = (platforms, IndexPolicy::Cut);
    });
    Sync::new(vec![rule], Options::new(4, retries), Arc::new(Silent))
        .run_whole(CancellationToken::new())
        .await
}

#[tokio::test]
async fn e10_a_passing_failure_while_platforms_are_selected_is_tried_again() {
    let effects = [
        Effect::refuse(503, "UNAVAILABLE", "later"),
        Effect::DropConnection,
        Effect::CutBodyAfter(20),
        Effect::CorruptByteAt(5),
    ];
    for effect in effects {
        let bench = Bench::start().await;
        let children = untold(&bench, 4);
        let fault = |when| Fault { when, times: Times::First(2), effect: effect.clone() };
        bench.source.misbehave(fault(Match::get("/blobs/")));
        if !matches!(effect, Effect::CorruptByteAt(_)) {
            bench.source.misbehave(fault(Match::get(&format!("/manifests/{}", children[0].digest))));
        }
        let report = only_arm64(&bench, 5).await;
        assert_eq!((report.copied(), report.failed()), (1, 0), "{effect:?} {:?}", report.images);
        let kept = bench.target.store().manifest("b/app", "v1").unwrap().bytes;
        let kept = String::from_utf8(kept.to_vec()).unwrap();
        let expected: Vec<_> = children.iter().skip(1).step_by(2).map(|child| &child.digest).collect();
        assert_eq!(kept.matches("sha256:").count(), 2);
        assert!(expected.iter().all(|digest| kept.contains(*digest)), "{kept}");
    }
}

#[tokio::test]
async fn e10_children_are_looked_at_side_by_side_and_each_once() {
    let bench = Bench::start().await;
    untold(&bench, 40);
    let effect = Effect::Delay(Duration::from_millis(30));
    let when = Match::get("/manifests/sha256:");
    bench.source.misbehave(Fault { when, times: Times::Always, effect });
    assert_eq!(only_arm64(&bench, 0).await.copied(), 1);
    let requests = bench.source.requests();
    let is_child = |path: &str| path.contains("/manifests/sha256:");
    let before_the_first_config: usize = requests
        .iter()
        .take_while(|request| !request.is_blob(&Method::GET))
        .filter(|request| request.method == Method::GET && is_child(&request.path))
        .count();
    assert!(before_the_first_config > 4, "{before_the_first_config} at once");
    assert_eq!(count(&bench.source, |request| request.is_blob(&Method::GET)), 40 + 20, "configs, layers");
}
