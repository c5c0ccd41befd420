//! Detects web pages in place of a blob's bytes, as proxies, firewalls and captive portals send them.

use bytes::Bytes;
use oci::Mismatch;
use url::Url;

use crate::http::web_page::{MOST_OF_PAGE, is_web_page};
use crate::{Error, Problem};

/// The beginning of an answer, if it looks like a page. A blob may be a page, too, so only the digest decides.
#[derive(Default)]
pub(super) enum Beginning {
    /// No bytes have come.
    #[default]
    Open,
    Page(Bytes),
    Other,
}

impl Beginning {
    /// Notes the next bytes of the answer.
    pub(super) fn note(&mut self, bytes: &Bytes) {
        if !matches!(self, Self::Open) || bytes.is_empty() {
            return;
        }
        *self = if is_web_page(bytes) {
            // A copy, because a part of the connection's buffer would keep all of it from being freed.
            Self::Page(Bytes::copy_from_slice(&bytes[..bytes.len().min(MOST_OF_PAGE)]))
        } else {
            Self::Other
        };
    }

    /// The error for wrong bytes from `url`: if a web page came, the registry's storage is not damaged.
    pub(super) fn told_as(&self, wrong: Mismatch, url: &Url) -> Error {
        let problem = match self {
            Self::Page(page) => Problem::of_page(page),
            Self::Open | Self::Other => None,
        };
        match problem {
            Some(problem) => Error::PageForBlob { url: url.into(), problem, wrong: Box::new(wrong) },
            None => wrong.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use oci::Digest;

    use super::*;

    #[test]
    fn what_begins_as_a_page_is_told_as_one_where_it_is_not_the_blob() {
        let told = |pieces: &[&'static [u8]]| {
            let mut beginning = Beginning::default();
            for piece in pieces {
                beginning.note(&Bytes::from_static(piece));
            }
            let digest = Digest::sha256(b"x");
            let wrong = Mismatch::Size { digest, expected: 1, actual: 2 };
            beginning.told_as(wrong, &"https://r.io/".parse().unwrap())
        };
        let page: &[&[u8]] = &[b"", b"<html><title>Sign in</title>", b"more"];
        assert!(
            matches!(told(page), Error::PageForBlob { problem: Problem::WebPage(Some(title)), .. } if title == "Sign in")
        );
        let others: [&[&[u8]]; 3] = [&[], &[b"\x1f\x8b"], &[b"\x1f\x8b", b"<html>"]];
        for other in others {
            assert!(matches!(told(other), Error::Mismatch(_)), "{other:?}");
        }
    }
}
