//! Logins for registries: learned from the challenge, renewed in time.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, ready};
use http::Method;
use http::header::AUTHORIZATION;
use providers::alibaba::{AcrLogin, AcrLoginSettings, Error, ServiceSource};
use registry::{CredentialSource as _, Credentials, HostRequest, Transport};
use secrecy::ExposeSecret as _;
use testkit::{AcrApi, AcrInstance, TokenServer};

use super::{INSTANCE, endpoint, http, key, server};

const SERVICE: &str = "registry.aliyuncs.com:cn-shanghai:china:cri-test";

/// A registry with this service name.
struct Named(&'static str);

impl ServiceSource for Named {
    fn service(&self) -> BoxFuture<'_, Result<String, Error>> {
        ready(Ok(self.0.to_owned())).boxed()
    }
}

fn settings(server: &AcrApi) -> AcrLoginSettings {
    of(server, SERVICE)
}

/// The login of a registry with the service name `service`.
fn of(server: &AcrApi, service: &'static str) -> AcrLoginSettings {
    AcrLoginSettings {
        host: "mirror.example.com".parse().unwrap(),
        instance: None,
        region: None,
        endpoint: Some(endpoint(server)),
        keys: Arc::new(key()),
        service: Arc::new(Named(service)),
    }
}

async fn enterprise() -> AcrApi {
    let server = server().await;
    server.add_instance(AcrInstance::new(INSTANCE, "test"));
    server
}

#[tokio::test]
async fn the_challenge_says_which_instance() {
    let server = enterprise().await;
    let login = AcrLogin::new(http(), settings(&server));
    let credentials = login.credentials().await.unwrap().unwrap();
    assert_eq!(credentials.user(), "cr_temp_user");
    assert_eq!(login.instance().await.unwrap().unwrap().as_str(), INSTANCE);
    let asked: Vec<_> = server.requests().into_iter().map(|request| request.action).collect();
    assert_eq!(asked, ["GetAuthorizationToken"]);
    login.credentials().await.unwrap();
    assert_eq!(server.requests().len(), 1, "an hour's login is kept");
    for secret in server.secrets() {
        assert!(!format!("{credentials:?}").contains(&secret));
    }
}

#[tokio::test]
async fn an_instance_that_is_given_needs_no_challenge() {
    let server = enterprise().await;
    let settings = AcrLoginSettings { instance: Some(INSTANCE.parse().unwrap()), ..of(&server, "not asked") };
    AcrLogin::new(http(), settings).credentials().await.unwrap().unwrap();
}

#[tokio::test]
async fn the_personal_edition_has_another_api() {
    let server = server().await;
    let settings = || of(&server, "registry.aliyuncs.com:cn-hangzhou:26842");
    let login = AcrLogin::new(http(), settings());
    assert_eq!(login.credentials().await.unwrap().unwrap().user(), "cr_temp_user");
    assert_eq!(login.instance().await.unwrap(), None);
    let last = server.requests().pop().unwrap();
    assert_eq!((last.method.as_str(), last.path.as_str()), ("GET", "/tokens"));
    server.fail_next("*", 1, 404, "USER_NOT_EXIST");
    let error = AcrLogin::new(http(), settings()).credentials().await.unwrap_err().to_string();
    assert!(error.contains("USER_NOT_EXIST") && error.contains("REQUEST-"), "{error}");
}

#[tokio::test]
async fn logins_are_renewed_before_their_end() {
    let server = enterprise().await;
    let users = TokenServer::acr(Vec::new(), SERVICE).await.unwrap();
    server.hand_out_logins_for(&users, &["pull", "push"]);
    server.set_login_lifetime(Duration::from_secs(299));
    let login = AcrLogin::new(http(), settings(&server));
    let first = login.credentials().await.unwrap().unwrap();
    assert!(first.is_fresh());
    login.credentials().await.unwrap();
    assert_eq!(server.calls("GetAuthorizationToken"), 1, "five minutes are used, too");
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(240)).await;
    tokio::time::resume();
    assert!(!first.is_fresh());
    let second = login.credentials().await.unwrap().unwrap();
    assert_ne!(first.password().expose_secret(), second.password().expose_secret());
    assert_eq!(server.calls("GetAuthorizationToken"), 2);
    let status = |password: String| {
        let url = format!("{}?service={SERVICE}&scope=repository:a/b:pull", users.realm());
        let credentials = Credentials::new("cr_temp_user", password.into());
        let request = HostRequest::new(Method::GET, url.parse().unwrap())
            .header(AUTHORIZATION, credentials.password_header().unwrap());
        let client = Transport::new("image-syncer/test", &[]).unwrap().host_client().unwrap();
        async move { client.ask(&request).await.unwrap().status.as_u16() }
    };
    assert_eq!(status(second.password().expose_secret().to_owned()).await, 200);
    users.remove_user("cr_temp_user");
    assert_eq!(status(second.password().expose_secret().to_owned()).await, 401);
}

#[tokio::test]
async fn many_who_share_a_login_ask_once() {
    let server = enterprise().await;
    let login = Arc::new(AcrLogin::new(http(), settings(&server)));
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let login = Arc::clone(&login);
            tokio::spawn(async move { login.credentials().await.unwrap().is_some() })
        })
        .collect();
    for task in tasks {
        assert!(task.await.unwrap());
    }
    assert_eq!(server.calls("GetAuthorizationToken"), 1);
}

#[tokio::test]
async fn what_is_not_alibabas_is_told() {
    let server = server().await;
    let login = AcrLogin::new(http(), of(&server, "harbor-registry"));
    let error = login.credentials().await.unwrap_err().to_string();
    assert!(error.contains("mirror.example.com") && error.contains("`harbor-registry`"), "{error}");
    assert_eq!(server.calls("GetAuthorizationToken"), 0);
}

#[tokio::test]
async fn refusals_reach_the_reader_without_secrets() {
    let server = enterprise().await;
    server.deny("GetAuthorizationToken");
    let error = AcrLogin::new(http(), settings(&server)).credentials().await.unwrap_err();
    let shown = format!("{error} {error:?}");
    assert!(shown.contains("NoPermission") && shown.contains("REQUEST-1"), "{shown}");
    assert!(!shown.contains(super::SECRET));
}
