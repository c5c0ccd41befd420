//! Divides images into parts of about the same size.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap};
use std::sync::Arc;

use oci::{Digest, TagOrDigest};

use crate::rule::referrer_tag::subject;

/// An image that can be assigned to a shard.
#[derive(Clone, Debug)]
pub struct Splittable {
    /// Registry and repository that it is kept together with.
    pub repository: Arc<str>,
    /// Its reference there.
    pub reference: TagOrDigest,
    /// Its digest, if known.
    pub digest: Option<Digest>,
    /// Its size; 0 if unknown.
    pub bytes: u64,
}

/// Assigns images to shards: whole repositories, unless one is larger than a shard should be.
///
/// Repositories of known size are assigned in descending order to the shard with the least bytes. The others, and
/// those that are added later, are assigned by a hash of their names: that needs no listing, and moves few of them
/// when the number of shards changes.
#[derive(Clone, Debug)]
pub struct Split {
    count: usize,
    weighed: BTreeMap<Arc<str>, Owner>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Owner {
    Whole(usize),
    /// By the references of its images.
    Divided(HashMap<String, usize>),
}

impl Split {
    /// By repository names only.
    pub fn by_name(count: usize) -> Self {
        Self { count: count.max(1), weighed: BTreeMap::new() }
    }

    /// By size, as far as it is known.
    pub fn by_bytes(count: usize, images: impl IntoIterator<Item = Splittable>) -> Self {
        let mut split = Self::by_name(count);
        let mut repositories: BTreeMap<Arc<str>, Contents> = BTreeMap::new();
        for image in images {
            repositories.entry(image.repository.clone()).or_default().add(image);
        }
        let repositories: Vec<_> =
            repositories.into_iter().map(|(name, contents)| (name, contents.groups())).collect();
        let groups = repositories.iter().flat_map(|(_, groups)| groups);
        let total: u64 = groups.map(|group| group.bytes).sum();
        let mean = total.div_ceil(split.count as u64);
        let pieces = repositories.into_iter().flat_map(|(name, groups)| pieces(&name, groups, mean));
        let mut pieces: Vec<_> = pieces.collect();
        // The sort is stable: equal sizes stay in the order of their names, so that all shards compute the same split.
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

    /// The shard of an image, counted from 0.
    pub fn owner(&self, repository: &str, reference: &TagOrDigest) -> usize {
        let known = match self.weighed.get(repository) {
            Some(Owner::Whole(shard)) => Some(*shard),
            Some(Owner::Divided(by_name)) => by_name.get(&reference.suffix()).copied(),
            None => None,
        };
        known.unwrap_or_else(|| by_hash(repository, self.count))
    }

    /// Whether repository names alone decide, so that no listing is needed.
    pub(crate) fn is_by_name(&self) -> bool {
        self.weighed.is_empty()
    }

    /// The shard that reports on a repository as a whole: its owner, or of a divided one any shard.
    pub(crate) fn teller(&self, repository: &str) -> usize {
        match self.weighed.get(repository) {
            Some(Owner::Whole(shard)) => *shard,
            Some(Owner::Divided(_)) | None => by_hash(repository, self.count),
        }
    }

    /// Repositories that are divided among shards, because they are larger than a shard should be.
    pub fn divided(&self) -> impl Iterator<Item = &Arc<str>> {
        let is_divided = |owner: &Owner| matches!(owner, Owner::Divided(_));
        self.weighed.iter().filter(move |(_, owner)| is_divided(owner)).map(|(name, _)| name)
    }

    /// A digest of the split. Shards with different fingerprints leave images out, or copy them twice.
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

/// The images of a repository by their references. Images of one reference, such as one that a rule reads and one that another rule reads
/// from that rule's target, belong together.
#[derive(Default)]
struct Contents(BTreeMap<String, Known>);

/// What is known of the images of one reference.
#[derive(Default)]
struct Known {
    bytes: u64,
    /// References with the same digest stay together, and referrer tags stay with their subject.
    digest: Option<Digest>,
}

/// Images that go to one shard.
#[derive(Default)]
struct Together {
    bytes: u64,
    names: Vec<String>,
}

/// A part that is assigned to one shard.
struct Piece {
    bytes: u64,
    repository: Arc<str>,
    /// The references of the part, if the repository is divided.
    names: Option<Vec<String>>,
}

impl Contents {
    fn add(&mut self, image: Splittable) {
        let of_another = match &image.reference {
            TagOrDigest::Tag(tag) => subject(tag),
            TagOrDigest::Digest(digest) => Some(digest.clone()),
        };
        let known = self.0.entry(image.reference.suffix()).or_default();
        known.bytes = known.bytes.max(image.bytes);
        // Of several digests the lowest one, so that the order in which the images come does not matter.
        let digests = [known.digest.take(), of_another.or(image.digest)];
        known.digest = digests.into_iter().flatten().min();
    }

    /// The groups that can be assigned to different shards.
    fn groups(self) -> Vec<Together> {
        let mut groups: BTreeMap<String, Together> = BTreeMap::new();
        for (name, Known { bytes, digest }) in self.0 {
            let key = digest.map_or_else(|| name.clone(), |digest| digest.to_string());
            let together = groups.entry(key).or_default();
            together.bytes = together.bytes.max(bytes);
            together.names.push(name);
        }
        groups.into_values().collect()
    }
}

/// The pieces of a repository: one, or one for each group if the repository is larger than the mean shard. None if the size is unknown.
fn pieces(repository: &Arc<str>, groups: Vec<Together>, mean: u64) -> Vec<Piece> {
    let bytes = groups.iter().map(|group| group.bytes).sum();
    let repository = || repository.clone();
    match bytes {
        0 => Vec::new(),
        _ if bytes <= mean || groups.len() == 1 => {
            vec![Piece { bytes, repository: repository(), names: None }]
        }
        _ => {
            let piece =
                |Together { bytes, names }| Piece { bytes, repository: repository(), names: Some(names) };
            groups.into_iter().map(piece).collect()
        }
    }
}

/// The shard with the greatest hash of shard and name (rendezvous hashing). Neither this nor [`mixed`] may change:
/// shards of releases that split differently would leave repositories out.
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
    fn what_another_rule_reads_at_the_target_follows_its_image_and_changes_no_split() {
        let images: Vec<_> = (0..9)
            .map(|number| image("r.io/a", &format!("v{number}"), Some(&format!("m{number}")), 10))
            .collect();
        let alone = Split::by_bytes(3, images.clone());
        // The same reference, without digest and size.
        let followers = images.iter().map(|image| Splittable { digest: None, bytes: 0, ..image.clone() });
        let followers: Vec<_> = followers.collect();
        for all in [[&images[..], &followers].concat(), [&followers[..], &images].concat()] {
            let split = Split::by_bytes(3, all);
            assert_eq!(split.fingerprint(), alone.fingerprint());
            assert_eq!(loads(&split, &images), [30, 30, 30]);
        }
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
        // The values of the first release: shards of two releases must agree.
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
            // An image that was unknown at the split has an owner, too.
            let later = TagOrDigest::Tag("later".parse().unwrap());
            prop_assert_eq!(one.owner("r.io/0", &later), other.owner("r.io/0", &later));
        }
    }
}
