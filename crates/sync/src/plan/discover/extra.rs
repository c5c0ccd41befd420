//! Finds what only the targets of a rule have, after the rule has listed its source.

use std::collections::HashSet;
use std::sync::Arc;

use futures_util::future::join_all;
use oci::Tag;

use super::{Discovery, Origin};
use crate::endpoint::Target;
use crate::plan::beyond::Beyond;
use crate::plan::extra::Extra;
use crate::plan::listings::{AtTarget, SourceTags};
use crate::plan::whole_list::WholeList;
use crate::rule::RuleTarget;
use crate::{Error, Event, Mode, Side};

impl Discovery<'_> {
    /// Compares the targets of a rule about a whole repository with its source, in runs that change nothing.
    pub(super) async fn find_extra(&self) -> Result<(), Arc<Error>> {
        let looks = self.run.mode.looks_for_extra() && self.run.survey.is_none();
        // A shard that does not report on the repository may not even have listed it.
        if self.rule.selection.named().is_some() || !looks || !self.tells() {
            return Ok(());
        }
        // A slow target must not block the source.
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
        self.beyond().tell(target, here).await;
        Ok(())
    }

    fn beyond(&self) -> Beyond<'_> {
        Beyond { run: self.run, rule: self.rule, index: self.index }
    }

    /// Records the target's content for the decision about deletions.
    async fn list_target(&self, target: &RuleTarget, here: &HashSet<Tag>) -> Result<(), Arc<Error>> {
        let (source, rule) = (self.rule.source.clone(), self.index);
        let tags = SourceTags::of(&self.rule.selection, here);
        let extra = match tags {
            SourceTags::None => Extra::default(),
            SourceTags::Some | SourceTags::NoImages => {
                let there = self.tags_of(&*target.target).await?;
                self.beyond().extra(target, here, there.iter())
            }
        };
        let (target, naming) = (target.target.clone(), target.naming.clone());
        self.run.listings().at_targets.push(AtTarget { rule, source, target, naming, tags, extra });
        Ok(())
    }

    async fn tags_of(&self, target: &dyn Target) -> Result<HashSet<Tag>, Arc<Error>> {
        let name: Arc<str> = target.name().into();
        let list = WholeList::read(self.run, (Side::Target, &name), target.tags()).await?;
        for tag in list.invalid {
            let text = format!("`{tag}` is listed, and is no tag: by its digest nothing is deleted there");
            self.run.tell(&Event::Note { place: name.clone(), text });
        }
        Ok(list.tags)
    }
}
