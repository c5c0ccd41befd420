//! The actions that a token's scope allows on one resource of a registry.

use std::collections::BTreeSet;

/// The actions that registries know, in the order of their texts; the first one allows everything.
const KNOWN: [&str; 4] = ["*", "delete", "pull", "push"];
const ANY: u8 = 1;

/// A set of actions. A run has several for each of its repositories, so the usual actions take one bit each.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Actions {
    /// A bit for each of `KNOWN`.
    known: u8,
    /// Further actions that some registries have, such as `metadata_read`.
    others: BTreeSet<Box<str>>,
}

impl Actions {
    pub(super) fn is_empty(&self) -> bool {
        self.known == 0 && self.others.is_empty()
    }

    pub(super) fn extend(&mut self, other: &Self) {
        self.known |= other.known;
        self.others.extend(other.others.iter().cloned());
    }

    /// Whether all actions in `need` are allowed.
    pub(super) fn cover(&self, need: &Self) -> bool {
        self.known & ANY != 0 || (need.known & !self.known == 0 && need.others.is_subset(&self.others))
    }

    /// The actions that `granted` does not allow.
    pub(super) fn without(&self, granted: &Self) -> Self {
        if granted.known & ANY != 0 {
            return Self::default();
        }
        let others = self.others.difference(&granted.others).cloned().collect();
        Self { known: self.known & !granted.known, others }
    }

    /// The bytes of all texts, with a comma each.
    pub(super) fn text_length(&self) -> usize {
        let known = self.known().map(|text| text.len() + 1).sum::<usize>();
        known + self.others.iter().map(|text| text.len() + 1).sum::<usize>()
    }

    fn known(&self) -> impl Iterator<Item = &'static str> + '_ {
        let is_in = move |bit: &usize| self.known >> bit & 1 != 0;
        (0..KNOWN.len()).filter(is_in).map(|bit| KNOWN[bit])
    }

    /// The actions' texts, sorted.
    pub(super) fn texts(&self) -> Vec<&str> {
        let others = self.others.iter().map(|text| &**text);
        let known = self.known().map(|text| -> &str { text });
        let mut texts: Vec<&str> = others.chain(known).collect();
        texts.sort_unstable();
        texts
    }
}

impl<'a> FromIterator<&'a str> for Actions {
    fn from_iter<T: IntoIterator<Item = &'a str>>(texts: T) -> Self {
        let mut actions = Self::default();
        for text in texts.into_iter().filter(|text| !text.is_empty()) {
            match KNOWN.iter().position(|known| *known == text) {
                Some(bit) => actions.known |= 1 << bit,
                None => drop(actions.others.insert(text.into())),
            }
        }
        actions
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn actions(text: &str) -> Actions {
        text.split(',').collect()
    }

    #[test]
    fn texts_are_sorted_whether_registries_know_them_or_not() {
        let read = actions("push,metadata_read,,pull,*,a,pull");
        assert_eq!(read.texts(), ["*", "a", "metadata_read", "pull", "push"]);
        assert!(actions("").is_empty() && !actions("a").is_empty() && !actions("pull").is_empty());
    }

    #[test]
    fn c75_an_asterisk_covers_everything_and_nothing_covers_it() {
        assert!(actions("*").cover(&actions("pull,metadata_read")));
        assert!(!actions("pull,push,delete").cover(&actions("*")));
        assert!(actions("pull,x").cover(&actions("x")) && !actions("pull").cover(&actions("x")));
        assert_eq!(actions("pull,push,x,y").without(&actions("pull,x")).texts(), ["push", "y"]);
        assert!(actions("pull,x").without(&actions("*")).is_empty());
    }
}
