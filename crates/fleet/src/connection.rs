//! A connection to NATS, and the streams and buckets that the fleet keeps there.

use std::time::Duration;

use async_nats::ConnectErrorKind;
use async_nats::connection::State;
use async_nats::jetstream::consumer::{AckPolicy, PullConsumer, pull};
use async_nats::jetstream::context::CreateStreamErrorKind;
use async_nats::jetstream::stream::{Config, ConsumerErrorKind, DiscardPolicy, RetentionPolicy, StorageType};
use async_nats::jetstream::{self, Context, ErrorCode};
use futures_util::future::join_all;

use crate::access::Access;
use crate::answer::{PATIENCE, until_answered};
use crate::bucket::Bucket;
use crate::contact::{Contact, Tell};
use crate::denials::{Denials, StreamsRefused};
use crate::error::Error;
use crate::message::{LARGEST, is_name};
use crate::uptime::Uptime;

/// The queue with the jobs of all runs.
pub(crate) const JOBS: &str = "ISYNC_JOBS";
/// Runs with their jobs and results.
pub(crate) const RUNS: &str = "isync_runs";
/// Which worker is sending a blob.
pub(crate) const LEASES: &str = "isync_leases";
/// Which repository has a blob.
pub(crate) const HOLDERS: &str = "isync_holders";

/// The subject of workers' beats.
pub(crate) const BEATS: &str = "isync.beat";
/// The subject of pauses: a worker that a registry asked to wait tells the others.
pub(crate) const PAUSES: &str = "isync.pause";

/// The most bytes that a message's headers take.
const HEADERS: usize = 1 << 10;

/// How long an entry in `HOLDERS` is believed: the registry may have lost the blob since.
const HOLDERS_KEPT: Duration = Duration::from_secs(7 * 24 * 3600);

/// A connection to NATS under a name of its own.
#[derive(Clone)]
pub struct Connection {
    pub(crate) name: String,
    pub(crate) client: async_nats::Client,
    pub(crate) jetstream: Context,
    pub(crate) denials: Denials,
    pub(crate) uptime: Uptime,
    /// The subject below which answers come.
    pub(crate) inbox: String,
    /// Host and port.
    pub(crate) server: (String, u16),
    pub(crate) uses_tls: bool,
}

impl Connection {
    /// Connects, and reconnects in the background when the connection is lost. Others see `name`: letters, digits, `-` and `_`. `tell` is
    /// called when the server refuses something to this login, and when the server is away.
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
        // A cluster tells its other addresses, to which a login would go without TLS.
        let options = if access.uses_tls() { options } else { options.ignore_discovered_servers() };
        let client = options
            .name(&name)
            .custom_inbox_prefix(&inbox)
            .connection_timeout(Duration::from_secs(5))
            .request_timeout(Some(Duration::from_secs(5)))
            // Unanswered pings reveal a network that drops everything, before workers count as silent.
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

    /// The connection's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether the client is connected, as far as it knows.
    pub(crate) fn is_there(&self) -> bool {
        self.client.connection_state() == State::Connected
    }

    /// The most bytes of a message that the server takes, and that other members read.
    pub(crate) fn largest_message(&self) -> usize {
        self.client.max_payload().saturating_sub(HEADERS).min(LARGEST)
    }

    /// The server's version.
    pub fn server_version(&self) -> String {
        oci::foreign_text::clean(&self.client.server_info().version).into_owned()
    }

    /// Creates the queue and the buckets, if they do not exist. A worker that is silent for `ack_wait` loses its jobs.
    ///
    /// # Errors
    /// This login lacks the rights, the server keeps no streams, or it does not answer.
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
            // NATS does not answer a request that it refuses.
            refused = self.denials.streams_refused(&self.inbox, &names) => Err(match refused {
                StreamsRefused::Inbox(words) => Error::NoInbox(words),
                StreamsRefused::Streams(words) => Error::NoCoordinator(words),
            }),
        }
    }

    /// Creates the queue of all runs, if it does not exist.
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

    /// Creates a run's consumer of the queue, and retries while NATS does not answer. Workers only look it up.
    pub(crate) async fn open_queue(&self, run: &str, ack_wait: Duration) -> Result<(), Error> {
        until_answered(PATIENCE, || self.ask_for_queue(run, ack_wait)).await
    }

    /// The same without a retry.
    pub(crate) async fn ask_for_queue(&self, run: &str, ack_wait: Duration) -> Result<(), Error> {
        let config = pull::Config {
            durable_name: Some(run.to_owned()),
            filter_subject: format!("{}>", subject(run)),
            ack_policy: AckPolicy::Explicit,
            ack_wait,
            // No limit: the deliveries to workers that were evicted count, too. The run's book counts failed attempts.
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

    /// Looks up the queue of a run that is joined, and creates it if NATS has lost it; returns its ack wait, which the coordinator that
    /// began the run has set.
    pub(crate) async fn join_queue(&self, run: &str, ack_wait: Duration) -> Result<Duration, Error> {
        let ask = || async {
            match self.queue(run).await {
                Ok(queue) => Ok(queue.cached_info().config.ack_wait),
                Err(Error::Gone { .. }) => self.ask_for_queue(run, ack_wait).await.map(|()| ack_wait),
                Err(error) => Err(error),
            }
        };
        until_answered(PATIENCE, ask).await
    }

    /// Deletes the books of runs, all at the same time.
    pub(crate) async fn forget(&self, runs: &[String]) {
        let Ok(stream) = self.jetstream.get_stream_no_info(format!("KV_{RUNS}")).await else { return };
        let purge = |run: &String| stream.purge().filter(format!("$KV.{RUNS}.{run}.>")).into_future();
        join_all(runs.iter().map(purge)).await;
    }

    /// A run's consumer of the queue.
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

    /// Deletes a run's consumer, and the run's jobs in the queue.
    pub(crate) async fn close_queue(&self, run: &str) {
        let _ = self.jetstream.delete_consumer_from_stream(run, JOBS).await;
        self.empty_queue(run).await;
    }

    /// Deletes a run's jobs from the queue.
    pub(crate) async fn empty_queue(&self, run: &str) {
        if let Ok(stream) = self.jetstream.get_stream(JOBS).await {
            let _ = stream.purge().filter(format!("{}>", subject(run))).await;
        }
    }
}

/// The beginning of the subjects of a run's jobs.
pub(crate) fn subject(run: &str) -> String {
    format!("isync.jobs.{run}.")
}

/// Whether a run's queue had no job, waiting or held by a worker, when it was looked up.
pub(crate) fn has_no_job(queue: &PullConsumer) -> bool {
    let info = queue.cached_info();
    info.num_pending == 0 && info.num_ack_pending == 0
}

/// The queue of all runs. It takes each job once until a worker acknowledges it, however often a coordinator publishes it.
fn queue() -> Config {
    Config {
        name: JOBS.to_owned(),
        subjects: vec!["isync.jobs.>".to_owned()],
        retention: RetentionPolicy::WorkQueue,
        discard: DiscardPolicy::New,
        max_messages_per_subject: 1,
        discard_new_per_subject: true,
        storage: StorageType::File,
        ..Config::default()
    }
}

/// The stream of a bucket, as `create_key_value` would create it. That function also asks the server for its account, and the client cannot
/// read the answer of a server before 2.10.9: Debian 12 has 2.9.10.
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
