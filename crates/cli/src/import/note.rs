//! What an import tells beside its output: what it kept, what means something else now, what has no place here.

/// Which of the three lists a note belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// It means the same here.
    Kept,
    /// It is written down, but it means something else than it did for the other tool.
    Changed,
    /// It is not in the output.
    LeftOut,
}

/// One thing of the other tool's file, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Note {
    pub(crate) kind: Kind,
    /// As the file calls it.
    pub(crate) what: String,
    pub(crate) why: String,
    /// Where it stands; none for what the whole file or the command line says.
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

    /// What changes for all rules alike, or is about the command line.
    pub(super) fn changed_for_all(&mut self, what: impl Into<String>, why: impl Into<String>) {
        self.add(Kind::Changed, None, what.into(), why.into());
    }

    /// What no file of that tool says, and ours has to.
    pub(super) fn missing(&mut self, what: impl Into<String>, why: impl Into<String>) {
        self.add(Kind::LeftOut, None, what.into(), why.into());
    }

    pub(super) fn left_out(&mut self, line: usize, what: impl Into<String>, why: impl Into<String>) {
        self.add(Kind::LeftOut, Some(line), what.into(), why.into());
    }

    /// Whether something was told about all rules alike.
    pub(super) fn has_any_for_all(&self) -> bool {
        self.0.iter().any(|note| note.line.is_none())
    }

    /// The three lists one behind the other, each in the file's order. What was told twice stands there once.
    pub(super) fn sorted(mut self) -> Vec<Note> {
        self.0.sort_by_key(|note| (note.kind, note.line));
        self.0.dedup();
        self.0
    }

    fn add(&mut self, kind: Kind, line: Option<usize>, what: String, why: String) {
        self.0.push(Note { kind, what, why, line });
    }
}
