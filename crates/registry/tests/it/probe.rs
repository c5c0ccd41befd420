//! The requests of a check before a run, which leave nothing at the registry.

use embedded_registry::{Access as Login, EmbeddedRegistry, Fault, Grant as Right, Match, TokenAccess, User};
use http::Method;
use oci::{Digest, ErrorKind};
use registry::{Access, BlobPlace, Face, Grant, PushTrial, WantsLogin};

use crate::bench::{Bench, client};

const ROBOT: (&str, &str) = ("robot", "hunter2");

async fn acr(rights: Vec<Right>) -> Bench {
    let users = vec![User::new(ROBOT.0, ROBOT.1, rights)];
    let access = TokenAccess::acr("registry.aliyuncs.com:cn-shanghai:china:cri-test", users);
    Bench::start(EmbeddedRegistry::builder().access(Login::Token(access)), Some(ROBOT)).await
}

#[tokio::test]
async fn a_ping_tells_what_answers() {
    let open = Bench::open().await;
    let ping = open.client.ping().await.unwrap();
    assert_eq!((ping.face, ping.wants_login), (Face::Registry, WantsLogin::No));
    let closed = acr(vec![]).await;
    let ping = closed.client.ping().await.unwrap();
    assert_eq!((ping.face, ping.wants_login), (Face::Registry, WantsLogin::Yes));
    assert!(closed.asked().is_empty() && closed.server.token_requests().is_empty());
}

#[tokio::test]
async fn c72_a_login_is_tried_without_any_repository() {
    let bench = acr(vec![]).await;
    bench.client.try_login().await.unwrap();
    let error = client(&bench.server.host(), Some(("robot", "wrong"))).try_login().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthorized, "{error}");
    assert!(!format!("{error:?}").contains("wrong"));
    assert!(bench.asked().is_empty());
}

#[tokio::test]
async fn c75_a_grant_tells_what_is_missing() {
    let bench = acr(vec![Right::pull("read/*"), Right::push("write/*")]).await;
    let missing = async |name: &str| match bench.repository(name, Access::PullPush).grant().await.unwrap() {
        Grant::Told { missing } => missing.join(","),
        other => format!("{other:?}"),
    };
    assert_eq!(missing("write/app").await, "");
    assert_eq!(missing("read/app").await, "push");
    assert_eq!(missing("other/app").await, "pull,push");
    let open = Bench::open().await;
    assert_eq!(open.repository("a/b", Access::PullPush).grant().await.unwrap(), Grant::NoToken);
}

#[tokio::test]
async fn a_trial_push_cancels_what_it_begins() {
    let bench = Bench::open().await;
    let trial = bench.client.try_push(&"a/b".parse().unwrap()).await.unwrap();
    assert_eq!(trial, PushTrial::Cancelled);
    let asked: Vec<_> = bench.asked().iter().map(|request| request.method.clone()).collect();
    assert_eq!(asked, [Method::POST, Method::DELETE]);
}

#[tokio::test]
async fn a_trial_push_begins_nothing_that_it_may_not_cancel() {
    let bench = acr(vec![Right::push("write/*"), Right::pull("read/*")]).await;
    let trial = bench.client.try_push(&"write/app".parse().unwrap()).await.unwrap();
    assert_eq!(trial, PushTrial::Asked);
    let refused = bench.client.try_push(&"read/app".parse().unwrap()).await.unwrap_err();
    assert!(matches!(refused.kind(), ErrorKind::Unauthorized | ErrorKind::Denied), "{refused}");
    assert!(bench.asked().iter().all(|request| request.method == Method::PATCH), "{:?}", bench.lines());
}

#[tokio::test]
async fn a_trial_push_tells_where_it_cannot_cancel() {
    let bench = Bench::open().await;
    let refuse = embedded_registry::Effect::refuse(405, "UNSUPPORTED", "no DELETE here");
    bench.server.misbehave(Fault {
        when: Match::new(Method::DELETE, "/uploads/"),
        times: embedded_registry::Times::Always,
        effect: refuse,
    });
    let trial = bench.client.try_push(&"a/b".parse().unwrap()).await.unwrap();
    assert_eq!(trial, PushTrial::Kept);
}

#[tokio::test]
async fn c27_a_blobs_place_is_found_behind_the_redirect() {
    let storage = Bench::open().await;
    let base = format!("http://{}/v2/kept/blobs", storage.server.host());
    let bench = Bench::start(EmbeddedRegistry::builder().blob_redirect(base), None).await;
    let digest = Digest::sha256(b"blob");
    for bench in [&storage, &bench] {
        bench.server.store().put_blob("kept", "blob");
    }
    let place = async |bench: &Bench, digest: &Digest| {
        bench.repository("kept", Access::Pull).locate_blob(digest).await.unwrap()
    };
    assert_eq!(place(&storage, &digest).await, BlobPlace::Registry);
    assert_eq!(place(&bench, &digest).await, BlobPlace::Storage(storage.server.host()));
    assert_eq!(place(&storage, &Digest::sha256(b"other")).await, BlobPlace::Nowhere);
}
