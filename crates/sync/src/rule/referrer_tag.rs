//! Tags that are made from another image's digest.

use oci::{Digest, Tag, is_referrers_tag};

/// The subject of a tag: cosign's tags for signatures, attestations or SBOMs, or a referrers tag, which is nothing
/// but the digest.
pub(crate) fn subject(tag: &Tag) -> Option<Digest> {
    let (algorithm, rest) = tag.as_str().split_once('-')?;
    let (hex, what) = rest.split_once('.').map_or((rest, None), |(hex, what)| (hex, Some(what)));
    if !matches!(what, None | Some("sig" | "att" | "sbom")) {
        return None;
    }
    format!("{algorithm}:{hex}").parse().ok()
}

/// Whether a tag is made of another image's digest: for its signature, attestation or SBOM, or for the list of its referrers.
pub fn belongs_to_another(tag: &Tag) -> bool {
    is_referrers_tag(tag) || subject(tag).is_some()
}

/// The artifact type for one of cosign's tags, as cosign itself uses it with the referrers API:
/// <https://github.com/sigstore/cosign/blob/main/internal/pkg/oci/remote/remote.go>
pub(crate) fn cosign_type(tag: &Tag) -> Option<&'static str> {
    match tag.as_str().rsplit_once('.')?.1 {
        "sig" => Some("application/vnd.dev.cosign.artifact.sig.v1+json"),
        "att" => Some("application/vnd.dev.cosign.artifact.att.v1+json"),
        "sbom" => Some("application/vnd.dev.cosign.artifact.sbom.v1+json"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c10_tags_of_referrers_name_their_image() {
        let digest = Digest::sha256(b"image");
        let of = |text: String| subject(&text.parse().unwrap());
        for what in ["", ".sig", ".att", ".sbom"] {
            assert_eq!(of(format!("sha256-{}{what}", digest.hex())), Some(digest.clone()), "{what}");
        }
        for other in ["v1.0".to_owned(), "sha256-00.sig".to_owned(), format!("sha256-{}.tar", digest.hex())] {
            assert_eq!(of(other.clone()), None, "{other}");
        }
    }
}
