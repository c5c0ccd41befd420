//! Warns when a run has no live worker, and names the command that starts one.

use std::borrow::Cow;
use std::path::Path;
use std::time::Duration;

use ::fleet::{Board, Standing};
use tokio_util::sync::CancellationToken;

use super::notices::Notices;
use crate::args::{FleetLoginArgs, JobArgs};
use crate::output::counted;

/// How often this task looks for live workers.
const LOOKED: Duration = Duration::from_secs(1);
/// A live worker appears on the board within this many updates.
const LOOKS: u32 = 5;

/// Warns when the run has no live worker: none has joined, or the last one left. Returns when the run is called off.
pub(super) async fn tell_when_none_is_there(
    board: &Board,
    (advice, notices): (&str, &Notices),
    cancel: &CancellationToken,
) {
    let mut absence = Absence::default();
    loop {
        tokio::time::sleep(LOOKED).await;
        if cancel.is_cancelled() {
            return;
        }
        let times = board.times_shown();
        let Some(standing) = board.standing() else { continue };
        let is_there = standing.workers.iter().any(|worker| worker.is_there);
        if absence.look(times, is_there)
            && let Some(what) = absence.words(&standing)
        {
            notices.warn(&format!("{what}. {advice}"));
        }
    }
}

/// Counts consecutive updates of the board without a live worker. The coordinator does not update it while it plans or publishes jobs.
#[derive(Default)]
struct Absence {
    looks: u32,
    /// How often the board had been updated at the last look.
    times: u64,
    has_come: bool,
}

impl Absence {
    /// Takes in a board that was updated `times` times; returns whether to warn now.
    fn look(&mut self, times: u64, is_there: bool) -> bool {
        let is_new = times > self.times;
        self.times = times;
        if is_there {
            (self.has_come, self.looks) = (true, 0);
            return false;
        }
        self.looks = self.looks.saturating_add(u32::from(is_new));
        is_new && self.looks == LOOKS
    }

    /// The warning for this progress. `None` if no job is left.
    fn words(&self, standing: &Standing) -> Option<String> {
        let Standing { waiting, in_work, done, workers } = standing;
        let left = waiting + in_work;
        // A coordinator that joined the run has not seen its earlier workers.
        let has_come = self.has_come || *done > 0 || !workers.is_empty();
        match (left, has_come) {
            (0, _) => None,
            (_, false) => Some("no worker has come for this run yet".to_owned()),
            (left, true) => Some(format!(
                "no worker is there any more: {left} of {} left",
                counted((left + done) as u64, "job", "jobs")
            )),
        }
    }
}

/// How to start workers for a coordinator with these flags.
pub(super) fn advice(url: &str, login: &FleetLoginArgs, job: &JobArgs) -> String {
    let whose = if own_login(login).is_empty() {
        ""
    } else {
        ", each with a login for workers, which may do less than this one (docs/nats-users.conf has both)"
    };
    format!(
        "Start as many as you like, here or where else this config is{whose}: `{}`",
        command(url, login, job)
    )
}

/// Placeholder flags for a worker's login, of the same kind as the coordinator's. It is never the same login: a worker only reads jobs and
/// writes results, so it needs fewer rights, and it hears its answers in an inbox of its own.
fn own_login(login: &FleetLoginArgs) -> Vec<&'static str> {
    let kinds = [
        (login.fleet_creds.is_some(), "--fleet-creds FILE"),
        (login.fleet_user.is_some(), "--fleet-user NAME"),
        (login.fleet_password_file.is_some(), "--fleet-password-file FILE"),
        (login.fleet_nkey.is_some(), "--fleet-nkey FILE"),
    ];
    kinds.into_iter().filter_map(|(is_given, flag)| is_given.then_some(flag)).collect()
}

fn command(url: &str, login: &FleetLoginArgs, job: &JobArgs) -> String {
    let mut words = vec!["image-syncer worker --fleet".to_owned(), in_shell(url).into_owned()];
    words.extend(own_login(login).into_iter().map(str::to_owned));
    let mut flag = |flag: &str, value: Option<Cow<'_, str>>| {
        words.extend(value.map(|value| format!("{flag} {}", in_shell(&value))));
    };
    let file = |path: &'_ Option<std::path::PathBuf>| path.as_deref().map(name).map(Cow::into_owned);
    let text = |text: &'_ Option<String>| text.clone();
    let (config, reach) = (&job.config, &job.reach);
    for (name, value) in [
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
    words.extend(job.run.no_state.then(|| "--no-state".to_owned()));
    words.join(" ")
}

/// A file that came by stdin has no name on the worker's machine.
fn name(path: &Path) -> Cow<'_, str> {
    if path.as_os_str() == "-" { Cow::Borrowed("FILE") } else { path.to_string_lossy() }
}

/// Quotes a word for a shell.
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

    fn parsed(line: &[&str]) -> SyncArgs {
        let typed = ["image-syncer sync", "--fleet", "tls://n.example"].iter().chain(line);
        SyncArgs::try_parse_from(typed).unwrap()
    }

    fn of(line: &[&str]) -> String {
        let args = parsed(line);
        command("tls://n.example", &args.fleet.login, &args.job)
    }

    #[test]
    fn nobody_is_missed_while_the_coordinator_does_not_look() {
        let mut absence = Absence::default();
        let mut look = |times: u64, is_there: bool| absence.look(times, is_there);
        // The coordinator plans.
        assert!((0..100).all(|_| !look(0, false)));
        // It publishes jobs. Then the updates that it missed meanwhile come all at once.
        assert!((0..100).all(|_| !look(1, false)));
        assert!(!look(101, false));
        assert!((102..104).all(|times| !look(times, false)));
        assert!(look(104, false));
        assert!((105..200).all(|times| !look(times, false)), "it is told once");
    }

    #[test]
    fn whoever_has_come_and_gone_is_missed_until_nothing_is_left() {
        let mut absence = Absence::default();
        let standing = |waiting, done| Standing { waiting, in_work: 0, done, workers: Vec::new() };
        assert_eq!(absence.words(&standing(3, 0)).as_deref(), Some("no worker has come for this run yet"));
        assert!(!absence.look(1, true));
        // A worker that is back in time causes no warning.
        assert!((2..6).all(|times| !absence.look(times, false)) && !absence.look(6, true));
        assert!((7..11).all(|times| !absence.look(times, false)) && absence.look(11, false));
        let gone = absence.words(&standing(1, 2));
        assert_eq!(gone.as_deref(), Some("no worker is there any more: 1 of 3 jobs left"));
        assert_eq!(absence.words(&standing(0, 3)), None);
        assert!(!absence.look(12, true));
        assert!((13..17).all(|times| !absence.look(times, false)) && absence.look(17, false), "once more");
    }

    #[test]
    fn whoever_coordinates_with_a_login_is_told_that_workers_have_another_one() {
        let advice = |line: &[&str]| {
            let args = parsed(line);
            advice("tls://n.example", &args.fleet.login, &args.job)
        };
        assert!(!advice(&[]).contains("login"));
        let with_login = advice(&["--fleet-creds", "coordinator.creds"]);
        assert!(with_login.contains("each with a login for workers"), "{with_login}");
        assert!(
            with_login.ends_with("`image-syncer worker --fleet tls://n.example --fleet-creds FILE`"),
            "{with_login}"
        );
    }

    #[test]
    fn a_worker_has_the_config_of_its_coordinator_a_login_of_its_own_and_nothing_that_a_worker_does_not_take()
    {
        assert_eq!(
            of(&["--config", "a.yaml", "--report", "r.json", "--force", "--state", "s.redb"]),
            "image-syncer worker --fleet tls://n.example --config a.yaml"
        );
        assert_eq!(
            of(&[
                "--fleet-user",
                "coordinator",
                "--fleet-password-file",
                "p",
                "--fleet-inbox=_INBOX_coordinator",
                "--fleet-ca=my files/ca.pem",
                "--images=-",
                "--auth=a.json",
                "--ca=r.io:5000=c.pem",
                "--insecure=a.io,b.io",
                "--fleet-insecure",
                "--no-state",
            ]),
            r"image-syncer worker --fleet tls://n.example --fleet-user NAME --fleet-password-file FILE --fleet-ca 'my files/ca.pem' --auth a.json --images FILE --insecure a.io --insecure b.io --ca r.io:5000=c.pem --fleet-insecure --no-state"
        );
    }
}
