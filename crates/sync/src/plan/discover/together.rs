//! A rule that meets others: its images are decided together with theirs.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::SystemTime;

use futures_util::StreamExt as _;
use futures_util::stream::{self, FuturesUnordered};

use oci::{ErrorKind, TagOrDigest};

use super::{Discovery, Origin};
use crate::endpoint::Source;
use crate::plan::awaited::{Awaited, Owed, Promise};
use crate::plan::choice::Choice;
use crate::plan::collision::{Collision, is_one_image};
use crate::plan::company::{Decided, Seat};
use crate::plan::order::{Circle, Contest, Settled};
use crate::plan::place::Place;
use crate::plan::wanted::Wanted;
use crate::plan::wish::Wish;
use crate::rule::Selection;
use crate::{Cause, Error, Event, Operation};

/// How many lost references are named in a message.
const TOLD: usize = 3;
/// How many images that give way are compared in parallel.
const COMPARED_AT_ONCE: usize = 8;

/// What is known of a source before anything is copied.
#[derive(Default)]
struct Known {
    images: Vec<TagOrDigest>,
    /// The list that they are selected from, if the selection needs the whole list.
    choice: Option<Choice>,
    /// The error, if the repository does not exist.
    absence: Option<Arc<Error>>,
}

impl Discovery<'_> {
    /// Plans the images that are left to this rule once the images of all rules that it meets are known.
    pub(super) async fn run_in_company(&self, seat: Arc<Seat>) -> Result<(), Arc<Error>> {
        let Known { images, choice, absence } = match self.known_images().await {
            Ok(known) => known,
            Err(error) => {
                seat.company().cannot_be_listed(self.wish(Vec::new(), None));
                self.tell_of_names_that_stay();
                return Err(error);
            }
        };
        let counts = choice.as_ref().map(|choice| choice.selected().counts);
        let company = seat.company();
        let wish = self.wish(images, choice);
        let is_empty = wish.images.is_empty();
        let number = company.wish(wish, self.rule.source.clone());
        drop(seat);
        let Decided { images, contests, collisions, circles } = company.decided(number).await;
        let images = match (images, absence) {
            (Err(_), Some(absence)) => return Err(absence),
            (Ok(images), Some(absence)) if images.is_empty() => return Err(absence),
            (Err(cause @ Cause::TooFew(_)), None) => {
                self.tell_of_names_that_stay();
                return Err(self.error(Operation::SelectTags, cause).into());
            }
            (Err(cause), None) => return Err(self.error(Operation::Pair, cause).into()),
            (Ok(images), _) => images,
        };
        if is_empty && images.is_empty() {
            self.tell_of_nothing(counts);
        }
        let mut owed = Owed::new(&self.run.awaited, self.places(&images));
        let collisions = different(collisions).await;
        let images = self.without(images, &collisions);
        self.tell_settled(&images);
        self.telling.has_told_all();
        if let Origin::Listed(gate) = &self.origin
            && !gate.pass().await
        {
            return Ok(());
        }
        let (ready, contested) = self.part_all(&images);
        let owed_later = Owed::new(&self.run.awaited, self.places(&contested));
        owed.are_on_their_way(self.places(&contested));
        let rest = async {
            let mut decided = Vec::new();
            for image in contested.iter().cloned() {
                decided.extend(self.when_decided(image).await);
            }
            self.carry_out(decided, owed_later).await;
        };
        tokio::join!(
            self.carry_out(ready, owed),
            rest,
            self.tell_of_contests(contests),
            self.tell_of_pinned()
        );
        match (circles.first(), &collisions[..]) {
            (Some(circle), _) => Err(self.in_a_circle(circle)),
            (None, []) => Ok(()),
            (None, collisions) => Err(self.in_collision(collisions)),
        }
    }

    /// Reports that this rule's references are unknown, so other rules cannot know which of them it would win.
    fn tell_of_names_that_stay(&self) {
        let targets = self.targets.iter().map(|target| format!("{target}")).collect::<Vec<_>>().join(", ");
        let text = format!(
            "it is not known which images of it are wanted: what has a name at {targets} that they may have is not replaced by \
             rules that would give way to this one"
        );
        self.run.tell(&Event::Note { place: self.source.clone(), text });
    }

    /// The images without the references of collisions.
    fn without(&self, mut images: Vec<Settled>, collisions: &[Arc<Collision>]) -> Vec<Settled> {
        let refused: HashSet<&Place> = collisions.iter().map(|collision| collision.name()).collect();
        if !refused.is_empty() {
            for image in &mut images {
                for (name, target) in image.names.iter_mut().zip(&self.targets) {
                    name.take_if(|name| refused.contains(&Place::new(target, name)));
                }
            }
            images.retain(|image| image.names.iter().any(Option::is_some));
        }
        images
    }

    /// The named or listed images. A repository that does not exist yet may be another rule's target.
    async fn known_images(&self) -> Result<Known, Arc<Error>> {
        if let Some(images) = self.rule.selection.named() {
            return Ok(Known { images, ..Known::default() });
        }
        self.turn.take().await;
        let attempt = self.begin().await?;
        self.read_sizes_ahead().await;
        self.count_what_is_left().await;
        let listed = match &self.rule.selection {
            Selection::Chosen(selection) => {
                let choice = self.read_choice(selection).await;
                choice.map(|choice| Known { choice: Some(choice), ..Known::default() })
            }
            _ => self.list_all().await.map(|images| Known { images, ..Known::default() }),
        };
        attempt.end(listed.as_ref().err());
        self.turn.give_back();
        match listed {
            Err(error) if error.kind() == Some(ErrorKind::NotFound) => {
                let choice = match &self.rule.selection {
                    Selection::Chosen(selection) => {
                        Some(Choice::new(selection.clone(), Vec::new(), SystemTime::now()))
                    }
                    _ => None,
                };
                Ok(Known { choice, absence: Some(error), ..Known::default() })
            }
            listed => listed,
        }
    }

    fn wish(&self, images: Vec<TagOrDigest>, choice: Option<Choice>) -> Wish {
        let namings = self.rule.targets.iter().map(|target| target.naming.clone());
        let mut wish = Wish {
            rule: self.index,
            source: self.source.clone(),
            selection: self.rule.selection.clone(),
            targets: self.targets.iter().cloned().zip(namings).collect(),
            wanted: Wanted::of(self.rule),
            images,
            choice,
            too_few: None,
        };
        wish.choose();
        wish
    }

    /// The target references of these images.
    fn places<'a>(&'a self, images: &'a [Settled]) -> impl Iterator<Item = Place> + 'a {
        images.iter().flat_map(|image| {
            let names = image.names.iter().zip(&self.targets);
            names.filter_map(|(name, target)| Some(Place::new(target, name.as_ref()?)))
        })
    }

    /// Sends the images that wait for nothing, then the others as soon as each is released.
    async fn carry_out(&self, images: Vec<Settled>, mut owed: Owed<'_>) {
        let (waiting, ready): (Vec<_>, Vec<_>) = images.into_iter().partition(|image| image.after.is_some());
        let waiting = waiting.into_iter().map(|image| when_it_may_go(self.run.awaited.clone(), image));
        let mut waiting: FuturesUnordered<_> = waiting.collect();
        for image in ready {
            owed.are_on_their_way(self.places(std::slice::from_ref(&image)));
            self.send(image, None).await;
        }
        while let Some((image, promise)) = waiting.next().await {
            owed.are_on_their_way(self.places(std::slice::from_ref(&image)));
            self.send(image, promise).await;
        }
    }

    async fn tell_of_pinned(&self) {
        if let Selection::Pinned { tag, digest } = &self.rule.selection {
            self.tell_of_moved(tag, digest).await;
        }
    }

    /// Reports which images give way to those of a later rule, unless both are the same image.
    pub(super) async fn tell_of_contests(&self, contests: Vec<(Contest, Arc<dyn Source>)>) {
        if !self.tells() {
            return;
        }
        let compare = |(contest, winner)| if_different(contest, self.rule.source.clone(), winner);
        let comparisons: Vec<_> = contests.into_iter().map(compare).collect();
        let compared = stream::iter(comparisons).buffered(COMPARED_AT_ONCE);
        let different: Vec<_> = compared.filter_map(std::future::ready).collect().await;
        let mut by_winner: BTreeMap<(Arc<str>, String), Vec<String>> = BTreeMap::new();
        for (name, winner) in different {
            let tag = name.reference.trim_start_matches([':', '@']).to_owned();
            by_winner.entry((name.repository, winner)).or_default().push(tag);
        }
        for ((place, winner), names) in by_winner {
            let told = names.iter().take(TOLD).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
            let more = match names.len().saturating_sub(TOLD) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            let text = format!(
                "{told}{more} would come from both {} and {winner}: the later rule, with {winner}, is carried out",
                self.source
            );
            self.run.tell(&Event::Note { place, text });
        }
    }

    fn in_a_circle(&self, circle: &Circle) -> Arc<Error> {
        let names = circle.names.iter().map(ToString::to_string).collect();
        self.error(Operation::Pair, Cause::Circle { names }).into()
    }

    fn in_collision(&self, collisions: &[Arc<Collision>]) -> Arc<Error> {
        let names = collisions.iter().take(TOLD).map(ToString::to_string).collect();
        let more = collisions.len().saturating_sub(TOLD);
        self.error(Operation::Pair, Cause::Collision { names, more }).into()
    }
}

/// The collisions whose images are not known to be the same.
async fn different(collisions: Vec<Arc<Collision>>) -> Vec<Arc<Collision>> {
    let compare = async |collision: Arc<Collision>| (!collision.is_of_one_image().await).then_some(collision);
    let compared = stream::iter(collisions.into_iter().map(compare)).buffered(COMPARED_AT_ONCE);
    compared.filter_map(std::future::ready).collect().await
}

/// Waits for the image's release; returns the content that its source will have.
async fn when_it_may_go(awaited: Arc<Awaited>, image: Settled) -> (Settled, Option<Promise>) {
    let promise = match &image.after {
        Some(place) => awaited.ended(place).await,
        None => None,
    };
    (image, promise)
}

/// The contested reference with the winner's source, unless both are known to be the same image.
async fn if_different(
    contest: Contest,
    loser: Arc<dyn Source>,
    winner: Arc<dyn Source>,
) -> Option<(Place, String)> {
    let (here, there) = ((&loser, &contest.loser.1), (&winner, &contest.winner.1));
    let is_same = is_one_image(here, there).await;
    (!is_same).then(|| (contest.name, winner.name().to_owned()))
}
