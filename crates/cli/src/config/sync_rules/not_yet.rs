//! Keys that are read and checked, but that the engine cannot carry out yet: an error, since a rule that is not carried out
//! as it was written copies what nobody asked for.

/// What is said of a key.
fn problem(key: &str) -> String {
    format!("{key} is not supported yet: a later release carries it out")
}
