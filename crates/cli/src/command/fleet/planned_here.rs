//! A warning about a run that this coordinator plans. One that it joins was planned by another coordinator.

use std::sync::{Arc, Mutex, PoisonError};

use ::sync::{Event, Observer, Stamp};

use super::notices::Notices;

/// Waits for the event that shows whether the run was joined.
pub(in crate::command) struct WarnIfPlannedHere {
    warning: Mutex<Option<String>>,
    notices: Arc<Notices>,
}

impl WarnIfPlannedHere {
    pub(in crate::command) fn new(warning: String, notices: Arc<Notices>) -> Self {
        Self { warning: Mutex::new(Some(warning)), notices }
    }
}

impl Observer for WarnIfPlannedHere {
    fn event(&self, _: &Stamp, event: &Event) {
        // Notes about NATS may come before.
        if matches!(event, Event::Note { .. }) {
            return;
        }
        let warning = self.warning.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(warning) = warning.filter(|_| !matches!(event, Event::RunJoined { .. })) {
            self.notices.warn(&warning);
        }
    }
}
