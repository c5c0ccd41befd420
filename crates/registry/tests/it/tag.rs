//! Lists of tags.

use embedded_registry::{Effect, EmbeddedRegistry, Match};
use oci::{ErrorKind, Tag};
use registry::{Access, Error, TagPage};

use crate::bench::{Bench, client};
use crate::small_server::announcing;

async fn paged(tags: usize, page_size: usize) -> Bench {
    let bench = Bench::start(EmbeddedRegistry::builder().tag_page_size(page_size), None).await;
    for number in 0..tags {
        bench.server.store().put_manifest("a/app", &format!("v{number:03}"), "application/json", "{}");
    }
    bench
}

async fn list(bench: &Bench) -> Result<Vec<TagPage>, Error> {
    let mut pages = bench.repository("a/app", Access::Pull).tags();
    let mut all = Vec::new();
    while let Some(page) = pages.next().await? {
        all.push(page);
    }
    Ok(all)
}

#[tokio::test]
async fn c16_pages_are_followed_to_the_last() {
    let bench = paged(25, 10).await;
    let pages = list(&bench).await.unwrap();
    assert_eq!(pages.iter().map(|page| page.tags.len()).collect::<Vec<_>>(), [10, 10, 5]);
    assert_eq!(bench.asked().len(), 3);
}

#[tokio::test]
async fn c17_without_a_link_the_list_is_complete() {
    let bench = paged(10, 10).await;
    assert_eq!(list(&bench).await.unwrap().len(), 1);
}

#[tokio::test]
async fn c18_a_link_that_leads_to_itself_ends_with_an_error() {
    let bench = paged(5, 10).await;
    let link = "</v2/a/app/tags/list?n=1000>; rel=next".to_owned();
    bench.misbehave(Match::any(), Effect::SetHeader("link", link));
    let error = list(&bench).await.unwrap_err();
    assert!(error.to_string().contains("circle"), "{error}");
}

/// Answers with these pages of names in turn, each with a link to the next one; the last one to `last`.
fn scripted(bench: &Bench, pages: &[&str], last: Option<&str>) {
    for (at, names) in pages.iter().enumerate() {
        let link = if at + 1 < pages.len() { Some(format!("?p={at}")) } else { last.map(str::to_owned) };
        let headers = link.map(|link| ("link", format!("<{link}>; rel=next"))).into_iter().collect();
        let effect = Effect::Status { code: 200, body: format!(r#"{{"tags":{names}}}"#), headers };
        bench.misbehave_once(Match::path("/tags/list"), effect);
    }
}

#[tokio::test]
async fn c18_a_link_back_to_any_earlier_page_ends_with_an_error() {
    let bench = paged(0, 10).await;
    scripted(&bench, &[r#"["a"]"#, r#"["b"]"#, r#"["c"]"#], Some("?p=0"));
    let error = list(&bench).await.unwrap_err();
    assert!(error.to_string().contains("circle"), "{error}");
    assert!(!error.is_retryable());
    assert_eq!(bench.asked().len(), 3);
}

#[tokio::test]
async fn c18_a_page_without_news_ends_with_an_error() {
    let bench = paged(0, 10).await;
    scripted(&bench, &[r#"["a","b"]"#, r#"["c"]"#, r#"["b","a"]"#], Some("?p=9"));
    let error = list(&bench).await.unwrap_err();
    assert!(error.to_string().contains("circle"), "{error}");
    assert_eq!(bench.asked().len(), 3);
}

#[tokio::test]
async fn c18_empty_pages_without_end_end_with_an_error() {
    let bench = paged(0, 10).await;
    scripted(&bench, &["[]"; 150], None);
    let error = list(&bench).await.unwrap_err();
    assert!(error.to_string().contains("circle"), "{error}");
    assert_eq!(bench.asked().len(), 101);
}

#[tokio::test]
async fn a_page_too_large_for_memory_is_refused_at_once() {
    let length = (64 << 20) + 1;
    let (host, asked) = announcing(length);
    let error = client(&host, None).repository(&"a/app".parse().unwrap(), Access::Pull).tags().next().await;
    let error = error.unwrap_err();
    assert!(error.to_string().contains("more than 67108864 bytes"), "{error}");
    assert!(asked.has("/v2/a/app/tags/list"));
}

#[tokio::test]
async fn c18_no_more_than_1000_entries_are_asked_for() {
    let bench = paged(1, 10).await;
    list(&bench).await.unwrap();
    assert_eq!(bench.asked()[0].query.as_deref(), Some("n=1000"));
}

#[tokio::test]
async fn c19_repeated_tags_are_told_once_and_pages_may_be_empty() {
    let bench = paged(0, 10).await;
    scripted(&bench, &[r#"["b","a","b"]"#, "[]", "null", r#"["a","c"]"#], None);
    let tags: Vec<_> = list(&bench).await.unwrap().into_iter().flat_map(|page| page.tags).collect();
    assert_eq!(tags.iter().map(Tag::as_str).collect::<Vec<_>>(), ["b", "a", "c"]);
}

#[tokio::test]
async fn c16_a_page_that_failed_can_be_asked_for_again() {
    let bench = paged(15, 10).await;
    let mut pages = bench.repository("a/app", Access::Pull).tags();
    assert_eq!(pages.next().await.unwrap().unwrap().tags.len(), 10);
    bench.misbehave_once(Match::any(), Effect::refuse(503, "UNAVAILABLE", "soon"));
    assert!(pages.next().await.unwrap_err().is_retryable());
    assert_eq!(pages.next().await.unwrap().unwrap().tags.len(), 5);
    assert_eq!(pages.next().await.unwrap(), None);
}

#[tokio::test]
async fn a_later_page_that_is_not_there_is_no_end() {
    let bench = paged(15, 10).await;
    let mut pages = bench.repository("a/app", Access::Pull).tags();
    assert_eq!(pages.next().await.unwrap().unwrap().tags.len(), 10);
    bench.misbehave_once(Match::any(), Effect::refuse(404, "NAME_UNKNOWN", "no such thing"));
    let error = pages.next().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Protocol, "which nobody takes for a repository that is not there");
    let text = error.to_string();
    assert!(text.contains("404 Not Found (NAME_UNKNOWN: no such thing)"), "{text}");
    assert_eq!(pages.next().await.unwrap().unwrap().tags.len(), 5, "it can be asked for again");
}

#[tokio::test]
async fn c20_a_link_to_another_host_is_not_followed() {
    let bench = paged(5, 10).await;
    let link = "<http://evil.invalid/v2/a/app/tags/list?last=x>; rel=next".to_owned();
    bench.misbehave(Match::any(), Effect::SetHeader("link", link));
    let error = list(&bench).await.unwrap_err();
    assert!(error.to_string().contains("another host"), "{error}");
}

#[tokio::test]
async fn c19_null_or_nothing_is_no_tags_and_an_unknown_repository_is_an_error() {
    let bench = paged(0, 10).await;
    assert_eq!(list(&bench).await.unwrap_err().kind(), ErrorKind::NotFound);
    for body in [r#"{"name":"a/app","tags":null}"#, r#"{"name":"a/app"}"#, r#"{"name":"a/app","tags":[]}"#] {
        let body = body.to_owned();
        bench.misbehave_once(Match::any(), Effect::Status { code: 200, body, headers: Vec::new() });
        assert_eq!(list(&bench).await.unwrap(), [TagPage::default()]);
    }
}

#[tokio::test]
async fn c01_an_invalid_tag_is_reported_and_left_out() {
    let bench = paged(0, 10).await;
    let body = r#"{"name":"a/app","tags":["good","-bad","also bad"]}"#.to_owned();
    bench.misbehave(Match::any(), Effect::Status { code: 200, body, headers: Vec::new() });
    let pages = list(&bench).await.unwrap();
    assert_eq!(pages[0].tags.len(), 1);
    assert_eq!(pages[0].invalid, ["-bad", "also bad"]);
}

fn answers(body: &str, headers: Vec<(&'static str, String)>) -> Effect {
    Effect::Status { code: 200, body: body.to_owned(), headers }
}

#[tokio::test]
async fn p4_one_bad_element_costs_no_other_and_is_told() {
    let bench = paged(0, 10).await;
    let body = r#"{"name":"a/app","tags":[null,"v1",7,{"tag":"x"},"null",["v2"],null,"v3"]}"#;
    bench.misbehave(Match::path("/tags/list"), answers(body, Vec::new()));
    let pages = list(&bench).await.unwrap();
    assert_eq!(pages[0].tags.iter().map(Tag::as_str).collect::<Vec<_>>(), ["v1", "null", "v3"]);
    assert_eq!(pages[0].invalid, ["null", "7", r#"{"tag":"x"}"#, r#"["v2"]"#]);
}

#[tokio::test]
async fn p10_a_list_that_is_none_is_an_error_that_names_why() {
    let bench = paged(0, 10).await;
    let gzip = vec![("content-encoding", "gzip".to_owned())];
    for (body, headers, why) in [
        (
            r#"{"errors":[{"code":"UNKNOWN","message":"the database is away"}]}"#,
            Vec::new(),
            "database is away",
        ),
        ("{}", Vec::new(), "`tags` in the answer is missing"),
        (r#"{"tags":{"v1":{}}}"#, Vec::new(), "`tags` in the answer is no list"),
        ("\u{1f}binary", gzip, "`Content-Encoding: gzip`"),
        ("<html>", Vec::new(), "web page"),
        (r#"{"tags":["v1","#, Vec::new(), "not the expected JSON"),
    ] {
        bench.misbehave_once(Match::path("/tags/list"), answers(body, headers));
        let error = list(&bench).await.unwrap_err();
        assert!(error.to_string().contains(why), "{body}: {error}");
    }
    let denied = r#"{"errors":[{"code":"DENIED","message":"no"}]}"#;
    bench.misbehave_once(Match::path("/tags/list"), answers(denied, Vec::new()));
    assert_eq!(list(&bench).await.unwrap_err().kind(), ErrorKind::Denied);
}

#[tokio::test]
async fn p13_a_link_with_a_byte_beyond_ascii_is_followed() {
    let bench = paged(0, 10).await;
    let link = vec![("link", "</v2/a/app/tags/list?last=é>; rel=next".to_owned())];
    bench.misbehave_once(Match::path("/tags/list"), answers(r#"{"tags":["v1"]}"#, link));
    bench.misbehave_once(Match::path("/tags/list?last=%C3%A9"), answers(r#"{"tags":["v2"]}"#, Vec::new()));
    assert_eq!(list(&bench).await.unwrap().iter().map(|page| page.tags.len()).sum::<usize>(), 2);
}

#[tokio::test]
async fn p15_a_list_without_end_is_given_up() {
    let bench = paged(0, 10).await;
    for page in 0..3 {
        let names: Vec<_> = (0..400_000).map(|number| format!("\"{page}.{number}\"")).collect();
        let link = vec![("link", format!("<?p={page}>; rel=next"))];
        bench.misbehave_once(
            Match::path("/tags/list"),
            answers(&format!(r#"{{"tags":[{}]}}"#, names.join(",")), link),
        );
    }
    let error = list(&bench).await.unwrap_err();
    assert!(error.to_string().contains("more than 1000000 entries") && !error.is_retryable(), "{error}");
}
