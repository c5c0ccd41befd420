//! Referrers with particular registries' quirks.

use embedded_registry::sample::{self, Flavour, Sample};
use embedded_registry::{Builder, EmbeddedRegistry, ReferrerFilters, Referrers, SubjectHeader};

use crate::bench::Bench;

/// A bench with an image that has three referrers of two types, and the path of their list.
async fn with_referrers(builder: Builder) -> (Bench, Sample, String) {
    let bench = Bench::start(builder).await;
    let store = bench.server.store();
    let image = sample::image(store, "a/app", Some("v1"), Flavour::Oci, &[sample::layer(1, 10)], "amd64");
    for (kind, blob) in [("x/sbom", "1"), ("x/sbom", "2"), ("x/signature", "3")] {
        sample::referrer(store, "a/app", &image, kind, &[blob.into()]);
    }
    let path = format!("/v2/a/app/referrers/{}", image.digest);
    (bench, image, path)
}

#[tokio::test]
async fn referrers_come_in_pages() {
    let (bench, _, path) = with_referrers(EmbeddedRegistry::builder().referrer_page_size(1)).await;
    for (query, expected) in [("", 3), ("?artifactType=x%2Fsbom", 2)] {
        let (mut next, mut digests) = (format!("{path}{query}"), Vec::new());
        loop {
            let page = bench.get(&next).await;
            let entries = page.json()["manifests"].as_array().unwrap().clone();
            assert_eq!(entries.len(), 1);
            digests.push(entries[0]["digest"].as_str().unwrap().to_owned());
            assert_eq!(page.headers.contains_key("oci-filters-applied"), !query.is_empty());
            match page.header("link").split(['<', '>']).nth(1) {
                Some(link) => next = link.to_owned(),
                None => break,
            }
        }
        digests.dedup();
        assert_eq!(digests.len(), expected);
    }
}

#[tokio::test]
async fn filters_may_be_ignored() {
    let builder = EmbeddedRegistry::builder().referrer_filters(ReferrerFilters::Ignored);
    let (bench, _, path) = with_referrers(builder).await;
    let all = bench.get(&format!("{path}?artifactType=x%2Fsbom")).await;
    assert_eq!(all.json()["manifests"].as_array().unwrap().len(), 3);
    assert_eq!(all.header("oci-filters-applied"), "");
}

#[tokio::test]
async fn lists_are_empty_bogus_or_for_people() {
    let of = |kind| with_referrers(EmbeddedRegistry::builder().referrers(kind));
    let (bench, _, path) = of(Referrers::Empty).await;
    assert_eq!(bench.get(&path).await.json()["manifests"].as_array().unwrap().len(), 0);

    let (bench, image, path) = of(Referrers::Bogus).await;
    let bogus = bench.get(&path).await;
    assert_eq!((bogus.status.as_u16(), bogus.header("content-type")), (200, image.media_type.as_str()));
    assert_eq!(bogus.body, bench.server.store().manifest("a/app", "v1").unwrap().bytes);

    let (bench, _, path) = of(Referrers::Website).await;
    let away = bench.get(&path).await;
    assert_eq!(away.status, 303);
    let page = bench.get(away.header("location")).await;
    assert_eq!((page.status.as_u16(), page.header("content-type")), (200, "text/html; charset=utf-8"));

    let (bench, _, path) = of(Referrers::Html).await;
    let page = bench.get(&path).await;
    assert_eq!((page.status.as_u16(), page.header("content-type")), (200, "text/html; charset=utf-8"));
}

#[tokio::test]
async fn the_subject_is_told_or_not_whatever_the_list_is() {
    let rows = [
        (Referrers::Api, SubjectHeader::WithApi, true),
        (Referrers::Api, SubjectHeader::Never, false),
        (Referrers::Absent, SubjectHeader::Always, true),
        (Referrers::Empty, SubjectHeader::WithApi, false),
    ];
    for (kind, header, is_told) in rows {
        let builder = EmbeddedRegistry::builder().referrers(kind).subject_header(header);
        let (bench, image, _) = with_referrers(builder).await;
        let sbom = sample::referrer(bench.server.store(), "a/app", &image, "x/sbom", &["4".into()]);
        let manifest = bench.server.store().manifest("a/app", &sbom.digest).unwrap();
        let path = format!("/v2/a/app/manifests/{}", sbom.digest);
        let pushed = bench.put(&path, &sbom.media_type, manifest.bytes).await;
        let expected = if is_told { image.digest.as_str() } else { "" };
        assert_eq!(pushed.header("oci-subject"), expected, "{kind:?} {header:?}");
    }
}
