//! Checks whether a NATS server can carry a fleet, and the permissions of the login there.

use std::path::Path;
use std::sync::Arc;

use ::fleet::{Connection, Error, JetStream, Probe, Rights};

use super::clock;
use super::finding::{Finding, Step};
use crate::args::CheckFleetArgs;
use crate::command::fleet::{NO_LOGIN, NO_SERVER, access, no_connection, own_name};
use crate::config::ConfigError;
use crate::output::remainder;

/// The oldest server version with all that a fleet needs: direct reads of buckets.
const OLDEST: (u32, u32) = (2, 9);
/// Folders that a machine empties at boot, or that systemd makes private to a service.
const TEMPORARY: [&str; 4] = ["/tmp", "/var/tmp", "/dev/shm", "/run"];
/// The advice for a server without `JetStream`, or with its store in a wrong place. Debian's package creates no store folder.
const STORE: &str = "start it anew as `nats-server -js -sd FOLDER`, or with `jetstream { store_dir: \"FOLDER\" }` in its config, where FOLDER stays and its user may write: `install -d -o nats -g nats /var/lib/nats` makes one for Debian's service, whose config is /etc/nats-server.conf";
const USERS: &str = "docs/nats-users.conf has users with the rights that are needed";

/// Checks the NATS server that the flags name, if any.
pub(super) async fn look(args: &CheckFleetArgs) -> Result<Vec<Finding>, ConfigError> {
    let Some(url) = &args.fleet else { return Ok(Vec::new()) };
    let access = access(url, &args.login)?;
    let place = access.url().to_owned();
    let name = args.name.clone().unwrap_or_else(|| format!("check-{}", own_name()));
    // Refused rights are ignored here: the probe reports them.
    Ok(match Connection::open(&access, &name, Arc::new(|_| {})).await {
        Ok(connection) => judge(&place, &connection.probe().await),
        Err(error) => vec![not_reached(&place, &error)],
    })
}

fn not_reached(place: &str, error: &Error) -> Finding {
    match error {
        Error::Login { reason, .. } => Finding::problem(place, Step::Login, "NATS does not take this login")
            .why(reason)
            .next(NO_LOGIN)
            .by_login(),
        Error::Connect { reason, .. } => {
            let next = no_connection(reason);
            Finding::problem(place, Step::Port, "NATS cannot be reached").why(reason).next(next)
        }
        other => Finding::problem(place, Step::Answer, other.to_string()).next(NO_SERVER),
    }
}

fn judge(place: &str, probe: &Probe) -> Vec<Finding> {
    let mut findings = vec![version(place, &probe.version)];
    findings.extend(guard(place, probe));
    let jetstream = jetstream(place, &probe.jetstream);
    let is_on = !jetstream.is_problem();
    findings.push(jetstream);
    if is_on {
        findings.extend(probe.store.as_deref().map(|folder| store(place, folder)));
        findings.push(rights(place, &probe.rights));
    }
    let clock = probe.clock.map(|(theirs, ours)| clock::judge(place, "NATS", theirs, ours));
    findings.extend(clock);
    findings
}

fn version(place: &str, version: &str) -> Finding {
    let mut numbers = version.split('.').map_while(|number| number.parse::<u32>().ok());
    let known = numbers.next().zip(numbers.next());
    if known.is_some_and(|known| known < OLDEST) {
        let what = format!("nats-server {version} is too old");
        return Finding::problem(place, Step::Answer, what)
            .why("it cannot read single keys of a bucket: 2.9 was the first that could")
            .next("install 2.9 or later: Debian 12 has it");
    }
    Finding::ok(place, Step::Answer, format!("nats-server {version} answers"))
}

/// A warning about a server without logins, or without TLS.
fn guard(place: &str, probe: &Probe) -> Option<Finding> {
    let problem = |what: &str| Some(Finding::warning(place, Step::Login, what));
    match (probe.is_open_to_others, probe.wants_login, probe.is_encrypted) {
        (true, false, _) => {
            problem("NATS takes everybody who reaches it: they can read and write jobs").map(|finding| {
                finding.next(format!("give it users: {USERS}; or let it listen on 127.0.0.1 alone"))
            })
        }
        (true, true, false) => {
            problem("NATS is spoken to without TLS, and other machines reach it").map(|finding| {
                finding.next("add `tls { cert_file: ..., key_file: ... }` to its config, and --fleet-ca")
            })
        }
        _ => None,
    }
}

fn jetstream(place: &str, jetstream: &JetStream) -> Finding {
    match jetstream {
        JetStream::On => Finding::ok(place, Step::JetStream, "JetStream is on"),
        JetStream::Off => Finding::problem(place, Step::JetStream, "JetStream is off").next(STORE),
        JetStream::Refused(words) => {
            Finding::problem(place, Step::JetStream, "JetStream keeps nothing for this login")
                .why(words)
                .next("look at the account's `jetstream` limits, and at the free space of its store")
        }
    }
}

fn store(place: &str, folder: &Path) -> Finding {
    let shown = oci::foreign_text::clean(&folder.to_string_lossy()).into_owned();
    if TEMPORARY.iter().any(|temporary| folder.starts_with(temporary)) {
        return Finding::warning(place, Step::Store, format!("streams are kept in {shown}"))
            .why("a temporary folder is emptied: a run that is open then is lost, and planned again")
            .next(STORE);
    }
    Finding::ok(place, Step::Store, format!("streams are kept in {shown}"))
}

fn rights(place: &str, rights: &Rights) -> Finding {
    let ok = |what: String| Finding::ok(place, Step::Rights, what);
    match (&rights.worker_lacks[..], &rights.coordinator_lacks[..]) {
        ([], []) => ok("this login may coordinate, and work".to_owned()),
        ([], lacks) => ok(format!("this login may work; to coordinate it lacks: {}", some(lacks))),
        (lacks, []) => ok(format!("this login may coordinate; to work it lacks: {}", some(lacks))),
        (worker, _) => {
            let next = if worker
                .iter()
                .any(|right| right.starts_with("subscribe to ") && right.ends_with(".>"))
            {
                format!(
                    "{USERS}; a login with an inbox of its own is checked with --name or --fleet-inbox, as its worker has it"
                )
            } else {
                USERS.to_owned()
            };
            let what = "this login may neither work nor coordinate";
            Finding::problem(place, Step::Rights, what)
                .why(format!("not allowed: {}", some(worker)))
                .next(next)
                .by_login()
        }
    }
}

/// The first few of them, as text.
fn some(lacks: &[String]) -> String {
    const SHOWN: usize = 3;
    remainder::list(lacks, SHOWN)
}

#[cfg(test)]
mod tests {
    use super::super::finding::{Blame, Level};
    use super::*;

    #[test]
    fn servers_before_2_9_are_too_old() {
        assert!(version("n", "2.8.4").is_problem() && version("n", "1.4.1").is_problem());
        for good in ["2.9.10", "2.14.0", "3.0.0-dev", "odd"] {
            assert!(!version("n", good).is_problem(), "{good}");
        }
    }

    #[test]
    fn temporary_folders_are_told() {
        let level = |folder: &str| store("n", Path::new(folder)).level;
        assert_eq!(level("/tmp/nats/jetstream"), Level::Warning);
        assert_eq!(level("/tmp/systemd-private-1-nats.service-x/tmp/nats/jetstream"), Level::Warning);
        assert_eq!(level("/var/lib/nats/jetstream"), Level::Ok);
        assert_eq!(level("/tmpfiles/jetstream"), Level::Ok);
    }

    #[test]
    fn a_login_is_good_for_one_of_both_or_for_nothing() {
        let lacks = |number: usize| (0..number).map(|number| format!("publish to s{number}")).collect();
        let judge = |worker, coordinator| {
            let (worker_lacks, coordinator_lacks) = (lacks(worker), lacks(coordinator));
            rights("n", &Rights { worker_lacks, coordinator_lacks, ..Rights::default() })
        };
        assert_eq!(judge(0, 0).what, "this login may coordinate, and work");
        assert!(judge(0, 5).what.ends_with("lacks: publish to s0, publish to s1, publish to s2 and 2 more"));
        assert!(judge(1, 0).what.starts_with("this login may coordinate; to work it lacks: publish to s0"));
        let neither = judge(1, 1);
        assert_eq!((neither.level, neither.blame), (Level::Problem, Blame::Login));
    }
}
