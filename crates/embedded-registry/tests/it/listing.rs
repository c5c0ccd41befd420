//! Pages of tags and of repositories.

use embedded_registry::EmbeddedRegistry;

use crate::bench::{Bench, Reply};

async fn seeded(page_size: Option<usize>) -> Bench {
    let builder = EmbeddedRegistry::builder();
    let builder = match page_size {
        Some(size) => builder.tag_page_size(size),
        None => builder,
    };
    let bench = Bench::start(builder).await;
    for tag in ["c", "a", "b", "e", "d"] {
        bench.server.store().put_manifest("a/app", tag, "application/json", "{}");
    }
    bench.server.store().put_manifest("b/app", "v1", "application/json", "{}");
    bench
}

fn names(reply: &Reply, key: &str) -> Vec<String> {
    let names = reply.json()[key].as_array().unwrap().clone();
    names.into_iter().map(|name| name.as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn tags_come_in_pages_that_link_to_the_next() {
    let bench = seeded(None).await;
    assert_eq!(names(&bench.get("/v2/a/app/tags/list").await, "tags"), ["a", "b", "c", "d", "e"]);
    let first = bench.get("/v2/a/app/tags/list?n=3").await;
    assert_eq!(names(&first, "tags"), ["a", "b", "c"]);
    assert_eq!(first.header("link"), "</v2/a/app/tags/list?last=c&n=3>; rel=\"next\"");
    let second = bench.get("/v2/a/app/tags/list?last=c&n=3").await;
    assert_eq!((names(&second, "tags"), second.header("link")), (vec!["d".to_owned(), "e".to_owned()], ""));
}

#[tokio::test]
async fn the_registrys_page_size_wins() {
    let bench = seeded(Some(2)).await;
    assert_eq!(names(&bench.get("/v2/a/app/tags/list").await, "tags").len(), 2);
    assert_eq!(names(&bench.get("/v2/a/app/tags/list?n=100").await, "tags").len(), 2);
    assert_eq!(names(&bench.get("/v2/a/app/tags/list?n=1").await, "tags").len(), 1);
    let refused = bench.get("/v2/a/app/tags/list?n=many").await;
    assert_eq!(refused.refusal(), (400, "PAGINATION_NUMBER_INVALID".to_owned()));
}

#[tokio::test]
async fn an_unknown_repository_has_no_list() {
    let bench = seeded(None).await;
    let refused = bench.get("/v2/none/tags/list").await;
    assert_eq!(refused.refusal(), (404, "NAME_UNKNOWN".to_owned()));
    bench.server.store().put_blob("blobs/only", "x");
    assert!(names(&bench.get("/v2/blobs/only/tags/list").await, "tags").is_empty());
}

#[tokio::test]
async fn repositories_are_listed_too() {
    let bench = seeded(None).await;
    let first = bench.get("/v2/_catalog?n=1").await;
    assert_eq!(names(&first, "repositories"), ["a/app"]);
    assert_eq!(first.header("link"), "</v2/_catalog?last=a%2Fapp&n=1>; rel=\"next\"");
    assert_eq!(names(&bench.get("/v2/_catalog?last=a%2Fapp").await, "repositories"), ["b/app"]);
    assert!(bench.server.requests().iter().all(embedded_registry::LoggedRequest::is_catalog));
}
