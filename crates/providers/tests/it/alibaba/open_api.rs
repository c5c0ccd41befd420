//! Signatures that the API accepts, kinds of refusals, and retries.

use std::sync::Arc;

use providers::alibaba::{AccessKey, Acr, ErrorKind, OpenApi};
use testkit::{AcrApi, AcrInstance};

use super::{INSTANCE, SECRET, api, endpoint, http, key, server};

async fn instance(api: OpenApi) -> Result<String, providers::alibaba::Error> {
    let found = Acr::new(api, INSTANCE.parse().unwrap()).instance().await?;
    Ok(found.map_or("none", |_| "found").to_owned())
}

async fn running() -> AcrApi {
    let server = server().await;
    server.add_instance(AcrInstance::new(INSTANCE, "test"));
    server
}

fn with(server: &AcrApi, key: AccessKey) -> OpenApi {
    OpenApi::new(http(), endpoint(server), Arc::new(key))
}

#[tokio::test]
async fn signatures_with_and_without_a_security_token() {
    let server = running().await;
    assert_eq!(instance(api(&server)).await.unwrap(), "found");
    server.add_temporary_key("STS.given", "s", "tok/en+1==");
    let temporary = AccessKey::new("STS.given", "s".into()).with_security_token("tok/en+1==".into());
    assert_eq!(instance(with(&server, temporary)).await.unwrap(), "found");
    let requests = server.requests();
    assert!(requests.iter().all(|request| request.method == "POST" && request.status == 200));
    assert!(requests.iter().all(|request| request.parameter("InstanceId") == Some(INSTANCE)));
}

#[tokio::test]
async fn an_old_gateway_gets_an_old_signature() {
    let server = running().await;
    server.refuse_acs3();
    assert_eq!(instance(api(&server)).await.unwrap(), "found");
    server.add_temporary_key("STS.given", "s", "tok/en+1==");
    let temporary = AccessKey::new("STS.given", "s".into()).with_security_token("tok/en+1==".into());
    assert_eq!(instance(with(&server, temporary.clone())).await.unwrap(), "found");
    with(&server, temporary).roa("GetAuthorizationToken", "/tokens").await.unwrap();
    let statuses: Vec<_> = server.requests().iter().map(|request| request.status).collect();
    assert_eq!(statuses, [400, 200, 400, 200, 400, 200]);
    assert!(server.requests().iter().all(|request| request.parameter("SecurityToken").is_none()));
}

#[tokio::test]
async fn refusals_have_kinds_and_no_secrets() {
    let server = running().await;
    let kind = |key: AccessKey| {
        let api = with(&server, key);
        async move { instance(api).await.unwrap_err() }
    };
    let unknown = kind(AccessKey::new("other", SECRET.into())).await;
    assert_eq!(
        (unknown.kind(), unknown.code()),
        (ErrorKind::InvalidKey, Some("InvalidAccessKeyId.NotFound"))
    );
    server.add_temporary_key("STS.given", "right", "tok/en+1==");
    let wrong = AccessKey::new("STS.given", "hunter2".into()).with_security_token("tok/en+1==".into());
    let error = kind(wrong).await;
    assert_eq!(error.kind(), ErrorKind::WrongSecret);
    let shown = format!("{error} {error:?}");
    assert!(!shown.contains("hunter2") && !shown.contains("tok/en+1=="), "{shown}");
    let without = kind(AccessKey::new("STS.given", "right".into())).await;
    assert_eq!(without.kind(), ErrorKind::ExpiredToken);
    server.deny("GetInstance");
    let denied = kind(key()).await;
    assert_eq!(denied.kind(), ErrorKind::NoPermission);
    assert!(denied.to_string().contains("REQUEST-4"), "{denied}");
    assert_eq!(server.requests().len(), 4, "nothing of this is tried again");
}

#[tokio::test]
async fn a_wrong_clock_is_told() {
    let server = running().await;
    server.set_clock_ahead(16 * 60);
    assert_eq!(instance(api(&server)).await.unwrap_err().kind(), ErrorKind::ClockSkew);
    server.set_clock_ahead(14 * 60);
    instance(api(&server)).await.unwrap();
}

#[tokio::test]
async fn throttling_and_trouble_are_tried_again_but_not_for_ever() {
    let server = running().await;
    server.fail_next("GetInstance", 1, 400, "Throttling.User");
    server.fail_next("GetInstance", 1, 503, "ServiceUnavailable");
    assert_eq!(instance(api(&server)).await.unwrap(), "found");
    assert_eq!(server.calls("GetInstance"), 3, "each try has a nonce of its own");
    server.fail_next("*", usize::MAX, 429, "Throttling");
    assert_eq!(instance(api(&server)).await.unwrap_err().kind(), ErrorKind::Throttled);
    assert_eq!(server.calls("GetInstance"), 8);
}

#[tokio::test]
async fn nobody_there_is_a_matter_of_the_network() {
    let api = {
        let server = running().await;
        api(&server)
    };
    let error = instance(api).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Network);
    assert!(error.is_retryable() && error.to_string().contains("127.0.0.1:"), "{error}");
}
