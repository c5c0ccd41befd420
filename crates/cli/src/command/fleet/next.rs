//! What to do about a fleet that cannot go on.

use ::fleet::Error;

use super::NO_SERVER;
use crate::config::ConfigError;

/// The error, with what to do.
pub(in crate::command) fn with_next(error: &Error) -> ConfigError {
    let told = ConfigError::new(error.to_string());
    match next(error) {
        Some(next) => told.help(next),
        None => told,
    }
}

fn next(error: &Error) -> Option<&'static str> {
    Some(match error {
        Error::RunLost { .. } | Error::Gone { .. } => {
            "start `sync` again with the same config: what is at the targets already is skipped. Keep NATS' store out of folders that a machine empties: `image-syncer check --fleet URL` tells where it is"
        }
        Error::NameTaken(_) => {
            "give this one a name of its own (--name NAME), or leave --name out: then it is called after host and process"
        }
        Error::TooLarge(_) => {
            "take larger messages: `max_payload: 8MB` in nats-server's config, of which 900 KiB are used"
        }
        Error::NotCalledOff { .. } => {
            "when NATS is back, start `sync` again with the same config: it joins the run, and Ctrl-C there calls it off"
        }
        Error::NoAnswer { .. } => {
            "look whether nats-server runs there and keeps streams (`image-syncer check --fleet URL` tells), and start this again"
        }
        Error::Refused { .. } => NO_SERVER,
        _ => return None,
    })
}
