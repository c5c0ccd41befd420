//! Lists of repositories.

use embedded_registry::{
    Access as Login, Authorization, Effect, EmbeddedRegistry, Grant, LoggedRequest, Match, TokenAccess, User,
};
use oci::ErrorKind;
use registry::{Catalog, CatalogPage, Error};

use crate::bench::Bench;

const USER: (&str, &str) = ("admin", "password");

async fn paged(login: Login, as_user: Option<(&str, &str)>) -> Bench {
    let bench = Bench::start(EmbeddedRegistry::builder().access(login).tag_page_size(2), as_user).await;
    for name in ["a/one", "a/two", "b/three"] {
        bench.server.store().put_manifest(name, "v1", "application/json", "{}");
    }
    bench
}

async fn list(bench: &Bench) -> Result<Vec<CatalogPage>, Error> {
    let mut pages = bench.client.catalog();
    let mut all = Vec::new();
    while let Catalog::Page(page) = pages.next().await? {
        all.push(page);
    }
    Ok(all)
}

#[tokio::test]
async fn c16_c18_the_catalog_is_read_to_its_last_page_whatever_their_size() {
    let bench = paged(Login::Open, None).await;
    let pages = list(&bench).await.unwrap();
    let names: Vec<_> = pages.iter().flat_map(|page| &page.repositories).map(ToString::to_string).collect();
    assert_eq!(names, ["a/one", "a/two", "b/three"]);
    let queries: Vec<_> = bench.asked().into_iter().filter_map(|request| request.query).collect();
    assert_eq!(queries, ["n=1000", "last=a%2Ftwo&n=2"]);
}

#[tokio::test]
async fn c18_c20_the_catalogs_links_are_guarded_like_those_of_tags() {
    let bench = paged(Login::Open, None).await;
    for (link, why) in
        [("</v2/_catalog?n=1000>", "circle"), ("<http://evil.invalid/v2/_catalog>", "another host")]
    {
        bench.misbehave_once(
            Match::path("/v2/_catalog"),
            Effect::SetHeader("link", format!("{link}; rel=next")),
        );
        let error = list(&bench).await.unwrap_err();
        assert!(error.to_string().contains(why), "{error}");
    }
}

#[tokio::test]
async fn c01_names_that_are_none_are_reported_and_left_out() {
    let bench = paged(Login::Open, None).await;
    let body = r#"{"repositories":["a/b","A/B"]}"#.to_owned();
    bench.misbehave(Match::any(), Effect::Status { code: 200, body, headers: Vec::new() });
    let pages = list(&bench).await.unwrap();
    assert_eq!((pages[0].repositories.len(), &pages[0].invalid[..]), (1, &["A/B".to_owned()][..]));
}

#[tokio::test]
async fn a_registry_without_catalog_says_so_and_that_is_no_error() {
    let bench = paged(Login::Open, None).await;
    bench.misbehave_once(Match::path("/v2/_catalog"), Effect::refuse(404, "UNSUPPORTED", "not here"));
    let Catalog::NotOffered(refusal) = bench.client.catalog().next().await.unwrap() else { panic!() };
    assert_eq!(refusal.status, 404);
    bench.misbehave_once(Match::path("/v2/_catalog"), Effect::refuse(503, "UNAVAILABLE", "soon"));
    assert_eq!(bench.client.catalog().next().await.unwrap_err().kind(), ErrorKind::Unavailable);
}

#[tokio::test]
async fn a_token_for_the_catalog_has_its_scope() {
    let users = vec![User::new(USER.0, USER.1, vec![Grant::push("*")])];
    let bench = paged(Login::Token(TokenAccess::harbor(users)), Some(USER)).await;
    assert_eq!(list(&bench).await.unwrap().len(), 2);
    let tokens: Vec<_> = bench.server.requests().into_iter().filter(LoggedRequest::is_token).collect();
    assert_eq!(tokens.len(), 1);
    assert!(
        tokens[0].query.as_deref().unwrap().contains("scope=registry%3Acatalog%3A"),
        "{:?}",
        tokens[0].query
    );
}

#[tokio::test]
async fn harbors_catalog_is_asked_for_with_user_and_password() {
    let users = vec![User::new(USER.0, USER.1, vec![Grant::push("*")])];
    let bench = paged(Login::Token(TokenAccess::harbor(users)), Some(USER)).await;
    let effect = Effect::Status {
        code: 401,
        body: r#"{"errors":[{"code":"UNAUTHORIZED","message":"unauthorized"}]}"#.to_owned(),
        headers: vec![("www-authenticate", "Basic realm=\"harbor\"".to_owned())],
    };
    bench.misbehave_once(Match::path("/v2/_catalog"), effect);
    // The embedded registry has no users here; only the logins that it received matter.
    let _ = bench.client.catalog().next().await.unwrap();
    let shown: Vec<_> = bench.asked().into_iter().map(|request| request.authorization).collect();
    assert_eq!(shown[..2], [Authorization::Bearer, Authorization::Basic]);
}

#[tokio::test]
async fn a_login_that_may_not_see_the_catalog_is_told() {
    let users = vec![User::new(USER.0, USER.1, vec![Grant::push("a/*")])];
    let bench = paged(Login::Token(TokenAccess::acr("registry.aliyuncs.com:x", users)), Some(USER)).await;
    assert!(matches!(bench.client.catalog().next().await.unwrap(), Catalog::NotOffered(_)));
}
