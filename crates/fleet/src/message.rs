//! What coordinator and workers write to each other: names, digests and numbers, never a login.
//!
//! Whoever may write to NATS may write nonsense: messages are read here, and what is not as it should be is none.

pub(crate) mod ended;
mod host;
pub(crate) mod job;
pub(crate) mod pause;
pub(crate) mod run;
pub(crate) mod spent;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// NATS takes 1 MiB, with headers.
pub(crate) const LARGEST: usize = 900 << 10;

/// More images in one job than anybody makes; so many results fit into one message.
pub(crate) const MOST_IMAGES: usize = 500;

/// A message that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Malformed(String);

impl Malformed {
    pub(crate) fn new(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }
}

/// What has rules beyond its types.
pub(crate) trait Checked: Sized {
    fn checked(self) -> Result<Self, Malformed>;
}

pub(crate) fn read<T: DeserializeOwned + Checked>(bytes: &[u8]) -> Result<T, Malformed> {
    if bytes.len() > LARGEST {
        return Err(Malformed::new(format!("it has {} bytes", bytes.len())));
    }
    let read: T = serde_json::from_slice(bytes)
        .map_err(|error| Malformed::new(oci::foreign_text::clean(&error.to_string()).into_owned()))?;
    read.checked()
}

pub(crate) fn write(message: &impl Serialize) -> bytes::Bytes {
    serde_json::to_vec(message).expect("texts, numbers and lists are always JSON").into()
}

/// A name that somebody gave themselves: a token of a subject, and nothing odd for people.
pub(crate) fn is_name(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    (1..=64).contains(&text.len()) && text.bytes().all(is_plain)
}
