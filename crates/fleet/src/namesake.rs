//! Two workers of one name: NATS and the coordinator would mix up their entries in the book, their beats and their inboxes, so the second
//! one is refused. A worker that was killed sends no beats, so its successor begins at once.

use std::time::Duration;

use tokio::sync::watch;

use crate::connection::{BEATS, Connection};
use crate::error::Error;
use crate::message;
use crate::message::beat::WhoHas;

/// How long the process that has the name may take to answer. A later answer is heard while this worker works.
const ANSWER: Duration = Duration::from_millis(500);

/// Knows whether another live process has this one's name.
pub(crate) struct Namesake {
    name: String,
    born: u64,
    other: watch::Sender<Option<u64>>,
}

impl Namesake {
    pub(crate) fn of(name: &str, born: u64) -> Self {
        Self { name: name.to_owned(), born, other: watch::Sender::new(None) }
    }

    /// Whether it is another process of the same name.
    pub(crate) fn is(&self, name: &str, born: u64) -> bool {
        name == self.name && born != self.born
    }

    /// Another process of this name has sent a beat.
    pub(crate) fn heard(&self, born: u64, leaves: bool) {
        self.other.send_replace(Some(born).filter(|_| !leaves));
    }

    /// Asks whether another live process has the name.
    ///
    /// # Errors
    /// Another process has it.
    pub(crate) async fn ask(&self, connection: &Connection) -> Result<(), Error> {
        let question = WhoHas { name: self.name.clone(), born: self.born };
        let _ = connection.client.publish(BEATS, message::write(&question)).await;
        let mut other = self.other.subscribe();
        let answered = tokio::time::timeout(ANSWER, other.wait_for(Option::is_some)).await;
        if answered.is_ok() { Err(self.taken()) } else { Ok(()) }
    }

    /// Waits until a process is heard that had this name earlier: two that asked at the same time did not hear each other's answers.
    pub(crate) async fn earlier(&self) -> Error {
        let is_earlier = |other: &Option<u64>| other.is_some_and(|born| born < self.born);
        if self.other.subscribe().wait_for(is_earlier).await.is_err() {
            std::future::pending::<()>().await;
        }
        self.taken()
    }

    fn taken(&self) -> Error {
        Error::NameTaken(self.name.clone())
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn of_two_that_came_together_the_later_one_leaves() {
        let (first, second) = (Namesake::of("w1", 1), Namesake::of("w1", 2));
        assert!(first.is("w1", 2) && !first.is("w1", 1) && !first.is("w2", 2));
        first.heard(2, false);
        second.heard(1, false);
        assert!(first.earlier().now_or_never().is_none());
        assert!(matches!(second.earlier().now_or_never(), Some(Error::NameTaken(name)) if name == "w1"));
        second.heard(1, true);
        assert!(second.earlier().now_or_never().is_none(), "who has left has the name no longer");
    }
}
