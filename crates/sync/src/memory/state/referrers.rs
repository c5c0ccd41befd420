//! Below which images a run has brought the referrers to a target.

use oci::{Digest, RepositoryName};
use redb::ReadableDatabase as _;

use super::writer::Change;
use super::{Open, State, record, store};
use crate::endpoint::StoreId;

/// After this many days at most, the manifests below an image are looked at again: they may have younger signatures.
const BROUGHT_DAYS: u32 = 7;

/// How many days the note about an image holds: 4 to 7. The notes of a first run do not all end on one day, or the run
/// of that day would look at all images again.
fn days_held(image: &Digest) -> u32 {
    BROUGHT_DAYS - u32::from(image.hex().as_bytes()[0] % 4)
}

impl State {
    /// Whether a recent run has brought what refers to the manifests below an image to a target's repository. `way`
    /// stands for what the rule wants, and for its source.
    pub(crate) fn brought_below(
        &self,
        (store, repository): (&StoreId, &RepositoryName),
        image: &Digest,
        way: &Digest,
    ) -> bool {
        let Some(open) = &self.0 else { return false };
        let key = record::brought_key(store, repository, image, way);
        open.day_brought(&key).is_some_and(|day| open.today.saturating_sub(day) < days_held(image))
    }

    /// Records that a run has brought it.
    pub(crate) fn note_brought_below(
        &self,
        (store, repository): (&StoreId, &RepositoryName),
        image: &Digest,
        way: &Digest,
    ) {
        let Some(open) = &self.0 else { return };
        let key = record::brought_key(store, repository, image, way);
        open.writer().write(Change::Brought(key, open.today));
    }

    /// Whether it is known of an image that it is no index.
    pub(crate) fn has_nothing_below(&self, image: &Digest) -> bool {
        self.0.as_ref().is_some_and(|open| open.day_brought(&record::plain_key(image)).is_some())
    }

    /// Records that an image is no index.
    pub(crate) fn note_nothing_below(&self, image: &Digest) {
        let Some(open) = &self.0 else { return };
        let key = record::plain_key(image);
        if open.is_due(open.day_brought(&key)) {
            open.writer().write(Change::Brought(key, open.today));
        }
    }
}

impl Open {
    /// The day of a record; an unreadable record counts as missing.
    fn day_brought(&self, key: &[u8]) -> Option<u32> {
        let read = || -> Result<Option<u32>, redb::Error> {
            let brought = self.database.begin_read()?.open_table(store::BROUGHT)?;
            Ok(brought.get(key)?.map(|day| day.value()))
        };
        read().ok().flatten()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::super::writer::Writer;
    use super::*;

    #[test]
    fn the_notes_of_one_day_do_not_all_end_on_one_day() {
        let days = (0..100).map(|number: u32| days_held(&Digest::sha256(&number.to_le_bytes())));
        assert!(days.collect::<std::collections::BTreeSet<_>>().into_iter().eq(4..=7));
    }

    #[test]
    fn a_note_about_what_was_brought_holds_for_some_days_and_says_nothing_of_other_rules() {
        let folder = tempfile::tempdir().unwrap();
        let (state, _) = State::open(&folder.path().join("state.redb")).unwrap();
        let database = state.0.as_ref().unwrap().database.clone();
        let on_day = |today| {
            let (database, writer) = (database.clone(), Mutex::new(Writer::start(database.clone()).unwrap()));
            State(Some(Arc::new(Open { database, writer, today })))
        };
        let (store, repository) = (StoreId::new("r.io"), "a/app".parse().unwrap());
        let place = (&store, &repository);
        let [image, way, other] = ["image", "way", "other"].map(|name| Digest::sha256(name.as_bytes()));
        let first = on_day(100);
        first.note_brought_below(place, &image, &way);
        first.note_nothing_below(&other);
        first.close().unwrap();
        let last = 100 + days_held(&image) - 1;
        for (day, holds) in [(100, true), (last, true), (last + 1, false)] {
            assert_eq!(on_day(day).brought_below(place, &image, &way), holds, "{day}");
        }
        assert!(!on_day(100).brought_below(place, &image, &other));
        assert!(!on_day(100).brought_below(place, &other, &way));
        assert!(on_day(150).has_nothing_below(&other) && !on_day(150).has_nothing_below(&image));
        assert!(!State::none().has_nothing_below(&other));
    }
}
