//! Which connection a request takes: small requests share one HTTP/2 connection, each large body has one of its own.
//!
//! All streams of an HTTP/2 connection share its congestion window, its thread at the server, and windows that the
//! server chooses: nginx gives an upload 64 KiB a round trip
//! (<https://nginx.org/en/docs/http/ngx_http_v2_module.html#http2_body_preread_size>), which is 1.3 MB/s at 50 ms.
//! Over HTTP/1.1 TCP alone decides.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use url::Url;

/// Bodies of more than so many bytes are large. As many of them move at once as `--proc` says, so this bounds the
/// connections, too.
const LARGE: u64 = 256 << 10;

/// How a request travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    /// With others: over HTTP/2, where the server speaks it, all at once on one connection.
    Shared,
    /// On a connection of its own, over HTTP/1.1.
    Own,
}

impl Route {
    /// For a body of so many bytes; `None` if nobody knows how many.
    pub(crate) fn for_bytes(bytes: Option<u64>) -> Self {
        if bytes.is_some_and(|bytes| bytes <= LARGE) { Self::Shared } else { Self::Own }
    }
}

/// A host that so often left requests unseen at the end of an HTTP/2 connection is asked over HTTP/1.1 from then on: nginx
/// with `keepalive_timeout 0` ends one whenever all its streams are answered.
const MOST_ENDED: u32 = 3;

/// What was learned of the versions of HTTP that hosts speak. Cheap to clone; clones share it.
#[derive(Clone, Default)]
pub(crate) struct HostRoutes(Arc<Mutex<HashMap<String, Learned>>>);

#[derive(Clone, Copy, Default)]
struct Learned {
    refused_http1: bool,
    ended_http2: u32,
}

impl HostRoutes {
    /// The route that a request for `route` takes to the host of `url`.
    pub(crate) fn route(&self, url: &Url, route: Route) -> Route {
        let hosts = self.lock();
        match hosts.get(&host(url)) {
            Some(learned) if learned.refused_http1 => Route::Shared,
            Some(learned) if learned.ended_http2 >= MOST_ENDED => Route::Own,
            _ => route,
        }
    }

    /// Notes that the host of `url` refused HTTP/1.1.
    pub(crate) fn note_refused_http1(&self, url: &Url) {
        self.lock().entry(host(url)).or_default().refused_http1 = true;
    }

    /// Notes that the host of `url` ended an HTTP/2 connection before it looked at a request.
    pub(crate) fn note_ended_http2(&self, url: &Url) {
        self.lock().entry(host(url)).or_default().ended_http2 += 1;
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Learned>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn host(url: &Url) -> String {
    format!("{}:{}", url.host_str().unwrap_or_default(), url.port_or_known_default().unwrap_or_default())
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
        for _ in 0..MOST_ENDED {
            assert_eq!(hosts.route(&url, Route::Shared), Route::Shared);
            hosts.note_ended_http2(&url);
        }
        assert_eq!(hosts.route(&url, Route::Shared), Route::Own);
        hosts.note_refused_http1(&url);
        assert_eq!(hosts.route(&url, Route::Own), Route::Shared, "it takes nothing else");
    }
}
