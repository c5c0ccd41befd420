//! Reads one target repository, and decides what to delete there.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use oci::{Digest, Tag, TagOrDigest};

use super::candidate::Untagging;
use super::contents::Contents;
use super::decide::{Scene, decide, grace};
use super::gone::{GoneSince, Grace};
use super::guards::Guards;
use super::read::{read, read_digests};
use super::referrers::list_referrers;
use super::repository::{Missed, Repository};
use super::suspects::{Claim, Suspects};
use crate::endpoint::Target;
use crate::plan::listings::AtTarget;
use crate::{Error, State};

/// A target repository that could not be read, so that nothing is deleted there.
#[derive(Clone, Debug)]
pub struct Unread {
    /// Registry and repository.
    pub repository: Arc<str>,
    /// Why.
    pub error: Arc<Error>,
}

/// The result for one repository.
pub(super) struct Examined {
    pub(super) repository: Option<Repository>,
    /// How much would be deleted, if that is more than allowed.
    pub(super) too_much: Option<String>,
}

/// What rules say about one target repository.
pub(super) struct Examination<'a> {
    /// What rules found there, each with its guards: rules that delete come first.
    found: Vec<(&'a AtTarget, Option<Guards>)>,
    selected: &'a HashSet<TagOrDigest>,
    state: &'a State,
    retries: u32,
}

impl<'a> Examination<'a> {
    /// `None` if no rule deletes.
    pub(super) fn new(
        mut found: Vec<(&'a AtTarget, Option<Guards>)>,
        selected: &'a HashSet<TagOrDigest>,
        (state, retries): (&'a State, u32),
    ) -> Option<Self> {
        // A repository may have several names, each with its own login.
        found.sort_by_key(|(found, guards)| (guards.is_none(), found.target.name()));
        found.first()?.1?;
        Some(Self { found, selected, state, retries })
    }

    pub(super) fn target(&self) -> &Arc<dyn Target> {
        &self.found[0].0.target
    }

    /// Reads the repository, and decides what to delete.
    pub(super) async fn examine(self) -> Result<Examined, Unread> {
        let name: Arc<str> = self.target().name().into();
        let examined = self.look(name.clone()).await;
        examined.map_err(|error| Unread { repository: name, error: Arc::new(error) })
    }

    async fn look(&self, name: Arc<str>) -> Result<Examined, Error> {
        let claims: Vec<_> = self.found.iter().map(|(found, guards)| claim(found, *guards)).collect();
        let suspects = Suspects::of(&claims, self.selected);
        let (target, now) = (self.target().clone(), SystemTime::now());
        let grace = grace(&claims);
        let Seen { contents, gone, suspects } = self.see(&*target, suspects, (grace, now)).await?;
        let untagging =
            if contents.tags().next().is_none() { Untagging::Unknown } else { untagging(&*target).await };
        let (selected, claims) = (self.selected, &claims);
        let scene = Scene { name, contents: &contents, untagging, selected, claims, suspects: &suspects };
        let decided = decide(&scene, &gone, now);
        let (candidates, missed) = (decided.candidates, self.missed());
        let repository =
            (!candidates.is_empty()).then(|| Repository { target, contents, candidates, missed });
        Ok(Examined { repository, too_much: decided.too_much })
    }

    /// Sends only the necessary requests: reads manifests only if the grace period lets something go.
    async fn see(
        &self,
        target: &dyn Target,
        mut suspects: Suspects,
        (lasts, now): (Duration, SystemTime),
    ) -> Result<Seen, Error> {
        let may_go = suspects.gone().next().is_some();
        if !(may_go && lasts.is_zero()) {
            let contents = read_digests(target, self.retries, suspects.all()).await?;
            let gone = self.note(target, &suspects, &contents, now);
            if !(Grace { gone: &gone, now, lasts }).lets_go(&suspects, &contents) {
                // It was not checked whether the subjects of signatures exist.
                suspects.followers.clear();
                return Ok(Seen { contents, gone, suspects });
            }
            let contents = self.read(target, &suspects, &contents, Grace { gone: &gone, now, lasts }).await?;
            return Ok(Seen { contents, gone, suspects });
        }
        let none = Grace { gone: &None, now, lasts };
        let contents = self.read(target, &suspects, &Contents::default(), none).await?;
        let gone = self.note(target, &suspects, &contents, now);
        Ok(Seen { contents, gone, suspects })
    }

    async fn read(
        &self,
        target: &dyn Target,
        suspects: &Suspects,
        known: &Contents,
        grace: Grace<'_>,
    ) -> Result<Contents, Error> {
        let mut contents = read(target, self.retries, (suspects, self.selected), known).await?;
        let going = grace.due(suspects.images.iter(), &contents).into_iter().cloned().collect();
        list_referrers(target, self.retries, going, &mut contents).await;
        Ok(contents)
    }

    /// Records in the state which tags are missing.
    fn note(
        &self,
        target: &dyn Target,
        suspects: &Suspects,
        contents: &Contents,
        now: SystemTime,
    ) -> GoneSince {
        let seen: Vec<(Tag, Digest)> =
            suspects.gone().filter_map(|tag| Some((tag.clone(), contents.digest(tag)?.clone()))).collect();
        self.state.note_gone((target.store(), target.repository()), &seen, now)
    }

    /// The tags that were missing in the sources' listings.
    fn missed(&self) -> HashMap<Tag, Vec<Missed>> {
        let mut missed: HashMap<Tag, Vec<Missed>> = HashMap::new();
        for (found, _) in &self.found {
            for name in found.extra.images.iter().chain(&found.extra.followers) {
                let Some(tag) = found.naming.source_tag(name) else { continue };
                missed.entry(name.clone()).or_default().push(Missed { source: found.source.clone(), tag });
            }
        }
        missed
    }
}

/// What was read of a repository.
struct Seen {
    contents: Contents,
    gone: GoneSince,
    /// The tags that could be checked for deletion.
    suspects: Suspects,
}

fn claim(found: &AtTarget, guards: Option<Guards>) -> Claim<'_> {
    Claim { guards, source: found.source.name().into(), tags: found.tags, extra: &found.extra }
}

/// Whether a target is known to delete a tag without its image.
async fn untagging(target: &dyn Target) -> Untagging {
    match target.deletes() {
        Some(deletes) if deletes.untags().await => Untagging::Certain,
        _ => Untagging::Unknown,
    }
}
