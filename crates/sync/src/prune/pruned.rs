//! The results of a deletion plan.

use std::collections::BTreeSet;

use oci::Digest;

use super::ended::Kept;

/// The results of a deletion plan: each candidate to delete is in one of the lists.
#[derive(Debug, Default)]
pub struct Pruned {
    /// Deleted.
    pub deleted: Vec<Deleted>,
    /// Missing before the request: another client has deleted it.
    pub already_gone: Vec<Deleted>,
    /// Not deleted.
    pub not_deleted: Vec<NotDeleted>,
}

/// Something that was deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deleted {
    /// `HOST/REPOSITORY:TAG`, or with `@DIGEST`.
    pub target: String,
    /// Its digest.
    pub digest: Digest,
}

/// Something that was not deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotDeleted {
    /// `HOST/REPOSITORY:TAG`, or with `@DIGEST`.
    pub target: String,
    /// Its digest.
    pub digest: Digest,
    /// Why it still exists.
    pub kept: Kept,
}

impl Pruned {
    /// Hosts of registries that do not support deletion.
    pub fn off(&self) -> BTreeSet<&str> {
        let off = self.not_deleted.iter().filter(|kept| kept.kept == Kept::Off);
        off.filter_map(|kept| kept.target.split('/').next()).collect()
    }

    pub(super) fn add(&mut self, other: Self) {
        self.deleted.extend(other.deleted);
        self.already_gone.extend(other.already_gone);
        self.not_deleted.extend(other.not_deleted);
    }

    /// Sorts by repository, and keeps the order of the deletions within each.
    pub(super) fn sort(&mut self) {
        self.deleted.sort_by(|one, other| repository(&one.target).cmp(repository(&other.target)));
        self.already_gone.sort_by(|one, other| repository(&one.target).cmp(repository(&other.target)));
        self.not_deleted.sort_by(|one, other| repository(&one.target).cmp(repository(&other.target)));
    }
}

/// A name without its tag or digest.
fn repository(target: &str) -> &str {
    let name = target.split_once('@').or_else(|| target.rsplit_once(':'));
    name.map_or(target, |(repository, _)| repository)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_tag_stands_with_its_repository() {
        let digest = Digest::sha256(b"image");
        let gone = |target: String| Deleted { target, digest: digest.clone() };
        let names =
            ["r.io:5000/a-b:v1".to_owned(), format!("r.io:5000/a@{digest}"), "r.io:5000/a:v1".to_owned()];
        let mut pruned = Pruned { deleted: names.clone().map(gone).into(), ..Pruned::default() };
        pruned.sort();
        let sorted: Vec<_> = pruned.deleted.iter().map(|deleted| deleted.target.as_str()).collect();
        assert_eq!(sorted, [&names[1], &names[2], &names[0]]);
    }
}
