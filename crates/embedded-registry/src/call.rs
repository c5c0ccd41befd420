//! One request on its way to an endpoint: its head, its caller, and its body as it comes in.

use bytes::{Bytes, BytesMut};
use http::header;
use http::request::Parts;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;

use crate::answer::{Answer, Refusal};
use crate::gate::Caller;
use crate::log::Entry;
use crate::server::Shared;

/// How much of a body that nobody wants is read before its request is answered, in bytes. A client that still
/// sends when the connection is closed may not see the answer; this much is what Go's server, and so most
/// registries, read for that.
const LARGEST_UNWANTED: usize = 256 << 10;

/// A request whose caller may do what it asks.
pub(crate) struct Call<'a> {
    pub(crate) shared: &'a Shared,
    pub(crate) head: &'a Parts,
    pub(crate) caller: Caller,
}

impl Call<'_> {
    /// A parameter of the query, decoded.
    pub(crate) fn parameter(&self, name: &str) -> Option<String> {
        parameters(self.head).find(|(key, _)| key == name).map(|(_, value)| value)
    }

    pub(crate) fn header(&self, name: header::HeaderName) -> Option<&str> {
        text_header(self.head, name)
    }
}

pub(crate) fn parameters(head: &Parts) -> impl Iterator<Item = (String, String)> {
    url::form_urlencoded::parse(head.uri.query().unwrap_or_default().as_bytes()).into_owned()
}

pub(crate) fn text_header(head: &Parts, name: header::HeaderName) -> Option<&str> {
    head.headers.get(name).and_then(|value| value.to_str().ok())
}

/// The body of a request. The log hears of every byte.
pub(crate) struct RequestBody {
    incoming: Incoming,
    entry: Entry,
}

impl RequestBody {
    pub(crate) fn new(incoming: Incoming, entry: Entry) -> Self {
        Self { incoming, entry }
    }

    /// The next piece; an error if the body breaks off.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, Answer> {
        while let Some(frame) = self.incoming.frame().await {
            let frame = frame.map_err(|_| Refusal::BodyBrokenOff)?;
            if let Ok(piece) = frame.into_data() {
                self.entry.received(piece.len());
                return Ok(Some(piece));
            }
        }
        Ok(None)
    }

    /// The whole body; an error if it is larger than a manifest may be.
    pub(crate) async fn whole(&mut self, largest: usize) -> Result<Bytes, Answer> {
        let mut whole = BytesMut::new();
        while let Some(piece) = self.next().await? {
            whole.extend_from_slice(&piece);
            if whole.len() > largest {
                return Err(Refusal::ManifestTooLarge.into());
            }
        }
        Ok(whole.freeze())
    }

    /// Reads what nobody wanted, up to a limit.
    pub(crate) async fn drain(&mut self) {
        let mut drained = 0;
        while drained < LARGEST_UNWANTED
            && let Ok(Some(piece)) = self.next().await
        {
            drained += piece.len();
        }
    }
}
