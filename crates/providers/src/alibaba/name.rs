//! Names from outside that become part of host names and of calls.

use std::fmt;
use std::str::FromStr;

/// A region, such as `cn-shanghai`. It becomes a label of host names, so it must be a valid one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Region(String);

/// The id of an Enterprise Edition instance, such as `cri-xkx6vujuhay0test`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct InstanceId(String);

/// A text that is no such name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no {what}")]
pub struct NameError {
    text: String,
    what: &'static str,
}

impl Region {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl InstanceId {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Region {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let well_formed =
            text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        let bounded = !text.is_empty() && text.len() <= 40 && !text.starts_with('-') && !text.ends_with('-');
        if well_formed && bounded {
            Ok(Self(text.to_owned()))
        } else {
            Err(NameError { text: text.to_owned(), what: "region, such as `cn-shanghai`" })
        }
    }
}

impl FromStr for InstanceId {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let id = text.strip_prefix("cri-").unwrap_or_default();
        if !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(NameError { text: text.to_owned(), what: "instance id, such as `cri-xkx6vujuhay0test`" })
        }
    }
}

impl fmt::Display for Region {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Display for InstanceId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_cannot_become_another_host() {
        assert_eq!("cn-shanghai".parse::<Region>().unwrap().as_str(), "cn-shanghai");
        for text in ["", "evil.com/", "cn.evil.com", "cn@evil", "CN", "-cn", "cn-", "cn:1"] {
            assert!(text.parse::<Region>().is_err(), "{text}");
        }
    }

    #[test]
    fn instance_ids() {
        assert_eq!("cri-a1".parse::<InstanceId>().unwrap().to_string(), "cri-a1");
        for text in ["", "cri-", "cri-A", "crpi-abc", "cri-a/b", "cri-a-b"] {
            assert!(text.parse::<InstanceId>().is_err(), "{text}");
        }
    }
}
