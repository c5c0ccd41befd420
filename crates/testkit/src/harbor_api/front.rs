//! Accepts connections, and routes each request as nginx in front of a Harbor does.

use std::convert::Infallible;
use std::sync::Arc;

use http::header::{COOKIE, HeaderName, SET_COOKIE};
use http::request::Parts;
use http::{Method, Request, StatusCode};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use super::answer::{self, Answer};
use super::builder::{Api, Names};
use super::caller::Caller;
use super::forward::forward;
use super::page::Query;
use super::state::State;
use super::{distribution, version_one, version_two};

pub(super) async fn serve(listener: TcpListener, state: Arc<State>) {
    while let Ok((stream, _)) = listener.accept().await {
        // If this fails, small answers are only slower.
        let _ = stream.set_nodelay(true);
        let state = Arc::clone(&state);
        let service = service_fn(move |request| {
            let state = Arc::clone(&state);
            async move { Ok::<_, Infallible>(handle(&state, request).await) }
        });
        // A client may break off: that is no error here.
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}

async fn handle(state: &State, request: Request<Incoming>) -> Answer {
    let (head, body) = request.into_parts();
    let mut answer = route(state, &head, body).await;
    state.log.add(&head, answer.status().as_u16());
    if !answer.headers().contains_key("x-request-id") {
        answer = answer::with_header(answer, HeaderName::from_static("x-request-id"), "bench-request");
    }
    answer::with_header(answer, SET_COOKIE, "sid=bench-session; Path=/; HttpOnly")
}

async fn route(state: &State, head: &Parts, body: Incoming) -> Answer {
    let path = head.uri.path();
    if path == "/service/token" {
        return forward(state, &state.token_host, head, body, None).await;
    }
    if !path.starts_with("/v2/") && !path.starts_with("/api/") {
        return answer::portal();
    }
    if path.starts_with("/api/")
        && let Some(ordered) = state.canned().pop_front()
    {
        return answer::canned(&ordered);
    }
    if is_write(&head.method) {
        if head.headers.contains_key(COOKIE) && !head.headers.contains_key("x-harbor-csrf-token") {
            return answer::error(StatusCode::FORBIDDEN, "FORBIDDEN", "CSRF token not found in request");
        }
        if state.rules().read_only {
            let message = "The system is in read only mode. Any modification is prohibited.";
            return answer::error(StatusCode::FORBIDDEN, "DENIED", message);
        }
    }
    if path.starts_with("/v2/") {
        distribution::answer(state, head, body).await
    } else {
        api(state, head, body).await
    }
}

pub(super) fn is_write(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// A request to the API.
pub(super) struct ApiRequest<'a> {
    pub(super) method: &'a Method,
    /// As it appears in links.
    pub(super) path: &'a str,
    pub(super) query: Query,
    pub(super) caller: Caller,
    /// Whether a numeric name is a name, and not an id.
    pub(super) names_are_names: bool,
    pub(super) body: serde_json::Value,
}

async fn api(state: &State, head: &Parts, body: Incoming) -> Answer {
    let body = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let decoded;
    let path = match state.names {
        Names::Kept => head.uri.path(),
        Names::Decoded => {
            decoded = decode(head.uri.path());
            &decoded
        }
    };
    let named = head.headers.get("x-is-resource-name").and_then(|value| value.to_str().ok());
    let request = ApiRequest {
        method: &head.method,
        path,
        query: Query::of(&head.uri),
        caller: Caller::of(state, &head.headers),
        names_are_names: named.is_some_and(|value| value == "true"),
        body: serde_json::from_slice(&body).unwrap_or_default(),
    };
    match state.api {
        Api::One => version_one::answer(state, &request),
        Api::Two => version_two::answer(state, &request),
    }
}

/// Decodes one level of percent encoding.
pub(super) fn decode(text: &str) -> String {
    let hex = |digit: u8| char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let bytes = text.as_bytes();
    let (mut decoded, mut place) = (Vec::with_capacity(bytes.len()), 0);
    while let Some(&byte) = bytes.get(place) {
        let digits =
            bytes.get(place + 1).copied().and_then(hex).zip(bytes.get(place + 2).copied().and_then(hex));
        match digits {
            Some((high, low)) if byte == b'%' => {
                decoded.push(high * 16 + low);
                place += 3;
            }
            _ => {
                decoded.push(byte);
                place += 1;
            }
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

#[cfg(test)]
mod tests {
    use super::decode;

    #[test]
    fn one_layer_is_decoded() {
        assert_eq!(decode("a%252Fb"), "a%2Fb");
        assert_eq!(decode("a%2Fb%"), "a/b%");
    }
}
