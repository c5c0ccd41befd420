//! Images that other images wait for.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};

use oci::Digest;
use tokio::sync::watch;

use crate::lock::lock;
use crate::plan::place::Place;
use crate::{Image, Source};

/// References that rules read and other rules of the same run write: whether they were written, or will not be any more.
#[derive(Default)]
pub(crate) struct Awaited(Mutex<HashMap<Place, watch::Sender<Standing>>>);

/// What is known of an awaited reference.
#[derive(Default)]
struct Standing {
    has_ended: bool,
    promise: Option<Promise>,
}

/// What a plan's run would store under a reference.
#[derive(Clone)]
pub(crate) enum Promise {
    /// This image, which can be read from `source` until then.
    Image { digest: Digest, source: Arc<dyn Source> },
    /// Only the run itself can determine it.
    Unforeseen,
}

impl Awaited {
    /// Registers a reference that an image will wait for.
    pub(crate) fn expect(&self, place: &Place) {
        lock(&self.0).entry(place.clone()).or_default();
    }

    /// Whether an image waits for this reference.
    pub(crate) fn is_expected(&self, place: &Place) -> bool {
        lock(&self.0).contains_key(place)
    }

    /// Waits until a reference was written, or will not be. An unregistered reference returns at once. Returns the
    /// promised content, if there is any.
    pub(crate) async fn ended(&self, place: &Place) -> Option<Promise> {
        let mut standing = lock(&self.0).get(place).map(watch::Sender::subscribe)?;
        let ended = standing.wait_for(|standing| standing.has_ended).await;
        ended.ok()?.promise.clone()
    }

    /// Promises the content of this image's target reference. Call it before [`tell`](Self::tell).
    pub(crate) fn promise(&self, image: &Image, promise: impl FnOnce() -> Promise) {
        if let Some(standing) = lock(&self.0).get(&Place::new(&image.target, &image.target_reference)) {
            standing.send_modify(|standing| standing.promise = Some(promise()));
        }
    }

    /// Notifies waiting images that this image has ended, successfully or not.
    pub(crate) fn tell(&self, image: &Image) {
        self.tell_of(&Place::new(&image.target, &image.target_reference));
    }

    fn tell_of(&self, place: &Place) {
        if let Some(standing) = lock(&self.0).get(place) {
            standing.send_modify(|standing| standing.has_ended = true);
        }
    }
}

/// References that one rule has yet to write. When the rule ends in any way, the images that wait for the rest are
/// released.
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

    /// Images for these references are queued and will be reported on their own.
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
