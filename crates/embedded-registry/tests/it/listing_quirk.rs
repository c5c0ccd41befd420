//! Lists with particular registries' quirks.

use embedded_registry::{Builder, Catalog, EmbeddedRegistry, EmptyTags, Links};
use serde_json::json;

use crate::bench::Bench;

async fn with_tags(builder: Builder) -> Bench {
    let bench = Bench::start(builder).await;
    for tag in ["a", "b", "c"] {
        bench.server.store().put_manifest("a/app", tag, "application/json", "{}");
    }
    bench
}

#[tokio::test]
async fn links_take_all_forms() {
    let path = "/v2/a/app/tags/list";
    for links in [
        Links::PathAbsolute,
        Links::Absolute,
        Links::Relative,
        Links::QueryOnly,
        Links::Unquoted,
        Links::Several,
        Links::OtherHost,
        Links::SamePage,
    ] {
        let bench = with_tags(EmbeddedRegistry::builder().links(links)).await;
        let host = bench.server.host();
        let expected = match links {
            Links::PathAbsolute => format!("<{path}?last=b&n=2>; rel=\"next\""),
            Links::Absolute => format!("<http://{host}{path}?last=b&n=2>; rel=\"next\""),
            Links::Relative => "<./list?last=b&n=2>; rel=\"next\"".to_owned(),
            Links::QueryOnly => "<?last=b&n=2>; rel=\"next\"".to_owned(),
            Links::Unquoted => format!("<{path}?last=b&n=2>; rel=next"),
            Links::Several => format!(
                "<{path}?page=first>; rel=\"first\", <{path}?last=b&n=2>; title=\"a, b\"; rel=\"next\", \
                 <{path}?page=last>; rel=\"last\""
            ),
            Links::OtherHost => format!("<http://elsewhere.invalid{path}?last=b&n=2>; rel=\"next\""),
            Links::SamePage => format!("<{path}?n=2>; rel=\"next\""),
        };
        assert_eq!(bench.get(&format!("{path}?n=2")).await.header("link"), expected);
        assert_eq!(bench.get(path).await.header("link"), "", "no page follows");
    }
}

#[tokio::test]
async fn no_tags_are_told_in_four_ways() {
    let rows = [
        (EmptyTags::List, json!({"name": "a/app", "tags": []})),
        (EmptyTags::Null, json!({"name": "a/app", "tags": null})),
        (EmptyTags::Missing, json!({"name": "a/app"})),
    ];
    for (empty, expected) in rows {
        let bench = Bench::start(EmbeddedRegistry::builder().empty_tags(empty)).await;
        bench.server.store().create_repository("a/app");
        assert_eq!(bench.get("/v2/a/app/tags/list").await.json(), expected);
    }
    let bench = Bench::start(EmbeddedRegistry::builder().empty_tags(EmptyTags::Unknown)).await;
    bench.server.store().create_repository("a/app");
    assert_eq!(bench.get("/v2/a/app/tags/list").await.refusal(), (404, "NAME_UNKNOWN".to_owned()));
}

#[tokio::test]
async fn the_last_page_may_end_with_anything() {
    let bench = with_tags(EmbeddedRegistry::builder().extra_tags(&["a", "in valid", "0"])).await;
    let names = |names: &[&str]| json!({"name": "a/app", "tags": names});
    assert_eq!(bench.get("/v2/a/app/tags/list?n=2").await.json(), names(&["a", "b"]));
    let last = bench.get("/v2/a/app/tags/list?n=2&last=b").await.json();
    assert_eq!(last, names(&["c", "a", "in valid", "0"]));
}

#[tokio::test]
async fn one_may_not_ask_for_too_much() {
    let bench = with_tags(EmbeddedRegistry::builder().largest_page(1000)).await;
    assert_eq!(bench.get("/v2/a/app/tags/list?n=1000").await.status, 200);
    let refused = bench.get("/v2/a/app/tags/list?n=1001").await;
    assert_eq!(refused.refusal(), (405, "UNSUPPORTED".to_owned()));
}

#[tokio::test]
async fn the_catalog_has_pages_of_its_own_or_is_refused() {
    let bench = with_tags(EmbeddedRegistry::builder().catalog_page_size(1)).await;
    bench.server.store().create_repository("b/app");
    assert_eq!(bench.get("/v2/_catalog?n=5").await.json(), json!({"repositories": ["a/app"]}));
    assert_eq!(bench.get("/v2/a/app/tags/list").await.header("link"), "");
    for status in [401, 404, 405] {
        let bench = with_tags(EmbeddedRegistry::builder().catalog(Catalog::Refused(status))).await;
        assert_eq!(bench.get("/v2/_catalog").await.status, status);
    }
}
