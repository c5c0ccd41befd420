//! Hashes streams piece by piece, and can resume from a saved state.

use sha2::digest::common::hazmat::{SerializableState, SerializedState};
use sha2::{Digest as _, Sha256, Sha512};

use crate::digest::Value;
use crate::foreign_text::Cleaned;
use crate::{Algorithm, Digest};

/// Hashes a stream piece by piece.
#[derive(Clone)]
pub struct Hasher(HasherState);

#[derive(Clone)]
enum HasherState {
    Sha256(Sha256),
    Sha512(Sha512),
}

impl Hasher {
    /// Starts with nothing hashed.
    pub fn new(algorithm: Algorithm) -> Self {
        Self(match algorithm {
            Algorithm::Sha256 => HasherState::Sha256(Sha256::new()),
            Algorithm::Sha512 => HasherState::Sha512(Sha512::new()),
        })
    }

    /// Takes the next piece.
    pub fn update(&mut self, bytes: &[u8]) {
        match &mut self.0 {
            HasherState::Sha256(hasher) => hasher.update(bytes),
            HasherState::Sha512(hasher) => hasher.update(bytes),
        }
    }

    fn algorithm(&self) -> Algorithm {
        match &self.0 {
            HasherState::Sha256(_) => Algorithm::Sha256,
            HasherState::Sha512(_) => Algorithm::Sha512,
        }
    }

    /// The digest of all pieces.
    pub fn finish(self) -> Digest {
        Digest(match self.0 {
            HasherState::Sha256(hasher) => Value::Sha256(hasher.finalize().into()),
            HasherState::Sha512(hasher) => Value::Sha512(Box::new(hasher.finalize().into())),
        })
    }
}

/// Checks that a stream has the digest and, if known, the size of a descriptor.
#[derive(Clone)]
pub struct Verifier {
    hasher: Hasher,
    expected: Digest,
    expected_size: Option<u64>,
    size: u64,
}

/// How a stream differs from its descriptor.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Mismatch {
    /// The bytes hash to something else.
    #[error("the content of {expected} hashes to {actual}")]
    Digest {
        /// The digest that was requested.
        expected: Digest,
        /// The digest of the received bytes.
        actual: Digest,
    },
    /// There are more or fewer bytes than the descriptor says.
    #[error("the descriptor of {digest} says {expected} bytes, but {actual} came")]
    Size {
        /// The digest that was requested.
        digest: Digest,
        /// The size in the descriptor, in bytes.
        expected: u64,
        /// The bytes received (at the least, where reading stopped).
        actual: u64,
    },
    /// The same for the second time: another retry would not help.
    #[error("the descriptor of {digest} says {expected} bytes, but {actual} came, also the second time")]
    SizeAgain {
        /// The digest that was requested.
        digest: Digest,
        /// The size in the descriptor, in bytes.
        expected: u64,
        /// The bytes received (at the least, where reading stopped), or the size that the answer's head states.
        actual: u64,
    },
    /// The bytes are compressed, though the request asked for no compression.
    #[error(
        "the content of {digest} came with `Content-Encoding: {}`, though it was asked for without any, and its bytes are others than the digest says",
        Cleaned(encoding)
    )]
    Encoded {
        /// The digest that was requested.
        digest: Digest,
        /// The header's value.
        encoding: String,
    },
}

impl Verifier {
    /// Expects `digest` and, if given, exactly `size` bytes.
    pub fn new(digest: Digest, size: Option<u64>) -> Self {
        Self { hasher: Hasher::new(digest.algorithm()), expected: digest, expected_size: size, size: 0 }
    }

    /// The current state, for [`restored`](Self::restored).
    pub fn state(&self) -> HashState {
        HashState::new(&self.hasher, self.size)
    }

    /// Resumes from `state`. `None` if it is of another algorithm, or beyond the expected size.
    pub fn restored(digest: Digest, size: Option<u64>, state: &HashState) -> Option<Self> {
        let hasher = state.hasher()?;
        let fits = hasher.algorithm() == digest.algorithm() && size.is_none_or(|size| state.size() <= size);
        fits.then(|| Self { hasher, expected: digest, expected_size: size, size: state.size() })
    }

    /// How many bytes were hashed.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The size in the descriptor; `None` if it has none.
    pub fn expected_size(&self) -> Option<u64> {
        self.expected_size
    }

    /// Whether all expected bytes were hashed. Never true if the size is unknown.
    pub fn has_all(&self) -> bool {
        self.expected_size == Some(self.size)
    }

    /// Whether expected bytes are missing. Never true if the size is unknown.
    pub fn lacks_bytes(&self) -> bool {
        self.expected_size.is_some_and(|expected| self.size < expected)
    }

    /// Takes the next piece; fails at once if it exceeds the expected size.
    pub fn update(&mut self, bytes: &[u8]) -> Result<(), Mismatch> {
        self.size += bytes.len() as u64;
        match self.expected_size {
            Some(expected) if self.size > expected => Err(self.size_mismatch(expected)),
            _ => {
                self.hasher.update(bytes);
                Ok(())
            }
        }
    }

    /// Checks size and digest of the whole stream.
    pub fn finish(self) -> Result<(), Mismatch> {
        if let Some(expected) = self.expected_size.filter(|expected| *expected != self.size) {
            return Err(self.size_mismatch(expected));
        }
        let actual = self.hasher.finish();
        if actual == self.expected {
            Ok(())
        } else {
            Err(Mismatch::Digest { expected: self.expected, actual })
        }
    }

    fn size_mismatch(&self, expected: u64) -> Mismatch {
        Mismatch::Size { digest: self.expected.clone(), expected, actual: self.size }
    }
}

/// The state of a blob's hash, as bytes that can be stored and read back: by another process, too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HashState(Box<[u8]>);

impl HashState {
    /// Bytes before the hash's own: its algorithm and how much was hashed.
    const HEAD: usize = 9;

    /// Reads the bytes of [`as_bytes`](Self::as_bytes). `None` if they are no valid state.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let state = Self(bytes.into());
        state.hasher().map(|_| state)
    }

    /// The bytes to store.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// How many bytes were hashed.
    pub fn size(&self) -> u64 {
        self.0.get(1..Self::HEAD).and_then(|size| size.try_into().ok()).map_or(0, u64::from_le_bytes)
    }

    fn new(hasher: &Hasher, size: u64) -> Self {
        let (algorithm, state): (u8, &[u8]) = match &hasher.0 {
            HasherState::Sha256(hasher) => (1, &hasher.serialize()),
            HasherState::Sha512(hasher) => (2, &hasher.serialize()),
        };
        Self([&[algorithm], &size.to_le_bytes()[..], state].concat().into())
    }

    fn hasher(&self) -> Option<Hasher> {
        let (head, state) = self.0.split_at_checked(Self::HEAD)?;
        let state = match head.first()? {
            1 => HasherState::Sha256(restored(state)?),
            2 => HasherState::Sha512(restored(state)?),
            _ => return None,
        };
        Some(Hasher(state))
    }
}

fn restored<H: SerializableState>(state: &[u8]) -> Option<H> {
    H::deserialize(&SerializedState::<H>::try_from(state).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn algorithm() -> impl Strategy<Value = Algorithm> {
        prop_oneof![Just(Algorithm::Sha256), Just(Algorithm::Sha512)]
    }

    proptest! {
        #[test]
        fn verifier_accepts_the_content_in_any_pieces_and_nothing_else(
            bytes in proptest::collection::vec(any::<u8>(), 1..400),
            piece in 1usize..64,
            flip in any::<proptest::sample::Index>(),
            algorithm in algorithm(),
        ) {
            let digest = algorithm.digest(&bytes);
            let check = |content: &[u8]| {
                let mut verifier = Verifier::new(digest.clone(), Some(bytes.len() as u64));
                for part in content.chunks(piece) { verifier.update(part)?; }
                verifier.finish()
            };
            prop_assert!(check(&bytes).is_ok());
            let mut flipped = bytes.clone();
            flipped[flip.index(bytes.len())] ^= 1;
            prop_assert!(check(&flipped).is_err());
            prop_assert!(check(&bytes[1..]).is_err());
            let mut longer = bytes.clone();
            longer.push(0);
            prop_assert!(check(&longer).is_err());
        }

        #[test]
        fn a_kept_state_goes_on_as_if_nothing_had_happened(
            bytes in proptest::collection::vec(any::<u8>(), 1..400),
            cut in any::<proptest::sample::Index>(),
            algorithm in algorithm(),
        ) {
            let digest = algorithm.digest(&bytes);
            let size = Some(bytes.len() as u64);
            let (before, after) = bytes.split_at(cut.index(bytes.len()));
            let mut verifier = Verifier::new(digest.clone(), size);
            verifier.update(before).unwrap();
            let state = HashState::from_bytes(verifier.state().as_bytes()).unwrap();
            prop_assert_eq!(state.size(), before.len() as u64);
            let mut restored = Verifier::restored(digest.clone(), size, &state).unwrap();
            restored.update(after).unwrap();
            prop_assert!(restored.finish().is_ok());
            let other = if algorithm == Algorithm::Sha256 { Algorithm::Sha512 } else { Algorithm::Sha256 };
            prop_assert!(Verifier::restored(other.digest(&bytes), size, &state).is_none());
        }

        #[test]
        fn no_bytes_make_a_state_that_panics(bytes in proptest::collection::vec(any::<u8>(), 0..260)) {
            if let Some(state) = HashState::from_bytes(&bytes) {
                let verifier = Verifier::restored(Digest::sha256(b""), None, &state);
                let _ = verifier.map(|mut verifier| verifier.update(&[0; 200]));
            }
        }
    }
}
