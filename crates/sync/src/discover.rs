//! Turns a rule into images: page by page where names need no knowledge of all tags.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::endpoint::TagPage;
use oci::{Digest, Tag, TagOrDigest};
use tokio::sync::{mpsc, watch};

use crate::attempt::Needed;
use crate::backoff::Backoff;
use crate::endpoint::{Source, Tags, Target};
use crate::rule::{Naming, ReferrerPolicy, Rule, Selection};
use crate::run::Run;
use crate::target_repository::Found;
use crate::{Cause, Error, Event, Image, Operation, Side};

/// Which referrers of an image go along.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WantedReferrers {
    None,
    /// Those that stand under a tag, because all tags come along anyway.
    Tagged,
    /// Those that do not stand under a tag, because all tags come along anyway.
    Untagged,
    All,
}

impl WantedReferrers {
    fn of(rule: &Rule) -> Self {
        let all_tags_come = matches!(rule.selection, Selection::All)
            && rule.targets.iter().all(|target| matches!(target.naming, Naming::Same));
        match rule.referrers {
            ReferrerPolicy::Leave if all_tags_come => Self::Tagged,
            ReferrerPolicy::Leave => Self::None,
            ReferrerPolicy::Copy if all_tags_come => Self::Untagged,
            ReferrerPolicy::Copy => Self::All,
        }
    }
}

/// An image of a source with the names that it gets at its targets.
pub(crate) struct Planned {
    /// The rule that asks for it.
    pub(crate) rule: usize,
    pub(crate) source: Arc<dyn Source>,
    pub(crate) reference: TagOrDigest,
    pub(crate) found: Found,
    pub(crate) referrers: WantedReferrers,
    pub(crate) ways: Vec<(Arc<Image>, Arc<dyn Target>)>,
}

/// When images may start.
#[derive(Clone)]
pub(crate) enum Gate {
    /// At once.
    Open,
    /// When this is true; never, if its sender goes before.
    Waits(watch::Receiver<bool>),
}

impl Gate {
    /// Waits for the gate; says whether it opened.
    async fn pass(&self) -> bool {
        match self {
            Self::Open => true,
            Self::Waits(gate) => gate.clone().wait_for(|open| *open).await.is_ok(),
        }
    }
}

/// Sends all images of `rule` to `plan`.
pub(crate) async fn discover(
    run: &Run,
    (rule, index): (&Rule, usize),
    plan: &mpsc::Sender<Planned>,
    gate: Gate,
) -> Result<(), Arc<Error>> {
    let discovery = Discovery::new(run, (rule, index), plan, gate);
    if rule.selection.named().is_some() {
        return discovery.run().await;
    }
    let begun = run.breakers.begin(Needed::by_source(&rule.source), &run.deadline).await;
    let attempt = begun.map_err(|refused| discovery.error(Operation::ListTags, refused.into()))?;
    let discovered = discovery.run().await;
    attempt.end(discovered.as_ref().err());
    discovered
}

struct Discovery<'a> {
    run: &'a Run,
    rule: &'a Rule,
    /// Which of the run's rules it is.
    index: usize,
    planned: &'a mpsc::Sender<Planned>,
    gate: Gate,
    source: Arc<str>,
    targets: Vec<Arc<str>>,
}

impl<'a> Discovery<'a> {
    fn new(
        run: &'a Run,
        (rule, index): (&'a Rule, usize),
        planned: &'a mpsc::Sender<Planned>,
        gate: Gate,
    ) -> Self {
        let targets = rule.targets.iter().map(|target| target.target.name().into()).collect();
        Self { run, rule, index, planned, gate, source: rule.source.name().into(), targets }
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
            _ if by_image => self.stream().await,
            _ => {
                let images = self.list_all().await?;
                self.pair(images).await
            }
        }
    }

    /// Signatures and the like that a rule leaves behind, where the source can say how many there are.
    async fn count_what_is_left(&self) {
        let is_listed = self.rule.selection.named().is_none();
        if is_listed
            && self.rule.referrers == ReferrerPolicy::Leave
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
        let mut any = false;
        while let Some(images) = self.next_page(&mut *pages).await? {
            any |= !images.is_empty();
            self.plan(images).await?;
        }
        if !any {
            self.run.tell(&Event::NothingSelected { source: self.source.clone() });
        }
        Ok(())
    }

    async fn list_all(&self) -> Result<Vec<TagOrDigest>, Arc<Error>> {
        let mut pages = self.rule.source.tags();
        let mut all = Vec::new();
        while let Some(images) = self.next_page(&mut *pages).await? {
            all.extend(images);
        }
        Ok(all)
    }

    /// Plans all images at once, because names may be paired by position.
    async fn pair(&self, images: Vec<TagOrDigest>) -> Result<(), Arc<Error>> {
        if images.is_empty() {
            self.run.tell(&Event::NothingSelected { source: self.source.clone() });
        }
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
        if !self.gate.pass().await {
            return Ok(());
        }
        for image in images {
            let here = names.iter_mut().map(|names| names.next().flatten()).collect();
            self.send(image, here).await;
        }
        Ok(())
    }

    async fn next_page(&self, pages: &mut dyn Tags) -> Result<Option<Vec<TagOrDigest>>, Arc<Error>> {
        let mut backoff = Backoff::new(self.run.retries);
        loop {
            match pages.next().await {
                Ok(page) => return Ok(page.map(|page| self.select(page))),
                Err(cause) => {
                    let error = self.error(Operation::ListTags, cause.into());
                    self.run.pause_list(&self.source, &mut backoff, error).await?;
                }
            }
        }
    }

    fn select(&self, page: TagPage) -> Vec<TagOrDigest> {
        let listed = page.tags.len();
        for tag in page.invalid {
            self.run.tell(&Event::InvalidTag { source: self.source.clone(), tag });
        }
        self.run.referrer_tags.listed(&self.source, self.rule, &page.tags);
        let images = self.rule.selection.select(page.tags);
        let source = self.source.clone();
        self.run.tell(&Event::TagsListed { source, tags: listed, selected: images.len() });
        images
    }

    /// Waits for a place in the queue: discovery keeps only a little ahead of copying.
    async fn send(&self, reference: TagOrDigest, names: Vec<Option<TagOrDigest>>) {
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
        for (image, _) in &ways {
            self.run.tell(&Event::ImagePlanned(image.clone()));
        }
        let found = match self.rule.selection {
            Selection::These(_) | Selection::Pinned { .. } => Found::Named,
            Selection::All | Selection::Matching(_) => Found::Listed,
        };
        let source = self.rule.source.clone();
        let referrers = WantedReferrers::of(self.rule);
        // The receiver is gone when the run is stopped; then nobody waits for this image.
        let planned = Planned { rule: self.index, source, reference, found, referrers, ways };
        let _ = self.planned.send(planned).await;
    }

    fn error(&self, operation: Operation, cause: Cause) -> Error {
        Error { side: Side::Source, place: self.rule.source.name().to_owned(), operation, cause }
    }
}
