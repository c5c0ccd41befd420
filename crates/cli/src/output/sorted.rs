//! Sorts more pairs of texts than fit in memory: sorted parts are spooled, and merged when they are read.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io::{BufReader, Read};
use std::ops::Range;
use std::path::Path;

use super::spool::{Piece, Spool, Spooled};

/// The size in bytes at which a part is sorted.
const PART: usize = 256 << 10;
/// The memory of a pair beside its texts.
const PAIR: usize = size_of::<Pair>() + 2 * 16;

pub(super) type Pair = (String, String);

/// Takes pairs in any order.
pub(super) struct Sorter {
    part: Vec<Pair>,
    bytes: usize,
    spool: Spool,
    parts: Vec<Range<u64>>,
}

impl Sorter {
    pub(super) fn new(folder: Option<&Path>) -> Self {
        Self { part: Vec::new(), bytes: 0, spool: Spool::new(folder), parts: Vec::new() }
    }

    pub(super) fn add(&mut self, pair: Pair) -> std::io::Result<()> {
        self.bytes += PAIR + pair.0.len() + pair.1.len();
        self.part.push(pair);
        if self.bytes > PART { self.end_part() } else { Ok(()) }
    }

    fn end_part(&mut self) -> std::io::Result<()> {
        self.part.sort_unstable();
        self.part.dedup();
        let mut bytes = Vec::with_capacity(self.bytes);
        for (first, second) in self.part.drain(..) {
            for text in [first, second] {
                bytes.extend((text.len() as u64).to_le_bytes());
                bytes.extend(text.into_bytes());
            }
        }
        let start = self.spool.add(&bytes)?;
        self.parts.push(start..start + bytes.len() as u64);
        self.bytes = 0;
        Ok(())
    }

    pub(super) fn finish(mut self) -> std::io::Result<Sorted> {
        self.end_part()?;
        Ok(Sorted { spooled: self.spool.finish()?, parts: self.parts })
    }
}

/// All distinct pairs.
pub(super) struct Sorted {
    spooled: Spooled,
    parts: Vec<Range<u64>>,
}

impl Sorted {
    /// The pairs in order; ends after the first error.
    pub(super) fn pairs(&self) -> Pairs<'_> {
        let parts = self.parts.iter().map(|range| self.spooled.piece(range.clone())).collect();
        Pairs { parts, first: BinaryHeap::new(), state: State::New, last: None }
    }
}

pub(super) struct Pairs<'a> {
    parts: Vec<BufReader<Piece<'a>>>,
    /// The first remaining pair of each part.
    first: BinaryHeap<Reverse<(Pair, usize)>>,
    state: State,
    last: Option<Pair>,
}

#[derive(PartialEq)]
enum State {
    /// Nothing has been read yet.
    New,
    Reading,
    Broken,
}

impl Pairs<'_> {
    fn refill(&mut self, part: usize) -> std::io::Result<()> {
        if let Some(first) = text(&mut self.parts[part])? {
            let second = text(&mut self.parts[part])?.ok_or(std::io::ErrorKind::UnexpectedEof)?;
            self.first.push(Reverse(((first, second), part)));
        }
        Ok(())
    }

    fn step(&mut self) -> std::io::Result<Option<Pair>> {
        if self.state == State::New {
            self.state = State::Reading;
            for part in 0..self.parts.len() {
                self.refill(part)?;
            }
        }
        while let Some(Reverse((pair, part))) = self.first.pop() {
            self.refill(part)?;
            if self.last.as_ref() != Some(&pair) {
                self.last = Some(pair.clone());
                return Ok(Some(pair));
            }
        }
        Ok(None)
    }
}

impl Iterator for Pairs<'_> {
    type Item = std::io::Result<Pair>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.state == State::Broken {
            return None;
        }
        let step = self.step();
        if step.is_err() {
            self.state = State::Broken;
        }
        step.transpose()
    }
}

/// The next text; `None` at the end.
fn text(part: &mut impl Read) -> std::io::Result<Option<String>> {
    let mut length = [0; 8];
    if part.read(&mut length[..1])? == 0 {
        return Ok(None);
    }
    part.read_exact(&mut length[1..])?;
    let mut text = String::new();
    let length = u64::from_le_bytes(length);
    if part.take(length).read_to_string(&mut text)? as u64 != length {
        return Err(std::io::ErrorKind::UnexpectedEof.into());
    }
    Ok(Some(text))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn sorted(pairs: impl IntoIterator<Item = Pair>) -> Vec<Pair> {
        let mut sorter = Sorter::new(None);
        pairs.into_iter().for_each(|pair| sorter.add(pair).unwrap());
        sorter.finish().unwrap().pairs().map(Result::unwrap).collect()
    }

    proptest! {
        #[test]
        fn pairs_are_those_of_a_set(pairs in prop::collection::vec(("[\\PC\0]{0,3}", "[ab]{0,1}"), 0..40)) {
            let set: BTreeSet<_> = pairs.iter().cloned().collect();
            prop_assert_eq!(sorted(pairs), set.into_iter().collect::<Vec<_>>());
        }
    }

    #[test]
    fn parts_are_merged() {
        let pair = |number: u64| (format!("r.io/app:v{}", number % 60_000), format!("{}", number % 7));
        // Each number once, in an order that mixes all parts, and some twice.
        let numbers = (0..50_000).map(|number| number * 7919 % 50_000).chain(0..10_000);
        let set: BTreeSet<_> = (0..50_000).map(pair).collect();
        assert_eq!(sorted(numbers.map(pair)), set.into_iter().collect::<Vec<_>>());
    }
}
