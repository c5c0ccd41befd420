//! Streams a request to a server behind the front, and its answer back.

use http::header::{CONNECTION, EXPECT, TRANSFER_ENCODING};
use http::request::Parts;
use http::{HeaderValue, Response, StatusCode};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;

use super::answer::{self, Answer};
use super::state::State;

/// Sends the request to `host`, with another `Authorization` if one is given.
pub(super) async fn forward(
    state: &State,
    host: &str,
    head: &Parts,
    body: Incoming,
    authorization: Option<HeaderValue>,
) -> Answer {
    let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
    let mut headers = head.headers.clone();
    for name in [CONNECTION, TRANSFER_ENCODING, EXPECT] {
        headers.remove(name);
    }
    if let Some(authorization) = authorization {
        headers.insert(http::header::AUTHORIZATION, authorization);
    }
    // Includes `Host`, from which the registry makes upload locations.
    let request = state.client.request(head.method.clone(), format!("http://{host}{path}")).headers(headers);
    match request.body(reqwest::Body::wrap(body)).send().await {
        Ok(response) => {
            let (mut head, body) = Response::<reqwest::Body>::from(response).into_parts();
            head.headers.remove(CONNECTION);
            head.headers.remove(TRANSFER_ENCODING);
            Response::from_parts(head, body.map_err(Into::into).boxed_unsync())
        }
        Err(error) => answer::text(StatusCode::BAD_GATEWAY, "text/html", format!("<html>502 {error}</html>")),
    }
}
