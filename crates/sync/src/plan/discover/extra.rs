//! Finds out what only the targets of a rule have, once the rule has listed its source.

use std::collections::HashSet;
use std::sync::Arc;

use futures_util::future::join_all;
use oci::Tag;

use super::{Discovery, Origin};
use crate::endpoint::{EndpointError, Target};
use crate::plan::at_target::Beyond;
use crate::plan::extra::Extra;
use crate::plan::listings::{AtTarget, SourceTags};
use crate::rule::RuleTarget;
use crate::{Error, Mode, Operation, Side};

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
        self.beyond().tell(target, here).await;
        Ok(())
    }

    fn beyond(&self) -> Beyond<'_> {
        Beyond { run: self.run, rule: self.rule, index: self.index }
    }

    /// Notes what the target has for whoever decides about deletion.
    async fn list_target(&self, target: &RuleTarget, here: &HashSet<Tag>) -> Result<(), Arc<Error>> {
        let (source, rule) = (self.rule.source.clone(), self.index);
        let (tags, extra) = if here.is_empty() {
            (SourceTags::None, Extra::default())
        } else {
            let there = self.tags_of(&target.target).await?;
            (SourceTags::Some, self.beyond().extra(target, here, there.iter()))
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
