//! Keeps what people are told.

use std::sync::Mutex;

use sync::{Event, Observer};

/// The notes of a run.
#[derive(Default)]
pub(crate) struct Notes(pub(crate) Mutex<Vec<String>>);

impl Observer for Notes {
    fn event(&self, event: &Event) {
        if let Event::Note { text, .. } = event {
            self.0.lock().unwrap().push(text.clone());
        }
    }
}
