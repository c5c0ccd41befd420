//! Sends images to the schedule, if they belong to this run's shard.

use std::borrow::Cow;
use std::sync::Arc;

use oci::TagOrDigest;

use super::Discovery;
use crate::endpoint::Source;
use crate::engine::Pair;
use crate::memory::target_repository::Found;
use crate::plan::assignment::Assignment;
use crate::plan::awaited::Promise;
use crate::plan::order::Settled;
use crate::plan::place::Place;
use crate::plan::planned::{Planned, PlannedImage};
use crate::plan::shard::share::Key;
use crate::plan::wanted::Wanted;
use crate::rule::Selection;
use crate::{Event, Image, Target};

/// How many images are planned ahead for each pair of stores.
const PLANNED_AHEAD: usize = 64;

impl Discovery<'_> {
    /// Sends an image, but keeps only a little ahead of the fastest target. If another rule has yet to copy the image
    /// to the source, a plan reads it from the promised source.
    pub(super) async fn send(&self, image: Settled, promise: Option<Promise>) {
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
        // The receiver is gone when the run is stopped; then this image is not needed.
        let Ok(room) = self.planned.reserve().await else { return };
        // An announced image is always queued, also if the run stops at this moment, so that the report contains all
        // planned images.
        for (image, _) in &ways {
            self.run.tell(&Event::ImagePlanned(image.clone()));
        }
        let image = PlannedImage { source, reference, found, wanted, expected: None, result: None };
        room.send(Planned { rule: self.index, image, ways });
    }

    /// Whether this run copies an image, or another shard does. A survey only records it.
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
        // An image without a target belongs to no shard.
        let Some(first) = self.targets.first().filter(|_| !ways.is_empty()) else { return false };
        let own = Key { repository: first.clone(), reference: reference.clone() };
        let key = self.run.keys.of(own, images.clone().map(|image| &**image), after, &self.run.awaited);
        if let Some(survey) = survey {
            let assignment =
                Assignment { rule: self.index, images: images.cloned().collect(), wanted: wanted.clone() };
            // The run itself writes what this image is read from: its size there depends on which shard ran first.
            let sizes = match reference {
                TagOrDigest::Tag(_) if after.is_none() => self.sizes(survey).await,
                TagOrDigest::Tag(_) | TagOrDigest::Digest(_) => None,
            };
            survey.take_down((reference, key), assignment, sizes.as_deref());
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
}
