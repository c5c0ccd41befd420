//! Two registries, a rule for each repository, and the members of a fleet that copy them.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use embedded_registry::sample::{self, Flavour};
use embedded_registry::{EmbeddedRegistry, LoggedRequest};
use endpoints::RegistryEndpoint;
use fleet::{
    Board, Brought, Connection, Coordinator, HeardPause, LiveWorkers, NatsLeases, Plan, SharedLimits, Spent,
    Tools, Worked, Worker,
};
use oci::Digest;
use registry::{Registry, Security, Settings, Traffic, Transport};
use sync::{
    Assignment, BoundAssignment, Engine, Event, ImageReport, Naming, Observer, Options, Outcome, Report,
    Rule, RuleTarget, RunId, Selection, Stamp, State, Sync,
};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Large enough that workers ask for a lease.
const LAYER: usize = 1_200_000;
/// Smaller layers are sent without a lease (`SMALLEST_LEASED` of the engine).
const SMALLEST_LAYER: usize = 1 << 20;
pub(crate) const ACK_WAIT: Duration = Duration::from_secs(2);

pub(crate) struct World {
    pub(crate) source: EmbeddedRegistry,
    pub(crate) target: EmbeddedRegistry,
    repositories: Vec<String>,
}

fn client(server: &EmbeddedRegistry) -> Registry {
    let settings = Settings { security: Security::INSECURE, ..Settings::new(server.host().parse().unwrap()) };
    Registry::new(settings, Transport::new("test", &[]).unwrap())
}

/// How each image ended, and at which worker.
pub(crate) type Ended = BTreeMap<String, Vec<(String, Option<String>)>>;

#[derive(Default)]
pub(crate) struct Told {
    ended: Mutex<Ended>,
    notes: Mutex<Vec<String>>,
    sent: Mutex<u64>,
    stops: Mutex<Vec<usize>>,
    pub(crate) board: Board,
    is_all_planned: AtomicBool,
}

impl Told {
    /// The bytes in events that name no image.
    pub(crate) fn sent(&self) -> u64 {
        *self.sent.lock().unwrap()
    }

    pub(crate) fn ended(&self) -> Ended {
        self.ended.lock().unwrap().clone()
    }

    pub(crate) fn has_note(&self, text: &str) -> bool {
        self.notes.lock().unwrap().iter().any(|note| note.contains(text))
    }

    /// How many images were in work, each time that an event said that no new image begins.
    pub(crate) fn stops(&self) -> Vec<usize> {
        self.stops.lock().unwrap().clone()
    }

    pub(crate) fn is_all_planned(&self) -> bool {
        self.is_all_planned.load(Ordering::SeqCst)
    }

    pub(crate) fn notes(&self) -> Vec<String> {
        self.notes.lock().unwrap().clone()
    }
}

fn word(report: &ImageReport) -> String {
    match &report.outcome {
        Outcome::Copied { .. } => "copied".to_owned(),
        Outcome::Skipped(_) => "unchanged".to_owned(),
        Outcome::Failed(error) => format!("failed: {}", oci::with_sources(&**error)),
        other => format!("{other:?}"),
    }
}

impl Observer for Told {
    fn event(&self, stamp: &Stamp, event: &Event) {
        match event {
            Event::ImageFinished(report) => {
                let worker = stamp.worker.as_deref().map(str::to_owned);
                let mut ended = self.ended.lock().unwrap();
                ended
                    .entry(report.image.target_reference.to_string() + &report.image.target)
                    .or_default()
                    .push((word(report), worker));
            }
            Event::BytesReported { bytes, .. } => *self.sent.lock().unwrap() += bytes,
            Event::Stopping { in_work, .. } => self.stops.lock().unwrap().push(*in_work),
            Event::AllPlanned => self.is_all_planned.store(true, Ordering::SeqCst),
            Event::Note { text, .. } => self.notes.lock().unwrap().push(text.clone()),
            _ => {}
        }
    }
}

struct NoLimits;

impl SharedLimits for NoLimits {
    fn divide(&self, _: LiveWorkers) {}
    fn hold_back(&self, _: &str, _: Duration) {}
    fn tell_pauses(&self, _: HeardPause) {}
}

/// A worker's differences from the usual one.
struct Kind {
    limits: Arc<dyn SharedLimits>,
    config: Digest,
    leaves_at_once: bool,
    panics: bool,
    idle_exit: Option<Duration>,
    told: Arc<Told>,
    /// The runtime that it runs on.
    runtime: Option<Handle>,
    /// The text that it adds to each error.
    added: String,
}

impl Default for Kind {
    fn default() -> Self {
        let (limits, told, added) = (Arc::new(NoLimits), Arc::default(), String::new());
        let (config, idle_exit, runtime) = (World::config(), None, None);
        let (leaves_at_once, panics) = (false, false);
        Self { limits, config, leaves_at_once, panics, idle_exit, told, runtime, added }
    }
}

fn spent_at(registry: &Registry) -> (String, Spent) {
    let Traffic { requests, bytes_read, bytes_sent, waited } = registry.traffic();
    let kind = registry.profile().name.to_owned();
    (registry.host().to_string(), Spent { kind, requests, bytes_read, bytes_sent, waited })
}

/// A worker that is stopped when the test ends.
pub(crate) struct Working {
    pub(crate) cancel: CancellationToken,
    pub(crate) task: JoinHandle<Result<Worked, fleet::Error>>,
}

impl Working {
    /// Leaves as it would after SIGTERM.
    pub(crate) async fn leave(self) -> Worked {
        self.cancel.cancel();
        self.task.await.unwrap().unwrap()
    }
}

impl World {
    /// `number` repositories with two tags each, whose images share a large layer.
    pub(crate) async fn start(number: u64) -> Self {
        let source = EmbeddedRegistry::builder().start().await.unwrap();
        let target = EmbeddedRegistry::builder().start().await.unwrap();
        let mut repositories = Vec::new();
        for index in 0..number {
            let repository = format!("a/app-{index}");
            for (tag, own) in [("v1", 100 + index), ("v2", 200 + index)] {
                let layers = [sample::layer(1, LAYER as _), sample::layer(own, 1_100_000)];
                sample::image(source.store(), &repository, Some(tag), Flavour::Oci, &layers, "amd64");
            }
            repositories.push(repository);
        }
        Self { source, target, repositories }
    }

    pub(crate) fn rules(&self) -> Vec<Rule> {
        Self::rules_by(&self.clients(), &self.repositories)
    }

    /// A process's clients for both registries.
    fn clients(&self) -> [Registry; 2] {
        [client(&self.source), client(&self.target)]
    }

    fn rules_by([source, target]: &[Registry; 2], repositories: &[String]) -> Vec<Rule> {
        let rule = |name: &String| Rule {
            source: Arc::new(RegistryEndpoint::source(source, &name.parse().unwrap())),
            selection: Selection::All,
            targets: vec![RuleTarget {
                target: Arc::new(RegistryEndpoint::target(
                    target,
                    &name.replace("a/", "b/").parse().unwrap(),
                )),
                naming: Naming::Same,
            }],
            policy: Arc::default(),
        };
        repositories.iter().map(rule).collect()
    }

    pub(crate) fn config() -> Digest {
        Digest::sha256(b"config")
    }

    pub(crate) async fn worker(&self, connection: Connection) -> Working {
        self.worker_as(connection, Kind::default()).await
    }

    /// A worker on a runtime of its own.
    pub(crate) async fn worker_on(&self, runtime: &Handle, connection: Connection) -> Working {
        self.worker_as(connection, Kind { runtime: Some(runtime.clone()), ..Kind::default() }).await
    }

    /// A worker with these limits.
    pub(crate) async fn worker_within(
        &self,
        connection: Connection,
        limits: Arc<dyn SharedLimits>,
    ) -> Working {
        self.worker_as(connection, Kind { limits, ..Kind::default() }).await
    }

    /// A worker with this config.
    pub(crate) async fn worker_of(&self, connection: Connection, config: Digest) -> Working {
        self.worker_as(connection, Kind { config, ..Kind::default() }).await
    }

    /// A worker that adds this to each error.
    pub(crate) async fn worker_that_adds(&self, connection: Connection, added: String) -> Working {
        self.worker_as(connection, Kind { added, ..Kind::default() }).await
    }

    /// A worker that tells what it does.
    pub(crate) async fn worker_that_tells(&self, connection: Connection, told: &Arc<Told>) -> Working {
        self.worker_as(connection, Kind { told: told.clone(), ..Kind::default() }).await
    }

    /// A worker that is told to leave when it has taken its first job, and has not copied anything.
    pub(crate) async fn worker_that_leaves_at_once(&self, connection: Connection) -> Working {
        self.worker_as(connection, Kind { leaves_at_once: true, ..Kind::default() }).await
    }

    /// A worker with a defect: each of its jobs panics.
    pub(crate) async fn worker_that_panics(&self, connection: Connection) -> Working {
        self.worker_as(connection, Kind { panics: true, ..Kind::default() }).await
    }

    /// A worker that ends after this time without work.
    pub(crate) async fn worker_that_ends_idle(&self, connection: Connection, idle: Duration) -> Working {
        self.worker_as(connection, Kind { idle_exit: Some(idle), ..Kind::default() }).await
    }

    async fn worker_as(&self, connection: Connection, kind: Kind) -> Working {
        let Kind { limits, config, leaves_at_once, panics, idle_exit, told, runtime, added } = kind;
        let clients = self.clients();
        let (rules, cancel) = (Self::rules_by(&clients, &self.repositories), CancellationToken::new());
        let cancelled = cancel.clone();
        let bind = move |assignments: &[Assignment]| -> Vec<Result<BoundAssignment, String>> {
            if leaves_at_once {
                cancelled.cancel();
            }
            assert!(!panics, "this worker has a defect");
            let bound = |assignment: &Assignment| {
                let image = &assignment.images[0];
                let rule = rules.iter().find(|rule| {
                    rule.source.name() == &*image.source && rule.targets[0].target.name() == &*image.target
                });
                let rule = rule.ok_or_else(|| format!("no rule copies {image}"))?;
                let targets = vec![rule.targets[0].target.clone()];
                Ok(BoundAssignment { assignment: assignment.clone(), source: rule.source.clone(), targets })
            };
            assignments.iter().map(bound).collect()
        };
        let leases = loop {
            match NatsLeases::open(&connection).await {
                Ok(leases) => break leases,
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        };
        let tools = Tools {
            engine: Engine::sharing(4, None, Arc::new(leases)),
            options: Options::new(4, 2),
            state: State::none(),
            bind: Arc::new(bind),
            explain: Arc::new(move |error| (format!("{error}{added}"), "look".to_owned())),
            observer: told.clone(),
            spending: Arc::new(move || clients.iter().map(spent_at).collect()),
        };
        let say = Arc::new(move |text: &str| told.notes.lock().unwrap().push(text.to_owned()));
        let worker = Worker { config, tools, limits, idle_exit, say, connection };
        let runtime = runtime.unwrap_or_else(Handle::current);
        Working { task: runtime.spawn(worker.work(cancel.clone())), cancel }
    }

    /// Hands the images out, and waits.
    pub(crate) fn coordinate(
        &self,
        connection: Connection,
        told: &Arc<Told>,
    ) -> (CancellationToken, JoinHandle<Result<Report, fleet::Error>>) {
        self.coordinate_within(connection, told, ACK_WAIT)
    }

    /// The same, with this `ack_wait`: a worker that is silent for so long loses its jobs, and its leases after half of it.
    pub(crate) fn coordinate_within(
        &self,
        connection: Connection,
        told: &Arc<Told>,
        ack_wait: Duration,
    ) -> (CancellationToken, JoinHandle<Result<Report, fleet::Error>>) {
        let (cancel, bringing) = self.bringing(connection, told, [ack_wait, Duration::from_secs(5)]);
        (cancel, tokio::spawn(async move { bringing.await.map(|brought| brought.report) }))
    }

    /// The same, with the whole result. `patience` is how long the coordinator waits for a silent worker, and for jobs in work after a
    /// stop.
    pub(crate) fn bring(
        &self,
        connection: Connection,
        told: &Arc<Told>,
        patience: [Duration; 2],
    ) -> (CancellationToken, JoinHandle<Result<Brought, fleet::Error>>) {
        let (cancel, bringing) = self.bringing(connection, told, patience);
        (cancel, tokio::spawn(bringing))
    }

    fn bringing(
        &self,
        connection: Connection,
        told: &Arc<Told>,
        patience: [Duration; 2],
    ) -> (CancellationToken, impl Future<Output = Result<Brought, fleet::Error>> + Send + 'static) {
        let cancel = CancellationToken::new();
        let bringing = self.bringing_until(cancel.clone(), connection, told, (patience, "all"));
        (cancel, bringing)
    }

    /// The same for a selection of this name, with a token that calls the run off.
    pub(crate) fn bringing_until(
        &self,
        cancel: CancellationToken,
        connection: Connection,
        told: &Arc<Told>,
        ([ack_wait, drain], selection): ([Duration; 2], &str),
    ) -> impl Future<Output = Result<Brought, fleet::Error>> + Send + 'static {
        let id = RunId::new(format!("r-{}", unique(&connection)));
        let coordinator = Coordinator {
            id,
            observer: told.clone(),
            drain,
            explain: Arc::new(|error| (error.to_string(), "look".to_owned())),
            board: told.board.clone(),
            connection: connection.clone(),
        };
        let plan = Plan {
            sync: Sync::new(self.rules(), Options::new(4, 2), told.clone() as Arc<dyn Observer>),
            config: Self::config(),
            selection: Digest::sha256(selection.as_bytes()),
            run: None,
            ack_wait,
        };
        async move {
            connection.prepare(ack_wait).await?;
            coordinator.run(plan, cancel).await
        }
    }

    /// Fails unless all images are at the target, each told once, with these words.
    pub(crate) fn expect_all(&self, ended: &Ended, words: &[&str]) {
        assert_eq!(ended.len(), self.repositories.len() * 2, "{ended:#?}");
        for (image, how) in ended {
            assert!(how.len() == 1 && words.contains(&how[0].0.as_str()), "{image}: {how:?}");
        }
        self.expect_target();
    }

    pub(crate) fn expect_target(&self) {
        for repository in &self.repositories {
            for tag in ["v1", "v2"] {
                let there = self.target.store().manifest(&repository.replace("a/", "b/"), tag);
                assert_eq!(there, self.source.store().manifest(repository, tag), "{repository}:{tag}");
            }
        }
    }

    /// How often each layer was read at the source. Only layers, since configs are too small for a lease.
    pub(crate) fn layer_reads(&self) -> BTreeMap<String, usize> {
        let mut reads = BTreeMap::new();
        for request in self.source.requests().iter().filter(|request| LoggedRequest::is_blob_read(request)) {
            let (repository, digest) = request.path.trim_start_matches("/v2/").split_once("/blobs/").unwrap();
            if self.source.store().blob(repository, digest).unwrap().len() >= SMALLEST_LAYER {
                *reads.entry(digest.to_owned()).or_insert(0) += 1;
            }
        }
        reads
    }
}

/// A number that no other coordinator of this process has.
fn unique(connection: &Connection) -> String {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    format!("{}-{}", connection.name(), NEXT.fetch_add(1, Ordering::Relaxed))
}
