//! What happens to the connection to NATS, in words: refusals, and absences in the middle of a run.

use std::sync::Arc;

use ::fleet::{ConnectionEvent, Tell};

use crate::output::{amount_text, note, warn};

/// Says it on stderr.
pub(super) fn tell(server: &str) -> Tell {
    let server = server.to_owned();
    Arc::new(move |event| match words(&server, event) {
        Words::Odd(text) => warn(&text),
        Words::Good(text) => note(&text),
    })
}

#[derive(Debug, PartialEq, Eq)]
enum Words {
    Odd(String),
    Good(String),
}

fn words(server: &str, event: &ConnectionEvent) -> Words {
    match event {
        ConnectionEvent::Refused(what) => Words::Odd(format!("NATS refuses this login: {what}")),
        ConnectionEvent::Away { since } => {
            let since = jiff::Zoned::try_from(*since).unwrap_or_else(|_| jiff::Zoned::now());
            Words::Odd(format!(
                "NATS at {server} is away since {}: jobs in work go on, no other begins, and it is tried again until it is back. Look whether nats-server runs there and can be reached from here",
                since.strftime("%H:%M")
            ))
        }
        ConnectionEvent::Back { after } => {
            Words::Good(format!("NATS at {server} is back after {}", amount_text::took(*after)))
        }
        other => Words::Odd(format!("NATS at {server}: {other:?}")),
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;

    #[test]
    fn who_reads_along_learns_what_goes_on_without_nats() {
        let now = SystemTime::now();
        let Words::Odd(text) = words("nats://n:4222", &ConnectionEvent::Away { since: now }) else {
            panic!("it is odd")
        };
        let time = jiff::Zoned::try_from(now).unwrap().strftime("%H:%M").to_string();
        assert!(text.starts_with(&format!("NATS at nats://n:4222 is away since {time}: jobs in work go on")));
        let back = ConnectionEvent::Back { after: Duration::from_secs(75) };
        let told = words("nats://n:4222", &back);
        assert_eq!(told, Words::Good("NATS at nats://n:4222 is back after 1 min 15 s".to_owned()));
    }
}
