//! How often a blob is sent, mounted and tried, where registries refuse, decline or lie.

use std::sync::Arc;

use embedded_registry::sample::{self, Flavour};
use embedded_registry::{Effect, Fault, Match, Times};
use http::Method;
use oci::{Digest, MediaType, RawManifest};
use sync::{Options, Report, Rule, Selection, Silent, Sync};
use tokio_util::sync::CancellationToken;

use crate::engine::{Bench, count};

const LAYER: usize = 20_000;

async fn run(rules: Vec<Rule>, retries: u32) -> Report {
    Sync::new(rules, Options::new(16, retries), Arc::new(Silent)).run(CancellationToken::new()).await
}

fn image(bench: &Bench, repository: &str, tag: &str, layers: &[u64]) {
    let layers: Vec<_> = layers.iter().map(|number| sample::layer(*number, LAYER)).collect();
    sample::image(bench.source.store(), repository, Some(tag), Flavour::Oci, &layers, "amd64");
}

/// The blobs of an image, by digest.
fn blobs(bench: &Bench, repository: &str, tag: &str) -> Vec<String> {
    let stored = bench.source.store().manifest(repository, tag).unwrap();
    let manifest = RawManifest::from_answer(&MediaType::OCI_MANIFEST, stored.bytes, None).unwrap();
    manifest.links().unwrap().blobs.into_iter().map(|blob| blob.digest.to_string()).collect()
}

/// How the address that a layer's upload is closed at ends.
fn hex(layer: u64) -> String {
    Digest::sha256(&sample::layer(layer, LAYER)).to_string().split_off("sha256:".len())
}

fn always(bench: &Bench, when: Match, effect: Effect) {
    bench.target.misbehave(Fault { when, times: Times::Always, effect });
}

/// Bodies of layers that went to the target, whatever it said to them.
fn bodies(bench: &Bench) -> usize {
    count(&bench.target, |request| request.is_upload() && request.received_bytes >= LAYER as u64)
}

#[tokio::test]
async fn e17_a_body_that_is_refused_each_time_is_sent_as_often_as_the_retries_say() {
    let refusals = [
        (404, "BLOB_UPLOAD_UNKNOWN", 0),
        (404, "UNKNOWN", 0),
        (400, "BLOB_UPLOAD_INVALID", 0),
        // One renewal of the token is no try.
        (401, "UNAUTHORIZED", 1),
        (416, "RANGE_INVALID", 1),
        (409, "CONFLICT", 1),
    ];
    for (status, code, free) in refusals {
        for retries in [0, 1] {
            let bench = Bench::start().await;
            image(&bench, "a/app", "v1", &[1]);
            always(&bench, Match::put(&hex(1)), Effect::refuse(status, code, "no"));
            let report = run(vec![bench.rule("a/app", Selection::All, &["b/app"])], retries).await;
            assert_eq!(report.failed(), 1, "{status}");
            assert_eq!(bodies(&bench), 1 + free + retries as usize, "{status} {code} at {retries} retries");
        }
    }
}

#[tokio::test]
async fn e17_a_session_that_was_closed_by_the_same_put_before_has_not_failed() {
    let bench = Bench::start().await;
    image(&bench, "a/app", "v1", &[1]);
    for blob in blobs(&bench, "a/app", "v1") {
        let bytes = bench.source.store().blob("a/app", &blob).unwrap();
        bench.target.store().put_blob("b/app", bytes);
    }
    always(&bench, Match::put("/uploads/"), Effect::refuse(404, "BLOB_UPLOAD_UNKNOWN", "no"));
    let report = run(vec![bench.rule("a/app", Selection::All, &["b/app"])], 0).await;
    assert_eq!((report.copied(), bodies(&bench)), (1, 1));
    assert_eq!(count(&bench.target, |request| request.is_blob(&Method::HEAD)), 2, "one look at each blob");
}
