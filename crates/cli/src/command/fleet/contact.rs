//! Messages about the connection to NATS: refused permissions, and outages during a run.

use std::sync::Arc;

use ::fleet::{ConnectionEvent, Tell};
use jiff::Zoned;
use jiff::civil::DateTime;

use super::notices::Notices;
use crate::output::amount_text;

/// Sends these messages to the fleet's notices.
pub(super) fn tell(server: &str, notices: Arc<Notices>) -> Tell {
    let server = server.to_owned();
    Arc::new(move |event| match words(&server, event, &Zoned::now()) {
        Words::Odd(text) => notices.warn(&text),
        Words::Good(text) => notices.note(&text),
    })
}

#[derive(Debug, PartialEq, Eq)]
enum Words {
    Odd(String),
    Good(String),
}

fn words(server: &str, event: &ConnectionEvent, now: &Zoned) -> Words {
    match event {
        ConnectionEvent::Refused(what) => Words::Odd(format!("NATS refuses this login: {what}")),
        ConnectionEvent::Away { since } => {
            let since = Zoned::try_from(*since).unwrap_or_else(|_| now.clone());
            Words::Odd(format!(
                "NATS at {server} has been away since {}: jobs in work go on, no other begins, and it is tried again until it is back. Look whether nats-server runs there and can be reached from here",
                moment(since.datetime(), now.datetime())
            ))
        }
        ConnectionEvent::Back { after } => {
            Words::Good(format!("NATS at {server} is back after {}", amount_text::took(*after)))
        }
    }
}

/// The time of day, with the date if that is not today's.
fn moment(since: DateTime, now: DateTime) -> String {
    let form = if since.date() == now.date() { "%H:%M" } else { "%Y-%m-%d %H:%M" };
    since.strftime(form).to_string()
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;

    #[test]
    fn who_reads_along_learns_what_goes_on_without_nats() {
        let at = |text: &str| text.parse::<DateTime>().unwrap();
        let away = |since: &str| moment(at(since), at("2026-11-30T12:05:00"));
        assert_eq!(away("2026-11-30T12:03:59"), "12:03");
        assert_eq!(away("2026-11-29T23:58:00"), "2026-11-29 23:58");
        let (since, now) = (SystemTime::now(), Zoned::now());
        let Words::Odd(text) = words("nats://n:4222", &ConnectionEvent::Away { since }, &now) else {
            panic!("it is odd")
        };
        assert!(text.starts_with("NATS at nats://n:4222 has been away since "), "{text}");
        let back = ConnectionEvent::Back { after: Duration::from_secs(75) };
        let told = words("nats://n:4222", &back, &now);
        assert_eq!(told, Words::Good("NATS at nats://n:4222 is back after 1 min 15 s".to_owned()));
    }
}
