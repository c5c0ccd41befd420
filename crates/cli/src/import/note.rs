//! The notes of an import: what it kept, what changed its meaning, and what was left out.

/// The list that a note belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// It means the same in our config.
    Kept,
    /// It was converted, but has another meaning than in the other tool.
    Changed,
    /// It is not in the output.
    LeftOut,
}

/// An item of the other tool's file, and how it was converted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Note {
    pub(crate) kind: Kind,
    /// Its name in the file.
    pub(crate) what: String,
    pub(crate) why: String,
    /// Its line; `None` for the whole file or the command line.
    pub(crate) line: Option<usize>,
}

/// All notes of an import.
#[derive(Debug, Default)]
pub(super) struct Notes(Vec<Note>);

impl Notes {
    pub(super) fn kept(&mut self, line: usize, what: impl Into<String>, why: impl Into<String>) {
        self.add(Kind::Kept, Some(line), what.into(), why.into());
    }

    pub(super) fn changed(&mut self, line: usize, what: impl Into<String>, why: impl Into<String>) {
        self.add(Kind::Changed, Some(line), what.into(), why.into());
    }

    /// Adds a change that affects all rules, or is about the command line.
    pub(super) fn changed_for_all(&mut self, what: impl Into<String>, why: impl Into<String>) {
        self.add(Kind::Changed, None, what.into(), why.into());
    }

    /// Adds something that our config needs and the other tool's file never has.
    pub(super) fn missing(&mut self, what: impl Into<String>, why: impl Into<String>) {
        self.add(Kind::LeftOut, None, what.into(), why.into());
    }

    pub(super) fn left_out(&mut self, line: usize, what: impl Into<String>, why: impl Into<String>) {
        self.add(Kind::LeftOut, Some(line), what.into(), why.into());
    }

    /// Whether there is a note about all rules.
    pub(super) fn has_any_for_all(&self) -> bool {
        self.0.iter().any(|note| note.line.is_none())
    }

    /// The three lists in sequence, each in the file's order, without duplicates.
    pub(super) fn sorted(mut self) -> Vec<Note> {
        self.0.sort_by_key(|note| (note.kind, note.line));
        self.0.dedup();
        self.0
    }

    fn add(&mut self, kind: Kind, line: Option<usize>, what: String, why: String) {
        self.0.push(Note { kind, what, why, line });
    }
}
