//! The tags under which clients keep a manifest's referrers, if the registry keeps no list.
//! Spec: distribution-spec, "Referrers Tag Schema".

use crate::{Digest, Tag};

/// The longest algorithm in a tag.
const LONGEST_ALGORITHM: usize = 32;
/// The most hexadecimal digits in a tag.
const MOST_DIGITS: usize = 64;

/// The tag of the list of referrers of `subject`, for registries that keep none.
pub fn referrers_tag(subject: &Digest) -> Tag {
    let (algorithm, hex) = (subject.algorithm().name(), subject.hex());
    let algorithm = &algorithm[..algorithm.len().min(LONGEST_ALGORITHM)];
    let tag = format!("{algorithm}-{}", &hex[..hex.len().min(MOST_DIGITS)]);
    tag.parse().expect("letters, digits and a hyphen are a tag")
}

/// Whether a tag is one under which clients keep a list of referrers.
pub fn is_referrers_tag(tag: &Tag) -> bool {
    tag.as_str().split_once('-').is_some_and(|(algorithm, hex)| {
        matches!(algorithm, "sha256" | "sha512")
            && hex.len() == MOST_DIGITS
            && hex.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'))
    })
}

/// The tags under which cosign stores signature, attestations and SBOM of a manifest. None for sha512, whose tags would be too
/// long. <https://github.com/sigstore/cosign/blob/main/specs/SIGNATURE_SPEC.md>
pub fn cosign_tags(subject: &Digest) -> Vec<Tag> {
    let tag = |suffix: &&str| format!("{}-{}.{suffix}", subject.algorithm(), subject.hex()).parse().ok();
    ["sig", "att", "sbom"].iter().filter_map(tag).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Algorithm;

    #[test]
    fn c56_the_tag_has_at_most_64_digits() {
        for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
            let subject = algorithm.digest(b"x");
            let tag = referrers_tag(&subject).to_string();
            assert_eq!(tag, format!("{algorithm}-{}", &subject.hex()[..64]));
            assert_eq!(tag.parse::<Tag>().unwrap().to_string(), tag);
            assert!(is_referrers_tag(&tag.parse().unwrap()));
        }
    }

    #[test]
    fn c61_cosigns_tags_are_named() {
        let subject = Digest::sha256(b"x");
        let tags: Vec<_> = cosign_tags(&subject).iter().map(Tag::to_string).collect();
        assert_eq!(tags, ["sig", "att", "sbom"].map(|end| format!("sha256-{}.{end}", subject.hex())));
        assert_eq!(cosign_tags(&Algorithm::Sha512.digest(b"x")), []);
        assert!(cosign_tags(&subject).iter().all(|tag| !is_referrers_tag(tag)));
    }
}
