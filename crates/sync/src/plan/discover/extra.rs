//! Finds out what only the targets of a rule have, once the rule has listed its source.

use std::collections::HashSet;
use std::sync::Arc;

use futures_util::StreamExt as _;
use futures_util::future::join_all;
use futures_util::stream;
use oci::{Digest, Tag, TagOrDigest, referrers_tag};

use super::{Discovery, Origin};
use crate::endpoint::{EndpointError, Target};
use crate::memory::target_repository::AllTags;
use crate::plan::extra::Extra;
use crate::plan::listings::{AtTarget, SourceTags};
use crate::rule::RuleTarget;
use crate::rule::referrer_tag::subject;
use crate::{Error, Event, Mode, Operation, Side};

/// Tags that are looked up at once, where only the target itself tells what they point at.
const LOOKED_UP_AT_ONCE: usize = 8;

impl Discovery<'_> {
    /// Looks at the targets of a rule about a whole repository, in runs that only look.
    pub(super) async fn find_extra(&self) -> Result<(), Arc<Error>> {
        let looks = self.run.mode.looks_for_extra() && self.run.survey.is_none();
        if self.rule.selection.named().is_some() || !looks {
            return Ok(());
        }
        // A target that is slow keeps nobody from the source.
        self.turn.give_back();
        if let Origin::Listed(gate) = &self.origin
            && !gate.pass().await
        {
            return Ok(());
        }
        let here = self.listed.take();
        let looked = self.rule.targets.iter().map(|target| self.look_for_extra(target, &here));
        join_all(looked).await.into_iter().collect()
    }

    async fn look_for_extra(&self, target: &RuleTarget, here: &HashSet<Tag>) -> Result<(), Arc<Error>> {
        if self.run.mode == Mode::List {
            return self.list_target(target, here).await;
        }
        if here.is_empty() {
            return Ok(());
        }
        let repository = self.run.target_repository(&target.target);
        match repository.all_tags().await {
            Ok(there) => self.tell_of_extra(target, here, &there).await,
            Err(error) => {
                let text =
                    format!("what only it has is not known, because it does not list its tags: {error}");
                self.run.tell(&Event::Note { place: target.target.name().into(), text });
            }
        }
        Ok(())
    }

    async fn tell_of_extra(&self, target: &RuleTarget, here: &HashSet<Tag>, there: &AllTags) {
        let mut extra = self.extra(target, here, there.tags());
        extra.images.sort();
        let images = extra.images.into_iter().map(|tag| digest_of(&*target.target, tag, there));
        let mut tags: Vec<_> =
            stream::iter(images.collect::<Vec<_>>()).buffered(LOOKED_UP_AT_ONCE).collect().await;
        // What follows an image that only the target has is only there, too.
        let digests: HashSet<&Digest> = tags.iter().filter_map(|(_, digest)| digest.as_ref()).collect();
        let is_theirs = |tag: &Tag| match subject(tag) {
            Some(subject) => digests.contains(&subject),
            None => digests.iter().any(|digest| referrers_tag(digest) == *tag),
        };
        extra.followers.retain(is_theirs);
        extra.followers.sort();
        let followers = extra.followers.into_iter().map(|tag| digest_of(&*target.target, tag, there));
        let followers: Vec<_> =
            stream::iter(followers.collect::<Vec<_>>()).buffered(LOOKED_UP_AT_ONCE).collect().await;
        tags.extend(followers);
        if !tags.is_empty() {
            let (rule, target) = (self.index, target.target.name().into());
            self.run.tell(&Event::Extra { rule, target, tags: tags.into() });
        }
    }

    fn extra<'a>(
        &self,
        target: &RuleTarget,
        here: &HashSet<Tag>,
        there: impl Iterator<Item = &'a Tag>,
    ) -> Extra {
        let wanted = (&self.rule.selection, &self.rule.policy.referrers);
        Extra::of(wanted, &target.naming, here, there)
    }

    /// Notes what the target has for whoever decides about deletion.
    async fn list_target(&self, target: &RuleTarget, here: &HashSet<Tag>) -> Result<(), Arc<Error>> {
        let (source, rule) = (self.rule.source.clone(), self.index);
        let (tags, extra) = if here.is_empty() {
            (SourceTags::None, Extra::default())
        } else {
            let there = self.tags_of(&target.target).await?;
            (SourceTags::Some, self.extra(target, here, there.iter()))
        };
        let (target, naming) = (target.target.clone(), target.naming.clone());
        self.run.listings().at_targets.push(AtTarget { rule, source, target, naming, tags, extra });
        Ok(())
    }

    async fn tags_of(&self, target: &Arc<dyn Target>) -> Result<Vec<Tag>, Arc<Error>> {
        let name: Arc<str> = target.name().into();
        let (mut pages, mut all) = (target.tags(), Vec::new());
        let error = |cause| not_listed(&name, cause);
        while let Some(page) =
            self.run.retrying_list(&name, (&mut *pages, |pages| pages.next()), error).await?
        {
            all.extend(page.tags);
        }
        Ok(all)
    }
}

fn not_listed(place: &str, cause: EndpointError) -> Error {
    let place = place.to_owned();
    Error { side: Side::Target, place, operation: Operation::ListTags, cause: cause.into() }
}

/// A tag with what it points at; without that where the target does not tell.
async fn digest_of(target: &dyn Target, tag: Tag, there: &AllTags) -> (Tag, Option<Digest>) {
    let known = there.digest(&tag).cloned();
    let digest = match known {
        Some(digest) => Some(digest),
        None => target.resolve(&TagOrDigest::Tag(tag.clone())).await.ok().flatten(),
    };
    (tag, digest)
}
