//! What a verification checks, and how.

use std::fmt;
use std::str::FromStr;

/// What a verification checks, and what it does about problems.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verification {
    /// What targets are compared with.
    pub against: Against,
    /// How blobs are checked. Manifests are always read.
    pub depth: Depth,
    /// What is done about broken content.
    pub repair: Repair,
    /// The share of images to check; all without.
    pub sample: Option<Share>,
}

/// What a target is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Against {
    /// The source of its rule.
    Source,
    /// Itself: an image must have all content that it refers to. Source and target of the rule are one repository.
    Itself,
}

/// How blobs are checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// By presence and length.
    Length,
    /// By reading and hashing their bytes, once for each store.
    Content,
}

/// What is done about broken content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repair {
    /// It is reported.
    Never,
    /// It is copied from the source, and checked again.
    Broken,
}

/// A share in millionths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share(u32);

/// A share that is not written like `5%`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("write a share of more than 0% and at most 100%, such as 5% or 0.5%")]
pub struct ShareError;

impl Share {
    /// Decides at random.
    pub(crate) fn happens(self) -> bool {
        fastrand::u32(0..1_000_000) < self.0
    }
}

impl fmt::Display for Share {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, part) = (self.0 / 10_000, format!("{:04}", self.0 % 10_000));
        match part.trim_end_matches('0') {
            "" => write!(formatter, "{whole}%"),
            part => write!(formatter, "{whole}.{part}%"),
        }
    }
}

impl FromStr for Share {
    type Err = ShareError;

    fn from_str(text: &str) -> Result<Self, ShareError> {
        let (whole, part) = text
            .strip_suffix('%')
            .map(|number| number.split_once('.').unwrap_or((number, "0")))
            .ok_or(ShareError)?;
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(whole) || !digits(part) || whole.len() > 3 || part.len() > 4 {
            return Err(ShareError);
        }
        let number = |text: &str| text.parse::<u32>().map_err(|_| ShareError);
        let of_a_million = number(whole)? * 10_000 + number(&format!("{part:0<4}"))?;
        if of_a_million == 0 || of_a_million > 1_000_000 { Err(ShareError) } else { Ok(Self(of_a_million)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_a_percentage_above_0_and_up_to_100() {
        for (text, of_a_million) in
            [("5%", 50_000), ("0.5%", 5_000), ("100%", 1_000_000), ("0.0001%", 1), ("12.25%", 122_500)]
        {
            assert_eq!(text.parse(), Ok(Share(of_a_million)), "{text}");
            assert_eq!(Share(of_a_million).to_string(), text);
        }
        for wrong in ["5", "", "%", "0%", "101%", "100.1%", "-5%", "5.%", ".5%", "0.00001%", "5 %", "1e1%"] {
            assert_eq!(wrong.parse::<Share>(), Err(ShareError), "{wrong}");
        }
        assert!((0..1000).all(|_| Share(1_000_000).happens()));
    }
}
