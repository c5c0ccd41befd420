//! The credential store or token service does not answer: all requests that wait for it share one failure.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use embedded_registry::sample::{self, Flavour};
use embedded_registry::{
    Access, Authorization, Effect, EmbeddedRegistry, Fault, Grant, LoggedRequest, Match, Times, TokenAccess,
    User,
};
use endpoints::RegistryEndpoint;
use oci::{ErrorKind, TagOrDigest};
use registry::{CredentialHelper, Credentials, Login, Patience, Registry, Security, Settings, Transport};
use sync::endpoint::Scope;
use sync::{Naming, Rule, RuleTarget, Selection};

use crate::engine::{client, count, run};
use crate::whole_report::WholeReport;

const IMAGES: usize = 8;
const RETRIES: u32 = 1;
/// Longer than the first wait between two tries, so that all requests that failed together retry together.
const PATIENCE: Duration = Duration::from_secs(2);

fn users() -> Vec<User> {
    vec![User::new("robot", "secret", vec![Grant::pull("*")])]
}

async fn source(access: Access) -> EmbeddedRegistry {
    let source = EmbeddedRegistry::builder().access(access).start().await.unwrap();
    for number in 0..IMAGES {
        let layers = [sample::layer(number as u64, 1000)];
        let (repository, tag) = (format!("a/app-{}", number % 2), format!("v{number}"));
        sample::image(source.store(), &repository, Some(&tag), Flavour::Oci, &layers, "amd64");
    }
    source
}

fn with_login(server: &EmbeddedRegistry, login: Login) -> Registry {
    let patience = Patience { answer: PATIENCE, ..Patience::default() };
    let host = server.host().parse().unwrap();
    let settings = Settings { login, security: Security::INSECURE, patience, ..Settings::new(host) };
    Registry::new(settings, Transport::new("test", &[]).unwrap())
}

/// Copies each image with its own rule.
async fn copy(source: &Registry, target: &EmbeddedRegistry) -> WholeReport {
    let target = client(target);
    let rules = (0..IMAGES).map(|number| {
        let (name, tag) = (format!("a/app-{}", number % 2), format!("v{number}"));
        Rule {
            source: Arc::new(RegistryEndpoint::source(source, &name.parse().unwrap())),
            selection: Selection::These(vec![TagOrDigest::Tag(tag.parse().unwrap())]),
            targets: vec![RuleTarget {
                target: Arc::new(RegistryEndpoint::target(&target, &name.parse().unwrap())),
                naming: Naming::Same,
            }],
            policy: Arc::default(),
        }
    });
    run(rules.collect(), RETRIES).await
}

fn assert_all_failed(report: &WholeReport, kind: ErrorKind, scope: Scope) {
    let errors = report.errors().map(|error| error.endpoint().map(|error| (error.kind, error.scope)));
    assert_eq!(errors.collect::<Vec<_>>(), vec![Some((kind, scope)); IMAGES]);
}

/// A file that does not exist yet, named after a test.
fn fresh_file(test: &str) -> PathBuf {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{test}-{}", std::process::id()));
    let _ = std::fs::remove_file(&file);
    file
}

#[tokio::test]
async fn e9_a_helper_that_hangs_runs_as_often_as_retries_say_and_not_for_each_image() {
    let (source, target) = (source(Access::Basic(users())).await, EmbeddedRegistry::builder().start().await);
    let runs = fresh_file("e9_helper");
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/docker-credential-stuck");
    let helper = CredentialHelper::at(program, runs.to_str().unwrap()).timeout(PATIENCE);
    let report = copy(&with_login(&source, Login::Source(Arc::new(helper))), &target.unwrap()).await;
    assert_all_failed(&report, ErrorKind::Unavailable, Scope::Login);
    let lines = std::fs::read_to_string(&runs).unwrap();
    std::fs::remove_file(&runs).unwrap();
    assert_eq!(lines.lines().count(), 1 + RETRIES as usize);
}

#[tokio::test]
async fn e9_a_token_server_that_hangs_is_asked_as_often_as_retries_say_and_not_for_each_image() {
    let access = Access::Token(TokenAccess::harbor(users()));
    let (source, target) = (source(access).await, EmbeddedRegistry::builder().start().await);
    let when = Match::path("/service/token");
    source.misbehave(Fault { when, times: Times::Always, effect: Effect::Hang });
    let login = Login::User(Credentials::new("robot", "secret".into()));
    let report = copy(&with_login(&source, login), &target.unwrap()).await;
    assert_all_failed(&report, ErrorKind::Stalled, Scope::Store);
    assert_eq!(count(&source, LoggedRequest::is_token), 1 + RETRIES as usize);
}

#[tokio::test]
async fn e9_a_password_that_the_token_server_refuses_is_shown_once() {
    let access = Access::Token(TokenAccess::harbor(users()));
    let (source, target) = (source(access).await, EmbeddedRegistry::builder().start().await);
    let login = Login::User(Credentials::new("robot", "wrong".into()));
    let report = copy(&with_login(&source, login), &target.unwrap()).await;
    assert_all_failed(&report, ErrorKind::Unauthorized, Scope::Login);
    let asked = source.token_requests().iter().map(|request| request.scopes.clone()).collect::<Vec<_>>();
    assert!(asked.len() <= 3, "once for both repositories, and once for each: {asked:?}");
}

/// How many requests had a login.
fn logins_shown(source: &EmbeddedRegistry) -> usize {
    count(source, |request| request.authorization == Authorization::Basic)
}

#[tokio::test]
async fn a_password_that_a_registry_without_tokens_refuses_is_shown_to_one_image_and_to_its_root() {
    let (source, target) = (source(Access::Basic(users())).await, EmbeddedRegistry::builder().start().await);
    let login = Login::User(Credentials::new("robot", "wrong".into()));
    let report = copy(&with_login(&source, login), &target.unwrap()).await;
    assert_all_failed(&report, ErrorKind::Unauthorized, Scope::Login);
    assert_eq!(logins_shown(&source), 2);
}

#[tokio::test]
async fn a_repository_that_a_login_may_not_see_keeps_nobody_from_the_others() {
    let (source, target) = (source(Access::Basic(users())).await, EmbeddedRegistry::builder().start().await);
    let effect = Effect::refuse(401, "UNAUTHORIZED", "authentication required");
    source.misbehave(Fault { when: Match::path("/a/app-0/"), times: Times::Always, effect });
    let login = Login::User(Credentials::new("robot", "secret".into()));
    let report = copy(&with_login(&source, login), &target.unwrap()).await;
    assert_eq!((report.copied(), report.failed()), (IMAGES / 2, IMAGES / 2));
}
