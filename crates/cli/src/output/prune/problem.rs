//! The problems of a deletion, for people: each reason once, with its count.

use std::sync::Arc;

use sync::prune::{Kept, NotDeleted, Refusal, Unread};
use sync::{Error, RuleFailure};

use crate::diagnostic::{cause, diagnose, short};

/// The number of reasons to print.
const TOLD: usize = 5;

/// A problem, and the advice.
pub(crate) struct Problem {
    pub(crate) text: String,
    pub(crate) help: Option<String>,
}

impl Problem {
    /// Why nothing is deleted.
    pub(super) fn of_refusal(refusal: &Refusal) -> Vec<Self> {
        let help = match refusal {
            Refusal::NotListed(failures) => return Self::of_lists(failures),
            Refusal::TooMuch(_) => Some(
                "look through what would go; if it is right, --max-delete N|N% lets more go in this run"
                    .to_owned(),
            ),
            Refusal::Stopped | Refusal::Empty(_) => None,
        };
        vec![Self { text: format!("nothing is deleted: {refusal}"), help }]
    }

    fn of_lists(failures: &[Arc<RuleFailure>]) -> Vec<Self> {
        let what = ["list", "lists"];
        let tell = |failure: &Arc<RuleFailure>, more| {
            Self::of_error(&failure.error, "nothing is deleted", more, what)
        };
        told(failures, |failure| cause(&failure.error), tell, what)
    }

    /// Repositories in which nothing is deleted, because they could not be read.
    pub(super) fn of_unread(unread: &[Unread]) -> Vec<Self> {
        let what = ["repository", "repositories"];
        let tell = |unread: &Unread, more| {
            let says = format!("nothing is deleted in {}", unread.repository);
            Self::of_error(&unread.error, &says, more, what)
        };
        told(unread, |unread| cause(&unread.error), tell, what)
    }

    /// Tags that were due but not deleted, except tags held by another image and registries where deletion is off.
    pub(super) fn of_kept(kept: &[NotDeleted]) -> Vec<Self> {
        let stopped = kept.iter().filter(|kept| kept.kept == Kept::Stopped).count();
        let stopped = (stopped > 0).then(|| match stopped {
            1 => "the run was stopped before one more could be deleted".to_owned(),
            _ => format!("the run was stopped before {stopped} more could be deleted"),
        });
        let failed: Vec<_> = kept.iter().filter(|kept| matches!(kept.kept, Kept::Failed(_))).collect();
        let tell = |kept: &&NotDeleted, more| {
            let text = format!(
                "{} was not deleted: {}{}",
                kept.target,
                kept.kept.why(),
                alike(more, ["tag", "tags"])
            );
            Self { text, help: None }
        };
        let failed = told(&failed, |kept| words(kept), tell, ["tag", "tags"]);
        stopped.map(|text| Self { text, help: None }).into_iter().chain(failed).collect()
    }

    fn of_error(error: &Error, says: &str, more: usize, what: [&str; 2]) -> Self {
        let text = format!("{says}: {}{}", short(error), alike(more, what));
        Self { text, help: Some(diagnose(error).next) }
    }
}

/// The first problem of each kind with its count, in order.
fn told<T>(
    all: &[T],
    kind: impl Fn(&T) -> String,
    tell: impl Fn(&T, usize) -> Problem,
    what: [&str; 2],
) -> Vec<Problem> {
    let mut kinds: Vec<(String, &T, usize)> = Vec::new();
    let mut untold = 0;
    for one in all {
        let kind = kind(one);
        match kinds.iter().position(|(known, ..)| *known == kind) {
            Some(known) => kinds[known].2 += 1,
            // One more than is printed, to know whether others are omitted.
            None if kinds.len() <= TOLD => kinds.push((kind, one, 1)),
            None => untold += 1,
        }
    }
    if untold > 0 {
        untold += kinds.pop().map_or(0, |(.., count)| count);
    }
    let rest = (untold > 0).then(|| {
        let text = format!("{untold} more {} for other reasons", what[1]);
        Problem { text, help: None }
    });
    kinds.into_iter().map(|(_, first, count)| tell(first, count - 1)).chain(rest).collect()
}

fn alike(more: usize, what: [&str; 2]) -> String {
    match more {
        0 => String::new(),
        more => format!(" (and {more} more {} for the same reason)", what[usize::from(more != 1)]),
    }
}

/// The words without names, digests and numbers, which differ between problems.
fn words(kept: &NotDeleted) -> String {
    let tag = kept.target.rsplit(['@', ':']).next().unwrap_or_default();
    let is_name = |word: &str| {
        word.trim_matches(|character: char| !character.is_alphanumeric()) == tag
            || word.contains(['/', '@', '`'])
            || word.bytes().any(|byte| byte.is_ascii_digit())
    };
    let why = kept.kept.why();
    why.split_whitespace().filter(|word| !is_name(word)).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(tag: &str, kept: Kept) -> NotDeleted {
        let digest = oci::Digest::sha256(tag.as_bytes());
        NotDeleted { target: format!("r.io/a:{tag}"), digest, kept }
    }

    #[test]
    fn what_fails_for_one_reason_is_told_once() {
        let failed = |tag: &str| {
            let words = format!(
                "target r.io/a: deleting `{tag}` failed: DELETE https://r.io/v2/a/manifests/{tag}: 500 Oops"
            );
            kept(tag, Kept::Failed(words))
        };
        let mut all: Vec<_> = (0..100).map(|number| failed(&format!("v{number}"))).collect();
        all.push(kept("immutable", Kept::Failed("its tag is immutable".to_owned())));
        all.extend((0..119).map(|number| kept(&format!("w{number}"), Kept::Stopped)));
        all.push(kept("held", Kept::Held("something needs it".to_owned())));
        all.push(kept("off", Kept::Off));
        let texts: Vec<_> = Problem::of_kept(&all).into_iter().map(|problem| problem.text).collect();
        assert_eq!(texts.len(), 3, "{texts:?}");
        assert_eq!(texts[0], "the run was stopped before 119 more could be deleted");
        assert!(
            texts[1].starts_with("r.io/a:v0 was not deleted: ")
                && texts[1].ends_with("(and 99 more tags for the same reason)"),
            "{texts:?}"
        );
        assert_eq!(texts[2], "r.io/a:immutable was not deleted: its tag is immutable");
    }

    #[test]
    fn of_many_reasons_five_are_told() {
        let words = ["one", "two", "three", "four", "five", "six", "seven"];
        let all = words.map(|word| kept("v", Kept::Failed(word.to_owned())));
        let texts: Vec<_> = Problem::of_kept(&all).into_iter().map(|problem| problem.text).collect();
        assert_eq!((texts.len(), &*texts[5]), (6, "2 more tags for other reasons"));
        let texts: Vec<_> = Problem::of_kept(&all[..6]).into_iter().map(|problem| problem.text).collect();
        assert_eq!((texts.len(), &*texts[5]), (6, "r.io/a:v was not deleted: six"));
    }
}
