//! Reports what the target of a rule has in addition to its source.

use std::collections::HashSet;

use futures_util::StreamExt as _;
use futures_util::stream;
use oci::{Digest, Tag, TagOrDigest, referrers_tag};

use crate::Event;
use crate::endpoint::Target;
use crate::engine::run::Run;
use crate::memory::target_repository::AllTags;
use crate::plan::extra::Extra;
use crate::rule::referrer_tag::subject;
use crate::rule::{Rule, RuleTarget};

/// How many tags are looked up in parallel, if only the target can tell their digests.
const LOOKED_UP_AT_ONCE: usize = 8;

/// Finds what a rule's targets have in addition to its source.
pub(crate) struct Beyond<'a> {
    pub(crate) run: &'a Run,
    pub(crate) rule: &'a Rule,
    /// The rule's index in the run.
    pub(crate) index: usize,
}

impl Beyond<'_> {
    /// Reports the additional tags of one target; `here` are the source's tags.
    pub(crate) async fn tell(&self, target: &RuleTarget, here: &HashSet<Tag>) {
        match self.run.target_repository(&target.target).all_tags().await {
            Ok(there) => self.tell_of(target, here, &there).await,
            Err(error) => {
                let text =
                    format!("what only it has is not known, because it does not list its tags: {error}");
                self.run.tell(&Event::Note { place: target.target.name().into(), text });
            }
        }
    }

    /// The additional tags of a target; `there` are its tags.
    pub(crate) fn extra<'t>(
        &self,
        target: &RuleTarget,
        here: &HashSet<Tag>,
        there: impl Iterator<Item = &'t Tag>,
    ) -> Extra {
        let wanted = (&self.rule.selection, &self.rule.policy.referrers);
        Extra::of(wanted, &target.naming, here, there)
    }

    async fn tell_of(&self, target: &RuleTarget, here: &HashSet<Tag>, there: &AllTags) {
        let mut extra = self.extra(target, here, there.tags());
        extra.images.sort();
        let mut tags = with_digests(&*target.target, extra.images, there).await;
        // The referrers tags of an additional image are additional, too.
        let digests: HashSet<&Digest> = tags.iter().filter_map(|(_, digest)| digest.as_ref()).collect();
        let is_theirs = |tag: &Tag| match subject(tag) {
            Some(subject) => digests.contains(&subject),
            None => digests.iter().any(|digest| referrers_tag(digest) == *tag),
        };
        extra.followers.retain(is_theirs);
        extra.followers.sort();
        tags.extend(with_digests(&*target.target, extra.followers, there).await);
        if !tags.is_empty() {
            let (rule, target) = (self.index, target.target.name().into());
            self.run.tell(&Event::Extra { rule, target, tags: tags.into() });
        }
    }
}

/// Tags with their digests, where the target tells them.
async fn with_digests(target: &dyn Target, tags: Vec<Tag>, there: &AllTags) -> Vec<(Tag, Option<Digest>)> {
    let looks: Vec<_> = tags.into_iter().map(|tag| digest_of(target, tag, there)).collect();
    stream::iter(looks).buffered(LOOKED_UP_AT_ONCE).collect().await
}

async fn digest_of(target: &dyn Target, tag: Tag, there: &AllTags) -> (Tag, Option<Digest>) {
    let known = there.digest(&tag).cloned();
    let digest = match known {
        Some(digest) => Some(digest),
        None => target.resolve(&TagOrDigest::Tag(tag.clone())).await.ok().flatten(),
    };
    (tag, digest)
}
