//! The source of a key, as text for people.

use std::fmt;
use std::path::PathBuf;

/// The source of an access key. `Display` is for people.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CredentialOrigin {
    /// `ALIBABA_CLOUD_ACCESS_KEY_ID` and `ALIBABA_CLOUD_ACCESS_KEY_SECRET`.
    Environment,
    /// A role, by an OIDC token (RRSA).
    OidcRole {
        /// The role's ARN.
        role_arn: String,
    },
    /// A profile of the aliyun CLI.
    CliProfile {
        /// The file.
        path: PathBuf,
        /// The profile's name.
        profile: String,
    },
    /// A section of an INI file.
    CredentialsFile {
        /// The file.
        path: PathBuf,
        /// The section's name.
        section: String,
    },
    /// The role of the ECS instance that this runs on.
    EcsRole {
        /// The role's name.
        role: String,
    },
    /// `ALIBABA_CLOUD_CREDENTIALS_URI`.
    CredentialsUri,
}

/// Why a source was not used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotApplied {
    /// The source's name.
    pub source: &'static str,
    /// What is missing.
    pub reason: String,
}

impl fmt::Display for CredentialOrigin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Environment => formatter.write_str("environment (ALIBABA_CLOUD_ACCESS_KEY_ID)"),
            Self::OidcRole { role_arn } => write!(formatter, "OIDC role {role_arn}"),
            Self::CliProfile { path, profile } => {
                write!(formatter, "aliyun CLI profile `{profile}` in {}", path.display())
            }
            Self::CredentialsFile { path, section } => {
                write!(formatter, "section `{section}` of {}", path.display())
            }
            Self::EcsRole { role } => write!(formatter, "ECS instance role {role}"),
            Self::CredentialsUri => formatter.write_str("ALIBABA_CLOUD_CREDENTIALS_URI"),
        }
    }
}

impl fmt::Display for NotApplied {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.source, self.reason)
    }
}
