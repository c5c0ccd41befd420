//! Logins and TLS, as a real nats-server takes them.

use std::path::PathBuf;
use std::sync::Arc;

use fleet::{Access, Connection, ConnectionEvent, Error, Login};
use testkit::{CertificateAuthority, NatsOperator, NatsServer, Nkey};

use crate::nats::{self, connected};
use crate::until::until;
use crate::world::{Told, World};

/// A run with one worker, both with this login.
async fn expect_run(access: &Access) {
    let (world, told) = (World::start(1).await, Arc::new(Told::default()));
    let (_, coordinator) = world.coordinate(connected(access, "c").await, &told);
    let worker = world.worker(connected(access, "w1").await).await;
    let report = coordinator.await.unwrap().unwrap();
    assert_eq!((report.copied(), report.failed()), (2, 0), "{:#?}", told.ended());
    worker.leave().await;
}

async fn refusal(access: &Access) -> Error {
    match Connection::open(access, "w1", Arc::new(|_| {})).await {
        Ok(_) => panic!("it is let in"),
        Err(error) => error,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_is_spoken_with_whom_the_authority_has_signed_and_with_nobody_else() {
    let (ours, other) =
        (CertificateAuthority::generate().unwrap(), CertificateAuthority::generate().unwrap());
    let folder = tempfile::TempDir::new().unwrap();
    let certificate = ours.issue(&["127.0.0.1"]).unwrap();
    let nats = NatsServer::with(&NatsServer::tls(folder.path(), &certificate).unwrap()).await.unwrap();
    let access = |ca: Option<PathBuf>| {
        Access::new(&nats.url().replace("nats:", "tls:"), Login::Nobody, ca, false).unwrap()
    };
    expect_run(&access(Some(ours.ca_file()))).await;
    for stranger in [Some(other.ca_file()), None] {
        let error = refusal(&access(stranger)).await;
        assert!(matches!(error, Error::Connect { .. }), "{error}");
        assert!(error.to_string().contains("certificate"), "{error}");
    }
    // A client that wants TLS refuses a server without it.
    let plain = NatsServer::start().await.unwrap();
    let error =
        refusal(&Access::new(&plain.url(), Login::Nobody, Some(ours.ca_file()), false).unwrap()).await;
    assert!(matches!(error, Error::Connect { .. }), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_nkey_is_a_login_and_another_one_is_none() {
    let (key, other) = (Nkey::user().unwrap(), Nkey::user().unwrap());
    let users = format!("authorization {{ users: [ {{ nkey: {} }} ] }}", key.public());
    let nats = NatsServer::with(&users).await.unwrap();
    let access = |login| Access::new(&nats.url(), login, None, false).unwrap();
    expect_run(&access(Login::Nkey(key.seed()))).await;
    for wrong in [Login::Nkey(other.seed()), Login::Nobody] {
        let error = refusal(&access(wrong)).await;
        assert!(matches!(error, Error::Login { .. }), "{error}");
        assert!(!error.to_string().contains(&other.seed()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_creds_file_is_a_login() {
    let operator = NatsOperator::generate().unwrap();
    let nats = NatsServer::with(&operator.config()).await.unwrap();
    let folder = tempfile::TempDir::new().unwrap();
    let access = |name: &str, text: &str| {
        let file = folder.path().join(name);
        std::fs::write(&file, text).unwrap();
        Access::new(&nats.url(), Login::Credentials(file), None, false).unwrap()
    };
    expect_run(&access("good.creds", &operator.credentials())).await;
    let stranger = NatsOperator::generate().unwrap().credentials();
    let error = refusal(&access("other.creds", &stranger)).await;
    assert!(matches!(error, Error::Login { .. }), "{error}");
    let error = refusal(&access("no.creds", "nonsense")).await;
    assert!(matches!(error, Error::Login { .. }), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_login_may_not_do_is_told() {
    let nats = NatsServer::with(
        "authorization { users: [ { user: u, password: p, permissions: { publish: [\"isync.beat\"] } } ] }",
    );
    let nats = nats.await.unwrap();
    let told = Arc::new(std::sync::Mutex::new(Vec::new()));
    let heard = told.clone();
    let access = Access::new(&nats.url(), Login::User("u".into(), "p".into()), None, false).unwrap();
    let tell = move |event: &ConnectionEvent| heard.lock().unwrap().extend(nats::refusal(event));
    let connection = Connection::open(&access, "w1", Arc::new(tell)).await.unwrap();
    let asked = tokio::spawn(async move { fleet::NatsLeases::open(&connection).await.is_err() });
    until("it is told", async || !told.lock().unwrap().is_empty()).await;
    let told = told.lock().unwrap().join("; ");
    assert!(told.contains("Publish to \"$JS.API.STREAM.INFO.KV_isync_leases\""), "{told}");
    asked.abort();
}
