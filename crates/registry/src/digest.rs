//! Content digests: `algorithm:hex`, and the check that bytes match one.
//!
//! Spec: image-spec, "Digests". Both registered algorithms are supported.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest as _, Sha256, Sha512};

/// Names content by its hash. 40 bytes on 64-bit machines, so that millions fit in memory.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest(Value);

#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Value {
    Sha256([u8; 32]),
    Sha512(Box<[u8; 64]>),
}

/// The hash algorithms that the image specification registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// What practically every registry uses.
    Sha256,
    /// The optional one.
    Sha512,
}

/// Why a text is not a digest that we can check.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DigestError {
    /// There is no `algorithm:` in front.
    #[error("`{text}` is not a digest: expected `sha256:` and 64 hexadecimal digits")]
    NoAlgorithm {
        /// What was read.
        text: String,
    },
    /// The algorithm is one that we cannot compute.
    #[error("digest algorithm `{algorithm}` is not supported: only sha256 and sha512 are")]
    UnknownAlgorithm {
        /// What was read.
        algorithm: String,
    },
    /// The part behind the colon has the wrong length or characters.
    #[error("`{text}` is not a valid {algorithm} digest: it needs {expected} lower-case hexadecimal digits")]
    InvalidHex {
        /// What was read.
        text: String,
        /// The algorithm it names.
        algorithm: Algorithm,
        /// How many digits that algorithm has.
        expected: usize,
    },
}

impl Algorithm {
    /// The registered name, as it stands before the colon.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        }
    }

    fn hex_digits(self) -> usize {
        match self {
            Self::Sha256 => 64,
            Self::Sha512 => 128,
        }
    }

    /// Hashes `bytes` at once.
    pub fn digest(self, bytes: &[u8]) -> Digest {
        let mut hasher = Hasher::new(self);
        hasher.update(bytes);
        hasher.finish()
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl Digest {
    /// The hash algorithm of this digest.
    pub fn algorithm(&self) -> Algorithm {
        match self.0 {
            Value::Sha256(_) => Algorithm::Sha256,
            Value::Sha512(_) => Algorithm::Sha512,
        }
    }

    /// The sha256 digest of `bytes`.
    pub fn sha256(bytes: &[u8]) -> Self {
        Algorithm::Sha256.digest(bytes)
    }

    /// The part behind the colon.
    pub fn hex(&self) -> String {
        hex::encode(self.bytes())
    }

    /// Algorithm and the first twelve digits: enough for a person to recognise it by.
    pub fn short(&self) -> String {
        format!("{}:{}", self.algorithm(), hex::encode(&self.bytes()[..6]))
    }

    fn bytes(&self) -> &[u8] {
        match &self.0 {
            Value::Sha256(bytes) => bytes,
            Value::Sha512(bytes) => &bytes[..],
        }
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.algorithm(), self.hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        let (algorithm, hex) =
            text.split_once(':').ok_or_else(|| DigestError::NoAlgorithm { text: text.to_owned() })?;
        let algorithm = match algorithm {
            "sha256" => Algorithm::Sha256,
            "sha512" => Algorithm::Sha512,
            other => return Err(DigestError::UnknownAlgorithm { algorithm: other.to_owned() }),
        };
        decode(algorithm, hex).ok_or_else(|| DigestError::InvalidHex {
            text: text.to_owned(),
            algorithm,
            expected: algorithm.hex_digits(),
        })
    }
}

fn decode(algorithm: Algorithm, text: &str) -> Option<Digest> {
    // Upper case would make two names for one content; the specification allows lower case only.
    if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return None;
    }
    let value = match algorithm {
        Algorithm::Sha256 => {
            let mut bytes = [0; 32];
            hex::decode_to_slice(text, &mut bytes).ok()?;
            Value::Sha256(bytes)
        }
        Algorithm::Sha512 => {
            let mut bytes = Box::new([0; 64]);
            hex::decode_to_slice(text, &mut bytes[..]).ok()?;
            Value::Sha512(bytes)
        }
    };
    Some(Digest(value))
}

impl serde::Serialize for Digest {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Digest {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

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

    /// The digest of all pieces.
    pub fn finish(self) -> Digest {
        Digest(match self.0 {
            HasherState::Sha256(hasher) => Value::Sha256(hasher.finalize().into()),
            HasherState::Sha512(hasher) => Value::Sha512(Box::new(hasher.finalize().into())),
        })
    }
}

/// Checks that a stream has the digest and, where it is known, the size that a descriptor promised.
#[derive(Clone)]
pub struct Verifier {
    hasher: Hasher,
    expected: Digest,
    expected_size: Option<u64>,
    size: u64,
}

/// What a stream turned out to be instead of what was promised.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Mismatch {
    /// The bytes hash to something else.
    #[error("the content of {expected} hashes to {actual}")]
    Digest {
        /// The digest that was asked for.
        expected: Digest,
        /// The digest of what came.
        actual: Digest,
    },
    /// There are more or fewer bytes than the descriptor says.
    #[error("{digest} should have {expected} bytes, but {actual} came")]
    Size {
        /// The digest that was asked for.
        digest: Digest,
        /// The size in the descriptor, in bytes.
        expected: u64,
        /// The bytes received (at the least, where reading stopped).
        actual: u64,
    },
}

impl Verifier {
    /// Expects `digest` and, if given, exactly `size` bytes.
    pub fn new(digest: Digest, size: Option<u64>) -> Self {
        Self { hasher: Hasher::new(digest.algorithm()), expected: digest, expected_size: size, size: 0 }
    }

    /// How many bytes went by.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Whether all bytes that were promised went by. Never so where the size is not known.
    pub fn has_all(&self) -> bool {
        self.expected_size == Some(self.size)
    }

    /// Whether bytes that were promised are missing. Never so where the size is not known.
    pub fn lacks_bytes(&self) -> bool {
        self.expected_size.is_some_and(|expected| self.size < expected)
    }

    /// Takes the next piece; refuses at once what exceeds the promised size.
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

    /// Says whether all that went by is what was expected.
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn digest_of_nothing_is_the_published_one() {
        let text = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(Digest::sha256(b"").to_string(), text);
        assert_eq!(text.parse::<Digest>().unwrap(), Digest::sha256(b""));
        assert!(Algorithm::Sha512.digest(b"").to_string().starts_with("sha512:cf83e1357eefb8bd"));
    }

    #[test]
    fn bad_texts_are_refused_with_their_reason() {
        let parse = |text: &str| text.parse::<Digest>().unwrap_err();
        assert!(matches!(parse("abc"), DigestError::NoAlgorithm { .. }));
        assert!(matches!(parse("blake3:00"), DigestError::UnknownAlgorithm { .. }));
        assert!(matches!(parse("sha256:abcd"), DigestError::InvalidHex { expected: 64, .. }));
        let upper = Digest::sha256(b"x").to_string().to_uppercase().replace("SHA256", "sha256");
        assert!(matches!(parse(&upper), DigestError::InvalidHex { .. }));
    }

    fn algorithm() -> impl Strategy<Value = Algorithm> {
        prop_oneof![Just(Algorithm::Sha256), Just(Algorithm::Sha512)]
    }

    proptest! {
        #[test]
        fn print_and_parse_agree(bytes: Vec<u8>, algorithm in algorithm()) {
            let digest = algorithm.digest(&bytes);
            prop_assert_eq!(digest.to_string().parse::<Digest>().unwrap(), digest);
        }

        #[test]
        fn parsing_never_panics(text in "\\PC{0,80}") {
            let _ = text.parse::<Digest>();
        }

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
    }
}
