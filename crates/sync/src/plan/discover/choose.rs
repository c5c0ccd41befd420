//! A rule that selects from the whole tag list of a repository: the list, the ages of its tags, and the selection.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::SystemTime;

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use oci::{Digest, Tag, TagOrDigest};

use super::Discovery;
use super::pages::Page;
use crate::endpoint::listing::BulkListing;
use crate::endpoint::{Answer, EndpointError, Scope, Source};
use crate::plan::choice::Choice;
use crate::plan::followers::is_follower;
use crate::plan::survey::Purpose;
use crate::select::{Dates, ListedTag, Reason, Selected, TagSelection};
use crate::{Cause, Error, Event, Mode, Operation};

/// How many tags are looked up in parallel, if only the state has their ages.
const LOOKED_UP_AT_ONCE: usize = 8;

impl Discovery<'_> {
    /// Plans the selected images. Referrer tags come last.
    pub(super) async fn choose(&self, selection: &Arc<TagSelection>) -> Result<(), Arc<Error>> {
        let choice = self.read_choice(selection).await?;
        let selected = choice.selected();
        if let Some(too_few) = choice.shortfall(&selected) {
            return Err(self.error(Operation::SelectTags, Cause::TooFew(too_few)).into());
        }
        let images = Choice::images(&selected);
        self.tell_names(&images);
        self.telling.has_told_all();
        if images.is_empty() {
            self.tell_of_nothing(Some(selected.counts));
            return Ok(());
        }
        if !self.rule.targets.iter().all(|target| target.naming.is_by_image()) {
            return self.plan(images).await;
        }
        let (follow, images): (Vec<_>, Vec<_>) = images.into_iter().partition(is_follower);
        self.plan(images).await?;
        self.plan(follow).await
    }

    /// Reads everything that a selection needs, and reports the result.
    pub(super) async fn read_choice(&self, selection: &Arc<TagSelection>) -> Result<Choice, Arc<Error>> {
        let tags = self.list_tags().await?;
        let now = SystemTime::now();
        let listed = self.with_dates(selection, tags, now).await?;
        let choice = Choice::new(selection.clone(), listed, now);
        self.tell_of_choice(choice.listed(), &choice.selected());
        Ok(choice)
    }

    async fn list_tags(&self) -> Result<Vec<Tag>, Arc<Error>> {
        let (mut pages, mut all) = (self.rule.source.tags(), Vec::new());
        while let Page::Tags(tags) = self.next_page(&mut *pages).await? {
            let (source, listed) = (self.source.clone(), tags.len());
            self.run.tell(&Event::TagsListed { rule: self.index, source, tags: listed, selected: None });
            all.extend(tags);
        }
        // A list that changes while it is read may contain a tag twice.
        let mut seen = HashSet::new();
        let referrers = &self.rule.policy.referrers;
        all.retain(|tag| referrers.takes_tag(tag) && seen.insert(tag.clone()));
        Ok(all)
    }

    /// The tags with their dates, as far as the selection needs them.
    async fn with_dates(
        &self,
        selection: &TagSelection,
        tags: Vec<Tag>,
        now: SystemTime,
    ) -> Result<Vec<ListedTag>, Arc<Error>> {
        let needed = selection.needs_dates();
        if needed == Dates::None || tags.is_empty() {
            return Ok(tags.into_iter().map(|tag| ListedTag { tag, date: None, first_seen: None }).collect());
        }
        let known = self.rule.source.bulk_tags().await;
        if needed == Dates::Required && known.as_ref().is_none_or(|known| known.dates.is_empty()) {
            return Err(self.error(Operation::SelectTags, Cause::NoDates).into());
        }
        let known = &known.unwrap_or_default();
        let listed = tags.into_iter().map(|tag| async move {
            let date = known.dates.get(&tag).copied();
            let is_open = date.is_none() && needed == Dates::ForAges && selection.selects_by_name(&tag);
            let first_seen = if is_open { self.first_seen(&tag, known, now).await? } else { None };
            Ok(ListedTag { tag, date, first_seen })
        });
        stream::iter(listed.collect::<Vec<_>>()).buffered(LOOKED_UP_AT_ONCE).try_collect().await
    }

    /// When a run first saw the image of a tag. A run that copies, or plans what others copy, records it; other runs only read it.
    async fn first_seen(
        &self,
        tag: &Tag,
        known: &BulkListing,
        now: SystemTime,
    ) -> Result<Option<SystemTime>, Arc<Error>> {
        if !self.run.state.is_kept() {
            return Ok(None);
        }
        let image = match known.digests.get(tag) {
            Some(digest) => Some(digest.clone()),
            None => self.look_up(tag).await?,
        };
        let Some(image) = image else { return Ok(None) };
        let (state, source) = (&self.run.state, &*self.rule.source);
        let hands_out = self.run.survey.as_ref().is_some_and(|survey| survey.purpose == Purpose::HandOut);
        let records = self.run.mode == Mode::Copy || hands_out;
        if records {
            state.note_seen(source, &image, now);
        }
        Ok(state.first_seen(source, &image).or_else(|| records.then_some(now)))
    }

    /// The digest of a tag; `None` after a permanent error of this tag alone, which is then held back.
    async fn look_up(&self, tag: &Tag) -> Result<Option<Digest>, Arc<Error>> {
        let reference = TagOrDigest::Tag(tag.clone());
        let error = |cause: EndpointError| self.error(Operation::Resolve(reference.clone()), cause.into());
        let mut asked = (self.rule.source.clone(), reference.clone());
        let ask = (&mut asked, (|(source, tag)| source.resolve(tag)) as AskForTag);
        match self.run.retrying_list(&self.source, ask, error).await {
            Err(error) if error.endpoint().is_some_and(is_of_this_tag) => Ok(None),
            found => found,
        }
    }

    fn tell_of_choice(&self, listed: &[ListedTag], selected: &Selected) {
        if !self.tells() {
            return;
        }
        let reasons = listed.iter().zip(&selected.reasons);
        let left_out: Arc<[_]> =
            reasons.filter_map(|(listed, reason)| Some((listed.tag.clone(), reason.clone()?))).collect();
        let held_back = left_out.iter().filter(|(_, reason)| *reason == Reason::NoDate).count();
        if held_back > 0 {
            let text = format!("{held_back} of its tags are held back: {}", self.why_held_back());
            self.run.tell(&Event::Note { place: self.source.clone(), text });
        }
        let (source, counts) = (self.source.clone(), selected.counts);
        self.run.tell(&Event::Selected { rule: self.index, source, counts, left_out });
    }

    fn why_held_back(&self) -> &'static str {
        if !self.run.state.is_kept() {
            "the registry does not tell when they were pushed, and without a state nothing tells when they were first seen"
        } else if self.run.mode != Mode::Copy {
            "the registry does not tell when they were pushed, and no run has seen them yet"
        } else {
            "the registry does not tell when they were pushed"
        }
    }
}

type AskForTag = for<'a> fn(&'a mut (Arc<dyn Source>, TagOrDigest)) -> Answer<'a, Option<Digest>>;

/// Whether a failure says nothing about other tags.
fn is_of_this_tag(error: &EndpointError) -> bool {
    error.scope == Scope::Image && !error.is_retryable
}
