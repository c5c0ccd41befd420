//! The id of an Alibaba Cloud account.

use std::fmt;
use std::str::FromStr;

/// The number of an account, part of the names of its resources.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AccountId(String);

impl FromStr for AccountId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let well_formed = (6..=20).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        if well_formed {
            Ok(Self(text.to_owned()))
        } else {
            Err("an account's id is a number, usually of 16 digits: the console shows it under the user's picture"
                .to_owned())
        }
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}
