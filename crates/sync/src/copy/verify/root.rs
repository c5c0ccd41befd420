//! Compares what the target has under an image's reference with what it should have.

use std::collections::HashSet;
use std::sync::Arc;

use oci::{Digest, Links, RawManifest, TagOrDigest};

use super::super::decide::{Told, digest_at_source, forms};
use super::super::index_form::{Form, Forms};
use super::super::platform::Selected;
use super::super::walk::Walk;
use super::inspector::Inspector;
use crate::endpoint::{EndpointError, Scope};
use crate::engine::ImageRead;
use crate::memory::inspected::Soundness;
use crate::{Error, OnConflict};

/// The result of the check of an image's reference.
pub(super) struct AtName {
    pub(super) root: Root,
    /// The manifest, if it is the right one.
    pub(super) right: Option<Right>,
    /// The reservation of its memory.
    _read: ImageRead,
}

/// What the target has under an image's reference.
pub(super) enum Root {
    /// The right digest.
    Right(Digest),
    /// Nothing; the right digest, if known.
    Missing(Option<Digest>),
    /// Another digest.
    Other { there: Digest, wanted: Digest },
    /// Another digest, which the rule keeps.
    Kept { there: Digest, wanted: Digest },
    /// An unreadable or damaged manifest; the right form, if known.
    Broken(Soundness, Option<Box<Form>>),
    /// The filter accepts no platform of the image.
    Unwanted,
}

/// The right manifest under a reference.
pub(super) struct Right {
    pub(super) manifest: RawManifest,
    /// The content that the target should have for it.
    pub(super) links: Links,
    pub(super) content: Content,
}

/// Whether the target has the source's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// The source's bytes, or those that the rule makes of them.
    Same,
    /// The same content with another digest: the source's referrers do not refer to it.
    InOtherBytes,
}

/// Checks what the target has under the image's reference.
pub(super) async fn look(inspector: &Inspector<'_>) -> Result<AtName, Arc<Error>> {
    let walk = inspector.walk;
    let mut read = walk.copy.image_read(&walk.run).await;
    let (root, right) = compared(inspector, &mut read).await?;
    Ok(AtName { root, right, _read: read })
}

async fn compared(
    inspector: &Inspector<'_>,
    read: &mut ImageRead,
) -> Result<(Root, Option<Right>), Arc<Error>> {
    let walk = inspector.walk;
    let there = match inspector.under(walk.copy.reference()).await? {
        // An error of the registry or the login says nothing about the image.
        Err(Soundness::Unreadable(error)) if error.endpoint().is_some_and(is_of_more) => return Err(error),
        there => there,
    };
    if let Ok(manifest) = &there {
        read.came(manifest);
    }
    if !inspector.has_source() {
        return itself(walk, there).await;
    }
    let (whole, at_source) = at_source(walk, there.as_ref().ok()).await?;
    read.came(&whole);
    let unwanted = match walk.select_platforms(&whole).await? {
        Selected::AllBut(unwanted) => unwanted,
        Selected::Nothing => return Ok((Root::Unwanted, None)),
    };
    let forms = forms(walk, whole, at_source, unwanted).await?;
    Ok(match there {
        Ok(there) => compare(walk, there, &forms),
        Err(Soundness::Missing) => (Root::Missing(Some(forms.first.digest().clone())), None),
        Err(broken) => (Root::Broken(broken, Some(Box::new(forms.first))), None),
    })
}

fn is_of_more(error: &EndpointError) -> bool {
    error.scope != Scope::Image
}

/// Without a source, the target's own manifest is the right one.
async fn itself(
    walk: &Walk,
    there: Result<RawManifest, Soundness>,
) -> Result<(Root, Option<Right>), Arc<Error>> {
    Ok(match there {
        Ok(manifest) => match walk.select_platforms(&manifest).await? {
            Selected::AllBut(unwanted) => right(manifest, &unwanted, Content::Same),
            Selected::Nothing => (Root::Unwanted, None),
        },
        Err(Soundness::Missing) => (Root::Missing(None), None),
        Err(broken) => (Root::Broken(broken, None), None),
    })
}

/// The source's manifest with its digest. If the target has the same digest, uses the target's bytes.
async fn at_source(walk: &Walk, there: Option<&RawManifest>) -> Result<(RawManifest, Digest), Arc<Error>> {
    let there_is = there.map(RawManifest::digest);
    let told = digest_at_source(walk, there_is).await;
    if let (Some((digest, _)), Some(there)) = (&told, there)
        && digest == there.digest()
    {
        return Ok((there.clone(), digest.clone()));
    }
    let reference = match told {
        Some((digest, Told::Now)) => TagOrDigest::Digest(digest),
        // The digest from a listing may be outdated.
        Some((_, Told::ByList)) | None => walk.image.planned.reference.clone(),
    };
    let whole = walk.read_manifest(&reference).await?;
    let digest = whole.digest().clone();
    Ok((whole, digest))
}

fn compare(walk: &Walk, there: RawManifest, forms: &Forms) -> (Root, Option<Right>) {
    if let Some(form) = forms.iter().find(|form| form.digest() == there.digest()) {
        if form.is_rewritten() {
            walk.note_whole(form.at_source());
        }
        return right(there, &form.absent(), Content::Same);
    }
    if there.is_same_json(forms.first.manifest()) {
        return right(there, &forms.first.absent(), Content::InOtherBytes);
    }
    let (there, wanted) = (there.digest().clone(), forms.first.digest().clone());
    let root = match walk.policy().on_conflict {
        OnConflict::Keep => Root::Kept { there, wanted },
        OnConflict::Overwrite | OnConflict::Fail => Root::Other { there, wanted },
    };
    (root, None)
}

fn right(manifest: RawManifest, absent: &HashSet<Digest>, content: Content) -> (Root, Option<Right>) {
    // A manifest that cannot be parsed was refused when it was read.
    let mut links = manifest.links().unwrap_or_default();
    links.manifests.retain(|child| !absent.contains(&child.digest));
    (Root::Right(manifest.digest().clone()), Some(Right { manifest, links, content }))
}
