//! Since when tags of targets have been missing at their sources, as seen by runs that delete.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use oci::{Digest, RepositoryName, Tag};
use redb::ReadableDatabase as _;

use super::record::{self, FirstSeen};
use super::writer::Change;
use super::{Open, State, store};
use crate::endpoint::StoreId;

impl State {
    /// Records that these tags of a target's repository are missing at their source, and drops the records of all
    /// others there. Returns since when each has been missing; `None` without a state.
    pub(crate) fn note_gone(
        &self,
        (store, repository): (&StoreId, &RepositoryName),
        gone: &[(Tag, Digest)],
        now: SystemTime,
    ) -> Option<HashMap<(Tag, Digest), SystemTime>> {
        let open = self.0.as_ref()?;
        let prefix = record::gone_prefix(store, repository);
        let mut known = open.gone(&prefix).unwrap_or_default();
        let seconds = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
        let mut since = HashMap::new();
        for (tag, digest) in gone {
            let key = record::gone_key(store, repository, tag, digest);
            let noted = known.remove(&key);
            let first = noted.map_or(seconds, |noted| noted.first);
            if open.is_due(noted.map(|noted| noted.day)) {
                open.writer().write(Change::Gone(key, FirstSeen { day: open.today, first }.encode()));
            }
            let first = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(first)).unwrap_or(now);
            since.insert((tag.clone(), digest.clone()), first);
        }
        for key in known.into_keys() {
            open.writer().write(Change::NotGone(key));
        }
        Some(since)
    }
}

impl Open {
    /// The records of a repository, by key.
    fn gone(&self, prefix: &[u8]) -> Result<HashMap<Vec<u8>, FirstSeen>, redb::Error> {
        let table = self.database.begin_read()?.open_table(store::GONE)?;
        let mut all = HashMap::new();
        for entry in table.range(prefix..)? {
            let (key, record) = entry?;
            if !key.value().starts_with(prefix) {
                break;
            }
            // An unreadable record counts as missing.
            all.extend(FirstSeen::decode(record.value()).map(|seen| (key.value().to_vec(), seen)));
        }
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_gone_is_known_until_it_comes_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.redb");
        let at = |second| SystemTime::UNIX_EPOCH + Duration::from_secs(second);
        let (store, repository) = (StoreId::new("r.io"), "a/app".parse().unwrap());
        let other = "a/app2".parse().unwrap();
        let tag = |name: &str| (name.parse::<Tag>().unwrap(), Digest::sha256(name.as_bytes()));
        let (one, two) = (tag("one"), tag("two"));
        let note = |place: &RepositoryName, gone: &[(Tag, Digest)], second| {
            let (state, _) = State::open(&path).unwrap();
            let since = state.note_gone((&store, place), gone, at(second)).unwrap();
            state.close().unwrap();
            since
        };
        note(&other, std::slice::from_ref(&one), 5);
        note(&repository, std::slice::from_ref(&one), 10);
        let since = note(&repository, &[one.clone(), two.clone()], 20);
        assert_eq!(since, HashMap::from([(one.clone(), at(10)), (two.clone(), at(20))]));
        note(&repository, std::slice::from_ref(&two), 30);
        let since = note(&repository, &[one.clone(), two.clone()], 40);
        assert_eq!(since, HashMap::from([(one.clone(), at(40)), (two, at(20))]));
        assert_eq!(note(&other, std::slice::from_ref(&one), 50), HashMap::from([(one.clone(), at(5))]));
        assert_eq!(State::none().note_gone((&store, &repository), &[one], at(60)), None);
    }
}
