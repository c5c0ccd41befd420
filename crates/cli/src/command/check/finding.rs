//! A finding: one check, its problem, the other side's own words, and the advice.

use std::borrow::Cow;

use serde::Serialize;

use crate::config::ConfigError;

/// The result of one check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    pub(super) level: Level,
    /// A registry, or a repository in it.
    pub(super) place: String,
    /// The name of the rule that uses this place, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) rule: Option<String>,
    pub(super) step: Step,
    pub(super) what: String,
    /// The other side's own words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) why: Option<String>,
    /// What to do about it.
    #[serde(rename = "do", skip_serializing_if = "Option::is_none")]
    pub(super) next: Option<String>,
    #[serde(skip)]
    pub(super) blame: Blame,
}

/// The severity of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Level {
    Ok,
    /// It may be intended, or may fail for some images only.
    Warning,
    /// Copying would fail.
    Problem,
}

/// The cause of a problem, for the exit status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Blame {
    /// A login is refused, or lacks a permission.
    Login,
    Other,
}

/// Defines the steps and their words from one table, so that a list of all steps is complete.
macro_rules! steps {
    ($($(#[$condition:meta])* $name:ident => $word:literal,)*) => {
        /// The step that a finding is about, in the order of a copy.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
        #[serde(rename_all = "lowercase")]
        pub(super) enum Step {
            $($(#[$condition])* $name,)*
        }

        impl Step {
            pub(super) const ALL: &[Self] = &[$($(#[$condition])* Self::$name,)*];

            pub(super) fn as_str(self) -> &'static str {
                match self {
                    $($(#[$condition])* Self::$name => $word,)*
                }
            }
        }
    };
}

steps! {
    Config => "config",
    Edition => "edition",
    Name => "name",
    Port => "port",
    Whitelist => "whitelist",
    Tls => "tls",
    Answer => "answer",
    Clock => "clock",
    Login => "login",
    Quota => "quota",
    Repositories => "repositories",
    Tags => "tags",
    Pull => "pull",
    Blobs => "blobs",
    Content => "content",
    Namespace => "namespace",
    Push => "push",
    #[cfg(feature = "fleet")]
    JetStream => "jetstream",
    #[cfg(feature = "fleet")]
    Store => "store",
    #[cfg(feature = "fleet")]
    Rights => "rights",
    Speed => "speed",
}

impl Finding {
    pub(super) fn ok(place: impl Into<String>, step: Step, what: impl Into<String>) -> Self {
        Self::new(Level::Ok, place, step, what)
    }

    pub(super) fn warning(place: impl Into<String>, step: Step, what: impl Into<String>) -> Self {
        Self::new(Level::Warning, place, step, what)
    }

    pub(super) fn problem(place: impl Into<String>, step: Step, what: impl Into<String>) -> Self {
        Self::new(Level::Problem, place, step, what)
    }

    /// The finding for an error of the config.
    pub(super) fn of_config(error: &ConfigError) -> Self {
        let finding = Self::problem("config", Step::Config, error.problem());
        Self { next: error.advice().map(Cow::into_owned), ..finding }
    }

    fn new(level: Level, place: impl Into<String>, step: Step, what: impl Into<String>) -> Self {
        let (place, what, blame) = (place.into(), what.into(), Blame::Other);
        Self { level, place, rule: None, step, what, why: None, next: None, blame }
    }

    pub(super) fn why(self, words: impl Into<String>) -> Self {
        Self { why: Some(words.into()), ..self }
    }

    pub(super) fn next(self, advice: impl Into<String>) -> Self {
        Self { next: Some(advice.into()), ..self }
    }

    /// Marks the finding as caused by a login.
    pub(super) fn by_login(self) -> Self {
        Self { blame: Blame::Login, ..self }
    }

    pub(super) fn is_problem(&self) -> bool {
        self.level == Level::Problem
    }
}
