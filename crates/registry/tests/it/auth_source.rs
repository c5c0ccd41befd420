//! Logins from sources: helpers, temporary passwords, and refusals of both.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use embedded_registry::{Access as Login, EmbeddedRegistry, Grant, LoggedRequest, TokenAccess, User};
use futures_util::future::{BoxFuture, join, join_all};
use futures_util::{FutureExt as _, stream};
use oci::{Digest, ErrorKind};
use registry::{
    Access, CredentialError, CredentialHelper, CredentialSource, Credentials, Registry, Security, Settings,
    Transport, TrustedRealm,
};
use tokio::sync::oneshot;

use crate::bench::tag;

fn registry(host: &str, login: registry::Login, trusted_realm: Option<TrustedRealm>) -> Registry {
    let settings = Settings {
        login,
        security: Security::INSECURE,
        trusted_realm,
        ..Settings::new(host.parse().unwrap())
    };
    Registry::new(settings, Transport::new("image-syncer-test/1", &[]).unwrap())
}

async fn server(access: Login) -> EmbeddedRegistry {
    let server = EmbeddedRegistry::builder().access(access).start().await.unwrap();
    server.store().put_manifest("team/app", "v1", "application/json", "{}");
    server
}

fn users(password: &str) -> Vec<User> {
    vec![User::new("robot", password, vec![Grant::pull("*")])]
}

async fn read(registry: &Registry) -> Result<(), registry::Error> {
    let repository = registry.repository(&"team/app".parse().unwrap(), Access::Pull);
    repository.resolve(&tag("v1")).await.map(|found| assert!(found.is_some()))
}

fn tokens(server: &EmbeddedRegistry) -> usize {
    server.requests().iter().filter(|request| request.is_token()).count()
}

/// Returns these passwords one after the other, and then always the last one.
struct Passwords {
    given: Vec<&'static str>,
    lifetime: Option<Duration>,
    asked: AtomicUsize,
}

impl Passwords {
    fn new(passwords: &[&'static str], lifetime: Option<Duration>) -> Arc<Self> {
        Arc::new(Self { given: passwords.to_vec(), lifetime, asked: AtomicUsize::new(0) })
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

impl CredentialSource for Passwords {
    fn credentials(&self) -> BoxFuture<'_, Result<Option<Credentials>, CredentialError>> {
        let turn = self.asked.fetch_add(1, Ordering::SeqCst).min(self.given.len() - 1);
        let credentials = Credentials::new("robot", self.given[turn].into());
        let credentials = match self.lifetime {
            Some(lifetime) => credentials.until(Some(tokio::time::Instant::now() + lifetime)),
            None => credentials,
        };
        std::future::ready(Ok(Some(credentials))).boxed()
    }
}

#[tokio::test]
async fn c81_a_password_that_ended_early_is_asked_for_anew_once() {
    for access in [Login::Token(TokenAccess::harbor(users("new"))), Login::Basic(users("new"))] {
        let server = server(access).await;
        let source = Passwords::new(&["old", "new"], None);
        let registry = registry(&server.host(), registry::Login::Source(source.clone()), None);
        read(&registry).await.unwrap();
        read(&registry).await.unwrap();
        assert_eq!(source.asked(), 2);
        let refused = server.requests().iter().filter(|request| request.status == 401).count();
        assert_eq!(refused, 2, "the ping, and the old password");
    }
}

/// Another user, once it is told to.
#[derive(Default)]
struct Successor(AtomicBool);

impl CredentialSource for Successor {
    fn credentials(&self) -> BoxFuture<'_, Result<Option<Credentials>, CredentialError>> {
        let user = if self.0.load(Ordering::SeqCst) { "new" } else { "old" };
        let credentials = Credentials::new(user, "hunter2".into()).until(Some(tokio::time::Instant::now()));
        std::future::ready(Ok(Some(credentials))).boxed()
    }
}

#[tokio::test]
async fn nobody_waits_for_an_upload_that_is_the_first_to_show_a_new_login() {
    let users = ["old", "new"].map(|user| User::new(user, "hunter2", vec![Grant::push("*")]));
    let server = server(Login::Basic(users.to_vec())).await;
    let source = Arc::new(Successor::default());
    let registry = registry(&server.host(), registry::Login::Source(source.clone()), None);
    let repository = registry.repository(&"team/app".parse().unwrap(), Access::PullPush);
    let mut session = repository.start_upload().await.unwrap();
    source.0.store(true, Ordering::SeqCst);
    let (begin, has_begun) = oneshot::channel();
    let (go_on, may_go_on) = oneshot::channel::<()>();
    let blob = Bytes::from_static(b"a blob");
    let digest = Digest::sha256(&blob);
    let body = stream::once(async move {
        begin.send(()).unwrap();
        may_go_on.await.unwrap();
        Ok(blob)
    });
    let upload = session.send(&digest, Some(6), Box::pin(body));
    // As the source of the same blob, at the same registry.
    let other = async {
        has_begun.await.unwrap();
        read(&registry).await.unwrap();
        go_on.send(()).unwrap();
    };
    let both = tokio::time::timeout(Duration::from_secs(30), Box::pin(join(upload, other)));
    both.await.expect("each waits for the other").0.unwrap();
    assert!(server.store().blob("team/app", &digest.to_string()).is_some());
}

#[tokio::test]
async fn c81_a_source_that_gives_the_same_again_is_left_alone() {
    let by_token = Login::Token(TokenAccess::harbor(users("new")));
    for access in [by_token, Login::Basic(users("new"))] {
        let server = server(access).await;
        let source = Passwords::new(&["hunter2"], None);
        let registry = registry(&server.host(), registry::Login::Source(source.clone()), None);
        for _ in 0..3 {
            let error = read(&registry).await.unwrap_err();
            assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Unauthorized, false));
            assert!(!format!("{error:?} {error}").contains("hunter2"));
        }
        assert_eq!(source.asked(), 2);
        let asked = server.requests().iter().filter(|request| !request.is_ping()).count();
        assert_eq!(asked, 1, "what was refused counts for a while");
    }
}

#[tokio::test]
async fn c81_a_login_whose_time_is_over_is_asked_for_again() {
    let server = server(Login::Basic(users("right"))).await;
    let over = Passwords::new(&["right"], Some(Duration::ZERO));
    let registry = registry(&server.host(), registry::Login::Source(over.clone()), None);
    read(&registry).await.unwrap();
    let before = over.asked();
    read(&registry).await.unwrap();
    assert_eq!(over.asked(), before + 1);
}

#[tokio::test]
async fn c75_a_basic_registry_is_not_asked_twice_without_a_password() {
    let nobody = registry::Login::Source(Arc::new(helper("password", "other.io")));
    let token = registry::Login::User(Credentials::identity_token("hunter2".into()));
    for login in [nobody, token] {
        let server = server(Login::Basic(users("right"))).await;
        let error = read(&registry(&server.host(), login, None)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unauthorized);
        assert_eq!(server.requests().iter().filter(|request| !request.is_ping()).count(), 1);
    }
}

fn helper(name: &str, server: &str) -> CredentialHelper {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    CredentialHelper::at(folder.join(format!("docker-credential-{name}")), server)
}

/// `Debug` shows only the user, so the test reads the secret itself.
async fn password(helper: &CredentialHelper) -> Option<String> {
    use secrecy::ExposeSecret as _;
    let credentials = helper.credentials().await.unwrap()?;
    Some(credentials.password().expose_secret().to_owned())
}

#[tokio::test]
async fn c80_a_helper_runs_once_however_many_wait_and_again_after_a_refusal() {
    let helper = helper("password", "r.io");
    let clone = helper.clone();
    let answers = join_all((0..8).map(async |_| password(&clone).await)).await;
    let first = answers[0].clone().unwrap();
    assert!(first.starts_with("hunter2-") && answers.iter().all(|answer| answer.as_ref() == Some(&first)));
    let credentials = helper.credentials().await.unwrap().unwrap();
    helper.refused(&credentials).await;
    assert_ne!(password(&helper).await.unwrap(), first);
    assert!(!format!("{helper:?} {credentials:?}").contains("hunter2"));
}

#[tokio::test]
async fn c80_a_helper_that_fails_later_leaves_its_password_until_it_is_refused() {
    let server = server(Login::Basic(users("hunter2"))).await;
    let folder = tempfile::tempdir().unwrap();
    let runs = folder.path().join("runs");
    let source = Arc::new(helper("once", runs.to_str().unwrap()));
    let registry = registry(&server.host(), registry::Login::Source(source.clone()), None);
    read(&registry).await.unwrap();
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(31 * 60)).await;
    tokio::time::resume();
    for _ in 0..3 {
        read(&registry).await.unwrap();
    }
    assert_eq!(std::fs::read_to_string(&runs).unwrap(), "run\n".repeat(2));
    let credentials = source.credentials().await.unwrap().unwrap();
    source.refused(&credentials).await;
    assert!(source.credentials().await.is_err());
}

#[tokio::test]
async fn c80_a_helper_that_knows_nobody_means_anonymous() {
    assert_eq!(password(&helper("password", "other.io")).await, None);
}

#[tokio::test]
async fn c74_a_helper_may_have_an_identity_token() {
    let server = server(Login::Token(TokenAccess::harbor(users("unused")))).await;
    server.add_refresh_token("hunter2", "robot");
    let source = Arc::new(helper("token", "r.io"));
    read(&registry(&server.host(), registry::Login::Source(source), None)).await.unwrap();
    assert_eq!(server.token_requests()[0].grant_type.as_deref(), Some("refresh_token"));
}

#[tokio::test]
async fn c82_what_a_failing_helper_says_is_not_repeated() {
    let error = helper("broken", "r.io").credentials().await.unwrap_err();
    let shown = format!("{error:?} {error}");
    assert!(!shown.contains("hunter2"), "{shown}");
    assert!(shown.contains("exit status: 3") && shown.contains("docker-credential-broken get"), "{shown}");
}

#[tokio::test]
async fn c80_a_helper_that_is_stuck_is_killed_and_gone() {
    let helper = helper("stuck", "r.io").timeout(Duration::from_millis(200));
    let error = helper.credentials().await.unwrap_err();
    assert!(error.reason.contains("no answer within"), "{error}");
    // No child is left, not even as a zombie: no `sleep 600` has this process as its parent.
    let us = std::process::id().to_string();
    let stuck = std::fs::read_dir("/proc").unwrap().flatten().filter(|process| {
        let status = std::fs::read_to_string(process.path().join("stat")).unwrap_or_default();
        let is_ours = status.rsplit_once(") ").and_then(|(_, rest)| rest.split(' ').nth(1)) == Some(&us);
        is_ours && status.contains("(sleep)")
    });
    assert_eq!(stuck.count(), 0);
}

/// An open registry whose ping asks for a login at another host: `localhost` differs from `127.0.0.1`.
async fn elsewhere(token_server: &EmbeddedRegistry) -> (EmbeddedRegistry, String) {
    let server = server(Login::Open).await;
    let realm = format!("http://localhost:{}", token_server.address().port());
    let challenge = format!("Bearer realm=\"{realm}/service/token\",service=\"harbor-registry\"");
    let headers = vec![("www-authenticate", challenge)];
    server.misbehave(embedded_registry::Fault {
        when: embedded_registry::Match::get("/v2/"),
        times: embedded_registry::Times::First(1),
        effect: embedded_registry::Effect::Status { code: 401, body: String::new(), headers },
    });
    (server, realm)
}

fn robot() -> registry::Login {
    registry::Login::User(Credentials::new("robot", "hunter2".into()))
}

#[tokio::test]
async fn c78_a_plain_realm_elsewhere_gets_nothing_unless_it_is_named() {
    let token_server = server(Login::Token(TokenAccess::harbor(users("hunter2")))).await;
    let (server, _) = elsewhere(&token_server).await;
    let error = read(&registry(&server.host(), robot(), None)).await.unwrap_err();
    assert!(matches!(error, registry::Error::RealmNotTrusted { .. }), "{error:?}");
    assert!(token_server.requests().is_empty() && !format!("{error:?}").contains("hunter2"));

    for (named, is_trusted) in [("https://localhost", false), ("http://localhost:1", false), ("", true)] {
        let (server, realm) = elsewhere(&token_server).await;
        let named = if named.is_empty() { realm } else { named.to_owned() };
        let answer = read(&registry(&server.host(), robot(), Some(named.parse().unwrap()))).await;
        assert_eq!((answer.is_ok(), tokens(&token_server) == 1), (is_trusted, is_trusted), "{named}");
    }
}

#[tokio::test]
async fn c78_a_token_server_may_not_send_the_login_elsewhere() {
    let other = server(Login::Token(TokenAccess::harbor(users("hunter2")))).await;
    for (target, is_followed) in [
        ("/service/token?service=harbor-registry&moved=1".to_owned(), true),
        (format!("http://{}/service/token", other.host()), false),
    ] {
        let server = server(Login::Token(TokenAccess::harbor(users("hunter2")))).await;
        server.misbehave(embedded_registry::Fault {
            when: embedded_registry::Match::get("/service/token"),
            times: embedded_registry::Times::First(1),
            effect: embedded_registry::Effect::Redirect(target),
        });
        let answer = read(&registry(&server.host(), robot(), None)).await;
        let asked = server.requests().into_iter().filter(LoggedRequest::is_token).count();
        assert_eq!(answer.is_ok(), is_followed, "{answer:?}");
        // The redirected address has no scope, so its token has no right and is replaced.
        assert_eq!(asked, if is_followed { 3 } else { 1 });
    }
    assert!(other.requests().is_empty());
}
