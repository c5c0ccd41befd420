//! Expands a rule about many repositories: makes a rule for each matching repository of a registry's listing.

use std::sync::Arc;

use oci::RepositoryName;
use tokio::task::{AbortHandle, JoinError, JoinSet};

use super::discoveries::Discoveries;
use crate::copy::panicked;
use crate::endpoint::EndpointError;
use crate::endpoint::listing::Repositories;
use crate::plan::company::Seat;
use crate::plan::discover::{Gate, Origin};
use crate::plan::pattern_targets::PatternTargets;
use crate::rule::Rule;
use crate::rule::pattern_rule::PatternRule;
use crate::{Cause, Error, Event, RuleFailure};

/// How many names are kept for the message that no repository matches.
const NAMES_KEPT: usize = 1000;

/// What a registry lists for a pattern.
#[derive(Default)]
struct Listed {
    repositories: usize,
    selected: usize,
    /// The first names.
    names: Vec<RepositoryName>,
}

impl Listed {
    fn take(&mut self, page: &[RepositoryName]) {
        self.repositories += page.len();
        let room = NAMES_KEPT - self.names.len();
        self.names.extend(page.iter().take(room).cloned());
    }

    /// The event to report if no repository was planned.
    fn event(self, rule: usize, source: Arc<str>) -> Event {
        if self.selected > 0 {
            return Event::NothingSelected { rule, source, counts: None };
        }
        Event::NoRepository { rule, source, listed: self.repositories, names: self.names.into() }
    }
}

/// The repositories whose tags are being listed, with their tasks.
type Found = Vec<(Arc<str>, AbortHandle)>;

impl Discoveries {
    /// Plans the images of all matching repositories. Lists their tags while the registry still lists repositories.
    /// Images start only when all repositories are known, so that no two sources are copied to one place.
    pub(crate) async fn of_pattern(
        self: Arc<Self>,
        rule: PatternRule,
        index: usize,
        seat: Option<Arc<Seat>>,
    ) -> Vec<RuleFailure> {
        let source: Arc<str> = format!("{}/{}", rule.listing.name(), rule.pattern).into();
        let (open, gate) = Gate::new();
        let mut tasks = JoinSet::new();
        let mut found = Found::new();
        let mut pattern_targets = PatternTargets::new(&rule);
        let listed = self.list((&rule, index), &mut pattern_targets, |made| {
            let (this, origin) = (self.clone(), Origin::Listed(gate.clone()));
            let (repository, seat) = (made.source.name().into(), seat.clone());
            let task = tasks.spawn(this.of_rule(made, index, origin, seat));
            found.push((repository, task));
        });
        let listed = match listed.await {
            Ok(listed) => listed,
            Err(error) => {
                tasks.shutdown().await;
                if let Some(seat) = &seat {
                    seat.company().withdraw(index, None);
                }
                self.rivals.is_failing(index);
                return vec![RuleFailure { rule: index, source, error }];
            }
        };
        self.rivals.repositories_are_known(index);
        let mut failures = Vec::new();
        if tasks.is_empty() {
            self.run.tell(&listed.event(index, source.clone()));
            failures.extend(rule.shortfall().map(|error| RuleFailure {
                rule: index,
                source: source.clone(),
                error: error.into(),
            }));
        }
        for repository in self.leave_out(&mut pattern_targets, found) {
            if let Some(seat) = &seat {
                seat.company().withdraw(index, Some(repository));
            }
        }
        drop(seat);
        let _ = open.send(true);
        let (ended, ()) = tokio::join!(
            all_ended(tasks, index, &source),
            self.find_vanished((&rule, index), &pattern_targets)
        );
        failures.extend(ended);
        failures
    }

    /// Drops repositories that turned out to be copies of others, and reports all left-out repositories.
    fn leave_out(&self, pattern_targets: &mut PatternTargets, mut found: Found) -> Vec<Arc<str>> {
        found.retain(|(repository, _)| pattern_targets.is_copy(repository));
        for (_, task) in &found {
            task.abort();
        }
        if let Some((place, text)) = pattern_targets.note() {
            self.run.tell(&Event::Note { place, text });
        }
        found.into_iter().map(|(repository, _)| repository).collect()
    }

    async fn list(
        &self,
        (rule, index): (&PatternRule, usize),
        pattern_targets: &mut PatternTargets,
        mut found: impl FnMut(Rule),
    ) -> Result<Listed, Arc<Error>> {
        let side = self.run.mode.listed_side();
        let error = |cause| Error { side, ..rule.error(cause) };
        let mut all = Listed::default();
        let source: Arc<str> = rule.listing.name().into();
        let mut pages = rule.listing.repositories(&rule.pattern.literal_front());
        loop {
            let page = self.next_page(&mut *pages, (&source, index), &error).await?;
            self.rivals.is_at_it(index);
            for text in pages.notes() {
                self.run.tell(&Event::Note { place: source.clone(), text });
            }
            let Some(page) = page else { return Ok(all) };
            let listed = page.len();
            all.take(&page);
            let wanted: Vec<_> = page.into_iter().filter(|name| rule.selects(name)).collect();
            all.selected += wanted.len();
            self.run.tell(&Event::RepositoriesListed {
                source: source.clone(),
                repositories: listed,
                selected: wanted.len(),
            });
            for repository in wanted {
                pattern_targets.rule_of(rule, &repository).map_err(error)?.into_iter().for_each(&mut found);
            }
        }
    }

    async fn next_page(
        &self,
        pages: &mut dyn Repositories,
        (source, index): (&Arc<str>, usize),
        error: &(impl Fn(Cause) -> Error + Sync),
    ) -> Result<Option<Vec<RepositoryName>>, Arc<Error>> {
        let error = |cause: EndpointError| {
            self.rivals.is_failing(index);
            error(cause.into())
        };
        self.run.retrying_list(source, (pages, |pages| pages.next()), error).await
    }
}

/// Waits for the discoveries of all repositories of a rule.
async fn all_ended(mut tasks: JoinSet<Vec<RuleFailure>>, rule: usize, source: &Arc<str>) -> Vec<RuleFailure> {
    let mut failures = Vec::new();
    while let Some(ended) = tasks.join_next().await {
        match ended {
            Ok(failure) => failures.extend(failure),
            // It was dropped by `leave_out`.
            Err(ended) if JoinError::is_cancelled(&ended) => {}
            Err(panic) => {
                let error = panicked(source, panic).into();
                failures.push(RuleFailure { rule, source: source.clone(), error });
            }
        }
    }
    failures
}
