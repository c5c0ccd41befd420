//! Counts requests to registries. A worker counts them for each run from its beginning on, and writes the counts with each job's result. If
//! a result is lost, the next one includes its counts. A coordinator adds up the last counts of all processes.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use crate::message::spent::{MOST_REGISTRIES, SpentAt};
use crate::spent::Spent;

/// Request counts, by the registries' hosts.
pub type Spending = BTreeMap<String, Spent>;

/// Returns the counts of all requests of this process to registries.
pub type CountSpending = Arc<dyn Fn() -> Spending + Send + Sync>;

/// Takes in a process's counts, which may be older than the known ones.
pub(crate) fn raise(known: &mut Spending, told: &[SpentAt]) {
    for entry in told {
        known.entry(entry.host().to_owned()).or_default().raise(&entry.spent());
    }
}

/// The same for counts that were read already.
pub(crate) fn raise_to(known: &mut Spending, told: &Spending) {
    for (host, spent) in told {
        known.entry(host.clone()).or_default().raise(spent);
    }
}

/// Adds another process's counts.
pub(crate) fn add(sum: &mut Spending, more: &Spending) {
    for (host, spent) in more {
        sum.entry(host.clone()).or_default().add(spent);
    }
}

/// A worker's counts for each run, and which of them are in the run's book.
#[derive(Default)]
pub(crate) struct Told {
    /// The process's counts at the last call of [`Told::tell`]: they belong to runs already.
    counted: Spending,
    runs: BTreeMap<String, OfRun>,
}

#[derive(Default)]
struct OfRun {
    spent: Spending,
    written: BTreeMap<String, SpentAt>,
}

impl Told {
    /// The counts that the next result of a run must tell, up to `now`. If one message cannot take all registries, those come first of
    /// which the book lacks the most requests.
    pub(crate) fn tell(&mut self, run: &str, now: &Spending) -> Vec<SpentAt> {
        let of_run = self.runs.entry(run.to_owned()).or_default();
        for (host, counted) in now {
            let before = self.counted.entry(host.clone()).or_default();
            of_run.spent.entry(host.clone()).or_default().add(&counted.beyond(before));
            before.raise(counted);
        }
        let mut lacking: Vec<_> =
            of_run.spent.iter().filter_map(|(host, spent)| of_run.lacks(host, spent)).collect();
        lacking.sort_by_key(|(requests, _)| std::cmp::Reverse(*requests));
        lacking.truncate(MOST_REGISTRIES);
        lacking.into_iter().map(|(_, entry)| entry).collect()
    }

    /// Notes that the book has these counts.
    pub(crate) fn is_written(&mut self, run: &str, told: Vec<SpentAt>) {
        let Some(of_run) = self.runs.get_mut(run) else { return };
        of_run.written.extend(told.into_iter().map(|entry| (entry.host().to_owned(), entry)));
    }

    /// Forgets runs that are over.
    pub(crate) fn retain(&mut self, open: &HashSet<&str>) {
        self.runs.retain(|run, _| open.contains(run.as_str()));
    }
}

impl OfRun {
    /// What the book lacks of a registry: the number of requests, and the entry to write.
    fn lacks(&self, host: &str, spent: &Spent) -> Option<(u64, SpentAt)> {
        let entry = SpentAt::new(host, spent.clone())?;
        let written = self.written.get(host);
        let is_news = match written {
            Some(written) => *written != entry,
            None => *spent != Spent { kind: spent.kind.clone(), ..Spent::default() },
        };
        let requests = spent.requests.saturating_sub(written.map_or(0, |written| written.spent().requests));
        is_news.then_some((requests, entry))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn spent(requests: u64, bytes: u64) -> Spent {
        let kind = "zot".to_owned();
        Spent { kind, requests, bytes_read: bytes, bytes_sent: 0, waited: Duration::from_micros(requests) }
    }

    fn at(host: &str, spent: Spent) -> Spending {
        Spending::from([(host.to_owned(), spent)])
    }

    #[test]
    fn what_a_lost_result_would_have_told_the_next_one_tells() {
        let (mut told, mut known) = (Told::default(), Spending::new());
        let mut now = at("a.io", spent(3, 10));
        now.extend(at("b.io:5000", spent(1, 0)));
        let lost = told.tell("r", &now);
        assert_eq!(lost.len(), 2);
        now.insert("a.io".to_owned(), spent(4, 30));
        let second = told.tell("r", &now);
        raise(&mut known, &second);
        let whole: Spending = now.iter().map(|(host, spent)| (host.clone(), in_millis(spent))).collect();
        assert_eq!(known, whole);
        // The first result was in the book all the same, and is read late: that changes nothing.
        raise(&mut known, &lost);
        assert_eq!(known, whole);
        told.is_written("r", second);
        assert!(told.tell("r", &now).is_empty(), "what the book has is not told again");
    }

    fn in_millis(spent: &Spent) -> Spent {
        Spent { waited: Duration::ZERO, ..spent.clone() }
    }

    #[test]
    fn each_run_is_told_what_was_spent_for_it() {
        let mut told = Told::default();
        let first = told.tell("q", &at("a.io", spent(3, 10)));
        let second = told.tell("r", &at("a.io", spent(5, 15)));
        let again = told.tell("q", &at("a.io", spent(6, 15)));
        let requests = |told: &[SpentAt]| told[0].spent().requests;
        assert_eq!((requests(&first), requests(&second), requests(&again)), (3, 2, 4));
        told.retain(&HashSet::from(["r"]));
        assert!(told.tell("q", &at("a.io", spent(6, 15))).is_empty(), "a run that is over is forgotten");
    }

    #[test]
    fn what_is_too_much_for_one_message_comes_with_the_next() {
        let (mut told, mut known) = (Told::default(), Spending::new());
        let now: Spending =
            (1..=150).map(|number| (format!("r{number}.io"), spent(number, number))).collect();
        let first = told.tell("r", &now);
        assert!(
            first.len() == MOST_REGISTRIES && first.iter().all(|entry| entry.spent().requests > 150 - 64)
        );
        raise(&mut known, &first);
        told.is_written("r", first);
        for _ in 0..2 {
            let more = told.tell("r", &now);
            raise(&mut known, &more);
            told.is_written("r", more);
        }
        assert_eq!(known.values().map(|spent| spent.requests).sum::<u64>(), (1..=150).sum::<u64>());
    }

    #[test]
    fn a_kind_that_one_worker_has_learned_is_known() {
        for order in [["", "zot", ""], ["zot", "", ""], ["", "", "zot"]] {
            let mut sum = Spending::new();
            for kind in order {
                let one = Spent { kind: kind.to_owned(), requests: u64::MAX, ..Spent::default() };
                add(&mut sum, &at("a.io", one));
            }
            let told = (sum["a.io"].kind.as_str(), sum["a.io"].requests);
            assert_eq!(told, ("zot", u64::MAX), "a lie is no panic");
        }
    }
}
