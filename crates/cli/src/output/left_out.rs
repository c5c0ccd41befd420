//! Describes the children of an index that were not copied to its target.

use sync::LeftOut;

/// What was left out, if anything.
pub(super) fn words(left_out: LeftOut) -> Option<String> {
    let some = |number: usize, one: &str, many: &str| match number {
        0 => None,
        1 => Some(one.to_owned()),
        _ => Some(format!("{number} {many}")),
    };
    let platforms =
        some(left_out.platforms, "one manifest for another platform", "manifests for other platforms");
    let attestations = some(left_out.attestations, "one refused attestation", "refused attestations");
    let all: Vec<_> = platforms.into_iter().chain(attestations).collect();
    (!all.is_empty()).then(|| format!("without {}", all.join(" and ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_left_out_is_named() {
        for (platforms, attestations, expected) in [
            (0, 0, None),
            (1, 0, Some("without one manifest for another platform")),
            (0, 2, Some("without 2 refused attestations")),
            (3, 1, Some("without 3 manifests for other platforms and one refused attestation")),
        ] {
            assert_eq!(words(LeftOut { platforms, attestations }).as_deref(), expected);
        }
    }
}
