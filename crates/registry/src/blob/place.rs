//! The next location of an upload, from the registry's answers.

use http::header::LOCATION;
use reqwest::Response;
use url::Url;

use crate::client::{Answered, Call, Party};
use crate::error::Problem;
use crate::http::location::{self, Unusable};
use crate::{Error, Registry};

/// The next location of an upload.
#[derive(Clone)]
pub(super) struct Place {
    pub(super) location: Url,
    /// Which server named it: an upload that has left the registry's origin gets no login from there on.
    pub(super) named_by: Party,
}

/// The next location, and the server that named it.
pub(super) fn place(registry: &Registry, call: &Call, response: &Response) -> Result<Place, Error> {
    let location = location(registry, call, response)?;
    Ok(Place { named_by: registry.party_at(Answered::of(response).by, &location), location })
}

/// Relative to the answer's address, or absolute, with a query that must be kept.
fn location(registry: &Registry, call: &Call, response: &Response) -> Result<Url, Error> {
    let text = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
    let text = text.ok_or_else(|| call.protocol(Problem::Header("Location")))?;
    location::next(response.url(), text, registry.leaving_tls()).map_err(|unusable| match unusable {
        Unusable::Unreadable => call.protocol(Problem::Header("Location")),
        Unusable::Leaves(to, why) => call.protocol(Problem::Redirect { to: (&to).into(), why }),
    })
}
