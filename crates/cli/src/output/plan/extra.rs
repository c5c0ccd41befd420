//! Tags that only targets have, under names that the rules cover.

use std::io::Error;
use std::iter::Peekable;

use oci::Digest;
use serde::{Deserialize, Serialize};

use crate::output::sorted::Pair;

/// A tag without a step in the plan.
#[derive(Serialize, Deserialize)]
pub(super) struct Extra {
    pub(super) target: String,
    pub(super) digest: Option<Digest>,
    /// The first rule that covers it.
    pub(super) rule: usize,
}

/// Those of `extras` without a step, each once. Both are sorted by target.
pub(super) fn without_steps<E, S>(extras: E, steps: S) -> WithoutSteps<E, S>
where
    E: Iterator<Item = Result<Pair, Error>>,
    S: Iterator<Item = Result<Pair, Error>>,
{
    WithoutSteps { extras, steps: steps.peekable(), last: None }
}

pub(super) struct WithoutSteps<E, S: Iterator> {
    extras: E,
    steps: Peekable<S>,
    last: Option<String>,
}

impl<E, S> WithoutSteps<E, S>
where
    E: Iterator<Item = Result<Pair, Error>>,
    S: Iterator<Item = Result<Pair, Error>>,
{
    fn step(&mut self) -> Result<Option<Extra>, Error> {
        while let Some((target, extra)) = self.extras.next().transpose()? {
            if self.last.as_ref() == Some(&target) {
                continue;
            }
            let is_behind = |step: &Result<Pair, Error>| step.as_ref().is_ok_and(|step| step.0 < target);
            while self.steps.next_if(is_behind).is_some() {}
            if let Some(Err(error)) = self.steps.next_if(Result::is_err) {
                return Err(error);
            }
            let is_step = matches!(self.steps.peek(), Some(Ok(step)) if step.0 == target);
            self.last = Some(target);
            if !is_step {
                return Ok(Some(serde_json::from_str(&extra)?));
            }
        }
        Ok(None)
    }
}

impl<E, S> Iterator for WithoutSteps<E, S>
where
    E: Iterator<Item = Result<Pair, Error>>,
    S: Iterator<Item = Result<Pair, Error>>,
{
    type Item = Result<Extra, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        self.step().transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_step_is_about_is_not_extra_and_the_rest_comes_once() {
        let extra = |target: &str, rule| {
            let extra = Extra { target: target.to_owned(), digest: None, rule };
            Ok((target.to_owned(), serde_json::to_string(&extra).unwrap()))
        };
        let step = |target: &str| Ok((target.to_owned(), String::new()));
        let extras = [extra("r/a:1", 0), extra("r/a:2", 0), extra("r/a:2", 1), extra("r/a:4", 1)];
        let steps = [step("r/a:0"), step("r/a:1"), step("r/a:3"), step("r/a:5")];
        let left: Vec<_> = without_steps(extras.into_iter(), steps.into_iter()).map(Result::unwrap).collect();
        let left: Vec<_> = left.iter().map(|extra| (&*extra.target, extra.rule)).collect();
        assert_eq!(left, [("r/a:2", 0), ("r/a:4", 1)]);
        let broken = [Err(Error::other("gone"))];
        assert!(without_steps([extra("r/a:1", 0)].into_iter(), broken.into_iter()).next().unwrap().is_err());
    }
}
