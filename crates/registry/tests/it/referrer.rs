//! Lists of referrers: the registry's own, and the tags that replace them.

use std::collections::HashSet;

use embedded_registry::sample::{self, Flavour, Sample};
use embedded_registry::{Effect, EmbeddedRegistry, Match, Referrers};
use futures_util::future::join_all;
use oci::{Descriptor, MediaType, TagOrDigest, referrers_tag};
use registry::{Access, Error, Problem, ReferrerFilter, ReferrersTag, Repository};

use crate::bench::{Bench, as_referrer, digest, tag};

const INDEX: &str = "application/vnd.oci.image.index.v1+json";

async fn without_list() -> Bench {
    Bench::start(EmbeddedRegistry::builder().referrers(Referrers::Absent), None).await
}

fn image(bench: &Bench, tag: &str) -> Sample {
    let layers = [sample::layer(1, 10)];
    sample::image(bench.server.store(), "a/app", Some(tag), Flavour::Oci, &layers, "amd64")
}

fn refer(bench: &Bench, subject: &Sample, kind: &str, content: &'static str) -> Sample {
    sample::referrer(bench.server.store(), "a/app", subject, kind, &[content.into()])
}

fn repository(bench: &Bench) -> Repository {
    bench.repository("a/app", Access::PullPush)
}

async fn list(bench: &Bench, subject: &Sample, filter: &ReferrerFilter) -> Result<Vec<String>, Error> {
    let found = repository(bench).referrers(&digest(&subject.digest), filter).await?;
    Ok(found.into_iter().map(|referrer| referrer.digest.to_string()).collect())
}

async fn all(bench: &Bench, subject: &Sample) -> HashSet<String> {
    list(bench, subject, &ReferrerFilter::all()).await.unwrap().into_iter().collect()
}

fn of_type(kind: &str) -> ReferrerFilter {
    ReferrerFilter { artifact_types: vec![kind.to_owned().into()], ..ReferrerFilter::all() }
}

fn set(samples: &[&Sample]) -> HashSet<String> {
    samples.iter().map(|sample| sample.digest.clone()).collect()
}

fn answer(code: u16, content_type: &str, body: &str) -> Effect {
    Effect::Status { code, body: body.to_owned(), headers: vec![("content-type", content_type.to_owned())] }
}

/// Adds a referrer to the list that clients keep.
async fn add(bench: &Bench, subject: &Sample, referrer: &Sample) -> ReferrersTag {
    let manifest = TagOrDigest::Digest(digest(&referrer.digest));
    let entry = as_referrer(&repository(bench).pull_manifest(&manifest).await.unwrap());
    repository(bench).add_referrer(&digest(&subject.digest), &entry).await.unwrap()
}

#[tokio::test]
async fn c56_c63_the_registrys_list_costs_one_request() {
    let bench = Bench::open().await;
    let subject = image(&bench, "v1");
    let (signature, sbom) = (refer(&bench, &subject, "a/sig", "1"), refer(&bench, &subject, "a/sbom", "2"));
    assert_eq!(all(&bench, &subject).await, set(&[&signature, &sbom]));
    assert_eq!(bench.lines(), [format!("GET /v2/a/app/referrers/{} 200", subject.digest)]);
}

#[tokio::test]
async fn c56_the_list_has_pages_and_they_are_followed() {
    let bench = Bench::open().await;
    let subject = image(&bench, "v1");
    let entries: Vec<_> = ["1", "2", "3"].map(|content| refer(&bench, &subject, "a/sig", content)).to_vec();
    for (at, entry) in entries.iter().enumerate() {
        let body = format!(r#"{{"mediaType":"{INDEX}","manifests":[{}]}}"#, entry.descriptor);
        let mut headers = vec![("content-type", INDEX.to_owned())];
        if at < 2 {
            headers.push(("link", format!("<?page={at}>; rel=\"next\"")));
        }
        bench.misbehave_once(Match::get("/referrers/"), Effect::Status { code: 200, body, headers });
    }
    assert_eq!(all(&bench, &subject).await, entries.iter().map(|entry| entry.digest.clone()).collect());
    assert_eq!(bench.asked().len(), 3);
}

#[tokio::test]
async fn c56_the_registry_filters_or_else_the_client() {
    let bench = Bench::open().await;
    let subject = image(&bench, "v1");
    let (signature, _) = (refer(&bench, &subject, "a/sig", "1"), refer(&bench, &subject, "a/sbom", "2"));
    assert_eq!(
        list(&bench, &subject, &of_type("a/sig")).await.unwrap(),
        std::slice::from_ref(&signature.digest)
    );
    assert_eq!(bench.asked()[0].query.as_deref(), Some("artifactType=a%2Fsig"));

    let whole = bench.server.store().manifest("a/app", &signature.digest).unwrap();
    let body = format!(
        r#"{{"mediaType":"{INDEX}","manifests":[{{"digest":"{}","size":1,"artifactType":"a/sig"}},{{"digest":"{}","size":1}}]}}"#,
        whole.digest, subject.digest
    );
    bench.misbehave(Match::get("/referrers/"), answer(200, INDEX, &body));
    assert_eq!(list(&bench, &subject, &of_type("a/sig")).await.unwrap(), [signature.digest]);
}

#[tokio::test]
async fn c56_c63_without_a_list_the_tag_is_read_and_the_list_not_asked_for_again() {
    let bench = without_list().await;
    let (one, two) = (image(&bench, "v1"), sample::artifact(bench.server.store(), "a/app", None, "x/y", &[]));
    let referrer = refer(&bench, &one, "a/sig", "1");
    assert_eq!(add(&bench, &one, &referrer).await, ReferrersTag::Updated);
    bench.server.clear_requests();
    assert_eq!(all(&bench, &one).await, set(&[&referrer]));
    assert_eq!(all(&bench, &two).await, set(&[]));
    let of = |sample: &Sample| referrers_tag(&digest(&sample.digest));
    let expected = [
        format!("GET /v2/a/app/referrers/{} 404", one.digest),
        format!("GET /v2/a/app/manifests/{} 200", of(&one)),
        format!("GET /v2/a/app/manifests/{} 404", of(&two)),
    ];
    assert_eq!(bench.lines(), expected);
}

#[tokio::test]
async fn c57_entries_are_added_without_repeats_and_those_of_others_stay_as_they_were_written() {
    let bench = without_list().await;
    let subject = image(&bench, "v1");
    let (one, two) = (refer(&bench, &subject, "a/sig", "1"), refer(&bench, &subject, "a/sbom", "2"));
    let tag = referrers_tag(&digest(&subject.digest)).to_string();
    let others = format!(
        "{{ \"schemaVersion\": 2, \"mediaType\": \"{INDEX}\",\n \"manifests\": [ {{ \"digest\": \"{}\", \"size\": 7, \"x\": 1.50 }}], \"y\": 1 }}",
        subject.digest
    );
    bench.server.store().put_manifest("a/app", &tag, INDEX, others.clone());
    for (referrer, became) in
        [(&one, ReferrersTag::Updated), (&one, ReferrersTag::Unchanged), (&two, ReferrersTag::Updated)]
    {
        assert_eq!(add(&bench, &subject, referrer).await, became);
    }
    let stored = bench.server.store().manifest("a/app", &tag).unwrap();
    let text = String::from_utf8(stored.bytes.to_vec()).unwrap();
    let end = others.find("], \"y\"").unwrap();
    assert!(text.starts_with(&others[..end]) && text.ends_with("], \"y\": 1 }"), "{text}");
    let index: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(index["manifests"].as_array().unwrap().len(), 3);
    assert_eq!(index["manifests"][1]["artifactType"], "a/sig");
    assert_eq!(index["manifests"][1]["digest"], one.digest);
}

#[tokio::test]
async fn c57_writers_in_one_process_do_not_lose_each_others_entries() {
    let bench = without_list().await;
    let subject = image(&bench, "v1");
    let contents = ["1", "2", "3", "4", "5", "6", "7", "8"];
    let referrers = contents.map(|content| refer(&bench, &subject, "a/sig", content));
    // Separate handles, as rules with different logins have them.
    let other = crate::bench::client(&bench.server.host(), None);
    let subject_digest = digest(&subject.digest);
    let writes = referrers.iter().enumerate().map(|(at, referrer)| {
        let entry = Descriptor::new(None, digest(&referrer.digest), Some(referrer.size as u64));
        let client = if at % 2 == 0 { &bench.client } else { &other };
        let repository = client.repository(&"a/app".parse().unwrap(), Access::PullPush);
        let subject = subject_digest.clone();
        async move { repository.add_referrer(&subject, &entry).await }
    });
    for became in join_all(writes).await {
        assert_eq!(became.unwrap(), ReferrersTag::Updated);
    }
    assert_eq!(all(&bench, &subject).await.len(), contents.len());
}

#[tokio::test]
async fn c57_a_tag_that_is_used_for_something_else_is_left_alone() {
    let bench = without_list().await;
    let subject = image(&bench, "v1");
    let referrer = refer(&bench, &subject, "a/sig", "1");
    let tag = referrers_tag(&digest(&subject.digest)).to_string();
    bench.server.store().tag("a/app", &tag, &subject.digest);
    let entry = Descriptor::new(None, digest(&referrer.digest), Some(1));
    let error = repository(&bench).add_referrer(&digest(&subject.digest), &entry).await.unwrap_err();
    assert!(error.to_string().contains("something else") && !error.is_retryable(), "{error}");
    assert_eq!(bench.server.store().manifest("a/app", &tag).unwrap().digest, subject.digest);
    assert_eq!(all(&bench, &subject).await, set(&[]));
}

#[tokio::test]
async fn c58_an_empty_list_is_believed_only_of_a_registry_that_keeps_lists() {
    let bench = Bench::open().await;
    let subject = image(&bench, "v1");
    let referrer = refer(&bench, &subject, "a/sig", "1");
    add(&bench, &subject, &referrer).await;
    let empty = format!(r#"{{"schemaVersion":2,"mediaType":"{INDEX}","manifests":[]}}"#);
    bench.misbehave(Match::get("/referrers/"), answer(200, INDEX, &empty));
    bench.server.clear_requests();
    // `add` has pushed no manifest with a subject, so nothing is known.
    assert_eq!(all(&bench, &subject).await, set(&[&referrer]));
    assert_eq!(bench.asked().len(), 2);

    // A registry that answers with `OCI-Subject` keeps lists.
    let manifest = TagOrDigest::Digest(digest(&referrer.digest));
    let manifest = repository(&bench).pull_manifest(&manifest).await.unwrap();
    repository(&bench)
        .push_manifest(&TagOrDigest::Digest(manifest.digest().clone()), &manifest)
        .await
        .unwrap();
    bench.server.clear_requests();
    assert_eq!(all(&bench, &subject).await, set(&[]));
    assert_eq!(bench.asked().len(), 1);
}

#[tokio::test]
async fn c58_the_image_itself_is_no_list() {
    let bench = Bench::open().await;
    let subject = image(&bench, "v1");
    let referrer = refer(&bench, &subject, "a/sig", "1");
    add(&bench, &subject, &referrer).await;
    let itself = bench.server.store().manifest("a/app", "v1").unwrap();
    let body = String::from_utf8(itself.bytes.to_vec()).unwrap();
    bench.misbehave(Match::get("/referrers/"), answer(200, &itself.media_type, &body));
    assert_eq!(all(&bench, &subject).await, set(&[&referrer]));
}

#[tokio::test]
async fn c58_an_index_that_answers_with_itself_is_no_list() {
    let bench = Bench::open().await;
    let child = image(&bench, "v1");
    let subject = sample::index(bench.server.store(), "a/app", Some("multi"), Flavour::Oci, &[child]);
    let body =
        String::from_utf8(bench.server.store().manifest("a/app", "multi").unwrap().bytes.to_vec()).unwrap();
    bench.misbehave(Match::get("/referrers/"), answer(200, INDEX, &body));
    assert_eq!(all(&bench, &subject).await, set(&[]));
}

#[tokio::test]
async fn c59_a_redirect_to_a_web_site_means_no_list_for_the_whole_run() {
    let site = Bench::open().await;
    site.misbehave(Match::any(), answer(200, "text/html", "<html>sign in</html>"));
    let bench = Bench::open().await;
    let subject = image(&bench, "v1");
    let redirect = Effect::Status {
        code: 303,
        body: String::new(),
        headers: vec![("location", format!("http://{}/about", site.server.host()))],
    };
    bench.misbehave(Match::get("/referrers/"), redirect);
    for _ in 0..2 {
        assert_eq!(all(&bench, &subject).await, set(&[]));
    }
    assert_eq!(bench.asked().iter().filter(|request| request.is_referrer_list()).count(), 1);
    assert_eq!(site.server.requests().len(), 1);
}

#[tokio::test]
async fn c59_what_means_no_list_and_what_is_an_error() {
    for (code, content_type, body) in [
        (200, "text/html", "<html>"),
        (405, "text/plain", "no"),
        (501, "text/plain", "no"),
        (404, "application/json", r#"{"errors":[{"code":"MANIFEST_UNKNOWN"}]}"#),
        (400, "application/json", r#"{"errors":[{"code":"UNSUPPORTED"}]}"#),
        (400, "text/plain", "no"),
        (401, "text/plain", "no"),
        (403, "text/plain", "no"),
    ] {
        let bench = Bench::open().await;
        let subject = image(&bench, "v1");
        bench.misbehave(Match::get("/referrers/"), answer(code, content_type, body));
        assert_eq!(all(&bench, &subject).await, set(&[]), "{code}");
    }
    for code in [429, 500, 503] {
        let bench = Bench::open().await;
        let subject = image(&bench, "v1");
        bench.misbehave(Match::get("/referrers/"), answer(code, "text/plain", "no"));
        let error = list(&bench, &subject, &ReferrerFilter::all()).await.unwrap_err();
        assert_eq!(error.status().map(|status| status.as_u16()), Some(code));
    }
}

#[tokio::test]
async fn p1_a_refusal_that_meets_manifests_too_is_an_error_and_says_nothing_of_lists() {
    for code in [401, 403] {
        let bench = Bench::open().await;
        let subject = image(&bench, "v1");
        let referrer = refer(&bench, &subject, "a/sig", "1");
        bench.misbehave(Match::path("/v2/a/app/"), answer(code, "text/plain", "no"));
        let subject = digest(&subject.digest);
        let refused = repository(&bench).referrers(&subject, &ReferrerFilter::all()).await.unwrap_err();
        assert_eq!(refused.status().map(|status| status.as_u16()), Some(code));
        let refused =
            repository(&bench).untagged_referrers(&subject, &ReferrerFilter::all()).await.unwrap_err();
        assert_eq!(refused.status().map(|status| status.as_u16()), Some(code));
        // The login gets the right back, and with it the list.
        bench.server.behave();
        let found = repository(&bench).referrers(&subject, &ReferrerFilter::all()).await.unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].digest.to_string(), referrer.digest);
    }
}

#[tokio::test]
async fn p1_p8_a_refused_list_is_asked_for_once_and_the_tag_stands_in() {
    for (code, body) in [(401, ""), (403, "denied"), (400, "UNSUPPORTED"), (404, ""), (405, ""), (501, "")] {
        let bench = Bench::open().await;
        let subject = image(&bench, "v1");
        let referrer = refer(&bench, &subject, "a/sig", "1");
        let manifest = TagOrDigest::Digest(digest(&referrer.digest));
        let entry = as_referrer(&repository(&bench).pull_manifest(&manifest).await.unwrap());
        bench.misbehave(Match::get("/referrers/"), answer(code, "text/plain", body));
        repository(&bench).keep_referrer(&digest(&subject.digest), &entry).await.unwrap();
        assert_eq!(all(&bench, &subject).await, set(&[&referrer]), "{code}");
        let asked = bench.asked().iter().filter(|request| request.is_referrer_list()).count();
        assert_eq!(asked, 1, "{code}");
    }
}

#[tokio::test]
async fn p1_a_list_that_is_refused_in_one_repository_is_still_asked_for_in_others() {
    for code in [401, 403] {
        let bench = Bench::open().await;
        let refused = image(&bench, "v1");
        bench.misbehave(Match::get("/v2/a/app/referrers/"), answer(code, "text/plain", "no"));
        let subject = sample::image(bench.server.store(), "b/app", Some("v1"), Flavour::Oci, &[], "amd64");
        let signature = sample::referrer(bench.server.store(), "b/app", &subject, "a/sig", &["1".into()]);
        let (here, there) = (repository(&bench), bench.repository("b/app", Access::Pull));
        let filter = ReferrerFilter::all();
        assert_eq!(here.referrers(&digest(&refused.digest), &filter).await.unwrap(), []);
        assert_eq!(here.untagged_referrers(&digest(&refused.digest), &filter).await.unwrap(), []);
        let lists = bench.asked().iter().filter(|request| request.is_referrer_list()).count();
        assert_eq!(lists, 1, "{code}: asked once in each repository");
        for found in [
            there.referrers(&digest(&subject.digest), &filter).await.unwrap(),
            there.untagged_referrers(&digest(&subject.digest), &filter).await.unwrap(),
        ] {
            assert_eq!(found.len(), 1, "{code}");
            assert_eq!(found[0].digest.to_string(), signature.digest);
        }
    }
}

/// An image of a repository with one signature in the registry's own list.
fn signed(bench: &Bench, name: &str) -> (Repository, Sample, Sample) {
    let store = bench.server.store();
    let subject = sample::image(store, name, Some("v1"), Flavour::Oci, &[], "amd64");
    let signature = sample::referrer(store, name, &subject, "a/sig", &["1".into()]);
    (bench.repository(name, Access::Pull), subject, signature)
}

#[tokio::test]
async fn c59_one_odd_answer_does_not_hide_the_lists_of_other_repositories() {
    for (code, content_type, body) in [
        (404, "text/plain", "404 page not found"),
        (400, "text/plain", "no"),
        (405, "text/plain", "no"),
        (200, "text/html", "<html>maintenance</html>"),
    ] {
        let bench = Bench::open().await;
        let ((here, lost, signature), (there, subject, other)) =
            (signed(&bench, "a/app"), signed(&bench, "b/app"));
        bench.misbehave_once(Match::get("/referrers/"), answer(code, content_type, body));
        let list_of = async |repository: &Repository, subject: &Sample| {
            let (subject, all) = (digest(&subject.digest), ReferrerFilter::all());
            let listed = repository.untagged_referrers(&subject, &all).await.unwrap();
            listed.into_iter().map(|referrer| referrer.digest.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(list_of(&here, &lost).await, [""; 0], "{code}");
        assert_eq!(list_of(&there, &subject).await, [other.digest], "{code}");
        assert_eq!(list_of(&here, &lost).await, [signature.digest], "{code}: the registry keeps lists");
    }
}

#[tokio::test]
async fn c59_a_registry_without_lists_is_asked_in_two_repositories_at_the_most() {
    for (code, content_type, body) in [(404, "text/plain", "no"), (200, "text/html", "<html>")] {
        let bench = Bench::open().await;
        bench.misbehave(Match::get("/referrers/"), answer(code, content_type, body));
        for name in ["a/one", "a/two", "a/three", "a/four"] {
            let (repository, subject, _) = signed(&bench, name);
            for _ in 0..2 {
                let subject = digest(&subject.digest);
                assert_eq!(
                    repository.untagged_referrers(&subject, &ReferrerFilter::all()).await.unwrap(),
                    []
                );
            }
        }
        assert_eq!(bench.asked().iter().filter(|request| request.is_referrer_list()).count(), 2, "{code}");
    }
}

#[tokio::test]
async fn p1_a_manifest_that_is_not_found_proves_no_right_to_read() {
    let bench = Bench::open().await;
    let subject = image(&bench, "v1");
    let signature = refer(&bench, &subject, "a/sig", "1");
    bench.misbehave(Match::path("/v2/a/app/referrers/"), answer(403, "text/plain", "no"));
    bench.misbehave(Match::path("/v2/a/app/manifests/"), answer(404, "text/plain", "no"));
    let (hidden, filter) = (digest(&subject.digest), ReferrerFilter::all());
    assert_eq!(repository(&bench).referrers(&hidden, &filter).await.unwrap(), []);
    assert_eq!(repository(&bench).untagged_referrers(&hidden, &filter).await.unwrap(), []);
    bench.server.behave();
    assert_eq!(all(&bench, &subject).await, set(&[&signature]));
}

#[tokio::test]
async fn c58_a_registry_that_keeps_lists_and_suddenly_answers_nonsense_is_an_error() {
    let bench = Bench::open().await;
    let subject = image(&bench, "v1");
    let referrer = refer(&bench, &subject, "a/sig", "1");
    assert_eq!(all(&bench, &subject).await, set(&[&referrer]));
    bench.misbehave(Match::get("/referrers/"), answer(200, "text/html", "<html>maintenance</html>"));
    assert!(list(&bench, &subject, &ReferrerFilter::all()).await.is_err());
}

#[tokio::test]
async fn c60_a_list_of_referrers_without_end_is_given_up() {
    let bench = Bench::open().await;
    let subject = image(&bench, "v1");
    for page in 0..5 {
        let entry = |number| {
            format!(r#"{{"mediaType":"a/b","digest":"sha256:{:064x}","size":1}}"#, page * 30_000 + number)
        };
        let entries: Vec<_> = (0..30_000).map(entry).collect();
        let body = format!(r#"{{"mediaType":"{INDEX}","manifests":[{}]}}"#, entries.join(","));
        let link = format!("<?page={page}>; rel=next");
        let headers = vec![("content-type", INDEX.to_owned()), ("link", link)];
        bench.misbehave_once(Match::get("/referrers/"), Effect::Status { code: 200, body, headers });
    }
    let error = list(&bench, &subject, &ReferrerFilter::all()).await.unwrap_err();
    assert!(error.to_string().contains("no end of referrers"), "{error}");
    assert_eq!(bench.asked().len(), 4);
}

#[tokio::test]
async fn c62_list_and_tag_give_the_same_set() {
    let (listed, tagged) = (Bench::open().await, without_list().await);
    let mut sets = Vec::new();
    for bench in [&listed, &tagged] {
        let subject = image(bench, "v1");
        let signature = refer(bench, &subject, "a/sig", "1");
        let sbom = refer(bench, &subject, "a/sbom", "2");
        if std::ptr::eq(bench, &raw const tagged) {
            for referrer in [&signature, &sbom, &signature] {
                add(bench, &subject, referrer).await;
            }
        }
        let filtered = list(bench, &subject, &of_type("a/sbom")).await.unwrap();
        assert_eq!(filtered, std::slice::from_ref(&sbom.digest));
        sets.push(all(bench, &subject).await);
    }
    assert_eq!((sets[0].len(), &sets[0]), (2, &sets[1]));
}

#[tokio::test]
async fn c06_the_referrers_tag_of_a_sha512_subject_is_found() {
    let bench = without_list().await;
    let subject = oci::Algorithm::Sha512.digest(b"subject");
    let image = image(&bench, "v1");
    let entry =
        Descriptor::new(Some(MediaType::OCI_MANIFEST), digest(&image.digest), Some(image.size as u64));
    repository(&bench).add_referrer(&subject, &entry).await.unwrap();
    let expected = format!("sha512-{}", &subject.hex()[..64]);
    assert!(bench.server.store().tags("a/app").contains(&expected));
    assert_eq!(repository(&bench).referrers(&subject, &ReferrerFilter::all()).await.unwrap(), [entry]);
    assert!(repository(&bench).resolve(&tag(&expected)).await.unwrap().is_some());
}

#[tokio::test]
async fn p15_a_page_of_referrers_may_be_as_large_as_a_manifest_and_what_is_larger_is_told() {
    let bench = Bench::open().await;
    let subject = image(&bench, "v1");
    let entry = |number: usize| {
        format!(r#"{{"mediaType":"{}","digest":"sha256:{number:064x}","size":7}}"#, MediaType::OCI_MANIFEST)
    };
    let page = |entries: usize| {
        let entries = (0..entries).map(entry).collect::<Vec<_>>().join(",");
        format!(r#"{{"schemaVersion":2,"mediaType":"{INDEX}","manifests":[{entries}]}}"#)
    };
    let (fits, is_too_large) = (page(50_000), page(60_000));
    assert!(fits.len() < 8 << 20 && is_too_large.len() > 8 << 20);
    bench.misbehave_once(Match::path("/referrers/"), answer(200, INDEX, &fits));
    assert_eq!(all(&bench, &subject).await.len(), 50_000);
    bench.misbehave_once(Match::path("/referrers/"), answer(200, INDEX, &is_too_large));
    let error = list(&bench, &subject, &ReferrerFilter::all()).await.unwrap_err();
    let Error::Protocol { problem, .. } = &error else { panic!("{error:?}") };
    assert_eq!(*problem, Problem::TooLarge(8 << 20));
    assert!(!error.is_retryable());
}
