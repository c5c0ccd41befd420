//! Decides which broken requests are sent again at once, without counting as a failed attempt.
//!
//! A server may end an idle or an old connection at any time (RFC 9110, 9.2.2 and RFC 9113, 6.8). Requests that were
//! under way then were not refused and say nothing about the server's health.

use std::error::Error as StdError;
use std::io;

use http::Method;
use reqwest::StatusCode;

use super::failure::{causes, tls_error};
use super::limit::RequestKind;

/// How often a request is sent again that the server never looked at.
const MOST_UNSEEN: u32 = 8;
/// How often a request is sent again whose connection closed before the answer: more looks like a dead server.
const MOST_CLOSED: u32 = 2;

/// How a request broke, as far as it matters for sending it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Broke {
    /// It never left, because its connection closed first, or the server refused its stream.
    Unsent,
    /// The server ended the connection and did not look at it: a stream above the last one of a GOAWAY.
    Unseen,
    /// The connection closed before any byte of the answer. The server may have processed the request.
    Closed,
    /// The server speaks no HTTP/1.1.
    WantsHttp2,
    /// Anything else.
    Otherwise,
}

/// How often one request was sent again.
#[derive(Default)]
pub(crate) struct Resends {
    unseen: u32,
    closed: u32,
    changed_version: bool,
}

impl Resends {
    /// Whether the request is sent again, now.
    ///
    /// `is_alive` is whether the server has answered any request before: if not, a closed connection means that it is not there.
    pub(crate) fn allow(
        &mut self,
        broke: Broke,
        (method, kind): (&Method, RequestKind),
        is_alive: bool,
    ) -> bool {
        match broke {
            Broke::Unsent | Broke::Unseen => {
                self.unseen += 1;
                self.unseen <= MOST_UNSEEN
            }
            Broke::Closed if is_alive && may_happen_twice(method, kind) => {
                self.closed += 1;
                self.closed <= MOST_CLOSED
            }
            Broke::WantsHttp2 => !std::mem::replace(&mut self.changed_version, true),
            Broke::Closed | Broke::Otherwise => false,
        }
    }
}

/// Whether a request may be processed twice: reads, manifests under the same name, and the opening of an upload, whose lost session
/// stays until the registry purges it, as after any other failure. The PUT that closes an upload may not: the second one finds no upload.
fn may_happen_twice(method: &Method, kind: RequestKind) -> bool {
    match *method {
        Method::GET | Method::HEAD | Method::POST => true,
        Method::PUT => kind == RequestKind::Commit,
        _ => false,
    }
}

/// How `error` broke its request.
pub(crate) fn broke(error: &reqwest::Error) -> Broke {
    if causes(error).any(wants_http2) {
        return Broke::WantsHttp2;
    }
    // A connection that was never established is not a closed one.
    if error.is_connect() || error.is_timeout() {
        return Broke::Otherwise;
    }
    let found = causes(error).map(judge).find(|broke| *broke != Broke::Otherwise);
    found.unwrap_or(Broke::Otherwise)
}

/// Statuses by which servers ask for another version of HTTP: 505; 426; 464, of Amazon's load balancers
/// (<https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-troubleshooting.html>).
pub(crate) fn is_version_refusal(status: StatusCode) -> bool {
    matches!(status.as_u16(), 426 | 464 | 505)
}

fn judge(cause: &(dyn StdError + 'static)) -> Broke {
    if let Some(error) = cause.downcast_ref::<h2::Error>() {
        let is_graceful = error.is_go_away() && error.reason() == Some(h2::Reason::NO_ERROR);
        let is_refused = error.is_reset() && error.reason() == Some(h2::Reason::REFUSED_STREAM);
        match error.is_remote() {
            true if is_graceful => return Broke::Unseen,
            true if is_refused => return Broke::Unsent,
            _ => {}
        }
    }
    if let Some(error) = cause.downcast_ref::<hyper::Error>() {
        if error.is_canceled() {
            return Broke::Unsent;
        }
        if error.is_incomplete_message() || error.is_closed() {
            return Broke::Closed;
        }
    }
    // Two requests that connect at once share the first connection; if that ends meanwhile, the second is dropped.
    // https://github.com/hyperium/hyper-util/blob/master/src/client/legacy/client.rs
    if cause.to_string() == "ALPN upgraded to HTTP/2" {
        return Broke::Unsent;
    }
    match cause.downcast_ref::<io::Error>().map(io::Error::kind) {
        Some(
            io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted,
        ) => Broke::Closed,
        _ => Broke::Otherwise,
    }
}

fn wants_http2(cause: &(dyn StdError + 'static)) -> bool {
    let alert = rustls::Error::AlertReceived(rustls::AlertDescription::NoApplicationProtocol);
    tls_error(cause) == Some(&alert)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(broke: Broke, method: &Method, kind: RequestKind, is_alive: bool) -> usize {
        let mut resends = Resends::default();
        (0..100).take_while(|_| resends.allow(broke, (method, kind), is_alive)).count()
    }

    #[test]
    fn p26_what_may_be_done_twice_is_sent_again_a_bounded_number_of_times() {
        use RequestKind::{Commit, Look, Upload};

        for (broke, method, kind, is_alive, expected) in [
            (Broke::Unseen, Method::PATCH, Upload, false, 8),
            (Broke::Unsent, Method::PUT, Upload, false, 8),
            (Broke::Closed, Method::HEAD, Look, true, 2),
            (Broke::Closed, Method::PUT, Commit, true, 2),
            (Broke::Closed, Method::POST, Upload, true, 2),
            (Broke::Closed, Method::PUT, Upload, true, 0),
            (Broke::Closed, Method::PATCH, Upload, true, 0),
            (Broke::Closed, Method::HEAD, Look, false, 0),
            (Broke::WantsHttp2, Method::PUT, Upload, true, 1),
            (Broke::Otherwise, Method::GET, Look, true, 0),
        ] {
            assert_eq!(times(broke, &method, kind, is_alive), expected, "{broke:?} {method} {is_alive}");
        }
    }
}
