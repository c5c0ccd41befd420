//! The part of all images that a process copies, if several processes share only a config.
//!
//! Every process computes the same parts from the same images: shards do not communicate.

mod chains;
pub(crate) mod share;
mod split;

use std::fmt;
use std::str::FromStr;

pub use chains::Chains;
pub use split::{Split, Splittable};

/// One of several parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    index: usize,
    count: usize,
}

/// More than any reasonable number of processes.
const MOST: usize = 10_000;

impl Shard {
    /// The shard with this number, counted from 0. `None` if the numbers are invalid.
    pub fn new(index: usize, count: usize) -> Option<Self> {
        (index < count && count <= MOST).then_some(Self { index, count })
    }

    /// Its number, counted from 0.
    pub fn index(self) -> usize {
        self.index
    }

    /// The number of shards.
    pub fn count(self) -> usize {
        self.count
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.index + 1, self.count)
    }
}

/// A text that is no shard.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("write which shard of how many, counted from 1, such as 2/5")]
pub struct ShardError;

impl FromStr for Shard {
    type Err = ShardError;

    fn from_str(text: &str) -> Result<Self, ShardError> {
        let (number, count) = text.split_once('/').ok_or(ShardError)?;
        let number_of = |text: &str| {
            let is_plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            is_plain.then(|| text.parse::<usize>().ok()).flatten().ok_or(ShardError)
        };
        let (number, count) = (number_of(number)?, number_of(count)?);
        number.checked_sub(1).and_then(|index| Self::new(index, count)).ok_or(ShardError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_are_counted_from_1() {
        let shard: Shard = "2/5".parse().unwrap();
        assert_eq!((shard.index(), shard.count(), shard.to_string()), (1, 5, "2/5".to_owned()));
        for wrong in ["", "2", "0/5", "6/5", "1/0", "-1/5", "+1/5", "1/5/5", "a/b", " 1/2", "1/10001"] {
            assert_eq!(wrong.parse::<Shard>(), Err(ShardError), "{wrong}");
        }
    }
}
