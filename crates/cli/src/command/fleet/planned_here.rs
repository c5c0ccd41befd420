//! Tells something of a run that is planned here, and not of one that was joined.

use std::sync::{Mutex, PoisonError};

use ::sync::{Event, Observer, Stamp};

use crate::output::warn;

/// Watches a run until it shows which of both it is.
pub(in crate::command) struct WarnIfPlannedHere(Mutex<Option<String>>);

impl WarnIfPlannedHere {
    pub(in crate::command) fn of(warning: String) -> Self {
        Self(Mutex::new(Some(warning)))
    }
}

impl Observer for WarnIfPlannedHere {
    fn event(&self, _: &Stamp, event: &Event) {
        // Notes tell of NATS, which may come before.
        if matches!(event, Event::Note { .. }) {
            return;
        }
        let warning = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(warning) = warning.filter(|_| !matches!(event, Event::RunJoined { .. })) {
            warn(&warning);
        }
    }
}
