//! Copies attestations that a target may refuse, before all other children of their index: their result decides in
//! which form the index is stored. Only refused attestations are left out.

use std::collections::HashSet;
use std::sync::Arc;

use oci::{Descriptor, Digest, Links, TagOrDigest};

use super::conflict::LastLook;
use super::index_form::Form;
use super::manifest::refuses_kind;
use super::walk::Walk;
use crate::memory::ledger::{Came, Claim, Claimed, Why};
use crate::memory::refusals::Refused;
use crate::{AttestationPolicy, Error, Event};

/// The result for one attestation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Attested {
    Stands,
    Refused,
}

impl Walk {
    /// Copies the attestations of an index, if its rule drops those that the target refuses. Returns the refused ones.
    pub(super) async fn bring_attestations(&self, form: &Form) -> Result<HashSet<Digest>, Arc<Error>> {
        let mut refused = HashSet::new();
        if self.policy().attestations == AttestationPolicy::Keep {
            return Ok(refused);
        }
        for child in form.attestations() {
            let attested = if self.refuses(Refused::IndexesWithAttestations) {
                Attested::Refused
            } else {
                self.bring_attestation(&child).await?
            };
            if attested == Attested::Refused {
                refused.insert(child.digest);
            }
        }
        Ok(refused)
    }

    /// Copies an attestation, unless the target refuses it.
    pub(super) async fn bring_attestation(&self, child: &Descriptor) -> Result<Attested, Arc<Error>> {
        loop {
            let attested = match self.claim(&child.digest) {
                Claim::Present => Attested::Stands,
                Claim::Mine(claim) => self.try_attestation(child, claim).await?,
                Claim::Theirs(waiting) => {
                    let ended = self.copy.activity.wait_for_others(waiting.done(&*self.source)).await;
                    match ended {
                        // The other copy's rule keeps attestations, so that copy failed.
                        Some(Why::Failed(error)) if refuses_kind(&error) => Attested::Refused,
                        Some(Why::Failed(error)) => return Err(error),
                        Some(Why::LeftOut) | None => continue,
                    }
                }
            };
            match attested {
                Attested::Stands => self.visited().meet(child),
                Attested::Refused => self.note_refused(&child.digest),
            }
            return Ok(attested);
        }
    }

    async fn try_attestation(&self, child: &Descriptor, claim: Claimed) -> Result<Attested, Arc<Error>> {
        if self.target_has(&child.digest).await {
            claim.complete(Came::Found);
            return Ok(Attested::Stands);
        }
        let reference = TagOrDigest::Digest(child.digest.clone());
        let bytes = self.copy.bytes_for(&self.run, child).await;
        let manifest = self.read_manifest(&reference).await?;
        self.check_size(child, &manifest)?;
        let links = self.links(&manifest)?;
        // A task that holds bytes may wait only for blobs, not for manifests.
        let _bytes = links.manifests.is_empty().then_some(bytes);
        let kind = kind(&links);
        if self.refuses(kind) {
            return Ok(Attested::Refused);
        }
        self.visited().meet_children(&child.digest, &links.manifests);
        self.copy_parts(links).await;
        if let Some(failure) = self.copy.failure() {
            self.hand_on(claim, manifest.digest(), &manifest.links().unwrap_or_default());
            return Err(failure.clone());
        }
        match self.put(&manifest, &reference, &HashSet::new(), LastLook::No).await {
            Ok(()) => Ok(Attested::Stands),
            Err(error) if refuses_kind(&error) => {
                self.learn_refusal(kind, &error);
                Ok(Attested::Refused)
            }
            Err(error) => {
                self.fail(error.clone(), &manifest, Some(claim));
                Err(error)
            }
        }
    }

    /// Whether the target's registry has refused this kind of content in this run.
    pub(super) fn refuses(&self, what: Refused) -> bool {
        self.run.refusals.has(self.copy.target.store(), what)
    }

    /// Remembers for this run that the target's registry refuses this kind of content, and reports it once.
    pub(super) fn learn_refusal(&self, what: Refused, why: &Error) {
        let target = &self.copy.target;
        if !self.run.refusals.note(target.store(), what) {
            return;
        }
        let what = match what {
            Refused::SparseIndexes => {
                "it takes no index without all its manifests: those for other platforms are taken out"
            }
            Refused::ImageAttestations => "it does not take attestations that are images: they are left out",
            Refused::ArtifactAttestations => {
                "it does not take attestations that are artifacts: they are left out"
            }
            Refused::IndexesWithAttestations => "it takes no index with attestations: they are left out",
        };
        let text = format!("{what} ({})", why.cause);
        self.run.tell(&Event::Note { place: target.name().into(), text });
    }
}

/// The kind of refusal for an attestation with these links.
fn kind(links: &Links) -> Refused {
    match &links.config {
        Some(config) if config.is_image_config() => Refused::ImageAttestations,
        _ => Refused::ArtifactAttestations,
    }
}
