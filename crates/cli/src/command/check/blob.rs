//! Whether a source's blobs come from another host, and whether that host lets this client in.

use oci::{Digest, ErrorKind, RegistryHost};
use registry::{BlobPlace, Error, NotFollowed, Problem};

use super::finding::{Finding, Step};
use crate::diagnostic::{leaves_tls_hint, registry_words, transport_hint};

/// Judges a blob's location. `place` is the source's repository.
pub(super) fn judge(
    place: &str,
    host: &RegistryHost,
    digest: &Digest,
    located: Result<BlobPlace, Error>,
) -> Finding {
    let error = match located {
        Ok(BlobPlace::Registry) => {
            return Finding::ok(place, Step::Blobs, "blobs come from the registry itself");
        }
        Ok(BlobPlace::Storage(storage)) => {
            return Finding::ok(place, Step::Blobs, format!("blobs come from {storage}, which answers"));
        }
        Ok(BlobPlace::Nowhere) => {
            return Finding::problem(
                place,
                Step::Blobs,
                format!("the blob {digest} of an image is not there"),
            )
            .next("push the image again at the source");
        }
        Err(error) => error,
    };
    let asked = match &error {
        Error::Transport { url, .. } => url.host(),
        Error::Refused(refusal) => refusal.url.host(),
        _ => None,
    };
    match asked.filter(|asked| asked != host.api_host()) {
        Some(storage) => {
            let what = format!("the registry sends readers of blobs to {storage}, which gives nothing");
            let next = match &error {
                Error::Transport { failure, .. } if error.kind() == ErrorKind::Tls => {
                    transport_hint(*failure, host.as_str(), &storage)
                }
                _ => format!(
                    "let this machine out to {storage}, too: firewalls and whitelists of the registry do not cover its blob store"
                ),
            };
            Finding::problem(place, Step::Blobs, what).why(registry_words(&error)).next(next)
        }
        None if is_refused_redirect(&error) => {
            let what = "the registry sends readers of blobs to a place without TLS";
            let next = leaves_tls_hint(host.as_str());
            Finding::problem(place, Step::Blobs, what).why(registry_words(&error)).next(next)
        }
        None => Finding::problem(place, Step::Blobs, "a blob cannot be read")
            .why(registry_words(&error))
            .next("see what the registry says, and run the check again"),
    }
}

fn is_refused_redirect(error: &Error) -> bool {
    matches!(error, Error::Protocol { problem: Problem::Redirect { why: NotFollowed::LeavesTls, .. }, .. })
}
