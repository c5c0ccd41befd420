//! Chooses a random sample of the images to verify. It contains at least one image, if there is any: a run that
//! checks nothing shows nothing.

use super::verification::Share;

/// Takes a random sample of what is offered, one item after the other.
pub(crate) struct Sampler<T> {
    share: Share,
    taken: Taken<T>,
}

enum Taken<T> {
    /// None so far: keeps one of the offered items as a substitute, each with the same probability.
    None {
        offered: usize,
        stands_by: Option<T>,
    },
    Some,
}

/// The result of an offer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Chosen<T> {
    pub(crate) taken: Option<T>,
    pub(crate) left: Option<T>,
}

impl<T> Sampler<T> {
    pub(crate) fn new(share: Share) -> Self {
        Self { share, taken: Taken::None { offered: 0, stands_by: None } }
    }

    /// Decides about one more item. The item that was left may be a former substitute.
    pub(crate) fn offer(&mut self, one: T) -> Chosen<T> {
        if self.share.happens() {
            let left = self.stands_by();
            self.taken = Taken::Some;
            return Chosen { taken: Some(one), left };
        }
        let left = match &mut self.taken {
            Taken::Some => Some(one),
            Taken::None { offered, stands_by } => {
                *offered += 1;
                if fastrand::usize(0..*offered) == 0 { stands_by.replace(one) } else { Some(one) }
            }
        };
        Chosen { taken: None, left }
    }

    /// The substitute, if no item was taken; called after the last offer.
    pub(crate) fn stands_by(&mut self) -> Option<T> {
        match &mut self.taken {
            Taken::None { stands_by, .. } => stands_by.take(),
            Taken::Some => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(share: &str, of: usize) -> (Vec<usize>, Vec<usize>) {
        let (mut sampler, mut taken, mut left) = (Sampler::new(share.parse().unwrap()), vec![], vec![]);
        for one in 0..of {
            let chosen = sampler.offer(one);
            taken.extend(chosen.taken);
            left.extend(chosen.left);
        }
        taken.extend(sampler.stands_by());
        (taken, left)
    }

    #[test]
    fn each_is_taken_or_left_and_one_at_least_is_taken() {
        for (share, of) in [("0.0001%", 1), ("0.0001%", 50), ("100%", 7), ("30%", 100), ("5%", 0)] {
            let (taken, left) = sample(share, of);
            assert!(of == 0 || !taken.is_empty(), "{share} {of}");
            let mut all = [taken, left].concat();
            all.sort_unstable();
            assert_eq!(all, (0..of).collect::<Vec<_>>(), "{share}");
        }
        assert_eq!(sample("100%", 7).0.len(), 7);
    }

    #[test]
    fn who_stands_by_may_be_any_of_them() {
        fastrand::seed(7);
        let firsts: std::collections::BTreeSet<_> = (0..200).flat_map(|_| sample("0.0001%", 5).0).collect();
        assert_eq!(firsts.len(), 5);
    }
}
