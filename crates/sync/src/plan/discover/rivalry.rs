//! References that a rule shares with rules of other groups: it announces what it wants, and gives way to later rules.

use std::sync::Arc;

use oci::TagOrDigest;

use super::Discovery;
use super::parted::Parted;
use crate::lock::lock;
use crate::plan::order::{Contest, Settled};
use crate::plan::place::Place;
use crate::plan::rivals::{Winner, Word};
use crate::{Cause, Error, OnCollision, Operation, Side};

impl Discovery<'_> {
    /// Announces the references of these images to earlier rules.
    pub(super) fn tell_names(&self, images: &[TagOrDigest]) {
        if !self.telling.is_of_use() {
            return;
        }
        for (target, naming) in self.targets.iter().zip(self.rule.targets.iter().map(|target| &target.naming))
        {
            // An invalid name is reported as the rule's failure.
            let names = naming.names(images).unwrap_or_default();
            let pairs = images.iter().zip(names);
            self.telling.wants(
                pairs.filter_map(|(image, name)| Some((Place::new(target, &name?), self.as_winner(image)))),
            );
        }
    }

    /// The same for images that were settled together with other rules.
    pub(super) fn tell_settled(&self, images: &[Settled]) {
        if !self.telling.is_of_use() {
            return;
        }
        for image in images {
            let names = image.names.iter().zip(&self.targets);
            self.telling.wants(names.filter_map(|(name, target)| {
                Some((Place::new(target, name.as_ref()?), self.as_winner(&image.reference)))
            }));
        }
    }

    fn as_winner(&self, image: &TagOrDigest) -> Winner {
        Winner {
            source: self.rule.source.clone(),
            reference: image.clone(),
            is_strict: self.rule.policy.on_collision == OnCollision::Refuse,
        }
    }

    /// Asks later rules about the references of an image, and leaves the wanted ones to them.
    pub(super) fn part(&self, image: &Settled) -> Parted {
        let nowhere = Settled { names: vec![None; image.names.len()], ..image.clone() };
        let (mut free, mut kept, mut waiting) = (nowhere.clone(), nowhere.clone(), nowhere);
        kept.wanted = kept.wanted.keeping_what_is_there();
        for (at, name) in image.names.iter().enumerate() {
            let Some(name) = name else { continue };
            let place = Place::new(&self.targets[at], name);
            match self.rivals.now(self.index, &place) {
                Some(Word::Free) => free.names[at] = Some(name.clone()),
                Some(Word::MayBeWanted) => kept.names[at] = Some(name.clone()),
                Some(Word::Wanted(winner)) => self.give_way(place, &image.reference, winner),
                None => waiting.names[at] = Some(name.clone()),
            }
        }
        let goes = |image: &Settled| image.names.iter().any(Option::is_some);
        let ready = [free, kept].into_iter().filter(goes).collect();
        Parted { ready, waiting: Some(waiting).filter(goes) }
    }

    /// The same for many images.
    pub(super) fn part_all(&self, images: &[Settled]) -> (Vec<Settled>, Vec<Settled>) {
        let parted = images.iter().map(|image| self.part(image));
        let (ready, waiting): (Vec<_>, Vec<_>) = parted.map(|parted| (parted.ready, parted.waiting)).unzip();
        (ready.into_iter().flatten().collect(), waiting.into_iter().flatten().collect())
    }

    /// Waits until later rules have said whether they want an image's references. Other rules can use the turn to
    /// list meanwhile.
    pub(super) async fn when_decided(&self, image: Settled) -> Vec<Settled> {
        let (mut ready, mut contested) = (Vec::new(), Some(image));
        while let Some(image) = contested.take() {
            let names = image.names.iter().zip(&self.targets);
            let places = names.filter_map(|(name, target)| Some(Place::new(target, name.as_ref()?)));
            for place in places.collect::<Vec<_>>() {
                self.turn.wait(self.rivals.word(self.index, &place)).await;
            }
            let parted = self.part(&image);
            ready.extend(parted.ready);
            contested = parted.waiting;
        }
        ready
    }

    fn give_way(&self, name: Place, image: &TagOrDigest, winner: Winner) {
        let on_collision = match (self.rule.policy.on_collision, winner.is_strict) {
            (OnCollision::Refuse, true) => OnCollision::Refuse,
            _ => OnCollision::LaterWins,
        };
        let (loser, won) = ((self.index, image.clone()), (self.index, winner.reference));
        let contest = Contest { name, loser, winner: won, on_collision };
        lock(&self.given_way).push((contest, winner.source));
    }

    /// Reports the lost references after all images are planned. If both rules treat the collision as a mistake, this
    /// one fails.
    pub(super) async fn end_contests(&self) -> Result<(), Arc<Error>> {
        let contests = std::mem::take(&mut *lock(&self.given_way));
        let is_refused = |(contest, _): &(Contest, _)| contest.on_collision == OnCollision::Refuse;
        let refused = contests.iter().find(|contest| is_refused(contest)).map(|(contest, winner)| Error {
            side: Side::Target,
            place: contest.name.to_string(),
            operation: Operation::Pair,
            cause: Cause::TargetTaken { by: format!("{}{}", winner.name(), contest.winner.1.suffix()) },
        });
        self.tell_of_contests(contests).await;
        refused.map_or(Ok(()), |error| Err(error.into()))
    }
}
