//! Token requests: their number, their grants, and their scopes.

use std::time::Duration;

use embedded_registry::{
    Access as Login, Authorization, Effect, EmbeddedRegistry, Fault, Grant, Match, RefusedBasic, ScopePolicy,
    Times, TokenAccess, TokenAnswers, TokenForm, TokenMethods, TokenRequest, User,
};
use futures_util::future::join_all;
use http::Method;
use oci::ErrorKind;
use registry::{Access, Credentials, Registry, Security, Settings, Transport};

use crate::bench::{Bench, tag};

const USER: (&str, &str) = ("robot", "hunter2");
/// The most repositories that share a token.
const CAP: usize = 8;

fn token_access() -> TokenAccess {
    let user = User::new(USER.0, USER.1, vec![Grant::push("team/*")]);
    TokenAccess { refused_basic: RefusedBasic::Bearer, ..TokenAccess::harbor(vec![user]) }
}

async fn bench(access: TokenAccess) -> Bench {
    let bench = Bench::start(EmbeddedRegistry::builder().access(Login::Token(access)), Some(USER)).await;
    for number in 0..20 {
        bench.server.store().put_manifest(&name(number), "v1", "application/json", "{}");
    }
    bench
}

fn name(number: usize) -> String {
    format!("team/app-{number}")
}

/// A client with another login.
fn client(bench: &Bench, login: registry::Login) -> Registry {
    let settings = Settings {
        login,
        security: Security::INSECURE,
        ..Settings::new(bench.server.host().parse().unwrap())
    };
    Registry::new(settings, Transport::new("image-syncer-test/1", &[]).unwrap())
}

async fn read(registry: &Registry, name: &str) -> Result<(), registry::Error> {
    let repository = registry.repository(&name.parse().unwrap(), Access::Pull);
    repository.resolve(&tag("v1")).await.map(|found| assert!(found.is_some()))
}

fn fetched(bench: &Bench) -> Vec<TokenRequest> {
    bench.server.token_requests()
}

fn statuses(bench: &Bench) -> Vec<u16> {
    bench.asked().iter().map(|request| request.status).collect()
}

/// Method, grant type and status of each token request.
fn shapes(bench: &Bench) -> Vec<(Method, String, u16)> {
    let shape =
        |request: TokenRequest| (request.method, request.grant_type.unwrap_or_default(), request.status);
    fetched(bench).into_iter().map(shape).collect()
}

fn shape(method: Method, grant: &str, status: u16) -> (Method, String, u16) {
    (method, grant.to_owned(), status)
}

#[tokio::test]
async fn c76_repositories_that_are_announced_share_tokens() {
    let bench = bench(token_access()).await;
    (0..20).for_each(|number| bench.client.announce(&name(number).parse().unwrap(), Access::Pull));
    for number in 0..20 {
        read(&bench.client, &name(number)).await.unwrap();
    }
    assert_eq!(fetched(&bench).len(), 20_usize.div_ceil(CAP));
    assert!(fetched(&bench).iter().all(|request| request.scopes.len() <= CAP));
    assert!(statuses(&bench).iter().all(|status| *status == 200));
}

#[tokio::test]
async fn c76_many_at_once_share_tokens_and_wait_for_each_other() {
    let bench = bench(token_access()).await;
    let all: Vec<_> = (0..20).map(|number| bench.repository(&name(number), Access::Pull)).collect();
    let answers = join_all(all.iter().map(async |repository| repository.resolve(&tag("v1")).await)).await;
    assert!(answers.into_iter().all(|answer| answer.unwrap().is_some()));
    assert_eq!(fetched(&bench).len(), 20_usize.div_ceil(CAP));
}

#[tokio::test]
async fn c76_nobody_asks_more_often_for_what_comes_one_by_one() {
    let bench = bench(token_access()).await;
    for round in 0..2 {
        for number in 0..4 {
            read(&bench.client, &name(number)).await.unwrap();
        }
        assert_eq!(fetched(&bench).len(), 4, "round {round}");
    }
}

#[tokio::test]
async fn c48_c76_mounts_between_repositories_of_a_token_need_no_other() {
    let bench = bench(token_access()).await;
    let blob = crate::bench::digest(&bench.server.store().put_blob(&name(1), "bytes"));
    let targets: Vec<_> = (0..4).map(|number| bench.repository(&name(number), Access::PullPush)).collect();
    for target in &targets {
        target.mount_or_start_upload(&blob, &name(1).parse().unwrap()).await.unwrap();
    }
    assert_eq!(fetched(&bench).len(), 1);
}

#[tokio::test]
async fn c75_a_server_that_looks_at_the_first_scope_only_gets_one_at_a_time() {
    for form in [TokenForm::Jwt, TokenForm::Opaque] {
        let bench = bench(TokenAccess { scopes: ScopePolicy::FirstOnly, form, ..token_access() }).await;
        (0..6).for_each(|number| bench.client.announce(&name(number).parse().unwrap(), Access::Pull));
        for number in 0..6 {
            read(&bench.client, &name(number)).await.unwrap();
        }
        let counts: Vec<_> = fetched(&bench).iter().map(|request| request.scopes.len()).collect();
        // The first token serves the first repository; the second repository shows that sharing fails.
        assert_eq!(counts, [6, 1, 1, 1, 1, 1], "{form:?}");
        let refused = statuses(&bench).iter().filter(|status| **status == 401).count();
        assert_eq!(refused, usize::from(form == TokenForm::Opaque), "{form:?}");
    }
}

#[tokio::test]
async fn c76_a_server_that_refuses_unknown_scopes_gets_one_at_a_time() {
    let bench = bench(TokenAccess { scopes: ScopePolicy::AllOrNothing, ..token_access() }).await;
    bench.client.announce(&"foreign/app".parse().unwrap(), Access::Pull);
    for number in 0..3 {
        read(&bench.client, &name(number)).await.unwrap();
    }
    let statuses: Vec<_> =
        fetched(&bench).iter().map(|request| (request.scopes.len(), request.status)).collect();
    assert_eq!(statuses, [(2, 403), (1, 200), (1, 200), (1, 200)]);
    let error = read(&bench.client, "foreign/app").await.unwrap_err();
    assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Denied, false));
}

#[tokio::test]
async fn c75_a_missing_right_takes_nothing_from_the_others() {
    let bench = bench(token_access()).await;
    bench.client.announce(&"foreign/app".parse().unwrap(), Access::Pull);
    bench.client.announce(&name(1).parse().unwrap(), Access::Pull);
    for _ in 0..3 {
        let error = read(&bench.client, "foreign/app").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unauthorized);
        read(&bench.client, &name(1)).await.unwrap();
    }
    // Once for both together, and once alone.
    let counts: Vec<_> = fetched(&bench).iter().map(|request| request.scopes.len()).collect();
    assert_eq!(counts, [2, 1]);
    assert_eq!(statuses(&bench), [401, 200, 401, 200, 401, 200]);
}

#[tokio::test]
async fn c75_insufficient_scope_asks_once_for_what_the_challenge_names() {
    let bench = bench(token_access()).await;
    let challenge = format!(
        "Bearer realm=\"http://{}/service/token\",service=\"harbor-registry\",scope=\"repository:team/app-1:delete,pull\",error=\"insufficient_scope\"",
        bench.server.host()
    );
    let headers = vec![("www-authenticate", challenge)];
    let refuse = || Effect::Status { code: 401, body: String::new(), headers: headers.clone() };
    bench.misbehave_once(Match::path("/manifests/"), refuse());
    read(&bench.client, &name(1)).await.unwrap();
    let asked: Vec<_> = fetched(&bench).into_iter().map(|request| request.scopes).collect();
    assert_eq!(asked, [vec!["repository:team/app-1:pull"], vec!["repository:team/app-1:delete,pull"]]);
    // From now on it is known; if a token with the named scope is still refused, that is final.
    bench.misbehave(Match::path("/manifests/"), refuse());
    assert_eq!(read(&bench.client, &name(1)).await.unwrap_err().kind(), ErrorKind::Unauthorized);
    assert_eq!((fetched(&bench).len(), statuses(&bench)), (2, vec![401, 200, 401]));
}

#[tokio::test]
async fn c75_a_project_that_was_made_anew_gets_a_new_token_once() {
    let bench = bench(TokenAccess { refused_basic: RefusedBasic::Harbor, ..token_access() }).await;
    read(&bench.client, &name(1)).await.unwrap();
    bench.server.revoke_tokens();
    read(&bench.client, &name(1)).await.unwrap();
    assert_eq!((fetched(&bench).len(), statuses(&bench)), (2, vec![200, 401, 200]));
    // A denial is not retried.
    for _ in 0..3 {
        assert_eq!(read(&bench.client, "foreign/app").await.unwrap_err().kind(), ErrorKind::Unauthorized);
    }
    assert!(fetched(&bench).len() <= 5, "{:?}", fetched(&bench));
}

#[tokio::test]
async fn c71_c75_an_empty_challenge_is_final() {
    let bench = bench(token_access()).await;
    let headers = vec![("www-authenticate", String::new())];
    let effect = Effect::Status { code: 401, body: String::new(), headers };
    bench.misbehave(Match::path("/manifests/"), effect);
    assert_eq!(read(&bench.client, &name(1)).await.unwrap_err().kind(), ErrorKind::Unauthorized);
    assert!(bench.asked().len() <= 2);
}

#[tokio::test]
async fn c73_passwords_go_by_post_where_get_is_refused_and_it_is_remembered() {
    let bench = bench(TokenAccess { methods: TokenMethods::Post, ..token_access() }).await;
    read(&bench.client, &name(1)).await.unwrap();
    read(&bench.client, &name(2)).await.unwrap();
    let post = shape(Method::POST, "password", 200);
    assert_eq!(shapes(&bench), [shape(Method::GET, "", 405), post.clone(), post]);
    assert_eq!(fetched(&bench)[1].client_id.as_deref(), Some("image-syncer"));
    assert_eq!(fetched(&bench)[2].scopes, ["repository:team/app-1:pull", "repository:team/app-2:pull"]);
}

#[tokio::test]
async fn c73_the_first_refusal_is_told_where_no_grant_is_taken() {
    let bench = bench(TokenAccess { service: "harbor-registry".to_owned(), ..token_access() }).await;
    let refuse = Effect::refuse(400, "BAD_REQUEST", "no such service");
    bench.misbehave(Match::get("/service/token"), refuse);
    bench.misbehave(Match::post("/service/token"), Effect::refuse(404, "", ""));
    let error = read(&bench.client, &name(1)).await.unwrap_err();
    let registry::Error::Token { source, .. } = &error else { panic!("{error:?}") };
    assert!(source.to_string().contains("no such service"), "{source}");
    assert!(!format!("{error:?}").contains(USER.1));
}

#[tokio::test]
async fn c73_a_refresh_token_from_an_answer_is_used_and_replaced() {
    let bench = bench(TokenAccess { answers: TokenAnswers::RefreshToken, ..token_access() }).await;
    for number in 0..3 {
        read(&bench.client, &name(number)).await.unwrap();
    }
    let refreshed = shape(Method::POST, "refresh_token", 200);
    assert_eq!(shapes(&bench), [shape(Method::GET, "", 200), refreshed.clone(), refreshed]);
}

#[tokio::test]
async fn c73_a_refresh_token_that_is_over_falls_back_to_the_password() {
    let bench = bench(TokenAccess { answers: TokenAnswers::RefreshToken, ..token_access() }).await;
    read(&bench.client, &name(0)).await.unwrap();
    bench.misbehave_once(Match::post("/service/token"), Effect::refuse(400, "", "invalid_grant"));
    read(&bench.client, &name(1)).await.unwrap();
    let tokens = bench.server.requests().into_iter().filter(embedded_registry::LoggedRequest::is_token);
    let methods: Vec<_> = tokens.map(|request| (request.method, request.status)).collect();
    assert_eq!(methods, [(Method::GET, 200), (Method::POST, 400), (Method::GET, 200)]);
}

#[tokio::test]
async fn p17_who_gives_refresh_tokens_and_does_not_understand_them_is_asked_as_before() {
    let html = Effect::Status { code: 200, body: "<html>".to_owned(), headers: vec![] };
    let refusals = [404, 405, 415, 422, 500, 501, 503].map(Effect::html);
    for effect in refusals.into_iter().chain([html]) {
        let bench = bench(TokenAccess { answers: TokenAnswers::RefreshToken, ..token_access() }).await;
        bench.misbehave(Match::post("/service/token"), effect.clone());
        for number in 0..4 {
            read(&bench.client, &name(number)).await.unwrap();
        }
        let tokens = bench.server.requests().into_iter().filter(embedded_registry::LoggedRequest::is_token);
        let methods: Vec<_> = tokens.map(|request| request.method).collect();
        let expected = [Method::GET, Method::POST, Method::GET, Method::GET, Method::GET];
        assert_eq!(methods, expected, "once is enough to know: {effect:?}");
    }
}

#[tokio::test]
async fn c74_an_identity_token_goes_by_post_and_never_as_a_password() {
    let bench = bench(token_access()).await;
    bench.server.add_refresh_token("hunter2-identity", USER.0);
    let credentials = Credentials::identity_token("hunter2-identity".into());
    let registry = client(&bench, registry::Login::User(credentials));
    read(&registry, &name(1)).await.unwrap();
    assert_eq!(shapes(&bench), [shape(Method::POST, "refresh_token", 200)]);
    let logins: Vec<_> = bench.server.requests().iter().map(|request| request.authorization).collect();
    assert!(!logins.contains(&Authorization::Basic), "{logins:?}");

    let wrong = Credentials::identity_token("hunter2-wrong".into());
    let error = read(&client(&bench, registry::Login::User(wrong)), &name(1)).await.unwrap_err();
    assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Unauthorized, false));
    assert!(!format!("{error:?} {error}").contains("hunter2"));
}

#[tokio::test]
async fn c74_a_registry_token_is_used_as_it_is() {
    let bench = bench(token_access()).await;
    let token = Credentials::registry_token("hunter2-bearer".into());
    let error = read(&client(&bench, registry::Login::User(token)), &name(1)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthorized);
    assert_eq!(
        bench.asked().iter().map(|request| request.authorization).collect::<Vec<_>>(),
        [Authorization::Bearer]
    );
    assert!(fetched(&bench).is_empty() && !format!("{error:?}").contains("hunter2"));
}

#[tokio::test]
async fn c72_access_token_alone_is_an_answer() {
    let bench = bench(TokenAccess { answers: TokenAnswers::AccessTokenOnly, ..token_access() }).await;
    read(&bench.client, &name(1)).await.unwrap();
    read(&bench.client, &name(1)).await.unwrap();
    assert_eq!(fetched(&bench).len(), 1);
}

#[tokio::test]
async fn c76_trouble_at_the_token_server_is_worth_another_try_by_the_caller() {
    let busy =
        Effect::Status { code: 429, body: String::new(), headers: vec![("retry-after", "7".to_owned())] };
    for (effect, kind, wait) in [
        (busy, ErrorKind::RateLimited, Some(Duration::from_secs(7))),
        (Effect::refuse(503, "", "busy"), ErrorKind::Unavailable, None),
        (Effect::DropConnection, ErrorKind::Network, None),
    ] {
        let bench = bench(token_access()).await;
        (0..3).for_each(|number| bench.client.announce(&name(number).parse().unwrap(), Access::Pull));
        let when = Match::path("/service/token");
        bench.server.misbehave(Fault { when, times: Times::First(2), effect });
        for _ in 0..2 {
            let error = read(&bench.client, &name(1)).await.unwrap_err();
            assert_eq!((error.kind(), error.is_retryable(), error.retry_after()), (kind, true, wait));
        }
        read(&bench.client, &name(1)).await.unwrap();
        // Trouble of the token server says nothing about sharing.
        let last = fetched(&bench).pop().unwrap();
        assert_eq!((last.scopes.len(), last.status), (3, 200));
    }
}
