//! What stands under an image's name at a target, compared with what should.

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

/// What a look at an image's name gave.
pub(super) struct AtName {
    pub(super) root: Root,
    /// The manifest, where it is the right one.
    pub(super) right: Option<Right>,
    /// The right to have it in memory.
    _read: ImageRead,
}

/// What stands under an image's name.
pub(super) enum Root {
    /// What should.
    Right(Digest),
    /// Nothing; what should, where that is known.
    Missing(Option<Digest>),
    /// Another digest.
    Other { there: Digest, wanted: Digest },
    /// Another digest, which stays as the rule says.
    Kept { there: Digest, wanted: Digest },
    /// What cannot be read, or is not what it says; what should, where that is known.
    Broken(Soundness, Option<Box<Form>>),
    /// No platform of it is wanted.
    Unwanted,
}

/// What should stand under a name, and does.
pub(super) struct Right {
    pub(super) manifest: RawManifest,
    /// What has to be there of what it names.
    pub(super) links: Links,
    pub(super) content: Content,
}

/// Whether the target has the source's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// Those, or those that its rule makes of them.
    Same,
    /// The same content in other bytes: nothing at the source refers to it.
    InOtherBytes,
}

/// Looks what stands under the image's name.
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
        // Who cannot be reached or asked tells nothing of the image.
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

/// Without a source, what stands there is what should.
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

/// What the source has, with its digest there. What the target has need not be read again.
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
        // What a list said may be over.
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
    // What cannot be read as a manifest was refused when it came.
    let mut links = manifest.links().unwrap_or_default();
    links.manifests.retain(|child| !absent.contains(&child.digest));
    (Root::Right(manifest.digest().clone()), Some(Right { manifest, links, content }))
}
