//! Turns an error into three parts: where it happened, why in the registry's own words, and what to do next.

use std::error::Error as _;

use providers::harbor::refusal::explain as harbor_refusal;
use registry::foreign_text::{Cleaned, clean_to};
use registry::{CertificateFault, ErrorKind, MediaType, NotFollowed, Problem, TransportFailure};
use sync::{Cause, Error, Operation, Side};

/// The most bytes of one part of an error: several foreign texts may stand in it, each cut for itself.
const LONGEST: usize = 4096;

/// An error for people: each part is one line.
pub(crate) struct Diagnosis {
    pub(crate) place: String,
    pub(crate) why: String,
    pub(crate) next: String,
}

/// Everything that helps.
pub(crate) fn diagnose(error: &Error) -> Diagnosis {
    let place = format!("{} {}, {}", error.side, Cleaned(&error.place), error.operation);
    Diagnosis { place, why: why(&error.cause), next: clean_to(&next(error), LONGEST).into_owned() }
}

/// One line.
pub(crate) fn short(error: &Error) -> String {
    format!("{} {}: {}: {}", error.side, Cleaned(&error.place), error.operation, why(&error.cause))
}

/// Why something failed, on one line.
pub(crate) fn why(cause: &Cause) -> String {
    let text = match cause {
        Cause::Registry(error) => registry_words(error),
        Cause::NoAnswer(silence) => format!("{silence}; last: {}", why(&silence.last.cause)),
        other => other.to_string(),
    };
    clean_to(&text, LONGEST).into_owned()
}

/// An error and all that lies behind it, in one line.
pub(crate) fn with_sources(error: &dyn std::error::Error) -> String {
    let (mut text, mut source) = (error.to_string(), error.source());
    while let Some(link) = source {
        text = format!("{text}: {link}");
        source = link.source();
    }
    clean_to(&text, LONGEST).into_owned()
}

/// The error and its root: the links between are the HTTP library's layers.
pub(crate) fn registry_words(error: &registry::Error) -> String {
    let text = match error {
        registry::Error::Refused(refusal) => match &refusal.request_id {
            Some(id) => format!("{refusal}, request id {id}"),
            None => refusal.to_string(),
        },
        registry::Error::Token { source, .. } => format!("{error}: {}", registry_words(source)),
        other => {
            let mut root = None;
            let mut link = other.source();
            while let Some(deeper) = link {
                root = Some(deeper);
                link = deeper.source();
            }
            root.map_or_else(|| other.to_string(), |root| format!("{other}: {root}"))
        }
    };
    clean_to(&text, LONGEST).into_owned()
}

fn next(error: &Error) -> String {
    let host = error.place.split('/').next().unwrap_or_default();
    match &error.cause {
        Cause::Registry(cause) => match &**cause {
            registry::Error::Transport { failure, .. } => transport_hint(*failure, host),
            registry::Error::Token { realm, source, .. } => match &**source {
                // What the entry says of TLS holds for the token server, too.
                registry::Error::Transport { failure, .. } if source.kind() == ErrorKind::Tls => {
                    transport_hint(*failure, host)
                }
                registry::Error::Transport { failure, .. } => {
                    transport_hint(*failure, &realm.host().unwrap_or_default())
                }
                _ => hint(error.side, &error.operation, cause, host),
            },
            registry::Error::Protocol { problem: Problem::Redirect { why, .. }, .. }
                if *why == NotFollowed::LeavesTls =>
            {
                leaves_tls_hint(host)
            }
            registry::Error::Login { source, .. } => login_hint(&source.source_name, host),
            registry::Error::RealmNotTrusted { .. } => {
                let ask = format!("ask whoever runs {host} for a token server with https");
                format!(
                    "{ask}, or name it as `realm` in the registry's auth entry if you trust it without TLS"
                )
            }
            registry::Error::Refused(refusal) if refusal.is_attestation() => attestation_hint(host),
            registry::Error::Refused(refusal) => match harbor_refusal(refusal) {
                Some(explanation) => explanation.hint,
                None => hint(error.side, &error.operation, cause, host),
            },
            registry::Error::ManifestType { media_type, .. } => manifest_type_hint(media_type, host),
            other => hint(error.side, &error.operation, other, host),
        },
        // Whatever helps the one that asked helps all.
        Cause::NoAnswer(silence) => next(&silence.last),
        Cause::Missing => {
            "check repository and tag at the source; if they exist, whether this login may see them"
                .to_owned()
        }
        Cause::Count { .. } => {
            "give no name at the target to keep the source's names, or one for each image".to_owned()
        }
        Cause::OtherDigest { .. } => {
            "name a tag at the target, or the digest that the source has now".to_owned()
        }
        Cause::TargetShared(_) => {
            "give the pattern a target in which the source's whole path stands, such as `registry/namespace/{path:_}`; nothing of this rule was copied".to_owned()
        }
        Cause::TargetName(_) => "give the pattern another target; nothing of this rule was copied".to_owned(),
        Cause::Provider(error) => provider_hint(error.kind(), host),
        Cause::TargetTaken { .. } => "give one of the two rules another target".to_owned(),
        Cause::Panic(_) | Cause::TooDeep { .. } | _ => {
            "report this, with the image's name, to the makers of image-syncer".to_owned()
        }
    }
}

/// What to do where a target takes no attestations.
fn attestation_hint(host: &str) -> String {
    format!(
        "`{host}` takes no attestations, which this index has as children for `unknown/unknown`: name the wanted platforms, as in `--arch amd64,arm64`, and they are left out; or build the image with `--provenance=false --sbom=false`"
    )
}

/// What to do where a target does not take a kind of manifest.
fn manifest_type_hint(media_type: &MediaType, host: &str) -> String {
    if media_type.is_docker_manifest() {
        return format!(
            "have `{host}` take Docker's types beside OCI's: zot does with `\"compat\": [\"docker2s2\"]` in the `http` section of its config; or build the image with OCI types"
        );
    }
    format!("ask whoever runs `{host}` to allow this type of manifest, or leave the image out")
}

/// What to do when a login's keeper gives none.
fn login_hint(keeper: &str, host: &str) -> String {
    if keeper == providers::alibaba::SOURCE_NAME {
        return format!(
            "check the access key and its RAM policy; `image-syncer acr token {host}` tries it alone, `image-syncer acr policy` prints the policy"
        );
    }
    format!("see what {keeper} says above; a login in the auth entry of `{host}` needs no {keeper}")
}

/// What to do about something beside the protocol: Harbor's and the clouds' own interfaces.
fn provider_hint(kind: ErrorKind, host: &str) -> String {
    match kind {
        ErrorKind::Unauthorized => {
            format!("check the login in the auth entry for `{host}`, or the access key that it is traded for")
        }
        ErrorKind::Denied => format!(
            "give that user the right to list or create in `{host}`; `image-syncer acr policy` prints the one for Alibaba Cloud"
        ),
        ErrorKind::NotFound => {
            "check the name of the project or namespace, and whether this login may see it".to_owned()
        }
        ErrorKind::RateLimited | ErrorKind::Unavailable | ErrorKind::Network | ErrorKind::Stalled => {
            "run the same command again later: what has arrived is not sent again".to_owned()
        }
        _ => format!("see what `{host}` says above; `image-syncer check` looks at each step by itself"),
    }
}

/// What to do where no usable answer came.
pub(crate) fn transport_hint(failure: TransportFailure, host: &str) -> String {
    match failure {
        TransportFailure::Name => {
            format!("check the spelling of `{host}`, and that this machine's DNS knows it")
        }
        TransportFailure::Connect => {
            format!(
                "check that `{host}` listens on that port, and that firewalls and whitelists let this machine in"
            )
        }
        TransportFailure::TlsClosed => {
            format!(
                "check that `{host}` lets this machine in (closed whitelists look like this); if it does not speak TLS at all, set \"plainHttp\": true in its auth entry"
            )
        }
        TransportFailure::TlsVersion => {
            format!(
                "ask whoever runs `{host}`, or the proxy in front of it, to allow one of what is offered: {}",
                registry::offered_tls()
            )
        }
        TransportFailure::Tls => {
            format!(
                "ask whoever runs `{host}` what its log says of the handshake, and run the same command again"
            )
        }
        TransportFailure::Certificate(fault) => certificate_hint(fault, host),
        TransportFailure::ClientCertificate => {
            format!(
                "name the certificate and its key, `clientCert` and `clientKey`, in the auth entry of `{host}`"
            )
        }
        TransportFailure::HttpsOnly => {
            format!("remove \"plainHttp\" from the auth entry of `{host}`: it speaks TLS on that port")
        }
        TransportFailure::Inside => {
            format!(
                "check what `{host}` redirects to: outside of a private network it may not send anybody into one; reach it by its private address if it has one"
            )
        }
        TransportFailure::PlainHttp => {
            format!("set \"plainHttp\": true in the auth entry of `{host}`: it does not speak TLS")
        }
        TransportFailure::Stalled | TransportFailure::Broken => {
            "run the same command again: what has arrived is not sent again. --retries tries more often"
                .to_owned()
        }
    }
}

/// What to do where a registry behind TLS sends us to a place without.
pub(crate) fn leaves_tls_hint(host: &str) -> String {
    format!(
        "set \"insecure\": true in the auth entry of `{host}` if its storage may be without TLS; the login never goes there"
    )
}

fn certificate_hint(fault: CertificateFault, host: &str) -> String {
    match fault {
        CertificateFault::UnknownAuthority => format!(
            "name the authority's file as `ca` in the auth entry of `{host}`, or for all in SSL_CERT_FILE; \"skipTlsVerify\": true takes any certificate"
        ),
        CertificateFault::OtherHost => format!(
            "write `{host}` as the certificate names it, or ask whoever runs it for a certificate with this name"
        ),
        CertificateFault::Expired
        | CertificateFault::NotYetValid
        | CertificateFault::Revoked
        | CertificateFault::Unusable => format!(
            "ask whoever runs `{host}` for a valid certificate; until then, \"skipTlsVerify\": true in its auth entry takes any"
        ),
    }
}

fn hint(side: Side, operation: &Operation, error: &registry::Error, host: &str) -> String {
    let from_token_server = matches!(error, registry::Error::Token { .. });
    match (error.kind(), side) {
        (ErrorKind::Unauthorized, _) if from_token_server => {
            format!("check user and password in the auth entry for `{host}`: the token server refuses them")
        }
        (ErrorKind::Unauthorized, Side::Source) => {
            format!("check the auth entry for `{host}`: the user may not exist, or may not pull from this repository")
        }
        (ErrorKind::Unauthorized | ErrorKind::Denied, Side::Target) => format!(
            "check the auth entry for `{host}`, that its user may push here, and that the namespace or project exists (and creates repositories by itself)"
        ),
        (ErrorKind::Denied, Side::Source) => format!("give the user of `{host}` the right to pull from this repository"),
        (ErrorKind::NotFound, Side::Source) if *operation == Operation::ListTags => {
            "check the repository's name at the source, and whether this login may see it".to_owned()
        }
        (ErrorKind::NotFound, Side::Source)
            if matches!(operation, Operation::ReadManifest(registry::TagOrDigest::Tag(_))) =>
        {
            "check repository and tag at the source; if they exist, whether this login may see them".to_owned()
        }
        (ErrorKind::NotFound, Side::Source) => {
            "the source lacks a part of the image: push or repair it there, then run the same command again".to_owned()
        }
        (ErrorKind::NotFound, Side::Target) if error.misses_content() => format!(
            "`{host}` lacks a part of the image that it had taken: run the same command again, which sends it again; if that does not help, its garbage collection or its storage needs a look"
        ),
        (ErrorKind::NotFound, Side::Target) => "create the project or namespace at the target first".to_owned(),
        (ErrorKind::RateLimited, _) => format!("wait a while, log in at `{host}` if you are not, or lower --proc"),
        (ErrorKind::Unavailable | ErrorKind::Network | ErrorKind::Stalled, _) => {
            "run the same command again later: what has arrived is not sent again".to_owned()
        }
        (ErrorKind::Mismatch, _) => {
            "the source's storage is damaged, or something on the way changes bytes: pull the image from another network to tell".to_owned()
        }
        (ErrorKind::TooLarge, Side::Target) => format!(
            "it is too large for the target: raise the limit of `{host}`, or of the proxy in front of it"
        ),
        (ErrorKind::Rejected, Side::Target) => "the target does not take this image; its own words above say why".to_owned(),
        _ => format!("check that `{host}` is a registry and not, say, its web site"),
    }
}
