//! Keys that are read and checked, but that the engine cannot carry out yet: an error, since a rule that is not carried out
//! as it was written copies what nobody asked for.

use super::rule::{Attestations, IndexForm, Policies};
use crate::config::syntax_error::Place;

/// What cannot be carried out, and where it stands, but for `tags`. `prune` is for the verb of that name alone.
pub(crate) fn not_yet(policies: &Policies) -> Vec<(String, Place)> {
    let Policies { platforms, attestations, .. } = policies;
    let sparse = platforms.as_ref().filter(|written| written.value.index == IndexForm::Sparse);
    let dropped = attestations.as_ref().filter(|what| what.value == Attestations::Drop);
    let found = [
        ("`platforms` with `index: sparse`", sparse.map(|written| written.place)),
        ("`attestations: drop`", dropped.map(|written| written.place)),
    ];
    found.into_iter().filter_map(|(key, place)| Some((problem(key), place?))).collect()
}

/// What is said of a key.
pub(crate) fn problem(key: &str) -> String {
    format!("{key} is not supported yet: a later release carries it out")
}
