//! Images that others wait for.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};

use oci::Digest;
use tokio::sync::watch;

use crate::lock::lock;
use crate::plan::place::Place;
use crate::{Image, Source};

/// Names that rules read and other rules of the same run write: whether they were written, or will not be any more.
#[derive(Default)]
pub(crate) struct Awaited(Mutex<HashMap<Place, watch::Sender<Standing>>>);

/// What is known of an awaited name.
#[derive(Default)]
struct Standing {
    has_ended: bool,
    promise: Option<Promise>,
}

/// What will stand under a name that a run only plans to write.
#[derive(Clone)]
pub(crate) enum Promise {
    /// This image, which can be read there meanwhile.
    Image { digest: Digest, source: Arc<dyn Source> },
    /// What only the run itself can know.
    Unforeseen,
}

impl Awaited {
    /// Somebody will wait for this.
    pub(crate) fn expect(&self, place: &Place) {
        lock(&self.0).entry(place.clone()).or_default();
    }

    /// Whether somebody waits for this.
    pub(crate) fn is_expected(&self, place: &Place) -> bool {
        lock(&self.0).contains_key(place)
    }

    /// Waits until a name has ended; what nobody expects has. Gives what will stand there, where that is more than what stands
    /// there now.
    pub(crate) async fn ended(&self, place: &Place) -> Option<Promise> {
        let mut standing = lock(&self.0).get(place).map(watch::Sender::subscribe)?;
        let ended = standing.wait_for(|standing| standing.has_ended).await;
        ended.ok()?.promise.clone()
    }

    /// Says what will stand under the name that this image gets, before its end is told.
    pub(crate) fn promise(&self, image: &Image, promise: impl FnOnce() -> Promise) {
        if let Some(standing) = lock(&self.0).get(&Place::new(&image.target, &image.target_reference)) {
            standing.send_modify(|standing| standing.promise = Some(promise()));
        }
    }

    /// Tells whoever waits for this image that it has ended, well or not.
    pub(crate) fn tell(&self, image: &Image) {
        self.tell_of(&Place::new(&image.target, &image.target_reference));
    }

    fn tell_of(&self, place: &Place) {
        if let Some(standing) = lock(&self.0).get(place) {
            standing.send_modify(|standing| standing.has_ended = true);
        }
    }
}

/// Names that one rule has yet to write: whoever waits for them goes on when the rule is over, whatever became of it.
pub(crate) struct Owed<'a> {
    awaited: &'a Awaited,
    places: HashSet<Place>,
}

impl<'a> Owed<'a> {
    pub(crate) fn new(awaited: &'a Awaited, places: impl Iterator<Item = Place>) -> Self {
        let known = lock(&awaited.0);
        let places = places.filter(|place| known.contains_key(place)).collect();
        drop(known);
        Self { awaited, places }
    }

    /// Images with these names are on their way: their ends are told.
    pub(crate) fn are_on_their_way(&mut self, places: impl Iterator<Item = Place>) {
        for place in places {
            self.places.remove(&place);
        }
    }
}

impl Drop for Owed<'_> {
    fn drop(&mut self) {
        self.places.iter().for_each(|place| self.awaited.tell_of(place));
    }
}
