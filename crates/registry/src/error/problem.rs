//! How an answer breaks the protocol.

use std::fmt;

use oci::foreign_text::{Cleaned, clean_to};
use oci::{Digest, Tag};

use crate::http::redact::RedactedUrl;
use crate::http::web_page::{MOST_HEADLINE, headline, is_web_page};

/// How an answer breaks the protocol.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// A header that the step needs is not there or not readable.
    #[error("the answer has no usable `{0}` header")]
    Header(&'static str),
    /// The body is not the JSON that the step needs.
    #[error("the answer is not the expected JSON: {}", Cleaned(.0))]
    Json(String),
    /// A web page, as proxies, firewalls and web sites answer.
    #[error("the answer is a web page{}", Headline(.0.as_deref()))]
    WebPage(
        /// The page's headline.
        Option<String>,
    ),
    /// A field of the body is not what the step needs.
    #[error("`{name}` in the answer {why}")]
    Field {
        /// The field's key.
        name: &'static str,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The body is compressed, though the request asked for no compression.
    #[error("the answer's body has `Content-Encoding: {}`, though it was asked for without any", Cleaned(.0))]
    Encoding(String),
    /// A list has more entries than any real one.
    #[error("the list has more than {0} entries")]
    NoEnd(usize),
    /// The body is larger than our limit.
    #[error("the answer has more than {0} bytes")]
    TooLarge(u64),
    /// A status that means nothing here.
    #[error("the answer's status {0} makes no sense here")]
    Status(http::StatusCode),
    /// A redirect that leads to an unencrypted place, in circles or out of the protocol.
    #[error("a redirect to {to} is not followed: {why}")]
    Redirect {
        /// The redirect's destination.
        to: RedactedUrl,
        /// Why it is not followed.
        why: NotFollowed,
    },
    /// The registry redirects a body that was already sent: it must be sent again.
    #[error("the registry wants the upload at another address")]
    Moved,
    /// The address of an external layer is not allowed.
    #[error("the layer's own address is not used: {0}")]
    External(&'static str),
    /// The next page of a list is the same page again, or at another host.
    #[error("the link to the next page is not followed: {0}")]
    Page(&'static str),
    /// A list's link leads to a page that the registry does not have, so the list is incomplete.
    #[error("the list leads to a next page that is not there: {}", Cleaned(.0))]
    LostPage(String),
    /// The tag for a list of referrers holds something else.
    #[error("the tag {0} should hold a list of referrers, but holds something else")]
    ReferrersTag(Tag),
    /// The registry says that it stored other bytes than we sent.
    #[error("the registry stored {} instead of {expected}", Cleaned(actual))]
    StoredOther {
        /// The digest of the sent bytes.
        expected: Digest,
        /// The digest that the registry states.
        actual: String,
    },
}

/// Why a redirect is not followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotFollowed {
    /// From TLS to plain HTTP, which the registry's settings do not allow.
    #[error("it leaves TLS")]
    LeavesTls,
    /// To a scheme other than `http` or `https`.
    #[error("it leaves HTTP")]
    LeavesHttp,
    /// It would turn a write into a read, which stores nothing.
    #[error("it asks for another request than the one that was sent")]
    OtherRequest,
    /// The request carries a login that must not go to the redirect's destination.
    #[error("the login would go to another server")]
    OtherServer,
    /// It leads in circles.
    #[error("too many redirects")]
    TooMany,
}

impl Problem {
    /// Why a body is not the JSON that the step needs.
    pub(crate) fn unreadable(body: &[u8], why: &dyn std::fmt::Display) -> Self {
        Self::of_page(body).unwrap_or_else(|| Self::Json(why.to_string()))
    }

    /// The problem of a body that is a web page; `None` for any other body.
    pub(crate) fn of_page(body: &[u8]) -> Option<Self> {
        is_web_page(body).then(|| Self::WebPage(headline(&String::from_utf8_lossy(body))))
    }
}

/// A page's headline, after the description of the problem.
struct Headline<'a>(Option<&'a str>);

impl fmt::Display for Headline<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |text| write!(formatter, ": {}", clean_to(text, MOST_HEADLINE)))
    }
}
