//! Whether a target is known to refuse content that a source holds. Pure.

use oci::RegistryHost;

use super::cloud::Edition;
use super::finding::{Finding, Step};
use super::holdings::Holdings;

/// Judges known incompatibilities between source and target. `place` is the source's repository.
pub(super) fn judge(
    place: &str,
    holdings: &Holdings,
    target: &RegistryHost,
    edition: Option<Edition>,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !holdings.schema1.is_empty() {
        let images = list(&holdings.schema1);
        let what = format!("{images}: a manifest of the old schema 1, which {target} may refuse");
        let known = if edition.is_some() {
            "Alibaba Cloud answers 500 to it"
        } else {
            "many registries answer MANIFEST_INVALID to it"
        };
        findings.push(
            Finding::warning(place, Step::Content, what).why(known).next(
                "pull and push it once at the source with a client of today, or leave it out of the rule",
            ),
        );
    }
    if !holdings.attestations.is_empty() && edition == Some(Edition::Personal) {
        let images = list(&holdings.attestations);
        let what =
            format!("{images}: an index with attestations for `unknown/unknown`, which {target} may refuse");
        findings.push(
            Finding::warning(place, Step::Content, what)
                .why("the Personal Edition answers MANIFEST_INVALID to such indexes")
                .next("copy the platforms that are needed alone: --arch amd64,arm64; or use an Enterprise Edition registry"),
        );
    }
    findings
}

fn list(images: &[String]) -> String {
    images.iter().map(|image| format!("`{image}`")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_refusals_are_told() {
        let target = "acr.io".parse().unwrap();
        let holdings = |schema1: &[&str], attestations: &[&str]| Holdings {
            schema1: schema1.iter().map(|image| (*image).to_owned()).collect(),
            attestations: attestations.iter().map(|image| (*image).to_owned()).collect(),
            largest: None,
        };
        let count = |holdings: &Holdings, edition| judge("r.io/a", holdings, &target, edition).len();
        assert_eq!(count(&holdings(&[], &[]), Some(Edition::Personal)), 0);
        assert_eq!(count(&holdings(&["v1"], &["v2"]), Some(Edition::Personal)), 2);
        assert_eq!(count(&holdings(&[], &["v2"]), Some(Edition::Enterprise)), 0);
        assert_eq!(count(&holdings(&["v1"], &["v2"]), None), 1);
    }
}
