//! Finds repositories of a pattern's targets to which no repository of the source is copied any more.

use std::collections::HashSet;
use std::sync::Arc;

use futures_util::StreamExt as _;
use futures_util::stream;
use oci::{ErrorKind, Tag};

use super::discoveries::Discoveries;
use crate::endpoint::EndpointError;
use crate::plan::beyond::Beyond;
use crate::plan::pattern_targets::PatternTargets;
use crate::plan::whole_list::WholeList;
use crate::rule::Rule;
use crate::rule::pattern_rule::{PatternRule, PatternTarget};
use crate::{Error, Event, Mode, Operation, Side};

/// How many repositories are compared in parallel.
const LOOKED_AT_AT_ONCE: usize = 8;

impl Discoveries {
    /// In plans: reports the additional tags in target repositories to which no listed repository is copied. If a
    /// target cannot list its repositories, reports that without failing.
    pub(super) async fn find_vanished(&self, (rule, index): (&PatternRule, usize), goes_to: &PatternTargets) {
        if self.run.mode != Mode::Plan || self.run.survey.is_some() {
            return;
        }
        for target in &rule.targets {
            let place: Arc<str> = target.listing.name().into();
            match self.vanished(rule, (target, &place), goes_to).await {
                Ok(vanished) => {
                    let looks: Vec<_> = vanished
                        .iter()
                        .map(|(name, made)| self.look_at_vanished((made, index), name))
                        .collect();
                    stream::iter(looks).buffer_unordered(LOOKED_AT_AT_ONCE).collect::<()>().await;
                }
                Err(error) if error.kind() == Some(ErrorKind::NotFound) => {}
                Err(error) => {
                    let error = oci::with_sources(&error.cause);
                    let text = format!(
                        "whether it has whole repositories that are gone at the source is not known: {error}"
                    );
                    self.run.tell(&Event::Note { place, text });
                }
            }
        }
    }

    /// Such repositories of a target, with the rule that would copy images to each.
    async fn vanished(
        &self,
        rule: &PatternRule,
        (target, place): (&PatternTarget, &Arc<str>),
        goes_to: &PatternTargets,
    ) -> Result<Vec<(Arc<str>, Rule)>, Arc<Error>> {
        let below: Vec<&str> = target.front.split('/').skip(1).collect();
        let mut pages = target.listing.repositories(&below);
        let error = |cause: EndpointError| Error {
            side: Side::Target,
            place: place.to_string(),
            operation: Operation::ListRepositories,
            cause: cause.into(),
        };
        let mut vanished = Vec::new();
        while let Some(page) =
            self.run.retrying_list(place, (&mut *pages, |pages| pages.next()), error).await?
        {
            let candidates = page.iter().filter_map(|repository| {
                let name: Arc<str> = format!("{place}/{repository}").into();
                let is_ours = self.run.share.as_ref().is_none_or(|share| share.tells_of(&name));
                let is_candidate = is_ours && !goes_to.is_taken(&name);
                let made = is_candidate.then(|| rule.rule_to(target, repository, &name))??;
                let is_copied = made.source.name() != &*name;
                is_copied.then_some((name, made))
            });
            vanished.extend(candidates);
        }
        Ok(vanished)
    }

    /// Reports the repository's additional tags. A registry's listing may be incomplete, so the source's tags decide.
    async fn look_at_vanished(&self, (rule, index): (&Rule, usize), name: &str) {
        let Some(target) = rule.targets.iter().find(|target| target.target.name() == name) else { return };
        let turn = self.turns.at(rule.source.store());
        turn.take().await;
        let here = self.tags_at_source(rule).await;
        turn.give_back();
        match here {
            Ok(here) => Beyond { run: &self.run, rule, index }.tell(target, &here).await,
            Err(error) => {
                let error = oci::with_sources(&error.cause);
                let text = format!(
                    "whether its images are gone at the source is not known, because {} was not listed: {error}",
                    rule.source.name()
                );
                self.run.tell(&Event::Note { place: name.into(), text });
            }
        }
    }

    /// Empty if there is no such repository.
    async fn tags_at_source(&self, rule: &Rule) -> Result<HashSet<Tag>, Arc<Error>> {
        let name: Arc<str> = rule.source.name().into();
        match WholeList::read(&self.run, (Side::Source, &name), rule.source.tags()).await {
            Ok(list) => Ok(list.tags),
            Err(error) if error.kind() == Some(ErrorKind::NotFound) => Ok(HashSet::new()),
            Err(error) => Err(error),
        }
    }
}
