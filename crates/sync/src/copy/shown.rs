//! Checks a target that did not show an image before the image was stored again. Registries accept a push of a
//! manifest whose file is damaged, and keep the damaged file
//! (<https://github.com/distribution/distribution/issues/2489>).

use std::sync::Arc;

use oci::{Digest, ErrorKind};

use super::walk::Walk;
use crate::endpoint::{EndpointError, Scope};
use crate::{Cause, Error, Rewrite};

/// Reads the image's reference once more: an image that cannot be pulled was not copied. A registry that refuses to
/// show the image, as Harbor does with vulnerable ones (<https://github.com/goharbor/harbor/issues/15283>), may have
/// it all the same.
pub(super) async fn check_shown(walk: &Walk, digest: &Digest) -> Result<(), Arc<Error>> {
    let (copy, reference) = (&walk.copy, walk.copy.reference());
    let error = |cause| super::conflict::named(walk, cause);
    let step = async || {
        let read = copy.target.manifest(reference).await;
        read.map_err(|cause| error(cause.into()))
    };
    let read = match walk.policy().rewrite {
        // A forced rewrite does not wait for retries.
        Rewrite::Always => step().await.map_err(Arc::new),
        Rewrite::Changed => walk.run.retrying(copy, step).await,
    };
    let Err(failure) = read else { return Ok(()) };
    if failure.is_stopped() {
        return Err(failure);
    }
    match failure.endpoint().filter(|told| is_damage(told)) {
        Some(told) => {
            let (digest, told) = (Box::new(digest.clone()), Box::new(told.clone()));
            Err(Arc::new(error(Cause::KeepsUnreadable { digest, told })))
        }
        None => Ok(()),
    }
}

fn is_damage(error: &EndpointError) -> bool {
    let is_lost = matches!(error.kind, ErrorKind::Unavailable | ErrorKind::Mismatch | ErrorKind::Protocol);
    is_lost && matches!(error.scope, Scope::Image | Scope::Repository)
}
