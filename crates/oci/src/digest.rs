//! Content digests: `algorithm:hex`, and the check that bytes match one.
//!
//! Spec: image-spec, "Digests". Both registered algorithms are supported.

use std::fmt;
use std::str::FromStr;

use crate::Hasher;
use crate::foreign_text::Cleaned;

/// Identifies content by its hash. 40 bytes on 64-bit machines, so that millions fit in memory.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest(pub(crate) Value);

#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Value {
    Sha256([u8; 32]),
    Sha512(Box<[u8; 64]>),
}

/// The hash algorithms that the image specification registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// The algorithm that practically every registry uses.
    Sha256,
    /// The optional one.
    Sha512,
}

/// Why a text is not a digest that we can check.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DigestError {
    /// There is no `algorithm:` in front.
    #[error("`{}` is not a digest: expected `sha256:` and 64 hexadecimal digits", Cleaned(text))]
    NoAlgorithm {
        /// The text.
        text: String,
    },
    /// We do not support the algorithm.
    #[error("digest algorithm `{}` is not supported: only sha256 and sha512 are", Cleaned(algorithm))]
    UnknownAlgorithm {
        /// The algorithm's name.
        algorithm: String,
    },
    /// The part after the colon has the wrong length or characters.
    #[error(
        "`{}` is not a valid {algorithm} digest: it needs {expected} lower-case hexadecimal digits",
        Cleaned(text)
    )]
    InvalidHex {
        /// The text.
        text: String,
        /// The algorithm it names.
        algorithm: Algorithm,
        /// How many digits that algorithm has.
        expected: usize,
    },
}

impl Algorithm {
    /// The registered name: the part before the colon.
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

    /// The digest of `bytes`.
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

    /// The part after the colon.
    pub fn hex(&self) -> String {
        hex::encode(self.bytes())
    }

    /// Algorithm and the first twelve digits: enough for people to recognise it.
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
    }
}
