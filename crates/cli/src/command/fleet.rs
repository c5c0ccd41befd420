//! What the coordinator and workers share: the connection to NATS, the digest of the rules, and the lookup of endpoints.

mod bind;
mod brought;
mod contact;
mod limits;
mod next;
mod no_worker;
mod notices;
mod planned_here;
mod spending;
mod standing;

use std::path::Path;
use std::sync::Arc;

use ::fleet::{Access, AccessError, Board, Connection, Coordinator, Explain, Login, Plan};
use ::sync::{Observer, Report, RunId, Sync};
use oci::Digest;
use tokio_util::sync::CancellationToken;

pub(super) use self::bind::bind;
use self::brought::{brought, failure};
use self::contact::tell;
pub(super) use self::limits::Limits;
pub(super) use self::next::{NO_LOGIN, NO_SERVER, no_connection, with_next};
pub(super) use self::notices::Notices;
use self::planned_here::WarnIfPlannedHere;
pub(super) use self::spending::count_spending;
use self::standing::standing;
use super::heads::config_digest;
use crate::args::{FleetArgs, FleetLoginArgs, JobArgs, OnlyArgs};
use crate::config::{ConfigError, Written};
use crate::diagnostic;
use crate::done::{Brought, StopKind};
use crate::output::{AskFleet, LogFile};

/// A run whose jobs are handed out to workers.
pub(crate) struct FleetRun {
    connection: Connection,
    config: Digest,
    selection: Digest,
    run: Option<String>,
    ack_wait: std::time::Duration,
    board: Board,
    notices: Arc<Notices>,
    /// The command that starts a worker.
    advice: String,
}

/// Connects to NATS, with `--fleet`.
pub(super) async fn fleet_run(
    args: &FleetArgs,
    config: Written,
    job: &JobArgs,
    only: &OnlyArgs,
) -> Result<Option<FleetRun>, Vec<ConfigError>> {
    let Some(url) = &args.fleet else { return Ok(None) };
    if job.run.bandwidth.is_some() {
        let error = ConfigError::new("--bandwidth does nothing here: the workers copy");
        return Err(vec![
            error.help("give --bandwidth to each `image-syncer worker`: they divide it among them"),
        ]);
    }
    let name = format!("coordinator-{}", own_name());
    let notices = Notices::new(job.run.show);
    let connection = connect(url, &args.login, &name, notices.clone()).await.map_err(|error| vec![error])?;
    let run = &job.run;
    // The flags that select images: workers don't have them.
    let selection =
        format!("{only:?} {:?} {} {:?} {:?}", run.narrow, run.force, job.retry_failed, job.config.registry);
    let (config, selection) = (digest(config, job)?, Digest::sha256(selection.as_bytes()));
    // Before planning: without a queue the coordinator cannot hand out jobs.
    let ack_wait = std::time::Duration::from_secs(args.fleet_patience.into());
    connection.prepare(ack_wait).await.map_err(|error| vec![with_next(&error)])?;
    if let Some(name) = &args.run_id {
        let found = connection.has_run(name, &config, &selection).await;
        found.map_err(|error| vec![with_next(&error)])?;
    }
    Ok(Some(FleetRun {
        connection,
        config,
        selection,
        run: args.run_id.clone(),
        ack_wait,
        board: Board::default(),
        notices,
        advice: no_worker::advice(url, &args.login, job),
    }))
}

/// The digest of the rules. The coordinator and its workers must have the same.
pub(super) fn digest(config: Written, job: &JobArgs) -> Result<Digest, Vec<ConfigError>> {
    let error = || vec![ConfigError::new("the config has no rules that can be carried out")];
    config_digest(config, &job.config).ok_or_else(error)
}

/// Host name and process id: two workers on one machine have two names.
pub(super) fn own_name() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    format!("{}-{}", host.trim().split('.').next().unwrap_or_default(), std::process::id())
}

pub(super) async fn connect(
    url: &str,
    login: &FleetLoginArgs,
    name: &str,
    notices: Arc<Notices>,
) -> Result<Connection, ConfigError> {
    let access = access(url, login)?;
    let opened = Connection::open(&access, name, tell(access.url(), notices)).await;
    opened.map_err(|error| with_next(&error))
}

/// The address of NATS and the login there, from the flags.
pub(super) fn access(url: &str, login: &FleetLoginArgs) -> Result<Access, ConfigError> {
    if let Some(ca) = &login.fleet_ca {
        std::fs::File::open(ca)
            .map_err(|error| ConfigError::new(format!("it cannot be read: {error}")).file(ca))?;
    }
    let access = Access::new(url, login_of(login)?, login.fleet_ca.clone(), login.fleet_insecure);
    let access = access.and_then(|access| match &login.fleet_inbox {
        Some(inbox) => access.with_inbox(inbox),
        None => Ok(access),
    });
    access.map_err(|error| {
        let help = match error {
            AccessError::NoAddress(_) => "such as --fleet nats://127.0.0.1:4222",
            AccessError::LoginInAddress => {
                "write --fleet-user NAME --fleet-password-file FILE, or --fleet-creds FILE"
            }
            AccessError::Plain(_) => {
                "write tls://HOST:4222, or --fleet-ca FILE; where the network is safe, --fleet-insecure"
            }
            AccessError::NoInbox(_) => {
                "write what the login may subscribe to, without its end `.>`: --fleet-inbox _INBOX_workers"
            }
        };
        ConfigError::new(error.to_string()).help(help)
    })
}

fn login_of(args: &FleetLoginArgs) -> Result<Login, ConfigError> {
    let secret = |path: &Path| -> Result<String, ConfigError> {
        let text = std::fs::read_to_string(path);
        let text =
            text.map_err(|error| ConfigError::new(format!("it cannot be read: {error}")).file(path))?;
        Ok(text.trim_end_matches(['\n', '\r']).to_owned())
    };
    Ok(match (&args.fleet_creds, &args.fleet_nkey, &args.fleet_user, &args.fleet_password_file) {
        (Some(file), ..) => Login::Credentials(file.clone()),
        (_, Some(file), ..) => Login::Nkey(secret(file)?),
        (_, _, Some(user), Some(file)) => Login::User(user.clone(), secret(file)?),
        _ => Login::Nobody,
    })
}

/// Puts errors into the words of the CLI's messages.
pub(super) fn explain() -> Explain {
    Arc::new(|error| {
        let told = diagnostic::diagnose(error);
        (told.why, told.next)
    })
}

impl FleetRun {
    /// A function that returns the run's progress.
    pub(super) fn standing(&self) -> AskFleet {
        let board = self.board.clone();
        Box::new(move || board.standing().map(standing))
    }

    /// Whether `--run` names the run to join, which is gone once it is over.
    pub(super) fn has_joined_by_name(&self) -> bool {
        self.run.is_some()
    }

    /// Writes the fleet's notices to this log, too.
    pub(super) fn also_to(&self, log: Option<Arc<LogFile>>) {
        self.notices.also_to(log);
    }

    /// Shows the warning if the run turns out to be planned by this coordinator.
    pub(super) fn warn_if_planned_here(&self, warning: String) -> Arc<dyn Observer> {
        Arc::new(WarnIfPlannedHere::new(warning, self.notices.clone()))
    }

    /// Hands the images out to workers, and tells the observer about them as if this process copied them.
    pub(super) async fn coordinate(
        &self,
        sync: Sync,
        observer: Arc<dyn Observer>,
        (id, drain): (RunId, std::time::Duration),
        cancel: CancellationToken,
    ) -> Brought {
        let rules = sync.rules();
        let plan = Plan {
            sync,
            config: self.config.clone(),
            selection: self.selection.clone(),
            run: self.run.clone(),
            ack_wait: self.ack_wait,
        };
        let (connection, board) = (self.connection.clone(), self.board.clone());
        let (empty, explain) = (Report::empty(id.clone()), explain());
        let coordinator = Coordinator { connection, id, observer, drain, explain, board };
        let run = coordinator.run(plan, cancel.clone());
        tokio::pin!(run);
        let ended = tokio::select! {
            ended = &mut run => ended,
            () = no_worker::tell_when_none_is_there(&self.board, (&self.advice, &self.notices), &cancel) => run.await,
        };
        match ended {
            Ok(ended) => {
                if let Some(error) = &ended.broken_off {
                    self.notices.error(&with_next(error));
                }
                brought(ended)
            }
            Err(error) => {
                self.notices.error(&with_next(&error));
                let report = Report { is_broken_off: true, unfinished_rules: (0..rules).collect(), ..empty };
                Brought { stopped: Some(failure(StopKind::NotBegun, &error)), ..report.into() }
            }
        }
    }
}
