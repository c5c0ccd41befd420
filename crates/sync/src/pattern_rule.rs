//! Rules about many repositories: what a registry lists is turned into rules about one each.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use oci::RepositoryName;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::JoinSet;

use crate::backoff::Backoff;
use crate::copy::panicked;
use crate::discover::{Gate, Planned, discover};
use crate::listing::{Listing, Repositories};
use crate::rule::Rule;
use crate::run::{Run, lock};
use crate::{Cause, Error, Event, Operation, RepositoryPattern, RuleFailure, SharedTarget, Side};

/// Makes the rule about one repository that a pattern matched.
pub type MakeRule = Arc<dyn Fn(&RepositoryName) -> Result<Rule, Cause> + Send + Sync>;

/// A rule about all repositories that match a pattern.
#[derive(Clone)]
pub struct PatternRule {
    /// Where they are listed.
    pub listing: Arc<dyn Listing>,
    /// Which are meant.
    pub pattern: RepositoryPattern,
    /// What is done with each.
    pub make_rule: MakeRule,
}

/// Something to carry out.
#[derive(Clone)]
pub enum Work {
    /// A rule about one repository.
    Repository(Rule),
    /// A rule about many.
    Pattern(PatternRule),
}

impl From<Rule> for Work {
    fn from(rule: Rule) -> Self {
        Self::Repository(rule)
    }
}

impl From<PatternRule> for Work {
    fn from(rule: PatternRule) -> Self {
        Self::Pattern(rule)
    }
}

/// Which source repository goes to which target repository. Where patterns are involved, two sources for one
/// target are a slip that would mix two repositories for good.
#[derive(Default)]
pub(crate) struct Landings(Mutex<HashMap<Arc<str>, Arc<str>>>);

impl Landings {
    /// Notes where a written rule goes. Several written rules may share a target.
    pub(crate) fn note(&self, rule: &Rule) {
        let mut landings = lock(&self.0);
        for target in &rule.targets {
            landings.entry(target.target.name().into()).or_insert_with(|| rule.source.name().into());
        }
    }

    /// Takes the targets of a rule that a pattern led to, if no other source has them.
    fn take(&self, rule: &Rule) -> Result<(), Cause> {
        let mut landings = lock(&self.0);
        let source: Arc<str> = rule.source.name().into();
        for target in &rule.targets {
            let owner = landings.entry(target.target.name().into()).or_insert_with(|| source.clone());
            if *owner != source {
                let target = target.target.name().to_owned();
                let (by, also) = (owner.to_string(), source.to_string());
                return Err(Cause::TargetShared(Box::new(SharedTarget { target, by, also })));
            }
        }
        Ok(())
    }
}

/// What all discoveries of a run share.
pub(crate) struct Discoveries {
    pub(crate) run: Arc<Run>,
    pub(crate) plan: mpsc::Sender<Planned>,
    pub(crate) turns: Arc<Semaphore>,
    pub(crate) landings: Landings,
}

impl Discoveries {
    /// Plans the images of all repositories that match. Tags are listed while repositories still come; images
    /// start when all are known, and none of them lands where another does.
    pub(crate) async fn of_pattern(self: Arc<Self>, rule: PatternRule, index: usize) -> Vec<RuleFailure> {
        let source: Arc<str> = format!("{}/{}", rule.listing.name(), rule.pattern).into();
        let (open, gate) = watch::channel(false);
        let mut tasks = JoinSet::new();
        let listed = self.list(&rule, |found| {
            let (this, gate) = (self.clone(), Gate::Waits(gate.clone()));
            tasks.spawn(async move { this.of_rule(found, index, gate).await });
        });
        if let Err(error) = listed.await {
            tasks.shutdown().await;
            return vec![RuleFailure { rule: index, source, error }];
        }
        if tasks.is_empty() {
            self.run.tell(&Event::NothingSelected { source: source.clone() });
        }
        let _ = open.send(true);
        let mut failures = Vec::new();
        while let Some(ended) = tasks.join_next().await {
            match ended {
                Ok(failure) => failures.extend(failure),
                Err(panic) => {
                    let error = panicked(&source, panic).into();
                    failures.push(RuleFailure { rule: index, source: source.clone(), error });
                }
            }
        }
        failures
    }

    /// Plans the images of one repository.
    pub(crate) async fn of_rule(self: Arc<Self>, rule: Rule, index: usize, gate: Gate) -> Vec<RuleFailure> {
        // Never closed, so this always gives a turn.
        let _turn = self.turns.acquire().await;
        let source: Arc<str> = rule.source.name().into();
        match discover(&self.run, (&rule, index), &self.plan, gate).await {
            Ok(()) => Vec::new(),
            Err(error) => vec![RuleFailure { rule: index, source, error }],
        }
    }

    async fn list(&self, rule: &PatternRule, mut found: impl FnMut(Rule)) -> Result<(), Arc<Error>> {
        let error = |cause| Error {
            side: Side::Source,
            place: rule.listing.name().to_owned(),
            operation: Operation::ListRepositories,
            cause,
        };
        let source: Arc<str> = rule.listing.name().into();
        let mut pages = rule.listing.repositories(&rule.pattern.literal_front());
        loop {
            let page = self.next_page(&mut *pages, &source, &error).await?;
            for text in pages.notes() {
                self.run.tell(&Event::Note { place: source.clone(), text });
            }
            let Some(page) = page else { return Ok(()) };
            let listed = page.len();
            let wanted: Vec<_> = page.into_iter().filter(|name| rule.pattern.matches(name)).collect();
            self.run.tell(&Event::RepositoriesListed {
                source: source.clone(),
                repositories: listed,
                selected: wanted.len(),
            });
            for repository in wanted {
                let made = (rule.make_rule)(&repository).map_err(error)?;
                self.landings.take(&made).map_err(error)?;
                found(made);
            }
        }
    }

    async fn next_page(
        &self,
        pages: &mut dyn Repositories,
        source: &Arc<str>,
        error: &impl Fn(Cause) -> Error,
    ) -> Result<Option<Vec<RepositoryName>>, Arc<Error>> {
        let mut backoff = Backoff::new(self.run.retries);
        loop {
            match pages.next().await {
                Ok(page) => return Ok(page),
                Err(cause) => self.run.pause_list(source, &mut backoff, error(cause.into())).await?,
            }
        }
    }
}
