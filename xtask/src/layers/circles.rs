//! Finds files of a crate that depend on each other.
//!
//! A file needs another if its code, outside tests, names an item that the other defines: by `use` or by a path,
//! through any number of re-exports. `mod x;` and `pub use x::Y` alone are no needs: a parent that only declares and
//! re-exports its children is in no circle with them. It is in one if its own code names `Y` and a child names an item that the
//! parent defines. Methods are ignored: they have no path.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::modules::Need;

/// Files of which each needs every other one, directly or indirectly.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Circle {
    pub files: BTreeSet<PathBuf>,
    pub needs: Vec<Need>,
}

/// The circles in `needs`.
pub(super) fn find(needs: &BTreeSet<Need>) -> Vec<Circle> {
    let mut direct: BTreeMap<&Path, BTreeSet<&Path>> = BTreeMap::new();
    for need in needs {
        direct.entry(&need.file).or_default().insert(&need.defined_in);
    }
    let reached: BTreeMap<&Path, BTreeSet<&Path>> =
        direct.keys().map(|file| (*file, reached_from(file, &direct))).collect();
    let mut circles: Vec<Circle> = Vec::new();
    for (file, others) in &reached {
        if !others.contains(file) || circles.iter().any(|circle| circle.files.contains(*file)) {
            continue;
        }
        let meets = |other: &&&Path| reached.get(**other).is_some_and(|back| back.contains(file));
        let files: BTreeSet<PathBuf> = others.iter().filter(meets).map(|file| (*file).to_owned()).collect();
        let inside = |need: &&Need| files.contains(&need.file) && files.contains(&need.defined_in);
        let needs = needs.iter().filter(inside).cloned().collect();
        circles.push(Circle { files, needs });
    }
    circles
}

/// The files that are reached from `file` in one step or more.
fn reached_from<'a>(file: &'a Path, direct: &BTreeMap<&'a Path, BTreeSet<&'a Path>>) -> BTreeSet<&'a Path> {
    let mut reached = BTreeSet::new();
    let mut open = vec![file];
    while let Some(file) = open.pop() {
        for next in direct.get(file).into_iter().flatten() {
            if reached.insert(*next) {
                open.push(next);
            }
        }
    }
    reached
}

#[cfg(test)]
mod tests {
    use super::super::modules::Modules;
    use super::*;

    /// The circles of a crate with these files, each as its files' names.
    fn circles(files: &[(&str, &str)]) -> Vec<String> {
        let read = |path: &Path| {
            files.iter().find(|(name, _)| Path::new(name) == path).map(|(_, text)| (*text).to_owned())
        };
        let needs = Modules::read(Path::new("lib.rs"), &read).unwrap().needs();
        let names =
            |circle: Circle| circle.files.iter().map(|file| file.display().to_string()).collect::<Vec<_>>();
        find(&needs).into_iter().map(|circle| names(circle).join(" ")).collect()
    }

    #[test]
    fn files_that_import_each_other_are_a_circle() {
        let files = [
            ("lib.rs", "mod a; mod b; mod c; use a::A;"),
            ("a.rs", "use crate::b::B; pub struct A;"),
            ("b.rs", "pub struct B; fn f() { super::c::c() }"),
            ("c.rs", "use crate::a; pub fn c(_: a::A) {}"),
        ];
        assert_eq!(circles(&files), ["a.rs b.rs c.rs"]);
    }

    #[test]
    fn imports_that_go_one_way_are_none() {
        let files = [
            ("lib.rs", "mod a; mod b;"),
            ("a.rs", "use crate::b::B; pub struct A;"),
            ("b.rs", "pub struct B; #[cfg(test)] mod tests { use crate::a::A; }"),
        ];
        assert!(circles(&files).is_empty());
    }

    #[test]
    fn a_parent_that_only_re_exports_is_in_no_circle_with_its_children() {
        let files = [
            ("lib.rs", "mod a;"),
            ("a.rs", "mod x; mod y; pub(crate) use x::X; pub struct A;"),
            ("a/x.rs", "use super::A; pub struct X;"),
            ("a/y.rs", "use super::X; pub struct Y;"),
        ];
        assert!(circles(&files).is_empty());
    }

    #[test]
    fn a_parent_that_uses_what_it_re_exports_is_in_a_circle_with_a_child_that_uses_it() {
        let files = [
            ("lib.rs", "mod a;"),
            ("a.rs", "mod x; pub(crate) use x::X; pub struct A(X);"),
            ("a/x.rs", "use super::A; pub struct X;"),
        ];
        assert_eq!(circles(&files), ["a/x.rs a.rs"]);
        let files = [
            ("lib.rs", "mod a;"),
            ("a.rs", "mod x; pub struct A; fn f() { x::g() }"),
            ("a/x.rs", "pub fn g() -> super::A {}"),
        ];
        assert_eq!(circles(&files), ["a/x.rs a.rs"]);
    }

    #[test]
    fn a_name_counts_as_the_file_s_that_defines_it_however_often_it_is_re_exported() {
        let files = [
            ("lib.rs", "mod a; mod b; pub use a::X;"),
            ("a.rs", "mod x; pub use self::x::X as X;"),
            ("a/x.rs", "use crate::b::B; pub struct X;"),
            ("b.rs", "use crate::X; pub struct B;"),
        ];
        assert_eq!(circles(&files), ["a/x.rs b.rs"]);
    }
}
