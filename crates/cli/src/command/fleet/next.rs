//! Advice for errors that stop a fleet.

use ::fleet::Error;

use crate::config::ConfigError;

/// Advice for a server that does not answer.
pub(in crate::command) const NO_SERVER: &str = "is nats-server running there with JetStream (`jetstream { store_dir: ... }`)? docs/scale.md has a config";
/// Advice for a failed connection, by the reason of the failure.
pub(in crate::command) fn no_connection(reason: &str) -> &'static str {
    if reason.contains("UnknownIssuer") { NO_TRUST } else { NO_SERVER }
}

/// Advice for a certificate whose issuer this machine does not trust.
const NO_TRUST: &str =
    "name the PEM file of the authority that signed the server's certificate: --fleet-ca FILE";
/// Advice for a login that NATS rejects.
pub(in crate::command) const NO_LOGIN: &str = "give the login that the server's config has: --fleet-user NAME --fleet-password-file FILE, --fleet-nkey FILE or --fleet-creds FILE";

/// The error with its advice.
pub(in crate::command) fn with_next(error: &Error) -> ConfigError {
    let told = ConfigError::new(error.to_string());
    match next(error) {
        Some(next) => told.help(next),
        None => told,
    }
}

/// The advice for an error.
pub(super) fn next(error: &Error) -> Option<&'static str> {
    Some(match error {
        Error::Login { .. } => NO_LOGIN,
        Error::Connect { reason, .. } => no_connection(reason),
        Error::RunLost { .. } | Error::Gone { .. } => {
            "start `sync` again with the same config: what is at the targets already is skipped. Keep NATS' store out of folders that a machine empties: `image-syncer check --fleet URL` tells where it is"
        }
        Error::NameTaken(_) => {
            "give this one a name of its own (--name NAME), or leave --name out: then it is called after host and process"
        }
        Error::TooLarge(_) => {
            "take larger messages: `max_payload: 8MB` in nats-server's config, of which 900 KiB are used"
        }
        Error::TooManyRuns { .. } => {
            "start `sync --fleet` with the config of such a run, which joins it, and let it end or press Ctrl-C: a run whose coordinator was killed stays open until then"
        }
        Error::Malformed { .. } => {
            "another program, or another release, has written there: find out which one uses this NATS. `nats kv del isync_runs runs` makes NATS forget all runs; what is at the targets stays"
        }
        Error::MessageTooLarge { .. } => {
            "let NATS take messages of 1 MB: `max_payload: 1MB` or more in nats-server's config, and no lower `max_msg_size` on its streams (`nats stream edit --max-msg-size=-1`)"
        }
        Error::NotCalledOff { .. } => {
            "when NATS answers and has room, start `sync` again with the same config: it joins the run, and Ctrl-C there calls it off"
        }
        Error::NoAnswer { .. } => {
            "look whether nats-server runs there and keeps streams (`image-syncer check --fleet URL` tells), and start this again"
        }
        Error::NoCoordinator(_) => {
            "give the login of the coordinator, which may make the queue and the runs (docs/nats-users.conf calls it `coordinator`): with a worker's login, start `image-syncer worker`. `image-syncer check --fleet URL` tells what a login lacks"
        }
        Error::NoInbox(_) => {
            "name the inbox that the server's config gives this login, without its end `.>`: --fleet-inbox _INBOX_NAME"
        }
        Error::NoJetStream { .. } => {
            "write `jetstream { store_dir: ... }` into nats-server's config, and start it again: docs/scale.md has a config"
        }
        Error::Refused { .. } => {
            "give nats-server a store with room in it (`jetstream { store_dir: ... }`), and this login its rights: docs/scale.md has a config, and `image-syncer check --fleet URL` tells what is missing"
        }
        _ => return None,
    })
}
