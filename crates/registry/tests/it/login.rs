//! Logins: Basic, tokens, and what happens when they are refused.

use std::time::Duration;

use embedded_registry::sample::{self, Flavour};
use embedded_registry::{
    Access as Login, Authorization, EmbeddedRegistry, Grant, LoggedRequest, TokenAccess, User,
};
use futures_util::future::join_all;
use oci::ErrorKind;
use registry::{Access, Error};

use crate::bench::{Bench, tag};

const USER: (&str, &str) = ("robot$library+mirror", "correct horse");

fn users() -> Vec<User> {
    vec![User::new(USER.0, USER.1, vec![Grant::push("library/*")])]
}

async fn bench(login: Login, as_user: Option<(&str, &str)>) -> Bench {
    let bench = Bench::start(EmbeddedRegistry::builder().access(login), as_user).await;
    sample::image(
        bench.server.store(),
        "library/app",
        Some("v1"),
        Flavour::Oci,
        &[sample::layer(1, 10)],
        "amd64",
    );
    bench
}

fn harbor() -> Login {
    Login::Token(TokenAccess::harbor(users()))
}

fn tokens(bench: &Bench) -> Vec<LoggedRequest> {
    bench.server.requests().into_iter().filter(LoggedRequest::is_token).collect()
}

#[tokio::test]
async fn basic_logins_go_with_every_request_but_the_ping() {
    let bench = bench(Login::Basic(users()), Some(USER)).await;
    let repository = bench.repository("library/app", Access::Pull);
    repository.resolve(&tag("v1")).await.unwrap().unwrap();
    let kinds: Vec<_> = bench.server.requests().into_iter().map(|request| request.authorization).collect();
    assert_eq!(kinds, [Authorization::Absent, Authorization::Basic]);
}

#[tokio::test]
async fn c76_one_token_serves_a_repository_however_many_ask_at_once() {
    let bench = bench(harbor(), Some(USER)).await;
    let repository = bench.repository("library/app", Access::PullPush);
    let asks = (0..20).map(|_| async { repository.resolve(&tag("v1")).await });
    for answer in join_all(asks).await {
        answer.unwrap().unwrap();
    }
    assert_eq!(tokens(&bench).len(), 1);
    assert_eq!(bench.server.requests().iter().filter(|request| request.is_ping()).count(), 1);
    let query = tokens(&bench)[0].query.clone().unwrap();
    assert!(query.contains("service=harbor-registry") && query.contains("pull%2Cpush"), "{query}");
}

#[tokio::test]
async fn c72_a_token_is_renewed_before_it_ends() {
    let access = TokenAccess { lifetime: Duration::from_secs(1), ..TokenAccess::harbor(users()) };
    let bench = bench(Login::Token(access), Some(USER)).await;
    let repository = bench.repository("library/app", Access::Pull);
    repository.resolve(&tag("v1")).await.unwrap().unwrap();
    tokio::time::sleep(Duration::from_millis(1100)).await;
    repository.resolve(&tag("v1")).await.unwrap().unwrap();
    assert_eq!(tokens(&bench).len(), 2);
    assert!(
        bench.asked().iter().all(|request| request.status == 200),
        "no request went out with a stale token"
    );
}

#[tokio::test]
async fn c75_a_refused_token_is_replaced_once_also_under_harbors_basic_challenge() {
    let access = TokenAccess { lifetime: Duration::from_millis(300), ..TokenAccess::harbor(users()) };
    let bench = bench(Login::Token(access), Some(USER)).await;
    let repository = bench.repository("library/app", Access::Pull);
    repository.resolve(&tag("v1")).await.unwrap().unwrap();
    // The server states "0 s", which is invalid, so the client uses the default of 60 s.
    tokio::time::sleep(Duration::from_millis(400)).await;
    repository.resolve(&tag("v1")).await.unwrap().unwrap();
    let statuses: Vec<_> = bench.asked().iter().map(|request| request.status).collect();
    assert_eq!(statuses, [200, 401, 200]);
    assert_eq!(tokens(&bench).len(), 2);
}

#[tokio::test]
async fn a_wrong_password_is_told_by_the_token_server_in_its_words() {
    let bench = bench(harbor(), Some((USER.0, "wrong"))).await;
    let error = bench.repository("library/app", Access::Pull).resolve(&tag("v1")).await.unwrap_err();
    assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Unauthorized, false));
    let Error::Token { source, .. } = &error else { panic!("{error:?}") };
    assert!(source.to_string().contains("incorrect username or password"), "{source}");
    let shown = format!("{error:?} {error} {source}");
    assert!(!shown.contains("wrong") && !shown.contains(USER.1), "{shown}");
}

#[tokio::test]
async fn c75_a_token_without_the_right_is_asked_for_once_and_then_final() {
    let service = "registry.aliyuncs.com:cn-shanghai:china:cri-test";
    let bench = bench(Login::Token(TokenAccess::acr(service, users())), Some(USER)).await;
    let error = bench.repository("other/app", Access::PullPush).start_upload().await.err().unwrap();
    assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Denied, false));
    assert!(error.to_string().contains("requested access to the resource is denied"), "{error}");
    assert_eq!((tokens(&bench).len(), bench.asked().len()), (1, 1));
}

#[tokio::test]
async fn c48_a_mount_asks_for_a_token_with_both_repositories() {
    let bench = bench(harbor(), Some(USER)).await;
    let blob = crate::bench::digest(&bench.server.store().put_blob("library/base", "bytes"));
    let repository = bench.repository("library/app", Access::PullPush);
    let start = repository.mount_or_start_upload(&blob, &"library/base".parse().unwrap()).await.unwrap();
    assert!(matches!(start, registry::Start::Mounted));
    let query = tokens(&bench)[0].query.clone().unwrap();
    assert_eq!(query.matches("scope=").count(), 2, "{query}");
}

#[tokio::test]
async fn anonymous_readers_get_tokens_too() {
    let access = TokenAccess { anonymous: vec![Grant::pull("library/*")], ..TokenAccess::harbor(users()) };
    let bench = bench(Login::Token(access), None).await;
    bench.repository("library/app", Access::Pull).resolve(&tag("v1")).await.unwrap().unwrap();
    assert_eq!(tokens(&bench)[0].authorization, Authorization::Absent);
}

#[tokio::test]
async fn c77_the_login_goes_to_the_token_server_once_and_nobody_is_tried_before() {
    let bench = bench(harbor(), Some(USER)).await;
    for name in ["library/app", "library/base"] {
        let _ = bench.repository(name, Access::Pull);
    }
    for name in ["library/app", "library/base", "library/app"] {
        bench.repository(name, Access::Pull).resolve(&tag("v1")).await.unwrap();
    }
    let logins: Vec<_> = tokens(&bench).into_iter().map(|request| request.authorization).collect();
    assert_eq!(logins, [Authorization::Basic], "docker.io counts logins by themselves");
    let anonymous = |request: &LoggedRequest| request.authorization == Authorization::Absent;
    assert!(bench.asked().iter().all(|request| !anonymous(request)), "{:?}", bench.lines());
}
