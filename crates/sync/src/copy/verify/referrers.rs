//! Checks an image's referrers at a target: the target must have every referrer that the source lists and the rule
//! wants, and must list it.

use std::sync::Arc;

use oci::{Descriptor, Digest, RawManifest, TagOrDigest};

use super::super::below::is_bare;
use super::super::referrer::Levels;
use super::closure::Closure;
use super::findings::problem;
use super::inspector::below;
use crate::memory::inspected::Soundness;
use crate::memory::ledger::Kind;
use crate::plan::wanted::WantedReferrers;
use crate::{AttestationPolicy, Error, Problem, ProblemKind, ProblemState};

impl Closure<'_> {
    /// Checks the referrers of an image, and of all manifests that the walk visited below it.
    pub(super) async fn look_at_referrers(&mut self, image: &Digest) -> Result<(), Arc<Error>> {
        let walk = self.inspector.walk;
        let wanted = walk.image.planned.wanted.referrers;
        if !wanted.are_looked_up() {
            return Ok(());
        }
        let mut subjects = self.met.clone();
        let is_bare = wanted == WantedReferrers::Untagged && is_bare(walk, image).await;
        if !is_bare && walk.whole().is_none() {
            subjects.insert(0, image.clone());
        }
        let mut levels = Levels::below(subjects);
        loop {
            let level = match levels.next(walk, wanted).await {
                Ok(Some(level)) => level,
                Ok(None) => return Ok(()),
                Err(stopped) if stopped.is_stopped() => return Err(stopped),
                Err(error) => {
                    self.unread(image, error);
                    return Ok(());
                }
            };
            for (subject, referrers) in level {
                self.look_at_referrers_of(&subject, referrers).await?;
                if wanted == WantedReferrers::All {
                    self.look_at_cosign_tags(&subject).await?;
                }
            }
        }
    }

    async fn look_at_referrers_of(
        &mut self,
        subject: &Digest,
        referrers: Vec<Descriptor>,
    ) -> Result<(), Arc<Error>> {
        let walk = self.inspector.walk;
        let listed = if self.inspector.has_source() && !referrers.is_empty() {
            Some(self.inspector.listed(subject).await?.found)
        } else {
            None
        };
        let before = self.findings.problems.len();
        let below = self.look_at_manifests(referrers.clone(), ProblemKind::Referrer).await?;
        let broken = self.findings.problems.split_off(before);
        let is_damaged = matches!(&listed, Some(Err(Soundness::Wrong(_))));
        let mut wanted = Vec::new();
        for referrer in referrers {
            let own = broken.iter().find(|problem| problem.digest.as_ref() == Some(&referrer.digest));
            let may_be_left =
                walk.policy().attestations == AttestationPolicy::Drop && referrer.is_attestation();
            if may_be_left && own.is_some_and(|own| own.state == ProblemState::Missing) {
                continue;
            }
            let is_broken = if let Some(own) = own {
                self.findings.problems.push(own.clone());
                true
            } else {
                let found = is_listed(listed.as_ref(), &referrer.digest);
                self.findings.note(&referrer.digest, ProblemKind::Referrer, &found)
            };
            if is_damaged {
                wanted.push(referrer);
            } else if is_broken {
                self.findings.referrers.push((subject.clone(), referrer));
            }
        }
        if is_damaged {
            self.findings.lists.push((subject.clone(), wanted));
        }
        for below in below {
            self.look_below(below).await?;
        }
        Ok(())
    }

    /// Checks older cosign signatures, which have tags that are made from their subject's digest.
    async fn look_at_cosign_tags(&mut self, subject: &Digest) -> Result<(), Arc<Error>> {
        let walk = self.inspector.walk;
        for tag in walk.wanted_cosign_tags(subject).await {
            match walk.resolve(&tag).await {
                Ok(Some(digest)) => self.look_at_cosign_tag(tag, digest).await?,
                Ok(None) => {}
                Err(stopped) if stopped.is_stopped() => return Err(stopped),
                Err(error) => self.unread(subject, error),
            }
        }
        Ok(())
    }

    async fn look_at_cosign_tag(&mut self, tag: TagOrDigest, digest: Digest) -> Result<(), Arc<Error>> {
        let there = self.inspector.under(&tag).await?;
        let (state, why, instead) = match there {
            Ok(there) if *there.digest() == digest => return self.look_below_read(&there).await,
            Ok(there) => (ProblemState::Wrong, None, Some(there.digest().clone())),
            Err(broken) => {
                self.inspector.note(Kind::Manifest, &digest, &broken);
                let (state, why) = problem(&broken).unwrap_or((ProblemState::Missing, None));
                (state, why, None)
            }
        };
        let (kind, of) = (ProblemKind::Referrer, Some(digest.clone()));
        self.findings.problems.push(Problem { digest: of, kind, state, why, instead });
        self.findings.tags.push((tag, digest));
        Ok(())
    }

    /// Checks all content below a manifest that was read under a reference.
    pub(super) async fn look_below_read(&mut self, manifest: &RawManifest) -> Result<(), Arc<Error>> {
        // A manifest that cannot be parsed was refused when it was read.
        let below = Arc::new(below(&manifest.links().unwrap_or_default()));
        self.inspector.take(manifest, &below).await;
        self.look_below(below).await
    }

    /// Records that the referrers of a manifest could not be read.
    fn unread(&mut self, subject: &Digest, error: Arc<Error>) {
        self.findings.note(subject, ProblemKind::Referrer, &Soundness::Unreadable(error));
    }
}

/// Whether the target's list of referrers has this one. Without a list, the referrer counts as listed.
fn is_listed(list: Option<&Result<Arc<[Digest]>, Soundness>>, referrer: &Digest) -> Soundness {
    match list {
        None => Soundness::Whole,
        Some(Ok(listed)) if listed.contains(referrer) => Soundness::Whole,
        Some(Ok(_)) => Soundness::Missing,
        Some(Err(broken)) => broken.clone(),
    }
}
