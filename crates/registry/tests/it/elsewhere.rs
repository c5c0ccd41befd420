//! Answers of other servers to which a registry redirects do not count as the registry's: they get no login, and
//! do not change what we know about the registry.

use bytes::Bytes;
use embedded_registry::sample::{self, Flavour};
use embedded_registry::{
    Access as Login, Authorization, Effect, EmbeddedRegistry, Fault, Grant, LoggedRequest, Match, Times,
    TokenAccess, User,
};
use http::Method;
use oci::{Digest, ErrorKind};
use registry::{Access, Party, ReferrerFilter, Repository, Start};

use crate::bench::{Bench, body, digest, fill, push_blob, tag};

const USER: (&str, &str) = ("u", "secret");
const MIB: usize = 1 << 20;

fn users() -> Vec<User> {
    vec![User::new(USER.0, USER.1, vec![Grant::push("*")])]
}

/// A registry that asks for a login, and an open one to which it redirects.
async fn benches() -> (Bench, EmbeddedRegistry) {
    let bench = Bench::start(EmbeddedRegistry::builder().access(Login::Basic(users())), Some(USER)).await;
    (bench, EmbeddedRegistry::builder().start().await.unwrap())
}

fn status(code: u16, headers: &[(&'static str, &str)]) -> Effect {
    let headers = headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    Effect::Status { code, body: String::new(), headers }
}

fn misbehave(server: &EmbeddedRegistry, when: Match, effect: Effect) {
    server.misbehave(Fault { when, times: Times::Always, effect });
}

fn authorizations(requests: &[LoggedRequest]) -> Vec<Authorization> {
    requests.iter().map(|request| request.authorization).collect()
}

/// An address at the registry, or at its token server: by the host name that the client uses.
fn at_home(server: &EmbeddedRegistry, path: &str) -> String {
    format!("http://{}{path}", server.host())
}

/// An address at another host: `localhost` differs from `127.0.0.1`.
fn to(server: &EmbeddedRegistry, path: &str) -> String {
    format!("http://localhost:{}{path}", server.address().port())
}

/// The registry still gets its login, with the scheme that it asked for itself.
async fn still_logs_in(bench: &Bench) {
    sample::image(bench.server.store(), "a/app", Some("v1"), Flavour::Oci, &[], "amd64");
    bench.server.behave();
    bench.server.clear_requests();
    assert!(bench.repository("a/app", Access::Pull).resolve(&tag("v1")).await.unwrap().is_some());
    assert_eq!(authorizations(&bench.asked()), [Authorization::Basic], "{:?}", bench.lines());
}

fn upload_at(bench: &Bench, other: &EmbeddedRegistry) -> Repository {
    let location = to(other, "/v2/a/app/blobs/uploads/1");
    bench.misbehave(Match::post("/uploads/"), status(202, &[("location", location.as_str())]));
    bench.repository("a/app", Access::PullPush)
}

#[tokio::test]
async fn s1_a_challenge_from_where_an_upload_goes_draws_no_login_and_teaches_nothing() {
    let token_server = EmbeddedRegistry::builder().access(Login::Token(TokenAccess::harbor(users())));
    let token_server = token_server.start().await.unwrap();
    let challenge =
        format!("Bearer realm=\"{}\",service=\"harbor-registry\"", at_home(&token_server, "/service/token"));
    for size in [Some(10), None] {
        let (bench, other) = benches().await;
        misbehave(&other, Match::any(), status(401, &[("www-authenticate", challenge.as_str())]));
        let repository = upload_at(&bench, &other);
        let bytes = Bytes::from_static(b"0123456789");
        let mut session = repository.start_upload().await.unwrap();
        let sent = session.send(&Digest::sha256(&bytes), size, body(&bytes)).await;
        assert_eq!(sent.unwrap_err().kind(), ErrorKind::Unauthorized);
        let error = push_blob(&repository, &bytes).await.unwrap_err();
        let registry::Error::Refused(refusal) = &error else { panic!("{error:?}") };
        assert_eq!(refusal.answered.by, Party::Another);
        assert!(authorizations(&other.requests()).iter().all(|sent| *sent == Authorization::Absent));
        still_logs_in(&bench).await;
    }
    let drawn = token_server.requests();
    assert!(authorizations(&drawn).iter().all(|sent| *sent == Authorization::Absent), "{drawn:?}");
}

#[tokio::test]
async fn s1_who_was_sent_away_does_not_come_back_with_the_login() {
    let (bench, other) = benches().await;
    let back = at_home(&bench.server, "/v2/hidden/app/manifests/v1");
    misbehave(&other, Match::any(), Effect::Redirect(back));
    bench.misbehave(Match::path("/a/app/manifests/"), Effect::Redirect(to(&other, "/")));
    let error = bench.repository("a/app", Access::Pull).pull_manifest(&tag("v1")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthorized);
    let hidden = bench.asked().into_iter().filter(|request| request.repository() == Some("hidden/app"));
    let hidden: Vec<_> = hidden.collect();
    assert!(!hidden.is_empty());
    assert!(authorizations(&hidden).iter().all(|sent| *sent == Authorization::Absent), "{hidden:?}");
    still_logs_in(&bench).await;
}

#[tokio::test]
async fn s1_an_upload_that_left_the_registry_does_not_come_back_with_the_login() {
    let (bench, other) = benches().await;
    let back = at_home(&bench.server, "/v2/hidden/app/blobs/uploads/1");
    misbehave(&other, Match::patch("/"), status(202, &[("location", back.as_str())]));
    let repository = upload_at(&bench, &other);
    let bytes = Bytes::from_static(b"0123456789");
    let mut session = repository.start_upload().await.unwrap();
    let sent = session.send(&Digest::sha256(&bytes), None, body(&bytes)).await;
    assert!(sent.is_err());
    let hidden = bench.asked().into_iter().filter(|request| request.repository() == Some("hidden/app"));
    let hidden: Vec<_> = hidden.collect();
    assert!(!hidden.is_empty());
    assert!(authorizations(&hidden).iter().all(|sent| *sent == Authorization::Absent), "{hidden:?}");
}

#[tokio::test]
async fn s1_a_location_is_relative_to_who_names_it() {
    let (bench, other) = benches().await;
    let there = to(&other, "/v2/b/app/blobs/uploads/");
    bench.misbehave(Match::post("/uploads/"), Effect::Redirect(there));
    let bytes = Bytes::from_static(b"0123456789");
    push_blob(&bench.repository("a/app", Access::PullPush), &bytes).await.unwrap();
    assert!(other.store().blob("b/app", &Digest::sha256(&bytes).to_string()).is_some());
    assert!(bench.asked().iter().all(|request| request.method == Method::POST), "{:?}", bench.lines());
}

#[tokio::test]
async fn s1_sizes_and_methods_that_another_server_refuses_are_not_the_registrys() {
    for (code, size) in [(413, 2 * MIB), (405, 20 * MIB)] {
        let (bench, other) = benches().await;
        misbehave(&other, Match::any(), status(code, &[]));
        let location = to(&other, "/v2/a/app/blobs/uploads/1");
        bench.misbehave_once(Match::post("/uploads/"), status(202, &[("location", location.as_str())]));
        let repository = bench.repository("a/app", Access::PullPush);
        let mut session = repository.start_upload().await.unwrap();
        fill(&mut session, &Bytes::from(vec![7; size])).await.unwrap();
        bench.server.clear_requests();
        push_blob(&repository, &Bytes::from(vec![8; size])).await.unwrap();
        let bodies: Vec<_> = bench.asked().into_iter().filter(|request| request.received_bytes > 0).collect();
        let shape = if size > 16 * MIB { Method::PATCH } else { Method::PUT };
        assert!(bodies.len() == 1 && bodies[0].method == shape, "{code}: {:?}", bench.lines());
    }
}

#[tokio::test]
async fn s1_a_mount_that_another_server_refuses_does_not_end_all_mounts() {
    let (bench, other) = benches().await;
    misbehave(&other, Match::any(), Effect::refuse(403, "DENIED", "no"));
    // Twice: the link to the other server might have expired.
    let (when, effect) = (Match::post("mount="), Effect::Redirect(to(&other, "/v2/")));
    bench.server.misbehave(Fault { when, times: Times::First(2), effect });
    let blob = digest(&bench.server.store().put_blob("a/base", "bytes"));
    let repository = bench.repository("a/app", Access::PullPush);
    let from = "a/base".parse().unwrap();
    assert!(matches!(repository.mount_or_start_upload(&blob, &from).await.unwrap(), Start::Session(_)));
    assert!(matches!(repository.mount_or_start_upload(&blob, &from).await.unwrap(), Start::Mounted));
}

#[tokio::test]
async fn s1_warnings_quotas_and_answers_of_another_server_are_not_the_registrys() {
    let (bench, other) = benches().await;
    sample::image(other.store(), "a/app", Some("v1"), Flavour::Oci, &[], "amd64");
    let said = [("warning", "299 - \"evil\""), ("ratelimit-remaining", "1;w=60")];
    let said = said.map(|(name, value)| (name, value.to_owned())).to_vec();
    misbehave(&other, Match::any(), Effect::AddHeaders(said));
    bench.misbehave(Match::path("/manifests/"), Effect::Redirect(to(&other, "/v2/a/app/manifests/v1")));
    let repository = bench.repository("a/app", Access::Pull);
    repository.pull_manifest(&tag("v1")).await.unwrap();
    assert_eq!((bench.client.warnings(), bench.client.quota()), (Vec::new(), None));
    assert_eq!(bench.client.answers(), bench.asked().len() as u64, "{:?}", bench.lines());
    assert!(!other.requests().is_empty());
}

#[tokio::test]
async fn s1_what_another_server_makes_of_head_says_nothing_of_the_registry() {
    let (bench, other) = benches().await;
    sample::image(other.store(), "a/app", Some("v1"), Flavour::Oci, &[], "amd64");
    misbehave(&other, Match::head("/"), status(405, &[]));
    bench.misbehave(Match::path("/manifests/"), Effect::Redirect(to(&other, "/v2/a/app/manifests/v1")));
    let repository = bench.repository("a/app", Access::Pull);
    for _ in 0..2 {
        assert!(repository.resolve(&tag("v1")).await.unwrap().is_some());
    }
    let heads = bench.asked().iter().filter(|request| request.method == Method::HEAD).count();
    assert_eq!(heads, 2, "{:?}", bench.lines());
}

#[tokio::test]
async fn s1_another_servers_trouble_with_referrers_does_not_hide_the_registrys() {
    let (bench, other) = benches().await;
    misbehave(&other, Match::any(), status(503, &[]));
    let image = sample::image(bench.server.store(), "a/app", Some("v1"), Flavour::Oci, &[], "amd64");
    bench.misbehave_once(Match::get("/referrers/"), Effect::Redirect(to(&other, "/v2/")));
    let repository = bench.repository("a/app", Access::Pull);
    let subject = digest(&image.digest);
    assert!(repository.referrers(&subject, &ReferrerFilter::all()).await.is_err());
    repository.referrers(&subject, &ReferrerFilter::all()).await.unwrap();
    assert_eq!(bench.asked().iter().filter(|request| request.is_referrer_list()).count(), 2);
}

#[tokio::test]
async fn s1_pages_that_come_from_another_server_lead_on_there_without_the_login() {
    let (bench, other) = benches().await;
    for tag in ["v1", "v2", "v3"] {
        other.store().put_manifest("b/app", tag, "application/json", "{}");
    }
    bench.misbehave(Match::get("/tags/list"), Effect::Redirect(to(&other, "/v2/b/app/tags/list?n=2")));
    let mut pages = bench.repository("a/app", Access::Pull).tags();
    let mut tags = Vec::new();
    while let Some(page) = pages.next().await.unwrap() {
        tags.extend(page.tags.iter().map(ToString::to_string));
    }
    assert_eq!(tags, ["v1", "v2", "v3"]);
    assert_eq!(
        bench.asked().iter().filter(|request| request.is_tag_list()).count(),
        1,
        "{:?}",
        bench.lines()
    );
    assert_eq!(authorizations(&other.requests()), [Authorization::Absent; 2]);
}

#[tokio::test]
async fn p5_where_the_registry_sends_its_readers_a_token_is_got_as_nobody() {
    let access = TokenAccess { anonymous: vec![Grant::pull("*")], ..TokenAccess::harbor(users()) };
    let other = EmbeddedRegistry::builder().access(Login::Token(access)).start().await.unwrap();
    sample::image(other.store(), "a/app", Some("v1"), Flavour::Oci, &[], "amd64");
    let (bench, _) = benches().await;
    bench.misbehave(Match::path("/manifests/"), Effect::Redirect(to(&other, "/v2/a/app/manifests/v1")));
    let repository = bench.repository("a/app", Access::Pull);
    for _ in 0..2 {
        assert!(repository.resolve(&tag("v1")).await.unwrap().is_some());
        repository.pull_manifest(&tag("v1")).await.unwrap();
    }
    let requests = other.requests();
    assert_eq!(requests.iter().filter(|request| request.is_token()).count(), 1, "{requests:?}");
    assert_eq!(requests.iter().filter(|request| request.status == 401).count(), 1, "{requests:?}");
    let logins = authorizations(&requests);
    assert!(!logins.contains(&Authorization::Basic) && logins.contains(&Authorization::Bearer), "{logins:?}");
    still_logs_in(&bench).await;
}

#[tokio::test]
async fn p5_who_lets_nobody_in_there_is_named_as_the_one_who_refuses() {
    let access = Login::Token(TokenAccess::harbor(users()));
    let other = EmbeddedRegistry::builder().access(access).start().await.unwrap();
    let (bench, _) = benches().await;
    bench.misbehave(Match::path("/manifests/"), Effect::Redirect(to(&other, "/v2/a/app/manifests/v1")));
    let error = bench.repository("a/app", Access::Pull).pull_manifest(&tag("v1")).await.unwrap_err();
    let registry::Error::Refused(refusal) = &error else { panic!("{error:?}") };
    assert_eq!(
        (refusal.answered.by, refusal.url.host()),
        (Party::Another, Some(format!("localhost:{}", other.address().port())))
    );
    assert!(authorizations(&other.requests()).iter().all(|sent| *sent != Authorization::Basic));
}
