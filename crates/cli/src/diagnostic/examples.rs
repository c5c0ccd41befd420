//! The examples of a group of failures: the first few in the order of names, with those in front that people know.

use oci::Reference;
use sync::belongs_to_another;

/// The number of examples that are kept.
const MOST: usize = 5;

/// The place of an example among others, and of a group by its first example. It does not depend on time, which differs from run to run.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    known: Known,
    name: String,
    more: String,
}

/// How well people know what failed; the best known comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Known {
    /// A list, of tags or of repositories.
    List,
    /// A tag that people gave.
    Tag,
    Digest,
    /// A tag that a tool made of another image's digest, for its signatures and other referrers.
    OfDigest,
}

impl Place {
    /// Of a list that could not be read.
    pub(crate) fn of_list(source: &str, operation: &str) -> Self {
        Self { known: Known::List, name: source.to_owned(), more: operation.to_owned() }
    }

    /// Of an image, by its names at target and source.
    pub(crate) fn of_image(target: &str, source: &str) -> Self {
        Self { known: Known::of(target), name: target.to_owned(), more: source.to_owned() }
    }
}

impl Known {
    fn of(image: &str) -> Self {
        let Ok(reference) = image.parse::<Reference>() else { return Self::Tag };
        match (&reference.tag, &reference.digest) {
            (Some(tag), _) if belongs_to_another(tag) => Self::OfDigest,
            (None, Some(_)) => Self::Digest,
            _ => Self::Tag,
        }
    }
}

/// The first few of all that are offered, in order.
#[derive(Clone, Debug)]
pub(crate) struct Examples<T>(Vec<(Place, T)>);

impl<T> Default for Examples<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

/// Whether an example is the first one so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Offered {
    First,
    Later,
}

impl<T> Examples<T> {
    /// Keeps an example if it is among the first.
    pub(crate) fn offer(&mut self, place: Place, example: T) -> Offered {
        let index = self.0.partition_point(|(kept, _)| *kept <= place);
        if index < MOST {
            self.0.insert(index, (place, example));
            self.0.truncate(MOST);
        }
        if index == 0 { Offered::First } else { Offered::Later }
    }

    /// Those that are kept, in order.
    pub(crate) fn all(&self) -> impl Iterator<Item = &T> {
        self.0.iter().map(|(_, example)| example)
    }

    /// The place of a group with these examples and this count: the most frequent comes first.
    pub(crate) fn order(&self, count: u64) -> impl Ord + use<T> {
        (std::cmp::Reverse(count), self.0.first().map(|(place, _)| place.clone()))
    }
}

#[cfg(test)]
mod tests {
    use oci::Digest;

    use super::*;

    #[test]
    fn people_see_first_what_they_know() {
        let hex = Digest::sha256(b"x").hex();
        let [sig, att, sbom, list] =
            [".sig", ".att", ".sbom", ""].map(|end| format!("r.io/a:sha256-{hex}{end}"));
        let by_digest = format!("r.io/a@sha256:{hex}");
        let of_people = ["r.io/a:sha256-00.sig", "r.io/a:v2", "r.io/b:v1", "r.io:5000/z"].map(str::to_owned);
        let sorted = [&of_people[..], &[by_digest], &[list, att, sbom, sig]].concat();
        let mut places: Vec<_> = sorted.iter().map(|name| Place::of_image(name, name)).collect();
        places.reverse();
        places.sort();
        assert_eq!(
            places.iter().map(|place| &place.name).collect::<Vec<_>>(),
            sorted.iter().collect::<Vec<_>>()
        );
        assert!(Place::of_list("z.io/z", "listing tags") < places[0]);
    }

    #[test]
    fn the_same_examples_are_kept_in_whatever_order_they_come() {
        let names = ["a:1", "a:2", "b:1", "b:2", "c:1", "c:2", "d:1"].map(|name| format!("r.io/{name}"));
        let kept = |order: &[usize]| {
            let mut examples = Examples::default();
            for index in order {
                examples.offer(Place::of_image(&names[*index], "q.io/x"), *index);
            }
            examples.all().copied().collect::<Vec<_>>()
        };
        for order in [[0, 1, 2, 3, 4, 5, 6], [6, 5, 4, 3, 2, 1, 0], [3, 6, 0, 5, 2, 4, 1]] {
            assert_eq!(kept(&order), [0, 1, 2, 3, 4], "{order:?}");
        }
        let mut examples = Examples::default();
        let mut offer = |name: &str| examples.offer(Place::of_image(name, name), ());
        assert_eq!(
            [offer("r.io/b:1"), offer("r.io/c:1"), offer("r.io/a:1")],
            [Offered::First, Offered::Later, Offered::First]
        );
    }
}
