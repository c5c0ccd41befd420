//! Which rules of the config a line of a list of failures stands for, and which of them the list takes up whole.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::patterns::pairs;
use crate::config::{Resolved, Retried, Share, WrittenRule};
use crate::output::pairs_of;

/// The rules of the config by their order.
pub(super) struct Origins(HashMap<usize, Origin>);

struct Origin {
    written: Arc<WrittenRule>,
    label: Arc<str>,
    share: Share,
}

impl Origins {
    /// `lines`: the list of failures.
    pub(super) fn of(whole: &Resolved, lines: &[WrittenRule]) -> Self {
        let listed: HashSet<(&str, &str)> = lines.iter().flat_map(pairs).collect();
        let is_listed = |(source, target): &(String, String)| listed.contains(&(&**source, &**target));
        let rules = whole.rules.iter().map(|resolved| {
            let is_whole = pairs_of(&resolved.rule).iter().all(is_listed);
            (&resolved.written, if is_whole { Share::Whole } else { Share::Part })
        });
        // A line about single images or repositories is no whole pattern.
        let patterns = whole.patterns.iter().map(|resolved| (&resolved.written, Share::Part));
        let origin = |(written, share): (&WrittenRule, Share)| {
            let label = written.shared_label();
            (written.order, Origin { written: Arc::new(written.clone()), label, share })
        };
        Self(rules.chain(patterns).map(origin).collect())
    }

    /// The line as what it is of the rules with these orders: its images came from the first of them.
    pub(super) fn named(&self, line: &WrittenRule, orders: &[usize]) -> WrittenRule {
        let mut found = orders.iter().filter_map(|order| self.0.get(order));
        let Some(Origin { written, label, share }) = found.next() else { return line.clone() };
        let also = found.filter(|origin| origin.share == Share::Whole).map(|origin| origin.written.clone());
        let (of, label, also) = (written.clone(), label.clone(), also.collect());
        WrittenRule { retried: Some(Retried { of, label, share: *share, also }), ..line.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(order: usize, name: Option<&str>, source: &str) -> WrittenRule {
        let name = name.map(str::to_owned);
        WrittenRule { name, ..WrittenRule::of_images(order, 0, source.to_owned(), vec!["r.io/a".to_owned()]) }
    }

    #[test]
    fn a_line_is_what_the_first_rule_has_it_for() {
        let origin = |order, name, source: &str, share| {
            let written = written(order, name, source);
            (order, Origin { label: written.shared_label(), written: Arc::new(written), share })
        };
        let origins = Origins(HashMap::from([
            origin(0, Some("apps"), "q.io/**", Share::Part),
            origin(1, None, "q.io/a:v1,v2", Share::Whole),
            origin(2, Some("one"), "q.io/a:v1", Share::Whole),
        ]));
        let line = written(7, None, "q.io/a:v1");
        let named = |orders: &[usize]| origins.named(&line, orders);
        let part = named(&[0, 1]);
        assert_eq!((part.label(), part.part_of().as_deref()), ("apps", Some("apps")));
        assert_eq!((&*part.in_documents().source, &part.in_documents().name), ("q.io/a:v1", &None));
        assert_eq!(part.in_config().name.as_deref(), Some("apps"));
        let also = &part.retried.as_ref().unwrap().also;
        assert_eq!(also.iter().map(|rule| rule.label()).collect::<Vec<_>>(), ["q.io/a:v1,v2"]);
        let whole = named(&[1, 2]);
        assert_eq!((whole.label(), whole.part_of()), ("q.io/a:v1,v2", None));
        assert_eq!(&*whole.in_documents().source, "q.io/a:v1,v2");
        assert_eq!((&*whole.source, whole.order), ("q.io/a:v1", 7), "what it copies is the line's");
        let own = named(&[]);
        assert_eq!((own.label(), own.part_of()), ("q.io/a:v1", None));
    }
}
