//! URLs that are safe to show: storage links carry signatures, and users type passwords into URLs.

use std::fmt;

use url::Url;

use oci::foreign_text::Cleaned;

/// A URL for display: no user, no password, and a query only if it is harmless.
#[derive(Clone, PartialEq, Eq)]
pub struct RedactedUrl(String);

/// Parameters of the protocol itself. All others may be signatures or upload state.
const HARMLESS: [&str; 7] = ["n", "last", "digest", "mount", "from", "scope", "service"];

impl RedactedUrl {
    /// Stands for a text that is not a URL.
    pub(crate) fn unreadable() -> Self {
        Self("an unreadable address".to_owned())
    }

    /// Host and port, in the form of a registry's name.
    pub fn host(&self) -> Option<String> {
        let url = Url::parse(&self.0).ok()?;
        let host = url.host_str()?;
        Some(url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")))
    }

    /// The path, without what follows it.
    pub fn path(&self) -> Option<String> {
        Url::parse(&self.0).ok().map(|url| url.path().to_owned())
    }
}

impl From<&Url> for RedactedUrl {
    fn from(url: &Url) -> Self {
        let harmless = url.query_pairs().all(|(name, _)| HARMLESS.contains(&name.as_ref()));
        let mut shown = url.clone();
        // Both fail only for URLs that cannot have a user, such as `mailto:`.
        let _ = shown.set_username("");
        let _ = shown.set_password(None);
        shown.set_fragment(None);
        if !harmless {
            shown.set_query(None);
        }
        let hidden = if !harmless && url.query().is_some() { "?…" } else { "" };
        Self(format!("{shown}{hidden}"))
    }
}

impl fmt::Display for RedactedUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        Cleaned(&self.0).fmt(formatter)
    }
}

impl fmt::Debug for RedactedUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        RedactedUrl::from(&Url::parse(text).unwrap()).to_string()
    }

    #[test]
    fn c30_signatures_and_passwords_are_hidden() {
        assert_eq!(shown("https://user:secret@r.io/v2/?n=5"), "https://r.io/v2/?n=5");
        assert_eq!(shown("https://s3.io/blob?X-Amz-Signature=abc&n=1"), "https://s3.io/blob?…");
        assert_eq!(
            shown("https://r.io/v2/a/blobs/uploads/1?_state=abc"),
            "https://r.io/v2/a/blobs/uploads/1?…"
        );
        assert_eq!(shown("https://r.io/v2/"), "https://r.io/v2/");
    }

    #[test]
    fn a_path_has_no_query() {
        let path = |text: &str| RedactedUrl::from(&Url::parse(text).unwrap()).path();
        assert_eq!(path("https://r.io:5000/v2/a/tags/list?n=5").as_deref(), Some("/v2/a/tags/list"));
        assert_eq!(path("https://s3.io/blob?X-Amz-Signature=abc").as_deref(), Some("/blob"));
        assert_eq!(RedactedUrl::unreadable().path(), None);
    }
}
