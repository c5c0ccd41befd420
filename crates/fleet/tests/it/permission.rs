//! What a worker may do at NATS, and what nobody believes.

use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream;
use fleet::{Connection, Login};

use crate::nats::Nats;
use crate::world::{Told, World};

/// As docs/scale.md has it.
const USERS: &str = include_str!("../../../../docs/nats-users.conf");

async fn as_user(nats: &Nats, user: &str, name: &str) -> Connection {
    let login = Login::User(user.to_owned(), format!("{user}-password"));
    nats.connect_as(login, name).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_needs_few_rights_and_cannot_write_jobs() {
    let (nats, world, told) = (Nats::with(USERS).await, World::start(3).await, Arc::new(Told::default()));
    let (_, coordinator) = world.coordinate(as_user(&nats, "coordinator", "c").await, &told);
    let worker = world.worker(as_user(&nats, "worker", "w1").await).await;
    let report = tokio::time::timeout(Duration::from_secs(40), coordinator).await.unwrap().unwrap().unwrap();
    assert_eq!((report.copied(), report.failed()), (6, 0), "{:#?}", told.ended());
    worker.leave().await;
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
    let liar = jetstream::new(async_nats::connect(nats.url()).await.unwrap());
    let store = loop {
        match liar.get_key_value("isync_runs").await {
            Ok(store) => break store,
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    };
    let run = loop {
        let runs = store.get("runs").await.ok().flatten();
        let run = runs.and_then(|runs| {
            let text = String::from_utf8_lossy(&runs).into_owned();
            text.split("\"run\":\"").nth(1)?.split('"').next().map(str::to_owned)
        });
        match run {
            Some(run) => break run,
            None => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    };
    // A job that names a repository of no rule in place of one that does.
    let job = String::from_utf8(store.get(format!("{run}.job.0")).await.unwrap().unwrap().to_vec()).unwrap();
    let lie = job.replace("/b/", "/stolen/");
    assert_ne!(job, lie);
    store.put(format!("{run}.job.0"), lie.into()).await.unwrap();
    for lie in
        ["", "{}", "nonsense", r#"{"run":"other","number":0}"#, &format!(r#"{{"run":"{run}","number":77}}"#)]
    {
        liar.publish(format!("isync.jobs.{run}.99"), lie.to_owned().into()).await.unwrap().await.unwrap();
    }
    store
        .put(format!("{run}.result.1.9"), "{\"worker\": \"\\u001b[31m\", \"ended\": []}".into())
        .await
        .unwrap();
    store.put(format!("{run}.result.77.1"), "{\"worker\": \"x\", \"ended\": []}".into()).await.unwrap();
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
    let store = jetstream::new(async_nats::connect(nats.url()).await.unwrap());
    while !told.has_note("jobs, which wait for workers") {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let store = store.get_key_value("isync_runs").await.unwrap();
    let runs = String::from_utf8(store.get("runs").await.unwrap().unwrap().to_vec()).unwrap();
    let run = runs.split("\"run\":\"").nth(1).unwrap().split('"').next().unwrap();
    for (attempt, worker) in [(1, "oom-1"), (2, "oom-2"), (3, "oom-3")] {
        store.put(format!("{run}.begun.0.{attempt}"), worker.into()).await.unwrap();
    }
    let worker = world.worker(nats.connect("w1").await).await;
    let report = tokio::time::timeout(Duration::from_secs(40), coordinator).await.unwrap().unwrap().unwrap();
    assert_eq!((report.copied(), report.failed()), (2, 2), "{:#?}", told.ended());
    let failed = told.ended().into_values().flatten().find(|(word, _)| word.starts_with("failed")).unwrap();
    assert!(failed.0.contains("oom-1, oom-2, oom-3 began on job 0"), "{failed:?}");
    worker.leave().await;
}
