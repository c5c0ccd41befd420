//! Broken referrers tags: a name like `sha256-...` does not show which image is affected.

use std::collections::{BTreeMap, HashMap};
use std::io::Error;

use oci::is_referrers_tag;
use sync::Standing;

use super::record::VerifiedRecord;

/// The most images to name for one referrers tag: a digest may have many tags.
const MOST_NAMED: usize = 10;

/// Images by the names of their referrers tags.
pub(super) type Subjects = BTreeMap<String, Vec<String>>;

/// The names of broken referrers tags, by repository and digest of their subjects.
pub(super) type Lists = HashMap<(String, String), String>;

/// The referrers tags that are broken.
pub(super) fn lists(records: impl Iterator<Item = Result<VerifiedRecord, Error>>) -> Result<Lists, Error> {
    let mut lists = Lists::new();
    for record in records {
        let record = record?;
        if record.outcome != Standing::Whole
            && let Some(subject) = subject(&record.target)
        {
            lists.insert(subject, record.target);
        }
    }
    Ok(lists)
}

/// The images that they belong to; none if the target has no tag for the digest.
pub(super) fn subjects(
    lists: &Lists,
    records: impl Iterator<Item = Result<VerifiedRecord, Error>>,
) -> Result<Subjects, Error> {
    let mut subjects: Subjects = lists.values().map(|list| (list.clone(), Vec::new())).collect();
    for record in records {
        let VerifiedRecord { target, digest: Some(digest), .. } = record? else { continue };
        let Some((repository, _)) = split(&target) else { continue };
        let named = lists.get(&(repository.to_owned(), digest)).and_then(|list| subjects.get_mut(list));
        if let Some(named) = named.filter(|named| named.len() < MOST_NAMED) {
            named.push(target);
        }
    }
    Ok(subjects)
}

/// The repository and digest whose referrers a name lists.
fn subject(target: &str) -> Option<(String, String)> {
    let (repository, tag) = split(target)?;
    let is_list = tag.parse().is_ok_and(|tag| is_referrers_tag(&tag));
    is_list.then(|| (repository.to_owned(), tag.replacen('-', ":", 1)))
}

fn split(target: &str) -> Option<(&str, &str)> {
    let last = target.rfind('/').map_or(0, |slash| slash + 1);
    let colon = last + target[last..].find(':')?;
    Some((&target[..colon], &target[colon + 1..]))
}
