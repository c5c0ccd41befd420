//! Finds out what a login may do: requests each thing in a way that changes nothing, and collects what the server refuses.

use std::time::Duration;

use async_nats::header::NATS_EXPECTED_STREAM;
use async_nats::{HeaderMap, Subscriber};
use futures_util::StreamExt as _;

use crate::connection::{BEATS, Connection, HOLDERS, JOBS, LEASES, PAUSES, RUNS};
use crate::probe::scratch;

/// How long the answers may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// The rights that a login lacks, by role.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rights {
    /// The rights that a worker needs, and this login lacks.
    pub worker_lacks: Vec<String>,
    /// The rights that a coordinator needs, and this login lacks.
    pub coordinator_lacks: Vec<String>,
    /// Whether this login may create a stream to try the store.
    pub may_try_store: bool,
}

/// The role that needs a right.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Both,
    Worker,
    Coordinator,
    /// The probe that tries the store.
    Prober,
}

/// Why a published message changes nothing.
enum Harmless {
    /// It is a question.
    Question,
    /// The body names another stream than the subject, or none, so the server rejects it.
    Mistake,
    /// A header demands a stream that does not exist.
    Nowhere,
    /// It purges this subject, which has no message.
    Nothing(String),
}

struct Trial {
    role: Role,
    subject: String,
    harmless: Harmless,
}

/// The name of a run, a consumer and a key that do not exist: the names of real ones are longer.
const NOBODY: &str = "check";

fn trials(scratch: &str) -> Vec<Trial> {
    let book = format!("$KV.{RUNS}.{NOBODY}");
    let jobs = format!("isync.jobs.{NOBODY}.0");
    let mut trials = Vec::new();
    let mut try_out = |role, subject: String, harmless| trials.push(Trial { role, subject, harmless });
    for bucket in [RUNS, LEASES, HOLDERS] {
        let who = if bucket == RUNS { Role::Both } else { Role::Worker };
        try_out(Role::Both, format!("$JS.API.STREAM.INFO.KV_{bucket}"), Harmless::Question);
        let get = format!("$JS.API.DIRECT.GET.KV_{bucket}.$KV.{bucket}.{NOBODY}");
        try_out(who, get, Harmless::Question);
        try_out(Role::Coordinator, format!("$JS.API.STREAM.CREATE.KV_{bucket}"), Harmless::Mistake);
    }
    try_out(Role::Both, format!("$JS.API.CONSUMER.INFO.{JOBS}.{NOBODY}"), Harmless::Question);
    try_out(Role::Worker, format!("$JS.API.CONSUMER.MSG.NEXT.{JOBS}.{NOBODY}"), Harmless::Question);
    try_out(Role::Worker, format!("$JS.ACK.{JOBS}.{NOBODY}.1.1.1.1.0"), Harmless::Question);
    try_out(Role::Worker, format!("{book}.begun.0.1"), Harmless::Nowhere);
    try_out(Role::Worker, format!("{book}.result.0.1"), Harmless::Nowhere);
    try_out(Role::Worker, format!("$KV.{LEASES}.{NOBODY}"), Harmless::Nowhere);
    try_out(Role::Worker, format!("$KV.{HOLDERS}.{NOBODY}"), Harmless::Nowhere);
    try_out(Role::Worker, PAUSES.to_owned(), Harmless::Question);
    try_out(Role::Coordinator, format!("$JS.API.STREAM.CREATE.{JOBS}"), Harmless::Mistake);
    try_out(Role::Coordinator, format!("$JS.API.STREAM.INFO.{JOBS}"), Harmless::Question);
    for stream in [JOBS.to_owned(), format!("KV_{RUNS}")] {
        let consumer = |verb| format!("$JS.API.CONSUMER.{verb}.{stream}.{NOBODY}");
        try_out(Role::Coordinator, consumer("CREATE"), Harmless::Mistake);
        try_out(Role::Coordinator, consumer("DELETE"), Harmless::Question);
    }
    let purge = |stream: String| format!("$JS.API.STREAM.PURGE.{stream}");
    try_out(Role::Coordinator, purge(JOBS.to_owned()), Harmless::Nothing(jobs.clone()));
    try_out(Role::Coordinator, purge(format!("KV_{RUNS}")), Harmless::Nothing(format!("{book}.none")));
    try_out(Role::Coordinator, jobs, Harmless::Nowhere);
    for key in [format!("$KV.{RUNS}.runs"), format!("{book}.job.0"), format!("{book}.stop")] {
        try_out(Role::Coordinator, key, Harmless::Nowhere);
    }
    for verb in ["CREATE", "DELETE"] {
        try_out(Role::Prober, format!("$JS.API.STREAM.{verb}.{scratch}"), Harmless::Mistake);
    }
    trials
}

/// Requests everything, and collects the refusals.
pub(super) async fn look(connection: &Connection) -> Rights {
    let trials = trials(&scratch::name(connection));
    let (client, denials) = (&connection.client, &connection.denials);
    let answers = format!("{}.>", connection.inbox);
    let ears = (client.subscribe(answers.clone()).await, client.subscribe(PAUSES).await);
    let beats = client.subscribe(BEATS).await.ok();
    for trial in &trials {
        publish(connection, trial).await;
    }
    hear_echo(connection, beats).await;
    drop(ears);
    let deaf =
        |subject: &str| denials.has("subscription", subject).then(|| format!("subscribe to {subject}"));
    let mute = |subject: &str| denials.has("publish", subject).then(|| format!("publish to {subject}"));
    let lacks = |role| {
        let of_role = trials.iter().filter(move |trial| trial.role == role);
        of_role.filter_map(|trial| mute(&trial.subject)).collect::<Vec<_>>()
    };
    let both: Vec<_> = [deaf(&answers), deaf(BEATS)].into_iter().flatten().chain(lacks(Role::Both)).collect();
    let beats = [deaf(PAUSES), mute(BEATS)].into_iter().flatten();
    Rights {
        worker_lacks: both.iter().cloned().chain(lacks(Role::Worker)).chain(beats).collect(),
        coordinator_lacks: both.into_iter().chain(lacks(Role::Coordinator)).collect(),
        may_try_store: lacks(Role::Prober).is_empty(),
    }
}

/// Returns when the server has seen all messages: the one that is published last comes back after all refusals, or is refused itself.
async fn hear_echo(connection: &Connection, beats: Option<Subscriber>) {
    let (client, denials) = (&connection.client, &connection.denials);
    // No other member takes this for a beat.
    let last = format!("{NOBODY} {}", connection.name());
    let _ = client.publish(BEATS, last.clone().into()).await;
    let echo = async {
        let Some(mut beats) = beats else { return };
        while beats.next().await.is_some_and(|beat| beat.payload != last.as_bytes()) {}
    };
    let refused = async {
        while !denials.has("publish", BEATS) && !denials.has("subscription", BEATS) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let either = async {
        tokio::select! { () = echo => {} () = refused => {} }
    };
    let _ = tokio::time::timeout(PATIENCE, either).await;
    // The client delivers refusals in a task of its own.
    tokio::time::sleep(Duration::from_millis(200)).await;
}

async fn publish(connection: &Connection, trial: &Trial) {
    let client = &connection.client;
    let (mut headers, mut body) = (HeaderMap::new(), String::new());
    match &trial.harmless {
        Harmless::Question => {}
        Harmless::Mistake => body.push_str(r#"{"name":"none","stream_name":"none"}"#),
        Harmless::Nowhere => headers.insert(NATS_EXPECTED_STREAM, "none"),
        Harmless::Nothing(filter) => body = format!(r#"{{"filter":"{filter}"}}"#),
    }
    let reply = client.new_inbox();
    let _ = client.publish_with_reply_and_headers(trial.subject.clone(), reply, headers, body.into()).await;
}
