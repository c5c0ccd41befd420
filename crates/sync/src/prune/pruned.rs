//! What became of a plan.

use std::collections::BTreeSet;

use oci::Digest;

use super::ended::Kept;

/// What became of a plan: each thing that was to go stands in one of the lists.
#[derive(Debug, Default)]
pub struct Pruned {
    /// What is gone.
    pub deleted: Vec<Deleted>,
    /// What was gone before it was asked for: somebody else has deleted it.
    pub already_gone: Vec<Deleted>,
    /// What should be gone and is not.
    pub not_deleted: Vec<NotDeleted>,
}

/// Something that is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deleted {
    /// `HOST/REPOSITORY:TAG`, or with `@DIGEST`.
    pub target: String,
    /// What it was.
    pub digest: Digest,
}

/// Something that should be gone and is not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotDeleted {
    /// `HOST/REPOSITORY:TAG`, or with `@DIGEST`.
    pub target: String,
    /// What it is.
    pub digest: Digest,
    /// Why it is still there.
    pub kept: Kept,
}

impl Pruned {
    /// Hosts of registries that delete nothing.
    pub fn off(&self) -> BTreeSet<&str> {
        let off = self.not_deleted.iter().filter(|kept| kept.kept == Kept::Off);
        off.filter_map(|kept| kept.target.split('/').next()).collect()
    }

    pub(super) fn add(&mut self, other: Self) {
        self.deleted.extend(other.deleted);
        self.already_gone.extend(other.already_gone);
        self.not_deleted.extend(other.not_deleted);
    }

    /// By repositories, whichever came first; in a repository as they went.
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
