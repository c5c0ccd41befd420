//! Records the notes for users.

use std::sync::Mutex;

use sync::{Event, Observer, Stamp};

/// The notes of a run.
#[derive(Default)]
pub(crate) struct Notes(pub(crate) Mutex<Vec<String>>);

impl Observer for Notes {
    fn event(&self, _: &Stamp, event: &Event) {
        if let Event::Note { text, .. } = event {
            self.0.lock().unwrap().push(text.clone());
        }
    }
}
