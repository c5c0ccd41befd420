//! Checks the merged runs: each must occur once, and the shards must be complete and of one division.

use std::collections::BTreeSet;

use super::facts::{Part, ShardEntry};
use crate::output::remainder;

/// The most numbers to list.
const NAMED: usize = 10;

/// Runs in more than one report: merging would count them twice.
pub(crate) fn runs_there_twice(parts: &[Part]) -> BTreeSet<&str> {
    let mut seen = BTreeSet::new();
    let runs = parts.iter().map(|part| part.run.as_str()).filter(|run| !run.is_empty());
    runs.filter(|run| !seen.insert(*run)).collect()
}

/// Problems of the shards among these runs, for people.
pub(crate) fn odd_shards(parts: &[Part]) -> Vec<String> {
    let shards: Vec<&ShardEntry> = parts.iter().filter_map(|part| part.shard.as_ref()).collect();
    let counts: BTreeSet<_> = shards.iter().map(|shard| shard.of).collect();
    let splits: BTreeSet<_> = shards.iter().filter_map(|shard| shard.split.as_ref()).collect();
    if counts.len() > 1 || splits.len() > 1 {
        return vec![
            "the shards were not split alike: an image may be missing, or be there twice; run all of them with the same config, or the same plan, and the same number of shards"
                .to_owned(),
        ];
    }
    let Some(of) = counts.first() else { return Vec::new() };
    let there: BTreeSet<_> = shards.iter().map(|shard| shard.number).collect();
    let missing: Vec<_> =
        (1..=*of).filter(|number| !there.contains(number)).map(|number| number.to_string()).collect();
    if missing.is_empty() {
        return Vec::new();
    }
    let named = remainder::list(&missing, NAMED);
    let noun = if missing.len() == 1 { "shard" } else { "shards" };
    vec![format!("{} of {of} shards are here: the report of {noun} {named} is missing", there.len())]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_is_there_twice_is_found() {
        let part = |run: &str| Part { run: run.to_owned(), ..Part::default() };
        let parts = [part("a"), part("b"), part("a"), part(""), part("")];
        assert_eq!(runs_there_twice(&parts).into_iter().collect::<Vec<_>>(), ["a"]);
    }

    #[test]
    fn what_is_missing_or_split_otherwise_is_told() {
        let told = |shards: &[(u64, u64, &str)]| {
            let part = |(number, of, split): &(u64, u64, &str)| {
                let shard = ShardEntry { number: *number, of: *of, split: Some((*split).to_owned()) };
                Part { shard: Some(shard), ..Part::default() }
            };
            odd_shards(&shards.iter().map(part).collect::<Vec<_>>()).join("")
        };
        assert_eq!(told(&[]), "");
        assert_eq!(told(&[(2, 2, "a"), (1, 2, "a"), (1, 2, "a")]), "");
        assert_eq!(told(&[(2, 3, "a")]), "1 of 3 shards are here: the report of shards 1, 3 is missing");
        assert!(told(&[(1, 2, "a"), (2, 2, "b")]).starts_with("the shards were not split alike"));
        assert!(told(&[(1, 2, "a"), (2, 3, "a")]).starts_with("the shards were not split alike"));
    }
}
