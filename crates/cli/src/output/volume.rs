//! How much is said on stderr while a run goes on.

use sync::{Event, Outcome};

use crate::args::ShowArgs;

/// Nothing but warnings and errors; or failures and progress; or a line for each image, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Volume {
    Quiet,
    Usual,
    Verbose,
    /// As usual, of a run whose results name its images themselves.
    Named,
    /// The same where they name also those that failed.
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

    /// The same for a run whose results may name its images themselves: those of a plan do, and what was verified.
    pub(crate) fn in_run(self, is_plan: bool, verifies: bool) -> Self {
        match self {
            Self::Usual if is_plan => Self::Named,
            Self::Usual if verifies => Self::NamedWithFailed,
            other => other,
        }
    }

    /// For programs that read what happens: they want each failure when it comes.
    pub(super) fn for_programs(self) -> Self {
        if self == Self::NamedWithFailed { Self::Named } else { self }
    }

    /// Whether an event's line is shown.
    pub(super) fn shows(self, event: &Event) -> bool {
        match (self, event) {
            // What a dry run finds is what it was asked for.
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
