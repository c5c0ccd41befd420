//! Copies the broken content of an image from its source to the target, and nothing else.

use std::collections::HashSet;
use std::sync::Arc;

use futures_util::stream::{self, StreamExt as _};
use oci::{Descriptor, Digest, RawManifest, TagOrDigest, referrers_tag};

use super::super::at_target::{AtTarget, look_again};
use super::super::blob::ensure_blob;
use super::super::carry_out::carry_out;
use super::super::conflict::{LastLook, named};
use super::super::decide::decide_with;
use super::super::index_form::Form;
use super::super::referrer::copy_referrers;
use super::super::walk::Walk;
use super::findings::Findings;
use super::root::Root;
use crate::{Cause, Error, Outcome};

/// How many blobs are copied in parallel.
const AT_ONCE: usize = 16;

/// How an image was repaired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Brought {
    /// As in a normal copy: the content below it was not checked.
    Image,
    /// Only what was found broken.
    Parts,
}

/// Repairs what is broken; returns the error if that fails.
pub(super) async fn mend(walk: &Walk, root: &Root, findings: &Findings) -> Result<Brought, Arc<Error>> {
    match root {
        Root::Missing(_) => image(walk, AtTarget::Absent).await,
        Root::Other { there, .. } => image(walk, AtTarget::Has(there.clone())).await,
        Root::Right(_) | Root::Kept { .. } | Root::Unwanted | Root::Broken(_, None) => {
            parts(walk, findings, None).await
        }
        Root::Broken(_, Some(form)) => {
            let there = look_at_name(walk, form).await?;
            parts(walk, findings, Some((form, &there))).await
        }
    }
}

/// The digest that the target reports for a reference whose content it does not return, or returns damaged. If the
/// rule keeps other clients' images, any other digest stays: a registry that refuses to show an image may have a
/// newer one (<https://github.com/goharbor/harbor/issues/15283>).
async fn look_at_name(walk: &Walk, form: &Form) -> Result<AtTarget, Arc<Error>> {
    let there = look_again(walk).await?;
    match there.digest().filter(|there| *there != form.digest()) {
        Some(other) if walk.keeps_others() => Err(stays(walk, other, form)),
        _ => Ok(there),
    }
}

/// Sets a broken reference again, unless another client has changed it since the check.
async fn name(walk: &Walk, form: &Form, before: &AtTarget) -> Result<(), Arc<Error>> {
    let now = look_again(walk).await?;
    let is_moved = now != *before;
    if let Some(other) = now.digest().filter(|there| is_moved && *there != form.digest()) {
        return Err(stays(walk, other, form));
    }
    let last_look = LastLook::of(walk, now.digest());
    walk.put(form.manifest(), walk.copy.reference(), &form.absent(), last_look).await
}

fn stays(walk: &Walk, there: &Digest, form: &Form) -> Arc<Error> {
    let (there, wanted) = (Box::new(there.clone()), Box::new(form.digest().clone()));
    Arc::new(named(walk, Cause::Stays { there, wanted }))
}

/// Copies the image as in a normal run.
async fn image(walk: &Walk, at_target: AtTarget) -> Result<Brought, Arc<Error>> {
    let decided = decide_with(walk, at_target).await?;
    match copy_referrers(walk, carry_out(walk, decided).await).await {
        Outcome::Failed(error) => Err(error),
        _ => Ok(Brought::Image),
    }
}

/// Copies the broken parts from the leaves up, the reference last, then the referrers.
async fn parts(
    walk: &Walk,
    findings: &Findings,
    root: Option<(&Form, &AtTarget)>,
) -> Result<Brought, Arc<Error>> {
    let blobs: Vec<_> = findings.blobs.iter().map(|blob| ensure_blob(walk, blob)).collect();
    stream::iter(blobs).buffer_unordered(AT_ONCE).collect::<()>().await;
    for manifest in findings.manifests.iter().rev() {
        walk.clone().ensure_child(manifest.clone()).await;
    }
    failed(walk)?;
    if let Some((form, there)) = root {
        name(walk, form, there).await?;
    }
    for (subject, referrers) in &findings.lists {
        list(walk, subject, referrers).await?;
    }
    for (subject, referrer) in &findings.referrers {
        walk.bring_referrer(subject, referrer.clone()).await;
    }
    for (tag, digest) in &findings.tags {
        walk.bring_tag(tag, digest).await;
    }
    failed(walk).map(|()| Brought::Parts)
}

/// Replaces an unreadable referrers list with a new one.
async fn list(walk: &Walk, subject: &Digest, referrers: &[Descriptor]) -> Result<(), Arc<Error>> {
    for referrer in referrers {
        walk.clone().ensure_child(referrer.clone()).await;
    }
    failed(walk)?;
    let (list, tag) = (RawManifest::index_of(referrers), TagOrDigest::Tag(referrers_tag(subject)));
    walk.put(&list, &tag, &HashSet::new(), LastLook::No).await
}

fn failed(walk: &Walk) -> Result<(), Arc<Error>> {
    walk.copy.failure().cloned().map_or(Ok(()), Err)
}
