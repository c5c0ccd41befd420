//! Some of many names, and the number of the others: `a, b and 12 more`.

use std::borrow::Borrow;

use super::number::grouped;

/// How many of all are shown if `most` are enough. If only one is left over, it is shown, too: the words for it would take as much room.
pub(crate) fn shown(all: usize, most: usize) -> usize {
    if all <= most.saturating_add(1) { all } else { most }
}

/// The words for those that are not shown; `None` if there are none.
pub(crate) fn and_more(left: u64) -> Option<String> {
    (left > 0).then(|| format!("and {} more", grouped(left)))
}

/// These names, out of `all`.
pub(crate) fn examples<S: Borrow<str>>(named: &[S], all: u64) -> String {
    let left = and_more(all.saturating_sub(named.len() as u64));
    named.join(", ") + &left.map(|left| format!(" {left}")).unwrap_or_default()
}

/// The first of these names, at most `most` or one more.
pub(crate) fn list<S: Borrow<str>>(names: &[S], most: usize) -> String {
    examples(&names[..shown(names.len(), most)], names.len() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_more_is_shown_and_not_counted() {
        let names = ["a", "b", "c", "d", "e"];
        let listed = [0, 1, 3, 4, 5].map(|count| list(&names[..count], 3));
        assert_eq!(listed, ["", "a", "a, b, c", "a, b, c, d", "a, b, c and 2 more"]);
        assert_eq!(shown(usize::MAX, usize::MAX), usize::MAX);
    }

    #[test]
    fn what_is_not_at_hand_is_counted() {
        assert_eq!(examples(&["a", "b"], 2), "a, b");
        assert_eq!(examples(&["a", "b"], 3), "a, b and 1 more");
        assert_eq!(examples(&["a", "b"], 12_347), "a, b and 12,345 more");
        assert_eq!(examples(&["a", "b"], 1), "a, b", "a count that somebody made up");
        assert_eq!(and_more(0), None);
    }
}
