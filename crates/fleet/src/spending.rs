//! What registries were asked for: a worker counts it, tells with each job's result how much more it was, and a coordinator adds it up.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::message::spent::{MOST_REGISTRIES, SpentAt};
use crate::spent::Spent;

/// By the registries' hosts.
pub type Spending = BTreeMap<String, Spent>;

/// Tells all that this process has asked registries for.
pub type CountSpending = Arc<dyn Fn() -> Spending + Send + Sync>;

/// Adds what a worker tells.
pub(crate) fn add(sum: &mut Spending, told: &[SpentAt]) {
    for entry in told {
        sum.entry(entry.host().to_owned()).or_default().add(entry.spent());
    }
}

/// What a worker has told, so that it tells nothing twice.
#[derive(Default)]
pub(crate) struct Told(Spending);

impl Told {
    /// What is to be told of what was counted up to `now`: of so many registries as one message takes, those with the most requests. The
    /// rest comes with the next.
    pub(crate) fn tell(&mut self, now: &Spending) -> Vec<SpentAt> {
        let before = Spent::default();
        let mut more: Vec<(&String, Spent)> = now
            .iter()
            .map(|(host, spent)| (host, spent.beyond(self.0.get(host).unwrap_or(&before))))
            .filter(|(_, more)| *more != Spent { kind: more.kind.clone(), ..Spent::default() })
            .collect();
        more.sort_by_key(|(_, more)| std::cmp::Reverse(more.requests));
        more.truncate(MOST_REGISTRIES);
        for (host, _) in &more {
            self.0.insert((*host).clone(), now[*host].clone());
        }
        more.into_iter().filter_map(|(host, more)| SpentAt::new(host, more)).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn spent(requests: u64, bytes: u64) -> Spent {
        let kind = "registry".to_owned();
        Spent { kind, requests, bytes_read: bytes, bytes_sent: 0, waited: Duration::from_millis(requests) }
    }

    #[test]
    fn what_is_told_bit_by_bit_adds_up_to_what_was_counted() {
        let (mut told, mut sum) = (Told::default(), Spending::new());
        let mut now =
            Spending::from([("a.io".to_owned(), spent(3, 10)), ("b.io:5000".to_owned(), spent(1, 0))]);
        add(&mut sum, &told.tell(&now));
        assert!(told.tell(&now).is_empty(), "nothing is told twice");
        now.insert("a.io".to_owned(), spent(4, 30));
        let more = told.tell(&now);
        assert_eq!((more.len(), more[0].spent()), (1, spent(1, 20)));
        add(&mut sum, &more);
        assert_eq!(sum, now);
    }

    #[test]
    fn what_is_too_much_for_one_message_comes_with_the_next() {
        let (mut told, mut sum) = (Told::default(), Spending::new());
        let now: Spending =
            (1..=150).map(|number| (format!("r{number}.io"), spent(number, number))).collect();
        let first = told.tell(&now);
        assert!(
            first.len() == MOST_REGISTRIES && first.iter().all(|entry| entry.spent().requests > 150 - 64)
        );
        add(&mut sum, &first);
        for _ in 0..2 {
            add(&mut sum, &told.tell(&now));
        }
        assert_eq!(sum, now);
    }

    #[test]
    fn a_kind_that_one_worker_has_learned_is_known() {
        let mut sum = Spending::new();
        for kind in ["registry", "zot", "registry"] {
            let one = Spent { kind: kind.to_owned(), requests: u64::MAX, ..Spent::default() };
            add(&mut sum, &[SpentAt::new("a.io", one).unwrap()]);
        }
        assert_eq!((sum["a.io"].kind.as_str(), sum["a.io"].requests), ("zot", u64::MAX), "a lie is no panic");
    }
}
