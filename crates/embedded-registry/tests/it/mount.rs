//! Mounts with particular registries' quirks.

use std::time::Duration;

use embedded_registry::{Access, Builder, EmbeddedRegistry, Grant, Mounts, RefusedBasic, TokenAccess, User};
use http::Method;

use crate::bench::{Bench, Reply, send};

const UPLOADS: &str = "/v2/a/app/blobs/uploads/";

fn builder(mounts: Mounts) -> Builder {
    EmbeddedRegistry::builder().mounts(mounts)
}

/// The answer to a mount of a blob of `a/base`, with `from` as given.
async fn mounted(bench: &Bench, from: &str) -> Reply {
    let digest = bench.server.store().put_blob("a/base", "bytes");
    bench.ask(Method::POST, &format!("{UPLOADS}?mount={digest}{from}")).await
}

#[tokio::test]
async fn mounts_are_refused_with_any_status() {
    for status in [400, 404, 405, 500] {
        let bench = Bench::start(builder(Mounts::Refused(status))).await;
        assert_eq!(mounted(&bench, "&from=a/base").await.status, status);
        assert_eq!(bench.server.store().open_uploads(), 0);
        assert_eq!(bench.ask(Method::POST, UPLOADS).await.status, 202);
    }
}

#[tokio::test]
async fn mounts_without_a_source_are_taken_declined_or_refused() {
    for (mounts, status) in
        [(Mounts::Anonymous, 201), (Mounts::Accepted, 202), (Mounts::RefusesAnonymous, 400)]
    {
        let bench = Bench::start(builder(mounts)).await;
        assert_eq!(mounted(&bench, "").await.status, status, "{mounts:?}");
        assert_eq!(mounted(&bench, "&from=a/base").await.status, 201);
    }
}

#[tokio::test]
async fn a_mount_may_need_the_right_to_pull() {
    let user = User::new("u", "p", vec![Grant::push("a/app")]);
    let access = TokenAccess {
        refused_basic: RefusedBasic::Bearer,
        lifetime: Duration::from_secs(60),
        ..TokenAccess::acr("service", vec![user])
    };
    let bench = Bench::start(builder(Mounts::NeedsPull).access(Access::Token(access))).await;
    let address = "/auth?service=service&scope=repository:a/app:pull,push";
    let token = send(bench.request(Method::GET, address).basic_auth("u", Some("p"))).await;
    let token = token.json()["token"].as_str().unwrap().to_owned();
    let digest = bench.server.store().put_blob("a/base", "bytes");
    let address = format!("{UPLOADS}?mount={digest}&from=a/base");
    let refused = send(bench.request(Method::POST, &address).bearer_auth(token)).await;
    assert_eq!(refused.status, 401);
    let challenge = refused.header("www-authenticate");
    assert!(challenge.contains("scope=\"repository:a/app:pull,push repository:a/base:pull\""), "{challenge}");
    assert!(challenge.contains("error=\"insufficient_scope\""), "{challenge}");
}
