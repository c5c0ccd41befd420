//! Hash states of a blob at growing offsets: so that hashing can resume from one of them, not from the beginning.

use crate::HashState;

/// Saved states of a running hash, by rising offset, up to a maximum number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HashTrail {
    states: Vec<HashState>,
    most: usize,
    when_full: WhenFull,
}

/// How to make room when there is one state too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum WhenFull {
    DropOldest,
    /// Every second state is dropped, and new ones are `stride` bytes apart.
    ThinOut {
        stride: u64,
    },
}

impl HashTrail {
    /// Keeps the last `most` states: to resume near the end of the hashed bytes.
    pub fn of_the_end(most: usize) -> Self {
        Self { states: Vec::new(), most, when_full: WhenFull::DropOldest }
    }

    /// Keeps up to `most` states, spread evenly over the hashed bytes: to resume anywhere. The first ones
    /// are `stride` bytes apart.
    pub fn of_the_whole(most: usize, stride: u64) -> Self {
        Self { states: Vec::new(), most, when_full: WhenFull::ThinOut { stride } }
    }

    /// Whether a state at `offset` is far enough behind the last one to be kept.
    pub fn is_due(&self, offset: u64) -> bool {
        let last = self.states.last().map_or(0, HashState::size);
        match self.when_full {
            WhenFull::DropOldest => true,
            WhenFull::ThinOut { stride } => offset >= last.saturating_add(stride),
        }
    }

    /// Keeps `state`. If its offset is not beyond the last one's, hashing has started again: states at higher offsets
    /// are dropped, because they may be of other bytes.
    pub fn note(&mut self, state: HashState) {
        let before = self.states.partition_point(|kept| kept.size() < state.size());
        self.states.truncate(before);
        self.states.push(state);
        if self.states.len() > self.most {
            self.make_room();
        }
    }

    /// The last state at or before `offset`.
    pub fn latest_within(&self, offset: u64) -> Option<&HashState> {
        let within = self.states.partition_point(|kept| kept.size() <= offset);
        self.states[..within].last()
    }

    /// All saved states, by rising offset.
    pub fn states(&self) -> &[HashState] {
        &self.states
    }

    fn make_room(&mut self) {
        match &mut self.when_full {
            WhenFull::DropOldest => drop(self.states.remove(0)),
            WhenFull::ThinOut { stride } => {
                let mut goes = false;
                self.states.retain(|_| {
                    goes = !goes;
                    !goes
                });
                *stride = stride.saturating_mul(2);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Digest, Verifier};

    /// Notes a state after each of these pieces, if one is due.
    fn walked(mut trail: HashTrail, content: &[u8], pieces: &[usize]) -> (HashTrail, Vec<u64>) {
        let mut verifier = Verifier::new(Digest::sha256(content), Some(content.len() as u64));
        let (mut left, mut noted) = (content, Vec::new());
        for piece in pieces {
            let (taken, rest) = left.split_at((*piece).min(left.len()));
            left = rest;
            verifier.update(taken).unwrap();
            if !taken.is_empty() && trail.is_due(verifier.size()) {
                trail.note(verifier.state());
                noted.push(verifier.size());
            }
        }
        (trail, noted)
    }

    fn offsets(trail: &HashTrail) -> Vec<u64> {
        trail.states().iter().map(HashState::size).collect()
    }

    fn trail() -> impl Strategy<Value = HashTrail> {
        prop_oneof![
            (1usize..10).prop_map(HashTrail::of_the_end),
            (1usize..10, 1u64..40).prop_map(|(most, stride)| HashTrail::of_the_whole(most, stride)),
        ]
    }

    fn content() -> impl Strategy<Value = Vec<u8>> {
        proptest::collection::vec(any::<u8>(), 1..600)
    }

    fn pieces() -> impl Strategy<Value = Vec<usize>> {
        proptest::collection::vec(1usize..30, 0..60)
    }

    proptest! {
        #[test]
        fn states_rise_and_stay_few_however_often_the_hashing_begins_again(
            (mut trail, content) in (trail(), content()),
            walks in proptest::collection::vec(pieces(), 1..4),
        ) {
            let most = trail.most;
            for pieces in walks {
                trail = walked(trail, &content, &pieces).0;
                let offsets = offsets(&trail);
                prop_assert!(offsets.len() <= most);
                prop_assert!(offsets.is_sorted_by(|one, next| one < next), "{:?}", offsets);
            }
        }

        #[test]
        fn the_latest_within_an_offset_is_the_greatest_kept_one_that_does_not_exceed_it(
            (trail, content, pieces, offset) in (trail(), content(), pieces(), 0u64..700),
        ) {
            let (trail, noted) = walked(trail, &content, &pieces);
            let found = trail.latest_within(offset).map(HashState::size);
            prop_assert_eq!(found, offsets(&trail).into_iter().filter(|kept| *kept <= offset).max());
            prop_assert!(found.is_none_or(|found| noted.contains(&found)));
        }

        #[test]
        fn hashing_goes_on_from_any_offset_to_the_same_digest(
            (trail, content, pieces, offset) in (trail(), content(), pieces(), 0u64..700),
        ) {
            let (trail, _) = walked(trail, &content, &pieces);
            if let Some(state) = trail.latest_within(offset) {
                let size = Some(content.len() as u64);
                let mut verifier = Verifier::restored(Digest::sha256(&content), size, state).unwrap();
                verifier.update(&content[usize::try_from(state.size()).unwrap()..]).unwrap();
                prop_assert!(verifier.finish().is_ok());
            }
        }

        #[test]
        fn of_the_end_the_last_ones_are_kept(
            (most, content, pieces) in (1usize..10, content(), pieces()),
        ) {
            let (trail, noted) = walked(HashTrail::of_the_end(most), &content, &pieces);
            prop_assert_eq!(offsets(&trail), &noted[noted.len().saturating_sub(most)..]);
        }

        #[test]
        fn of_the_whole_no_offset_is_far_from_a_kept_state(
            (most, stride, content, pieces) in (1usize..10, 30u64..60, content(), pieces()),
        ) {
            let (trail, _) = walked(HashTrail::of_the_whole(most, stride), &content, &pieces);
            let hashed = pieces.iter().sum::<usize>().min(content.len()) as u64;
            // No piece is longer than the first stride, so no two neighbouring states are twice the current stride apart. The stride
            // was doubled only when there were too many states of half of it.
            let far = 2 * stride.max(2 * hashed / (most as u64 + 1));
            for offset in 0..=hashed {
                let found = trail.latest_within(offset).map_or(0, HashState::size);
                prop_assert!(offset - found < far, "{} is far from {}", offset, found);
            }
        }

        #[test]
        fn what_lies_beyond_a_hashing_that_began_again_is_forgotten(
            (trail, content, first) in (trail(), content(), pieces()),
            again in any::<proptest::sample::Index>(),
        ) {
            let (mut trail, noted) = walked(trail, &content, &first);
            prop_assume!(!noted.is_empty());
            let kept = offsets(&trail);
            let again = &content[..again.index(content.len())];
            let mut verifier = Verifier::new(Digest::sha256(&content), None);
            verifier.update(again).unwrap();
            trail.note(verifier.state());
            let stands = again.len() as u64;
            prop_assert!(offsets(&trail).iter().all(|left| *left <= stands));
            prop_assert!(offsets(&trail).iter().all(|left| *left == stands || kept.contains(left)));
        }
    }
}
