//! The names to look up for a written name.

/// The names to look up, in order, until one has an address: `name` as it is, and completed with each domain of `search`. A
/// final dot marks a complete name; a name with `ndots` dots is probably complete, and is looked up as it is first.
pub(crate) fn candidates(name: &str, search: &[String], ndots: usize) -> Vec<String> {
    if let Some(complete) = name.strip_suffix('.') {
        return vec![complete.to_owned()];
    }
    let completed = search.iter().map(|domain| domain.trim_matches('.')).filter(|domain| !domain.is_empty());
    let mut names: Vec<_> = completed.map(|domain| format!("{name}.{domain}")).collect();
    let is_probably_complete = name.matches('.').count() >= ndots;
    names.insert(if is_probably_complete { 0 } else { names.len() }, name.to_owned());
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_completed_as_resolv_conf_says() {
        let search = ["default.svc.cluster.local".to_owned(), "lan.".to_owned(), ".".to_owned()];
        let asked = |name: &str, ndots| candidates(name, &search, ndots);
        assert_eq!(asked("harbor", 1), ["harbor.default.svc.cluster.local", "harbor.lan", "harbor"]);
        assert_eq!(asked("a.io", 1), ["a.io", "a.io.default.svc.cluster.local", "a.io.lan"]);
        assert_eq!(asked("a.io", 5), ["a.io.default.svc.cluster.local", "a.io.lan", "a.io"]);
        assert_eq!(asked("a.io.", 5), ["a.io"]);
        assert_eq!(candidates("a", &[], 1), ["a"]);
    }
}
