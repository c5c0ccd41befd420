//! Divides images into parts of about the same size.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap};
use std::sync::Arc;

use oci::{Digest, TagOrDigest};

use crate::rule::referrer_tag::subject;

/// An image that goes to one shard or another.
#[derive(Clone, Debug)]
pub struct Splittable {
    /// Registry and repository that it is kept together with.
    pub repository: Arc<str>,
    /// Its name there.
    pub reference: TagOrDigest,
    /// What the name points at, where that is known.
    pub digest: Option<Digest>,
    /// What it takes to bring it; 0 where that is not known.
    pub bytes: u64,
}

/// Who brings what: whole repositories, unless one is larger than a shard should be.
///
/// Repositories of a known size go, the largest first, to the shard that has least. The others, and those that come later, go
/// where a hash of their names says: that needs no list, and moves few of them where the number of shards changes.
#[derive(Clone, Debug)]
pub struct Split {
    count: usize,
    weighed: BTreeMap<Arc<str>, Owner>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Owner {
    Whole(usize),
    /// By the names of its images.
    Divided(HashMap<String, usize>),
}

impl Split {
    /// By names alone.
    pub fn by_name(count: usize) -> Self {
        Self { count: count.max(1), weighed: BTreeMap::new() }
    }

    /// By bytes, as far as they are known.
    pub fn by_bytes(count: usize, images: impl IntoIterator<Item = Splittable>) -> Self {
        let mut split = Self::by_name(count);
        let mut repositories: BTreeMap<Arc<str>, Contents> = BTreeMap::new();
        for image in images {
            repositories.entry(image.repository.clone()).or_default().add(image);
        }
        let total: u64 = repositories.values().map(Contents::bytes).sum();
        let mean = total.div_ceil(split.count as u64);
        let pieces = repositories.into_iter().flat_map(|(name, contents)| contents.pieces(&name, mean));
        let mut pieces: Vec<_> = pieces.collect();
        // What is equally large stays in the order of its names: the same for all who split.
        pieces.sort_by_key(|piece| Reverse(piece.bytes));
        let mut emptiest: BinaryHeap<_> = (0..split.count).map(|shard| Reverse((0, shard))).collect();
        for piece in pieces {
            let Some(Reverse((load, shard))) = emptiest.pop() else { break };
            emptiest.push(Reverse((load + piece.bytes, shard)));
            split.give(piece, shard);
        }
        split
    }

    fn give(&mut self, piece: Piece, shard: usize) {
        let Some(names) = piece.names else {
            self.weighed.insert(piece.repository, Owner::Whole(shard));
            return;
        };
        let owner = self.weighed.entry(piece.repository).or_insert_with(|| Owner::Divided(HashMap::new()));
        if let Owner::Divided(by_name) = owner {
            by_name.extend(names.into_iter().map(|name| (name, shard)));
        }
    }

    /// Which shard brings an image, counted from 0.
    pub fn owner(&self, repository: &str, reference: &TagOrDigest) -> usize {
        let known = match self.weighed.get(repository) {
            Some(Owner::Whole(shard)) => Some(*shard),
            Some(Owner::Divided(by_name)) => by_name.get(&reference.suffix()).copied(),
            None => None,
        };
        known.unwrap_or_else(|| by_hash(repository, self.count))
    }

    /// Which shard brings all images of a repository, where that is known without its list.
    pub(crate) fn owner_of_all(&self, repository: &str) -> Option<usize> {
        self.weighed.is_empty().then(|| by_hash(repository, self.count))
    }

    /// Repositories that more than one shard brings, because they are larger than a shard should be.
    pub fn divided(&self) -> impl Iterator<Item = &Arc<str>> {
        let is_divided = |owner: &Owner| matches!(owner, Owner::Divided(_));
        self.weighed.iter().filter(move |(_, owner)| is_divided(owner)).map(|(name, _)| name)
    }

    /// The same for whoever splits in the same way: two shards of which one has another leave something out, or bring it twice.
    pub fn fingerprint(&self) -> Digest {
        let mut lines = vec![self.count.to_string()];
        for (repository, owner) in &self.weighed {
            match owner {
                Owner::Whole(shard) => lines.push(format!("{repository} {shard}")),
                Owner::Divided(by_name) => {
                    let mut names: Vec<_> = by_name.iter().collect();
                    names.sort_unstable();
                    lines.extend(names.iter().map(|(name, shard)| format!("{repository}{name} {shard}")));
                }
            }
        }
        Digest::sha256(lines.join("\n").as_bytes())
    }
}

/// The images of a repository that can go to different shards, by what their names stand for: names of one digest stay together,
/// and what is made of a digest stays with it.
#[derive(Default)]
struct Contents(BTreeMap<String, Together>);

#[derive(Default)]
struct Together {
    bytes: u64,
    names: Vec<String>,
}

/// What goes to one shard.
struct Piece {
    bytes: u64,
    repository: Arc<str>,
    /// Those of a repository that is divided.
    names: Option<Vec<String>>,
}

impl Contents {
    fn add(&mut self, image: Splittable) {
        let of_another = match &image.reference {
            TagOrDigest::Tag(tag) => subject(tag),
            TagOrDigest::Digest(digest) => Some(digest.clone()),
        };
        let key =
            of_another.or(image.digest).map_or_else(|| image.reference.suffix(), |digest| digest.to_string());
        let together = self.0.entry(key).or_default();
        together.bytes = together.bytes.max(image.bytes);
        together.names.push(image.reference.suffix());
    }

    fn bytes(&self) -> u64 {
        self.0.values().map(|together| together.bytes).sum()
    }

    /// None where nothing is known of its size.
    fn pieces(self, repository: &Arc<str>, mean: u64) -> Vec<Piece> {
        let bytes = self.bytes();
        let repository = || repository.clone();
        match bytes {
            0 => Vec::new(),
            _ if bytes <= mean || self.0.len() == 1 => {
                vec![Piece { bytes, repository: repository(), names: None }]
            }
            _ => {
                let piece =
                    |Together { bytes, names }| Piece { bytes, repository: repository(), names: Some(names) };
                self.0.into_values().map(piece).collect()
            }
        }
    }
}

/// The shard whose hash with the name is the greatest (rendezvous hashing). Releases that split differently would leave
/// repositories out between them: neither this nor [`mixed`] may change.
fn by_hash(name: &str, count: usize) -> usize {
    // FNV-1a.
    let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    let weight = |shard: &usize| mixed(hash ^ mixed(*shard as u64 + 1));
    (0..count).max_by_key(weight).unwrap_or_default()
}

/// The last step of `SplitMix64`: <https://prng.di.unimi.it/splitmix64.c>
fn mixed(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn image(repository: &str, name: &str, digest: Option<&str>, bytes: u64) -> Splittable {
        let reference = TagOrDigest::Tag(name.parse().unwrap());
        let digest = digest.map(|text| Digest::sha256(text.as_bytes()));
        Splittable { repository: repository.into(), reference, digest, bytes }
    }

    fn loads(split: &Split, images: &[Splittable]) -> Vec<u64> {
        let mut loads = vec![0; split.count];
        for image in images {
            loads[split.owner(&image.repository, &image.reference)] += image.bytes;
        }
        loads
    }

    /// A number with a lognormal distribution, by Box and Muller.
    fn lognormal(random: &mut fastrand::Rng, sigma: f64) -> u64 {
        let (one, other) = (random.f64().max(f64::MIN_POSITIVE), random.f64());
        let normal = (-2.0 * one.ln()).sqrt() * (std::f64::consts::TAU * other).cos();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "sizes, not sums of money"
        )]
        let bytes = (1e9 * (sigma * normal).exp()) as u64;
        bytes
    }

    #[test]
    fn ten_thousand_repositories_are_balanced_within_two_percent() {
        for seed in 0..5 {
            let mut random = fastrand::Rng::with_seed(seed);
            let images: Vec<_> = (0..10_000)
                .map(|number| {
                    image(&format!("r.io/team/app-{number}"), "v1", None, lognormal(&mut random, 1.5))
                })
                .collect();
            for count in [2, 8, 16] {
                let loads = loads(&Split::by_bytes(count, images.clone()), &images);
                let (largest, total) = (loads.iter().copied().max().unwrap(), loads.iter().sum::<u64>());
                assert!(largest * count as u64 * 100 <= total * 102, "{seed} {count}: {loads:?}");
            }
        }
    }

    #[test]
    fn a_repository_larger_than_a_shard_is_divided_and_what_belongs_together_stays_so() {
        let signature = format!("sha256-{}.sig", Digest::sha256(b"a").hex());
        let images = [
            image("r.io/large", "v1", Some("a"), 100),
            image("r.io/large", "latest", Some("a"), 100),
            image("r.io/large", &signature, None, 0),
            image("r.io/large", "v2", Some("b"), 100),
            image("r.io/large", "v3", Some("c"), 100),
            image("r.io/small", "v1", None, 10),
        ];
        let split = Split::by_bytes(3, images.clone());
        assert_eq!(split.divided().map(|name| &**name).collect::<Vec<_>>(), ["r.io/large"]);
        let owner = |index: usize| split.owner(&images[index].repository, &images[index].reference);
        assert_eq!((owner(0), owner(0)), (owner(1), owner(2)));
        assert!(owner(0) != owner(3) && owner(3) != owner(4) && owner(4) != owner(0));
        let whole = Split::by_bytes(3, images[5..].iter().cloned());
        assert_eq!(whole.divided().count(), 0, "there is one image only");
    }

    #[test]
    fn names_whose_size_nobody_knows_go_by_their_hash_and_few_move_to_one_more_shard() {
        let names: Vec<_> = (0..4000).map(|number| format!("r.io/a/{number}")).collect();
        let owner = |name: &str, count| by_hash(name, count);
        let moved = names.iter().filter(|name| owner(name, 8) != owner(name, 9)).count();
        assert!((4000 / 9 - 120..4000 / 9 + 120).contains(&moved), "{moved}");
        let mut loads = [0_u32; 8];
        for name in &names {
            loads[owner(name, 8)] += 1;
        }
        assert!(loads.iter().all(|load| (400..600).contains(load)), "{loads:?}");
        // As it was in the first release: shards of two releases must agree.
        assert_eq!(["r.io/a", "r.io/b", "r.io/c", "r.io/d"].map(|name| owner(name, 4)), [3, 2, 3, 2]);
    }

    proptest! {
        #[test]
        fn every_image_has_one_owner_whoever_splits(
            sizes in proptest::collection::vec((0_usize..12, 0_usize..6, 0_u64..1000), 1..80),
            count in 1_usize..9,
            seed in any::<u64>(),
        ) {
            let images: Vec<_> = sizes
                .iter()
                .map(|(repository, tag, bytes)| image(&format!("r.io/{repository}"), &format!("v{tag}"), None, *bytes))
                .collect();
            let mut shuffled = images.clone();
            fastrand::Rng::with_seed(seed).shuffle(&mut shuffled);
            let (one, other) = (Split::by_bytes(count, images.clone()), Split::by_bytes(count, shuffled));
            prop_assert_eq!(one.fingerprint(), other.fingerprint());
            for image in &images {
                let owner = one.owner(&image.repository, &image.reference);
                prop_assert!(owner < count);
                prop_assert_eq!(owner, other.owner(&image.repository, &image.reference));
            }
            // One that nobody knew of when it was split has an owner, too.
            let later = TagOrDigest::Tag("later".parse().unwrap());
            prop_assert_eq!(one.owner("r.io/0", &later), other.owner("r.io/0", &later));
        }
    }
}
