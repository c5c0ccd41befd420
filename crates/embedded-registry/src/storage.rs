//! A storage service beside the registry, such as S3 or OSS: it serves blobs by signed URLs.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::request::Parts;
use http::{Method, StatusCode, header};
use tokio::task::JoinHandle;

use crate::answer::Answer;
use crate::body::RequestBody;
use crate::builder::blob::Ranges;
use crate::call::{parameters, text_header};
use crate::fault::{Effect, Fault, Match, Times};
use crate::part::part;
use crate::request_log::LoggedRequest;
use crate::server::listen;
use crate::service::{Desk, Service, accept};

/// A running storage service. Dropping it closes its port.
///
/// It answers a request with `Authorization` with 400, and one whose signature is unknown or used up with 403, both
/// with S3's XML.
pub struct Storage {
    shelf: Shelf,
    server: JoinHandle<()>,
}

/// The storage of blobs for the registry. Clones are the same.
#[derive(Clone)]
pub(crate) struct Shelf(Arc<Shared>);

struct Shared {
    address: SocketAddr,
    desk: Desk,
    content: Mutex<Content>,
}

#[derive(Default)]
struct Content {
    blobs: HashMap<String, Bytes>,
    signatures: HashMap<String, Signature>,
    uses: Option<usize>,
    ranges: Ranges,
}

struct Signature {
    digest: String,
    uses_left: Option<usize>,
}

impl Storage {
    /// Listens on a free port of 127.0.0.1.
    pub async fn start() -> io::Result<Self> {
        let (listener, address) = listen().await?;
        let desk = Desk::new(Duration::ZERO, None);
        let shared = Arc::new(Shared { address, desk, content: Mutex::default() });
        let server = tokio::spawn(accept(listener, shared.clone()));
        Ok(Self { shelf: Shelf(shared), server })
    }

    /// `127.0.0.1:port`
    pub fn host(&self) -> String {
        self.shelf.0.address.to_string()
    }

    /// The requests so far.
    pub fn requests(&self) -> Vec<LoggedRequest> {
        self.shelf.0.desk.log.requests()
    }

    /// Adds a fault.
    pub fn misbehave(&self, fault: Fault) {
        self.shelf.0.desk.faults.add(fault);
    }

    /// Answers with 503 `SlowDown`, as S3 does to clients that send too many requests.
    pub fn slow_down(&self, times: Times) {
        let body = xml("SlowDown", "Please reduce your request rate.");
        let headers = vec![("content-type", "application/xml".to_owned())];
        let effect = Effect::Status { code: 503, body, headers };
        self.misbehave(Fault { when: Match::any(), times, effect });
    }

    /// Each signature that is issued from now on is valid for this many requests.
    pub fn limit_uses(&self, uses: usize) {
        self.shelf.content().uses = Some(uses);
    }

    /// Invalidates all signatures that were issued so far.
    pub fn expire_all(&self) {
        self.shelf.content().signatures.clear();
    }

    /// Sets how `Range` is handled.
    pub fn set_ranges(&self, ranges: Ranges) {
        self.shelf.content().ranges = ranges;
    }

    pub(crate) fn shelf(&self) -> Shelf {
        self.shelf.clone()
    }
}

impl Drop for Storage {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Shelf {
    /// Stores a blob, and returns a URL to read it.
    pub(crate) fn sign(&self, digest: &str, bytes: Bytes) -> String {
        let number = self.0.desk.number();
        let mut content = self.content();
        let signature = Signature { digest: digest.to_owned(), uses_left: content.uses };
        content.blobs.insert(digest.to_owned(), bytes);
        content.signatures.insert(format!("sig/{number}="), signature);
        // With escapes, so that a client which decodes and encodes the query again is detected.
        format!("http://{}/bucket/{digest}?Expires=1893456000&Signature=sig%2F{number}%3D", self.0.address)
    }

    fn content(&self) -> MutexGuard<'_, Content> {
        self.0.content()
    }
}

impl Shared {
    fn content(&self) -> MutexGuard<'_, Content> {
        self.content.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The blob of the signature, and how its ranges are handled.
    fn open(&self, head: &Parts) -> Option<(Bytes, Ranges)> {
        let digest = head.uri.path().strip_prefix("/bucket/")?;
        let (_, given) = parameters(head).find(|(name, _)| name == "Signature")?;
        let mut content = self.content();
        let ranges = content.ranges;
        let signature = content.signatures.get_mut(&given).filter(|known| known.digest == digest)?;
        if let Some(left) = &mut signature.uses_left {
            *left = left.checked_sub(1)?;
        }
        content.blobs.get(digest).map(|bytes| (bytes.clone(), ranges))
    }
}

impl Service for Shared {
    fn desk(&self) -> &Desk {
        &self.desk
    }

    async fn answer(&self, head: &Parts, _: &mut RequestBody) -> Answer {
        if !matches!(head.method, Method::GET | Method::HEAD) {
            let message = "The specified method is not allowed against this resource.";
            return refused(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", message);
        }
        if head.headers.contains_key(header::AUTHORIZATION) {
            let message = "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature \
                           query string parameter or the Authorization header should be specified";
            return refused(StatusCode::BAD_REQUEST, "InvalidArgument", message);
        }
        let Some((bytes, ranges)) = self.open(head) else {
            return refused(StatusCode::FORBIDDEN, "AccessDenied", "Request has expired");
        };
        let entity_tag = format!("\"{}\"", head.uri.path().trim_start_matches("/bucket/"));
        let is_same = text_header(head, header::IF_RANGE).is_none_or(|known| known == entity_tag);
        part(&bytes, text_header(head, header::RANGE).filter(|_| is_same), ranges)
            .header("content-type", "application/octet-stream")
            .header("accept-ranges", "bytes")
            .header("etag", entity_tag)
    }

    fn unauthorized(&self, _: &Parts) -> Answer {
        refused(StatusCode::UNAUTHORIZED, "AccessDenied", "Access Denied")
    }

    fn complete(&self, answer: Answer) -> Answer {
        answer.header("x-amz-request-id", format!("storage-{}", self.desk.number())).with_length()
    }
}

fn refused(status: StatusCode, code: &str, message: &str) -> Answer {
    Answer::new(status).header("content-type", "application/xml").body(xml(code, message))
}

fn xml(code: &str, message: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    )
}
