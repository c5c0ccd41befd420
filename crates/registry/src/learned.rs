//! A registry's abilities as they showed, kept as long as its handle: so that each is tried once.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{OnceLock, PoisonError, RwLock};

use oci::{Digest, RepositoryName};

use crate::profile::{Profile, ReferrersApi};

/// Knowledge about one registry. Every note is only a hint: a wrong one costs requests.
#[derive(Default)]
pub(crate) struct Learned {
    head: AtomicU8,
    referrers: AtomicU8,
    /// Repositories in which the list of referrers is refused to a login that may read manifests: gateways refuse it for some
    /// repositories only. Also those that gave no list twice, at a registry that keeps lists.
    without_referrers: RwLock<HashSet<RepositoryName>>,
    /// The first repository in which an answer to a request for referrers was no list.
    no_list_in: OnceLock<RepositoryName>,
    reads_lead_elsewhere: AtomicBool,
    /// The last size of blobs that came with a size other than their descriptor's.
    other_lengths: RwLock<HashMap<(RepositoryName, Digest), u64>>,
}

/// The most such sizes: a process may live for weeks, beside a registry that has lost many blobs.
const MOST_OTHER_LENGTHS: usize = 10_000;

/// Whether a registry has an ability.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ability {
    Unknown,
    Works,
    Absent,
}

impl Learned {
    /// The known abilities of a kind of registry before the first request.
    pub(crate) fn of(profile: &Profile) -> Self {
        let learned = Self::default();
        learned.refine(profile);
        learned
    }

    /// Takes over what the first answer showed of the registry's kind.
    pub(crate) fn refine(&self, profile: &Profile) {
        if profile.referrers == ReferrersApi::Absent {
            self.note_referrers(Ability::Absent);
        }
    }

    /// Whether HEAD of a manifest returns its digest, and whether its 404 can be trusted.
    pub(crate) fn head(&self) -> Ability {
        read(&self.head)
    }

    /// Notes how HEAD worked.
    pub(crate) fn note_head(&self, seen: Ability) {
        note(&self.head, seen);
    }

    /// Whether the registry redirects blob reads to another host.
    pub(crate) fn reads_lead_elsewhere(&self) -> bool {
        self.reads_lead_elsewhere.load(Ordering::Relaxed)
    }

    /// Notes that a blob read was redirected to another host.
    pub(crate) fn note_reads_lead_elsewhere(&self) {
        self.reads_lead_elsewhere.store(true, Ordering::Relaxed);
    }

    /// Whether the registry itself keeps lists of referrers.
    pub(crate) fn referrers(&self) -> Ability {
        read(&self.referrers)
    }

    /// The same for one of the registry's repositories.
    pub(crate) fn referrers_in(&self, repository: &RepositoryName) -> Ability {
        let refused = self.without_referrers.read().unwrap_or_else(PoisonError::into_inner);
        match self.referrers() {
            _ if refused.contains(repository) => Ability::Absent,
            Ability::Unknown if self.is_doubted(repository) => Ability::Absent,
            known => known,
        }
    }

    /// Whether an answer that is no list counts for this repository alone so far.
    fn is_doubted(&self, repository: &RepositoryName) -> bool {
        self.no_list_in.get() == Some(repository)
    }

    /// Whether an answer to a request for referrers that is no list is believed; notes it then. A single one may come from a proxy that
    /// has lost the registry, so that it counts for its repository; a second repository shows that the registry keeps no lists.
    pub(crate) fn believes_no_list(&self, repository: &RepositoryName) -> bool {
        let known = self.referrers();
        if known == Ability::Works && !self.is_doubted(repository) {
            return false;
        }
        let is_first = self.no_list_in.get_or_init(|| repository.clone()) == repository;
        match known {
            // Other repositories have lists, and this one gave no list again.
            Ability::Works => self.note_referrers_refused(repository),
            Ability::Unknown if !is_first => self.note_referrers(Ability::Absent),
            Ability::Unknown | Ability::Absent => {}
        }
        true
    }

    /// Notes that the list of referrers was refused in a repository whose manifests may be read.
    pub(crate) fn note_referrers_refused(&self, repository: &RepositoryName) {
        let mut refused = self.without_referrers.write().unwrap_or_else(PoisonError::into_inner);
        refused.insert(repository.clone());
    }

    /// Whether this blob came with this wrong size last time.
    pub(crate) fn came_with(&self, repository: &RepositoryName, digest: &Digest, bytes: u64) -> bool {
        let lengths = self.other_lengths.read().unwrap_or_else(PoisonError::into_inner);
        lengths.get(&(repository.clone(), digest.clone())) == Some(&bytes)
    }

    /// Notes that a blob came with this many bytes instead of its descriptor's size.
    pub(crate) fn note_other_length(&self, repository: &RepositoryName, digest: &Digest, bytes: u64) {
        let mut lengths = self.other_lengths.write().unwrap_or_else(PoisonError::into_inner);
        if lengths.len() >= MOST_OTHER_LENGTHS {
            // Each of them gets one more attempt.
            lengths.clear();
        }
        lengths.insert((repository.clone(), digest.clone()), bytes);
    }

    /// Notes how the list of referrers worked.
    pub(crate) fn note_referrers(&self, seen: Ability) {
        note(&self.referrers, seen);
    }
}

fn read(value: &AtomicU8) -> Ability {
    match value.load(Ordering::Relaxed) {
        0 => Ability::Unknown,
        1 => Ability::Works,
        _ => Ability::Absent,
    }
}

/// An ability that once worked is not marked absent because of one odd answer.
fn note(value: &AtomicU8, seen: Ability) {
    match seen {
        Ability::Unknown => {}
        Ability::Works => value.store(1, Ordering::Relaxed),
        Ability::Absent => {
            let _ = value.compare_exchange(0, 2, Ordering::Relaxed, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c59_registries_that_are_known_to_keep_no_lists_are_not_asked() {
        let of = |host: &str| Learned::of(Profile::of_host(&host.parse().unwrap())).referrers();
        assert_eq!((of("ghcr.io"), of("r.example")), (Ability::Absent, Ability::Unknown));
    }

    #[test]
    fn c59_one_answer_that_is_no_list_counts_for_its_repository_and_two_for_all() {
        let [one, two, three] = ["a/one", "a/two", "a/three"].map(|name| name.parse().unwrap());
        let of = |learned: &Learned| [&one, &two, &three].map(|name| learned.referrers_in(name));
        let (absent, unknown, works) = (Ability::Absent, Ability::Unknown, Ability::Works);
        let learned = Learned::default();
        assert!(learned.believes_no_list(&one));
        assert!(learned.believes_no_list(&one));
        assert_eq!(of(&learned), [absent, unknown, unknown]);
        assert!(learned.believes_no_list(&two));
        assert_eq!(of(&learned), [absent; 3]);
        let learned = Learned::default();
        assert!(learned.believes_no_list(&one));
        learned.note_referrers(works);
        assert_eq!(of(&learned), [works; 3], "the first answer was odd");
        assert!(learned.believes_no_list(&one));
        assert_eq!(of(&learned), [absent, works, works]);
    }

    #[test]
    fn c22_what_worked_stays_known_to_work() {
        let learned = Learned::default();
        assert_eq!(learned.head(), Ability::Unknown);
        learned.note_head(Ability::Absent);
        assert_eq!((learned.head(), learned.referrers()), (Ability::Absent, Ability::Unknown));
        learned.note_head(Ability::Works);
        learned.note_head(Ability::Absent);
        assert_eq!(learned.head(), Ability::Works);
    }
}
