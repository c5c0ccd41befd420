//! Manifests of version 2 schema 1: their digest covers only a part of their bytes.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use embedded_registry::{Effect, Fault, Match, Times};
use oci::{Digest, TagOrDigest};
use sync::Selection;

use crate::engine::{Bench, run};

const SIGNED: &str = "application/vnd.docker.distribution.manifest.v1+prettyjws";

/// `start` with a signature of its first `length` bytes followed by `tail`.
fn signed(start: &str, length: usize, tail: &str) -> String {
    let tail = URL_SAFE_NO_PAD.encode(tail);
    let protected = URL_SAFE_NO_PAD.encode(format!(r#"{{"formatLength":{length},"formatTail":"{tail}"}}"#));
    format!("{start},\n   \"signatures\": [{{\"protected\": \"{protected}\"}}]\n}}")
}

fn start(layer: &str) -> String {
    format!(
        "{{\n   \"schemaVersion\": 1,\n   \"architecture\": \"amd64\",\n   \"fsLayers\": [{{\"blobSum\": \"{layer}\"}}]"
    )
}

fn always(when: Match, effect: Effect) -> Fault {
    Fault { when, times: Times::Always, effect }
}

#[tokio::test]
async fn schema_1_passes_through_signed_or_not() {
    let bench = Bench::start().await;
    // The embedded registry uses the digest of all bytes; for a signed manifest it is the digest of the signed part.
    for side in [&bench.source, &bench.target] {
        side.misbehave(always(Match::any(), Effect::OmitHeader("docker-content-digest")));
    }
    let store = bench.source.store();
    let start = start(&store.put_blob("a/app", "layer"));
    let plain = "application/vnd.docker.distribution.manifest.v1+json";
    store.put_manifest("a/app", "plain", plain, format!("{start}\n}}"));
    store.put_manifest("a/app", "signed", SIGNED, signed(&start, start.len(), "\n}"));
    let report = bench.copy().await;
    assert_eq!((report.copied(), report.failed()), (2, 0), "{:?}", report.errors().collect::<Vec<_>>());
    assert!(bench.same("plain") && bench.same("signed"));
}

#[tokio::test]
async fn s2_signatures_do_not_pass_other_content_under_a_pinned_digest() {
    let bench = Bench::start().await;
    let store = bench.source.store();
    let (good, evil) = (start(&store.put_blob("a/app", "good")), start(&store.put_blob("a/app", "evil")));
    let payload = format!("{good}\n}}");
    let pinned = Digest::sha256(payload.as_bytes());
    let rule = || {
        let wanted = TagOrDigest::Digest(pinned.clone());
        bench.rule("a/app", Selection::These(vec![wanted]), &["b/app"])
    };
    // The whole signed content is in the tail, and the bytes before it are another image.
    let forged = signed(&evil, 0, &payload);
    let headers = vec![("content-type", SIGNED.to_owned()), ("docker-content-digest", pinned.to_string())];
    let answer = Effect::Status { code: 200, body: forged, headers };
    bench.source.misbehave(always(Match::get("/manifests/"), answer));
    let report = run(vec![rule()], 0).await;
    assert_eq!((report.copied(), report.failed()), (0, 1));
    let error = report.errors().next().unwrap();
    let cause = std::iter::successors(Some(error as &dyn std::error::Error), |error| error.source()).last();
    assert!(cause.unwrap().to_string().contains(&pinned.to_string()), "{cause:?}");
    assert_eq!((bench.target.store().tags("b/app"), bench.target.store().blob_count("b/app")), (vec![], 0));
}
