//! Tells how a worker is started, where a run waits for one.

use std::borrow::Cow;
use std::path::Path;
use std::time::Duration;

use ::fleet::Board;
use tokio_util::sync::CancellationToken;

use crate::args::{FleetLoginArgs, JobArgs};
use crate::output::warn;

/// How often is looked whether somebody has come.
const LOOKED: Duration = Duration::from_secs(1);
/// A worker that is there tells it within so many looks.
const LOOKS: u32 = 5;

/// Returns once somebody has come, or it was told that nobody has.
pub(super) async fn tell_if_none_comes(board: &Board, worker: &str, cancel: &CancellationToken) {
    let mut looks = 0;
    while looks < LOOKS {
        tokio::time::sleep(LOOKED).await;
        match board.standing() {
            Some(standing) if !standing.workers.is_empty() => return,
            Some(_) => looks += 1,
            // It is being planned.
            None => {}
        }
        if cancel.is_cancelled() {
            return;
        }
    }
    warn(&format!(
        "no worker has come for this run yet. Start as many as you like, here or where else this config is: `{worker}`"
    ));
}

/// The command that starts a worker for what a coordinator with these flags hands out.
pub(super) fn command(url: &str, login: &FleetLoginArgs, job: &JobArgs) -> String {
    let mut words = vec!["image-syncer worker --fleet".to_owned(), url.to_owned()];
    let mut flag = |flag: &str, value: Option<Cow<'_, str>>| {
        words.extend(value.map(|value| format!("{flag} {}", in_shell(&value))));
    };
    let file = |path: &'_ Option<std::path::PathBuf>| path.as_deref().map(name).map(Cow::into_owned);
    let text = |text: &'_ Option<String>| text.clone();
    let (config, reach) = (&job.config, &job.reach);
    for (name, value) in [
        ("--fleet-creds", file(&login.fleet_creds)),
        ("--fleet-user", text(&login.fleet_user)),
        ("--fleet-password-file", file(&login.fleet_password_file)),
        ("--fleet-nkey", file(&login.fleet_nkey)),
        ("--fleet-inbox", text(&login.fleet_inbox)),
        ("--fleet-ca", file(&login.fleet_ca)),
        ("--config", file(&config.config)),
        ("--auth", file(&config.auth)),
        ("--images", file(&config.images)),
        ("--registry", text(&config.registry)),
        ("--namespace", text(&config.namespace)),
    ] {
        flag(name, value.map(Cow::Owned));
    }
    reach.insecure.iter().for_each(|host| flag("--insecure", Some(Cow::Borrowed(host.as_str()))));
    reach.plain_http.iter().for_each(|host| flag("--plain-http", Some(Cow::Borrowed(host.as_str()))));
    for (host, authority) in &reach.ca {
        flag("--ca", Some(Cow::Owned(format!("{host}={}", name(authority)))));
    }
    words.extend(login.fleet_insecure.then(|| "--fleet-insecure".to_owned()));
    // On this machine the coordinator has the usual one.
    words.push(if job.run.no_state { "--no-state" } else { "--state worker.redb" }.to_owned());
    words.join(" ")
}

/// What came by stdin has no name there.
fn name(path: &Path) -> Cow<'_, str> {
    if path.as_os_str() == "-" { Cow::Borrowed("FILE") } else { path.to_string_lossy() }
}

/// As a word for a shell.
fn in_shell(word: &str) -> Cow<'_, str> {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./:=@%+,[]".contains(letter);
    if !word.is_empty() && word.chars().all(is_plain) {
        return Cow::Borrowed(word);
    }
    Cow::Owned(format!("'{}'", word.replace('\'', r"'\''")))
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::args::SyncArgs;

    fn of(line: &[&str]) -> String {
        let typed = ["image-syncer sync", "--fleet", "tls://n.example"].iter().chain(line);
        let args = SyncArgs::try_parse_from(typed).unwrap();
        command("tls://n.example", &args.fleet.login, &args.job)
    }

    #[test]
    fn a_worker_has_the_login_and_the_config_of_its_coordinator_and_nothing_that_a_worker_does_not_take() {
        assert_eq!(
            of(&["--config", "a.yaml", "--report", "r.json", "--force", "--state", "s.redb"]),
            "image-syncer worker --fleet tls://n.example --config a.yaml --state worker.redb"
        );
        assert_eq!(
            of(&[
                "--fleet-user",
                "o'neill",
                "--fleet-password-file",
                "my files/p",
                "--fleet-ca=ca.pem",
                "--images=-",
                "--auth=a.json",
                "--ca=r.io:5000=c.pem",
                "--insecure=a.io,b.io",
                "--fleet-insecure",
                "--no-state",
            ]),
            r"image-syncer worker --fleet tls://n.example --fleet-user 'o'\''neill' --fleet-password-file 'my files/p' --fleet-ca ca.pem --auth a.json --images FILE --insecure a.io --insecure b.io --ca r.io:5000=c.pem --fleet-insecure --no-state"
        );
    }
}
