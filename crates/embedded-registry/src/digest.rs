//! Digests as specified: `sha256:…` or `sha512:…`.

use sha2::{Digest as _, Sha256, Sha512};

/// The sha256 digest of `bytes`.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes)))
}

/// The digest of `bytes`, with sha512 if `like` is such a digest.
pub(crate) fn like(like: &str, bytes: &[u8]) -> String {
    if like.starts_with("sha512:") {
        format!("sha512:{}", hex::encode(Sha512::digest(bytes)))
    } else {
        sha256(bytes)
    }
}

/// Whether `text` is a digest with a hash that this registry can compute.
pub(crate) fn is_valid(text: &str) -> bool {
    let digits = match text.split_once(':') {
        Some(("sha256", digits)) if digits.len() == 64 => digits,
        Some(("sha512", digits)) if digits.len() == 128 => digits,
        _ => return false,
    };
    digits.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'))
}

/// Hashes while bytes arrive. sha512 is rare, so it is computed at the end, from all bytes.
#[derive(Default)]
pub(crate) struct Running(Sha256);

impl Running {
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Whether all `bytes` together, which were passed to this hash, have this digest.
    pub(crate) fn matches(&self, digest: &str, bytes: &[u8]) -> bool {
        if digest.starts_with("sha512:") {
            return like(digest, bytes) == digest;
        }
        self.digest() == digest
    }

    /// The sha256 digest of the bytes so far.
    pub(crate) fn digest(&self) -> String {
        format!("sha256:{}", hex::encode(self.0.clone().finalize()))
    }
}
