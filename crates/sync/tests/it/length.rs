//! Blobs that a target has only in part.

use std::time::Duration;

use embedded_registry::sample::{self, Flavour, Sample};
use embedded_registry::{Effect, EmbeddedRegistry, Fault, Match, Mounts, Times};
use http::Method;
use oci::{Digest, ErrorKind};
use sync::{Cause, Selection};

use crate::engine::{Bench, count, run};
use crate::whole_report::WholeReport;

const LARGE: usize = 1_200_000;

/// A target that is asked by HEAD, and has the layer under another tag already.
async fn shared() -> (Bench, String) {
    let source = EmbeddedRegistry::builder().start().await.unwrap();
    let target = EmbeddedRegistry::builder().mounts(Mounts::Declined).start().await.unwrap();
    let bench = Bench { source, target };
    image(&bench, "v1", 1);
    assert_eq!(bench.copy().await.copied(), 1);
    image(&bench, "v2", 2);
    bench.clear();
    (bench, Digest::sha256(&sample::layer(0, LARGE)).to_string())
}

fn image(bench: &Bench, tag: &str, own: u64) -> Sample {
    let layers = [sample::layer(0, LARGE), sample::layer(own, 500)];
    sample::image(bench.source.store(), "a/app", Some(tag), Flavour::Oci, &layers, "amd64")
}

fn tells_length(bench: &Bench, blob: &str, length: &str, times: Times) {
    let effect = Effect::SetHeader("content-length", length.to_owned());
    bench.target.misbehave(Fault { when: Match::head(&format!("/blobs/{blob}")), times, effect });
}

async fn copy_v2(bench: &Bench) -> WholeReport {
    let named = Selection::These(vec![oci::TagOrDigest::Tag("v2".parse().unwrap())]);
    run(vec![bench.rule("a/app", named, &["b/app"])], 0).await
}

/// How often the layer was read, and how often it was looked up.
fn moved(bench: &Bench, blob: &str) -> (usize, usize) {
    let of = |server: &EmbeddedRegistry, method: Method| {
        count(server, |request| request.is_blob(&method) && request.path.ends_with(blob))
    };
    (of(&bench.source, Method::GET), of(&bench.target, Method::HEAD))
}

#[tokio::test]
async fn e25_a_blob_of_the_right_length_is_not_sent_again_nor_asked_for_twice() {
    let (bench, layer) = shared().await;
    assert_eq!((copy_v2(&bench).await.copied(), moved(&bench, &layer)), (1, (0, 1)));
}

#[tokio::test]
async fn e25_a_blob_of_another_length_is_sent_again() {
    for length in ["0", "700000", "2400000"] {
        let (bench, layer) = shared().await;
        tells_length(&bench, &layer, length, Times::First(1));
        assert_eq!(copy_v2(&bench).await.copied(), 1, "{length}");
        assert_eq!(moved(&bench, &layer), (1, 2), "{length}: sent, and looked at once more");
        assert!(bench.same("v2"));
    }
}

#[tokio::test]
async fn e25_a_registry_that_keeps_what_it_has_fails_the_image_and_names_the_blob() {
    let (bench, layer) = shared().await;
    tells_length(&bench, &layer, "700000", Times::Always);
    let report = copy_v2(&bench).await;
    let error = report.errors().next().unwrap();
    assert_eq!((report.failed(), error.kind()), (1, Some(ErrorKind::Mismatch)), "{error:?}");
    assert!(matches!(&error.cause, Cause::KeepsOtherLength { digest, .. } if digest.to_string() == layer));
    assert_eq!(bench.target.store().tags("b/app"), ["v1"]);
    assert_eq!(bench.target.store().open_uploads(), 0);
}

#[tokio::test]
async fn e25_a_blob_that_a_registry_does_not_mend_is_sent_once_for_all_who_wait_for_it() {
    let (bench, layer) = shared().await;
    for (tag, own) in [("v3", 3), ("v4", 4)] {
        image(&bench, tag, own);
    }
    tells_length(&bench, &layer, "700000", Times::Always);
    // All copies wait for the layer by the time it has been sent.
    let effect = Effect::Delay(Duration::from_secs(1));
    bench.source.misbehave(Fault {
        when: Match::get(&format!("/blobs/{layer}")),
        times: Times::Always,
        effect,
    });
    let named = ["v2", "v3", "v4"].map(|tag| oci::TagOrDigest::Tag(tag.parse().unwrap()));
    let report = run(vec![bench.rule("a/app", Selection::These(named.into()), &["b/app"])], 0).await;
    assert_eq!(
        (report.failed(), moved(&bench, &layer)),
        (3, (1, 2)),
        "sent once, and looked at before and after"
    );
}

#[tokio::test]
async fn e25_a_registry_that_tells_no_length_is_believed_once_it_was_sent_the_blob() {
    let (bench, layer) = shared().await;
    tells_length(&bench, &layer, "0", Times::Always);
    assert_eq!(copy_v2(&bench).await.copied(), 1);
    assert_eq!(moved(&bench, &layer), (1, 2));
}
