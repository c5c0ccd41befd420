//! Lists of tags.

use embedded_registry::{Effect, EmbeddedRegistry, Match};
use registry::{Access, Error, ErrorKind, TagPage};

use crate::bench::Bench;

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

#[tokio::test]
async fn c20_a_link_to_another_host_is_not_followed() {
    let bench = paged(5, 10).await;
    let link = "<http://evil.invalid/v2/a/app/tags/list?last=x>; rel=next".to_owned();
    bench.misbehave(Match::any(), Effect::SetHeader("link", link));
    let error = list(&bench).await.unwrap_err();
    assert!(error.to_string().contains("another host"), "{error}");
}

#[tokio::test]
async fn c19_null_is_no_tags_and_an_unknown_repository_is_an_error() {
    let bench = paged(0, 10).await;
    assert_eq!(list(&bench).await.unwrap_err().kind(), ErrorKind::NotFound);
    let body = r#"{"name":"a/app","tags":null}"#.to_owned();
    bench.misbehave(Match::any(), Effect::Status { code: 200, body, headers: Vec::new() });
    assert_eq!(list(&bench).await.unwrap(), [TagPage::default()]);
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
