//! Turns a rule into images: page by page where names need no knowledge of all tags.

mod choose;
mod extra;
mod listed;
mod parted;
mod rivalry;
mod together;

use std::borrow::Cow;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use oci::{Digest, ErrorKind, Tag, TagOrDigest};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};

use self::listed::Listed;
use self::parted::Parted;
use crate::endpoint::{EndpointError, Source, TagPage, Tags};
use crate::engine::Pair;
use crate::engine::attempt::{Attempt, Needed};
use crate::engine::run::Run;
use crate::memory::target_repository::Found;
use crate::plan::assignment::Assignment;
use crate::plan::awaited::Promise;
use crate::plan::company::Seat;
use crate::plan::discoveries::Discoveries;
use crate::plan::followers::is_follower;
use crate::plan::order::{Contest, Settled};
use crate::plan::place::Place;
use crate::plan::planned::{Planned, PlannedImage};
use crate::plan::rivals::{Rivals, Telling};
use crate::plan::turns::Turn;
use crate::plan::wanted::Wanted;
use crate::rule::{Rule, RuleTarget, Selection};
use crate::select::Counts;
use crate::{Cause, Error, Event, Image, Operation, ReferrerPolicy, RuleFailure, Target};

/// Repositories of one listing whose tags are read while more of them come.
const LISTED_AHEAD: usize = 64;
/// Images that are planned ahead of those in work, for each pair of stores.
const PLANNED_AHEAD: usize = 64;

/// How a rule about one repository came into the run.
#[derive(Clone)]
pub(crate) enum Origin {
    /// It was written. Its images start at once.
    Written,
    /// A registry listed the repository.
    Listed(Gate),
}

/// Where the images of a listing's repositories wait until all of them are known.
#[derive(Clone)]
pub(crate) struct Gate {
    /// Never true, if its sender goes before.
    is_open: watch::Receiver<bool>,
    /// The right to be listed ahead of the opening: what waits there is kept in memory.
    ahead: Arc<Semaphore>,
}

impl Gate {
    /// A gate with what opens it.
    pub(crate) fn new() -> (watch::Sender<bool>, Self) {
        let (open, is_open) = watch::channel(false);
        (open, Self { is_open, ahead: Arc::new(Semaphore::new(LISTED_AHEAD)) })
    }

    /// Waits for its opening; says whether it came.
    async fn pass(&self) -> bool {
        self.is_open.clone().wait_for(|open| *open).await.is_ok()
    }

    /// Waits until few are ahead of it, or it opens.
    async fn approach(&self) -> Option<OwnedSemaphorePermit> {
        tokio::select! {
            biased;
            _ = self.pass() => None,
            permit = self.ahead.clone().acquire_owned() => permit.ok(),
        }
    }
}

/// Sends all images of `rule` to `plan`.
async fn discover(
    discoveries: &Discoveries,
    (rule, index): (&Rule, usize),
    (origin, seat): (Origin, Option<Arc<Seat>>),
    telling: Telling,
) -> Result<(), Arc<Error>> {
    let discovery = Discovery::new(discoveries, (rule, index), origin, telling);
    discovery.discover(seat).await?;
    discovery.find_extra().await?;
    discovery.end_contests().await
}

impl Discoveries {
    /// Plans the images of one repository. That it will is told at once, before anything is awaited.
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

/// What a question for tags gave.
enum Page {
    Tags(Vec<Tag>),
    End,
    /// There is nothing to list.
    NoTags,
}

struct Discovery<'a> {
    run: &'a Run,
    rule: &'a Rule,
    /// Which of the run's rules it is.
    index: usize,
    planned: &'a mpsc::Sender<Planned>,
    origin: Origin,
    /// Held while the source is asked, and while images wait to be taken.
    turn: Turn,
    /// What the source has listed, where that is asked afterwards.
    listed: Listed,
    source: Arc<str>,
    targets: Vec<Arc<str>>,
    pairs: Vec<Pair>,
    rivals: &'a Rivals,
    telling: Telling,
    /// Names that this rule would have, and a later one has.
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
        let (rivals, given_way) = (&*discoveries.rivals, Mutex::default());
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
            given_way,
        }
    }

    async fn discover(&self, seat: Option<Arc<Seat>>) -> Result<(), Arc<Error>> {
        // Another shard brings all of it.
        if seat.is_none() && self.run.share.as_ref().is_some_and(|share| share.has_nothing_of(&self.targets))
        {
            return Ok(());
        }
        if let (None, Selection::These(images)) = (&seat, &self.rule.selection) {
            return self.pair(images.clone()).await;
        }
        let _ahead = match &self.origin {
            Origin::Listed(gate) => gate.approach().await,
            Origin::Written => None,
        };
        if let Some(seat) = seat {
            return self.run_in_company(seat).await;
        }
        self.turn.take().await;
        if self.rule.selection.named().is_some() {
            return self.run().await;
        }
        let attempt = self.begin().await?;
        let discovered = self.run().await;
        attempt.end(discovered.as_ref().err());
        discovered
    }

    /// Begins to list tags, as soon as the registry's breaker lets it.
    async fn begin(&self) -> Result<Attempt, Arc<Error>> {
        let needed = Needed::by_source(&self.rule.source);
        let begun = self.run.engine.breakers().begin(needed, &self.run.deadline).await;
        begun.map_err(|refused| self.error(Operation::ListTags, refused.into()).into())
    }

    async fn run(&self) -> Result<(), Arc<Error>> {
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

    /// Signatures and the like that a rule leaves behind, where the source can say how many there are.
    async fn count_what_is_left(&self) {
        let is_listed = self.rule.selection.named().is_none();
        if is_listed
            && self.rule.policy.referrers == ReferrerPolicy::Leave
            && let Some(listing) = self.rule.source.bulk_tags().await
        {
            self.run.unwanted_referrers.fetch_add(listing.referrers, Ordering::Relaxed);
            self.run.referrer_tags.counted(&self.source);
        }
    }

    /// Says so where a tag points at something else than the digest that was written beside it. What cannot be asked
    /// is told of the image itself.
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

    /// Plans each page as it comes.
    async fn stream(&self) -> Result<(), Arc<Error>> {
        let mut pages = self.rule.source.tags();
        let (mut any, mut followers) = (false, Vec::new());
        loop {
            match self.next_page(&mut *pages).await? {
                Page::Tags(tags) => {
                    let images = self.select(tags);
                    any |= !images.is_empty();
                    self.tell_names(&images);
                    let (follow, images): (Vec<_>, Vec<_>) = images.into_iter().partition(is_follower);
                    followers.extend(follow);
                    self.plan(images).await?;
                }
                Page::NoTags => {
                    self.telling.has_told_all();
                    return Ok(());
                }
                // What they follow may stand on any page.
                Page::End if any => {
                    self.telling.has_told_all();
                    return self.plan(followers).await;
                }
                Page::End => {
                    self.telling.has_told_all();
                    self.tell_of_nothing(None);
                    return Ok(());
                }
            }
        }
    }

    async fn list_all(&self) -> Result<Vec<TagOrDigest>, Arc<Error>> {
        let mut pages = self.rule.source.tags();
        let mut all = Vec::new();
        while let Page::Tags(tags) = self.next_page(&mut *pages).await? {
            all.extend(self.select(tags));
        }
        Ok(all)
    }

    fn tell_of_nothing(&self, counts: Option<Counts>) {
        let (rule, source) = (self.index, self.source.clone());
        self.run.tell(&Event::NothingSelected { rule, source, counts });
    }

    /// Plans all images at once, because names may be paired by position.
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

    /// Waits until images may start, without keeping others from their lists; says whether they may.
    async fn pass_the_gate(&self) -> bool {
        let Origin::Listed(gate) = &self.origin else { return true };
        if *gate.is_open.borrow() {
            return true;
        }
        self.turn.give_back();
        let may_start = gate.pass().await;
        self.turn.take().await;
        may_start
    }

    async fn next_page(&self, pages: &mut dyn Tags) -> Result<Page, Arc<Error>> {
        let error = |cause: EndpointError| {
            self.rivals.is_failing(self.index);
            self.error(Operation::ListTags, cause.into())
        };
        match self.run.retrying_list(&self.source, (pages, |pages| pages.next()), error).await {
            Ok(Some(page)) => Ok(Page::Tags(self.take(page))),
            Ok(None) => Ok(Page::End),
            Err(error) if error.kind() == Some(ErrorKind::NotFound) && self.is_listed() => {
                self.tell_of_no_tags();
                Ok(Page::NoTags)
            }
            Err(error) => Err(error),
        }
    }

    fn is_listed(&self) -> bool {
        matches!(self.origin, Origin::Listed(_))
    }

    /// Registries list repositories to which only parts of an image were pushed, and those that were emptied, and answer
    /// 404 when they are asked for their tags.
    fn tell_of_no_tags(&self) {
        let text = "the registry lists this repository, but no tags of it: nothing is copied from it";
        self.run.tell(&Event::Note { place: self.source.clone(), text: text.to_owned() });
    }

    /// Takes a page, and tells what no registry should list.
    fn take(&self, page: TagPage) -> Vec<Tag> {
        for tag in page.invalid {
            self.run.tell(&Event::InvalidTag { source: self.source.clone(), tag });
        }
        self.run.referrer_tags.listed(&self.source, self.rule, &page.tags);
        if self.run.mode.looks_for_extra() {
            self.listed.add(&page.tags);
        }
        page.tags
    }

    fn select(&self, mut tags: Vec<Tag>) -> Vec<TagOrDigest> {
        let listed = tags.len();
        tags.retain(|tag| self.rule.policy.referrers.takes_tag(tag));
        let images = self.rule.selection.by_name(tags);
        let (source, selected) = (self.source.clone(), Some(images.len()));
        self.run.tell(&Event::TagsListed { rule: self.index, source, tags: listed, selected });
        images
    }

    /// Keeps only a little ahead of the fastest of the targets. What another rule is to bring to the source is read where it can be
    /// had until then.
    async fn send(&self, image: Settled, promise: Option<Promise>) {
        let Settled { reference, names, wanted, after } = image;
        let ways: Vec<_> = names
            .into_iter()
            .zip(self.rule.targets.iter().zip(&self.targets))
            .filter_map(|(name, (target, target_name))| {
                let image = Image {
                    source: self.source.clone(),
                    source_reference: reference.clone(),
                    target: target_name.clone(),
                    target_reference: name?,
                };
                Some((Arc::new(image), target.target.clone()))
            })
            .collect();
        if !self.is_ours(&reference, &ways, (&wanted, after.as_ref())).await {
            return ways.iter().for_each(|(image, _)| self.run.awaited.tell(image));
        }
        let here = self.rule.source.clone();
        let (found, source, reference) = match (promise, &self.rule.selection) {
            (Some(Promise::Image { digest, source }), _) => {
                (Found::Foreseen, source, TagOrDigest::Digest(digest))
            }
            (Some(Promise::Unforeseen), _) => (Found::Unforeseen, here, reference),
            _ if after.is_some() => (Found::Promised, here, reference),
            (None, Selection::These(_) | Selection::Pinned { .. }) => (Found::Named, here, reference),
            (None, _) => (Found::Listed, here, reference),
        };
        self.wait_for_room(&source).await;
        // The receiver is gone when the run is stopped; then nobody waits for this image.
        let Ok(room) = self.planned.reserve().await else { return };
        // What is told is queued, also when the run stops at this moment: all that is planned is in the report.
        for (image, _) in &ways {
            self.run.tell(&Event::ImagePlanned(image.clone()));
        }
        let image = PlannedImage { source, reference, found, wanted, expected: None, result: None };
        room.send(Planned { rule: self.index, image, ways });
    }

    /// Whether this run brings an image, or another shard does. A run that surveys takes it down.
    async fn is_ours(
        &self,
        reference: &TagOrDigest,
        ways: &[(Arc<Image>, Arc<dyn Target>)],
        (wanted, after): (&Wanted, Option<&Place>),
    ) -> bool {
        let (share, survey) = (&self.run.share, &self.run.survey);
        if share.is_none() && survey.is_none() {
            return true;
        }
        let images = ways.iter().map(|(image, _)| image);
        let key = self.run.keys.of(images.clone().map(|image| &**image), after, &self.run.awaited);
        // What goes nowhere is nobody's.
        let Some(key) = key else { return false };
        if let Some(survey) = survey {
            let assignment =
                Assignment { rule: self.index, images: images.cloned().collect(), wanted: wanted.clone() };
            survey.take_down(&*self.rule.source, (reference, key), assignment).await;
            return true;
        }
        share.as_ref().is_none_or(|share| share.has(&key))
    }

    async fn wait_for_room(&self, source: &Arc<dyn Source>) {
        let images = self.run.engine.images();
        let is_own = source.store() == self.rule.source.store();
        let others = || {
            let targets = self.rule.targets.iter();
            targets.map(|target| Pair::new(source.store(), target.target.store())).collect()
        };
        let pairs: Cow<'_, [Pair]> = if is_own { Cow::Borrowed(&self.pairs) } else { Cow::Owned(others()) };
        if !images.has_room(&pairs, PLANNED_AHEAD) {
            self.turn.wait(images.room(&pairs, PLANNED_AHEAD)).await;
        }
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
