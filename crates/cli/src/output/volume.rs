//! How much a run prints on stderr.

use sync::{Event, Outcome};

use crate::args::ShowArgs;

/// Only warnings and errors; or failures and progress; or also a line for each image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Volume {
    Quiet,
    Usual,
    Verbose,
    /// The usual amount, for a run whose results list its images.
    Named,
    /// Like `Named`, with the failed images listed, too.
    NamedWithFailed,
}

impl Volume {
    pub(crate) fn of(args: ShowArgs) -> Self {
        match (args.quiet, args.verbose) {
            (true, _) => Self::Quiet,
            (false, false) => Self::Usual,
            (false, true) => Self::Verbose,
        }
    }

    /// The volume for this kind of run: the results of a plan or a verification list its images.
    pub(crate) fn in_run(self, is_plan: bool, verifies: bool) -> Self {
        match self {
            Self::Usual if is_plan => Self::Named,
            Self::Usual if verifies => Self::NamedWithFailed,
            other => other,
        }
    }

    /// For programs that read events: they get each failure when it happens.
    pub(super) fn for_programs(self) -> Self {
        if self == Self::NamedWithFailed { Self::Named } else { self }
    }

    /// Whether the event's line is printed.
    pub(super) fn shows(self, event: &Event) -> bool {
        match (self, event) {
            // The findings of a dry run are its result.
            (Self::Usual, Event::ImageFinished(ended)) => {
                matches!(ended.outcome, Outcome::Failed(_) | Outcome::WouldCopy(_))
            }
            (Self::Quiet | Self::Named, Event::ImageFinished(ended)) => {
                matches!(ended.outcome, Outcome::Failed(_))
            }
            (Self::Verbose, _) => true,
            (Self::NamedWithFailed, Event::ImageFinished(_)) | (_, Event::Selected { .. }) => false,
            (Self::Usual | Self::Named | Self::NamedWithFailed, _) => true,
            (Self::Quiet, event) => {
                !matches!(event, Event::Note { .. } | Event::Retrying { .. } | Event::RetryingList { .. })
            }
        }
    }
}
