//! Judges TLS and the answer to `/v2/`.

use oci::{ErrorKind, RegistryHost};
use registry::{Error, Face, Ping, TransportFailure, WantsLogin};

use super::cloud::reach_advice;
use super::finding::{Finding, Step};
use crate::command::notes::is_loopback;
use crate::diagnostic::{registry_words, transport_hint};

/// Whether the registry answered over TLS or plain HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encryption {
    Tls,
    None,
}

/// Judges a failed first request. The port had accepted a connection before.
pub(super) fn judge_failure(host: &RegistryHost, error: &Error, is_cloud: bool) -> Finding {
    let place = host.as_str();
    let words = registry_words(error);
    if error.kind() == ErrorKind::RateLimited {
        return Finding::problem(place, Step::Answer, "it wants to be left alone for a while")
            .why(words)
            .next("run the check again when that is over; registries let known users ask more");
    }
    let Error::Transport { failure, .. } = error else {
        return Finding::problem(place, Step::Answer, "`/v2/` gives no usable answer")
            .why(words)
            .next(format!("check that `{host}` is a registry that is well"));
    };
    match failure {
        TransportFailure::TlsClosed | TransportFailure::Broken | TransportFailure::Stalled => {
            let what =
                "the connection is accepted and closed before any answer, as where a whitelist is closed";
            let advice = reach_advice(host, is_cloud);
            let plain = format!(
                "; if it speaks no TLS, add `--plain-http {host}`, or \"plainHttp\": true in its auth entry"
            );
            Finding::problem(place, Step::Whitelist, what).why(words).next(format!("{advice}{plain}"))
        }
        TransportFailure::Connect | TransportFailure::Name => {
            Finding::problem(place, Step::Port, "no connection comes about")
                .why(words)
                .next(reach_advice(host, is_cloud))
        }
        TransportFailure::Certificate(_) => {
            Finding::problem(place, Step::Tls, "its certificate is not accepted")
                .why(words)
                .next(transport_hint(*failure, place, place))
        }
        failure => Finding::problem(place, Step::Tls, "no TLS connection comes about")
            .why(words)
            .next(transport_hint(*failure, place, place)),
    }
}

/// Judges the answer.
pub(super) fn judge(host: &RegistryHost, ping: &Ping, encryption: Encryption) -> [Finding; 2] {
    let place = host.as_str();
    let status = ping.status;
    let tls = match encryption {
        Encryption::Tls => Finding::ok(place, Step::Tls, "speaks TLS that is accepted"),
        Encryption::None if is_loopback(host.host_name()) => {
            Finding::ok(place, Step::Tls, "speaks plain HTTP, on this machine")
        }
        Encryption::None => Finding::warning(
            place,
            Step::Tls,
            "speaks plain HTTP: its login goes over the network unencrypted",
        )
        .next("reach it by TLS, or keep this to networks that you trust"),
    };
    let answer = match (ping.face, ping.wants_login) {
        (Face::Registry, WantsLogin::Yes) => Finding::ok(place, Step::Answer, format!("is a registry that wants a login ({status})")),
        (Face::Registry, WantsLogin::No) => Finding::ok(place, Step::Answer, format!("is an open registry ({status})")),
        (Face::WebPage, _) => {
            Finding::problem(place, Step::Answer, "it is no registry: `/v2/` answers with a web page")
                .why(format!("{status}, Content-Type text/html"))
                .next(format!("check host and port of `{host}`: this looks like a web site, a login page or the console beside the registry"))
        }
        (Face::Unclear, _) => {
            Finding::warning(place, Step::Answer, "`/v2/` answers as no registry should")
                .why(status.to_string())
                .next(format!("check host and port of `{host}`"))
        }
    };
    [tls, answer]
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::super::finding::Level;
    use super::*;

    fn ping(face: Face) -> Ping {
        Ping { status: StatusCode::OK, face, wants_login: WantsLogin::No, date: None }
    }

    #[test]
    fn web_pages_are_no_registries() {
        let host = "r.io".parse().unwrap();
        let [tls, answer] = judge(&host, &ping(Face::WebPage), Encryption::None);
        assert_eq!(tls.level, Level::Warning);
        assert!(answer.is_problem() && answer.what.contains("it is no registry"));
        let [tls, answer] = judge(&host, &ping(Face::Registry), Encryption::Tls);
        assert_eq!((tls.level, answer.level), (Level::Ok, Level::Ok));
        let [tls, answer] = judge(&"127.0.0.1:5000".parse().unwrap(), &ping(Face::Unclear), Encryption::None);
        assert_eq!((tls.level, answer.level), (Level::Ok, Level::Warning));
    }
}
