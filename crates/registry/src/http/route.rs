//! Which connection a request takes: small requests share one HTTP/2 connection, each large body has one of its own.
//!
//! All streams of an HTTP/2 connection share its congestion window, its thread at the server, and windows that the
//! server chooses: nginx gives an upload 64 KiB a round trip
//! (<https://nginx.org/en/docs/http/ngx_http_v2_module.html#http2_body_preread_size>), which is 1.3 MB/s at 50 ms.
//! Over HTTP/1.1 only TCP limits the rate.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use url::Url;

use super::origin::host_and_port;

/// Bodies of more bytes are large. As many of them move at once as `--proc` says, so this bounds the
/// connections, too.
const LARGE: u64 = 256 << 10;

/// The kind of connection for a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    /// Shared with others: over HTTP/2, if the server speaks it, all on one connection.
    Shared,
    /// On a connection of its own, over HTTP/1.1.
    Own,
}

impl Route {
    /// The route for a body of this size; `None` if the size is unknown.
    pub(crate) fn for_bytes(bytes: Option<u64>) -> Self {
        if bytes.is_some_and(|bytes| bytes <= LARGE) { Self::Shared } else { Self::Own }
    }
}

/// After this many HTTP/2 connections in a row that a host ended with requests unseen, the host gets HTTP/1.1 only:
/// nginx with `keepalive_timeout 0` ends one whenever all its streams are answered.
const MOST_ENDED: u32 = 3;
/// Requests that a host left unseen within this time were on one connection.
const ONE_CONNECTION: Duration = Duration::from_millis(50);
/// An end that comes this long after the previous one has another reason, such as a reload of the server.
const IN_A_ROW: Duration = Duration::from_secs(10);

/// The HTTP versions that hosts proved to speak. Cheap to clone; clones share it.
#[derive(Clone, Default)]
pub(crate) struct HostRoutes(Arc<Mutex<HashMap<String, Learned>>>);

#[derive(Clone, Copy, Default)]
struct Learned {
    refused_http1: bool,
    ended_http2: u32,
    last_ended: Option<Instant>,
}

impl HostRoutes {
    /// The route that a request for `route` takes to the host of `url`.
    pub(crate) fn route(&self, url: &Url, route: Route) -> Route {
        let hosts = self.lock();
        match hosts.get(&host_and_port(url)) {
            Some(learned) if learned.refused_http1 => Route::Shared,
            Some(learned) if learned.ended_http2 >= MOST_ENDED => Route::Own,
            _ => route,
        }
    }

    /// Notes that the host of `url` refused HTTP/1.1.
    pub(crate) fn note_refused_http1(&self, url: &Url) {
        self.lock().entry(host_and_port(url)).or_default().refused_http1 = true;
    }

    /// Notes that the host of `url` ended an HTTP/2 connection before it looked at a request.
    pub(crate) fn note_ended_http2(&self, url: &Url) {
        self.lock().entry(host_and_port(url)).or_default().note_ended(Instant::now());
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Learned>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Learned {
    fn note_ended(&mut self, now: Instant) {
        let since = self.last_ended.map(|last| now.saturating_duration_since(last));
        match since {
            Some(since) if since < ONE_CONNECTION => return,
            // A host that has reached the limit keeps its count: it gets no more HTTP/2.
            Some(since) if since > IN_A_ROW && self.ended_http2 < MOST_ENDED => self.ended_http2 = 1,
            _ => self.ended_http2 += 1,
        }
        self.last_ended = Some(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p32_only_large_bodies_travel_alone() {
        for (bytes, route) in [
            (Some(0), Route::Shared),
            (Some(LARGE), Route::Shared),
            (Some(LARGE + 1), Route::Own),
            (None, Route::Own),
        ] {
            assert_eq!(Route::for_bytes(bytes), route, "{bytes:?}");
        }
    }

    #[test]
    fn p32_a_host_that_refused_http_1_is_not_asked_that_way_again() {
        let hosts = HostRoutes::default();
        let (one, other) = ("https://r.io/v2/a".parse().unwrap(), "https://r.io:444/".parse().unwrap());
        hosts.note_refused_http1(&one);
        assert_eq!(hosts.route(&one, Route::Own), Route::Shared);
        assert_eq!(hosts.route(&"https://r.io:443/x".parse().unwrap(), Route::Own), Route::Shared);
        assert_eq!(hosts.route(&other, Route::Own), Route::Own);
    }

    #[test]
    fn p26_a_host_that_keeps_ending_connections_is_asked_over_http_1() {
        let hosts = HostRoutes::default();
        let url = "https://r.io/v2/a".parse().unwrap();
        let begun = Instant::now();
        let end_at = |milliseconds| {
            hosts
                .lock()
                .entry(host_and_port(&url))
                .or_default()
                .note_ended(begun + Duration::from_millis(milliseconds));
            hosts.route(&url, Route::Shared)
        };
        for requests_of_one_connection in 0..40 {
            assert_eq!(end_at(requests_of_one_connection), Route::Shared);
        }
        assert_eq!([end_at(60_000), end_at(60_100)], [Route::Shared; 2], "the first was long ago");
        assert_eq!(end_at(60_200), Route::Own);
        assert_eq!(end_at(600_000), Route::Own);
        hosts.note_refused_http1(&url);
        assert_eq!(hosts.route(&url, Route::Own), Route::Shared, "it takes nothing else");
    }
}
