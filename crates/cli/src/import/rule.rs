//! A rule of ours, made by an import. Fields that are not set are not printed: the defaults apply.

use super::tree::Tree;

/// One entry of `sync`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Rule {
    pub(super) name: Option<String>,
    pub(super) from: String,
    pub(super) to: Vec<String>,
    pub(super) repositories: Patterns,
    pub(super) tags: Tags,
    pub(super) platforms: Option<Platforms>,
    pub(super) referrers: Option<Referrers>,
    pub(super) keeps_conflicts: bool,
}

/// Patterns to include and to exclude.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Patterns {
    pub(super) include: Vec<String>,
    pub(super) exclude: Vec<String>,
}

/// A tag selection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Tags {
    /// Each inner list must match.
    pub(super) include: Vec<Vec<String>>,
    pub(super) exclude: Vec<String>,
    pub(super) semver: Option<String>,
    /// Only versions without a suffix.
    pub(super) is_plain_only: bool,
    pub(super) prereleases: bool,
    /// The number of newest tags in the whole repository, whatever their variants.
    pub(super) latest: Option<u32>,
    pub(super) pins: Vec<String>,
    pub(super) at_least: Option<u32>,
}

/// The platforms, and what happens to the index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Platforms {
    pub(super) only: Vec<String>,
    pub(super) index: Index,
}

/// What happens to an index if only a part of it is copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Index {
    /// The form that the target accepts.
    Auto,
    /// It keeps its digest.
    Sparse,
    /// It gets another digest.
    Rewrite,
}

/// The signatures and other referrers to copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Referrers {
    None,
    Types(Vec<String>),
    AllBut(Vec<String>),
}

impl Rule {
    pub(super) fn tree(&self) -> Tree {
        let mut entries = Vec::new();
        entries.extend(self.name.as_ref().map(|name| ("name", Tree::text(name))));
        entries.push(("from", Tree::text(&self.from)));
        entries.push((
            "to",
            match &self.to[..] {
                [one] => Tree::text(one),
                several => Tree::row(several),
            },
        ));
        entries.extend(self.repositories.tree().map(|tree| ("repositories", tree)));
        entries.extend(self.tags.tree().map(|tree| ("tags", tree)));
        entries.extend(self.platforms.as_ref().map(|platforms| ("platforms", platforms.tree())));
        entries.extend(self.referrers.as_ref().map(|referrers| ("referrers", referrers.tree())));
        if self.keeps_conflicts {
            entries.push(("onConflict", Tree::text("keep")));
        }
        Tree::Map(entries)
    }

    /// Source and target, for messages.
    pub(super) fn way(&self) -> String {
        format!("`{}` -> `{}`", self.from, self.to.join("`, `"))
    }
}

impl Patterns {
    fn tree(&self) -> Option<Tree> {
        let both = [("include", &self.include), ("exclude", &self.exclude)];
        let written = both.into_iter().filter(|(_, patterns)| !patterns.is_empty());
        let entries: Vec<_> = written.map(|(key, patterns)| (key, Tree::row(patterns))).collect();
        (!entries.is_empty()).then_some(Tree::Map(entries))
    }
}

impl Tags {
    /// Patterns of which any must match.
    pub(super) fn any_of(patterns: Vec<String>) -> Self {
        let include = if patterns.is_empty() { Vec::new() } else { vec![patterns] };
        Self { include, ..Self::default() }
    }

    /// Whether every tag is selected.
    pub(super) fn is_all(&self) -> bool {
        *self == Self { at_least: self.at_least, ..Self::default() }
    }

    fn tree(&self) -> Option<Tree> {
        let mut entries = Vec::new();
        match &self.include[..] {
            [] => {}
            [one] => entries.push(("include", Tree::row(one))),
            several => entries.push(("include", Tree::Row(several.iter().map(Tree::row).collect()))),
        }
        if !self.exclude.is_empty() {
            entries.push(("exclude", Tree::row(&self.exclude)));
        }
        entries.extend(self.semver.as_ref().map(|range| ("semver", Tree::text(range))));
        if self.is_plain_only {
            entries.push(("variants", Tree::row([""])));
        }
        if self.prereleases {
            entries.push(("prereleases", Tree::truth(true)));
        }
        entries.extend(self.latest.map(|count| {
            ("latest", Tree::Map(vec![("count", Tree::number(count)), ("per", Tree::text("repository"))]))
        }));
        if !self.pins.is_empty() {
            entries.push(("pins", Tree::row(&self.pins)));
        }
        entries.extend(self.at_least.map(|count| ("atLeast", Tree::number(count))));
        (!entries.is_empty()).then_some(Tree::Map(entries))
    }
}

impl Platforms {
    fn tree(&self) -> Tree {
        let only = Tree::row(&self.only);
        let index = match self.index {
            Index::Auto => return only,
            Index::Sparse => "sparse",
            Index::Rewrite => "rewrite",
        };
        Tree::Map(vec![("only", only), ("index", Tree::text(index))])
    }
}

impl Referrers {
    fn tree(&self) -> Tree {
        match self {
            Self::None => Tree::truth(false),
            Self::Types(types) => Tree::Map(vec![("types", Tree::row(types))]),
            Self::AllBut(types) => Tree::Map(vec![("exclude", Tree::row(types))]),
        }
    }
}
