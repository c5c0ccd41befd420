//! Turns a rule into images, page by page if the references do not depend on the whole list.

mod choose;
mod extra;
mod gate;
mod listed;
mod pages;
mod parted;
mod rivalry;
mod send;
mod sizes;
mod together;

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use oci::{Digest, Tag, TagOrDigest};
use tokio::sync::{OnceCell, mpsc};

pub(crate) use self::gate::{Gate, Origin};
use self::listed::Listed;
use self::parted::Parted;
use crate::endpoint::Source;
use crate::endpoint::listing::BulkListing;
use crate::engine::Pair;
use crate::engine::attempt::{Attempt, Needed};
use crate::engine::run::Run;
use crate::plan::company::Seat;
use crate::plan::discoveries::Discoveries;
use crate::plan::order::{Contest, Settled};
use crate::plan::planned::Planned;
use crate::plan::rivals::{Rivals, Telling};
use crate::plan::shard::share::Share;
use crate::plan::turns::Turn;
use crate::plan::wanted::Wanted;
use crate::rule::{Rule, RuleTarget, Selection};
use crate::select::Counts;
use crate::{Cause, Error, Event, Operation, ReferrerPolicy, RuleFailure};

/// Sends all images of `rule` to the schedule.
async fn discover(
    discoveries: &Discoveries,
    (rule, index): (&Rule, usize),
    (origin, seat): (Origin, Option<Arc<Seat>>),
    telling: Telling,
) -> Result<(), Arc<Error>> {
    let discovery = Discovery::new(discoveries, (rule, index), origin, telling);
    discovery.discover(seat).await?;
    Box::pin(discovery.find_extra()).await?;
    Box::pin(discovery.end_contests()).await
}

impl Discoveries {
    /// Plans the images of one repository. Announces the rule to its rivals at once, before the future is polled.
    pub(crate) fn of_rule(
        self: Arc<Self>,
        rule: Rule,
        index: usize,
        origin: Origin,
        seat: Option<Arc<Seat>>,
    ) -> impl Future<Output = Vec<RuleFailure>> + Send + 'static {
        let targets = rule.targets.iter().map(|target| target.target.name().into()).collect();
        let telling = self.rivals.telling(index, targets);
        async move {
            let source: Arc<str> = rule.source.name().into();
            match discover(&self, (&rule, index), (origin, seat), telling).await {
                Ok(()) => Vec::new(),
                Err(error) => vec![RuleFailure { rule: index, source, error }],
            }
        }
    }
}

struct Discovery<'a> {
    run: &'a Run,
    rule: &'a Rule,
    /// The rule's index in the run.
    index: usize,
    planned: &'a mpsc::Sender<Planned>,
    origin: Origin,
    /// Held while the source is listed, and while images wait to be accepted.
    turn: Turn,
    /// The source's tags, if they are needed later.
    listed: Listed,
    source: Arc<str>,
    targets: Vec<Arc<str>>,
    pairs: Vec<Pair>,
    rivals: &'a Rivals,
    telling: Telling,
    /// The sizes of the source's images, in a survey.
    sizes: OnceCell<Option<Arc<BulkListing>>>,
    /// References that this rule lost to later rules.
    given_way: Mutex<Vec<(Contest, Arc<dyn Source>)>>,
}

impl<'a> Discovery<'a> {
    fn new(
        discoveries: &'a Discoveries,
        (rule, index): (&'a Rule, usize),
        origin: Origin,
        telling: Telling,
    ) -> Self {
        let targets = rule.targets.iter().map(|target| target.target.name().into()).collect();
        let (run, planned) = (&*discoveries.run, &discoveries.plan);
        let pair = |target: &RuleTarget| Pair::new(rule.source.store(), target.target.store());
        let pairs = rule.targets.iter().map(pair).collect();
        let turn = discoveries.turns.at(rule.source.store());
        let (source, listed) = (rule.source.name().into(), Listed::default());
        let (rivals, sizes, given_way) = (&*discoveries.rivals, OnceCell::new(), Mutex::default());
        Self {
            run,
            rule,
            index,
            planned,
            origin,
            turn,
            listed,
            source,
            targets,
            pairs,
            rivals,
            telling,
            sizes,
            given_way,
        }
    }

    async fn discover(&self, seat: Option<Arc<Seat>>) -> Result<(), Arc<Error>> {
        if seat.is_none() && self.is_of_another_shard() {
            return Ok(());
        }
        if let (None, Selection::These(images)) = (&seat, &self.rule.selection) {
            return Box::pin(self.pair(images.clone())).await;
        }
        let _ahead = match &self.origin {
            Origin::Listed(gate) => gate.approach().await,
            Origin::Written => None,
        };
        // Boxed, because ten thousand repositories wait for their turns: the memory is allocated only when the work begins.
        if let Some(seat) = seat {
            return Box::pin(self.run_in_company(seat)).await;
        }
        self.turn.take().await;
        if self.rule.selection.named().is_some() {
            return Box::pin(self.run()).await;
        }
        let attempt = Box::pin(self.begin()).await?;
        let discovered = Box::pin(self.run()).await;
        attempt.end(discovered.as_ref().err());
        discovered
    }

    /// Whether another shard copies the whole repository, and no earlier rule has to know what this rule wants.
    fn is_of_another_shard(&self) -> bool {
        !self.telling.is_of_use() && self.share().is_some_and(|(share, first)| share.has_nothing_of(first))
    }

    /// Whether this process reports on the repository as a whole, or another shard does.
    fn tells(&self) -> bool {
        self.share().is_none_or(|(share, first)| share.tells_of(first))
    }

    /// The share of this process, if it is one shard of several, with the target that decides which shard copies an image.
    fn share(&self) -> Option<(&Share, &Arc<str>)> {
        self.run.share.as_ref().zip(self.targets.first())
    }

    /// Begins to list tags, as soon as the registry's breaker admits it.
    async fn begin(&self) -> Result<Attempt, Arc<Error>> {
        let needed = Needed::by_source(&self.rule.source);
        let begun = self.run.engine.breakers().begin(needed, &self.run.deadline).await;
        begun.map_err(|refused| self.error(Operation::ListTags, refused.into()).into())
    }

    async fn run(&self) -> Result<(), Arc<Error>> {
        self.read_sizes_ahead().await;
        self.count_what_is_left().await;
        let by_image = self.rule.targets.iter().all(|target| target.naming.is_by_image());
        match &self.rule.selection {
            Selection::These(images) => self.pair(images.clone()).await,
            Selection::Pinned { tag, digest } => {
                let images = vec![TagOrDigest::Digest(digest.clone())];
                tokio::join!(self.pair(images), self.tell_of_moved(tag, digest)).0
            }
            Selection::Chosen(selection) => self.choose(selection).await,
            Selection::All | Selection::Matching(_) if by_image => self.stream().await,
            Selection::All | Selection::Matching(_) => {
                let images = self.list_all().await?;
                self.pair(images).await
            }
        }
    }

    /// Counts signatures and other referrers that a rule leaves out, if the source reports their number.
    async fn count_what_is_left(&self) {
        let is_listed = self.rule.selection.named().is_none();
        if is_listed
            && self.rule.policy.referrers == ReferrerPolicy::Leave
            && let Some(listing) = self.rule.source.bulk_tags().await
        {
            let told = if self.tells() { listing.referrers } else { 0 };
            self.run.unwanted_referrers.fetch_add(told, Ordering::Relaxed);
            self.run.referrer_tags.counted(&self.source);
        }
    }

    /// Reports a tag that no longer points at the digest in its rule. Errors are ignored: copying the image reports them.
    async fn tell_of_moved(&self, tag: &Tag, digest: &Digest) {
        let text = match self.rule.source.resolve(&TagOrDigest::Tag(tag.clone())).await {
            Ok(Some(now)) if now != *digest => {
                format!("`{tag}` is {now} by now; what is copied is {digest}, as the rule says")
            }
            Ok(None) => format!("there is no `{tag}` any more; what is copied is {digest}, as the rule says"),
            Ok(Some(_)) | Err(_) => return,
        };
        self.run.tell(&Event::Note { place: self.source.clone(), text });
    }

    fn tell_of_nothing(&self, counts: Option<Counts>) {
        if !self.tells() {
            return;
        }
        let (rule, source) = (self.index, self.source.clone());
        self.run.tell(&Event::NothingSelected { rule, source, counts });
    }

    /// Plans all images at once, because references may be paired by position.
    async fn pair(&self, images: Vec<TagOrDigest>) -> Result<(), Arc<Error>> {
        if images.is_empty() {
            self.tell_of_nothing(None);
        }
        self.tell_names(&images);
        self.telling.has_told_all();
        self.plan(images).await
    }

    async fn plan(&self, images: Vec<TagOrDigest>) -> Result<(), Arc<Error>> {
        let names = self.rule.targets.iter().map(|target| target.naming.names(&images));
        let names: Result<Vec<_>, _> = names.collect();
        let mut names: Vec<_> = names
            .map_err(|cause| self.error(Operation::Pair, cause))?
            .into_iter()
            .map(Vec::into_iter)
            .collect();
        if !self.pass_the_gate().await {
            return Ok(());
        }
        let (wanted, mut contested) = (Wanted::of(self.rule), Vec::new());
        for image in images {
            let names = names.iter_mut().map(|names| names.next().flatten()).collect();
            let image = Settled { reference: image, names, wanted: wanted.clone(), after: None };
            let Parted { ready, waiting } = self.part(&image);
            contested.extend(waiting);
            for image in ready {
                self.send(image, None).await;
            }
        }
        for image in contested {
            for image in self.when_decided(image).await {
                self.send(image, None).await;
            }
        }
        Ok(())
    }

    /// Waits until images may start, without blocking other listings; returns whether they may.
    async fn pass_the_gate(&self) -> bool {
        let Origin::Listed(gate) = &self.origin else { return true };
        if gate.is_open() {
            return true;
        }
        self.turn.give_back();
        let may_start = gate.pass().await;
        self.turn.take().await;
        may_start
    }

    fn error(&self, operation: Operation, cause: Cause) -> Error {
        Error {
            side: self.run.mode.listed_side(),
            place: self.rule.source.name().to_owned(),
            operation,
            cause,
        }
    }
}
