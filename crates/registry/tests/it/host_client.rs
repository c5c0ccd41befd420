//! The client for APIs beside the protocol: small answers within limits, and redirects that never send a login to
//! another server.

use std::time::Duration;

use embedded_registry::{Authorization, Effect, EmbeddedRegistry, Fault, Match, Times};
use http::header::{AUTHORIZATION, LOCATION};
use http::{HeaderValue, Method, StatusCode};
use oci::ErrorKind;
use registry::{Error, Follow, HostAnswer, HostClient, HostRequest, Problem, Proxies, Transport};

async fn server() -> (EmbeddedRegistry, HostClient) {
    let transport = Transport::new("image-syncer/test", &[]).unwrap().through(&Proxies::none());
    (EmbeddedRegistry::builder().start().await.unwrap(), transport.host_client().unwrap())
}

fn misbehave(server: &EmbeddedRegistry, when: Match, effect: Effect) {
    server.misbehave(Fault { when, times: Times::Always, effect });
}

fn request(server: &EmbeddedRegistry, method: Method, path: &str) -> HostRequest {
    let url = format!("http://{}{path}", server.host()).parse().unwrap();
    HostRequest::new(method, url).header(AUTHORIZATION, HeaderValue::from_static("Basic aHVudGVyMg=="))
}

fn says(code: u16, body: String) -> Effect {
    Effect::Status { code, body, headers: Vec::new() }
}

fn problem(answer: Result<HostAnswer, Error>) -> Problem {
    match answer.unwrap_err() {
        Error::Protocol { problem, .. } => problem,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_read_goes_on_at_the_same_server_and_nowhere_else() {
    let (server, client) = server().await;
    let other = EmbeddedRegistry::builder().start().await.unwrap();
    misbehave(&server, Match::path("/here"), Effect::RedirectWith(302, "/there".to_owned()));
    misbehave(&server, Match::path("/there"), says(200, "found".to_owned()));
    misbehave(&server, Match::path("/away"), Effect::RedirectWith(302, format!("http://{}/", other.host())));
    misbehave(&server, Match::path("/circle"), Effect::RedirectWith(302, "/circle".to_owned()));
    let ask = async |method, path, follow| {
        server.clear_requests();
        client.ask(&request(&server, method, path).follow(follow)).await
    };
    let answer = ask(Method::GET, "/here", Follow::SameHost).await.unwrap();
    assert_eq!(
        (answer.status, answer.url.path(), &answer.body[..]),
        (StatusCode::OK, "/there", &b"found"[..])
    );
    let logins: Vec<_> = server.requests().iter().map(|request| request.authorization).collect();
    assert_eq!(logins, [Authorization::Basic; 2]);
    for (method, path, why, requests) in [
        (Method::GET, "/away", "the login would go to another server", 1),
        (Method::POST, "/here", "another request than the one that was sent", 1),
        (Method::GET, "/circle", "too many redirects", 3),
    ] {
        let problem = problem(ask(method, path, Follow::SameHost).await).to_string();
        assert!(problem.contains(why), "{path}: {problem}");
        assert_eq!(server.requests().len(), requests, "{path}");
    }
    let answer = ask(Method::GET, "/away", Follow::Nowhere).await.unwrap();
    assert!(answer.status == StatusCode::FOUND && answer.headers.contains_key(LOCATION));
    assert!(other.requests().is_empty());
}

#[tokio::test]
async fn an_answer_is_bounded_and_a_refusal_keeps_its_status() {
    let (server, client) = server().await;
    misbehave(&server, Match::path("/long"), says(200, "x".repeat(1001)));
    misbehave(&server, Match::path("/refused"), says(403, r#"{"errors":[{"code":"DENIED"}]}"#.to_owned()));
    misbehave(&server, Match::path("/page"), says(502, "x".repeat(100_000)));
    let ask = async |path| client.ask(&request(&server, Method::GET, path).up_to(1000)).await;
    assert_eq!(problem(ask("/long").await), Problem::TooLarge(1000));
    let refusal = ask("/refused").await.unwrap().refusal();
    assert_eq!((refusal.kind(), refusal.errors[0].code.as_str()), (ErrorKind::Denied, "DENIED"));
    let unavailable = ask("/page").await.unwrap();
    assert_eq!(
        (unavailable.status, unavailable.refusal().kind()),
        (StatusCode::BAD_GATEWAY, ErrorKind::Unavailable)
    );
}

#[tokio::test]
async fn what_is_compressed_unasked_is_told() {
    let (server, client) = server().await;
    let headers = vec![("content-encoding", "gzip".to_owned())];
    misbehave(&server, Match::any(), Effect::Status { code: 200, body: "x".to_owned(), headers });
    let answer = client.ask(&request(&server, Method::GET, "/")).await;
    assert_eq!(problem(answer), Problem::Encoding("gzip".to_owned()));
    let seen = &server.requests()[0].headers;
    assert_eq!(
        (&seen["accept-encoding"], &seen["user-agent"]),
        (&"identity".parse().unwrap(), &"image-syncer/test".parse().unwrap())
    );
}

#[tokio::test]
async fn no_answer_takes_longer_than_its_request_allows() {
    let (server, client) = server().await;
    misbehave(&server, Match::path("/silent"), Effect::Hang);
    let trickle = Effect::Trickle { bytes: 1, pause: Duration::from_millis(50) };
    misbehave(&server, Match::path("/v2/_catalog"), trickle);
    for path in ["/silent", "/v2/_catalog"] {
        let request = request(&server, Method::GET, path).within(Duration::from_millis(300));
        let error = client.ask(&request).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Stalled, "{path}: {error:?}");
    }
}

#[tokio::test]
async fn what_a_registrys_host_is_asked_beside_the_protocol_counts_as_asked_of_the_registry() {
    let server = EmbeddedRegistry::builder().start().await.unwrap();
    misbehave(&server, Match::path("/api/"), says(200, "[7]".to_owned()));
    let registry = crate::bench::client(&server.host(), None);
    let (client, base) = registry.host_client().await.unwrap();
    let before = registry.traffic();
    assert_eq!((before.requests, before.bytes_read, before.bytes_sent), (1, 0, 0), "where it answers");
    let request = HostRequest::new(Method::POST, base.join("/api/projects").unwrap()).body("{}");
    client.ask(&request).await.unwrap();
    let after = registry.traffic();
    assert_eq!((after.requests, after.bytes_read, after.bytes_sent), (2, 3, 2));
    assert_eq!(server.requests().len(), 2);
}
