//! Decides whether a redirect is followed, and whether the login goes along: no other file decides this.
//! A [`Walk`](super::walk::Walk) applies it to the requests.
//!
//! Registries redirect blob reads to storage services with signed URLs. These services refuse requests
//! that also carry `Authorization`, and must never get our login. Whether the address may be used at all is decided in
//! [`Transport::storage_client`](super::transport::Transport::storage_client).
//!
//! | rule | leads to | requests | from TLS to plain HTTP | the login | what is not followed |
//! |---|---|---|---|---|---|
//! | `Registry` | anywhere | 10 | as the entry says | at the registry's origin, until another server redirects | is an error |
//! | `Ping` | `/v2/` at the same host | 10 | no | none | is the answer |
//! | `TokenServer` | the same origin | 3 | no | all the way | is an error |
//! | `Author` | anywhere | 5 | no | none | is an error |
//! | `SameServer` | the same origin, or from plain HTTP to TLS at the same host; reads alone | 3 | no | all the way | is an error |
//! | `Nowhere` | nowhere | 1 | | at the first | is the answer |

use http::{HeaderMap, Method, StatusCode};
use url::Url;

use super::destination::LeavingTls;
use super::origin::{is_same_host, is_same_origin, keeps_login, upgrade};
use crate::client::Party;
use crate::error::{NotFollowed, Problem};
use crate::proven::Proven;
use crate::{Error, RedactedUrl};

/// How far a request follows redirects.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Rule<'a> {
    /// A request of the protocol to the registry at `home`.
    Registry {
        home: &'a Url,
        /// Which server named the first address.
        named_by: Party,
        leaving_tls: LeavingTls,
    },
    /// The first request to a registry: port 80 in front of TLS redirects to it. A redirect that must not be followed
    /// is taken as the answer: the next request gets it again, and fails.
    Ping,
    /// A request to a token server: behind a proxy it may redirect us to another path of its own.
    TokenServer,
    /// A read of a layer at the address that the image's author named. The sender judges each address.
    Author,
    /// A read of an API beside the protocol, with a login for that host: redirects may, for example, lead from a path without a slash
    /// to one with it.
    SameServer,
    /// A redirect is returned as the answer.
    Nowhere,
}

impl Rule<'_> {
    /// How often a request is sent at most: more redirects are a loop.
    pub(super) fn most_requests(self) -> usize {
        match self {
            Self::Registry { .. } | Self::Ping => 10,
            Self::Author => 5,
            Self::TokenServer | Self::SameServer => 3,
            Self::Nowhere => 1,
        }
    }

    /// Where a redirect leads, with the same method and body; `None` if the answer is final.
    ///
    /// # Errors
    /// The redirect is not followed.
    pub(super) fn next(
        self,
        (method, from): (&Method, &Url),
        answer: (StatusCode, &HeaderMap),
    ) -> Result<Option<Url>, Error> {
        let leaving_tls = match self {
            Self::Registry { leaving_tls, .. } => leaving_tls,
            Self::Nowhere => return Ok(None),
            Self::Ping | Self::TokenServer | Self::Author | Self::SameServer => LeavingTls::Refused,
        };
        let target = target((method, from), answer, leaving_tls);
        if matches!(self, Self::Ping) {
            return Ok(target.ok().flatten().filter(|to| is_same_api(from, to)));
        }
        let Some(to) = target? else { return Ok(None) };
        match self.why_not((method, from), &to) {
            None => Ok(Some(to)),
            Some(why) => Err(not_followed((method, from), &to, why)),
        }
    }

    fn why_not(self, (method, from): (&Method, &Url), to: &Url) -> Option<NotFollowed> {
        match self {
            Self::TokenServer if !is_same_origin(from, to) => Some(NotFollowed::OtherServer),
            Self::SameServer if *method != Method::GET => Some(NotFollowed::OtherRequest),
            Self::SameServer if !keeps_login(from, to) => Some(NotFollowed::OtherServer),
            _ => None,
        }
    }

    /// The server that named the first address.
    pub(super) fn begins_with(self) -> Party {
        match self {
            Self::Registry { named_by, .. } => named_by,
            Self::Author => Party::Another,
            Self::Ping | Self::TokenServer | Self::SameServer | Self::Nowhere => Party::Registry,
        }
    }

    /// The party behind an address that `party` named: the login goes only where the first party leads.
    pub(super) fn party_at(self, party: Party, url: &Url) -> Party {
        match self {
            Self::Registry { home, .. } => party.at(home, url),
            Self::Ping | Self::TokenServer | Self::Author | Self::SameServer | Self::Nowhere => party,
        }
    }
}

/// Where a redirect leads, with the same method and body; `None` if it is no redirect.
///
/// For requests whose body, if any, can be sent again. Plain HTTP at the same host and port that we reached by TLS is
/// upgraded to TLS: a server behind a proxy that ends TLS does not know of it.
///
/// # Errors
/// The redirect is not followed: it leaves TLS, has no target, or would turn a write into another request.
fn target(
    (method, from): (&Method, &Url),
    (status, headers): (StatusCode, &HeaderMap),
    leaving_tls: LeavingTls,
) -> Result<Option<Url>, Error> {
    if !matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let location = headers.get(http::header::LOCATION).and_then(|value| value.to_str().ok());
    let mut to = location
        .and_then(|location| from.join(location).ok())
        .ok_or_else(|| protocol((method, from), Problem::Header("Location")))?;
    upgrade(from, &mut to);
    let refused = |why| not_followed((method, from), &to, why);
    let is_read = matches!(*method, Method::GET | Method::HEAD);
    match (from.scheme(), to.scheme()) {
        ("https", "http") if leaving_tls == LeavingTls::Refused => Err(refused(NotFollowed::LeavesTls)),
        // RFC 9110, 15.4: these statuses turn a write into a read, which stores nothing.
        _ if !is_read && !matches!(status.as_u16(), 307 | 308) => Err(refused(NotFollowed::OtherRequest)),
        (_, "http" | "https") => Ok(Some(to)),
        _ => Err(refused(NotFollowed::LeavesHttp)),
    }
}

/// Whether a redirect stays with the same host's API, whatever its scheme and port.
fn is_same_api(from: &Url, to: &Url) -> bool {
    is_same_host(from, to) && matches!(to.path(), "/v2/" | "/v2")
}

pub(super) fn not_followed(asked: (&Method, &Url), to: &Url, why: NotFollowed) -> Error {
    protocol(asked, Problem::Redirect { to: RedactedUrl::from(to), why })
}

fn protocol((method, url): (&Method, &Url), problem: Problem) -> Error {
    let proven = Proven::default();
    Error::Protocol { method: method.clone(), url: RedactedUrl::from(url), problem, proven }
}

#[cfg(test)]
mod tests;
