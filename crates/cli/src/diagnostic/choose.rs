//! Chooses the hint for an error: by its typed cause, side and step, never by its text.

use endpoints::{Shown, Trouble};
use http::StatusCode;
use oci::{ErrorKind, ManifestError, Mismatch};
use providers::harbor::refusal::{Explanation, Reason, explain as harbor_refusal};
use registry::{
    CertificateFault, LoginSearch, LoginSent, NotFollowed, Party, Problem, Proven, RedactedUrl, Refusal,
    TransportFailure,
};
use sync::endpoint::{EndpointError, Meaning};
use sync::{Cause, Error, Operation, Side};

use super::hint::Hint;
use super::login;

/// The advice for an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Advice {
    /// A hint of the table, with its parameters.
    Table { hint: Hint, host: String, other: String, login: String },
    /// Harbor's refusals have their own explanations.
    Harbor(String),
}

impl Advice {
    pub(super) fn text(&self) -> String {
        match self {
            Self::Table { hint, host, other, login } => {
                let text = hint.text().replace("{host}", host).replace("{other}", other);
                let text = text.replace("{login}", login);
                if text.contains("{offered}") {
                    text.replace("{offered}", &registry::offered_tls())
                } else {
                    text
                }
            }
            Self::Harbor(text) => text.clone(),
        }
    }
}

/// The place and step of an error.
#[derive(Clone, Copy)]
struct Step<'a> {
    side: Side,
    operation: &'a Operation,
    host: &'a str,
    /// The registry with the repository.
    place: &'a str,
    /// The origin of the login, if the error tells.
    login: Option<&'a LoginSearch>,
}

impl Step<'_> {
    /// Whether a list was requested, which is a read at either side.
    fn lists(self) -> bool {
        matches!(self.operation, Operation::ListRepositories | Operation::ListTags)
    }

    /// Whether content or a list was requested, at either side. Resolving a name at a target is no read: it uses the push login.
    fn reads(self) -> bool {
        use Operation::{ListReferrers, ReadBlob, ReadManifest};

        self.lists() || matches!(self.operation, ReadManifest(_) | ReadBlob(_) | ListReferrers(_))
    }

    /// Whether the expected answer is short.
    fn looks(self) -> bool {
        self.lists() || matches!(self.operation, Operation::Resolve(_) | Operation::ReadManifest(_))
    }

    /// A hint about the registry alone.
    fn advice(self, hint: Hint) -> Advice {
        self.about(hint, self.host)
    }

    /// A hint that also names another server or program.
    fn about(self, hint: Hint, other: &str) -> Advice {
        let login = login::words(self.login, self.host);
        Advice::Table { hint, host: self.host.to_owned(), other: other.to_owned(), login }
    }

    /// The advice for a request without a login.
    fn stranger(self) -> Advice {
        self.advice(match self.login {
            Some(LoginSearch::NotFound(_)) => Hint::NoLoginFound,
            Some(LoginSearch::Found(_)) | None => Hint::NoLoginSent,
        })
    }
}

/// The advice for an error.
pub(super) fn advice(error: &Error) -> Advice {
    let host = error.place.split('/').next().unwrap_or_default();
    let login = login::of_cause(&error.cause);
    let step = Step { side: error.side, operation: &error.operation, host, place: &error.place, login };
    match &error.cause {
        Cause::Endpoint(cause) if cause.meaning == Meaning::Attestation => step.advice(Hint::Attestation),
        Cause::Endpoint(cause) if cause.meaning == Meaning::SparseIndex => step.advice(Hint::SparseIndex),
        Cause::Endpoint(cause) if cause.meaning == Meaning::Hidden => of_hidden(step, cause),
        Cause::Endpoint(cause) => of_endpoint(step, cause),
        Cause::Mismatch(wrong) => step.advice(of_mismatch(wrong)),
        Cause::Manifest { source, .. } => step.advice(of_manifest(source)),
        // The registry was given up after repeated failures: the advice is that of the last one.
        Cause::NoAnswer(silence) => advice(&silence.last),
        Cause::Undivided(_) => step.advice(Hint::Undivided),
        Cause::Missing => step.about(of_missing(step.operation), step.place),
        Cause::Count { .. } => step.advice(Hint::Count),
        Cause::TooFew(_) => step.advice(Hint::TooFew),
        Cause::NoDates => step.advice(Hint::NoDates),
        Cause::OtherDigest { .. } => step.advice(Hint::OtherDigest),
        Cause::Conflict { .. } | Cause::Stays { .. } => step.advice(Hint::Conflict),
        Cause::Drift { .. } => step.advice(Hint::Drift),
        Cause::OtherResult { .. } => step.advice(Hint::OtherResult),
        Cause::KeepsOtherLength { .. } => step.advice(Hint::KeepsOtherLength),
        Cause::KeepsUnreadable { .. } => step.advice(Hint::KeepsUnreadable),
        Cause::TooDeep { .. } => step.advice(Hint::TooDeep),
        Cause::TargetTaken { .. } => step.advice(Hint::TargetTaken),
        Cause::Circle { .. } => step.advice(Hint::Circle),
        Cause::Collision { .. } => step.advice(Hint::Collision),
        Cause::TargetShared(_) => step.advice(Hint::TargetShared),
        Cause::TargetName(_) => step.advice(Hint::TargetName),
        Cause::Stopped => step.advice(Hint::Stopped),
        Cause::Panic(_) | _ => step.advice(Hint::Panic),
    }
}

/// The advice where a target does not show what it has, and the rule or the plan depends on that.
fn of_hidden(step: Step<'_>, error: &EndpointError) -> Advice {
    let of_cause = match error.inner() {
        Some(registry::Error::Refused(refusal)) if is_of_a_proxy(refusal) => {
            Some(of_refused_page(step, refusal))
        }
        Some(registry::Error::Refused(refusal)) => of_asker(step, refusal),
        _ => None,
    };
    of_cause.unwrap_or_else(|| step.advice(Hint::Hidden))
}

fn of_endpoint(step: Step<'_>, error: &EndpointError) -> Advice {
    if let Some(own) = error.inner::<registry::Error>() {
        // The endpoint did not take this 404 for the registry's.
        let is_strange = (error.kind, own.kind()) == (ErrorKind::Unavailable, ErrorKind::NotFound);
        return if is_strange { step.advice(Hint::StrangeNotFound) } else { of_registry(step, own) };
    }
    let shown = error.inner::<Trouble>().map_or(Shown::Login, |trouble| trouble.shown);
    of_provider(step, error.kind, shown)
}

/// The advice for a failed connection to `server`: the registry, or a server that it redirects to.
pub(crate) fn transport_hint(failure: TransportFailure, host: &str, server: &str) -> String {
    let step = Step { side: Side::Source, operation: &Operation::Copy, host, place: host, login: None };
    step.about(of_transport(failure, host == server), server).text()
}

/// The advice for a refused request without a login.
pub(crate) fn no_login_hint(host: &str, search: &LoginSearch) -> String {
    let step =
        Step { side: Side::Target, operation: &Operation::Copy, host, place: host, login: Some(search) };
    step.stranger().text()
}

/// The advice for a redirect from TLS to plain HTTP.
pub(crate) fn leaves_tls_hint(host: &str) -> String {
    let step = Step { side: Side::Source, operation: &Operation::Copy, host, place: host, login: None };
    step.advice(Hint::LeavesTls).text()
}

/// The advice for a refusal by another server than the registry, or of a request without a login.
fn of_asker(step: Step<'_>, refusal: &Refusal) -> Option<Advice> {
    if !matches!(refusal.kind(), ErrorKind::Unauthorized | ErrorKind::Denied) || is_of_a_proxy(refusal) {
        return None;
    }
    match refusal.answered.by {
        Party::Another => Some(step.about(Hint::RefusedElsewhere, &refusal.url.host().unwrap_or_default())),
        Party::Registry => is_stranger(step, refusal.answered.login).then(|| step.stranger()),
    }
}

/// Whether the request had no login.
fn is_stranger(step: Step<'_>, login: LoginSent) -> bool {
    match login {
        LoginSent::No => true,
        LoginSent::Unknown => matches!(step.login, Some(LoginSearch::NotFound(_))),
        LoginSent::Yes => false,
    }
}

/// Whether a proxy or firewall refused the request with a web page. A 401 is about a missing or wrong login.
fn is_of_a_proxy(refusal: &Refusal) -> bool {
    refusal.is_web_page() && refusal.status != StatusCode::UNAUTHORIZED
}

fn of_refused_page(step: Step<'_>, refusal: &Refusal) -> Advice {
    let Refusal { method, url, request_id, answered, .. } = refusal;
    of_page(step, (method, url), answered.proven, request_id.as_deref())
}

/// The advice for a web page in place of an answer. From a registry that has answered before, it comes from something in between.
fn of_page(
    step: Step<'_>,
    (method, url): (&http::Method, &RedactedUrl),
    proven: Proven,
    request_id: Option<&str>,
) -> Advice {
    let server = url.host().unwrap_or_else(|| step.host.to_owned());
    if proven == Proven::NotYet {
        return step.about(Hint::WebPage, &server);
    }
    let at = if is_api_of(&server, step.host) { "" } else { &server };
    let asked = format!("`{method} {at}{}`", url.path().unwrap_or_default());
    let id = request_id.map(|id| format!(" (request id {id})")).unwrap_or_default();
    step.about(Hint::PageBetween, &format!("{asked}{id}"))
}

/// The explanation of Harbor's words, with the login that lacks the right.
fn of_harbor(step: Step<'_>, refusal: &Refusal, explanation: &Explanation) -> Advice {
    if !matches!(explanation.reason, Reason::NoPull | Reason::NoPush) {
        return Advice::Harbor(explanation.hint.clone());
    }
    of_asker(step, refusal).unwrap_or_else(|| {
        Advice::Harbor(format!("{}; the login is {}", explanation.hint, login::words(step.login, step.host)))
    })
}

fn of_registry(step: Step<'_>, error: &registry::Error) -> Advice {
    use registry::Error as Registry;

    match error {
        Registry::Transport { failure, url, .. } => {
            let server = url.host().filter(|server| !is_api_of(server, step.host));
            let hint = match failure {
                TransportFailure::Stalled if step.looks() => Hint::Silent,
                failure => of_transport(*failure, server.is_none()),
            };
            step.about(hint, server.as_deref().unwrap_or(step.host))
        }
        Registry::Refused(refusal) if refusal.is_attestation() => step.advice(Hint::Attestation),
        Registry::Refused(refusal) => match harbor_refusal(refusal) {
            Some(explanation) => of_harbor(step, refusal, &explanation),
            None => of_asker(step, refusal).unwrap_or_else(|| of_refusal(step, error, refusal)),
        },
        Registry::ManifestType { media_type, .. } if media_type.is_docker_manifest() => {
            step.advice(Hint::DockerManifest)
        }
        Registry::ManifestType { .. } => step.advice(Hint::ManifestType),
        Registry::Token { source, .. } if source.kind() == ErrorKind::Unauthorized => {
            let is_of_nobody =
                matches!(&**source, Registry::Refused(refusal) if is_stranger(step, refusal.answered.login));
            if is_of_nobody { step.stranger() } else { step.advice(Hint::TokenRefused) }
        }
        // The token server is a server that the registry refers to.
        Registry::Token { source, .. } => of_registry(step, source),
        Registry::Login { source, .. } if source.source_name == providers::alibaba::SOURCE_NAME => {
            step.advice(Hint::AlibabaLogin)
        }
        Registry::Login { source, .. } => step.about(Hint::LoginKeeper, &source.source_name),
        Registry::RealmNotTrusted { .. } => step.advice(Hint::RealmNotTrusted),
        Registry::Mismatch(wrong) => step.advice(of_mismatch(wrong)),
        Registry::PageForBlob { url, .. } => {
            step.about(Hint::PageForBlob, url.host().as_deref().unwrap_or(step.host))
        }
        Registry::Manifest { source, .. } => step.advice(of_manifest(source)),
        Registry::Protocol { problem: Problem::WebPage(_), method, url, proven } => {
            of_page(step, (method, url), *proven, None)
        }
        Registry::Protocol { problem, url, .. } => {
            step.about(of_problem(problem), url.host().as_deref().unwrap_or(step.host))
        }
        Registry::Setup { .. } => step.advice(Hint::NoClient),
        // A kind of error that this table does not know yet.
        _ => step.advice(Hint::OtherProblem),
    }
}

/// Whether `server` is the API host of `host`: Docker Hub's differ.
fn is_api_of(server: &str, host: &str) -> bool {
    server == host || host.parse().is_ok_and(|host: oci::RegistryHost| host.api_host() == server)
}

fn of_transport(failure: TransportFailure, at_the_registry: bool) -> Hint {
    match failure {
        TransportFailure::Name if at_the_registry => Hint::HostUnknown,
        TransportFailure::Name => Hint::ServerUnknown,
        TransportFailure::Connect => Hint::NoConnection,
        TransportFailure::Tls => Hint::TlsFailed,
        TransportFailure::TlsClosed => Hint::TlsClosed,
        TransportFailure::TlsVersion => Hint::TlsVersion,
        TransportFailure::Certificate(fault) => match fault {
            CertificateFault::UnknownAuthority => Hint::UnknownAuthority,
            CertificateFault::OtherHost => Hint::OtherHost,
            CertificateFault::Expired
            | CertificateFault::NotYetValid
            | CertificateFault::Revoked
            | CertificateFault::Unusable => Hint::InvalidCertificate,
        },
        TransportFailure::ClientCertificate => Hint::ClientCertificate,
        TransportFailure::PlainHttp => Hint::PlainHttp,
        TransportFailure::HttpsOnly => Hint::HttpsOnly,
        TransportFailure::Inside => Hint::LeadsInside,
        TransportFailure::Stalled | TransportFailure::Broken => Hint::Broken,
    }
}

fn of_refusal(step: Step<'_>, error: &registry::Error, refusal: &registry::Refusal) -> Advice {
    let kind = error.kind();
    let is_payment = refusal.status == StatusCode::PAYMENT_REQUIRED;
    // A server that does not implement the method is no registry, even if a proxy is in front of it.
    let is_in_trouble = kind == ErrorKind::Unavailable && refusal.status != StatusCode::NOT_IMPLEMENTED;
    let by_the_registry =
        is_payment || is_in_trouble || matches!(kind, ErrorKind::RateLimited | ErrorKind::TooLarge);
    if is_of_a_proxy(refusal) && !by_the_registry {
        return of_refused_page(step, refusal);
    }
    let hint = match (kind, step.side) {
        _ if is_payment => Hint::Payment,
        (_, Side::Target) if error.is_storage_full() => Hint::StorageFull,
        (ErrorKind::Unauthorized | ErrorKind::Denied, _) => of_rights(step, kind),
        (ErrorKind::NotFound, _) if step.lists() => {
            return step.about(of_missing(step.operation), step.place);
        }
        (ErrorKind::NotFound, Side::Source) => of_missing(step.operation),
        (ErrorKind::RateLimited, _) => Hint::RateLimited,
        (ErrorKind::Unavailable, _) => Hint::Unavailable,
        (ErrorKind::TooLarge, Side::Target) => Hint::TooLarge,
        (_, Side::Target) if error.misses_content() => Hint::TargetLacksPart,
        (_, Side::Target) if error.is_immutable_tag() => Hint::ImmutableTag,
        (_, Side::Target) if refusal.status == StatusCode::METHOD_NOT_ALLOWED => Hint::NoPushes,
        (ErrorKind::NotFound, Side::Target) => Hint::NoNamespace,
        (_, Side::Target) => Hint::TargetRejects,
        (_, Side::Source) => Hint::SourceRejects,
    };
    step.advice(hint)
}

fn of_rights(step: Step<'_>, kind: ErrorKind) -> Hint {
    match (step.side, kind, step.operation) {
        (_, ErrorKind::Denied, _) if step.lists() => Hint::NoList,
        (_, ErrorKind::Unauthorized, _) if step.reads() => Hint::SourceLogin,
        (_, ErrorKind::Denied, _) if step.reads() => Hint::NoPull,
        (Side::Target, ErrorKind::Denied, _) => Hint::MayNotPush,
        (Side::Target, ..) => Hint::NoPush,
        (Side::Source, ErrorKind::Denied, _) => Hint::NoPull,
        (Side::Source, ..) => Hint::SourceLogin,
    }
}

fn of_missing(operation: &Operation) -> Hint {
    match operation {
        Operation::ListRepositories => Hint::NoCatalog,
        Operation::ListTags => Hint::NoRepository,
        Operation::Resolve(oci::TagOrDigest::Digest(_)) => Hint::NoDigest,
        Operation::Resolve(_) | Operation::ReadManifest(oci::TagOrDigest::Tag(_)) => Hint::NoImage,
        _ => Hint::SourceLacksPart,
    }
}

fn of_mismatch(wrong: &Mismatch) -> Hint {
    match wrong {
        Mismatch::Size { .. } | Mismatch::SizeAgain { .. } => Hint::OtherSize,
        Mismatch::Encoded { .. } => Hint::Encoding,
        Mismatch::Digest { .. } | _ => Hint::Damaged,
    }
}

fn of_manifest(error: &ManifestError) -> Hint {
    match error {
        ManifestError::TypesDiffer { .. } | ManifestError::UnknownType { .. } => Hint::UnclearManifest,
        ManifestError::NotAsNamed { .. } => Hint::OtherManifest,
        ManifestError::TooLong { .. } => Hint::LongList,
        ManifestError::Malformed { .. } | _ => Hint::BrokenManifest,
    }
}

fn of_problem(problem: &Problem) -> Hint {
    match problem {
        Problem::Header(_) => Hint::Header,
        Problem::Json(_) => Hint::Json,
        Problem::Field { .. } => Hint::Field,
        Problem::Encoding(_) => Hint::Encoding,
        Problem::NoEnd(_) => Hint::NoEnd,
        Problem::TooLarge(_) => Hint::AnswerTooLarge,
        Problem::Status(_) => Hint::Status,
        Problem::Redirect { why: NotFollowed::LeavesTls, .. } => Hint::LeavesTls,
        Problem::Redirect { .. } => Hint::Redirect,
        Problem::Moved => Hint::UploadMoved,
        Problem::External(_) => Hint::ExternalLayer,
        Problem::Page(_) | Problem::LostPage(_) => Hint::Page,
        Problem::ReferrersTag(_) => Hint::ReferrersTag,
        Problem::StoredOther { .. } => Hint::StoredOther,
        _ => Hint::OtherProblem,
    }
}

/// Errors of APIs beside the protocol: Harbor's and the clouds'.
fn of_provider(step: Step<'_>, kind: ErrorKind, shown: Shown) -> Advice {
    let hint = match kind {
        ErrorKind::Unauthorized | ErrorKind::Denied if is_stranger(step, LoginSent::Unknown) => {
            return step.stranger();
        }
        ErrorKind::Unauthorized => match shown {
            Shown::Login => Hint::ProviderLogin,
            Shown::AccessKey => Hint::AlibabaLogin,
        },
        ErrorKind::Denied => Hint::ProviderDenied,
        ErrorKind::NotFound => Hint::ProviderNotFound,
        ErrorKind::RateLimited | ErrorKind::Unavailable | ErrorKind::Network | ErrorKind::Stalled => {
            Hint::Unavailable
        }
        _ => Hint::ProviderRejects,
    };
    step.advice(hint)
}
