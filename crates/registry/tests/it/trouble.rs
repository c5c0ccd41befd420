//! A registry with trouble at some of its images gets as many requests at once as any other.

use embedded_registry::Effect;
use futures_util::{StreamExt as _, stream};
use registry::Access;

use crate::bench::{Bench, tag};

const IMAGES: usize = 400;
/// One of this many images is broken.
const EACH: usize = 10;

/// Reads all manifests; returns the largest number of requests at once, the number of failures, and how often a window was cut.
async fn read_all(bench: &Bench) -> (usize, usize, u64) {
    let repository = bench.repository("a/app", Access::Pull);
    let reads = stream::iter(0..IMAGES)
        .map(async |number| repository.pull_manifest(&tag(&format!("v{number:03}"))).await.is_err());
    let failed = reads.buffer_unordered(IMAGES).filter(|failed| std::future::ready(*failed)).count().await;
    let limits = bench.client.limits();
    let at_once = limits.iter().map(|limit| limit.at_once).max().unwrap();
    (at_once, failed, limits.iter().map(|limit| limit.too_much).sum())
}

async fn bench() -> Bench {
    let bench = Bench::open().await;
    for number in 0..IMAGES {
        let body = format!("{{\"schemaVersion\":2,\"number\":{number}}}");
        let media_type = "application/vnd.oci.image.manifest.v1+json";
        bench.server.store().put_manifest("a/app", &format!("v{number:03}"), media_type, body);
    }
    bench
}

#[tokio::test]
async fn e12_a_500_for_single_manifests_halves_no_window() {
    let healthy = read_all(&bench().await).await;
    assert_eq!((healthy.1, healthy.2), (0, 0));
    let bench = bench().await;
    for number in (0..IMAGES).step_by(EACH) {
        let when = embedded_registry::Match::get(&format!("/manifests/v{number:03}"));
        bench.misbehave(when, Effect::refuse(500, "UNKNOWN", "the file is damaged"));
    }
    let (at_once, failed, cuts) = read_all(&bench).await;
    assert_eq!(cuts, 0);
    assert!(at_once >= healthy.0 / 2, "{at_once} of {}", healthy.0);
    assert!(failed >= IMAGES / EACH, "{failed}");
}

#[tokio::test]
async fn e12_a_500_for_everything_halves_it() {
    let bench = bench().await;
    bench.misbehave(embedded_registry::Match::path("/manifests/"), Effect::refuse(500, "UNKNOWN", ""));
    let (at_once, failed, cuts) = read_all(&bench).await;
    assert_eq!(failed, IMAGES);
    assert!(cuts > 0 && at_once <= 16, "{cuts} {at_once}");
}
