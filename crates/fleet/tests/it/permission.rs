//! A worker's rights at NATS, and forged messages that are ignored.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_nats::jetstream;
use fleet::{Connection, ConnectionEvent, Login};

use crate::book::Book;
use crate::nats::{Nats, refusal};
use crate::until::until;
use crate::world::{Told, World};

/// The users in the config that docs/scale.md names.
const USERS: &str = include_str!("../../../../docs/nats-users.conf");

/// Connects as this user, and records what the server refuses.
async fn as_user(nats: &Nats, user: &str, name: &str, refused: &Arc<Mutex<Vec<String>>>) -> Connection {
    let login = Login::User(user.to_owned(), format!("{user}-password"));
    let refused = refused.clone();
    let note = move |event: &ConnectionEvent| refused.lock().unwrap().extend(refusal(event));
    Connection::open(&nats.access(login), name, Arc::new(note)).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_needs_few_rights_and_cannot_write_jobs() {
    let (nats, world, told) = (Nats::with(USERS).await, World::start(3).await, Arc::new(Told::default()));
    let refused = Arc::default();
    let (_, coordinator) = world.coordinate(as_user(&nats, "coordinator", "c", &refused).await, &told);
    let worker = world.worker(as_user(&nats, "worker", "w1", &refused).await).await;
    let report = tokio::time::timeout(Duration::from_secs(40), coordinator).await.unwrap().unwrap().unwrap();
    assert_eq!((report.copied(), report.failed()), (6, 0), "{:#?}", told.ended());
    worker.leave().await;
    assert!(refused.lock().unwrap().is_empty(), "{refused:?}");
    let url = nats.access(Login::Nobody);
    assert!(
        Connection::open(&url, "nobody", Arc::new(|_| {})).await.is_err(),
        "nobody may come in without a login"
    );
    let forger =
        async_nats::ConnectOptions::with_user_and_password("worker".into(), "worker-password".into())
            .custom_inbox_prefix("_INBOX_w9")
            .connect(nats.url())
            .await
            .unwrap();
    let forger = jetstream::new(forger);
    let published = forger.publish("isync.jobs.r.1", "{}".into()).await.unwrap();
    assert!(
        tokio::time::timeout(Duration::from_secs(2), published).await.is_err(),
        "a worker has written a job"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lying_message_costs_nothing_and_copies_nothing() {
    let (nats, world, told) = (Nats::start().await, World::start(3).await, Arc::new(Told::default()));
    let (_, coordinator) = world.coordinate(nats.connect("c").await, &told);
    let book = Book::of(&nats).await;
    // A job with a repository of no rule in place of one that a rule has.
    let job = book.get("job.0").await.unwrap();
    let lie = job.replace("/b/", "/stolen/");
    assert_ne!(job, lie);
    book.put("job.0", &lie).await;
    for lie in [
        "",
        "{}",
        "nonsense",
        r#"{"run":"other","number":0}"#,
        &format!(r#"{{"run":"{}","number":77}}"#, book.run),
    ] {
        book.queue(lie).await;
    }
    book.put("result.1.9", "{\"worker\": \"\\u001b[31m\", \"ended\": []}").await;
    book.put("result.77.1", r#"{"worker": "x", "born": 1, "ended": [], "spent": []}"#).await;
    let worker = world.worker(nats.connect("w1").await).await;
    let report = tokio::time::timeout(Duration::from_secs(40), coordinator).await.unwrap().unwrap().unwrap();
    assert_eq!((report.copied(), report.failed()), (4, 2), "{:#?}", told.ended());
    let failed = told.ended().into_values().flatten().find(|(word, _)| word.starts_with("failed")).unwrap();
    assert!(failed.0.contains("no rule copies"), "{failed:?}");
    assert!(told.has_note("a result of job 1 makes no sense"), "{:?}", told.notes());
    assert!(world.target.requests().iter().all(|request| !request.line().contains("stolen")));
    worker.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_three_workers_did_not_survive_fails_by_name() {
    let (nats, world, told) = (Nats::start().await, World::start(2).await, Arc::new(Told::default()));
    let (_, coordinator) = world.coordinate(nats.connect("c").await, &told);
    until("the run is open", async || told.has_note("for workers to take")).await;
    let book = Book::of(&nats).await;
    // The last of them had this worker's name, as a container has that is restarted after it was killed.
    for (attempt, worker) in [(1, "oom-1 1-0"), (2, "oom-2 1-0"), (3, "w1 1-0")] {
        book.put(&format!("begun.0.{attempt}"), worker).await;
    }
    let worker = world.worker(nats.connect("w1").await).await;
    let report = tokio::time::timeout(Duration::from_secs(40), coordinator).await.unwrap().unwrap().unwrap();
    assert_eq!((report.copied(), report.failed()), (2, 2), "{:#?}", told.ended());
    let failed = told.ended().into_values().flatten().find(|(word, _)| word.starts_with("failed")).unwrap();
    assert!(failed.0.contains("oom-1, oom-2, w1 began on job 0"), "{failed:?}");
    worker.leave().await;
}
