//! A connection to NATS, and what the fleet keeps there.

use std::time::Duration;

use async_nats::ConnectErrorKind;
use async_nats::connection::State;
use async_nats::jetstream::consumer::{AckPolicy, PullConsumer, pull};
use async_nats::jetstream::context::CreateStreamErrorKind;
use async_nats::jetstream::stream::{Config, ConsumerErrorKind, DiscardPolicy, RetentionPolicy, StorageType};
use async_nats::jetstream::{self, Context, ErrorCode};

use crate::access::Access;
use crate::answer::{PATIENCE, until_answered};
use crate::bucket::Bucket;
use crate::contact::{Contact, Tell};
use crate::denials::{Denials, StreamsRefused};
use crate::error::Error;
use crate::message::{LARGEST, is_name};
use crate::uptime::Uptime;

/// The queue of jobs, whichever run they are of.
pub(crate) const JOBS: &str = "ISYNC_JOBS";
/// Runs with their jobs and results.
pub(crate) const RUNS: &str = "isync_runs";
/// Who is sending a blob.
pub(crate) const LEASES: &str = "isync_leases";
/// Who has a blob.
pub(crate) const HOLDERS: &str = "isync_holders";

/// Workers tell here that they live.
pub(crate) const BEATS: &str = "isync.beat";
/// Who was asked by a registry to wait tells the others here.
pub(crate) const PAUSES: &str = "isync.pause";

/// The most bytes that headers of a message take.
const HEADERS: usize = 1 << 10;

/// What has been held is believed for so long: a registry may have lost it since.
const HOLDERS_KEPT: Duration = Duration::from_secs(7 * 24 * 3600);

/// A connection to NATS under a name of its own.
#[derive(Clone)]
pub struct Connection {
    pub(crate) name: String,
    pub(crate) client: async_nats::Client,
    pub(crate) jetstream: Context,
    pub(crate) denials: Denials,
    pub(crate) uptime: Uptime,
    /// Below this subject answers come.
    pub(crate) inbox: String,
    /// Host and port.
    pub(crate) server: (String, u16),
    pub(crate) uses_tls: bool,
}

impl Connection {
    /// Connects; later losses are mended in the background. `name` is told to others: letters, digits, `-` and `_`. `tell` is
    /// told what this login may not do, as soon as it shows, and when the server is away.
    ///
    /// # Errors
    /// The server does not answer, or refuses the login.
    pub async fn open(access: &Access, name: &str, tell: Tell) -> Result<Self, Error> {
        let name: String = name
            .chars()
            .map(|one| if one.is_ascii_alphanumeric() || one == '-' { one } else { '_' })
            .take(64)
            .collect();
        debug_assert!(is_name(&name) || name.is_empty());
        let server = access.url().to_owned();
        let no_login = |reason: String| Error::Login { server: server.clone(), reason };
        let options =
            access.options().await.map_err(|error| no_login(format!("it cannot be read: {error}")))?;
        let (denials, contact) = (Denials::new(tell.clone()), Contact::told_to(tell));
        let (inbox, uptime) = (access.inbox(&name), Uptime::default());
        let (noted, clock) = (denials.clone(), uptime.clone());
        let client = options
            .name(&name)
            .custom_inbox_prefix(&inbox)
            .connection_timeout(Duration::from_secs(5))
            .request_timeout(Some(Duration::from_secs(5)))
            // A network that drops everything is noticed by what it does not answer: before workers are taken for silent.
            .ping_interval(Duration::from_secs(3))
            .max_reconnects(None)
            .reconnect_delay_callback(|tries| Duration::from_millis((100 * tries as u64).min(2000)))
            .event_callback(move |event| {
                noted.event(&event);
                contact.event(&event);
                clock.event(&event);
                std::future::ready(())
            })
            .connect(access.url())
            .await
            .map_err(|error| {
                let reason = crate::error::words(&error);
                match error.kind() {
                    ConnectErrorKind::Authentication | ConnectErrorKind::AuthorizationViolation => {
                        no_login(reason)
                    }
                    _ => Error::Connect { server: server.clone(), reason },
                }
            })?;
        let mut jetstream = jetstream::new(client.clone());
        jetstream.set_timeout(Duration::from_secs(5));
        let (server, uses_tls) = (access.server(), access.uses_tls());
        Ok(Self { name, client, jetstream, denials, uptime, inbox, server, uses_tls })
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether the server is there, as far as it has shown.
    pub(crate) fn is_there(&self) -> bool {
        self.client.connection_state() == State::Connected
    }

    /// The most bytes of a message that the server takes, and others read.
    pub(crate) fn largest_message(&self) -> usize {
        self.client.max_payload().saturating_sub(HEADERS).min(LARGEST)
    }

    /// The server's version.
    pub fn server_version(&self) -> String {
        oci::foreign_text::clean(&self.client.server_info().version).into_owned()
    }

    /// Makes what is not there yet: the queue, and the buckets. A worker that is silent for `ack_wait` loses its jobs.
    ///
    /// # Errors
    /// This login may not, the server keeps no streams, or it does not answer.
    pub async fn prepare(&self, ack_wait: Duration) -> Result<(), Error> {
        let buckets = [(RUNS, Duration::ZERO), (LEASES, ack_wait / 2), (HOLDERS, HOLDERS_KEPT)];
        let streams = [queue()].into_iter().chain(buckets.map(|(name, kept)| bucket(name, kept)));
        let streams: Vec<_> = streams.collect();
        let names: Vec<_> = streams.iter().map(|stream| stream.name.clone()).collect();
        let made = async {
            for stream in streams {
                self.make(stream).await?;
            }
            Ok(())
        };
        tokio::select! {
            made = made => made,
            // Nobody answers a question that is refused.
            refused = self.denials.streams_refused(&self.inbox, &names) => Err(match refused {
                StreamsRefused::Inbox(words) => Error::NoInbox(words),
                StreamsRefused::Streams(words) => Error::NoCoordinator(words),
            }),
        }
    }

    /// Makes the queue of all runs, if it is not there.
    pub(crate) async fn make_queue(&self) -> Result<(), Error> {
        self.make(queue()).await
    }

    async fn make(&self, config: Config) -> Result<(), Error> {
        let what = format!("make {}", config.name);
        if self.jetstream.get_stream(&config.name).await.is_ok() {
            return Ok(());
        }
        let Err(error) = self.jetstream.create_stream(config).await else { return Ok(()) };
        let reason = crate::error::words(&error);
        Err(match error.kind() {
            CreateStreamErrorKind::TimedOut => Error::NoAnswer { what, reason },
            _ if !self.client.server_info().jetstream => Error::NoJetStream { server: self.server() },
            _ => Error::Refused { what, reason },
        })
    }

    /// Host and port, for people.
    fn server(&self) -> String {
        format!("{}:{}", self.server.0, self.server.1)
    }

    pub(crate) async fn runs(&self) -> Result<Bucket, Error> {
        Bucket::open(&self.jetstream, RUNS).await
    }

    pub(crate) async fn leases(&self) -> Result<Bucket, Error> {
        Bucket::open(&self.jetstream, LEASES).await
    }

    pub(crate) async fn holders(&self) -> Result<Bucket, Error> {
        Bucket::open(&self.jetstream, HOLDERS).await
    }

    /// Makes a run's way out of the queue, and asks again for as long as NATS does not answer. Workers only look it up.
    pub(crate) async fn open_queue(&self, run: &str, ack_wait: Duration) -> Result<(), Error> {
        until_answered(PATIENCE, || self.ask_for_queue(run, ack_wait)).await
    }

    /// The same, asked once.
    pub(crate) async fn ask_for_queue(&self, run: &str, ack_wait: Duration) -> Result<(), Error> {
        let config = pull::Config {
            durable_name: Some(run.to_owned()),
            filter_subject: format!("{}>", subject(run)),
            ack_policy: AckPolicy::Explicit,
            ack_wait,
            // Evictions count as deliveries: who fails is counted by the run's book.
            max_deliver: -1,
            ..pull::Config::default()
        };
        self.jetstream.create_consumer_on_stream(config, JOBS).await.map(drop).map_err(|error| {
            let (what, reason) = (format!("make the queue of run {run}"), crate::error::words(&error));
            match error.kind() {
                ConsumerErrorKind::JetStream(_) => Error::Refused { what, reason },
                _ => Error::NoAnswer { what, reason },
            }
        })
    }

    /// Takes a run's book away.
    pub(crate) async fn forget(&self, run: &str) {
        if let Ok(stream) = self.jetstream.get_stream(format!("KV_{RUNS}")).await {
            let _ = stream.purge().filter(format!("$KV.{RUNS}.{run}.>")).await;
        }
    }

    /// A run's way out of the queue.
    pub(crate) async fn queue(&self, run: &str) -> Result<PullConsumer, Error> {
        use ErrorCode as Code;

        self.jetstream.get_consumer_from_stream(run, JOBS).await.map_err(|error| {
            let (what, reason) = (format!("the queue of run {run}"), crate::error::words(&error));
            match error.kind() {
                ConsumerErrorKind::JetStream(error)
                    if [Code::CONSUMER_NOT_FOUND, Code::STREAM_NOT_FOUND].contains(&error.error_code()) =>
                {
                    Error::Gone { what, reason }
                }
                ConsumerErrorKind::JetStream(_) => Error::Refused { what: format!("show {what}"), reason },
                _ => Error::NoAnswer { what: format!("show {what}"), reason },
            }
        })
    }

    /// Takes a run's queue away, with what is left in it.
    pub(crate) async fn close_queue(&self, run: &str) {
        let _ = self.jetstream.delete_consumer_from_stream(run, JOBS).await;
        self.empty_queue(run).await;
    }

    /// Takes out what nobody has taken yet.
    pub(crate) async fn empty_queue(&self, run: &str) {
        if let Ok(stream) = self.jetstream.get_stream(JOBS).await {
            let _ = stream.purge().filter(format!("{}>", subject(run))).await;
        }
    }
}

/// Where a run's jobs are handed out.
pub(crate) fn subject(run: &str) -> String {
    format!("isync.jobs.{run}.")
}

/// The queue of all runs.
fn queue() -> Config {
    Config {
        name: JOBS.to_owned(),
        subjects: vec!["isync.jobs.>".to_owned()],
        retention: RetentionPolicy::WorkQueue,
        discard: DiscardPolicy::New,
        storage: StorageType::File,
        ..Config::default()
    }
}

/// A bucket as its clients make it. `create_key_value` asks the server for its account, whose answer the client cannot read from a
/// server before 2.10.9: Debian 12 has 2.9.10.
fn bucket(name: &str, kept: Duration) -> Config {
    let window = Duration::from_secs(120);
    Config {
        name: format!("KV_{name}"),
        subjects: vec![format!("$KV.{name}.>")],
        max_messages_per_subject: 1,
        max_age: kept,
        duplicate_window: if kept.is_zero() { window } else { kept.min(window) },
        discard: DiscardPolicy::New,
        allow_rollup: true,
        deny_delete: true,
        allow_direct: true,
        storage: StorageType::File,
        ..Config::default()
    }
}
