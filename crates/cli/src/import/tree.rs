//! A config in the form in which it will be printed.

/// A value with its layout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Tree {
    /// Quoted if necessary.
    Text(String),
    /// A number or boolean.
    Word(String),
    /// Texts, or lists of them, on one line if they fit.
    Row(Vec<Tree>),
    /// Maps, one below another.
    Items(Vec<Tree>),
    Map(Vec<(&'static str, Tree)>),
    /// A map whose keys are names.
    Named(Vec<(String, Tree)>),
}

impl Tree {
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    pub(super) fn row<T: Into<String>>(texts: impl IntoIterator<Item = T>) -> Self {
        Self::Row(texts.into_iter().map(Self::text).collect())
    }

    pub(super) fn truth(truth: bool) -> Self {
        Self::Word(truth.to_string())
    }

    pub(super) fn number(number: u32) -> Self {
        Self::Word(number.to_string())
    }
}
