//! Images with their target references.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::Cause;
use crate::plan::place::Place;
use crate::plan::wish::Wish;

/// The copy of an image to one reference.
pub(super) struct Way {
    pub(super) wish: usize,
    pub(super) image: usize,
    pub(super) target: usize,
    pub(super) reads: Place,
    pub(super) writes: Place,
}
pub(super) type Broken = BTreeMap<usize, Cause>;

/// The copies of all images. Skips copies of a reference onto itself. Wishes whose names are invalid are broken.
pub(super) fn ways(wishes: &[Wish]) -> (Vec<Way>, Broken) {
    let (mut ways, mut broken) = (Vec::new(), Broken::new());
    for (index, wish) in wishes.iter().enumerate() {
        if let Some(too_few) = wish.too_few {
            broken.insert(index, Cause::TooFew(too_few));
        }
        for (target, (repository, naming)) in wish.targets.iter().enumerate() {
            let names = match naming.names(&wish.images) {
                Ok(names) => names,
                Err(cause) => {
                    broken.insert(index, cause);
                    continue;
                }
            };
            for (image, (reference, name)) in wish.images.iter().zip(names).enumerate() {
                let Some(name) = name else { continue };
                let (reads, writes) = (Place::new(&wish.source, reference), Place::new(repository, &name));
                if reads != writes {
                    ways.push(Way { wish: index, image, target, reads, writes });
                }
            }
        }
    }
    ways.retain(|way| !broken.contains_key(&way.wish));
    (ways, broken)
}

/// The references that are written in each repository.
pub(super) type Written<'a> = HashMap<&'a str, BTreeSet<&'a str>>;

pub(super) fn written(ways: &[Way]) -> Written<'_> {
    let mut written = Written::new();
    for way in ways {
        written.entry(&way.writes.repository).or_default().insert(&way.writes.reference);
    }
    written
}
