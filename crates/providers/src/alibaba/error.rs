//! Errors of Alibaba Cloud's API, with methods that classify them.

use std::fmt;
use std::sync::Arc;

use registry::{Failure, TransportFailure};

use super::credentials::{CredentialOrigin, NotApplied};

/// Why a call or a search for a key failed. It contains no secret.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The API refused.
    #[error(transparent)]
    Refused(Box<Refusal>),
    /// The API is unreachable, or the connection broke.
    #[error("{action}: {host} cannot be reached: {failure}")]
    Network {
        /// The call.
        action: String,
        /// Host and port.
        host: String,
        /// At which step it broke.
        failure: TransportFailure,
        /// The HTTP library's error, without the URL.
        #[source]
        source: Option<Arc<dyn std::error::Error + Send + Sync>>,
    },
    /// The answer does not match the API's description.
    #[error("{action}: {host} gives an answer that cannot be used: {reason}")]
    Answer {
        /// The call.
        action: String,
        /// Host and port.
        host: String,
        /// What is wrong with it, without its text.
        reason: String,
    },
    /// A source of keys is configured, but gives none.
    #[error("{origin}: {reason}")]
    Source {
        /// The source.
        origin: CredentialOrigin,
        /// What is wrong with it.
        reason: String,
    },
    /// No source of keys is configured.
    #[error("no access key for Alibaba Cloud: {}", list(tried))]
    NoAccessKey {
        /// All sources in their order, with what each one lacks.
        tried: Vec<NotApplied>,
    },
    /// The registry does not identify itself as one of Alibaba's.
    #[error("{host}: {reason}")]
    NotAlibaba {
        /// The registry.
        host: String,
        /// What it states instead.
        reason: String,
    },
    /// The HTTP client cannot be set up.
    #[error("HTTP cannot be set up")]
    Setup {
        /// The reason.
        #[source]
        source: Arc<dyn std::error::Error + Send + Sync>,
    },
}

/// The API's refusal of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The call.
    pub action: String,
    /// Host and port.
    pub host: String,
    /// The HTTP status. Some refusals come with 200.
    pub status: u16,
    /// The API's code, such as `NoPermission`; empty if it gave none.
    pub code: String,
    /// The API's text, shortened, without secrets.
    pub message: String,
    /// The id that Alibaba's support asks for.
    pub request_id: Option<String>,
}

/// The kind of a failure, as it matters to the user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The access key does not exist or is disabled.
    InvalidKey,
    /// The secret does not belong to the key.
    WrongSecret,
    /// The temporary key has expired.
    ExpiredToken,
    /// The user has no permission: its RAM policy lacks something.
    NoPermission,
    /// This machine's clock is wrong.
    ClockSkew,
    /// The object does not exist.
    NotFound,
    /// The API, or this call of it, does not exist: it has another version, or a gateway hides it.
    NoApi,
    /// The object exists already.
    AlreadyExists,
    /// Too many calls.
    Throttled,
    /// The service is failing.
    Unavailable,
    /// The service is unreachable.
    Network,
    /// No key was found, or its source fails.
    NoKey,
    /// Anything else.
    Other,
}

impl ErrorKind {
    /// Whether it concerns the access key or its user: a wrong clock invalidates its signatures, too.
    pub fn concerns_key(self) -> bool {
        matches!(
            self,
            Self::InvalidKey
                | Self::WrongSecret
                | Self::ExpiredToken
                | Self::ClockSkew
                | Self::NoPermission
                | Self::NoKey
        )
    }
}

impl Error {
    /// The kind of this error.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Refused(refusal) => refusal.kind(),
            Self::Network { .. } => ErrorKind::Network,
            Self::NoAccessKey { .. } | Self::Source { .. } => ErrorKind::NoKey,
            Self::Answer { .. } | Self::NotAlibaba { .. } | Self::Setup { .. } => ErrorKind::Other,
        }
    }

    /// Whether the same call may succeed soon.
    pub fn is_retryable(&self) -> bool {
        matches!(self.kind(), ErrorKind::Throttled | ErrorKind::Unavailable | ErrorKind::Network)
    }

    /// The API's code, if it gave one.
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Refused(refusal) => Some(refusal.code.as_str()).filter(|code| !code.is_empty()),
            _ => None,
        }
    }

    pub(super) fn answer(action: &str, host: &str, reason: impl Into<String>) -> Self {
        Self::Answer { action: action.to_owned(), host: host.to_owned(), reason: reason.into() }
    }

    /// Whether a gateway refuses the signature's algorithm as unknown.
    pub(super) fn is_unknown_signature(&self) -> bool {
        let code = self.code().unwrap_or_default().to_ascii_uppercase().replace(['_', '.'], "");
        // A gateway that only knows signatures in parameters reports them as missing.
        matches!(code.as_str(), "MISSINGACCESSKEYID" | "MISSINGSIGNATURE" | "MISSINGSIGNATUREMETHOD")
            || code.contains("UNSUPPORTEDSIGNATURE")
            || code.contains("INVALIDSIGNATUREMETHOD")
            || code.contains("SIGNATUREMETHODNOTSUPPORT")
    }
}

impl Failure for Error {
    fn is_lasting(&self) -> bool {
        !self.is_retryable()
    }
}

impl Refusal {
    /// The kind of this refusal. Codes are spelled in more than one way: `REPO_NOT_EXIST`, `EntityNotExist.Role`.
    pub fn kind(&self) -> ErrorKind {
        let code = self.code.to_ascii_uppercase().replace(['_', '.', '-'], "");
        let starts = |starts: &[&str]| starts.iter().any(|start| code.starts_with(start));
        let has = |words: &[&str]| words.iter().any(|word| code.contains(word));
        if starts(&["INVALIDACCESSKEYID"]) {
            ErrorKind::InvalidKey
        } else if starts(&["SIGNATUREDOESNOTMATCH", "INCOMPLETESIGNATURE"]) {
            ErrorKind::WrongSecret
        } else if starts(&["INVALIDSECURITYTOKEN"]) {
            ErrorKind::ExpiredToken
        } else if starts(&["INVALIDTIMESTAMP", "ILLEGALTIMESTAMP"]) {
            ErrorKind::ClockSkew
        } else if starts(&["THROTTLING"]) || self.status == 429 {
            ErrorKind::Throttled
        } else if code.split_once("ALREADY").is_some_and(|(_, rest)| rest.contains("EXIST")) {
            ErrorKind::AlreadyExists
        } else if starts(&["INVALIDACTION", "INVALIDVERSION", "INVALIDAPI", "INVALIDPRODUCT"])
            || (self.status == 404 && code.is_empty())
        {
            ErrorKind::NoApi
        } else if has(&["NOTEXIST", "NOTFOUND"]) {
            ErrorKind::NotFound
        } else if starts(&["NOPRIVILEGE", "NOPERMISSION", "FORBIDDEN"]) {
            ErrorKind::NoPermission
        } else if self.status >= 500 || starts(&["SYSTEMERROR", "SLBSERVICEERROR"]) {
            ErrorKind::Unavailable
        } else {
            match self.status {
                403 => ErrorKind::NoPermission,
                404 => ErrorKind::NotFound,
                _ => ErrorKind::Other,
            }
        }
    }
}

impl std::error::Error for Refusal {}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { action, host, status, code, message, request_id } = self;
        write!(formatter, "{action}: {host} answers {status}")?;
        if !code.is_empty() {
            write!(formatter, " {code}")?;
        }
        if !message.is_empty() {
            write!(formatter, ": {message}")?;
        }
        match request_id {
            Some(id) => write!(formatter, " (RequestId {id})"),
            None => Ok(()),
        }
    }
}

fn list(tried: &[NotApplied]) -> String {
    tried.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(status: u16, code: &str) -> Refusal {
        Refusal {
            action: "GetNamespace".to_owned(),
            host: "cr.cn-shanghai.aliyuncs.com".to_owned(),
            status,
            code: code.to_owned(),
            message: "words".to_owned(),
            request_id: Some("A-1".to_owned()),
        }
    }

    #[test]
    fn codes_of_every_kind() {
        for (status, code, kind) in [
            (404, "InvalidAccessKeyId.NotFound", ErrorKind::InvalidKey),
            (400, "InvalidAccessKeyId.Inactive", ErrorKind::InvalidKey),
            (400, "SignatureDoesNotMatch", ErrorKind::WrongSecret),
            (400, "IncompleteSignature", ErrorKind::WrongSecret),
            (400, "InvalidSecurityToken.Expired", ErrorKind::ExpiredToken),
            (400, "InvalidTimeStamp.Expired", ErrorKind::ClockSkew),
            (403, "NoPrivilege", ErrorKind::NoPermission),
            (403, "NoPermission", ErrorKind::NoPermission),
            (403, "Forbidden.RAM", ErrorKind::NoPermission),
            (403, "", ErrorKind::NoPermission),
            (200, "INSTANCE_NOT_EXIST", ErrorKind::NotFound),
            (200, "NAMESPACE_NOT_EXIST", ErrorKind::NotFound),
            (404, "REPO_NOT_EXIST", ErrorKind::NotFound),
            (404, "EntityNotExist.Role", ErrorKind::NotFound),
            (404, "InvalidAction.NotFound", ErrorKind::NoApi),
            (404, "InvalidVersion", ErrorKind::NoApi),
            (404, "InvalidApi.NotFound", ErrorKind::NoApi),
            (404, "", ErrorKind::NoApi),
            (400, "NAMESPACE_ALREADY_EXIST", ErrorKind::AlreadyExists),
            (400, "NamespaceAlreadyExists", ErrorKind::AlreadyExists),
            (400, "Throttling.User", ErrorKind::Throttled),
            (429, "", ErrorKind::Throttled),
            (500, "SystemError", ErrorKind::Unavailable),
            (400, "SLB_SERVICE_ERROR", ErrorKind::Unavailable),
            (502, "", ErrorKind::Unavailable),
            (400, "InvalidParameter", ErrorKind::Other),
        ] {
            assert_eq!(refusal(status, code).kind(), kind, "{status} {code}");
        }
    }

    #[test]
    fn a_refusal_says_all_that_support_asks_for() {
        let error = Error::Refused(Box::new(refusal(403, "NoPermission")));
        let expected =
            "GetNamespace: cr.cn-shanghai.aliyuncs.com answers 403 NoPermission: words (RequestId A-1)";
        assert_eq!(error.to_string(), expected);
        assert_eq!(error.code(), Some("NoPermission"));
        assert!(!error.is_retryable());
        assert!(Error::Refused(Box::new(refusal(503, ""))).is_retryable());
    }

    #[test]
    fn only_what_names_the_signature_is_tried_the_old_way() {
        let unknown = |code| Error::Refused(Box::new(refusal(400, code))).is_unknown_signature();
        assert!(unknown("UnsupportedSignatureMethod") && unknown("InvalidSignatureMethod"));
        assert!(unknown("MissingAccessKeyId"));
        assert!(!unknown("SignatureDoesNotMatch") && !unknown("IncompleteSignature") && !unknown(""));
    }
}
