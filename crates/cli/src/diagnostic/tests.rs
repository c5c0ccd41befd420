//! Every cause, with its message and hint.

use std::collections::HashSet;
use std::sync::Arc;

use http::{Method, StatusCode};
use oci::{Digest, ErrorKind, ManifestError, MediaType, Mismatch, TagOrDigest};
use registry::{
    CertificateFault, CredentialError, LoginSearch, LoginSent, NotFollowed, Party, Problem, Prospect, Proven,
    RedactedUrl, Refusal, RegistryMessage, TransportFailure,
};
use sync::endpoint::{EndpointError, Meaning};
use sync::{
    Cause, Error, Event, Expected, Image, ImageReport, ImpossibleTarget, NoAnswer, Observer, Operation,
    Outcome, RunId, SharedTarget, Side, Stamp,
};

use super::choose::{Advice, advice};
use super::hint::Hint;
use super::{Failed, Failures, Reasons, diagnose};

fn url(text: &str) -> RedactedUrl {
    (&url::Url::parse(text).unwrap()).into()
}

fn digest() -> Digest {
    Digest::sha256(b"")
}

fn tag() -> TagOrDigest {
    TagOrDigest::Tag("v1".parse().unwrap())
}

/// The cause of a failed step.
trait What {
    fn cause(self) -> Cause;
}

impl What for Cause {
    fn cause(self) -> Cause {
        self
    }
}

impl What for registry::Error {
    fn cause(self) -> Cause {
        endpoints::judged(self).into()
    }
}

fn at(side: Side, operation: Operation, cause: impl What) -> Error {
    Error { side, place: "r.io/team/app".to_owned(), operation, cause: cause.cause() }
}

fn from(cause: impl What) -> Error {
    at(Side::Source, Operation::ReadManifest(tag()), cause)
}

fn to(cause: impl What) -> Error {
    at(Side::Target, Operation::PushManifest(tag()), cause)
}

/// A refused request to a target.
fn at_target(operation: Operation, status: u16) -> Error {
    let code = if status == 401 { "UNAUTHORIZED" } else { "DENIED" };
    at(Side::Target, operation, refused(status, code))
}

fn transport(failure: TransportFailure) -> registry::Error {
    transport_to("https://r.io/v2/", failure)
}

fn transport_to(server: &str, failure: TransportFailure) -> registry::Error {
    registry::Error::Transport { method: Method::GET, url: url(server), failure, source: None }
}

fn refusal(status: u16, code: &str, message: &str, body: Option<&str>) -> registry::Error {
    let errors = vec![RegistryMessage { code: code.to_owned(), message: message.to_owned() }];
    registry::Error::Refused(Box::new(Refusal {
        method: Method::PUT,
        url: url("https://r.io/v2/team/app/manifests/v1"),
        status: StatusCode::from_u16(status).unwrap(),
        errors: if body.is_some() { Vec::new() } else { errors },
        body: body.map(str::to_owned),
        face: registry::Face::Unclear,
        request_id: Some("4711".to_owned()),
        retry_after: None,
        answered: registry::Answered::default(),
    }))
}

fn answered(by: Party, login: LoginSent, search: Option<LoginSearch>) -> registry::Error {
    with_login(refused(401, "UNAUTHORIZED"), by, login, search)
}

fn with_login(
    error: registry::Error,
    by: Party,
    login: LoginSent,
    search: Option<LoginSearch>,
) -> registry::Error {
    let registry::Error::Refused(mut refusal) = error else { unreachable!() };
    refusal.answered = registry::Answered { by, login, search, ..registry::Answered::default() };
    registry::Error::Refused(refusal)
}

fn found() -> LoginSearch {
    LoginSearch::Found("`u` (login file /home/u/.docker/config.json)".into())
}

fn nowhere() -> LoginSearch {
    LoginSearch::NotFound("`auth` in c.json has no entry for `r.io`".into())
}

fn refused(status: u16, code: &str) -> registry::Error {
    refusal(status, code, "no", None)
}

fn untaken(media_type: MediaType) -> registry::Error {
    let registry::Error::Refused(source) = refused(415, "MANIFEST_INVALID") else { unreachable!() };
    registry::Error::ManifestType { media_type, source }
}

fn token(source: registry::Error) -> registry::Error {
    let (host, realm) = ("r.io".parse().unwrap(), url("https://auth.io/token"));
    registry::Error::Token { host, realm, source: Arc::new(source) }
}

fn login(keeper: &str) -> registry::Error {
    let reason = "it is locked".to_owned();
    let source = CredentialError { source_name: keeper.to_owned(), reason, prospect: Prospect::Lasting };
    registry::Error::Login { host: "r.io".parse().unwrap(), search: None, source }
}

fn page_for_blob(wrong: Mismatch) -> registry::Error {
    let (url, problem, wrong) = (url("https://r.io/v2/"), Problem::WebPage(None), Box::new(wrong));
    registry::Error::PageForBlob { url, problem, wrong }
}

fn manifest(source: ManifestError) -> registry::Error {
    registry::Error::Manifest { digest: digest(), source }
}

fn protocol(problem: Problem) -> registry::Error {
    let (url, proven) = (url("https://cdn.io/v2/"), Proven::NotYet);
    registry::Error::Protocol { method: Method::GET, url, problem, proven }
}

/// The same error from a host that has answered as a registry before.
fn proven(mut error: registry::Error) -> registry::Error {
    match &mut error {
        registry::Error::Refused(refusal) => refusal.answered.proven = Proven::AsRegistry,
        registry::Error::Protocol { proven, .. } => *proven = Proven::AsRegistry,
        other => unreachable!("{other}"),
    }
    error
}

fn api(kind: ErrorKind) -> Error {
    from(Cause::from(EndpointError::new(kind, "the API says no")))
}

/// The error, a part of its message, and its hint.
type Case = (Error, &'static str, Hint);

fn transports() -> Vec<Case> {
    use TransportFailure as Failure;

    let certificate = |fault| transport(Failure::Certificate(fault));
    let (storage, realm) = ("https://storage.io/blob?signature=x", "https://auth.io/token");
    let token_server = token(transport_to(realm, Failure::Connect));
    vec![
        (from(transport(Failure::Name)), "the host name cannot be resolved", Hint::HostUnknown),
        (from(transport_to(storage, Failure::Name)), "storage.io", Hint::ServerUnknown),
        (to(transport(Failure::Connect)), "no connection", Hint::NoConnection),
        (from(token_server), "no token from https://auth.io/token", Hint::NoConnection),
        (from(transport(Failure::Tls)), "the TLS handshake failed", Hint::TlsFailed),
        (from(transport(Failure::TlsClosed)), "closed the connection in the TLS handshake", Hint::TlsClosed),
        (from(transport(Failure::TlsVersion)), "no version or cipher of TLS", Hint::TlsVersion),
        (from(certificate(CertificateFault::UnknownAuthority)), "no authority", Hint::UnknownAuthority),
        (from(certificate(CertificateFault::OtherHost)), "another host", Hint::OtherHost),
        (from(certificate(CertificateFault::Expired)), "expired", Hint::InvalidCertificate),
        (from(certificate(CertificateFault::NotYetValid)), "not valid yet", Hint::InvalidCertificate),
        (from(certificate(CertificateFault::Revoked)), "taken it back", Hint::InvalidCertificate),
        (from(certificate(CertificateFault::Unusable)), "not one for a server", Hint::InvalidCertificate),
        (from(transport(Failure::ClientCertificate)), "client certificate", Hint::ClientCertificate),
        (from(transport(Failure::PlainHttp)), "HTTP answer to an HTTPS client", Hint::PlainHttp),
        (from(transport(Failure::HttpsOnly)), "speaks HTTPS", Hint::HttpsOnly),
        (from(transport(Failure::Inside)), "closer to this machine", Hint::LeadsInside),
        (from(transport(Failure::Stalled)), "nothing moved", Hint::Silent),
        (
            at(Side::Source, Operation::ReadBlob(digest()), transport(Failure::Stalled)),
            "nothing moved",
            Hint::Broken,
        ),
        (to(transport(Failure::Broken)), "the connection broke", Hint::Broken),
    ]
}

fn refusals() -> Vec<Case> {
    let page = |status| refusal(status, "", "", Some("<html> <h1>Blocked by the proxy</h1>"));
    let list = |operation, status| at(Side::Source, operation, refused(status, "X"));
    let blob = at(Side::Source, Operation::ReadBlob(digest()), refused(404, "BLOB_UNKNOWN"));
    vec![
        (from(token(refused(401, "UNAUTHORIZED"))), "401 Unauthorized", Hint::TokenRefused),
        (from(refused(401, "UNAUTHORIZED")), "request id 4711", Hint::SourceLogin),
        (from(answered(Party::Registry, LoginSent::Yes, None)), "401 Unauthorized", Hint::SourceLogin),
        (
            from(answered(Party::Registry, LoginSent::No, Some(found()))),
            "401 Unauthorized",
            Hint::NoLoginSent,
        ),
        (
            from(answered(Party::Registry, LoginSent::No, Some(nowhere()))),
            "401 Unauthorized",
            Hint::NoLoginFound,
        ),
        // Errors of Harbor's API do not record whether a login was sent.
        (from(answered(Party::Registry, LoginSent::Unknown, Some(nowhere()))), "401", Hint::NoLoginFound),
        (from(token(answered(Party::Registry, LoginSent::No, Some(nowhere())))), "401", Hint::NoLoginFound),
        (from(token(answered(Party::Registry, LoginSent::Yes, Some(found())))), "401", Hint::TokenRefused),
        (
            from(answered(Party::Another, LoginSent::No, Some(found()))),
            "401 Unauthorized",
            Hint::RefusedElsewhere,
        ),
        (from(page(401)), "Blocked by the proxy", Hint::SourceLogin),
        (
            from(with_login(page(403), Party::Registry, LoginSent::No, Some(nowhere()))),
            "Blocked by the proxy",
            Hint::WebPage,
        ),
        (from(refused(403, "DENIED")), "403 Forbidden", Hint::NoPull),
        (list(Operation::ListTags, 403), "403 Forbidden", Hint::NoList),
        (list(Operation::ListRepositories, 403), "403 Forbidden", Hint::NoList),
        (to(refused(401, "UNAUTHORIZED")), "UNAUTHORIZED: no", Hint::NoPush),
        (to(refused(403, "DENIED")), "DENIED: no", Hint::MayNotPush),
        (at_target(Operation::ReadManifest(tag()), 401), "401 Unauthorized", Hint::SourceLogin),
        (at_target(Operation::ReadBlob(digest()), 403), "403 Forbidden", Hint::NoPull),
        (at_target(Operation::Resolve(tag()), 401), "401 Unauthorized", Hint::NoPush),
        (list(Operation::ListTags, 404), "404 Not Found", Hint::NoRepository),
        (
            at(Side::Target, Operation::ListTags, refused(404, "NAME_UNKNOWN")),
            "404 Not Found",
            Hint::NoRepository,
        ),
        (strange_404(), "404 Not Found", Hint::StrangeNotFound),
        (list(Operation::ListRepositories, 404), "404 Not Found", Hint::NoCatalog),
        (from(refused(404, "MANIFEST_UNKNOWN")), "404 Not Found", Hint::NoImage),
        (blob, "404 Not Found", Hint::SourceLacksPart),
        (to(refused(404, "NAME_UNKNOWN")), "404 Not Found", Hint::NoNamespace),
        (to(refused(404, "BLOB_UNKNOWN")), "404 Not Found", Hint::TargetLacksPart),
        (to(refused(400, "MANIFEST_BLOB_UNKNOWN")), "400 Bad Request", Hint::TargetLacksPart),
        (to(refusal(412, "PRECONDITION", "tag is immutable", None)), "412", Hint::ImmutableTag),
        (to(untaken(MediaType::DOCKER_MANIFEST)), "415 Unsupported Media Type", Hint::DockerManifest),
        (to(untaken(MediaType::OCI_ARTIFACT)), "takes no manifests of the type", Hint::ManifestType),
        (to(refusal(403, "DENIED", "unknown manifest class for x", None)), "403", Hint::Attestation),
        (meant(Meaning::Attestation), "400 Bad Request", Hint::Attestation),
        (meant(Meaning::SparseIndex), "400 Bad Request", Hint::SparseIndex),
        (meant(Meaning::Hidden), "400 Bad Request", Hint::Hidden),
        (hidden_by(proven(page(403))), "Blocked by the proxy", Hint::PageBetween),
        (hidden_by(refused(403, "DENIED")), "403 Forbidden", Hint::Hidden),
        (to(refused(400, "MANIFEST_INVALID")), "400 Bad Request", Hint::TargetRejects),
        (to(refused(405, "UNSUPPORTED")), "405 Method Not Allowed", Hint::NoPushes),
        (from(refused(400, "X")), "400 Bad Request", Hint::SourceRejects),
        (from(refused(402, "X")), "402 Payment Required", Hint::Payment),
        (to(refused(402, "DENIED")), "402 Payment Required", Hint::Payment),
        (from(token(refused(402, "X"))), "402 Payment Required", Hint::Payment),
        (from(page(402)), "402 Payment Required", Hint::Payment),
        (to(refused(507, "X")), "507 Insufficient Storage", Hint::StorageFull),
        (
            to(refusal(500, "UNKNOWN", "write /data: no space left on device", None)),
            "500 Internal Server Error",
            Hint::StorageFull,
        ),
        (to(refused(413, "X")), "413 Payload Too Large", Hint::TooLarge),
        (from(refused(429, "TOOMANYREQUESTS")), "429 Too Many Requests", Hint::RateLimited),
        (to(refused(503, "X")), "503 Service Unavailable", Hint::Unavailable),
        (from(page(403)), "Blocked by the proxy", Hint::WebPage),
        (from(proven(page(403))), "Blocked by the proxy", Hint::PageBetween),
        (to(proven(page(404))), "Blocked by the proxy", Hint::PageBetween),
        // Whoever answers: the registry is in trouble, or this login is refused.
        (to(proven(page(502))), "502 Bad Gateway", Hint::Unavailable),
        (from(proven(page(401))), "Blocked by the proxy", Hint::SourceLogin),
        (to(page(404)), "Blocked by the proxy", Hint::WebPage),
        (to(page(501)), "501 Not Implemented", Hint::WebPage),
        (to(page(502)), "502 Bad Gateway", Hint::Unavailable),
        (to(page(413)), "413 Payload Too Large", Hint::TooLarge),
    ]
}

/// A 404 to a request for tags that something before the registry answered.
fn strange_404() -> Error {
    let error = endpoints::judged(refusal(404, "", "", Some("404 page not found")));
    let kind = ErrorKind::Unavailable;
    at(Side::Source, Operation::ListTags, Cause::from(EndpointError { kind, ..error }))
}

/// What a target has is not shown.
fn hidden_by(error: registry::Error) -> Error {
    let error = endpoints::judged(error);
    at(
        Side::Target,
        Operation::Resolve(tag()),
        Cause::from(EndpointError { meaning: Meaning::Hidden, ..error }),
    )
}

/// A refusal that the engine has interpreted.
fn meant(meaning: Meaning) -> Error {
    let error = endpoints::judged(refused(400, "MANIFEST_INVALID"));
    to(Cause::from(EndpointError { meaning, ..error }))
}

fn answers() -> Vec<Case> {
    let broken = serde_json::from_str::<u8>("x").unwrap_err();
    let (header, body) = (MediaType::OCI_INDEX, MediaType::OCI_MANIFEST);
    let redirect = |why| Problem::Redirect { to: url("http://s3.io/"), why };
    let stored = Problem::StoredOther { expected: digest(), actual: "sha256:other".to_owned() };
    let size = Mismatch::Size { digest: digest(), expected: 1, actual: 2 };
    let other = Mismatch::Digest { expected: digest(), actual: Digest::sha256(b"x") };
    let encoded = Mismatch::Encoded { digest: digest(), encoding: "br".to_owned() };
    let field = Problem::Field { name: "tags", why: "is no list" };
    vec![
        (
            from(protocol(Problem::WebPage(Some("Sign in".to_owned())))),
            "the answer is a web page: Sign in",
            Hint::WebPage,
        ),
        (from(proven(protocol(Problem::WebPage(None)))), "the answer is a web page", Hint::PageBetween),
        (
            at(Side::Source, Operation::ReadBlob(digest()), page_for_blob(size.clone())),
            "the answer is a web page",
            Hint::PageForBlob,
        ),
        (to(protocol(Problem::Header("location"))), "no usable `location` header", Hint::Header),
        (from(protocol(Problem::Json("expected value".to_owned()))), "not the expected JSON", Hint::Json),
        (from(protocol(Problem::TooLarge(7))), "more than 7 bytes", Hint::AnswerTooLarge),
        (from(protocol(Problem::Status(StatusCode::CONTINUE))), "makes no sense here", Hint::Status),
        (from(protocol(redirect(NotFollowed::LeavesTls))), "it leaves TLS", Hint::LeavesTls),
        (from(protocol(redirect(NotFollowed::TooMany))), "too many redirects", Hint::Redirect),
        (to(protocol(Problem::Moved)), "at another address", Hint::UploadMoved),
        (from(protocol(Problem::External("it is no URL"))), "own address", Hint::ExternalLayer),
        (from(protocol(Problem::Page("it is the same page"))), "next page", Hint::Page),
        (from(protocol(Problem::LostPage("404 Not Found".to_owned()))), "is not there: 404", Hint::Page),
        (to(protocol(Problem::ReferrersTag("x".parse().unwrap()))), "list of referrers", Hint::ReferrersTag),
        (to(protocol(stored)), "stored sha256:other instead", Hint::StoredOther),
        (from(protocol(field)), "`tags` in the answer is no list", Hint::Field),
        (from(protocol(Problem::Encoding("gzip".to_owned()))), "`Content-Encoding: gzip`", Hint::Encoding),
        (from(protocol(Problem::NoEnd(7))), "more than 7 entries", Hint::NoEnd),
        (from(registry::Error::Mismatch(size)), "says 1 bytes, but 2 came", Hint::OtherSize),
        (from(registry::Error::Mismatch(encoded)), "`Content-Encoding: br`", Hint::Encoding),
        (from(registry::Error::Mismatch(other)), "hashes to", Hint::Damaged),
        (from(manifest(ManifestError::Malformed { source: broken })), "cannot be used", Hint::BrokenManifest),
        (
            from(manifest(ManifestError::TypesDiffer { header: header.clone(), body })),
            "Content-Type",
            Hint::UnclearManifest,
        ),
        (from(manifest(ManifestError::TooLong { limit: 7 })), "more than 7 bytes", Hint::LongList),
        (from(manifest(ManifestError::UnknownType { header })), "not known", Hint::UnclearManifest),
        (
            from(manifest(ManifestError::NotAsNamed { expected: digest() })),
            "says that it is",
            Hint::OtherManifest,
        ),
    ]
}

fn others() -> Vec<Case> {
    let setup = registry::Error::Setup { source: "no certificates".into() };
    let realm = registry::Error::RealmNotTrusted {
        host: "r.io".parse().unwrap(),
        realm: url("http://auth.io/"),
        reason: "not encrypted",
    };
    let [repository, target, reason] = ["r.io/a", "t.io/A", "upper case"].map(str::to_owned);
    let name = ImpossibleTarget { repository, target, reason };
    let [target, by, also] = ["t.io/a", "r.io/a", "r.io/b"].map(str::to_owned);
    let silence = NoAnswer { in_a_row: 5, last: Arc::new(to(transport(TransportFailure::Connect))) };
    let digests = || (Box::new(digest()), Box::new(Digest::sha256(b"x")));
    let (wanted, actual) = digests();
    vec![
        (from(setup), "no certificates", Hint::NoClient),
        (from(login(providers::alibaba::SOURCE_NAME)), "no login for r.io", Hint::AlibabaLogin),
        (from(login("docker-credential-x")), "it is locked", Hint::LoginKeeper),
        (from(realm), "wants the credentials sent to", Hint::RealmNotTrusted),
        (from(Cause::Missing), "not there", Hint::NoImage),
        (
            at(Side::Source, Operation::Resolve(TagOrDigest::Digest(digest())), Cause::Missing),
            "not there",
            Hint::NoDigest,
        ),
        (from(Cause::NoAnswer(silence)), "5 times in a row", Hint::NoConnection),
        (
            from(Cause::TooFew(sync::select::TooFew { selected: 1, listed: 3, at_least: 2 })),
            "1 of 3 listed tags are selected",
            Hint::TooFew,
        ),
        (
            from(Cause::Undivided(Arc::new(from(transport(TransportFailure::Connect))))),
            "without this answer the shards cannot be divided",
            Hint::Undivided,
        ),
        (from(Cause::NoDates), "the registry tells none", Hint::NoDates),
        (from(Cause::Count { source_count: 2, target_count: 1 }), "selects 2 images", Hint::Count),
        (from(Cause::OtherDigest { wanted, actual }), "cannot be stored as", Hint::OtherDigest),
        (
            to(Cause::KeepsOtherLength { digest: Box::new(digest()), expected: 9, actual: 7 }),
            "has 7 bytes of",
            Hint::KeepsOtherLength,
        ),
        (
            to(Cause::KeepsUnreadable {
                digest: Box::new(digest()),
                told: Box::new(EndpointError::new(ErrorKind::Unavailable, "500")),
            }),
            "and does not give it",
            Hint::KeepsUnreadable,
        ),
        (
            to(Cause::Conflict { there: Box::new(digest()), wanted: Box::new(digest()) }),
            "its rule has `onConflict: fail`",
            Hint::Conflict,
        ),
        (
            to(Cause::Stays { there: Box::new(digest()), wanted: Box::new(digest()) }),
            "somebody else has stored that, and it stays",
            Hint::Conflict,
        ),
        (
            to(Cause::Drift { expected: Box::new(Expected::Absent), there: Some(Box::new(digest())) }),
            "where the plan expects nothing",
            Hint::Drift,
        ),
        (
            to(Cause::OtherResult { planned: Box::new(digest()), actual: Box::new(digest()) }),
            "where the plan says sha256:",
            Hint::OtherResult,
        ),
        (from(Cause::TooDeep { deepest: 4 }), "deeper than 4", Hint::TooDeep),
        (to(Cause::Circle { names: vec!["q.io/x:v1".to_owned()] }), "q.io/x:v1", Hint::Circle),
        (
            to(Cause::Collision { names: vec!["q.io/x:v1".to_owned()], more: 2 }),
            "and 2 more",
            Hint::Collision,
        ),
        (to(Cause::TargetTaken { by: "q.io/x".to_owned() }), "q.io/x", Hint::TargetTaken),
        (
            to(Cause::TargetShared(Box::new(SharedTarget { target, by, also }))),
            "goes, too",
            Hint::TargetShared,
        ),
        (to(Cause::TargetName(Box::new(name))), "upper case", Hint::TargetName),
        (to(Cause::Stopped), "stopped", Hint::Stopped),
        (to(Cause::Panic("index".to_owned())), "internal error", Hint::Panic),
        (api(ErrorKind::Unauthorized), "the API says no", Hint::ProviderLogin),
        (api(ErrorKind::Denied), "the API says no", Hint::ProviderDenied),
        (api(ErrorKind::NotFound), "the API says no", Hint::ProviderNotFound),
        (api(ErrorKind::RateLimited), "the API says no", Hint::Unavailable),
        (api(ErrorKind::Unavailable), "the API says no", Hint::Unavailable),
        (api(ErrorKind::Network), "the API says no", Hint::Unavailable),
        (api(ErrorKind::Rejected), "the API says no", Hint::ProviderRejects),
    ]
}

fn cases() -> Vec<Case> {
    [transports(), refusals(), answers(), others()].into_iter().flatten().collect()
}

#[test]
fn each_cause_has_its_words_and_its_own_hint() {
    for (error, said, expected) in cases() {
        let diagnosis = diagnose(&error);
        assert!(diagnosis.why.contains(said), "{said:?} is not in {:?}", diagnosis.why);
        let Advice::Table { hint, .. } = advice(&error) else { panic!("{error:?}") };
        assert_eq!(hint, expected, "{}", diagnosis.why);
        assert!(!diagnosis.next.contains('{') || diagnosis.next.contains("{path:_}"), "{}", diagnosis.next);
    }
}

#[test]
fn every_hint_has_a_cause_and_no_two_say_the_same() {
    let caused: HashSet<Hint> = cases().into_iter().map(|(_, _, hint)| hint).collect();
    let without = Hint::ALL.iter().filter(|hint| !caused.contains(hint) && **hint != Hint::OtherProblem);
    assert_eq!(without.collect::<Vec<_>>(), [] as [&Hint; 0], "a hint that nothing leads to");
    let texts: HashSet<&str> = Hint::ALL.iter().map(|hint| hint.text()).collect();
    assert_eq!(texts.len(), Hint::ALL.len());
    assert!(Hint::ALL.iter().all(|hint| !hint.text().contains("web site and not")));
}

#[test]
fn a_hint_names_who_failed() {
    let next = |error: Error| diagnose(&error).next;
    let elsewhere = token(transport_to("https://auth.io/token", TransportFailure::Connect));
    assert!(next(from(elsewhere)).starts_with("check that `auth.io` listens"));
    assert!(next(from(protocol(Problem::WebPage(None)))).starts_with("`cdn.io` answers with a web page"));
    assert!(next(from(proven(protocol(Problem::WebPage(None))))).ends_with("to allow `GET cdn.io/v2/`"));
    let page = proven(refusal(403, "", "", Some("<html>")));
    let next_of_page = next(from(page));
    assert!(next_of_page.contains("something between here and `r.io`"), "{next_of_page}");
    assert!(
        next_of_page.ends_with("to allow `PUT /v2/team/app/manifests/v1` (request id 4711)"),
        "{next_of_page}"
    );
    assert!(next(from(login("keychain"))).contains("see what keychain says"));
    let unknown = transport_to("https://registry-1.docker.io/v2/", TransportFailure::Name);
    let hub = Error { place: "docker.io/library/app".to_owned(), ..from(unknown) };
    assert!(next(hub).starts_with("check the spelling of `docker.io`"));
}

#[test]
fn c16_a_hint_about_a_login_says_which_it_is() {
    let next = |error: Error| diagnose(&error).next;
    let denied = || refused(403, "DENIED");
    let harbor = |action: &str| {
        let words = format!("unauthorized to access repository: library/app, action: {action}");
        refusal(401, "UNAUTHORIZED", &words, None)
    };
    let used = |error| with_login(error, Party::Registry, LoginSent::Yes, Some(found()));
    for error in [
        from(used(refused(401, "UNAUTHORIZED"))),
        from(used(denied())),
        at(Side::Source, Operation::ListTags, used(denied())),
        to(used(denied())),
        from(token(used(refused(401, "UNAUTHORIZED")))),
        from(used(harbor("pull"))),
        to(used(harbor("push"))),
    ] {
        assert!(next(error).contains("`u` (login file /home/u/.docker/config.json)"));
    }
    let nobody = |error| with_login(error, Party::Registry, LoginSent::No, Some(nowhere()));
    for error in [from(nobody(denied())), to(nobody(denied())), from(nobody(harbor("pull")))] {
        let next = next(error);
        assert!(next.contains("no login was found, for `auth` in c.json has no entry"), "{next}");
    }
}

fn failures(errors: impl IntoIterator<Item = Error>) -> Failures {
    let failures = Failures::default();
    for (number, error) in errors.into_iter().enumerate() {
        let image = Image {
            source: format!("q.io/a/app{number}").into(),
            source_reference: tag(),
            target: error.place.as_str().into(),
            target_reference: tag(),
        };
        let ended = ImageReport {
            image: Arc::new(image),
            rule: 0,
            outcome: Outcome::Failed(Arc::new(error)),
            amounts: sync::Amounts::default(),
            took: std::time::Duration::ZERO,
        };
        let stamp = Stamp { run: RunId::new("r"), at: std::time::SystemTime::now(), worker: None };
        failures.event(&stamp, &Event::ImageFinished(Arc::new(ended)));
    }
    failures
}

#[test]
fn c7_one_reason_is_one_group_whatever_the_images_are_called() {
    let denied = |number: usize| {
        let message = format!("requested access to team/app-{number} (tag v{number}) is denied");
        let operation = if number.is_multiple_of(2) {
            Operation::PushManifest(TagOrDigest::Tag(format!("v{number}").parse().unwrap()))
        } else {
            Operation::StartBlob(Digest::sha256(&[0]))
        };
        let error = at(Side::Target, operation, refusal(403, "DENIED", &message, None));
        Error { place: format!("r.io/team/app-{number}"), ..error }
    };
    let groups = failures((0..60).map(denied)).alike();
    assert_eq!((groups.len(), groups[0].count, groups[0].examples.all().count()), (1, 60, 5));
    assert!(groups[0].examples.all().all(|failed| matches!(failed, Failed::Image(_))));

    // Another side, registry, code, wording or cause makes another reason.
    let different = [
        denied(0),
        from(refusal(403, "DENIED", "requested access is denied", None)),
        Error { place: "s.io/team/app".to_owned(), ..denied(0) },
        to(refusal(403, "DENIED", "the quota is used up", None)),
        to(refused(400, "MANIFEST_INVALID")),
        to(refused(400, "TAG_INVALID")),
        to(transport(TransportFailure::Broken)),
    ];
    assert_eq!(failures(different).alike().len(), 7);
}

#[test]
fn c7_more_reasons_than_anybody_reads_take_no_more_memory() {
    let other = |number: usize| {
        let letters: String =
            number.to_string().bytes().map(|digit| char::from(digit - b'0' + b'a')).collect();
        let message = format!("the quota of {letters} is used up");
        let error = to(refusal(403, "DENIED", &message, None));
        Error { place: format!("{}.io/app", if number.is_multiple_of(2) { "q" } else { "r" }), ..error }
    };
    let failures = failures((0..2000).map(other).chain([other(0)]));
    let groups = failures.alike();
    assert_eq!(groups.len(), 502, "some for themselves, the rest by registry");
    assert_eq!(groups.iter().map(|group| group.count).sum::<usize>(), 2001);
    let counts = |from: usize| groups[from..from + 3].iter().map(|group| (group.count, group.reasons));
    let [one, many] = [Reasons::One, Reasons::Many];
    assert_eq!(counts(0).collect::<Vec<_>>(), [(750, many), (750, many), (2, one)]);
    assert_eq!(counts(499).collect::<Vec<_>>(), [(1, one); 3]);
    assert!(failures.are_all_by_login());
}
