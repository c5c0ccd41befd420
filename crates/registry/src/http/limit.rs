//! How many requests a host gets at once: learned from how it answers.
//!
//! Each host has a window per kind of request. It doubles while all goes well (slow start), grows by one a
//! round after the first trouble, and is halved when the host says or shows that it is overloaded. `Retry-After`
//! holds back all requests to the host.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use url::Url;

use super::origin::host_and_port;
use super::pause::{Pause, PauseObserver, PauseWatch};
use super::taken::Taken;
use super::window::Window;

/// The kind of a request, as far as registries count them separately.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RequestKind {
    /// Checks whether something exists, or lists names.
    Look,
    /// Reads a manifest or a blob.
    Read,
    /// Opens, fills or closes an upload.
    Upload,
    /// Stores a manifest.
    Commit,
}

impl RequestKind {
    const ALL: [Self; 4] = [Self::Look, Self::Read, Self::Upload, Self::Commit];

    fn index(self) -> usize {
        match self {
            Self::Look => 0,
            Self::Read => 1,
            Self::Upload => 2,
            Self::Commit => 3,
        }
    }
}

/// The limit of one host and kind of request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostLimit {
    /// `host:port`.
    pub host: String,
    /// The kind of request.
    pub kind: RequestKind,
    /// How many requests at once it gets now.
    pub at_once: usize,
    /// How often the host said or showed that it was overloaded.
    pub too_much: u64,
}

/// A host that asked us to wait.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPause {
    /// `host:port`.
    pub host: String,
    /// The remaining time.
    pub left: Duration,
}

/// The windows of all hosts. Cheap to clone; clones share them.
#[derive(Clone, Default)]
pub(crate) struct Limits {
    hosts: Hosts,
    /// The hosts that this registry's requests went to.
    asked: Hosts,
    watch: PauseWatch,
}

type Hosts = Arc<Mutex<HashMap<String, Arc<Host>>>>;

struct Host {
    name: String,
    pause: Pause,
    watch: PauseWatch,
    windows: [Gate; 4],
}

#[derive(Default)]
struct Gate {
    window: Mutex<Window>,
    freed: Notify,
    too_much: AtomicU64,
}

/// The right to have one request under way, until it is dropped.
pub(crate) struct Permit {
    host: Arc<Host>,
    kind: RequestKind,
    begun: Instant,
}

impl Limits {
    /// Waits until the host of `url` may get one more request. No time-out counts this wait.
    pub(crate) async fn acquire(&self, url: &Url, kind: RequestKind) -> Permit {
        let host = self.host(url);
        let gate = &host.windows[kind.index()];
        while !lock(&gate.window).enter() {
            // A slot that is freed in between is kept for the next waiting request.
            gate.freed.notified().await;
        }
        // The pause comes after: a request that is cancelled during it wakes the next one by returning its slot.
        let mut permit = Permit { host: host.clone(), kind, begun: Instant::now() };
        host.pause.wait().await;
        permit.begun = Instant::now();
        permit
    }

    /// The same windows, for another registry, which counts its own hosts separately.
    pub(crate) fn for_registry(&self) -> Self {
        Self { hosts: self.hosts.clone(), asked: Hosts::default(), watch: self.watch.clone() }
    }

    /// From now on, tells `observer` about pauses that hosts ask for. Only the first observer counts.
    pub(crate) fn tell_pauses(&self, observer: Arc<dyn PauseObserver>) {
        self.watch.set(observer);
    }

    /// Pauses requests to a host (`host:port`) that asked another process to wait. A host without requests from here is not noted.
    pub(crate) fn hold_back(&self, host: &str, wait: Duration) {
        let known = lock(&self.hosts).get(host).cloned();
        if let Some(host) = known {
            host.pause.extend(wait);
        }
    }

    /// The limits of the hosts that this registry's requests went to, in the order of their names.
    pub(crate) fn learned(&self) -> Vec<HostLimit> {
        let hosts = lock(&self.asked);
        let mut names: Vec<_> = hosts.keys().cloned().collect();
        names.sort();
        let limits = names.into_iter().flat_map(|name| {
            let host = &hosts[&name];
            RequestKind::ALL.map(|kind| host.limit(&name, kind))
        });
        limits.collect()
    }

    /// The pauses of the hosts that this registry's requests went to, in the order of their names.
    pub(crate) fn pauses(&self) -> Vec<HostPause> {
        let hosts = lock(&self.asked);
        let of_host = |(name, host): (&String, &Arc<Host>)| {
            let left = host.pause.left()?;
            Some(HostPause { host: name.clone(), left })
        };
        let mut pauses: Vec<_> = hosts.iter().filter_map(of_host).collect();
        pauses.sort_by(|one, other| one.host.cmp(&other.host));
        pauses
    }

    fn host(&self, url: &Url) -> Arc<Host> {
        let name = host_and_port(url);
        if let Some(host) = lock(&self.asked).get(&name) {
            return host.clone();
        }
        let new = || Arc::new(Host::new(&name, &self.watch));
        let host = lock(&self.hosts).entry(name.clone()).or_insert_with(new).clone();
        lock(&self.asked).entry(name).or_insert(host).clone()
    }
}

impl Host {
    fn new(name: &str, watch: &PauseWatch) -> Self {
        let (pause, windows) = Default::default();
        Self { name: name.to_owned(), pause, watch: watch.clone(), windows }
    }

    fn limit(&self, name: &str, kind: RequestKind) -> HostLimit {
        let gate = &self.windows[kind.index()];
        HostLimit {
            host: name.to_owned(),
            kind,
            at_once: lock(&gate.window).places(),
            too_much: gate.too_much.load(Ordering::Relaxed),
        }
    }
}

impl Permit {
    /// Reports how the host took the request. A permit that is dropped without a report changes no window.
    pub(crate) fn taken(self, taken: Taken) {
        let gate = &self.host.windows[self.kind.index()];
        match taken {
            Taken::Well => lock(&gate.window).grow(),
            Taken::Troubled if !lock(&gate.window).is_trouble_of_all() => {}
            Taken::Troubled => {
                gate.too_much.fetch_add(1, Ordering::Relaxed);
                lock(&gate.window).cut(self.begun, Instant::now());
            }
            Taken::TooMuch(wait) => {
                gate.too_much.fetch_add(1, Ordering::Relaxed);
                lock(&gate.window).cut(self.begun, Instant::now());
                if let Some(wait) = wait
                    && self.host.pause.extend(wait)
                {
                    self.host.watch.tell(&self.host.name, wait);
                }
            }
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let gate = &self.host.windows[self.kind.index()];
        let places = lock(&gate.window).leave();
        for _ in 0..places {
            gate.freed.notify_one();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::super::window::FEWEST_TROUBLES;
    use super::*;

    fn url() -> Url {
        Url::parse("https://r.io/v2/").unwrap()
    }

    #[tokio::test]
    async fn c66_more_than_the_window_wait_for_a_place() {
        let limits = Limits::default();
        let mut permits = Vec::new();
        for _ in 0..16 {
            permits.push(limits.acquire(&url(), RequestKind::Read).await);
        }
        assert!(limits.acquire(&url(), RequestKind::Read).now_or_never().is_none());
        assert!(limits.acquire(&url(), RequestKind::Look).now_or_never().is_some(), "kinds count apart");
        let other = Url::parse("https://s.io/").unwrap();
        assert!(limits.acquire(&other, RequestKind::Read).now_or_never().is_some(), "hosts count apart");
        permits.pop();
        assert!(limits.acquire(&url(), RequestKind::Read).now_or_never().is_some());
    }

    #[tokio::test]
    async fn c12_a_registry_tells_the_limits_of_the_hosts_that_it_asks() {
        let (all, storage) = (Limits::default(), Url::parse("https://s.io/").unwrap());
        let (one, two) = (all.for_registry(), all.for_registry());
        one.acquire(&url(), RequestKind::Read).await.taken(Taken::TooMuch(None));
        one.acquire(&storage, RequestKind::Read).await.taken(Taken::TooMuch(None));
        drop(two.acquire(&storage, RequestKind::Read).await);
        let hosts = |limits: &Limits| {
            let learned = limits.learned().into_iter();
            let of_reads = learned.filter(|limit| limit.kind == RequestKind::Read);
            of_reads.map(|limit| (limit.host, limit.too_much)).collect::<Vec<_>>()
        };
        assert_eq!(hosts(&one), [("r.io:443".to_owned(), 1), ("s.io:443".to_owned(), 1)]);
        assert_eq!(hosts(&two), [("s.io:443".to_owned(), 1)], "what was learned of a shared host is shared");
        assert_eq!(hosts(&all), []);
    }

    #[tokio::test]
    async fn c66_retry_after_holds_the_whole_host_back() {
        let limits = Limits::default();
        let permit = limits.acquire(&url(), RequestKind::Read).await;
        permit.taken(Taken::TooMuch(Some(Duration::from_secs(3600))));
        assert!(limits.acquire(&url(), RequestKind::Look).now_or_never().is_none());
        let learned = limits.learned();
        let read = learned.iter().find(|limit| limit.kind == RequestKind::Read).unwrap();
        assert_eq!((read.host.as_str(), read.at_once, read.too_much), ("r.io:443", 8, 1));
        let pauses = limits.pauses();
        assert!(pauses.len() == 1 && pauses[0].host == "r.io:443", "{pauses:?}");
        assert!(pauses[0].left > Duration::from_secs(3000), "{pauses:?}");
        assert_eq!(limits.for_registry().pauses(), [], "who did not ask it is not told");
    }

    #[derive(Default)]
    struct Heard(Mutex<Vec<(String, Duration)>>);

    impl PauseObserver for Heard {
        fn paused(&self, host: &str, wait: Duration) {
            lock(&self.0).push((host.to_owned(), wait));
        }
    }

    #[tokio::test]
    async fn c66_a_pause_is_told_once_and_others_keep_to_it() {
        let (one, other, heard) = (Limits::default(), Limits::default(), Arc::new(Heard::default()));
        one.tell_pauses(heard.clone());
        let hour = Duration::from_secs(3600);
        let permits = [(); 3].map(|()| one.acquire(&url(), RequestKind::Read).now_or_never().unwrap());
        for permit in permits {
            permit.taken(Taken::TooMuch(Some(hour)));
        }
        assert_eq!(*lock(&heard.0), [("r.io:443".to_owned(), hour)], "once, however many were refused");
        other.hold_back("r.io:443", hour);
        assert_eq!(other.hosts.lock().unwrap().len(), 0, "nobody spoke to it here");
        drop(other.acquire(&url(), RequestKind::Read).await);
        other.hold_back("r.io:443", hour);
        assert!(other.acquire(&url(), RequestKind::Look).now_or_never().is_none());
    }

    #[tokio::test]
    async fn e12_trouble_with_single_images_is_the_hosts_only_if_nothing_else_comes_in_a_whole_round() {
        let limits = Limits::default();
        let take = async |taken| limits.acquire(&url(), RequestKind::Read).await.taken(taken);
        let cuts = || limits.learned().iter().map(|limit| limit.too_much).sum::<u64>();
        for _ in 0..10 {
            for _ in 0..FEWEST_TROUBLES - 1 {
                take(Taken::Troubled).await;
            }
            take(Taken::Well).await;
        }
        assert_eq!(cuts(), 0);
        for _ in 0..FEWEST_TROUBLES {
            take(Taken::Troubled).await;
        }
        assert_eq!(cuts(), 1);
    }
}
